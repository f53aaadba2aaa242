from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "twinvault.audit"
    label = "audit"
