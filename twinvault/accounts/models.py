"""Who signs in."""

from django.contrib.auth.models import AbstractUser, Group
from django.db import models

BOARD = "Editorial board"


class User(AbstractUser):
    """A person with an account. Roles are per vault (`vaults.Membership`); the board is a group."""

    email = models.EmailField(unique=True)

    @property
    def is_board_member(self) -> bool:
        return self.groups.filter(name=BOARD).exists()

    @property
    def called(self) -> str:
        """How pages address this person."""
        return self.get_full_name() or self.username


def board_group() -> Group:
    """The editorial board's group, made if this installation has none yet."""
    return Group.objects.get_or_create(name=BOARD)[0]
