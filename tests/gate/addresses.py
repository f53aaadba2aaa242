"""Every address of the site, read from the URL conf, with the ids of rows that are there, or of none."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True)
class Address:
    """route: as the URL conf has it, such as films/<uuid:film_id>/. arguments: their names, and whether they are numbers."""

    route: str
    arguments: tuple[tuple[str, bool], ...]

    @property
    def in_admin(self) -> bool:
        return self.route.startswith("admin/")

    def path(self, ids: dict[str, object]) -> str:
        """With an id for every argument. KeyError for an argument that nobody has thought of: add a row for it in `rows`."""
        path = self.route
        for name, _ in self.arguments:
            path = path.replace(_part(path, name), str(ids[self._key(name, ids)]), 1)
        return "/" + path

    def path_to_nothing(self) -> str:
        """With ids that no row has."""
        path = self.route
        for name, is_number in self.arguments:
            path = path.replace(_part(path, name), "987654321" if is_number else str(uuid.uuid4()), 1)
        return "/" + path

    def _key(self, name: str, ids: dict[str, object]) -> str:
        """A name that means something else at one address, or below one prefix, has that before it: `scenes/revision_id`."""
        special = (self.route + name, f"{self.route.split('/')[0]}/{name}")
        return next((key for key in special if key in ids), name)


def _part(route: str, name: str) -> str:
    return re.search(rf"<(?:\w+:)?{name}>", route)[0]


def every_address() -> list[Address]:
    """All but the admin's own, which have arguments by position and are walked by `admin_addresses`."""
    return [address for address in _walk(get_resolver().url_patterns, "") if not address.in_admin]


def admin_addresses() -> list[str]:
    """The admin's own pages that need no row."""
    routes = [address.route for address in _walk(get_resolver().url_patterns, "") if address.in_admin]
    return ["/" + route for route in routes if "<" not in route and "(?P" not in route]


def _walk(patterns: list, before: str) -> Iterator[Address]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            found = re.findall(r"<(?:(\w+):)?(\w+)>", route)
            yield Address(route, tuple((name, kind == "int") for kind, name in found))
