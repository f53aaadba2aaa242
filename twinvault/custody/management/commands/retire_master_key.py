"""manage.py retire_master_key ID"""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from twinvault.custody import rotation
from twinvault.custody.keys import KeyUnavailable


class Command(BaseCommand):
    help = (
        "Takes a master key out of the key file once no keyring is wrapped by it. Copies of the database from before the "
        "rotation, backups among them, are wrapped by the old key: with this key file they can no longer be opened, and with "
        "them all that was erased since. Whoever holds an older copy of the key file can still open them: keep one, apart from "
        "the backups, if you want those to stay readable; destroy every one if you want them gone."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("id", metavar="ID", help="the id of the master key, as rotate_master_key and the admin name it")

    def handle(self, id: str, **_options) -> None:
        path = settings.ENV.master_key_file
        try:
            rotation.retire(id)
        except rotation.RotationRefused as error:
            raise CommandError(str(error)) from error
        except KeyUnavailable as error:
            raise CommandError(f"{error}. Put it back from a copy; nothing was changed.") from error
        except OSError as error:
            raise CommandError(f"{path} cannot be replaced: {error}") from error
        self.stdout.write(self.style.SUCCESS(f"Master key {id} is no longer in {path}."))
        self.stdout.write(
            f"Nothing that lies here now needs it. What can no longer be opened with this key file: every copy of the database "
            f"from before the rotation away from {id}, and in it all that was erased since.\n"
            f"A copy of the key file from before still opens those backups. If they are to be gone, destroy every such copy, on "
            f"other machines, too; if they are to be kept, keep one, apart from them.\n"
            f"Keep a copy of the key file as it is now: {path}"
        )
