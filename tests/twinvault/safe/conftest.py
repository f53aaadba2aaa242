"""A vault with a secondary password, and jobs that are run at once."""

import pytest

from tests.story import learned, learned_written_down, story
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
