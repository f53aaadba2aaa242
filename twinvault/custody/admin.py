"""Keyrings in the admin, to be read only, and above them: which master key wraps how much, and how far a rotation is."""

from django.contrib import admin
from django.db.models import Count
from unfold.admin import ModelAdmin

from twinvault.custody.keys import KeyUnavailable
from twinvault.custody.models import Keyring
from twinvault.custody.queries import KeyOverview, MasterKeyUse, key_overview
from twinvault.web.admin import ReadOnly


@admin.register(Keyring)
class KeyringAdmin(ReadOnly, ModelAdmin):
    list_before_template = "custody/master_keys.html"
    list_display = ["id", "purpose", "master_key_id", "stored_objects", "created_at"]
    list_filter = ["purpose", "master_key_id"]
    search_fields = ["id", "master_key_id"]
    fields = ["id", "purpose", "master_key_id", "created_at"]
    ordering = ["-created_at"]

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(held=Count("objects_held"))

    @admin.display(description="stored objects", ordering="held")
    def stored_objects(self, keyring: Keyring) -> int:
        return keyring.held

    def changelist_view(self, request, extra_context=None):
        try:
            overview = key_overview()
            shown = {"overview": overview, "master_keys": _table(overview)}
        except KeyUnavailable as error:
            shown = {"key_file_problem": str(error)}
        return super().changelist_view(request, (extra_context or {}) | shown)


def _table(overview: KeyOverview) -> dict:
    return {
        "headers": ["master key", "in the key file", "state", "keyrings", "stored objects"],
        "rows": [[key.id, "yes" if key.in_file else "no", _state(key), key.keyrings, key.objects] for key in overview.keys],
    }


def _state(key: MasterKeyUse) -> str:
    if key.is_lost:
        return "lost"
    if key.current:
        return "current"
    if key.prepared:
        return "comes next"
    return "old, still wraps" if key.keyrings else "old, wraps nothing"
