#!/usr/bin/env python
"""TwinVault's command line: `python manage.py help` lists what it can do."""

import os
import sys

from django.core.management import execute_from_command_line

from twinvault.audit.origin import acting_from

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "twinvault.settings")
    with acting_from(f"command {sys.argv[1] if len(sys.argv) > 1 else 'help'}"):
        execute_from_command_line(sys.argv)
