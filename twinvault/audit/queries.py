"""Reads on the record, as the owner of a vault sees it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from uuid import UUID

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils import timezone

from twinvault.audit.models import Entry
from twinvault.audit.verify import misfits

ENTRIES_A_PAGE = 50
BATCH = 500
NOBODY = "nobody"


def entries_of(
    vault_id: UUID, *, person: str = "", deed: str = "", since: date | None = None, until: date | None = None
) -> QuerySet[Entry]:
    """A vault's entries, newest first. person: the id of an account, or NOBODY for what the server did by itself.

    deed: the verb. since, until: days in the time of the server, both included. What is empty does not narrow it down.
    """
    entries = Entry.objects.filter(vault_id=vault_id).select_related("actor").order_by("-id")
    if person:
        entries = entries.filter(actor__isnull=True) if person == NOBODY else entries.filter(actor_id=person)
    if deed:
        entries = entries.filter(verb=deed)
    if since:
        entries = entries.filter(at__gte=timezone.make_aware(datetime.combine(since, time.min)))
    if until:
        entries = entries.filter(at__lte=timezone.make_aware(datetime.combine(until, time.max)))
    return entries


def people_in(vault_id: UUID) -> list:
    """Everybody who did something in a vault, by their names."""
    acted = Entry.objects.filter(vault_id=vault_id).order_by().values("actor_id")
    return sorted(get_user_model().objects.filter(id__in=acted), key=lambda user: (user.called.casefold(), user.pk))


def deeds_in(vault_id: UUID) -> list[str]:
    return list(Entry.objects.filter(vault_id=vault_id).order_by("verb").values_list("verb", flat=True).distinct())


def oldest_first(entries: QuerySet[Entry]) -> Iterator[Entry]:
    """All of them, read a batch at a time, so that a slow reader holds no query open."""
    after = 0
    while batch := list(entries.filter(id__gt=after).order_by("id")[:BATCH]):
        yield from batch
        after = batch[-1].id


@dataclass(frozen=True)
class Line:
    """An entry as the page shows it. `fits` is False where it was edited after it was written."""

    entry: Entry
    target: str
    details: str
    fits: bool


def lines(entries: list[Entry]) -> list[Line]:
    """Two queries, however many entries there are."""
    people = [_number(entry.target) for entry in entries if entry.target.startswith("user ")]
    named = {user.pk: user.called for user in get_user_model().objects.filter(id__in=[pk for pk in people if pk is not None])}
    wrong = misfits(entries) or set()
    return [Line(entry, _target(entry, named), _details(entry), entry.id not in wrong) for entry in entries]


def _number(target: str) -> int | None:
    word = target.removeprefix("user ")
    return int(word) if word.isascii() and word.isdigit() and len(word) < 18 else None


def _target(entry: Entry, named: dict[int, str]) -> str:
    """What the deed was done to: a person's name, or what kind of thing and the first letters of its id."""
    kind, _, key = entry.target.partition(" ")
    if kind == "user":
        return named.get(_number(entry.target), entry.target)
    if key == str(entry.vault_id):
        return "the vault"
    return f"{_kinds()[kind]} {key[:8]}" if kind in _kinds() else entry.target


@cache
def _kinds() -> dict[str, str]:
    """What rows are called in words, by their class as the record writes it."""
    return {model._meta.model_name: str(model._meta.verbose_name) for model in apps.get_models()}


def _details(entry: Entry) -> str:
    if not isinstance(entry.details, dict):
        return str(entry.details)
    return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in entry.details.items())
