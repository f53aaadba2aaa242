"""Erasures in the admin: the operator sees when old backups hold what was erased, and can retire the master key of that time."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from twinvault.safe.models import Erasure
from twinvault.web.admin import ReadOnly


@admin.register(Erasure)
class ErasureAdmin(ReadOnly, ModelAdmin):
    list_display = ["id", "vault_id", "scope", "state", "expected", "asked_at", "done_at"]
    list_filter = ["state", "scope"]
    fields = ["id", "vault_id", "scope", "state", "expected", "counts", "digest", "asked_at", "done_at"]
    search_fields = ["id", "vault_id", "digest"]
    date_hierarchy = "asked_at"
