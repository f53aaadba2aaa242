"""What the operator is told of the master keys."""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count

from twinvault.custody import keys
from twinvault.custody.models import StoredObject, in_use


@dataclass(frozen=True)
class MasterKeyUse:
    """One master key: where it stands, and how many keyrings and stored objects open by it."""

    id: str
    in_file: bool
    current: bool
    prepared: bool
    keyrings: int
    objects: int

    @property
    def is_lost(self) -> bool:
        return not self.in_file

    @property
    def can_be_retired(self) -> bool:
        return self.in_file and not (self.current or self.prepared or self.keyrings)


@dataclass(frozen=True)
class KeyOverview:
    """All master keys that are in the file or needed, and how far the rotation is."""

    keys: list[MasterKeyUse]

    @property
    def current(self) -> MasterKeyUse:
        return next(key for key in self.keys if key.current)

    @property
    def lost(self) -> list[MasterKeyUse]:
        return [key for key in self.keys if key.is_lost]

    @property
    def total(self) -> int:
        """Keyrings that can be opened."""
        return sum(key.keyrings for key in self.keys if key.in_file)

    @property
    def waiting(self) -> int:
        """Keyrings that can be opened and are not under the current key."""
        return self.total - self.current.keyrings

    @property
    def percent(self) -> int:
        """Of the keyrings that can be opened, those under the current key; 100 only when all are."""
        return 100 * self.current.keyrings // self.total if self.total else 100

    @property
    def next_steps(self) -> list[tuple[str, str]]:
        """(what for, what to type); nothing to type where a file has to be put back."""
        steps = [
            (f"Put master key {key.id} back into {settings.ENV.master_key_file}, from a copy of the key file.", "")
            for key in self.lost
        ]
        if self.waiting:
            steps.append(("Go on with the rotation.", "manage.py rotate_master_key"))
        elif any(key.prepared for key in self.keys):
            steps.append(("Copy the key file to the other machines, then begin the rotation.", "manage.py rotate_master_key"))
        retired = [
            (
                f"Make backups of the database from before the rotation unreadable: only {key.id} opens them.",
                f"manage.py retire_master_key {key.id}",
            )
            for key in self.keys
            if key.can_be_retired
        ]
        return steps + retired or [("All is well. A new rotation begins with this.", "manage.py rotate_master_key")]


def key_overview() -> KeyOverview:
    """KeyUnavailable if the key file is missing or damaged."""
    file = keys.key_file()
    keyrings = _counted(in_use().values_list("master_key_id"))
    objects = _counted(StoredObject.objects.exclude(wrapped_key=b"").values_list("keyring__master_key_id"))
    found = [
        MasterKeyUse(
            id=key_id,
            in_file=key_id in file.keys,
            current=key_id == file.current,
            prepared=key_id == file.prepared,
            keyrings=keyrings.get(key_id, 0),
            objects=objects.get(key_id, 0),
        )
        for key_id in {file.current, *file.keys, *keyrings}
    ]
    return KeyOverview(sorted(found, key=lambda key: (not key.current, not key.is_lost, key.id)))


def _counted(ids) -> dict[str, int]:
    return dict(ids.annotate(Count("pk")).order_by())


def lost_keys() -> list[MasterKeyUse]:
    """Master keys that keyrings need and the file does not hold. KeyUnavailable if the file is missing or damaged."""
    known = set(keys.key_file().keys)
    # the objects are counted only where there is something to tell: every process asks this as it starts
    needed = set(in_use().values_list("master_key_id", flat=True).distinct())
    return key_overview().lost if needed - known else []
