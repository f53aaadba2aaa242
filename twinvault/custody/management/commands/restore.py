"""manage.py restore FOLDER"""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from twinvault.custody.backup.folder import BackupUnusable
from twinvault.custody.backup.restoring import restore_backup
from twinvault.custody.keys import KeyUnavailable


class Command(BaseCommand):
    help = "Fills this empty installation with a backup. Its master key file must hold the keys of the backup."

    def add_arguments(self, parser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--verify", action="store_true", help="decrypt every object from end to end")

    def handle(self, *, folder: Path, verify: bool, **_options) -> None:
        try:
            header = restore_backup(folder, say=self._say, verify=verify)
        except (BackupUnusable, KeyUnavailable, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"restored as of {header.made_at}; uploads that were under way are sent again from the beginning")

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()
