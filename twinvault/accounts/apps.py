from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "twinvault.accounts"
    label = "accounts"
