"""What is said at start when the keys are not as they must be."""

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import DatabaseError

from twinvault.custody.keys import KeyUnavailable, master_keys, readable_by_group, readable_by_others
from twinvault.custody.queries import MasterKeyUse, lost_keys


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
        found.append(
            Error(f"Everybody on this machine can read the master key {path}.", hint=f"chmod 600 {path}", id="custody.E006")
        )
    elif readable_by_group(path):
        found.append(Warning(f"The group can read the master key {path}.", hint=f"chmod 600 {path}", id="custody.W001"))
    try:
        master_keys()
    except KeyUnavailable as error:
        found.append(Error(str(error), id="custody.E003"))
    if not settings.SECRET_KEY_IS_LASTING:
        found.append(
            Error("There is no lasting secret key: sessions end with the process.", hint="manage.py make_keys", id="custody.E004")
        )
    return found


def what_is_lost(key: MasterKeyUse) -> str:
    """One sentence on a master key that is not in the file."""
    return f"Master key {key.id} is lost: {key.keyrings} keyrings with {key.objects} stored objects cannot be opened."


@register("database")
def keys_that_are_needed(databases=None, **_kwargs) -> list[CheckMessage]:
    """Every keyring's master key must be at hand (run by `check --database default` and by `migrate`).

    A site with a lost key starts nevertheless, and says so (`twinvault.start`): what other keys wrap is still there for people.
    """
    return _lost() if databases else []


@register("database", deploy=True)
def keys_that_are_needed_to_deploy(databases=None, **_kwargs) -> list[CheckMessage]:
    """The same for `check --deploy`, which names no database."""
    return [] if databases else _lost()


def _lost() -> list[CheckMessage]:
    try:
        lost = lost_keys()
    except (DatabaseError, KeyUnavailable):
        # no table yet, or the file itself is missing, which key_files says
        return []
    hint = f"Put it back into {settings.ENV.master_key_file} from a copy. Until then: manage.py migrate --skip-checks"
    return [Error(what_is_lost(key), hint=hint, id="custody.E005") for key in lost]
