"""Jobs in the admin: here alone the operator reads the cause of a failure."""

from django.contrib import admin, messages
from unfold.admin import ModelAdmin

from twinvault.jobs import services
from twinvault.jobs.models import Job
from twinvault.web.admin import ReadOnly


@admin.register(Job)
class JobAdmin(ReadOnly, ModelAdmin):
    list_display = ["title", "kind", "state", "percent", "queue", "attempts", "worker", "created_at", "ended_at"]
    list_filter = ["state", "kind", "queue"]
    search_fields = ["title", "target_id", "id", "error"]
    date_hierarchy = "created_at"
    actions = ["stop", "retry"]

    @admin.display(description="progress", ordering="progress")
    def percent(self, job: Job) -> str:
        return f"{job.progress:.0%}"

    @admin.action(description="Stop", permissions=["view"])
    def stop(self, request, jobs) -> None:
        for job in jobs:
            services.stop(job)
        messages.success(request, "Queued jobs are stopped; running ones stop at the next safe place.")

    @admin.action(description="Retry", permissions=["view"])
    def retry(self, request, jobs) -> None:
        again = sum(services.retry(job) for job in jobs)
        messages.success(request, f"{again} queued again; jobs that have not failed or been stopped were left alone.")
