"""Films in a template that shows several people: whose place is taken by whom."""

import io

import cv2
import numpy as np
import pytest
from django.urls import reverse

from generator.models import Twin
from generator.productions.models import Film, FurtherPart
from generator.productions.services import order_film
from generator.productions.storyboard import Storyboard
from processing.engine.decoding import read_frames
from templates_library import services as library
from templates_library.models import TemplateRevision
from templates_library.preparation import load_track
from tests.consenting import consent_in_person
from tests.generator.test_marks import GOOD
from tests.processing import clips
from tests.story import WrittenDown, write_down
from twinvault.audit.models import Entry
from twinvault.custody import objects
from twinvault.jobs.models import Job
from twinvault.safe import erasure
from twinvault.safe.models import Scope
from twinvault.vaults.consents import withdraw_consent
from twinvault.vaults.models import Role
from twinvault.vaults.services import NotAllowed, open_vault, set_member
from worker.inline import run_queued_jobs

FRAMES, HALF = 36, 360
_written: dict[str, WrittenDown] = {}


@pytest.fixture
def duet(story) -> TemplateRevision:
    """A template in which a stranger and the subject himself sit side by side, that the twin has learned with."""
    if "duet" in _written:
        _written["duet"].read_back()
    else:
        pair = zip(clips.pictures("cap13_edit2", 0, FRAMES), clips.pictures("franck", 3000, FRAMES), strict=True)
        film = clips.film([np.concatenate(both, axis=1) for both in pair])
        template = library.submit(story.alice, "Two at a table", "", io.BytesIO(film), "duet.mp4")
        for member in story.board:
            library.review(template.revisions.get(), member, "approve", "")
        run_queued_jobs()
        story.twin.library.add(template.revisions.get())
        _written["duet"] = write_down()
    revision = TemplateRevision.objects.select_related("template").get(template__title="Two at a table")
    assert revision.roles.count() == 2
    return revision


@pytest.fixture
def lent(story, duet) -> Twin:
    """A twin of another vault, of which alice is an owner and bob is not."""
    vault = open_vault(story.alice, name="Grandma", subject_name="Francine", stages=["all"])
    set_member(vault, story.bob, Role.CONTRIBUTOR, by=story.alice)
    consent_in_person(vault.subject, given_by="Francine", statement="I agree.", by=story.alice)
    stored = {
        name: objects.store(vault.keyring, name, objects.read(getattr(story.twin, name))) for name in ("weights", "identity")
    }
    stage = vault.subject.life_stages.get()
    twin = Twin.objects.create(
        vault=vault, life_stage=stage, version=1, preset="tiny", train_seconds=5, state="ready", faces=story.twin.faces, **stored
    )
    twin.library.add(duet)
    return twin


@pytest.fixture
def order(story, duet):
    """Orders a film in the duet: `order(by, role=..., further=...)`."""
    return lambda by, **said: order_film(
        story.vault, twin=story.twin, revision=duet, storyboard=Storyboard("greeting"), by=by, **said
    )


def pictures(content) -> list[np.ndarray]:
    return [frame.image for frame in read_frames(io.BytesIO(objects.read(content)))]


def changed(film: Film, revision: TemplateRevision) -> list[float]:
    """By role: how far, in grey levels, the middle of its half of the film is from the template's where it is farthest."""
    # blurred, so that what coding changes does not count
    pairs = [[cv2.blur(image, (15, 15)).astype(int) for image in pictures(one.content)] for one in (film, revision)]
    apart = np.mean([np.abs(a - b) for a, b in zip(*pairs, strict=True)], axis=(0, 3))
    halves = [float(half[60:-60, 60:-60].max()) for half in np.split(apart, [HALF], axis=1)]
    return halves if load_track(revision.role(0)).landmarks[0, :, 0].mean() < HALF else halves[::-1]


def test_each_role_is_played_by_whoever_is_cast(story, duet, order):
    film = order(story.bob, role=1, further={0: story.twin})
    run_queued_jobs()
    film.refresh_from_db()

    assert film.state in {"ready", "held"}
    assert min(changed(film, duet)) > 5
    (other,) = film.measures["further"]
    for measures in (film.measures, other):
        assert measures["frames_swapped"] == measures["frames_with_face"] == FRAMES
    stranger, himself = sorted((film.measures, other), key=lambda one: one["subject_to_actor"], reverse=True)
    assert stranger["subject_to_actor"] > 0.6 > himself["subject_to_actor"], "each has an actor of its own"
    assert stranger["swap_to_subject"] < stranger["swap_to_actor"]


def test_a_role_that_nobody_plays_stays_as_it_is(story, duet, order):
    film = order(story.bob, role=1)
    run_queued_jobs()
    film.refresh_from_db()

    lead, other = changed(film, duet)
    assert lead < 5 < other and "further" not in film.measures


def test_a_film_waits_until_all_who_play_in_it_have_learned(story, duet, order):
    story.twin.library.remove(duet)
    film = order(story.bob, further={1: story.twin})
    assert film.waits_for_twins and not Job.objects.filter(kind="render_film", target_id=film.id).exists()

    run_queued_jobs()

    film.refresh_from_db()
    assert film.state in {"ready", "held"} and film.twin.refreshed_from == story.twin
    assert film.further.get().twin == film.twin, "one refresh serves both roles"


