from django.apps import AppConfig


class ProductionsConfig(AppConfig):
    name = "generator.productions"
    label = "productions"

    def ready(self) -> None:
        from generator.productions.holdings import HOLDING
        from twinvault.safe.holdings import declare

        declare(HOLDING)
