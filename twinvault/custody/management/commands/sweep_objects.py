"""manage.py sweep_objects"""

from django.core.management.base import BaseCommand

from twinvault.custody.orphans import OLD_ENOUGH, sweep


class Command(BaseCommand):
    help = f"Erases what killed processes left behind: encrypted files older than {OLD_ENOUGH.days} days that nothing points to."

    def handle(self, **_options) -> None:
        lost, files = sweep()
        self.stdout.write(f"erased {lost} objects that nothing pointed to, and {files} files that were no object's")
