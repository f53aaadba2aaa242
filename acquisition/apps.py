from django.apps import AppConfig


class AcquisitionConfig(AppConfig):
    name = "acquisition"

    def ready(self) -> None:
        from acquisition.holdings import HOLDING, look_at_what_waits
        from twinvault.safe.holdings import declare
        from twinvault.safe.services import when_unsealed
        from twinvault.vaults.consents import when_given

        declare(HOLDING)
        when_unsealed(look_at_what_waits)
        when_given(look_at_what_waits)
