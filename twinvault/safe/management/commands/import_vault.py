"""manage.py import_vault"""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from twinvault.accounts.services import user_called
from twinvault.safe.importing import ImportRefused, import_vault


class Command(BaseCommand):
    help = (
        "Takes an exported vault into this installation. One that was broken off goes on where it was when it is typed again. "
        "The ZIP is not encrypted: remove it when you are done."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--owner", required=True, help="user name or e-mail address of who owns the vault here")

    def handle(self, file: Path, owner: str, **_options) -> None:
        user = user_called(owner)
        if user is None:
            raise CommandError(f"Nobody here is called {owner}: the owner needs an account first.")
        try:
            with tqdm(total=1, unit="B", unit_scale=True, disable=None) as bar:

                def show(done: int, total: int) -> None:
                    bar.total = total
                    bar.update(done - bar.n)

                vault = import_vault(file, user, show)
        except ImportRefused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{vault.name} is here, owned by {user.username}: /vaults/{vault.id}/")
