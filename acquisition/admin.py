"""What an operator may see of footage: rows, never content."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from acquisition.models import Footage, Upload


class _LookOnly(ModelAdmin):
    """Footage is added and removed through its services, which keep content, audit and rows together."""

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Footage)
class FootageAdmin(_LookOnly):
    list_display = ["id", "vault", "life_stage", "kind", "state", "seconds", "added_at"]
    list_filter = ["state", "kind"]
    fields = ["vault", "life_stage", "kind", "width", "height", "seconds", "state", "refusal", "added_by", "added_at"]


@admin.register(Upload)
class UploadAdmin(_LookOnly):
    list_display = ["id", "vault", "length", "offset", "created_at", "expires_at"]
    fields = ["vault", "life_stage", "user", "length", "offset", "refusal", "writing_until", "created_at", "expires_at"]
