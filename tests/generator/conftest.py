import io
from dataclasses import replace

import pytest

from templates_library import services as library
from templates_library.models import TemplateRevision
from tests.story import WrittenDown, cut, learned, story, write_down
from worker.inline import run_queued_jobs

__all__ = ["learned", "story"]

_written: dict[str, WrittenDown] = {}


@pytest.fixture
def later(story) -> TemplateRevision:
    """A template of the story's library that was approved after its twin had learned."""
    if "later" in _written:
        _written["later"].read_back()
    else:
        template = library.submit(story.alice, "The later one", "", io.BytesIO(cut("cap12_edit", 1.6)), "later.mp4")
        for member in story.board:
            library.review(template.revisions.get(), member, "approve", "")
        run_queued_jobs()
        _written["later"] = write_down()
    return TemplateRevision.objects.select_related("template").get(template__title="The later one")


@pytest.fixture
def quick_bases(settings):
    """Bases of the smallest preset that learn for a moment, and wait for no quiet."""
    settings.ENV = replace(settings.ENV, base_seconds=2, base_quiet_s=0, train_preset="tiny")
