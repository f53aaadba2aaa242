from django.apps import AppConfig


class GeneratorConfig(AppConfig):
    name = "generator"

    def ready(self) -> None:
        from generator.holdings import HOLDING
        from generator.withdrawal import end
        from twinvault.safe.holdings import declare
        from twinvault.vaults.consents import when_withdrawn

        declare(HOLDING)
        when_withdrawn(end)
