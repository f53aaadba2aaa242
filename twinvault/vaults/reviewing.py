"""The board's rules: two members, none of them an author, approve the latest revision; one word against closes it.

The same for everything a face may be put into, and for consents of those who cannot be asked, whatever rows it is kept in.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from twinvault.vaults.services import NotAllowed

APPROVALS_NEEDED = 2


@dataclass(frozen=True)
class UnderReview:
    """One revision as the rules see it. thing: what pages call that of which it is a revision, "template". author, submitter:
    accounts' ids, of who wrote this revision and who the first. reviewers: ids of those who gave their word on it."""

    thing: str
    author: Any
    submitter: Any
    is_latest: bool
    is_approved: bool
    is_rejected: bool
    reviewers: Collection[Any] = ()


def require_board_member(user, deed: str) -> None:
    """NotAllowed for anybody who is no active member of the board; a superuser is no exception. deed: "withdraw templates"."""
    if not user.is_active or not user.is_board_member:
        raise NotAllowed(f"Only members of the editorial board {deed}.")


def require_may_review(reviewer, asked: UnderReview) -> None:
    """NotAllowed, with the reason, unless the person may give their word on this revision."""
    thing = asked.thing
    require_board_member(reviewer, f"review {thing}s")
    if reviewer.pk == asked.author:
        raise NotAllowed("Nobody reviews a revision of their own.")
    if reviewer.pk == asked.submitter:
        raise NotAllowed(f"Nobody reviews a {thing} that they submitted.")
    if not asked.is_latest:
        raise NotAllowed(f"There is a newer revision of this {thing}: review that one.")
    if asked.is_approved:
        raise NotAllowed(f"This revision is approved already; a board member may still withdraw the {thing}.")
    if asked.is_rejected:
        raise NotAllowed("This revision was rejected already: it needs a new revision.")
    if reviewer.pk in asked.reviewers:
        raise NotAllowed("You have given your word on it already.")
