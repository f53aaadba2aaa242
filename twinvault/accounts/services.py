"""Making accounts, and naming the editorial board."""

from django.contrib.auth.models import Permission
from django.db import transaction

from twinvault.accounts.models import User, board_group
from twinvault.audit.record import record

# what the board works on in the admin; approving and rejecting are actions of its own there
BOARD_MAY_VIEW = "templates_library"


@transaction.atomic
def make_account(username: str, email: str, password: str, *, name: str = "") -> User:
    """A new account. `name` is how pages address the person; the e-mail address is kept in lower case."""
    user = User.objects.create_user(username, email.lower(), password, first_name=name)
    record("account made", actor=user, target=user)
    return user


def user_called(who: str) -> User | None:
    """The active account with this user name or e-mail address, however it is capitalised; None if there is not exactly one.

    Nobody signs up with an @ in the user name, so the two are not mistaken for each other.
    """
    who = who.strip()
    field = "email" if "@" in who else "username"
    alike = list(User.objects.filter(**{f"{field}__iexact": who}, is_active=True))
    exact = [user for user in alike if getattr(user, field) == who]
    found = exact or alike
    return found[0] if len(found) == 1 else None


@transaction.atomic
def add_board_member(user: User, *, by=None) -> None:
    """Makes an account a member of the editorial board, which works in the admin."""
    group = board_group()
    group.permissions.add(*Permission.objects.filter(content_type__app_label=BOARD_MAY_VIEW, codename__startswith="view_"))
    user.groups.add(group)
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    record("board member named", actor=by, target=user)


@transaction.atomic
def remove_board_member(user: User, *, by=None) -> None:
    """Releases an account from the board. Only a superuser keeps the way into the admin."""
    user.groups.remove(board_group())
    user.is_staff = user.is_superuser
    user.save(update_fields=["is_staff"])
    record("board member released", actor=by, target=user)
