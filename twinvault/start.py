"""What a long-running process does before it takes work."""

import logging
import sys

from django.core.management.base import BaseCommand, SystemCheckError
from django.db import DatabaseError, connection

from twinvault.custody.checks import what_is_lost
from twinvault.custody.queries import lost_keys

log = logging.getLogger(__name__)


def require_sound_settings() -> None:
    """Ends the process where `manage.py check` would find an error, with the same words; says loudly what cannot be opened."""
    try:
        BaseCommand().check(display_num_errors=True)
    except SystemCheckError as error:
        sys.exit(str(error))
    for sentence in lost_key_sentences():
        log.critical("%s", sentence)
    # the processes that are forked from this one must not share its connection
    connection.close()


def lost_key_sentences() -> list[str]:
    """What cannot be opened for want of its master key. The rest stays of use, so nothing ends because of it."""
    try:
        return [what_is_lost(key) for key in lost_keys()]
    except DatabaseError as error:
        # the database has no tables yet or is not up yet, and is waited for elsewhere
        log.warning("whether all master keys are at hand could not be seen: %s", error)
        return []
