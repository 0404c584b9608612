from django.apps import AppConfig


class FieldReportsConfig(AppConfig):
    name = "vonglau.services.field_reports"
    label = "field_reports"
    default_auto_field = "django.db.models.BigAutoField"
