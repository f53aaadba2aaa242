"""Pages of footage: who sees them, and what they say."""

import pytest

from acquisition.models import Footage
from acquisition.services import add_footage
from tests.acquisition.conftest import some_bytes
from tests.conftest import CLIPS
from twinvault.vaults.consents import withdraw_consent
from twinvault.vaults.models import LifeStage, Role
from twinvault.vaults.services import set_member

DATA = some_bytes(3_000_000)


def add(vault, stage, alice, tmp_path, name="Franck.mp4", data=DATA) -> Footage:
    path = tmp_path / "source"
    path.write_bytes(data)
    with path.open("rb") as source:
        return add_footage(vault, stage, name, source, by=alice)


@pytest.fixture
def footage(vault, stage, alice, tmp_path) -> Footage:
    return add(vault, stage, alice, tmp_path)


def content(page) -> str:
    assert page.status_code == 200
    return page.content.decode()


# --- upload ---


def test_a_contributor_can_send_files(browse, bob, vault, stage):
    page = content(browse(bob).get(f"/vaults/{vault.id}/upload/"))

    assert f'data-vault="{vault.id}"' in page
    assert 'data-endpoint="/uploads/"' in page
    assert "adult" in page and "senior" in page


def test_the_stage_that_one_came_from_is_chosen(browse, bob, vault):
    stage = vault.subject.life_stages.last()

    page = content(browse(bob).get(f"/vaults/{vault.id}/upload/?stage={stage.id}"))

    assert f'<option value="{stage.id}" selected>' in page


def test_the_dates_of_the_files_may_decide_once_the_days_of_a_stage_are_known(sender, browse, bob, vault):
    assert "By the date of each file" not in content(browse(bob).get(f"/vaults/{vault.id}/upload/"))
    LifeStage.objects.filter(subject__vault=vault, name="senior").update(from_age=60)
    sender.patch(sender.announce(1000, "half.mp4", life_stage="by-date")["Location"], bytes(500), 0)

    page = content(browse(bob).get(f"/vaults/{vault.id}/upload/"))
    assert '<option value="by-date">By the date of each file</option>' in page
    assert "by its date · 500" in page


def test_a_viewer_sees_what_is_here_and_sends_nothing(browse, charlie, vault, footage, alice):
    set_member(vault, charlie, Role.VIEWER, by=alice)

    page = content(browse(charlie).get(f"/vaults/{vault.id}/upload/"))

    assert "Franck.mp4" in page
    assert 'id="sender"' not in page


def test_without_consent_the_page_says_so_and_takes_nothing(browse, bob, vault, alice):
    withdraw_consent(vault.subject.consents.get(), by=alice)

    page = content(browse(bob).get(f"/vaults/{vault.id}/upload/"))

    assert "No consent is in force" in page
    assert 'id="sender"' not in page


def test_what_was_begun_is_listed_for_whoever_began_it(sender, browse, alice, vault):
    address = sender.begin(1000, "half.mp4")
    sender.patch(address, bytes(500), 0)

    page = content(sender.client.get(f"/vaults/{vault.id}/upload/"))
    assert "half.mp4" in page
    assert f'data-discard="{address}"' in page
    assert "half.mp4" not in content(browse(alice).get(f"/vaults/{vault.id}/upload/"))


def test_no_script_and_no_style_is_written_into_the_page(browse, bob, vault):
    page = content(browse(bob).get(f"/vaults/{vault.id}/upload/"))

    assert "<script>" not in page
    assert "style=" not in page


def test_a_name_with_markup_is_shown_as_text(browse, alice, vault, stage, tmp_path):
    footage = add(vault, stage, alice, tmp_path, name="<img src=x onerror=alert(1)>.mp4")

    for address in (f"/vaults/{vault.id}/upload/", f"/footage/{footage.id}/"):
        assert "<img src=x" not in content(browse(alice).get(address))


def test_the_list_costs_the_same_for_one_and_for_many(browse, alice, vault, stage, tmp_path, django_assert_max_num_queries):
    client = browse(alice)
    for number in range(12):
        add(vault, stage, alice, tmp_path, name=f"{number}.mp4", data=bytes([number]))

    with django_assert_max_num_queries(10):
        content(client.get(f"/vaults/{vault.id}/upload/"))


# --- a piece of footage ---


