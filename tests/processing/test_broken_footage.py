"""Broken files in a vault: whatever they hold, the job ends with a sentence, the original stays, the worker goes on."""

import pytest

from acquisition.models import Footage
from processing.models import Face, Segment
from processing.services import request_analysis
from tests.processing import clips
from tests.processing.conftest import run
from tests.processing.engine import broken_media
from tests.processing.engine.processes import children
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job

pytestmark = pytest.mark.django_db


def corpus() -> dict[str, bytes]:
    """The unusual files, every seventh of those cut off, and every tenth of those with flipped bytes."""
    whole = broken_media.whole()
    cut = {
        f"cut {number} of {kind}": content
        for kind, data in whole.items()
        for number, content in list(enumerate(broken_media.truncated(data)))[1::7]
    }
    flipped = {f"flipped {number}, {kind}": data for number, (kind, data) in enumerate(broken_media.flipped(whole))}
    unusual = {name: data for name, data in broken_media.unusual().items() if data}
    return unusual | cut | dict(list(flipped.items())[::10])


def test_whatever_is_brought_in_ends_with_a_sentence_and_stays_safe(add, bob, vault):
    brought: dict[str, bytes] = {}
    for name, content in corpus().items():
        if content not in brought.values():
            brought[name] = content
            footage = add(content, name)
            job = run(request_analysis(footage, bob))

            footage.refresh_from_db()
            assert (job.state, footage.state) == ("failed", "refused"), name
            said = footage.refusal
            assert said == job.error and said[0].isupper() and said.endswith(".") and len(said) < 500, said
            assert "Traceback" not in said and "went wrong on our side" not in said, said
            assert "Traceback" in job.cause

    assert len(brought) > 40
    assert children() == []
    kept = {footage.filename: objects.read(footage.content) for footage in Footage.objects.select_related("content__keyring")}
    assert kept == brought
    assert (
        not Segment.objects.exists()
        and not StoredObject.objects.exclude(kind__in=["footage", "statement"]).filter(keyring=vault.keyring).exists()
    )

    # and the same process goes on to look at what is whole
    run(request_analysis(add(clips.franck(), "franck.mp4"), bob))
    assert Face.objects.exists() and Job.objects.filter(state="done").count() == 1
