"""Asking for scenes, the board's word on them, making and revoking clips."""

import io

import cv2
import numpy as np
import pytest
from django.db.models import ProtectedError
from PIL import Image

from generator.engine.scenes.motion import Beat, Look
from generator.protection.authority import roots
from generator.protection.provenance import verify
from generator.scenes import books, services
from generator.scenes.configuration import Background, Configuration, ConfigurationError
from generator.scenes.models import Clip, CodeBookOfTwin, Scene, SceneReview, SceneRevision
from generator.scenes.queries import reaches_of
from generator.services import retire_twin
from processing.engine.media import probe, read_frames
from tests.conftest import lapse
from tests.consenting import consent_in_person
from tests.story import cut
from twinvault.accounts.services import add_board_member
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.custody.models import StoredObject
from twinvault.jobs.models import Job
from twinvault.jobs.services import claim
from twinvault.safe import erasure
from twinvault.safe.models import Scope
from twinvault.vaults.consents import withdraw_consent
from twinvault.vaults.services import NotAllowed, open_vault
from worker.inline import run_queued_jobs
from worker.tasks import work_on

ASKED = Configuration(seconds=1.2, expressions=[Beat(0, "neutral"), Beat(0.5, "speak", says="Aha")], framing="medallion")


def picture(kind: str = "PNG") -> io.BytesIO:
    target = io.BytesIO()
    Image.fromarray(np.full((60, 80, 3), (10, 200, 30), np.uint8)).save(target, kind)
    target.seek(0)
    return target


@pytest.fixture
def ask(story):
    """Asks for a scene as bob; anything may be different: `ask(twin=...)`."""

    def submit(**different) -> Scene:
        return services.submit_scene(story.vault, **({"twin": story.twin, "configuration": ASKED, "by": story.bob} | different))

    return submit


def latest(scene: Scene) -> SceneRevision:
    return scene.revisions.select_related("scene").first()


@pytest.fixture
def approved(story, ask) -> SceneRevision:
    revision = latest(ask())
    for member in story.board:
        services.review_scene(revision, member, "approve")
    return revision


def render(clip: Clip, then=None) -> Job:
    """Works on the clip's job; at its first word `then()` happens."""
    job = claim(Job.objects.get(kind="render_scene", target_id=clip.id).id, worker="this test")

    def heard(_progress: float, _message: str) -> None:
        nonlocal then
        if then:
            now, then = then, None
            now()

    work_on(job, heard)
    job.refresh_from_db()
    clip.refresh_from_db()
    return job


def test_a_clip_is_drawn_marked_signed_and_measured(story, ask):
    background = services.read_background(picture(), "green.png")
    asked = Configuration(1.0, [Beat(0, "smile")], framing="medallion", background=Background(picture=True))
    revision = latest(ask(configuration=asked, background=background))
    for member in story.board:
        services.review_scene(revision, member, "approve")
    clip = services.make_clip(revision, by=story.bob)

    assert render(clip).state == "done"

    film = objects.read(clip.content)
    provenance = verify(film, roots())
    assert provenance.state == "trusted" and provenance.manifest["synthetic"]
    assert provenance.manifest["scene_revision"] == str(revision.id)
    assert provenance.manifest["source_type"].endswith("/trainedAlgorithmicMedia")
    info = probe(io.BytesIO(film))
    assert (info.frames, info.has_audio) == (25, False)
    first = next(read_frames(io.BytesIO(film))).image
    assert np.abs(first[-20:, :20].astype(int) - (10, 200, 30)).max() < 12
    assert clip.measures["frames"] == 25 and clip.measures["framing"] == "medallion"
    assert clip.measures["frames_with_face"] > 20
    assert clip.measures["distance_to_subject"] < 1.0
    assert clip.measures["flicker"] >= 0 and clip.measures["expression_error"] >= 0
    assert Entry.objects.filter(verb="clip rendered", target=f"clip {clip.id}").exists()


def test_a_twin_learns_a_code_book_that_goes_with_it(story):
    stored = CodeBookOfTwin.objects.get(twin=story.twin).content
    book = books.book_of(story.twin)
    assert (book.low <= book.rest).all() and (book.rest <= book.high).all() and book.base.shape[0] == 96
    retire_twin(story.twin, by=story.alice)
    assert not StoredObject.objects.filter(id=stored.id).exists() and not CodeBookOfTwin.objects.exists()
    with pytest.raises(NotAllowed, match="begin a new version of it, which will"):
        books.book_of(story.twin)


