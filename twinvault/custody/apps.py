from django.apps import AppConfig


class CustodyConfig(AppConfig):
    name = "twinvault.custody"
    label = "custody"

    def ready(self) -> None:
        from twinvault.custody import checks  # noqa: F401  (registers the system checks)
