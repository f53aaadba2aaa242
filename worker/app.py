"""What `celery -A worker.app worker` loads: Django, the Celery application, and the one task."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "twinvault.settings")
django.setup()

from twinvault.jobs.broker import app  # noqa: E402
from twinvault.start import require_sound_settings  # noqa: E402
from worker import lifecycle, tasks  # noqa: E402, F401

require_sound_settings()

__all__ = ["app"]
