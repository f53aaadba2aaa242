"""What a process that was killed left behind: objects that no row points to, and ciphertext that no object claims."""

from collections.abc import Iterator
from datetime import timedelta

from django.core.files.storage import storages
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from twinvault.custody import objects
from twinvault.custody.models import LentKey, StoredObject

# work that is under way may still come to point to what it has stored
OLD_ENOUGH = timedelta(days=2)


def pointed_to_by_nobody() -> QuerySet[StoredObject]:
    """Stored objects that no foreign key in any table points to."""
    found = StoredObject.objects.all()
    for relation in StoredObject._meta.get_fields(include_hidden=True):
        if not relation.auto_created or relation.concrete or relation.many_to_many:
            continue
        model = relation.related_model
        if model is not LentKey:
            found = found.filter(~Exists(model._base_manager.filter(**{relation.field.attname: OuterRef("pk")})))
    return found


def sweep() -> tuple[int, int]:
    """Erases both kinds once they are old enough: how many objects, and how many files that were nobody's."""
    before = timezone.now() - OLD_ENOUGH
    lost = list(pointed_to_by_nobody().filter(created_at__lt=before))
    for stored in lost:
        objects.erase(stored)
    storage, files = storages["ciphertext"], 0
    for name in _names(storage):
        keyring_id, _, object_id = name.partition("/")
        claimed = StoredObject.objects.filter(keyring_id=keyring_id, id=object_id).exists()
        if not claimed and storage.get_modified_time(name) < before:
            storage.delete(name)
            files += 1
    return len(lost), files


def _names(storage) -> Iterator[str]:
    try:
        folders, _ = storage.listdir("")
    except FileNotFoundError:
        return
    for folder in folders:
        yield from (f"{folder}/{name}" for name in storage.listdir(folder)[1])
