"""Who comes back with a session."""

from django.contrib.auth.backends import ModelBackend
from django.db.models import Exists, OuterRef

from twinvault.accounts.models import BOARD, User


class AccountBackend(ModelBackend):
    """Django's own, but whether somebody is on the board, which every page asks, is loaded together with them."""

    def get_user(self, user_id) -> User | None:
        on_board = User.groups.through.objects.filter(user_id=OuterRef("pk"), group__name=BOARD)
        user = User.objects.annotate(on_board=Exists(on_board)).filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
