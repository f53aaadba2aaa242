"""After a whole story: no file below the data folder and no column of any row shows a face or says what was said."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

from generator.protection import scan
from tests.twinvault.safe.conftest import PASSWORD, all_of
from twinvault.custody import objects
from twinvault.safe import exports, services
from worker.inline import run_queued_jobs

SAID = ["I agree.", "He told us this every winter.", "Remembered"]


def cells():
    """(where, value) of every column of every row."""
    for model in apps.get_models():
        for row in model._default_manager.values():
            for name, value in row.items():
                yield f"{model._meta.label}.{name}", value


def as_bytes(value) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


@pytest.fixture
def exported(story):
    """The story with everything that it can hold: sealed objects, an export, keys that are lent."""
    services.set_password(story.vault, PASSWORD, by=story.alice)
    services.seal(story.vault, by=story.alice, password=PASSWORD)
    run_queued_jobs()
    services.unseal(story.vault, by=story.alice, password=PASSWORD, hours=1)
    exports.ask(story.vault, services.unlock(story.vault, by=story.alice, password=PASSWORD), by=story.alice)
    run_queued_jobs()
    return story


def test_no_file_bears_the_mark_of_a_picture_a_film_or_a_tensor(exported):
    kinds = {stored.kind for stored in all_of(exported.vault)}
    assert kinds >= {"footage", "pack", "descriptors", "reference", "preview", "weights", "film", "storyboard", "export"}

    assert scan.find_plaintext(Path(settings.DATA_DIR)) == []


def test_the_search_would_find_them(exported, tmp_path):
    """Each of these objects, written in the clear, is noticed."""
    for stored in all_of(exported.vault):
        if stored.kind in ("footage", "pack", "descriptors", "reference", "preview", "film"):
            (tmp_path / f"{stored.kind} {stored.id}").write_bytes(objects.read(stored))

    assert {finding.path for finding in scan.find_plaintext(tmp_path)} == set(tmp_path.iterdir())


def test_no_column_says_what_was_said(exported):
    for where, value in cells():
        content = as_bytes(value)
        assert not any(words.encode() in content for words in SAID), where


def test_no_column_holds_a_picture_a_tensor_or_a_row_of_numbers(exported):
    """An embedding has 128 numbers, a mesh 468 points: no text in a row holds that many."""
    for where, value in cells():
        content = as_bytes(value)
        assert not scan._first_of_each(content), where
        if not where.startswith("audit.") and isinstance(value, str | dict | list):
            assert len(re.findall(r"-?\d+\.\d+", str(value))) < 60, where
