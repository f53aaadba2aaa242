from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "twinvault.jobs"
    label = "jobs"
