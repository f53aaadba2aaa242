"""Rows as lines of JSON, as an export carries them and an import reads them back."""

import json
from collections.abc import Iterator

from django.db.models import BinaryField, Model

from twinvault.custody.backup.rows import ExactEncoder
from twinvault.safe.holdings import Rows

ROWS_AT_ONCE = 2000


def dump(rows: Rows) -> Iterator[bytes]:
    """One line a row, in flat memory: model, primary key, fields and words. Encrypted columns stay behind."""
    model = rows.queryset.model
    many = [field.name for field in model._meta.local_many_to_many]
    for row in rows.queryset.order_by("pk").prefetch_related(*many).iterator(ROWS_AT_ONCE):
        line = {"model": model._meta.label_lower, "pk": row.pk, "fields": _fields(row, many)}
        if rows.words:
            line["words"] = {name: getattr(row, name) for name in rows.words}
        yield json.dumps(line, cls=ExactEncoder, ensure_ascii=False).encode() + b"\n"


def _fields(row: Model, many: list[str]) -> dict:
    plain = [field for field in row._meta.local_concrete_fields if not field.primary_key and not isinstance(field, BinaryField)]
    values = {field.name: getattr(row, field.attname) for field in plain}
    return values | {name: [other.pk for other in getattr(row, name).all()] for name in many}
