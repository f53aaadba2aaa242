"""Pages of scenes: the form, one scene, the board's desk; and whoever has nothing to do with it finds nothing."""

import io
import json

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from generator.engine.scenes.motion import Beat, Look
from generator.scenes import services
from generator.scenes.configuration import Background, Configuration
from generator.scenes.forms import SceneForm, initial_of
from generator.scenes.models import Clip, Scene
from generator.scenes.queries import read_configuration
from generator.services import retire_twin
from twinvault.custody import objects
from twinvault.jobs.models import Job

ASKED = Configuration(2.0, [Beat(0, "speak", says="Aha, said he")], background=Background(picture=True))


def png() -> bytes:
    target = io.BytesIO()
    Image.fromarray(np.full((30, 40, 3), 90, np.uint8)).save(target, "PNG")
    return target.getvalue()


@pytest.fixture
def said(story) -> dict:
    """What bob fills in to ask for a scene."""
    return {
        "twin": story.twin.id,
        "seconds": "6",
        "expressions": "0 neutral\n1.5 smile\n\n3: speak Good night, my dear.\n5.5 eyes closed",
        "head": "sway",
        "framing": "auto",
        "colour": "#203040",
        "kind": "greeting",
        "heading": "Good night",
        "captions": "3-5 Good night, my dear.",
    }


@pytest.fixture
def ask(story, browse, said):
    """Asks as bob does, with something different: `ask(head="nod")`."""
    return lambda **different: browse(story.bob).post(reverse("new_scene", args=[story.vault.id]), said | different)


@pytest.fixture
def scene(story) -> Scene:
    background = services.read_background(io.BytesIO(png()), "a.png")
    return services.submit_scene(story.vault, twin=story.twin, configuration=ASKED, background=background, by=story.bob)


@pytest.fixture
def clip(story, scene) -> Clip:
    """A clip that is ready: its content stands for one."""
    for member in story.board:
        services.review_scene(scene.revisions.get(), member, "approve")
    made = services.make_clip(scene.revisions.get(), by=story.bob)
    made.content = objects.store(story.vault.keyring, "clip", b"0123456789", "video/mp4")
    made.state, made.measures = Clip.State.READY, {"distance_to_subject": 0.41, "expression_error": 0.12}
    made.save()
    return made


def test_asking_from_the_page(story, ask, browse):
    answer = ask()
    scene = Scene.objects.get()
    assert answer.status_code == 302 and answer.url == reverse("scene", args=[scene.id])
    asked = read_configuration(scene.revisions.get())
    assert [(one.at, one.show) for one in asked.expressions] == [
        (0, "neutral"),
        (1.5, "smile"),
        (3, "speak"),
        (5.5, "eyes_closed"),
    ]
    assert asked.expressions[2].says == "Good night, my dear." and asked.background == Background("#203040")
    page = browse(story.vera).get(answer.url).content.decode()
    assert "in review" in page and "0 of 2 approvals." in page and "Make the clip" not in page
    assert "Scene 1: greeting" in browse(story.vera).get(reverse("scenes", args=[story.vault.id])).content.decode()


