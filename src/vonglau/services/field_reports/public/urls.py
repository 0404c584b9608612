"""The citizens' addresses. What follows `r/` or `v/` is a secret: `web/lines.py` keeps it out of the logs."""

from django.urls import path

from vonglau.services.field_reports.public import (
    app,
    browse,
    feed,
    figures,
    hints,
    opendata,
    outline,
    places,
    read,
    register,
    write,
)
from vonglau.services.field_reports.voices import feed as steps
from vonglau.services.field_reports.voices import judging, replying, views

urlpatterns = [
    path("", write.form, name="new"),
    path("language", write.language, name="speak"),
    path("app.webmanifest", app.manifest, name="manifest"),
    path("wards.geojson", outline.wards, name="wards"),
    path("hints", hints.hints, name="hints"),
    path("r/<str:token>/", read.own, name="own"),
    path("r/<str:token>/photos/<int:number>", read.own_photo, name="own_photo"),
    path("r/<str:token>/follow", views.follow, {"door": "r"}, name="own_follow"),
    path("r/<str:token>/push", views.push, {"door": "r"}, name="own_push"),
    path("r/<str:token>/stop", views.stop, {"door": "r"}, name="own_stop"),
    path("r/<str:token>/same/<str:reference>", views.same, name="same"),
    path("r/<str:token>/verdict", judging.verdict, {"door": "r"}, name="own_verdict"),
    path("r/<str:token>/reply", replying.reply, {"door": "r"}, name="own_reply"),
    path("v/<str:token>/reply", replying.reply, {"door": "v"}, name="reply"),
    path("v/<str:token>/verdict", judging.verdict, {"door": "v"}, name="verdict"),
    path("v/<str:token>/", views.voice, name="voice"),
    path("v/<str:token>/follow", views.follow, {"door": "v"}, name="follow"),
    path("v/<str:token>/push", views.push, {"door": "v"}, name="push"),
    path("v/<str:token>/stop", views.stop, {"door": "v"}, name="stop"),
    path("v/<str:token>/confirm/<str:code>", views.confirm, name="confirm"),
    path("find", read.find, name="find"),
    path("places", places.places, name="places"),
    path("ai/", register.page, name="ai"),
    path("ai.json", register.data, name="ai_json"),
    path("map/", browse.browse, name="browse"),
    path("map/points", browse.points, name="points"),
    path("feed.atom", feed.feed, name="feed"),
    path("statistics/", figures.statistics_page, name="statistics"),
    path("data/", opendata.page, name="data"),
    path("data/reports.<str:format>", opendata.download, name="download"),
    path("<str:reference>/", read.one, name="one"),
    path("<str:reference>/join", views.join, name="join"),
    path("<str:reference>/feed.atom", steps.atom, name="report_feed"),
]
