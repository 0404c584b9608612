"""Addresses of the service, below `/field_reports/`: staff's pages, and the citizens'."""

from django.urls import include, path

app_name = "field_reports"

urlpatterns = [
    path("desk/", include("vonglau.services.field_reports.desk.urls")),
    path("photos/", include("vonglau.services.field_reports.photos.urls")),
    path("", include("vonglau.services.field_reports.public.urls")),
]
