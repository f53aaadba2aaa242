"""What a long-running process does before it takes work."""

import sys

from django.core.management.base import BaseCommand, SystemCheckError


def require_sound_settings() -> None:
    """Ends the process where `manage.py check` would find an error, with the same words."""
    try:
        BaseCommand().check(display_num_errors=True)
    except SystemCheckError as error:
        sys.exit(str(error))
