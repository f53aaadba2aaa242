from django.apps import AppConfig


class ScenesConfig(AppConfig):
    name = "generator.scenes"
    label = "scenes"

    def ready(self) -> None:
        from generator.scenes.holdings import HOLDING
        from twinvault.safe.holdings import declare

        declare(HOLDING)
