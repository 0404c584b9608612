from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "vonglau.core"
    label = "core"
    verbose_name = "Vọng Lâu"
    default_auto_field = "django.db.models.BigAutoField"
