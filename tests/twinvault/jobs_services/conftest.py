import uuid

import pytest

from twinvault.jobs import broker
from twinvault.jobs.services import claim, enqueue


@pytest.fixture
def target() -> uuid.UUID:
    """The id of some row that needs long work."""
    return uuid.uuid4()


@pytest.fixture
def job(vault, alice, target):
    return enqueue("paint", target, queue="cpu", title="Paint the fence", vault=vault, user=alice)


@pytest.fixture
def held(job):
    """The job as the worker holds it that has claimed it."""
    return claim(job.id, worker="first")


@pytest.fixture
def on_queue(db):
    """Takes from the embedded broker what was sent so far, as (queue, job id): `on_queue()`."""

    def take() -> list[tuple[str, str]]:
        found = []
        with broker.app.connection_for_read() as connection:
            for name in broker.QUEUES:
                queue = connection.SimpleQueue(name)
                while len(queue):
                    message = queue.get(block=False)
                    message.ack()
                    found.append((name, message.payload[0][0]))
                queue.close()
        return found

    take()
    return take