def test_experts_send_json_and_a_picture(story, ask):
    raw = {"seconds": 3, "expressions": [{"at": 0, "show": "smile"}], "background": {"picture": True}, "twin": str(story.twin.id)}
    assert ask(json=json.dumps(raw), picture=SimpleUploadedFile("a.png", png())).status_code == 302
    revision = Scene.objects.get().revisions.get()
    assert read_configuration(revision).seconds == 3 and objects.read(revision.background)[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    ("different", "field", "sentence"),
    [
        ({"expressions": "smile a while"}, "expressions", "Line 1: It must look like “2 smile”"),
        ({"expressions": "0 smile\n2 wink"}, "expressions", "Line 2: Choose one of"),
        ({"expressions": "0 smile\n9 sad"}, "expressions", "Line 2: The scene ends at 6 seconds already."),
        ({"expressions": "5 speak " + "la" * 20}, "expressions", "Line 1: It takes 3.0 seconds to say this"),
        ({"seconds": "500"}, "seconds", "120"),
        ({"seconds": ""}, "seconds", "Say how long the scene is."),
        ({"colour": "blue"}, "colour", "like #405060"),
        ({"captions": "whenever"}, "captions", "Line 1 must look like"),
        ({"line": "x", "heading": ""}, "heading", "Write something here."),
        ({"json": '{"seconds": 3}'}, "json", "expressions: This field is missing."),
        (
            {"json": '{"seconds": 3, "expressions": [{"at": 0, "show": "smile"}], "head": [{"at": 0, "yaw": -55}]}'},
            "json",
            "head[0].yaw: Franck was never seen looking that far left: at most",
        ),
        (
            {"json": '{"seconds": 3, "expressions": [{"at": 0, "show": "smile"}], "background": {"picture": true}}'},
            "picture",
            "Choose the picture, or a colour.",
        ),
    ],
)
def test_what_cannot_be_made_is_said_beside_its_field(story, ask, different, field, sentence):
    answer = ask(**different)
    assert answer.status_code == 400
    assert any(sentence in error for error in answer.context["form"].errors[field]), answer.context["form"].errors
    assert not Scene.objects.exists()


def test_a_file_that_is_no_picture_is_explained(ask):
    answer = ask(picture=SimpleUploadedFile("letter.jpg", b"This is a letter."))
    assert answer.status_code == 400 and answer.context["form"].errors["picture"]


def test_the_form_says_how_far_each_twin_can_turn(story, browse):
    page = browse(story.bob).get(reverse("new_scene", args=[story.vault.id])).content.decode()
    assert "adult, version 1: turns up to" in page and "degrees to the left" in page


def test_without_a_twin_the_page_says_what_to_do(story, browse):
    retire_twin(story.twin, by=story.alice)
    page = browse(story.bob).get(reverse("new_scene", args=[story.vault.id])).content.decode()
    assert "There is no twin yet that new scenes can be made with" in page


@pytest.mark.parametrize(
    "asked",
    [
        Configuration(4.0, [Beat(0, "smile"), Beat(2, "speak", says="Yes.")], head="nod", kind="memorial"),
        Configuration(4.0, [Beat(0, "smile", 0.5)], head=[Look(0, 3)]),
    ],
)
def test_a_form_for_a_new_revision_begins_with_what_was_asked_for(story, asked):
    form = SceneForm(story.vault, initial_of(asked) | {"twin": story.twin.id}, {})
    filled = {name: value for name, value in form.data.items() if value is not None}
    form = SceneForm(story.vault, {"head": "sway", "framing": "auto", "kind": "greeting"} | filled, {})
    assert form.is_valid(), form.errors
    assert form.configuration == asked


def test_revising_from_the_page_keeps_the_picture(story, scene, browse):
    address = reverse("revise_scene", args=[scene.id])
    page = browse(story.bob).get(address)
    assert "Aha, said he" in page.content.decode() and "starts with no approval" in page.content.decode()
    filled = {name: value for name, value in page.context["form"].initial.items() if value not in (None, "")}
    assert browse(story.bob).post(address, filled | {"twin": story.twin.id, "expressions": "0 sad"}).status_code == 302
    revision = scene.revisions.first()
    assert revision.number == 2 and revision.background and read_configuration(revision).expressions == [Beat(0, "sad")]


