"""The operator sees that footage was looked at, and never a face."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from processing.models import Analysis
from twinvault.web.admin import ReadOnly


@admin.register(Analysis)
class AnalysisAdmin(ReadOnly, ModelAdmin):
    list_display = ["id", "footage_id", "frames_seen", "created_at"]
    fields = ["id", "footage_id", "frames_seen", "created_at"]
    readonly_fields = fields
    ordering = ["-created_at"]
