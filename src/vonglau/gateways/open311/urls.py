"""Addresses below `/open311/v2/`."""

from django.urls import path

from vonglau.gateways.open311 import views

urlpatterns = [
    path("discovery.<str:format>", views.discovery, name="open311_discovery"),
    path("services.<str:format>", views.services, name="open311_services"),
    path("services/<str:code>.<str:format>", views.definition, name="open311_definition"),
    path("requests.<str:format>", views.requests, name="open311_requests"),
    path("requests/<str:id>.<str:format>", views.one_request, name="open311_request"),
]
