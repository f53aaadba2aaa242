from django.apps import AppConfig


class ProductionsConfig(AppConfig):
    name = "generator.productions"
    label = "productions"
