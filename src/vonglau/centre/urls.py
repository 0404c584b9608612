"""The pages of the operations centre."""

from django.urls import path

from vonglau.centre import find, places
from vonglau.centre.alerts import views as alerts
from vonglau.centre.desk import files, steps
from vonglau.centre.desk import views as desk
from vonglau.centre.figures import views as figures
from vonglau.centre.picture import views as picture
from vonglau.centre.quarantine import views as quarantine

app_name = "centre"

urlpatterns = [
    path("", picture.picture, name="picture"),
    path("picture/points.json", picture.points, name="points"),
    path("places/<str:code>.geojson", places.outline, name="outline"),
    path("find", find.find, name="find"),
    path("desk/", desk.queue, name="desk"),
    path("desk/<str:ref>/", desk.incident, name="incident"),
    path("desk/<str:ref>/photos/<int:number>", files.photo, name="photo"),
    path("desk/<str:ref>/photos/<int:number>/small", files.thumbnail, name="thumbnail"),
    path("desk/<str:ref>/<str:step>/", steps.step, name="step"),
    path("alerts/", alerts.alerts, name="alerts"),
    path("alerts/<str:identity>/", alerts.alert, name="alert"),
    path("alerts/<str:identity>/series.json", alerts.series, name="series"),
    path("figures/", figures.figures, name="figures"),
    path("figures/<str:code>/", figures.figure, name="figure"),
    path("quarantine/", quarantine.quarantine, name="quarantine"),
    path("quarantine/<int:number>/", quarantine.quarantined, name="quarantined"),
]
