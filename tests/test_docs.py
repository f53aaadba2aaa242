"""What the pages name is there: tests, files and commands."""

import re

import pytest
from django.core.management import get_commands

from tests.conftest import REPOSITORY

PAGES = ["README.md", *(f"docs/{page.name}" for page in (REPOSITORY / "docs").glob("*.md"))]


def named_tests(text: str) -> list[tuple[str, str]]:
    """(file, function or '') of every test in a text; a function without a file is of the file that was named before it."""
    found, last = [], ""
    for path, function in re.findall(r"`(tests/[\w/]*test_\w+\.py)?(?:::(test_\w+))?`", text):
        last = path or last
        if path or function:
            found.append((last, function))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_is_there(page):
    for path, function in named_tests((REPOSITORY / page).read_text()):
        file = REPOSITORY / path
        assert file.exists(), f"{page} names {path}"
        assert not function or f"def {function}(" in file.read_text(), f"{page} names {path}::{function}"


def test_the_threat_table_names_a_test_for_every_thief():
    rows = [line for line in (REPOSITORY / "docs/security.md").read_text().splitlines() if line.startswith("| ")]
    threats = rows[rows.index("| who has | gets | does not get | shown by |") + 1 :]
    threats = threats[: next(at for at, line in enumerate(threats) if line.startswith("| secret"))]
    without = [line for line in threats if "tests/" not in line and "test_" not in line]

    assert len(threats) > 15
    assert len(without) == 1 and "that is what sealing is for" in without[0]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_names_is_there(page):
    named = set(re.findall(r"manage\.py (\w+)", (REPOSITORY / page).read_text()))
    assert named <= get_commands().keys()
