"""What an operator may see of footage: rows, never content."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from acquisition.models import Footage, Upload
from twinvault.web.admin import ReadOnly


class _LookOnly(ReadOnly, ModelAdmin):
    """Footage is added and removed through its services, which keep content, audit and rows together."""


@admin.register(Footage)
class FootageAdmin(_LookOnly):
    list_display = ["id", "vault", "life_stage", "kind", "state", "seconds", "added_at"]
    list_filter = ["state", "kind"]
    fields = ["vault", "life_stage", "kind", "width", "height", "seconds", "state", "refusal", "added_by", "added_at"]


@admin.register(Upload)
class UploadAdmin(_LookOnly):
    list_display = ["id", "vault", "length", "offset", "created_at", "expires_at"]
    fields = ["vault", "life_stage", "user", "length", "offset", "refusal", "writing_until", "created_at", "expires_at"]
