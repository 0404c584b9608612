"""Addresses below `/field_reports/photos/`: the public's pictures, and the desk where people cover them."""

from django.urls import path

from vonglau.services.field_reports.photos import views

urlpatterns = [
    path("review/", views.queue, name="photos"),
    path("review/<int:number>/", views.review, name="photo"),
    path("review/<int:number>/picture", views.picture, name="photo_unmasked"),
    path("review/<int:number>/original", views.original, name="photo_original"),
    path("<str:reference>/<int:number>.jpg", views.shown, name="photo_public"),
    path("<str:reference>/<int:number>-small.jpg", views.shown, {"thumb": True}, name="photo_public_small"),
]
