"""Counting what a page asks of the database."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext


@pytest.fixture
def count_queries(db):
    """`count_queries(lambda: client.get("/"))` -> how many queries it took."""

    def count(act) -> int:
        with CaptureQueriesContext(connection) as captured:
            act()
        return len(captured)

    return count
