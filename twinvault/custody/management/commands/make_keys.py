"""manage.py make_keys"""

import os
import secrets

from django.conf import settings
from django.core.management.base import BaseCommand

from twinvault.custody.keys import make_master_key_file


class Command(BaseCommand):
    help = "Makes the master key file and Django's secret key where they are missing. Never overwrites one."
    requires_system_checks: list[str] = []

    def handle(self, **_options) -> None:
        path = settings.ENV.master_key_file
        if path.exists():
            self.stdout.write(f"kept {path}")
        else:
            make_master_key_file(path)
            self.stdout.write(f"made {path}: keep a copy in a safe place; without it nothing can be opened again")
        key_file = settings.KEY_DIR / "django.key"
        if not settings.ENV.secret_key and not key_file.exists():
            descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(48))
