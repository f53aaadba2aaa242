"""The page of a vault's record, for its owners."""

from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from twinvault.accounts.access import signed_in
from twinvault.audit import queries
from twinvault.audit.export import FORMATS
from twinvault.audit.forms import RecordFilter
from twinvault.audit.models import Entry
from twinvault.audit.record import record
from twinvault.vaults.access import vault_for
from twinvault.vaults.models import Role, Vault


@signed_in
@require_safe
def vault_record(request: HttpRequest, vault_id: UUID) -> HttpResponse | StreamingHttpResponse:
    """Who did what, when, and from where; with `?format=` the same as a file. Looking is not recorded, taking a file is."""
    vault = vault_for(request.user, vault_id, Role.OWNER)
    form = RecordFilter(vault.id, request.GET)
    wanted = request.GET.get("format")
    if wanted and wanted not in FORMATS:
        return HttpResponseBadRequest("format is one of: " + ", ".join(FORMATS))
    if not form.is_valid():
        return render(request, "audit/record.html", {"vault": vault, "form": form}, status=400)
    entries = queries.entries_of(vault.id, **form.cleaned_data)
    if wanted and request.method == "GET":
        return _file(vault, entries, wanted, by=request.user)
    page = Paginator(entries, queries.ENTRIES_A_PAGE).get_page(request.GET.get("page"))
    lines = queries.lines(list(page))
    context = {"vault": vault, "form": form, "page": page, "lines": lines, "edited": [line for line in lines if not line.fits]}
    return render(request, "audit/record.html", context)


def _file(vault: Vault, entries: QuerySet[Entry], wanted: str, *, by) -> StreamingHttpResponse:
    """Everything up to this moment; that the file was taken comes after it."""
    taken = record("record exported", actor=by, vault_id=vault.id, target=vault, format=wanted, entries=entries.count())
    content_type, written = FORMATS[wanted]
    name = f"record-{timezone.localdate():%Y-%m-%d}.{wanted}"
    return StreamingHttpResponse(
        written(queries.oldest_first(entries.filter(id__lt=taken.id))),
        content_type=content_type,
        headers={"Content-Disposition": content_disposition_header(True, name)},
    )
