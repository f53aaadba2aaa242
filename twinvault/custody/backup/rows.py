"""All rows of an installation as JSON lines, and back, in flat memory.

Models are found, not listed: what an app adds is carried along. Sessions are not worth keeping; content types, permissions and
the admin's log are made by `migrate` or lead nowhere. A row that refers to a permission or a content type names it in words,
since their numbers differ between installations. Many-to-many tables are carried as rows of their own.
"""

import json
from collections.abc import Iterable, Iterator
from typing import TextIO

from django.apps import apps
from django.core.serializers import jsonl
from django.core.serializers.base import DeserializedObject
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import Field, Model

LEFT_OUT = {"sessions.session", "contenttypes.contenttype", "auth.permission", "admin.logentry"}
AT_ONCE = 500


def models_carried() -> list[type[Model]]:
    """Every model with a table of its own, in the order of the apps."""
    found = apps.get_models(include_auto_created=True)
    return [model for model in found if model._meta.managed and not model._meta.proxy and model._meta.label_lower not in LEFT_OUT]


class ExactEncoder(DjangoJSONEncoder):
    """Django's cuts microseconds off, and the record of deeds would not verify any more."""

    def default(self, value):
        return value.isoformat() if hasattr(value, "isoformat") else super().default(value)


class RowSerializer(jsonl.Serializer):
    """One row a line."""

    def handle_fk_field(self, row: Model, field: Field) -> None:
        self.use_natural_foreign_keys = field.remote_field.model._meta.label_lower in LEFT_OUT
        super().handle_fk_field(row, field)

    def handle_m2m_field(self, row: Model, field: Field) -> None:
        """Its table is carried itself."""


def write_rows(stream: TextIO) -> dict[str, int]:
    """Writes all rows; returns how many of each model. Call it within a snapshot."""
    counts = {}
    for model in models_carried():
        number = 0

        def counted(model: type[Model] = model) -> Iterator[Model]:
            nonlocal number
            for row in model._base_manager.order_by("pk").iterator(AT_ONCE):
                number += 1
                yield row

        RowSerializer().serialize(counted(), stream=stream, cls=ExactEncoder)
        counts[model._meta.label_lower] = number
    return counts


def read_rows(lines: Iterable[str]) -> Iterator[DeserializedObject]:
    """The rows of such lines, not saved. DeserializationError where a row does not fit this version's models."""
    return jsonl.Deserializer(lines)


def rows_of(model: type[Model], lines: Iterable[str]) -> Iterator[Model]:
    """The rows of one model, not saved."""
    label = model._meta.label_lower
    for row in read_rows(line for line in lines if json.loads(line)["model"] == label):
        yield row.object


def migrations_applied() -> list[str]:
    """The migrations that shape the tables which are carried, as `app.name`."""
    apps_carried = {model._meta.app_label for model in models_carried()}
    return sorted(f"{app}.{name}" for app, name in MigrationLoader(connection).applied_migrations if app in apps_carried)
