"""The record in the admin: to be read, by the operator; nobody writes into it there."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from twinvault.audit.models import Entry
from twinvault.web.admin import ReadOnly


@admin.register(Entry)
class EntryAdmin(ReadOnly, ModelAdmin):
    list_display = ["at", "actor", "verb", "target", "vault_id", "origin"]
    list_filter = ["verb"]
    list_select_related = ["actor"]
    search_fields = ["target", "vault_id", "actor__username", "origin"]
    ordering = ["-id"]
    date_hierarchy = "at"
