"""Every address the web processes answer. The door keeps /api/events, /api/stream, /healthz, /readyz and /metrics to itself."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from vonglau.core.seams import services
from vonglau.web import account_views, views
from vonglau.web.oidc import views as oidc

handler400 = "vonglau.web.views.bad_request"
handler403 = "vonglau.web.views.forbidden"
handler404 = "vonglau.web.views.not_found"
handler500 = "vonglau.web.outages.server_error"


urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/login/", account.login, name="account_login"),
    path("accounts/logout/", account.logout, name="account_logout"),
    path("accounts/password/", account.password_change, name="account_change_password"),
    path("accounts/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("accounts/me/", account_views.home, name="account_home"),
    path("accounts/me/end/", account_views.end_all, name="account_end_all"),
    path("accounts/me/end/<str:key>/", account_views.end, name="account_end"),
    path("accounts/2fa/", RedirectView.as_view(pattern_name="account_home"), name="mfa_index"),
    path("accounts/2fa/authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("accounts/2fa/reauthenticate/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("accounts/2fa/totp/", include("allauth.mfa.totp.urls")),
    path("accounts/2fa/recovery-codes/", include("allauth.mfa.recovery_codes.urls")),
    path("accounts/oidc/", oidc.begin, name="oidc_begin"),
    path("accounts/oidc/callback/", oidc.callback, name="oidc_callback"),
    path("accounts/oidc/ended/", oidc.ended, name="oidc_ended"),
    path("accounts/invitation/<str:text>/", account_views.invitation, name="account_invitation"),
    path("accounts/inactive/", views.inactive, name="account_inactive"),
    path("language", views.switch_language, name="language"),
    path("world", views.switch_world, name="world"),
    path("world/<str:id>", views.switch_world, name="world"),
    path("api/", include("vonglau.gateways.json.urls")),
    path("open311/v2/", include("vonglau.gateways.open311.urls")),
    *(path(f"{service.name}/", include(service.urls)) for service in services() if service.urls),
    path("", include("vonglau.centre.urls")),
]
