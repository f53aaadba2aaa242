"""Submitting and revising templates."""

import io

import numpy as np
import pytest
from PIL import Image

from templates_library import services
from tests.conftest import make_user
from tests.processing import clips
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.custody.models import Keyring, StoredObject

pytestmark = pytest.mark.django_db


def test_a_submitted_film_waits_for_the_board(template, revision, charlie):
    assert (revision.number, revision.author, template.submitted_by) == (1, charlie, charlie)
    assert (revision.width, revision.height, revision.frames, revision.rate) == (360, 288, 48, 24.0)
    assert revision.seconds == pytest.approx(2.0)
    assert revision.approved_at is None and revision.preparation == "none"
    assert objects.read(revision.content) == clips.actor()
    assert revision.content.content_type == "video/mp4"
    assert Entry.objects.filter(verb="template submitted", actor=charlie).count() == 1


def test_the_poster_is_the_first_frame_with_a_face(submit):
    blank = [np.full((288, 360, 3), 40, np.uint8)] * 24
    shown = submit(clips.film([*blank, *clips.pictures("cap13_edit2", 0, 24)])).revisions.get()
    poster = np.asarray(Image.open(io.BytesIO(objects.read(shown.poster))))
    assert poster.shape == (288, 360, 3)
    assert poster.std() > 20


def test_the_library_has_one_key(submit):
    first, second = submit().revisions.get(), submit(clips.franck()).revisions.get()
    assert Keyring.objects.filter(purpose="library").count() == 1
    assert first.content.keyring == second.content.keyring


@pytest.mark.parametrize(
    ("content", "filename", "sentence"),
    [
        (clips.nobody(), "coins.jpg", "coins.jpg is a picture, and a template is a video"),
        (clips.film(clips.pictures("cap13_edit2", 0, 12)), "blink.mp4", "blink.mp4 is 0.5 seconds long"),
        (b"", "empty.mp4", "is empty"),
        (b"Dear diary\n" * 99, "diary.mp4", "neither a film nor a picture"),
    ],
)
def test_what_cannot_be_a_template_is_refused_in_one_sentence(submit, content, filename, sentence):
    with pytest.raises(services.Unsuitable, match=sentence):
        submit(content, filename)
    assert not StoredObject.objects.exists()


def test_a_new_revision_starts_with_no_approval(approved, template, charlie):
    newer = services.add_revision(template, charlie, io.BytesIO(clips.franck()), "again.mp4")
    assert (newer.number, newer.approved_at, newer.reviews.count()) == (2, None, 0)
    approved.refresh_from_db()
    assert approved.approved_at is not None


def test_only_the_submitter_and_the_board_revise(template, board):
    with pytest.raises(services.NotAllowed, match="Only who submitted"):
        services.add_revision(template, make_user("mallory"), io.BytesIO(clips.actor()), "mine.mp4")
    by_board = services.add_revision(template, board[0], io.BytesIO(clips.actor()), "better.mp4")
    assert by_board.author == board[0]


def test_a_withdrawn_template_takes_no_revision(template, charlie, board):
    services.withdraw(template, board[0])
    with pytest.raises(services.NotAllowed, match="was withdrawn by the board on"):
        services.add_revision(template, charlie, io.BytesIO(clips.actor()), "again.mp4")
