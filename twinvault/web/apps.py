from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "twinvault.web"
    label = "web"
