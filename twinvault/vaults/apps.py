from django.apps import AppConfig


class VaultsConfig(AppConfig):
    name = "twinvault.vaults"
    label = "vaults"
