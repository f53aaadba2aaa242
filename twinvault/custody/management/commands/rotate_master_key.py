"""manage.py rotate_master_key"""

from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from twinvault.custody import rotation
from twinvault.custody.checks import what_is_lost
from twinvault.custody.keys import KeyUnavailable
from twinvault.custody.queries import key_overview


class Command(BaseCommand):
    help = (
        "Makes a new master key the current one and wraps every keyring's working key by it. No stored file is touched, and the "
        "site may run meanwhile. It may be stopped, or killed, and run again: a rotation that has not ended is gone on with. "
        "The old key stays in the key file, so that older copies of the database open, until manage.py retire_master_key takes "
        "it out. Several machines with copies of the key file: --prepare, copy the file to all of them, run it without."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--prepare", action="store_true", help="only add the next key to the file, to be copied to other machines first"
        )
        parser.add_argument(
            "--new", action="store_true", help="add a fresh key even if one was prepared or the last rotation has not ended"
        )

    def handle(self, prepare: bool, new: bool, **_options) -> None:
        try:
            if prepare:
                self._prepare(new)
            else:
                self._rotate(new)
        except KeyUnavailable as error:
            raise CommandError(f"{error}. Put it back from a copy; nothing was changed.") from error
        except OSError as error:
            raise CommandError(f"{settings.ENV.master_key_file} cannot be replaced: {error}") from error

    def _prepare(self, new: bool) -> None:
        path = settings.ENV.master_key_file
        key_id, added = rotation.prepare(new)
        self.stdout.write(f"Master key {key_id} {'was added as' if added else 'is'} the next one; nothing is wrapped by it yet.")
        self.stdout.write(f"Copy {path} to every machine, and to where you keep your copy. Then: manage.py rotate_master_key")

    def _rotate(self, new: bool) -> None:
        current, begun = rotation.begin(new)
        overview = key_overview()
        total, done = overview.total, overview.total - overview.waiting
        if begun:
            self.stdout.write(f"Master key {current} is the current one now.")
            self.stdout.write(
                self.style.WARNING(
                    f"Copy {settings.ENV.master_key_file} to a safe place: older copies of it do not open what is new."
                )
            )
        else:
            self.stdout.write(f"The rotation to master key {current} goes on.")
        unopened: set[UUID] = set()
        for batch in rotation.rewrap_all():
            unopened |= batch.unopened
            # others may wrap at the same time, and new keyrings come
            done = min(total, done + batch.wrapped)
            if batch.wrapped:
                self.stdout.write(f"  {done} of {total} keyrings ({100 * done // total} %)")
                self.stdout.flush()
        self._tell_the_end(len(unopened))

    def _tell_the_end(self, unopened: int) -> None:
        overview = key_overview()
        current = overview.current
        self.stdout.write(f"{current.keyrings} keyrings with {current.objects} stored objects are under {current.id}.")
        for purpose, command in overview.next_steps:
            if command:
                self.stdout.write(f"{purpose}\n    {command}")
        troubles = [what_is_lost(key) for key in overview.lost]
        if unopened:
            troubles.append(f"{unopened} keyrings did not open and are under their old master key; they are named above.")
        if troubles:
            raise CommandError(" ".join(troubles))
