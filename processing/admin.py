"""The operator sees that footage was looked at, and never a face."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from processing.models import Analysis


@admin.register(Analysis)
class AnalysisAdmin(ModelAdmin):
    list_display = ["id", "footage_id", "frames_seen", "created_at"]
    fields = ["id", "footage_id", "frames_seen", "created_at"]
    readonly_fields = fields
    ordering = ["-created_at"]

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False
