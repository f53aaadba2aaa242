"""The rules of approval: two members of the board, on the latest revision, and never on what is their own."""

import io

import pytest

from templates_library import queries, services
from tests.conftest import make_user
from tests.processing import clips
from twinvault.accounts.services import add_board_member
from twinvault.audit.models import Entry
from twinvault.jobs.models import Job
from twinvault.vaults.services import NotAllowed

pytestmark = pytest.mark.django_db


def add_member(name: str, **more):
    member = make_user(name, **more)
    add_board_member(member)
    return member


def test_one_approval_is_not_enough(revision, board):
    services.review(revision, board[0], "approve")
    revision.refresh_from_db()
    assert revision.approved_at is None
    assert not Job.objects.filter(kind="prepare_template").exists()


def test_two_approvals_approve_and_queue_the_preparation_once(revision, board):
    for member in board:
        services.review(revision, member, "approve", "good light")
    revision.refresh_from_db()
    assert revision.approved_at is not None
    job = Job.objects.get(kind="prepare_template")
    assert (job.target_id, job.queue, job.vault) == (revision.id, "cpu", None)
    assert Entry.objects.filter(verb="template revision approved").count() == 2
    assert Entry.objects.filter(verb="template revision approved by the board").count() == 1


def test_nobody_gives_two_approvals(revision, board):
    services.review(revision, board[0], "approve")
    with pytest.raises(NotAllowed, match="already"):
        services.review(revision, board[0], "approve")
    assert revision.reviews.count() == 1


def test_only_board_members_review(revision, alice):
    with pytest.raises(NotAllowed, match="Only members of the editorial board"):
        services.review(revision, alice, "approve")


def test_a_superuser_is_no_board_member(revision):
    root = make_user("root", is_superuser=True, is_staff=True)
    with pytest.raises(NotAllowed, match="Only members"):
        services.review(revision, root, "approve")


def test_a_closed_account_reviews_nothing(revision, board):
    board[0].is_active = False
    board[0].save()
    with pytest.raises(NotAllowed, match="Only members"):
        services.review(revision, board[0], "approve")


@pytest.mark.parametrize("powers", [{}, {"is_superuser": True}])
def test_nobody_approves_a_template_they_submitted(submit, powers):
    member = add_member("frida", **powers)
    own = submit(by=member)
    with pytest.raises(NotAllowed, match="of their own"):
        services.review(own.revisions.get(), member, "approve")


def test_nobody_approves_a_revision_of_theirs_of_another_s_template(template, board):
    revision = services.add_revision(template, board[0], io.BytesIO(clips.actor()), "better.mp4")
    with pytest.raises(NotAllowed, match="of their own"):
        services.review(revision, board[0], "approve")


def test_the_submitter_does_not_approve_what_another_revised(submit, board):
    member = add_member("frida")
    template = submit(by=member)
    revision = services.add_revision(template, board[0], io.BytesIO(clips.actor()), "better.mp4")
    with pytest.raises(NotAllowed, match="that they submitted"):
        services.review(revision, member, "approve")


def test_only_the_latest_revision_is_reviewed(template, revision, charlie, board):
    services.review(revision, board[0], "approve")
    newer = services.add_revision(template, charlie, io.BytesIO(clips.actor()), "again.mp4")
    with pytest.raises(NotAllowed, match="newer revision"):
        services.review(revision, board[1], "approve")
    services.review(newer, board[1], "approve")
    newer.refresh_from_db()
    assert newer.approved_at is None


def test_a_rejection_closes_a_revision(revision, board):
    services.review(revision, board[0], "reject", "She did not agree.")
    with pytest.raises(NotAllowed, match="rejected already"):
        services.review(revision, board[1], "approve")


def test_an_approved_revision_is_not_reviewed_again(approved):
    with pytest.raises(NotAllowed, match="approved already"):
        services.review(approved, add_member("frida"), "reject")


def test_any_one_member_withdraws_at_once(approved, board):
    services.withdraw(approved.template, board[1])

    template = approved.template
    assert template.withdrawn_at is not None and template.withdrawn_by == board[1]
    assert Job.objects.get(kind="prepare_template").state == "stopped"
    assert not services.is_orderable(approved)
    with pytest.raises(NotAllowed, match="“A talk” was withdrawn by the board on"):
        services.require_orderable(approved)
    assert Entry.objects.filter(verb="template withdrawn", actor=board[1]).count() == 1


def test_withdrawing_twice_is_one_withdrawal(template, board):
    for member in board:
        services.withdraw(template, member)
    assert template.withdrawn_by == board[0]
    assert Entry.objects.filter(verb="template withdrawn").count() == 1


def test_nobody_else_withdraws(template, charlie):
    for person in (charlie, make_user("root", is_superuser=True)):
        with pytest.raises(NotAllowed, match="Only members"):
            services.withdraw(template, person)


def test_a_withdrawn_template_is_not_reviewed(revision, board):
    services.withdraw(revision.template, board[0])
    with pytest.raises(NotAllowed, match="was withdrawn"):
        services.review(revision, board[1], "approve")


def test_films_are_ordered_only_with_what_is_approved_and_prepared(revision, board):
    with pytest.raises(NotAllowed, match="has not approved"):
        services.require_orderable(revision)
    for member in board:
        services.review(revision, member, "approve")
    with pytest.raises(NotAllowed, match="still being prepared"):
        services.require_orderable(revision)
    assert not queries.orderable_revisions().exists()
