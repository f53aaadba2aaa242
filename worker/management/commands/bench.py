"""manage.py bench"""

import importlib
import io
import sys
import traceback

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from worker import sandbox
from worker.bench import BENCHES, OTHERS, rows


class Command(BaseCommand):
    help = (
        "Measures how fast and how frugal the house is, in a throw-away installation; prints the figures beside their marks and "
        "leaves them in var/bench/NAME.json. Ends with status 1 if a mark is missed."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHES)} (default: all of these), {', '.join(OTHERS)}"
        )

    def handle(self, names: list[str], **_options) -> None:
        known = BENCHES + OTHERS
        if unknown := set(names) - set(known):
            raise CommandError(f"There is no bench {', '.join(sorted(unknown))}. There are: {', '.join(known)}.")
        if sandbox.inside():
            self._measure(*names)
            return
        statuses = [sandbox.run_inside(["bench", name]) for name in names or BENCHES]
        if any(statuses):
            sys.exit(max(statuses))

    def _measure(self, name: str) -> None:
        call_command("make_keys", stdout=io.StringIO())
        call_command("migrate", verbosity=0)
        found, broken = [], []
        for measure in importlib.import_module(f"worker.bench.{name.replace('-', '_')}").MEASURES:
            try:
                for row in measure():
                    found.append(row)
                    self.stdout.write(rows.line(row))
                    self.stdout.flush()
            except Exception:
                # the rows of the others took minutes, and stand all the same
                self.stderr.write(traceback.format_exc())
                broken.append(measure.__name__)
        if found:
            self.stdout.write(f"  {rows.write(found, name)}")
        if broken:
            raise CommandError(f"Not measured, since it broke: {', '.join(broken)}.")
        if not all(row.holds for row in found):
            sys.exit(1)
