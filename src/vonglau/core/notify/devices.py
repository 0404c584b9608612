"""The browsers that show a person's notices. What a browser hands in is checked: its keys are used to encrypt, its address is called."""

import base64
import binascii
import hashlib
import json
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from django.db import transaction
from django.utils import timezone

from vonglau.core import audit
from vonglau.core.errors import BadInput, Conflict
from vonglau.core.notify_models import PushDevice
from vonglau.core.people.models import User
from vonglau.core.worlds import World

MOST = 20
"""Devices of one account and world."""
ADDRESS = 1000
"""Characters of a push address, at most."""
BROWSERS = ("Edg", "OPR", "SamsungBrowser", "CocCoc", "coc_coc", "Firefox", "Chrome", "Safari")
NAMES = {"Edg": "Edge", "OPR": "Opera", "SamsungBrowser": "Samsung Internet", "coc_coc": "Cốc Cốc", "CocCoc": "Cốc Cốc"}
SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "CrOS", "Mac OS", "Linux")
SYSTEM_NAMES = {"CrOS": "ChromeOS", "Mac OS": "macOS"}


def digest(endpoint: str) -> str:
    return hashlib.sha256(endpoint.encode()).hexdigest()


def label(agent: str) -> str:
    """Browser and system from a User-Agent, as its owner recognises them: "Chrome · Android"."""
    browser = next((NAMES.get(one, one) for one in BROWSERS if one in agent), "")
    system = next((SYSTEM_NAMES.get(one, one) for one in SYSTEMS if one in agent), "")
    return " · ".join(part for part in (browser, system) if part)


def _bytes(text: object, length: int, what: str) -> bytes:
    try:
        if not isinstance(text, str):
            raise BadInput(f"The subscription has no {what}.", pointer=f"/keys/{what}")
        found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as problem:
        raise BadInput(f"{what} is not base64url.", pointer=f"/keys/{what}") from problem
    if len(found) != length:
        raise BadInput(f"{what} has {length} bytes.", pointer=f"/keys/{what}")
    return found


def checked(said: Any) -> dict[str, Any]:
    """A PushSubscription as the browser writes it in JSON, less what we do not keep. Raises BadInput."""
    if not isinstance(said, dict) or not isinstance(said.get("keys"), dict):
        raise BadInput("A subscription has an endpoint and keys.")
    endpoint, keys = said.get("endpoint"), said["keys"]
    if not isinstance(endpoint, str) or len(endpoint) > ADDRESS or not endpoint.isascii():
        raise BadInput("The push address cannot be used.", pointer="/endpoint")
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("https", "http") and bool(parts.hostname) and not parts.username and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(ord(sign) < 33 or ord(sign) == 127 for sign in endpoint):
        raise BadInput("The push address cannot be used.", pointer="/endpoint")
    point = _bytes(keys.get("p256dh"), 65, "p256dh")
    _bytes(keys.get("auth"), 16, "auth")
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as problem:
        raise BadInput("p256dh is no point of the curve P-256.", pointer="/keys/p256dh") from problem
    return {"endpoint": endpoint, "keys": {"p256dh": keys["p256dh"], "auth": keys["auth"]}}


@transaction.atomic
def register(user: User, world: World, said: Any, agent: str) -> PushDevice:
    """This browser shows this account's notices of this world from now on. One that showed another account's changes hands."""
    subscription = checked(said)
    mark = digest(subscription["endpoint"])
    others = PushDevice.objects.filter(user=user, world=world.pk).exclude(digest=mark)
    if others.count() >= MOST:
        raise Conflict(f"You have {MOST} devices already; remove one that you no longer use.")
    PushDevice.objects.filter(digest=mark).exclude(user=user).delete()
    device, _made = PushDevice.objects.update_or_create(
        digest=mark,
        world=world.pk,
        defaults={
            "user": user,
            "subscription": json.dumps(subscription),
            "label": label(agent) or "?",
            "created_at": timezone.now(),
        },
    )
    _audit(user, "push-on", device.label, world.pk)
    return device


@transaction.atomic
def remove(user: User, pk: int) -> bool:
    """Notices that wait for it are not sent any more."""
    device = PushDevice.objects.filter(user=user, pk=pk).first() if 0 < pk < 2**63 else None
    if device is None:
        return False
    _audit(user, "push-off", device.label, device.world)
    device.delete()
    return True


def _audit(user: User, step: str, label: str, world: str) -> None:
    audit.record(f"account/{user.pk}", {"step": step, "by": user.username, "device": label, "world": world})
