from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "vonglau.web"
    label = "web"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from vonglau.web import (  # their sealed texts are declared when they are loaded
            databases,
            factors,
            figures,
            sessions,
            signing,
        )

        databases.listen()
        figures.connect()
        assert factors
        assert sessions
        signing.connect()
