"""One rendering: a twin's face in every frame of a template, and what is measured on the result."""

import io

import numpy as np
import pytest

from generator.productions.rendering import Source, render
from generator.productions.storyboard import Storyboard
from generator.protection.provenance import make_authority, verify
from processing.datasets import subject_embeddings
from processing.engine.media import read_frames
from templates_library.preparation import load_track
from twinvault.custody import objects


@pytest.fixture
def source(story) -> Source:
    """The first ten frames' face of the template; after them it is gone."""
    track = load_track(story.revision.role(0))
    present = track.present & (np.arange(len(track.present)) < 10)
    content = objects.read(story.revision.content)
    return Source(
        open=lambda: io.BytesIO(content),
        landmarks=np.where(present[:, None, None], track.landmarks, np.nan).astype(np.float32),
        present=present,
        rate=story.revision.rate,
        width=story.revision.width,
        height=story.revision.height,
    )


@pytest.fixture
def made(story, source):
    authority = make_authority("Test")
    track = load_track(story.revision.role(0))
    heard: list[float] = []
    film, measures = render(
        objects.read(story.twin.weights),
        source,
        Storyboard("greeting"),
        authority,
        claims={"order_id": "1"},
        subject=subject_embeddings(story.stage),
        actor=track.embeddings,
        on_progress=lambda fraction, _words: heard.append(fraction),
    )
    return film, measures, heard, authority


def test_frames_without_a_face_are_left_as_they_are(made, source):
    film, measures, heard, authority = made

    assert (measures["frames_with_face"], measures["frames_swapped"]) == (10, 10)
    before, after = list(source.pictures()), [frame.image for frame in read_frames(io.BytesIO(film))]
    assert len(after) == len(before) == source.frames
    change = [np.abs(a.astype(int) - b.astype(int)).mean() for a, b in zip(before, after, strict=True)]
    assert min(change[:10]) > max(change[10:])
    assert verify(film, [authority.root]).state == "trusted"
    assert heard == sorted(heard) and heard[0] >= 0 and heard[-1] <= 1


def test_what_is_raised_by_the_progress_ends_the_rendering(story, source):
    class Enough(Exception):
        pass

    def stop(_fraction: float, _words: str) -> None:
        raise Enough

    nobody = np.zeros((0, 128), np.float32)
    with pytest.raises(Enough):
        render(
            objects.read(story.twin.weights), source, Storyboard("greeting"), make_authority("Test"),
            claims={}, subject=nobody, actor=nobody, on_progress=stop,
        )  # fmt: skip
