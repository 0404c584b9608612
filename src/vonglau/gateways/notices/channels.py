"""Every way a notice leaves the house, as this installation is set."""

from django.conf import settings

from vonglau.core.notify.channel import Channel
from vonglau.core.notify.email import Email
from vonglau.gateways.notices.addresses import Allowed
from vonglau.gateways.notices.post import Wire
from vonglau.gateways.notices.push import Push
from vonglau.gateways.notices.webhooks import Webhooks


def channels() -> dict[str, Channel]:
    """Raises BadInput when VONGLAU_PRIVATE_HOSTS cannot be read."""
    wire = Wire(Allowed.of(settings.VONGLAU_PRIVATE_HOSTS))
    every: tuple[Channel, ...] = (Email(), Webhooks(wire), Push(wire))
    return {channel.name: channel for channel in every}
