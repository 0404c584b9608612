"""Addresses of the service, below `/field_reports/`."""

from django.urls import include, path

app_name = "field_reports"

urlpatterns = [
    path("photos/", include("vonglau.services.field_reports.photos.urls")),
]
