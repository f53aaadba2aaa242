"""manage.py serve"""

import json
import signal
import time
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from twinvault.env import BASE_DIR
from twinvault.start import lost_key_sentences
from worker.stack import Stack, StackFailed

SIGN_IN = BASE_DIR / "var/demo/accounts.json"


class Command(BaseCommand):
    help = "Runs everything on this machine: broker, web server, a worker for each queue. Ctrl-C stops it all."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--logs", type=Path, default=BASE_DIR / "var/log", help="where the processes write their logs")

    def handle(self, host: str, port: int, logs: Path, **_options) -> None:
        # also where a shell that started it in the background had Ctrl-C ignored
        for asked in (signal.SIGTERM, signal.SIGINT):
            signal.signal(asked, _interrupt)
        try:
            with Stack(host=host, port=port, logs=logs) as stack:
                self.stdout.write(self.style.SUCCESS(f"TwinVault is at {stack.url}") + f", data in {settings.DATA_DIR}")
                self.stdout.write(f"Logs are in {stack.logs}. Ctrl-C stops it.")
                self._say_who()
                # the processes say it, too, but in their logs
                for sentence in lost_key_sentences():
                    self.stderr.write(self.style.ERROR(sentence))
                while True:
                    for name in stack.keep_up():
                        self.stderr.write(f"{name} ended by itself and was started again; see {stack.logs / name}.log")
                    time.sleep(1)
        except StackFailed as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")

    def _say_who(self) -> None:
        if not SIGN_IN.exists() or settings.DATA_DIR != BASE_DIR / "var/data":
            self.stdout.write("Open the address and sign up, or sign in.")
            return
        self.stdout.write("The demo made these people:")
        for role, person in json.loads(SIGN_IN.read_text()).items():
            self.stdout.write(f"  {role:<12} sign in as {person['username']} with {person['password']}")


def _interrupt(*_arguments) -> None:
    raise KeyboardInterrupt
