"""manage.py backup FOLDER"""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from twinvault.custody.backup.folder import BackupUnusable
from twinvault.custody.backup.making import make_backup
from twinvault.custody.keys import KeyUnavailable


class Command(BaseCommand):
    help = "Makes a backup of this running site in a folder, or renews the one that is there. The master keys are not in it."
    # what is left of a site that has lost something is worth a backup, too
    requires_system_checks: list[str] = []

    def add_arguments(self, parser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *, folder: Path, **_options) -> None:
        try:
            header = make_backup(folder, say=self._say)
        except (BackupUnusable, KeyUnavailable, OSError) as error:
            raise CommandError(str(error)) from error
        rows, size = sum(header.counts.values()), filesizeformat(header.objects_size)
        self.stdout.write(f"{folder} holds {header.objects} objects ({size}) and {rows} rows as of {header.made_at}")
        self.stdout.write(
            self.style.WARNING(
                "THE MASTER KEYS ARE NOT IN IT, AND WITHOUT THEM IT IS NOISE. Keep a copy of "
                f"{settings.ENV.master_key_file} in another place (needed: {', '.join(header.master_keys)})."
            )
        )

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()
