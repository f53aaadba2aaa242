"""The tus endpoint as a sender sees it (tus.io/protocols/resumable-upload)."""

import dataclasses

import pytest
from django.test import Client

from acquisition.models import Footage, Upload
from tests.acquisition.conftest import CLIP, VERSION, Sender, encode
from tests.consenting import consent_in_person
from twinvault.audit.models import Entry
from twinvault.custody.objects import incoming_path, read
from twinvault.custody.stream import FIRST_PLAIN
from twinvault.jobs.models import Job
from twinvault.vaults.consents import withdraw_consent
from twinvault.vaults.models import Role
from twinvault.vaults.services import set_member


def said(answer) -> str:
    return answer.content.decode()


# --- the way of a file ---


def test_a_file_in_one_piece_becomes_footage(sender, bob, vault, stage):
    answer = sender.send(CLIP, "Franck at home.mp4")

    footage = Footage.objects.get()
    assert answer.status_code == 204
    assert answer["Upload-Offset"] == str(len(CLIP))
    assert answer["TwinVault-Footage"] == f"/footage/{footage.id}/"
    assert read(footage.content) == CLIP
    assert (footage.filename, footage.vault, footage.life_stage, footage.added_by) == ("Franck at home.mp4", vault, stage, bob)
    assert (footage.content.kind, footage.content.content_type, footage.content.size) == ("footage", "video/mp4", len(CLIP))


def test_its_analysis_is_queued_and_the_deed_recorded(sender, bob, vault):
    sender.send(CLIP)

    footage = Footage.objects.get()
    job = Job.objects.get()
    assert (job.kind, job.queue, job.target_id, job.vault, job.started_by) == ("analyse_footage", "cpu", footage.id, vault, bob)
    entry = Entry.objects.get(verb="footage added")
    assert (entry.actor, entry.vault_id, entry.target) == (bob, vault.id, f"footage {footage.id}")


@pytest.mark.parametrize("cut", [1, 40, FIRST_PLAIN - 1, FIRST_PLAIN, FIRST_PLAIN + 1, len(CLIP) - 1])
def test_a_file_in_two_pieces_becomes_the_same_footage(sender, cut):
    address = sender.begin(len(CLIP))

    first = sender.patch(address, CLIP[:cut], 0)
    head = sender.head(address)
    second = sender.patch(address, CLIP[cut:], cut)

    assert (first.status_code, first["Upload-Offset"]) == (204, str(cut))
    assert (head.status_code, head["Upload-Offset"], head["Upload-Length"]) == (200, str(cut), str(len(CLIP)))
    assert second.status_code == 204
    assert read(Footage.objects.get().content) == CLIP


def test_many_small_pieces_become_the_same_footage(sender):
    data, address = CLIP[:100_000], sender.begin(100_000)

    for at in range(0, 100_000, 7777):
        assert sender.patch(address, data[at : at + 7777], at).status_code == 204

    assert read(Footage.objects.get().content) == data


def test_an_announced_file_has_arrived_with_nothing(sender):
    head = sender.head(sender.begin(10))

    assert head["Upload-Offset"] == "0"
    assert head["Cache-Control"] == "no-store"
    assert head["Tus-Resumable"] == "1.0.0"
    assert "GMT" in head["Upload-Expires"]


def test_a_whole_file_says_so_ever_after(sender):
    address = sender.begin(5)
    sender.patch(address, b"whole", 0)

    head = sender.head(address)

    assert (head["Upload-Offset"], head["Upload-Length"]) == ("5", "5")
    assert head["TwinVault-Footage"] == f"/footage/{Footage.objects.get().id}/"
    assert sender.patch(address, b"more", 5).status_code == 409


def test_nothing_but_noise_rests_on_disk_while_it_arrives(sender):
    word = b"a face that nobody may see"
    address = sender.begin(len(word) * 100_000)

    sender.patch(address, word * 60_000, 0)

    upload = Upload.objects.get()
    assert word not in incoming_path(upload.id).read_bytes()
    assert word not in bytes(upload.tail)
    assert len(upload.tail) > 1000


def test_the_incoming_file_moves_away_when_it_is_whole(sender):
    sender.send(CLIP)

    upload = Upload.objects.get()
    assert not incoming_path(upload.id).exists()
    assert bytes(upload.tail) == b""
    assert upload.writing_until is None


def test_an_empty_patch_changes_nothing(sender):
    address = sender.begin(10)

    assert sender.patch(address, b"", 0, **{"Content-Length": "0"}).status_code == 204
    assert sender.head(address)["Upload-Offset"] == "0"


