from django.urls import path

from twinvault.jobs import views

urlpatterns = [
    path("vaults/<uuid:vault_id>/jobs/", views.jobs, name="jobs"),
    path("jobs/<uuid:job_id>/status/", views.job_status, name="job_status"),
    path("jobs/<uuid:job_id>/stop/", views.stop_job, name="stop_job"),
    path("jobs/<uuid:job_id>/retry/", views.retry_job, name="retry_job"),
]
