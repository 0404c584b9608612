"""Every way a notice leaves the house, as this installation is set."""

from django.conf import settings

from vonglau.core.notify.channel import Channel
from vonglau.core.notify.email import CitizenEmail, Email
from vonglau.gateways.notices.addresses import Allowed
from vonglau.gateways.notices.phones import Sms, Zalo
from vonglau.gateways.notices.post import Wire
from vonglau.gateways.notices.push import CitizenPush, Push
from vonglau.gateways.notices.webhooks import CitizenWebhooks, Webhooks


def channels() -> dict[str, Channel]:
    """Raises BadInput when VONGLAU_PRIVATE_HOSTS cannot be read."""
    wire = Wire(Allowed.of(settings.VONGLAU_PRIVATE_HOSTS))
    every: tuple[Channel, ...] = (
        Email(),
        Webhooks(wire),
        Push(wire),
        CitizenEmail(),
        CitizenPush(wire),
        CitizenWebhooks(wire),
        Sms(wire),
        Zalo(wire),
    )
    return {channel.name: channel for channel in every}
