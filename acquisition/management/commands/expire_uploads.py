"""manage.py expire_uploads"""

from django.core.management.base import BaseCommand

from acquisition.uploads.services import expire_uploads


class Command(BaseCommand):
    help = "Discards uploads that were left alone for too long. Run it once a day."

    def handle(self, **_options) -> None:
        discarded, swept = expire_uploads()
        self.stdout.write(f"{discarded} uploads discarded, {swept} stray files removed")
