"""A vault with a secondary password, and jobs that are run at once."""

import hashlib

import pytest

from tests.story import learned, learned_written_down, story
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.safe import services
from worker.inline import run_queued_jobs

__all__ = ["learned", "learned_written_down", "story"]

PASSWORD = "the boat under the walnut tree"
ACCOUNT_PASSWORD = "correct horse battery"


@pytest.fixture
def code(vault, alice) -> str:
    """The vault gets a secondary password; this is its recovery code."""
    return services.set_password(vault, PASSWORD, by=alice)


@pytest.fixture
def sealed_story(story):
    """The whole story, sealed."""
    services.set_password(story.vault, PASSWORD, by=story.alice)
    services.seal(story.vault, by=story.alice, password=PASSWORD)
    run_queued_jobs()
    return story


def all_of(vault) -> list[StoredObject]:
    return list(StoredObject.objects.select_related("keyring").filter(keyring_id=vault.keyring_id).order_by("id"))


def digests(keyring_id) -> dict[str, list[str]]:
    """Object id -> [kind, SHA-256 of the plaintext] of all that lies in a keyring, but for what an export wrote for itself, and
    what is counted anew elsewhere."""
    held = StoredObject.objects.select_related("keyring").filter(keyring_id=keyring_id).exclude(kind__in=["export", "counts"])
    return {str(stored.id): [stored.kind, hashlib.sha256(objects.read(stored)).hexdigest()] for stored in held}
