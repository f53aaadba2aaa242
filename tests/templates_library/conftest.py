"""Templates in the library, as far as each test needs them."""

import io

import pytest

from templates_library import services
from templates_library.models import Template, TemplateRevision
from tests.processing import clips
from tests.processing.conftest import run
from twinvault.jobs.models import Job


@pytest.fixture
def submit(charlie):
    """Charlie, who has an account and no more, submits a film."""

    def send(content: bytes | None = None, filename: str = "talk.mp4", title: str = "A talk", by=None) -> Template:
        source = io.BytesIO(clips.actor() if content is None else content)
        return services.submit(by or charlie, title, "A man at a desk.", source, filename)

    return send


@pytest.fixture
def template(submit) -> Template:
    """Submitted, and not reviewed yet."""
    return submit()


@pytest.fixture
def revision(template) -> TemplateRevision:
    return template.revisions.get()


@pytest.fixture
def approved(revision, board) -> TemplateRevision:
    """Approved by two members of the board, waiting to be prepared."""
    for member in board:
        services.review(revision, member, "approve")
    revision.refresh_from_db()
    return revision


@pytest.fixture
def prepare():
    """Runs the preparation that the board's approval queued: `prepare(revision)`."""

    def do(revision: TemplateRevision) -> Job:
        job = run(Job.objects.get(kind="prepare_template", target_id=revision.id, state="queued"))
        revision.refresh_from_db()
        return job

    return do
