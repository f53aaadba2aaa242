from django.apps import AppConfig


class GeneratorConfig(AppConfig):
    name = "generator"

    def ready(self) -> None:
        from generator.holdings import HOLDING
        from twinvault.safe.holdings import declare

        declare(HOLDING)
