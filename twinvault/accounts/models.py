"""Who signs in."""

from django.contrib.auth.models import AbstractUser, Group
from django.db import models

BOARD = "Editorial board"


class User(AbstractUser):
    """A person with an account. Roles are per vault (`vaults.Membership`); the board is a group."""

    email = models.EmailField(unique=True)
    # what `backends.py` loads with the person of a request; None elsewhere
    on_board: bool | None = None

    @property
    def is_board_member(self) -> bool:
        """As it is now, or, of the person of a request, as it was when the request began."""
        return self.groups.filter(name=BOARD).exists() if self.on_board is None else self.on_board

    @property
    def called(self) -> str:
        """How pages address this person."""
        return self.get_full_name() or self.username


def board_group() -> Group:
    """The editorial board's group, made if this installation has none yet."""
    return Group.objects.get_or_create(name=BOARD)[0]
