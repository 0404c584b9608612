"""What stands in the rail, for whom. The centre and its rooms know their pages; the order of the day is decided here."""

from django.utils.translation import gettext_lazy as _

from vonglau.kit.context import Place

DESK = frozenset({"operator", "supervisor"})
CENTRE = DESK | {"leader", "administrator"}

PLACES = (
    Place(title=_("Toàn cảnh"), url_name="centre:picture", roles=CENTRE, icon="map", key="t", order=10),
    Place(title=_("Sự việc"), url_name="centre:desk", roles=CENTRE, icon="queue", key="s", order=20),
    Place(
        title=_("Việc của cơ quan"),
        url_name="centre:desk",
        roles=frozenset({"agency"}),
        icon="inbox",
        key="s",
        order=20,
    ),
    Place(title=_("Cảnh báo"), url_name="centre:alerts", roles=CENTRE, icon="alert", key="c", order=30),
    Place(title=_("Chỉ số"), url_name="centre:figures", roles=CENTRE, icon="indicators", key="i", order=40),
    Place(
        title=_("Cách ly"),
        url_name="centre:quarantine",
        roles=DESK | {"administrator"},
        icon="quarantine",
        key="q",
        order=60,
    ),
    Place(
        title=_("Quản trị hệ thống"),
        url_name="centre:administration",
        roles=frozenset({"administrator"}),
        icon="shield",
        key="a",
        order=70,
    ),
    Place(
        title=_("Sức khoẻ hệ thống"),
        url_name="centre:admin_health",
        roles=frozenset({"supervisor", "leader"}),
        icon="shield",
        order=75,
    ),
    Place(
        title=_("Thông báo cho tôi"),
        url_name="centre:account_notices",
        roles=CENTRE | {"agency"},
        icon="alert",
        order=85,
    ),
    Place(
        title=_("Tài khoản"),
        url_name="account_home",
        roles=CENTRE | {"agency"},
        icon="lock",
        order=90,
    ),
)
