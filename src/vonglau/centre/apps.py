from django.apps import AppConfig


class CentreConfig(AppConfig):
    name = "vonglau.centre"
    label = "centre"
    default_auto_field = "django.db.models.BigAutoField"
