"""The Celery application. It carries ids of Job rows to workers and nothing else; `worker/` registers the one task."""

from celery import Celery
from django.conf import settings

TASK = "worker.run_job"
QUEUES = ("cpu", "gpu")


def make_app(broker_url: str) -> Celery:
    made = Celery("twinvault", broker=broker_url)
    made.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue="cpu",
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=4,
        # redelivery is not relied on: the sweep re-sends from the Job row, which knows whether anybody works on it
        broker_transport_options={
            "visibility_timeout": 24 * 3600,
            "socket_timeout": 30,
            "socket_connect_timeout": 4,
            # a person waits for the page; the sweep sends what could not be sent at once
            "max_retries": 1,
            "interval_start": 0.1,
        },
    )
    return made


app = make_app(settings.BROKER_URL)


def send(job_id: str, queue: str) -> None:
    """Puts the id on a queue. kombu.exceptions.OperationalError if the broker cannot be reached within seconds."""
    app.send_task(TASK, args=[job_id], queue=queue, retry=False)
