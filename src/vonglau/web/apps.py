from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "vonglau.web"
    label = "web"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from vonglau.web import databases

        databases.listen()
