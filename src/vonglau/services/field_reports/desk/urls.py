"""Below `/field_reports/desk/`."""

from django.urls import path

from vonglau.services.field_reports.desk import views

urlpatterns = [
    path("photos/<int:number>", views.photo, name="desk_photo"),
    path("<str:reference>/words", views.words, name="desk_words"),
    path("<str:reference>/hide", views.hide, name="desk_hide"),
    path("<str:reference>/look/<str:what>", views.look, name="desk_look"),
]
