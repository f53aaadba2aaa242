"""What the forms on these pages share: an answer is always the page that they came from."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from processing.models import Person
from processing.people import last_change
from twinvault.vaults.models import Role, Vault
from twinvault.vaults.services import NotAllowed


@contextmanager
def refusals_told(request: HttpRequest) -> Iterator[None]:
    """What the rules forbid is said on the next page."""
    try:
        yield
    except NotAllowed as error:
        messages.error(request, str(error))


def back(request: HttpRequest, vault: Vault) -> HttpResponse:
    """To the page whose form was sent, which `back` names; to who is who if that is none of ours or gone by now."""
    address = request.POST.get("back", "")
    if not address.startswith("/") or not url_has_allowed_host_and_scheme(address, {request.get_host()}):
        return redirect("people", vault.id)
    try:
        page = resolve(urlsplit(address).path)
    except Resolver404:
        return redirect("people", vault.id)
    if page.url_name == "person" and not Person.objects.filter(id=page.kwargs["person_id"]).exists():
        return redirect("people", vault.id)
    return redirect(address)


def shared(request: HttpRequest, vault: Vault) -> dict:
    """What every one of these pages shows: whether the reader may act, and what they may take back."""
    acts = vault.role >= Role.CONTRIBUTOR and not vault.is_locked
    return {
        "vault": vault,
        "may_act": acts,
        "change": last_change(vault, request.user) if acts else None,
        "here": request.get_full_path(),
    }


def uuids(texts: list[str]) -> list[UUID]:
    """Those of the texts that are ids."""
    return [UUID(good) for good in map(uuid, texts) if good]


def uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def people_address(vault: Vault, section: str = "") -> str:
    return reverse("people", args=[vault.id]) + (f"?who={section}" if section else "")
