"""Pages of films: order, player, download, verification."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from generator.productions.forms import OrderForm
from generator.productions.models import Film
from templates_library import services as library
from tests.story import cut
from twinvault.custody import objects
from twinvault.jobs.models import Job
from twinvault.jobs.services import claim, finish
from twinvault.vaults.services import open_vault


@pytest.fixture
def said(story) -> dict:
    """What bob fills in to order a film."""
    return {
        "twin": story.twin.id,
        "template": story.revision.id,
        "kind": "memorial",
        "heading": "Franck",
        "captions": "0-1 He told us this.\n\n0:01.0 – 0:01.5 Every winter.",
    }


@pytest.fixture
def order(story, browse, said):
    """Orders as bob does, with something different: `order(heading="")`."""
    return lambda **different: browse(story.bob).post(reverse("order", args=[story.vault.id]), said | different)


def test_ordering_from_the_page(story, order, browse):
    answer = order()
    film = Film.objects.exclude(id=story.film.id).get()
    assert answer.status_code == 302 and answer.url == reverse("film", args=[film.id])
    page = browse(story.bob).get(answer.url).content.decode()
    assert "Film: The actor" in page and reverse("job_status", args=[Job.objects.get(target_id=film.id).id]) in page


def test_captions_are_read_as_people_write_times(story, said):
    form = OrderForm(story.vault, said)
    assert form.is_valid(), form.errors
    assert [(c.start, c.end, c.text) for c in form.storyboard.captions] == [
        (0, 1, "He told us this."),
        (1, 1.5, "Every winter."),
    ]


@pytest.mark.parametrize(
    ("captions", "sentence"),
    [
        ("Once upon a time", "Line 1 must look like"),
        ("0-1 Once\nupon a time", "Line 2 must look like"),
        ("0-1", "Line 1 must look like"),
        ("1-0.5 Backwards", "A caption must end after it starts."),
        ("0-1 Once\n0.5-1.4 upon", "It overlaps the caption before."),
        ("300-301 Long after the end", "ends at"),
        ("0-1 " + "a" * 300, "letters; at most"),
        ("0-" + "9" * 400 + ":00 Never ending", "This must be a number of seconds."),
    ],
)
def test_captions_that_cannot_be_shown_are_explained(story, order, captions, sentence):
    answer = order(captions=captions)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert Film.objects.count() == 1


def test_a_card_needs_a_heading(order):
    answer = order(heading="", line="In memory")
    assert answer.status_code == 400 and "Write something here." in answer.content.decode()


def test_a_template_withdrawn_a_second_ago_is_refused_where_the_person_looks(story, order):
    library.withdraw(story.template, by=story.board[0])
    answer = order()
    assert answer.status_code == 400
    assert "cannot be chosen any more, the board may just have withdrawn it" in answer.content.decode()
    assert Film.objects.count() == 1


def test_a_twin_of_another_vault_cannot_be_chosen(story, browse, said):
    other = open_vault(story.charlie, name="Other", subject_name="Bruno", stages=["all"])
    answer = browse(story.charlie).post(reverse("order", args=[other.id]), said)
    assert answer.status_code == 400 and "This twin cannot be chosen" in answer.content.decode()
    assert Film.objects.count() == 1


def test_a_viewer_sees_the_films_and_no_form(story, browse):
    page = browse(story.vera).get(reverse("order", args=[story.vault.id])).content.decode()
    assert "Memorial: The actor" in page and "Order this film" not in page


def test_the_page_of_a_film_plays_it_and_says_that_it_is_synthetic(story, browse):
    page = browse(story.vera).get(reverse("film", args=[story.film.id])).content.decode()
    assert "<video" in page and "This film is synthetic" in page
    assert f"{story.revision.frames} of {story.revision.frames}" in page


def test_a_film_that_failed_says_why_on_its_page(story, order, browse):
    order()
    job = claim(Job.objects.get(kind="render_film", state="queued").id, worker="this test")
    finish(job, Job.State.FAILED, error="The disk of this server is full.", cause="OSError: 28")
    page = browse(story.bob).get(reverse("film", args=[job.target_id])).content.decode()
    assert "The disk of this server is full." in page and "OSError" not in page
    films = browse(story.bob).get(reverse("order", args=[story.vault.id])).content.decode()
    assert '<span class="badge failed">failed</span>' in films and "being made" not in films


def test_the_owner_seeks_in_the_film(story, browse):
    whole = objects.read(story.film.content)
    address = reverse("film_content", args=[story.film.id])

    answer = browse(story.alice).get(address, headers={"range": "bytes=1000-2999"})

    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes 1000-2999/{len(whole)}"
    assert answer.getvalue() == whole[1000:3000]


def test_the_whole_film_is_downloaded_under_a_name_that_names_nobody(story, browse):
    answer = browse(story.alice).get(reverse("film_content", args=[story.film.id]) + "?download=1")
    assert answer.status_code == 200 and answer.getvalue() == objects.read(story.film.content)
    assert answer["Content-Disposition"].startswith('attachment; filename="twinvault-memorial-')
    assert answer["Content-Type"] == "video/mp4"


def test_a_range_behind_the_end_is_refused(story, browse):
    answer = browse(story.alice).get(reverse("film_content", args=[story.film.id]), headers={"range": "bytes=99999999-"})
    assert answer.status_code == 416


def test_an_outsider_gets_no_byte_of_the_film(story, browse):
    answer = browse(story.charlie).get(reverse("film_content", args=[story.film.id]), headers={"range": "bytes=0-9"})
    assert answer.status_code == 404


def test_a_film_that_is_not_made_yet_has_no_content(story, order, browse):
    order()
    film = Film.objects.get(state="ordered")
    assert browse(story.alice).get(reverse("film_content", args=[film.id])).status_code == 404


def test_revoking_from_the_page(story, browse):
    address = reverse("film_content", args=[story.film.id])
    answer = browse(story.alice).post(reverse("revoke_film", args=[story.film.id]), follow=True)
    assert "revoked and erased" in answer.content.decode()
    assert browse(story.alice).get(address).status_code == 404
    assert "was revoked" in browse(story.vera).get(reverse("film", args=[story.film.id])).content.decode()


def test_the_measures_are_given_as_json(story, browse):
    answer = browse(story.vera).get(reverse("film_measures", args=[story.film.id])).json()
    assert answer["state"] == "ready" and answer["film"]["frames"] == story.revision.frames
    assert answer["twin"]["images_seen"] > 0


def ask(client, content: bytes, name: str = "film.mp4") -> str:
    return client.post(reverse("verify"), {"clip": SimpleUploadedFile(name, content)}).content.decode()


def test_anybody_may_ask_whether_a_film_is_from_here(story, client):
    assert "Yes. It was made here" in ask(client, objects.read(story.film.content))


def test_a_film_with_a_flipped_byte_was_changed(story, client):
    film = bytearray(objects.read(story.film.content))
    film[-1000] ^= 1
    assert "changed afterwards or is damaged" in ask(client, bytes(film))


@pytest.mark.parametrize("content", [b"This is a letter.", cut("cap13_edit2", 0.4)], ids=["letter", "unsigned"])
def test_what_is_not_from_here_carries_no_statement(db, client, content):
    assert "It carries no statement" in ask(client, content)


@pytest.mark.parametrize(("files", "sentence"), [({}, "Choose a file of at most"), ({"clip": b""}, "This file is empty")])
def test_asking_without_a_file_is_explained(db, client, files, sentence):
    answer = client.post(reverse("verify"), {name: SimpleUploadedFile("a.mp4", content) for name, content in files.items()})
    assert sentence in answer.content.decode()