def test_a_code_book_that_cannot_be_read_asks_for_a_new_twin(story, ask):
    damaged = objects.store(story.vault.keyring, "codebook", b"of another program")
    CodeBookOfTwin.objects.filter(twin=story.twin).update(content=damaged)
    with pytest.raises(NotAllowed, match="cannot be used for new scenes: begin a new version of it"):
        ask()
    assert "cannot be used for new scenes" in dict(reaches_of(story.vault))[story.twin]


def test_what_is_asked_for_rests_encrypted_and_is_on_record(story, ask):
    asked = Configuration(3.0, [Beat(0, "speak", says="nobody else may read")])
    revision = latest(ask(configuration=asked))
    assert Configuration.from_json(objects.read(revision.configuration)) == asked
    rows = [*Scene.objects.values(), *SceneRevision.objects.values(), *Entry.objects.values()]
    assert not any("nobody else" in str(value) for row in rows for value in row.values())
    assert Entry.objects.filter(verb="scene submitted", actor=story.bob).exists()


def test_two_members_approve_and_neither_is_an_author(story, ask):
    add_board_member(story.bob)
    story.bob.refresh_from_db()
    revision = latest(ask())
    dora, emil = story.board
    with pytest.raises(NotAllowed, match="revision of their own"):
        services.review_scene(revision, story.bob, "approve")
    with pytest.raises(NotAllowed, match="Only members of the editorial board"):
        services.review_scene(revision, story.alice, "approve")
    services.review_scene(revision, dora, "approve")
    with pytest.raises(NotAllowed, match="your word on it already"):
        services.review_scene(revision, dora, "approve")
    with pytest.raises(NotAllowed, match="has not approved this revision"):
        services.make_clip(revision, by=story.bob)
    services.review_scene(revision, emil, "approve")
    assert services.make_clip(revision, by=story.bob).state == "ordered"
    assert Entry.objects.filter(verb="scene revision approved by the board").count() == 1


def test_a_word_against_closes_a_revision(story, ask):
    revision = latest(ask())
    dora, emil = story.board
    services.review_scene(revision, dora, "reject", "Not like this.")
    with pytest.raises(NotAllowed, match="was rejected already"):
        services.review_scene(revision, emil, "approve")
    assert not services.is_approved(revision)


def test_an_edit_starts_at_no_approval_and_keeps_the_picture(story, ask):
    asked = Configuration(2.0, [Beat(0, "smile")], background=Background(picture=True))
    scene = ask(configuration=asked, background=services.read_background(picture("JPEG"), "a.jpg"))
    first = latest(scene)
    for member in story.board:
        services.review_scene(first, member, "approve")
    second = services.revise_scene(scene, twin=story.twin, configuration=asked, by=story.bob)
    assert second.number == 2 and not services.is_approved(second) and services.is_approved(first)
    assert objects.read(second.background) == objects.read(first.background)
    services.review_scene(second, story.board[0], "approve")
    with pytest.raises(NotAllowed, match="newer revision"):
        services.review_scene(first, story.board[0], "approve")


def test_any_one_member_withdraws_and_the_work_stops(story, approved):
    clip = services.make_clip(approved, by=story.bob)
    services.withdraw_scene(approved.scene, story.board[1])
    assert Job.objects.get(target_id=clip.id).state == "stopped"
    with pytest.raises(NotAllowed, match="This scene was withdrawn on"):
        services.make_clip(approved, by=story.bob)
    with pytest.raises(NotAllowed, match="This scene was withdrawn on"):
        services.revise_scene(approved.scene, twin=story.twin, configuration=ASKED, by=story.bob)


def test_who_submitted_it_takes_it_back_and_nobody_else_of_the_vault(story, ask):
    scene = ask()
    with pytest.raises(NotAllowed, match="withdraw scenes of others"):
        services.withdraw_scene(scene, story.alice)
    services.withdraw_scene(scene, story.bob)
    assert scene.withdrawn_by == story.bob


@pytest.mark.parametrize(
    ("deed", "sentence"),
    [
        (lambda story, _: lapse(story.vault.subject), "no consent in force"),
        (lambda story, _: retire_twin(story.twin, by=story.alice), "is retired"),
        (lambda story, revision: services.withdraw_scene(revision.scene, story.board[0]), "was withdrawn on"),
    ],
    ids=["consent", "twin", "scene"],
)
def test_what_is_not_allowed_any_more_ends_the_making(story, approved, deed, sentence):
    clip = services.make_clip(approved, by=story.bob)
    job = render(clip, then=lambda: deed(story, approved))
    # a withdrawal asks the job to stop as well; whichever it hears first
    assert (job.state == "failed" and sentence in job.error) or (job.state == "stopped" and sentence == "was withdrawn on")
    assert clip.state == "ordered" and clip.content is None and not StoredObject.objects.filter(kind="clip").exists()


