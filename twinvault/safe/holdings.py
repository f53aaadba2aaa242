"""What each app holds of a vault, and how it is erased, exported and imported.

The safe stands below the apps whose rows it erases and exports. So each of them says here, once, at start (`AppConfig.ready`),
what it holds:

    declare(Holding("acquisition", rows=rows, erase=erase, paths=paths))

Stored objects need no declaring: all that lie in the vault's keyring are found there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Model, QuerySet

from twinvault.safe.models import Scope
from twinvault.vaults.models import Vault


@dataclass(frozen=True)
class Rows:
    """Rows of one model that belong to a vault. `words` are properties that are encrypted in the row and open in an export."""

    queryset: QuerySet
    words: tuple[str, ...] = ()


def _nothing(_vault: Vault) -> list:
    return []


def _no_keys(_vault: Vault, _scope: Scope) -> None:
    pass


@dataclass(frozen=True)
class Holding:
    """What one app holds.

    models        every model of `rows`: an import takes no other
    rows          what is exported, and imported in this order, with what they point to first
    erase         removes the rows whose objects have lost their keys, and what else the scope takes; in a transaction, the
                  highest app first, and may be called again. The objects themselves are erased by the safe.
    destroy_keys  for keys that lie elsewhere than with stored objects; in the transaction in which an erasure is asked for
    paths         (object id, path) of objects that shall lie in the export under a name that a person understands
    texts         (path, bytes) of what is written for people: labels as JSON
    imported      takes back, of rows that an import has just made, what this house is to judge for itself
    """

    app: str
    models: tuple[type[Model], ...]
    rows: Callable[[Vault], list[Rows]]
    erase: Callable[[Vault, Scope], None]
    destroy_keys: Callable[[Vault, Scope], None] = _no_keys
    paths: Callable[[Vault], Iterator[tuple[UUID, str]] | list] = _nothing
    texts: Callable[[Vault], Iterator[tuple[str, bytes]] | list] = _nothing
    imported: Callable[[Vault], object] = _nothing


_holdings: dict[str, Holding] = {}


def declare(holding: Holding) -> None:
    _holdings[holding.app] = holding


def holdings() -> list[Holding]:
    """Every app's, in the order in which they stand on each other."""
    return list(_holdings.values())
