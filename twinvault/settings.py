"""Django's settings. Everything that differs between installations comes from `twinvault.env`."""

import secrets

import dj_database_url

from twinvault.env import BASE_DIR, Environment, mail_server

ENV = Environment()
DATA_DIR = ENV.data_dir
KEY_DIR = ENV.master_key_file.parent
DEBUG = ENV.debug

_key_file = KEY_DIR / "django.key"
SECRET_KEY_IS_LASTING = bool(ENV.secret_key) or _key_file.exists()
SECRET_KEY = ENV.secret_key or (_key_file.read_text().strip() if _key_file.exists() else secrets.token_urlsafe(48))

ALLOWED_HOSTS = ENV.hosts
CSRF_TRUSTED_ORIGINS = ENV.origins

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "storages",
    "twinvault.accounts",
    "twinvault.custody",
    "twinvault.audit",
    "twinvault.jobs",
    "twinvault.vaults",
    "twinvault.safe",
    "twinvault.web",
    "acquisition",
    "processing",
    "templates_library",
    "generator",
    "generator.productions",
    "generator.scenes",
    "worker",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "twinvault.audit.middleware.FromWhere",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "twinvault.web.middleware.PrivatePages",
    "twinvault.web.middleware.UnopenedObjects",
]

ROOT_URLCONF = "twinvault.urls"
WSGI_APPLICATION = "twinvault.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

if ENV.database == "sqlite":
    # SQLite makes the file, not the folder
    DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "twinvault.sqlite3",
            "OPTIONS": {
                "timeout": 30,
                # a reader that turns writer would otherwise meet "database is locked" at once
                "transaction_mode": "IMMEDIATE",
                # secure_delete: a wrapped key that was destroyed must not be found in a free page
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
                ),
            },
        }
    }
else:
    DATABASES = {"default": dj_database_url.parse(ENV.database, conn_max_age=60, conn_health_checks=True)}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["twinvault.accounts.backends.AccountBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "sign_in"

if ENV.s3_bucket:
    _ciphertext = {
        "BACKEND": "twinvault.custody.s3.S3Ciphertext",
        "OPTIONS": {
            "bucket_name": ENV.s3_bucket,
            "endpoint_url": ENV.s3_endpoint or None,
            "access_key": ENV.s3_access_key or None,
            "secret_key": ENV.s3_secret_key or None,
            "region_name": ENV.s3_region or None,
        },
    }
else:
    _ciphertext = {
        "BACKEND": "twinvault.custody.ciphertext.FileCiphertext",
        "OPTIONS": {"location": DATA_DIR / "objects", "file_permissions_mode": 0o600},
    }
STORAGES = {
    # whatever is saved without saying where is encrypted
    "default": {"BACKEND": "twinvault.custody.storage.EncryptedStorage"},
    "ciphertext": _ciphertext,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
INCOMING_DIR = DATA_DIR / "incoming"
AUDIT_DIR = DATA_DIR / "audit"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var/static"
STATICFILES_DIRS = [
    ("vendor/htmx", ENV.node_modules / "htmx.org/dist"),
    ("vendor/tus", ENV.node_modules / "tus-js-client/dist"),
]

# a plaintext upload must never be spooled to disk: what passes through forms stays in memory, and large files come by tus
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = 256 * 2**20

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if ENV.behind_tls:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31536000
# that every other host below this one, and the whole domain for ever, speaks TLS is not ours to promise
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# not in settings of Django's own: mail can go out where it says how
MAIL_GOES_OUT = bool(ENV.mail)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENV.mail_from
globals().update(mail_server(ENV.mail))

BROKER_URL = ENV.broker or f"redis+socket://{BASE_DIR}/var/run/broker.sock"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}

UNFOLD = {"SITE_TITLE": "TwinVault", "SITE_HEADER": "TwinVault board"}
