"""manage.py verify_objects"""

import sys

from django.core.management.base import BaseCommand

from twinvault.custody.archive import ObjectSealed
from twinvault.custody.keys import KeyUnavailable
from twinvault.custody.models import StoredObject
from twinvault.custody.objects import open_object
from twinvault.custody.stream import StreamDamaged

PIECE = 2**20


class Command(BaseCommand):
    help = "Decrypts every stored object to its end; names those that are damaged, missing or without a key. Status 1 if any is."

    def handle(self, **_options) -> None:
        sound = sealed = 0
        wrong = []
        for stored in StoredObject.objects.select_related("keyring").order_by("id").iterator():
            try:
                with open_object(stored) as reader:
                    while reader.read(PIECE):
                        pass
            except ObjectSealed:
                sealed += 1
            except (StreamDamaged, KeyUnavailable, OSError) as error:
                wrong.append(stored)
                self.stdout.write(f"{stored.kind} {stored.id}, vault key {stored.keyring_id}: {error}")
            else:
                sound += 1
        self.stdout.write(f"{sound} sound, {len(wrong)} not, {sealed} sealed (they can be verified while their safe is unsealed)")
        if wrong:
            sys.exit(1)
