"""Addresses below `/open311/v2/`."""

from django.urls import path

from vonglau.gateways.open311 import followers, offers, tickets, updates, views

urlpatterns = [
    path("discovery.<str:format>", offers.discovery, name="open311_discovery"),
    path("services.<str:format>", offers.services, name="open311_services"),
    path("services/<str:code>.<str:format>", offers.definition, name="open311_definition"),
    path("requests.<str:format>", views.requests, name="open311_requests"),
    path("requests/<str:id>.<str:format>", views.one_request, name="open311_request"),
    path("requests/<str:id>/followers.<str:format>", followers.follow, name="open311_follow"),
    path("requests/<str:id>/followers/<int:follower>/stop.<str:format>", followers.unfollow, name="open311_unfollow"),
    path("tokens/<str:token>.<str:format>", tickets.exchange, name="open311_token"),
    path("servicerequestupdates.<str:format>", updates.updates, name="open311_updates"),
]