def test_the_board_sees_what_was_asked_for_and_gives_its_word(story, scene, clip, browse):
    services.revise_scene(scene, twin=story.twin, configuration=ASKED, by=story.bob)
    dora, emil = story.board
    desk = browse(dora).get(reverse("review_scenes")).content.decode()
    address = reverse("scene_for_review", args=[scene.id])
    assert address in desk
    page = browse(dora).get(address).content.decode()
    revision = scene.revisions.first()
    assert "Aha, said he" in page and reverse("scene_background", args=[revision.id]) in page
    assert "Franck" not in page and "<video" not in page
    assert browse(dora).get(reverse("scene_background", args=[revision.id])).content[:2] == b"\xff\xd8"
    # but no face
    assert browse(dora).get(reverse("clip_content", args=[clip.id])).status_code == 404
    assert browse(dora).get(reverse("scene", args=[scene.id])).status_code == 404

    for member in (dora, emil):
        browse(member).post(reverse("review_scene", args=[revision.id]), {"decision": "approve", "comment": "Kind."})
    assert services.is_approved(revision)
    page = browse(story.bob).get(reverse("scene", args=[scene.id])).content.decode()
    assert "Kind." in page and "Make the clip" in page
    assert browse(story.bob).post(reverse("make_clip", args=[revision.id])).status_code == 302
    assert Job.objects.filter(kind="render_scene", target_id=revision.clips.get().id).exists()
    assert browse(dora).post(reverse("review_scene", args=[revision.id]), {"decision": "perhaps"}).status_code == 400
    browse(dora).post(reverse("board_withdraw_scene", args=[scene.id]))
    assert "Withdrawn on" in browse(story.bob).get(reverse("scene", args=[scene.id])).content.decode()


def test_a_clip_is_played_by_range_measured_and_revoked(story, clip, browse):
    part = browse(story.vera).get(reverse("clip_content", args=[clip.id]), headers={"range": "bytes=2-4"})
    assert (part.status_code, b"".join(part)) == (206, b"234")
    page = browse(story.vera).get(reverse("scene", args=[clip.revision.scene_id])).content.decode()
    assert "0.41" in page and "12% of what this face can do" in page
    assert browse(story.vera).get(reverse("clip_measures", args=[clip.id])).json()["clip"]["expression_error"] == 0.12
    assert browse(story.bob).post(reverse("revoke_clip", args=[clip.id])).status_code == 404
    assert "revoked and erased" in browse(story.alice).post(reverse("revoke_clip", args=[clip.id]), follow=True).content.decode()
    assert browse(story.alice).get(reverse("clip_content", args=[clip.id])).status_code == 404


def test_the_schema_is_published(story, browse):
    answer = browse(story.vera).get(reverse("scene_schema"))
    assert answer["Content-Type"] == "application/schema+json" and answer.json()["required"] == ["seconds", "expressions"]


def test_an_outsider_finds_nothing(story, scene, clip, browse):
    revision = clip.revision
    reads = [
        reverse("scenes", args=[story.vault.id]),
        reverse("new_scene", args=[story.vault.id]),
        reverse("review_scenes"),
        reverse("scene_for_review", args=[scene.id]),
        reverse("scene_background", args=[revision.id]),
        reverse("clip_content", args=[clip.id]),
        reverse("clip_measures", args=[clip.id]),
        reverse("scene", args=[scene.id]),
        reverse("revise_scene", args=[scene.id]),
    ]
    writes = [
        reverse("new_scene", args=[story.vault.id]),
        reverse("board_withdraw_scene", args=[scene.id]),
        reverse("review_scene", args=[revision.id]),
        reverse("make_clip", args=[revision.id]),
        reverse("revoke_clip", args=[clip.id]),
        reverse("revise_scene", args=[scene.id]),
        reverse("withdraw_scene", args=[scene.id]),
    ]
    outsider = browse(story.charlie)
    assert {outsider.get(address).status_code for address in reads} == {404}
    assert {outsider.post(address, {"decision": "approve"}).status_code for address in writes} == {404}
    # vera may only look
    viewer = browse(story.vera)
    for name in ("make_clip",):
        assert viewer.post(reverse(name, args=[revision.id])).status_code == 404
    assert viewer.get(reverse("revise_scene", args=[scene.id])).status_code == 404
    scene.refresh_from_db()
    clip.refresh_from_db()
    assert scene.withdrawn_at is None and clip.state == "ready"
