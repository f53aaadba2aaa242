"""The gallery, a template's page, and what the board does there and in the admin."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from templates_library import services
from templates_library.forms import VideoForm
from templates_library.models import Template, TemplateRevision
from tests.conftest import make_user
from tests.processing import clips

pytestmark = pytest.mark.django_db


def upload(name: str = "talk.mp4", content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, clips.actor() if content is None else content, "video/mp4")


def page_of(client, template):
    return client.get(reverse("template", args=[template.id]))


def test_anybody_with_an_account_submits_a_film(browse, charlie):
    client = browse(charlie)
    assert client.get(reverse("submit_template")).status_code == 200
    answer = client.post(reverse("submit_template"), {"title": "A talk", "video": upload()}, follow=True)
    assert "waits for the board" in answer.content.decode()
    assert Template.objects.get().submitted_by == charlie


def test_what_cannot_be_a_template_is_said_beside_the_field(browse, charlie):
    client = browse(charlie)
    answer = client.post(reverse("submit_template"), {"title": "A diary", "video": upload("d.mp4", b"Dear diary\n" * 9)})
    assert answer.status_code == 422
    assert "neither a film nor a picture" in answer.content.decode()
    without = client.post(reverse("submit_template"), {"title": "Nothing"})
    assert "Choose a film of at most 200" in without.content.decode()
    assert not Template.objects.exists()


def test_a_film_over_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr("templates_library.forms.LIMIT", 1000)
    form = VideoForm({}, {"video": upload()})
    assert not form.is_valid()
    assert "send a film of at most 1000" in form.errors["video"][0]


def test_before_approval_only_its_submitter_and_the_board_see_a_template(template, revision, browse, charlie, board, alice):
    addresses = [
        reverse("template", args=[template.id]),
        reverse("revision_content", args=[revision.id]),
        reverse("revision_poster", args=[revision.id]),
    ]
    for person, status in ((charlie, 200), (board[0], 200), (alice, 404)):
        client = browse(person)
        assert [client.get(address).status_code for address in addresses] == [status] * 3
        assert ("A talk" in client.get(reverse("templates")).content.decode()) == (status == 200)


def test_an_approved_template_is_in_everybody_s_gallery_until_it_is_withdrawn(approved, prepare, browse, alice, board):
    prepare(approved)
    client = browse(alice)
    assert "A talk" in client.get(reverse("templates")).content.decode()
    assert page_of(client, approved.template).status_code == 200
    assert "Withdraw this template" not in page_of(client, approved.template).content.decode()

    services.withdraw(approved.template, board[0])

    assert "A talk" not in client.get(reverse("templates")).content.decode()
    assert page_of(client, approved.template).status_code == 404
    assert "Withdrawn by the board on" in page_of(browse(board[1]), approved.template).content.decode()


def test_strangers_see_approved_revisions_only(approved, charlie, browse, alice):
    newer = services.add_revision(approved.template, charlie, io.BytesIO(clips.franck()), "again.mp4")
    client = browse(alice)
    text = page_of(client, approved.template).content.decode()
    assert "Revision 1" in text and "Revision 2" not in text
    assert client.get(reverse("revision_content", args=[newer.id])).status_code == 404


def test_the_film_is_played_in_parts(revision, browse, charlie):
    answer = browse(charlie).get(reverse("revision_content", args=[revision.id]), headers={"Range": "bytes=100-299"})
    assert answer.status_code == 206
    assert b"".join(answer.streaming_content) == clips.actor()[100:300]
    poster = browse(charlie).get(reverse("revision_poster", args=[revision.id]))
    assert Image.open(io.BytesIO(poster.content)).size == (360, 288)


def test_the_board_reviews_on_the_page(revision, browse, board):
    for member in board:
        client = browse(member)
        assert "Approve" in page_of(client, revision.template).content.decode()
        client.post(reverse("review_revision", args=[revision.id]), {"decision": "approve", "comment": "fine"})
    revision.refresh_from_db()
    assert revision.approved_at is not None
    text = page_of(client, revision.template).content.decode()
    assert "being prepared" in text and "Dora" in text and 'name="decision"' not in text


def test_what_the_rules_forbid_is_said_on_the_page(revision, browse, board):
    client, address = browse(board[0]), reverse("review_revision", args=[revision.id])
    client.post(address, {"decision": "approve"})
    again = client.post(address, {"decision": "approve"}, follow=True)
    assert "You have given your word on it already." in again.content.decode()
    assert client.post(address, {"decision": "maybe"}).status_code == 400


def test_nobody_but_the_board_finds_the_board_s_deeds(approved, template, browse, charlie):
    client = browse(charlie)
    for name, row in (("review_revision", approved), ("prepare_again", approved), ("withdraw_template", template)):
        assert client.post(reverse(name, args=[row.id]), {"decision": "approve"}).status_code == 404
    template.refresh_from_db()
    assert template.withdrawn_at is None


def test_a_member_withdraws_on_the_page(approved, browse, board):
    answer = browse(board[0]).post(reverse("withdraw_template", args=[approved.template_id]), follow=True)
    assert "no film can be made with it" in answer.content.decode()
    assert not services.is_orderable(approved)


def test_a_new_revision_is_sent_on_the_page(template, browse, charlie, alice, approved):
    address = reverse("revise_template", args=[template.id])
    assert browse(alice).post(address, {"video": upload()}).status_code == 404
    client = browse(charlie)
    assert client.post(address, {"video": upload("d.mp4", b"x")}).status_code == 422
    client.post(address, {"video": upload()})
    assert template.revisions.count() == 2


def test_the_gallery_costs_the_same_with_more_templates(
    submit, browse, board, django_assert_num_queries, django_assert_max_num_queries
):
    submit()
    client = browse(board[0])
    with django_assert_max_num_queries(5) as first:
        client.get(reverse("templates"))
    submit(title="Another talk")
    submit(title="A third")
    with django_assert_num_queries(len(first)):
        client.get(reverse("templates"))


def admin_action(client, model: str, action: str, row):
    address = reverse(f"admin:templates_library_{model}_changelist")
    return client.post(address, {"action": action, "_selected_action": [str(row.pk)]}, follow=True)


def test_the_board_approves_and_withdraws_in_the_admin(revision, browse, board):
    for member in board:
        client = browse(member)
        assert "A talk" in client.get(reverse("admin:templates_library_templaterevision_changelist")).content.decode()
        admin_action(client, "templaterevision", "approve", revision)
    revision.refresh_from_db()
    assert revision.approved_at is not None
    assert client.get(reverse("admin:templates_library_templaterevision_change", args=[revision.id])).status_code == 200

    admin_action(client, "template", "withdraw", revision.template)
    revision.template.refresh_from_db()
    assert revision.template.withdrawn_by == board[1]


def test_in_the_admin_the_rules_hold_for_superusers(revision, browse):
    root = make_user("root", is_superuser=True, is_staff=True)
    answer = admin_action(browse(root), "templaterevision", "approve", revision)
    assert answer.status_code == 403
    assert not TemplateRevision.objects.filter(approved_at__isnull=False).exists()


def test_in_the_admin_what_is_forbidden_is_said(submit, browse, board):
    own = submit(by=board[0]).revisions.get()
    answer = admin_action(browse(board[0]), "templaterevision", "approve", own)
    assert "Nobody reviews a revision of their own." in answer.content.decode()


def test_the_admin_edits_and_deletes_nothing(revision, browse, board):
    client = browse(board[0])
    change = reverse("admin:templates_library_templaterevision_change", args=[revision.id])
    assert client.post(change, {"number": 7}).status_code == 403
    assert client.post(change.replace("change", "delete"), {"post": "yes"}).status_code == 403
