from django.apps import AppConfig


class SafeConfig(AppConfig):
    name = "twinvault.safe"
    label = "safe"

    def ready(self) -> None:
        from twinvault.safe.holdings import declare
        from twinvault.safe.own_holdings import HOLDING

        declare(HOLDING)