def test_a_piece_must_say_how_long_it_is(sender):
    """A body of unknown length would be read as empty."""
    assert sender.patch(sender.begin(10), b"", 0).status_code == 411


# --- what is refused ---


def test_an_empty_file_is_refused(sender):
    answer = sender.announce(0, "nothing.mp4")

    assert answer.status_code == 400
    assert said(answer) == "nothing.mp4 is empty: there is nothing in it to keep."
    assert not Upload.objects.exists()


def test_a_file_that_is_too_large_is_refused(sender, settings):
    settings.ENV = dataclasses.replace(settings.ENV, upload_limit=1000)

    answer = sender.announce(1001)

    assert answer.status_code == 413
    assert "files of up to 1000" in said(answer)
    assert sender.announce(1000).status_code == 201


def test_without_consent_nothing_is_taken_in(sender, vault, alice):
    withdraw_consent(vault.subject.consents.get(), by=alice)

    answer = sender.announce(10)

    assert answer.status_code == 403
    assert said(answer).startswith("There is no consent in force for Franck")


def test_footage_that_arrives_after_a_withdrawal_is_kept_but_not_looked_at(sender, vault, alice):
    address = sender.begin(5)
    withdraw_consent(vault.subject.consents.get(), by=alice)

    sender.patch(address, b"whole", 0)

    assert Footage.objects.exists()
    assert not Job.objects.exists()


def test_the_same_bytes_twice_are_refused_by_the_name_of_the_first(sender, django_capture_on_commit_callbacks):
    sender.send(CLIP, "first.mp4")
    address = sender.begin(len(CLIP), "second.mp4")

    with django_capture_on_commit_callbacks(execute=True):
        answer = sender.patch(address, CLIP, 0)

    assert answer.status_code == 422
    assert said(answer).startswith("second.mp4 is the same file as first.mp4, which was added to this vault on ")
    assert Footage.objects.count() == 1
    assert sender.head(address).status_code == 422
    assert not incoming_path(address.split("/")[2]).exists()


def test_the_same_bytes_may_be_in_two_vaults(sender, bob):
    from twinvault.vaults import services

    sender.send(CLIP)
    other = services.open_vault(bob, name="Grandma", subject_name="Ida", stages=["adult"])
    consent_in_person(other.subject, given_by="Ida", statement="I agree.", by=bob)

    answer = Sender(sender.client, other, other.subject.life_stages.get()).send(CLIP)

    assert answer.status_code == 204
    assert Footage.objects.count() == 2


@pytest.mark.parametrize("offset", [0, 9, 11])
def test_a_piece_from_the_wrong_place_is_refused(sender, offset):
    address = sender.begin(100)
    sender.patch(address, b"ten bytes.", 0)

    answer = sender.patch(address, b"more", offset)

    assert answer.status_code == 409
    assert "10 bytes" in said(answer)
    assert sender.head(address)["Upload-Offset"] == "10"


def test_more_than_was_announced_is_refused(sender):
    address = sender.begin(10)

    assert sender.patch(address, b"eleven byte", 0).status_code == 400
    assert sender.head(address)["Upload-Offset"] == "0"


@pytest.mark.parametrize("length", ["", "-1", "ten", "1.5", "9" * 30])
def test_a_length_that_is_none_is_refused(sender, length):
    assert sender.announce(0, headers={"Upload-Length": length}).status_code == 400


@pytest.mark.parametrize("metadata", ["filename ###", "vault !", "filename w6Q=,vault", f"vault {'/' * 9}"])
def test_metadata_that_cannot_be_read_is_refused(sender, metadata):
    assert sender.announce(10, headers={"Upload-Metadata": metadata}).status_code == 400


def test_a_life_stage_of_another_vault_is_not_there(sender, alice):
    from twinvault.vaults.services import open_vault

    other = open_vault(alice, name="Other", subject_name="Ida", stages=["adult"])

    assert sender.announce(10, life_stage=other.subject.life_stages.get().id).status_code == 404


# --- the manners of the protocol ---


def test_options_say_what_is_spoken(sender, settings):
    answer = sender.client.options("/uploads/")

    assert answer.status_code == 204
    assert answer["Tus-Version"] == answer["Tus-Resumable"] == "1.0.0"
    assert set(answer["Tus-Extension"].split(",")) == {"creation", "expiration", "termination"}
    assert answer["Tus-Max-Size"] == str(settings.ENV.upload_limit)


def test_another_version_is_refused(sender):
    address = sender.begin(10)

    for version in ({}, {"Tus-Resumable": "0.2.2"}):
        answer = sender.client.head(address, headers=version)
        assert (answer.status_code, answer["Tus-Version"]) == (412, "1.0.0")


