"""Consents for those who cannot be asked: the board looks at a document, and two of its members decide."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import Http404
from django.test.utils import CaptureQueriesContext

from tests.conftest import make_user
from twinvault.accounts.services import add_board_member
from twinvault.audit.models import Entry
from twinvault.custody.models import StoredObject
from twinvault.vaults import board as boards
from twinvault.vaults.consents import has_consent, record_consent, require_consent, withdraw_consent
from twinvault.vaults.models import ConsentReview, Role
from twinvault.vaults.services import NotAllowed, open_vault, set_member

PDF = b"%PDF-1.7\nThe last will of Odile\n%%EOF"
SAID = {"given_by": "Odile's son", "statement": "She wished it so.", "sure": "on"}


@pytest.fixture
def late(alice):
    """A vault of somebody who has died."""
    return open_vault(alice, name="Aunt", subject_name="Odile", born=1930, died=2001, stages=["adult"])


@pytest.fixture
def attested(alice, late):
    return record_consent(
        late.subject, basis="executor", given_by="Odile's son", statement="She wished it so.", document=PDF, by=alice
    )


def send(client, vault, **more):
    return client.post(f"/vaults/{vault.id}/consent/", SAID | more, follow=True)


def pdf(content: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile("will.pdf", content, "application/pdf")


@pytest.mark.parametrize("basis", ["executor", "public"])
def test_it_rests_until_two_members_of_the_board_allow_it(browse, alice, late, board, basis):
    page = send(browse(alice), late, basis=basis, document=pdf()).content.decode()
    assert "The editorial board decides on it." in page and "The editorial board looks at the consent" in page
    consent = late.subject.consents.get()
    for member in board:
        assert not has_consent(late.subject)
        client = browse(member)
        assert "Odile" in client.get("/consents/review/").content.decode()
        read = client.get(f"/consents/review/{consent.id}/").content.decode()
        assert "She wished it so." in read and "1930–2001" in read
        answer = client.post(f"/consents/review/{consent.id}/", {"decision": "approve", "comment": "The will is clear."})
        assert answer["Location"] == "/consents/review/"

    assert has_consent(late.subject)
    assert "Nothing waits." in client.get("/consents/review/").content.decode()
    assert client.get(f"/consents/review/{consent.id}/").status_code == 404
    told = browse(alice).get(f"/vaults/{late.id}/consent/").content.decode()
    assert "Allowed by Dora" in told and "“The will is clear.”" in told and "in force" in told
    verbs = set(Entry.objects.filter(vault_id=late.id).values_list("verb", flat=True))
    assert {"consent allowed by a member of the board", "consent allowed by the board"} <= verbs


def test_one_word_against_it_ends_it_with_the_reason(browse, alice, late, attested, board):
    client = browse(board[0])
    asked = client.post(f"/consents/review/{attested.id}/", {"decision": "reject", "comment": " "})
    assert asked.status_code == 400 and "Say why it is refused" in asked.content.decode()

    client.post(f"/consents/review/{attested.id}/", {"decision": "reject", "comment": "This is no will."})

    attested.refresh_from_db()
    assert attested.withdrawn_at is not None and not has_consent(late.subject)
    assert "Refused by Dora" in (page := browse(alice).get(f"/vaults/{late.id}/consent/").content.decode())
    assert "“This is no will.”" in page
    with pytest.raises(NotAllowed, match="decided already"):
        boards.review_consent(attested, board[1], "approve", "")


def test_nobody_decides_twice_or_on_what_is_their_own(alice, late, attested, board):
    boards.review_consent(attested, board[0], "approve", "")
    with pytest.raises(NotAllowed, match="given your word on it already"):
        boards.review_consent(attested, board[0], "approve", "")
    add_board_member(alice)
    with pytest.raises(NotAllowed, match="Nobody reviews a consent that they submitted"):
        boards.review_consent(attested, alice, "approve", "")
    set_member(late, board[1], Role.VIEWER, by=alice)
    with pytest.raises(NotAllowed, match="a vault that they are a member of"):
        boards.review_consent(attested, board[1], "approve", "")
    with pytest.raises(NotAllowed, match="Only members of the editorial board"):
        boards.review_consent(attested, make_user("super", is_superuser=True), "approve", "")
    for member in (alice, board[1]):
        assert not boards.waiting_for(member).exists()
        with pytest.raises(Http404):
            boards.consent_for_review(member, attested.id)
    assert not has_consent(late.subject)


def test_nobody_else_learns_of_what_waits(browse, charlie, bob, late, attested):
    for person in (charlie, bob):
        for path in ("", f"{attested.id}/", f"{attested.id}/document/"):
            assert browse(person).get(f"/consents/review/{path}").status_code == 404


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "looks at a document: add it"),
        ({"document": pdf(b"<html>hello</html>")}, "is to be a PDF, or a JPEG or PNG picture"),
        ({"document": pdf(PDF + bytes(20 * 2**20))}, "of at most 20 MB"),
    ],
)
def test_a_document_is_needed_and_is_one(browse, alice, late, files, why):
    answer = send(browse(alice), late, basis="executor", **files)
    assert answer.status_code == 400 and why in answer.content.decode()
    assert not late.subject.consents.exists() and not StoredObject.objects.filter(kind="document").exists()


def test_an_executor_speaks_for_the_dead_alone(browse, alice, vault):
    answer = send(browse(alice), vault, basis="executor", document=pdf())
    assert answer.status_code == 400 and "note when Franck did" in answer.content.decode()


def test_the_document_rests_encrypted_and_is_saved_never_shown(browse, alice, bob, late, attested, board, settings):
    resting = [path for path in (settings.DATA_DIR / "objects").rglob("*") if path.is_file()]
    assert resting and not any(b"The last will" in path.read_bytes() for path in resting)
    for member, path in ((alice, f"/vaults/{late.id}/consent/{attested.id}/document/"), (board[0], None)):
        answer = browse(member).get(path or f"/consents/review/{attested.id}/document/")
        assert b"".join(answer.streaming_content) == PDF
        assert answer["Content-Disposition"].startswith("attachment") and answer["Content-Type"] == "application/octet-stream"
    assert Entry.objects.filter(verb="document of a consent read by the board", target__contains=str(attested.id)).exists()
    set_member(late, bob, Role.CONTRIBUTOR, by=alice)
    assert browse(bob).get(f"/vaults/{late.id}/consent/{attested.id}/document/").status_code == 404


def test_words_of_the_board_rest_encrypted(attested, board):
    word = boards.review_consent(attested, board[0], "approve", "The will is clear.")
    kept = ConsentReview.objects.values_list("sealed_comment", flat=True).get(id=word.id)
    assert b"will" not in bytes(kept) and ConsentReview.objects.get(id=word.id).comment == "The will is clear."


def test_one_that_was_withdrawn_waits_no_more(alice, late, attested, board):
    boards.review_consent(attested, board[0], "approve", "")
    withdraw_consent(attested, by=alice)
    assert not boards.waiting_for(board[1]).exists()
    with pytest.raises(NotAllowed, match="was withdrawn"):
        boards.review_consent(attested, board[1], "approve", "")
    with pytest.raises(NotAllowed, match="record one before"):
        require_consent(late.subject)


def test_the_page_of_the_board_asks_the_database_as_often_for_many_as_for_one(browse, alice, late, attested, board):
    client = browse(board[0])
    with CaptureQueriesContext(connection) as for_one:
        assert "0 of 2" in client.get("/consents/review/").content.decode()
    for name in ("Anna", "Berta", "Clara"):
        other = open_vault(alice, name=name, subject_name=name, died=1990, stages=["adult"])
        record_consent(other.subject, basis="executor", given_by="Her son", statement="So it is.", document=PDF, by=alice)
    with CaptureQueriesContext(connection) as for_four:
        assert client.get("/consents/review/").content.decode().count("0 of 2") == 4
    assert len(for_four) == len(for_one)
