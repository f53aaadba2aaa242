from django.apps import AppConfig


class ProcessingConfig(AppConfig):
    name = "processing"

    def ready(self) -> None:
        from acquisition.removal import erased_with_footage
        from processing.erasure import erase_others, forget_footage
        from processing.holdings import HOLDING
        from twinvault.safe.holdings import declare
        from twinvault.safe.services import before_sealing

        declare(HOLDING)
        erased_with_footage(forget_footage)
        before_sealing(erase_others)
