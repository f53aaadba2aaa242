"""manage.py make_board_member"""

from django.core.management.base import BaseCommand, CommandError

from twinvault.accounts.models import User
from twinvault.accounts.services import add_board_member


class Command(BaseCommand):
    help = "Makes accounts members of the editorial board, which approves the videos a face may be put into."

    def add_arguments(self, parser) -> None:
        parser.add_argument("usernames", nargs="+")

    def handle(self, usernames: list[str], **_options) -> None:
        people = {user.username: user for user in User.objects.filter(username__in=usernames)}
        missing = [name for name in usernames if name not in people]
        if missing:
            raise CommandError(f"There is no account called {', '.join(missing)}.")
        for user in people.values():
            add_board_member(user)
            self.stdout.write(f"{user.username} is a member of the editorial board")