@pytest.mark.parametrize(("role", "further"), [(2, []), (0, [0]), (0, [7])])
def test_roles_that_are_not_there_or_taken_are_refused(story, order, role, further):
    with pytest.raises(NotAllowed, match="role"):
        order(story.bob, role=role, further=dict.fromkeys(further, story.twin))
    assert Film.objects.count() == 1


def test_a_twin_of_another_vault_is_cast_by_an_owner_of_that_vault_alone(story, order, lent):
    with pytest.raises(NotAllowed, match="by an owner of that vault"):
        order(story.bob, further={1: lent})

    film = order(story.alice, further={1: lent})

    assert Entry.objects.get(verb="twin cast").vault_id == lent.vault_id
    run_queued_jobs()
    film.refresh_from_db()
    assert film.state in {"ready", "held"} and len(film.measures["further"]) == 1


def test_a_film_that_is_held_back_says_of_whom_and_advises_for_their_twin_without_telling_what_the_other_vault_lacks(
    story, order, lent, browse
):
    film = order(story.alice, further={1: lent})
    measures = GOOD | {"further": [GOOD | {"swap_to_subject": 0.8, "expression_followed": 0.1}]}
    Film.objects.filter(id=film.id).update(
        state=Film.State.HELD, missed=["swap_to_subject", "expression_followed"], measures=measures
    )

    page = browse(story.bob).get(reverse("film", args=[film.id])).content.decode()

    assert "Francine: The face does not look enough like the person." in page
    assert "Add footage of Francine" in page and "Add footage of Franck" not in page
    assert "Footage in which Francine talks and laughs, so that mouth and eyes" in page, "in general, not what there is"


def test_a_consent_that_is_withdrawn_in_the_other_vault_ends_the_film(story, order, lent):
    film = order(story.alice, further={1: lent})
    withdraw_consent(lent.vault.subject.consents.get(), by=story.alice)
    assert Job.objects.get(kind="render_film", target_id=film.id).state == "stopped"
    film.refresh_from_db()
    lent.refresh_from_db()
    story.twin.refresh_from_db()
    assert (film.state, lent.state, story.twin.state) == ("revoked", "retired", "ready")
    with pytest.raises(NotAllowed, match="Francine"):
        order(story.alice, further={1: lent})


def test_what_is_erased_in_the_other_vault_takes_the_film_along(story, order, lent):
    film = order(story.alice, further={1: lent})
    run_queued_jobs()
    film.refresh_from_db()
    shown = film.content_id

    erasure.ask(lent.vault, Scope.SUBJECT, by=story.alice)
    run_queued_jobs()

    film.refresh_from_db()
    assert (film.state, film.content) == ("revoked", None) and not FurtherPart.objects.exists()
    assert not type(story.revision.content).objects.filter(id=shown).exists()
    assert Film.objects.get(id=story.film.id).state == "ready"


def test_the_order_page_asks_who_plays_which_role(story, duet, lent, browse):
    asked = reverse("roles", args=[story.vault.id])
    page = browse(story.alice).get(asked, {"template": duet.id}).content.decode()
    assert "Who plays which role" in page and "Francine: all v1" in page
    for role in duet.roles.all():
        portrait = reverse("role_portrait", args=[role.id])
        assert portrait in page
        assert browse(story.alice).get(portrait).content.startswith(b"\xff\xd8")
    assert "Francine" not in browse(story.bob).get(asked, {"template": duet.id}).content.decode()
    assert "Who plays" not in browse(story.alice).get(asked, {"template": story.revision.id}).content.decode()
    assert browse(story.vera).get(asked, {"template": duet.id}).status_code == 404
    assert browse(story.charlie).get(asked, {"template": duet.id}).status_code == 404


def test_ordering_with_roles_from_the_page(story, duet, lent, browse):
    said = {"twin": story.twin.id, "template": duet.id, "kind": "greeting"}
    place = reverse("order", args=[story.vault.id])
    page = browse(story.alice).post(place, said | {"role_0": "nobody", "role_1": "nobody"})
    assert page.status_code == 400 and "plays one role: choose it for one of them" in page.content.decode()
    page = browse(story.bob).post(place, said | {"role_0": "own", "role_1": str(lent.id)})
    assert page.status_code == 400 and "This twin cannot be chosen any more" in page.content.decode()
    assert Film.objects.count() == 1

    answer = browse(story.alice).post(place, said | {"role_0": str(lent.id), "role_1": "own"})

    assert answer.status_code == 302
    film = Film.objects.exclude(id=story.film.id).get()
    assert film.role == 1 and [(part.role, part.twin) for part in film.further.all()] == [(0, lent)]
    page = browse(story.bob).get(answer.url).content.decode()
    assert "in role 2" in page and "With Francine (all, version 1) in role 1." in page
    assert "Francine, version 1" in browse(story.bob).get(place).content.decode()


def test_a_template_whose_faces_nobody_may_see_shows_no_portrait(duet, story, browse):
    portrait = reverse("role_portrait", args=[duet.role(0).id])
    assert browse(story.charlie).get(portrait).status_code == 200
    library.withdraw(duet.template, by=story.board[0])
    assert browse(story.charlie).get(portrait).status_code == 404
