"""manage.py verify_audit"""

from django.core.management.base import BaseCommand, CommandError

from twinvault.audit import anchors
from twinvault.audit.verify import Verification


class Command(BaseCommand):
    help = (
        "Tells whether the record of who did what is whole: finds entries that were edited, removed, inserted or re-ordered, by "
        "whatever means. May run while the site is used. Ends with status 1 if the record does not hold."
    )

    def handle(self, **_options) -> None:
        verification = Verification()
        faults = 0
        try:
            for finding in verification.findings():
                faults += 1
                self.stdout.write(str(finding))
        except OSError as error:
            raise CommandError(f"The anchors cannot be read: {error}.") from error
        dates = f" from {verification.begins:%Y-%m-%d} to {verification.ends:%Y-%m-%d}" if verification.begins else ""
        entries, known = verification.entries, verification.anchors
        checked = f"{entries} {'entry' if entries == 1 else 'entries'}{dates}, and {known} anchor{'' if known == 1 else 's'}"
        self.stdout.write(f"Checked {checked}.")
        if entries and not known:
            self.stdout.write(f"No anchors lie in {anchors.path()}: whether entries were cut off the end cannot be told here.")
        if faults:
            raise CommandError(f"The record does not hold: {faults} finding{'' if faults == 1 else 's'}.")
        self.stdout.write("The record holds.")
