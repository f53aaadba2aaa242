"""What is said at start when the keys are not as they must be."""

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import DatabaseError

from twinvault.custody.keys import KeyUnavailable, master_keys, readable_by_others
from twinvault.custody.models import Keyring


@register()
def key_files(**_kwargs) -> list[CheckMessage]:
    path = settings.ENV.master_key_file
    if not path.exists():
        return [
            Error(
                f"There is no master key file at {path}.",
                hint="On a new installation: manage.py make_keys. On an old one: put the lost file back, or nothing opens again.",
                id="custody.E001",
            )
        ]
    found: list[CheckMessage] = []
    if path.is_relative_to(settings.DATA_DIR):
        found.append(Error(f"The master key {path} lies in the data folder it protects.", id="custody.E002"))
    if readable_by_others(path):
        found.append(Warning(f"Others can read the master key {path}.", hint=f"chmod 600 {path}", id="custody.W001"))
    try:
        master_keys()
    except KeyUnavailable as error:
        found.append(Error(str(error), id="custody.E003"))
    if not settings.SECRET_KEY_IS_LASTING:
        found.append(
            Error("There is no lasting secret key: sessions end with the process.", hint="manage.py make_keys", id="custody.E004")
        )
    return found


@register("database")
def keys_that_are_needed(**_kwargs) -> list[CheckMessage]:
    """Every keyring's master key must be at hand (run by `check --database default` and by `migrate`)."""
    try:
        needed = set(Keyring.objects.values_list("master_key_id", flat=True).distinct())
        missing = needed - set(master_keys()[1])
    except (DatabaseError, KeyUnavailable):
        # no table yet, or the file itself is missing, which key_files says
        return []
    return [Error(f"Master key {key_id} is lost: what it wraps cannot be opened.", id="custody.E005") for key_id in missing]
