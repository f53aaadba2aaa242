"""Making accounts."""

from django.db import transaction

from twinvault.accounts.models import User, board_group
from twinvault.audit.record import record


@transaction.atomic
def add_board_member(user: User, *, by=None) -> None:
    """Makes an account a member of the editorial board, which works in the admin."""
    user.groups.add(board_group())
    record("board member named", actor=by, target=user)
