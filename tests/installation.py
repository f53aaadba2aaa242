"""An installation of its own, with its own data folder, key and database, for tests that need other processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests import environment
from tests.conftest import REPOSITORY


class Installation:
    """Below `folder`. Its master key is that of the tests, so that it can open what they have stored."""

    def __init__(self, folder: Path, **settings: str):
        self.data = folder / "data"
        self.data.mkdir()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("TWINVAULT_")} | {
            "DJANGO_SETTINGS_MODULE": "twinvault.settings",
            "PYTHONPATH": str(REPOSITORY),
            "TWINVAULT_DATA_DIR": str(self.data),
            "TWINVAULT_MASTER_KEY_FILE": str(environment.ROOT / "keys/master.json"),
            "TWINVAULT_SECRET_KEY": "only for tests",
            **{f"TWINVAULT_{name}": value for name, value in settings.items()},
        }

    def run(self, *command: str | Path) -> subprocess.CompletedProcess:
        """Runs a Python file or module in it to its end."""
        return subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=REPOSITORY,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def tell(self, *command: str | Path) -> dict:
        """The same, for a script that prints what happened as JSON in its last line."""
        done = self.run(*command)
        assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout.splitlines()[-1])