def test_its_page_shows_it_with_its_facts_and_its_job(browse, bob, footage):
    Footage.objects.filter(id=footage.id).update(width=640, height=480, seconds=41.6)

    page = content(browse(bob).get(f"/footage/{footage.id}/"))

    assert f'<video class="player" controls preload="metadata" playsinline src="/footage/{footage.id}/content/"' in page
    for fact in ("Franck.mp4", "640 × 480", "41.6 s", "adult", "waiting to be looked at", "by Alice", "Look at Franck.mp4"):
        assert fact in page


def test_its_page_says_why_it_cannot_be_used(browse, bob, footage):
    Footage.objects.filter(id=footage.id).update(state=Footage.State.REFUSED, refusal="No face was found in it.")

    assert "No face was found in it." in content(browse(bob).get(f"/footage/{footage.id}/"))


def test_a_picture_is_shown_as_one(browse, alice, vault, stage, tmp_path):
    footage = add(vault, stage, alice, tmp_path, name="Franck.JPG")

    assert f'<img class="player picture" src="/footage/{footage.id}/content/"' in content(
        browse(alice).get(f"/footage/{footage.id}/")
    )


def test_its_newest_job_is_a_fragment(browse, bob, footage):
    fragment = content(browse(bob).get(f"/footage/{footage.id}/job/"))

    assert "<html" not in fragment
    assert f"/footage/{footage.id}/" in fragment
    assert "/status/" in fragment


@pytest.mark.parametrize("address", ["", "job/", "content/"])
def test_outsiders_find_nothing_and_nobody_signs_in(client, browse, charlie, footage, address):
    assert client.get(f"/footage/{footage.id}/{address}").status_code == 302
    assert browse(charlie).get(f"/footage/{footage.id}/{address}").status_code == 404


def test_an_outsider_finds_no_upload_page(browse, charlie, vault):
    assert browse(charlie).get(f"/vaults/{vault.id}/upload/").status_code == 404


# --- its content ---


def body(answer) -> bytes:
    return b"".join(answer.streaming_content)


def test_the_whole_content(browse, bob, footage):
    answer = browse(bob).get(f"/footage/{footage.id}/content/")

    assert body(answer) == DATA
    assert answer["Content-Type"] == "video/mp4"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]
    assert "attachment" not in answer.get("Content-Disposition", "")


def test_a_part_of_the_content(browse, bob, footage):
    answer = browse(bob).get(f"/footage/{footage.id}/content/", headers={"Range": "bytes=1048500-1048700"})

    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes 1048500-1048700/{len(DATA)}"
    assert body(answer) == DATA[1048500:1048701]


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "script.js", "noending"])
def test_what_a_browser_might_run_is_an_attachment(browse, alice, vault, stage, tmp_path, name):
    footage = add(vault, stage, alice, tmp_path, name=name, data=b"<script>alert(1)</script>")

    answer = browse(alice).get(f"/footage/{footage.id}/content/")

    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_it_can_be_downloaded(browse, bob, footage):
    answer = browse(bob).get(f"/footage/{footage.id}/content/?download=1")

    assert answer["Content-Disposition"] == 'attachment; filename="Franck.mp4"'


# --- removing it ---


def test_the_owner_removes_it(browse, alice, vault, footage):
    answer = browse(alice).post(f"/footage/{footage.id}/remove/", follow=True)

    assert "Franck.mp4 and everything that was made from it are erased." in answer.content.decode()
    assert not Footage.objects.exists()
    assert browse(alice).get(f"/footage/{footage.id}/").status_code == 404


def test_a_contributor_does_not(browse, bob, footage):
    client = browse(bob)

    assert "Erase it" not in client.get(f"/footage/{footage.id}/").content.decode()
    assert client.post(f"/footage/{footage.id}/remove/").status_code == 404
    assert Footage.objects.exists()


def test_it_takes_more_than_a_link_to_remove_it(browse, alice, footage):
    assert browse(alice).get(f"/footage/{footage.id}/remove/").status_code == 405


def test_real_footage_plays(browse, alice, vault, stage, tmp_path):
    """The beginning and the end of a real clip, as a player asks for them."""
    clip = CLIPS / "franck.mp4"
    footage = add(vault, stage, alice, tmp_path, data=clip.read_bytes())
    address, size = f"/footage/{footage.id}/content/", clip.stat().st_size

    head = browse(alice).get(address, headers={"Range": "bytes=0-"})
    tail = browse(alice).get(address, headers={"Range": "bytes=-1000"})

    assert body(head)[4:8] == b"ftyp"
    assert body(tail) == clip.read_bytes()[size - 1000 :]
