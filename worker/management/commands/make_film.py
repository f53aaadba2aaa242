"""manage.py make_film"""

import io
import json
import sys
from pathlib import Path
from typing import NoReturn

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection

from worker import sandbox

# what is wrong with the files, told in one sentence
UNUSABLE = 2


class Command(BaseCommand):
    help = (
        "Makes one film from any footage, in a throw-away sandbox with its own data folder, key and database. "
        "The live installation is never touched. Ctrl-C ends it and leaves nothing behind."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--subject", nargs="+", type=Path, required=True, metavar="FILE", help="videos and pictures of one person"
        )
        parser.add_argument("--template", type=Path, required=True, metavar="FILE", help="the video to put the face into")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the film goes, an .mp4")
        parser.add_argument("--train-seconds", type=float, default=240.0, help="how long to learn (default 240)")
        parser.add_argument("--preset", default="quick", help="size of the face: tiny, quick (default), standard, fine or studio")
        parser.add_argument("--report", type=Path, metavar="FILE", help="where the measures go, a .json")
        parser.add_argument("--bare", action="store_true", help="no title and closing cards: frame by frame with the template")
        parser.add_argument("--name", default="", help="the name on the title card")

    def handle(self, **options) -> None:
        for path in [*options["subject"], options["template"]]:
            if not path.is_file():
                self._end(f"There is no file {path}.")
        for path in filter(None, [options["out"], options["report"]]):
            if not path.resolve().parent.is_dir():
                self._end(f"There is no folder {path.resolve().parent} to write {path.name} to.")
        if options["train_seconds"] <= 0:
            self._end("--train-seconds must be more than 0.")
        if not sandbox.inside():
            status = sandbox.run_inside(_command(options))
            if status == sandbox.INTERRUPTED:
                self.stderr.write("Stopped; nothing was kept.")
            sys.exit(status)
        self._make(options)

    def _end(self, sentence: str, status: int = UNUSABLE) -> NoReturn:
        self.stderr.write(sentence)
        sys.exit(status)

    def _make(self, options) -> None:
        # these load torch, which the outer process does not need
        from worker import film_maker
        from worker.inline import JobFailed
        from worker.report import missed, table

        call_command("make_keys", stdout=io.StringIO())
        call_command("migrate", verbosity=0)
        try:
            film, report = film_maker.make_film(
                options["subject"],
                options["template"],
                seconds=options["train_seconds"],
                preset=options["preset"],
                name=options["name"],
                bare=options["bare"],
                say=self.stderr.write,
            )
        except film_maker.Unusable as error:
            self._end(str(error))
        except JobFailed as error:
            self.stderr.write(error.cause)
            self._end(str(error), 1)
        finally:
            connection.close()
        options["out"].write_bytes(film)
        report["film"]["path"] = str(options["out"])
        if options["report"]:
            options["report"].write_text(json.dumps(report, indent=1) + "\n")
        self.stdout.write(table(report, film_maker.MARKS))
        if failed := missed(report, film_maker.MARKS):
            self.stderr.write(f"The film is at {options['out']}, and missed {len(failed)} of its marks.")
        else:
            self.stdout.write(self.style.SUCCESS(f"The film is at {options['out']}."))


def _command(options) -> list[str]:
    """The same command for the process inside the sandbox, whose working folder is another."""
    command = ["make_film", "--subject", *(str(path.resolve()) for path in options["subject"])]
    command += ["--template", str(options["template"].resolve()), "--out", str(options["out"].resolve())]
    command += ["--train-seconds", str(options["train_seconds"]), "--preset", options["preset"], "--name", options["name"]]
    if options["report"]:
        command += ["--report", str(options["report"].resolve())]
    return [*command, "--bare"] if options["bare"] else command
