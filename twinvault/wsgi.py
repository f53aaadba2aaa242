"""The WSGI application that a web server runs: `gunicorn twinvault.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

from twinvault.start import require_sound_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "twinvault.settings")
application = get_wsgi_application()
require_sound_settings()
