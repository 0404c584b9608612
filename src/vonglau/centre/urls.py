"""The pages of the operations centre."""

from django.urls import path

from vonglau.centre import find, places
from vonglau.centre.account import views as account
from vonglau.centre.administration import tabs as administration
from vonglau.centre.administration.agencies import views as agencies
from vonglau.centre.administration.detectors import views as detectors
from vonglau.centre.administration.health import views as health
from vonglau.centre.administration.notices import views as notices
from vonglau.centre.administration.people import views as people
from vonglau.centre.administration.routing import views as routing
from vonglau.centre.administration.tokens import views as tokens
from vonglau.centre.administration.webhooks import views as webhooks
from vonglau.centre.alerts import views as alerts
from vonglau.centre.desk import files, several, steps
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
    path("desk/several", several.several, name="several"),
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
    path("account/notices/", account.notices, name="account_notices"),
    path("account/notices/devices", account.add, name="account_device_add"),
    path("account/notices/devices/<int:number>", account.device, name="account_device"),
    path("go/<str:world>/<str:ref>", account.go, name="go"),
    path("sw.js", account.service_worker, name="service_worker"),
    path("administration/", administration.first, name="administration"),
    path("administration/people/", people.people, name="admin_people"),
    path("administration/people/new/", people.new, name="admin_person_new"),
    path("administration/people/<int:number>/", people.person, name="admin_person"),
    path("administration/people/<int:number>/act", people.act, name="admin_person_act"),
    path("administration/agencies/", agencies.agencies, name="admin_agencies"),
    path("administration/agencies/new/", agencies.new, name="admin_agency_new"),
    path("administration/agencies/<str:code>/", agencies.agency, name="admin_agency"),
    path("administration/tokens/", tokens.list_, name="admin_tokens"),
    path("administration/tokens/new/", tokens.new, name="admin_token_new"),
    path("administration/tokens/<int:number>/", tokens.token, name="admin_token"),
    path("administration/tokens/<int:number>/act", tokens.act, name="admin_token_act"),
    path("administration/notices/", notices.notices, name="admin_notices"),
    path("administration/notices/act", notices.act, name="admin_notices_act"),
    path("administration/notices/<int:number>/", notices.notice, name="admin_notice"),
    path("administration/webhooks/", webhooks.webhooks, name="admin_webhooks"),
    path("administration/webhooks/new/", webhooks.new, name="admin_webhook_new"),
    path("administration/webhooks/<int:number>/", webhooks.webhook, name="admin_webhook"),
    path("administration/webhooks/<int:number>/act", webhooks.act, name="admin_webhook_act"),
    path("administration/detectors/", detectors.detectors, name="admin_detectors"),
    path("administration/detectors/act", detectors.act, name="admin_detectors_act"),
    path("administration/routing/", routing.routing, name="admin_routing"),
    path("administration/routing/act", routing.act, name="admin_routing_act"),
    path("administration/health/", health.health, name="admin_health"),
]
