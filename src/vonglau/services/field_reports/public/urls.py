"""The citizens' addresses. What follows `r/` is a secret: `web/lines.py` keeps it out of the logs."""

from django.urls import path

from vonglau.services.field_reports.public import (
    app,
    browse,
    feed,
    figures,
    opendata,
    outline,
    read,
    register,
    write,
)

urlpatterns = [
    path("", write.form, name="new"),
    path("language", write.language, name="speak"),
    path("app.webmanifest", app.manifest, name="manifest"),
    path("wards.geojson", outline.wards, name="wards"),
    path("r/<str:token>/", read.own, name="own"),
    path("r/<str:token>/photos/<int:number>", read.own_photo, name="own_photo"),
    path("find", read.find, name="find"),
    path("ai/", register.page, name="ai"),
    path("ai.json", register.data, name="ai_json"),
    path("map/", browse.browse, name="browse"),
    path("map/points", browse.points, name="points"),
    path("feed.atom", feed.feed, name="feed"),
    path("statistics/", figures.statistics_page, name="statistics"),
    path("data/", opendata.page, name="data"),
    path("data/reports.<str:format>", opendata.download, name="download"),
    path("<str:reference>/", read.one, name="one"),
]
