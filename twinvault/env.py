"""Everything that comes from the environment, read once, typed.

A secret may be given directly (`TWINVAULT_SECRET_KEY`) or as the path of a file that holds it (`TWINVAULT_SECRET_KEY_FILE`).
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent


class WrongSetting(ValueError):
    """An environment variable holds something that cannot be used; the message names it."""


def text(name: str, default: str = "") -> str:
    return os.environ.get(f"TWINVAULT_{name}", default)


def secret(name: str, default: str = "") -> str:
    """A value, or the content of the file named by the variable with `_FILE` behind it."""
    path = text(f"{name}_FILE")
    if not path:
        return text(name, default)
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise WrongSetting(f"TWINVAULT_{name}_FILE: cannot read {path}: {error.strerror}") from error


def number(name: str, default: float) -> float:
    value = text(name, str(default))
    try:
        return float(value)
    except ValueError as error:
        raise WrongSetting(f"TWINVAULT_{name} must be a number, not {value!r}") from error


def switch(name: str, default: bool = False) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value not in {"0", "1", "true", "false", "yes", "no", "on", "off"}:
        raise WrongSetting(f"TWINVAULT_{name} must be 1 or 0, not {value!r}")
    return value in {"1", "true", "yes", "on"}


def words(name: str, default: str) -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def mail_server(address: str) -> dict:
    """Django's settings for mail, by an address such as smtp+tls://user:password@host:587; smtps:// is TLS from the first byte.

    file:///folder leaves each mail there instead; an empty address: no mail goes out.
    """
    if not address:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    try:
        parts = urlsplit(address)
        port = parts.port or {"smtp": 25, "smtp+tls": 587, "smtps": 465}.get(parts.scheme)
    except ValueError as error:
        raise WrongSetting(f"TWINVAULT_MAIL is no address of a mail server: {error}") from error
    if parts.scheme == "file":
        return {"EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend", "EMAIL_FILE_PATH": parts.path}
    if port is None or not parts.hostname:
        raise WrongSetting(
            "TWINVAULT_MAIL must look like smtp+tls://user:password@host:587, smtps://..., smtp://... or file:///folder"
        )
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        # a page waits for it
        "EMAIL_TIMEOUT": 20,
    }


@dataclass(frozen=True)
class Environment:
    """The environment of one process. Paths are absolute, durations in seconds, sizes in bytes."""

    debug: bool = field(default_factory=lambda: switch("DEBUG"))
    secret_key: str = field(default_factory=lambda: secret("SECRET_KEY"))
    hosts: list[str] = field(default_factory=lambda: words("HOSTS", "127.0.0.1,localhost,[::1]"))
    origins: list[str] = field(default_factory=lambda: words("ORIGINS", ""))
    behind_tls: bool = field(default_factory=lambda: switch("BEHIND_TLS"))
    data_dir: Path = field(default_factory=lambda: Path(text("DATA_DIR", str(BASE_DIR / "var/data"))).resolve())
    master_key_file: Path = field(
        default_factory=lambda: Path(text("MASTER_KEY_FILE", str(BASE_DIR / "var/keys/master.json"))).resolve()
    )
    node_modules: Path = field(default_factory=lambda: Path(text("NODE_MODULES", str(BASE_DIR / "node_modules"))).resolve())
    database: str = field(default_factory=lambda: secret("DATABASE", "sqlite"))
    broker: str = field(default_factory=lambda: secret("BROKER", ""))
    mail: str = field(default_factory=lambda: secret("MAIL"))
    mail_from: str = field(default_factory=lambda: text("MAIL_FROM", "TwinVault <twinvault@localhost>"))
    s3_bucket: str = field(default_factory=lambda: text("S3_BUCKET"))
    s3_endpoint: str = field(default_factory=lambda: text("S3_ENDPOINT"))
    s3_region: str = field(default_factory=lambda: text("S3_REGION"))
    s3_access_key: str = field(default_factory=lambda: secret("S3_ACCESS_KEY"))
    s3_secret_key: str = field(default_factory=lambda: secret("S3_SECRET_KEY"))
    upload_limit: int = field(default_factory=lambda: int(number("UPLOAD_LIMIT", 20 * 2**30)))
    upload_expires_s: float = field(default_factory=lambda: number("UPLOAD_EXPIRES_S", 7 * 86400))
    job_lease_s: float = field(default_factory=lambda: number("JOB_LEASE_S", 30))
    sweep_every_s: float = field(default_factory=lambda: number("SWEEP_EVERY_S", 5))
    checkpoint_every_s: float = field(default_factory=lambda: number("CHECKPOINT_EVERY_S", 20))
    cpu_workers: int = field(default_factory=lambda: int(number("CPU_WORKERS", 1)))
    train_seconds: float = field(default_factory=lambda: number("TRAIN_SECONDS", 240))
    train_preset: str = field(default_factory=lambda: text("TRAIN_PRESET"))
    base_seconds: float = field(default_factory=lambda: number("BASE_SECONDS", 600))
    base_quiet_s: float = field(default_factory=lambda: number("BASE_QUIET_S", 300))