def test_a_withdrawn_consent_takes_the_clips_along(story, approved):
    made = services.make_clip(approved, by=story.bob)
    assert render(made).state == "done"
    under_way = services.make_clip(approved, by=story.bob)

    consent = story.vault.subject.consents.get()
    job = render(under_way, then=lambda: withdraw_consent(consent, by=story.alice))

    made.refresh_from_db()
    assert (job.state, under_way.state, made.state) == ("stopped", "revoked", "revoked")
    assert not StoredObject.objects.filter(kind="clip").exists()


def test_without_consent_or_a_twin_that_is_ready_nothing_is_asked_for(story, ask):
    other = open_vault(story.charlie, name="Other", subject_name="Bruno", stages=["all"])
    consent_in_person(other.subject, given_by="Bruno", statement="I agree.", by=story.charlie)
    with pytest.raises(ValueError, match="another vault"):
        services.submit_scene(other, twin=story.twin, configuration=ASKED, by=story.charlie)
    lapse(story.vault.subject)
    with pytest.raises(NotAllowed, match="no consent in force"):
        ask()
    assert not Scene.objects.exists()


def test_a_turn_that_was_never_seen_is_refused_by_name(story, ask):
    with pytest.raises(ConfigurationError, match=r"head\[0\].yaw: Franck was never seen looking that far left: at most"):
        ask(configuration=Configuration(2.0, [Beat(0, "neutral")], head=[Look(0, yaw=-55)]))


def test_a_picture_behind_it_is_a_picture_and_of_our_own_making(story):
    background = services.read_background(picture(), "green.png")
    decoded = cv2.imdecode(np.frombuffer(background, np.uint8), cv2.IMREAD_COLOR)
    assert background[:2] == b"\xff\xd8" and decoded.shape == (60, 80, 3)
    with pytest.raises(ConfigurationError, match=r"clip\.mp4 is a film: choose a picture"):
        services.read_background(io.BytesIO(cut("cap13_edit2", 0.4)), "clip.mp4")
    with pytest.raises(ConfigurationError) as refused:
        services.read_background(io.BytesIO(b"This is a letter."), "letter.jpg")
    assert refused.value.field == "background.picture"


def test_revoking_erases_the_clip_and_it_can_be_made_again(story, approved):
    clip = services.make_clip(approved, by=story.bob)
    with pytest.raises(NotAllowed, match="is being made already"):
        services.make_clip(approved, by=story.bob)
    services.revoke_clip(clip, by=story.alice)
    assert render(clip).state == "done" and clip.state == "revoked" and clip.content is None
    assert services.make_clip(approved, by=story.bob).id != clip.id
    assert Entry.objects.filter(verb="clip revoked").count() == 1


def test_revoking_erases_a_clip_that_was_finished_a_moment_ago(story, approved):
    clip = services.make_clip(approved, by=story.bob)
    stored = objects.store(story.vault.keyring, "clip", b"a clip", "video/mp4")
    Clip.objects.filter(id=clip.id).update(state=Clip.State.READY, content=stored)
    services.revoke_clip(clip, by=story.alice)
    assert Clip.objects.get(id=clip.id).content is None and not StoredObject.objects.filter(kind="clip").exists()


def test_a_vault_that_is_erased_takes_its_scenes_along(story, approved):
    services.make_clip(approved, by=story.bob)
    with pytest.raises(ProtectedError):
        approved.delete()
    erasure.ask(story.vault, Scope.SUBJECT, by=story.alice)
    run_queued_jobs()
    left = [model.__name__ for model in (Scene, SceneRevision, SceneReview, Clip, CodeBookOfTwin) if model.objects.exists()]
    assert left == [] and not StoredObject.objects.filter(kind__in=["scene", "codebook", "clip"]).exists()


def test_the_boards_word_is_not_exported(story, approved):
    from generator.scenes.holdings import HOLDING

    assert SceneReview not in HOLDING.models
    assert {row.queryset.model for row in HOLDING.rows(story.vault)} <= set(HOLDING.models)
