from django.apps import AppConfig


class ProcessingConfig(AppConfig):
    name = "processing"

    def ready(self) -> None:
        from acquisition.removal import erased_with_footage
        from processing.holdings import HOLDING
        from processing.services import forget_footage
        from twinvault.safe.holdings import declare

        declare(HOLDING)
        erased_with_footage(forget_footage)
