"""Tests never touch an installation's data: they have their own folder, keys, broker and database.

A plugin (`-p tests.environment` in pyproject.toml), because pytest-django reads the settings before any conftest is imported.
"""

import os
import tempfile
from pathlib import Path

ROOT = Path(tempfile.mkdtemp(prefix="twinvault-tests-"))
for name in [name for name in os.environ if name.startswith("TWINVAULT_") and name != "TWINVAULT_NODE_MODULES"]:
    del os.environ[name]
os.environ["TWINVAULT_DATA_DIR"] = str(ROOT / "data")
os.environ["TWINVAULT_MASTER_KEY_FILE"] = str(ROOT / "keys/master.json")
os.environ["TWINVAULT_SECRET_KEY"] = "only for tests"
os.environ["TWINVAULT_BROKER"] = "memory://"
os.environ["TWINVAULT_TRAIN_PRESET"] = "tiny"
# two threads that wait for each other on a machine that is busy otherwise make a training fifty times slower
os.environ.setdefault("OMP_NUM_THREADS", "1")
