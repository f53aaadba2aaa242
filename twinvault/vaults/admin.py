"""Vaults in the admin: which there are and who may enter, to be read only. Their content is not shown here."""

from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline

from twinvault.vaults.models import Consent, Membership, Vault
from twinvault.web.admin import ReadOnly


class MembershipInline(ReadOnly, TabularInline):
    model = Membership
    fields = ["user", "role", "created_at"]
    readonly_fields = ["created_at"]
    extra = 0


@admin.register(Vault)
class VaultAdmin(ReadOnly, ModelAdmin):
    list_display = ["name", "id", "created_at"]
    fields = ["id", "name", "created_at"]
    search_fields = ["name", "id"]
    inlines = [MembershipInline]


@admin.register(Consent)
class ConsentAdmin(ReadOnly, ModelAdmin):
    list_display = ["subject", "basis", "given_by", "recorded_by", "recorded_at", "withdrawn_at"]
    list_filter = ["basis"]
    list_select_related = ["subject", "recorded_by"]
