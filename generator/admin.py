"""What the operator sees of twins: rows, never faces."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from generator.models import Twin


@admin.register(Twin)
class TwinAdmin(ModelAdmin):
    list_display = ("id", "version", "state", "preset", "faces", "created_at", "ready_at")
    list_filter = ("state", "preset")
    fields = ("version", "state", "preset", "train_seconds", "measures", "faces", "created_at", "ready_at")
    readonly_fields = fields

    def has_add_permission(self, request) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False