def test_another_content_type_is_refused(sender):
    address = sender.begin(10)
    headers = VERSION | {"Upload-Offset": "0"}

    answer = sender.client.patch(address, b"0123456789", content_type="application/octet-stream", headers=headers)

    assert answer.status_code == 415


def test_other_methods_are_refused(sender):
    address = sender.begin(10)

    assert sender.client.get(address, headers=VERSION).status_code == 405
    assert sender.client.put("/uploads/", headers=VERSION).status_code == 405


def test_a_post_may_stand_for_a_patch(sender):
    address = sender.begin(5)
    headers = VERSION | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}

    answer = sender.client.post(address, b"whole", content_type="application/offset+octet-stream", headers=headers)

    assert answer.status_code == 204
    assert read(Footage.objects.get().content) == b"whole"


def test_a_get_stands_for_nothing_else(sender):
    address = sender.begin(5)

    answer = sender.client.get(address, headers=VERSION | {"X-HTTP-Method-Override": "DELETE"})

    assert answer.status_code == 405
    assert Upload.objects.exists()


def test_a_cancelled_upload_is_gone(sender, django_capture_on_commit_callbacks):
    address = sender.begin(len(CLIP))
    sender.patch(address, CLIP[:-1], 0)
    path = incoming_path(Upload.objects.get().id)

    with django_capture_on_commit_callbacks(execute=True):
        assert sender.delete(address).status_code == 204

    assert not path.exists()
    assert sender.head(address).status_code == 404
    assert sender.delete(address).status_code == 404
    assert sender.patch(address, b"x", len(CLIP) - 1).status_code == 404


def test_cancelling_what_is_footage_by_now_leaves_the_footage(sender):
    address = sender.begin(5)
    sender.patch(address, b"whole", 0)

    sender.delete(address)

    assert read(Footage.objects.get().content) == b"whole"


# --- the gate ---


def test_nobody_is_told_to_sign_in(client, vault, stage):
    answer = Sender(client, vault, stage).announce(10)

    assert answer.status_code == 401
    assert "sign in" in said(answer)


def test_an_outsider_finds_nothing(sender, browse, charlie, vault, stage):
    address = sender.begin(len(CLIP))
    outsider = Sender(browse(charlie), vault, stage)

    assert outsider.announce(10).status_code == 404
    assert outsider.head(address).status_code == 404
    assert outsider.patch(address, b"x", 0).status_code == 404
    assert outsider.delete(address).status_code == 404
    assert Upload.objects.count() == 1


def test_a_viewer_may_not_bring_anything(browse, charlie, vault, stage, alice):
    set_member(vault, charlie, Role.VIEWER, by=alice)

    assert Sender(browse(charlie), vault, stage).announce(10).status_code == 404


def test_an_upload_is_its_senders_own(sender, browse, alice, vault, stage):
    address = sender.begin(10)

    assert Sender(browse(alice), vault, stage).head(address).status_code == 404


def test_whoever_lost_the_right_to_contribute_cannot_go_on(sender, vault, bob, alice):
    address = sender.begin(10)
    set_member(vault, bob, Role.VIEWER, by=alice)

    assert sender.patch(address, b"0123456789", 0).status_code == 404


def test_a_request_from_another_site_is_refused(bob, vault, stage):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(bob)

    assert Sender(strict, vault, stage).announce(10).status_code == 403
    strict.cookies["csrftoken"] = "a" * 32
    answer = Sender(strict, vault, stage).announce(10, headers={"X-CSRFToken": "a" * 32})
    assert answer.status_code == 201
    assert Sender(strict, vault, stage).patch(answer["Location"], b"x", 0).status_code == 403
    assert Sender(strict, vault, stage).patch(answer["Location"], b"x", 0, **{"X-CSRFToken": "a" * 32}).status_code == 204


def test_two_uploads_at_once_do_not_meet(sender):
    one, other = sender.begin(6), sender.begin(6)

    sender.patch(one, b"one", 0)
    sender.patch(other, b"two", 0)
    sender.patch(one, b"+++", 3)
    sender.patch(other, b"---", 3)

    assert {read(footage.content) for footage in Footage.objects.all()} == {b"one+++", b"two---"}


def test_metadata_may_come_in_any_order_and_with_more(sender, vault, stage):
    metadata = encode({"life_stage": stage.id, "filetype": "video/mp4", "vault": vault.id, "filename": "../x.mp4"}) + ",flag"

    answer = sender.announce(10, headers={"Upload-Metadata": metadata})

    assert answer.status_code == 201
    assert Upload.objects.get().filename == "x.mp4"
