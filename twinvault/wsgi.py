"""The WSGI application that a web server runs: `gunicorn twinvault.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "twinvault.settings")
application = get_wsgi_application()

from twinvault.start import require_sound_settings  # noqa: E402

require_sound_settings()
