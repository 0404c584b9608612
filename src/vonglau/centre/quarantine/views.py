"""Quarantine: what was sent and could not be an event, waiting for a person. Everything in it is hostile until it is escaped.

The log is the door's: a mended item is handed in there, over HTTP. Who mended what stands in an audit stream of its own, as a digest:
the text may hold what must not be kept for ever.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

import msgspec
from django import forms
from django.contrib import messages
from django.db import transaction
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from vonglau.centre.access import Request, is_fragment, of_the_quarantine, unavailable
from vonglau.centre.desk.why import log
from vonglau.centre.quarantine.reasons import reason_words
from vonglau.core import audit, changes
from vonglau.core.errors import NotFound, Unavailable
from vonglau.core.events import from_us
from vonglau.core.log import Quarantined
from vonglau.core.worlds import World, WorldKind
from vonglau.kit import door

PAGE = 50
PREVIEW = 160
SHOWN = 100_000
"""Characters of the raw text that a page carries; longer items are mended where they come from."""
STATES = {"open": _("Chờ xử lý"), "resubmitted": _("Đã gửi lại"), "discarded": _("Đã bỏ")}


def _text(raw: bytes, most: int) -> str:
    """What was sent, as text: bytes that are no text show as \\x.., NUL as ␀."""
    return raw[: most * 4].decode("utf-8", "backslashreplace").replace("\x00", "␀")[:most]


def _moment(in_world: World, us: int) -> datetime:
    """When it came, on the world's clock: the log counts receipt on the wall's."""
    at = from_us(us)
    return in_world.now() - (timezone.now() - at) * in_world.rate if in_world.kind == WorldKind.DRILL else at


def _row(item: Quarantined, in_world: World) -> dict[str, Any]:
    return {
        "item": item,
        "at": _moment(in_world, item.at_us),
        "reason": reason_words(item.reason),
        "preview": " ".join(_text(item.raw, PREVIEW).split()),
        "state": str(STATES.get(item.state, item.state)),
    }


@of_the_quarantine
def quarantine(request: Request) -> HttpResponseBase:
    state = request.GET.get("state", "open")
    state = state if state in STATES else "open"
    after = request.GET.get("after", "0")
    reader = log()
    found: tuple[list[Quarantined], int | None] = ([], None)
    if reader is not None:
        found = reader.quarantine(
            int(after) if after.isdecimal() and len(after) < 19 else 0, PAGE, world=request.world.pk, state=state
        )
    context = {
        "rows": [_row(item, request.world) for item in found[0]],
        "next": f"?state={state}&after={found[1]}" if found[1] else "",
        "first": f"?state={state}" if after != "0" else "",
        "state": state,
        "states": [(code, str(name)) for code, name in STATES.items()],
        "fragment": request.get_full_path(),
    }
    return render(
        request, "centre/quarantine/_list.html" if is_fragment(request) else "centre/quarantine/list.html", context
    )


class MendForm(forms.Form):
    """The item's JSON, for a person to mend."""

    event = forms.CharField(
        label=_("Nội dung"),
        strip=False,
        max_length=SHOWN,
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false", "class": "mono", "autocomplete": "off"}),
        error_messages={"required": _("Nội dung trống. Nếu không dùng được, hãy bấm “Bỏ mục này”.")},
    )

    def clean_event(self) -> str:
        """One JSON object. The line that is wrong is named, since there is nothing to press that would find it."""
        text = str(self.cleaned_data["event"])
        try:
            plain = json.loads(text)
        except json.JSONDecodeError as problem:
            raise forms.ValidationError(
                gettext("Chưa phải JSON: dòng %(line)s, cột %(column)s.")
                % {"line": problem.lineno, "column": problem.colno}
            ) from problem
        except RecursionError as problem:
            raise forms.ValidationError(gettext("JSON lồng nhau quá sâu.")) from problem
        if not isinstance(plain, dict):
            raise forms.ValidationError(gettext("Phải là một đối tượng JSON { … }, không phải danh sách hay giá trị."))
        return text


def _pretty(raw: bytes) -> str:
    """Indented when it is JSON, else as it came."""
    try:
        return msgspec.json.format(raw, indent=2).decode() if raw[:1] in b"{[" else _text(raw, SHOWN)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _text(raw, SHOWN)


@of_the_quarantine
@require_http_methods(["GET", "POST"])
def quarantined(request: Request, number: int) -> HttpResponseBase:
    reader = log()
    item = reader.quarantined(number) if reader is not None and number < 2**63 else None
    if item is None or item.world != request.world.pk:
        raise NotFound(f"There is no quarantined item {number} in world {request.world.pk!r}.")
    if request.method == "GET" or item.state != "open":
        return _page(request, item, MendForm(initial={"event": _pretty(item.raw)[:SHOWN]}))
    try:
        return _discard(request, item) if "discard" in request.POST else _resubmit(request, item)
    except Unavailable as problem:
        # What was typed is worth more than a clean page: it comes back with the advice.
        if "discard" in request.POST:
            return unavailable(request, problem)
        form = MendForm(request.POST)
        form.add_error(None, gettext("Cửa nhận sự kiện chưa trả lời; chưa có gì được ghi. Hãy thử lại sau vài giây."))
        return _page(request, item, form, status=503)


def _page(request: Request, item: Quarantined, form: MendForm, status: int = 200) -> HttpResponseBase:
    context = {**_row(item, request.world), "form": form, "raw": _text(item.raw, SHOWN), "long": len(item.raw) > SHOWN}
    return render(request, "centre/quarantine/item.html", context, status=status)


def _resubmit(request: Request, item: Quarantined) -> HttpResponseBase:
    form = MendForm(request.POST)
    if not form.is_valid():
        return _page(request, item, form, status=422)
    mended = form.cleaned_data["event"].encode()
    answer = door.resubmit(item.id, mended, by=request.actor.name)
    if not answer.ok:
        said = {"pointer": answer.pointer or "/", "reason": reason_words(answer.reason) or str(answer.status)}
        form.add_error("event", gettext("Vẫn chưa nhận được ở %(pointer)s: %(reason)s") % said)
        return _page(request, item, form, status=422)
    _remember(request, item, "resubmit", mended)
    messages.success(request, gettext("Mục %(number)s đã vào nhật ký sự kiện.") % {"number": item.id})
    return redirect("centre:quarantine")


def _discard(request: Request, item: Quarantined) -> HttpResponseBase:
    answer = door.discard(item.id, by=request.actor.name)
    if not answer.ok:
        messages.error(request, gettext("Chưa bỏ được mục %(number)s.") % {"number": item.id})
        return redirect("centre:quarantined", number=item.id)
    _remember(request, item, "discard", b"")
    messages.success(request, gettext("Đã bỏ mục %(number)s. Nội dung gốc vẫn xem được.") % {"number": item.id})
    return redirect("centre:quarantine")


@transaction.atomic
def _remember(request: Request, item: Quarantined, step: str, mended: bytes) -> None:
    """Who settled it, and the digest of what was handed in."""
    body = {
        "at": request.world.now().isoformat(timespec="microseconds"),
        "who": request.actor.name,
        "role": request.actor.role,
        "step": step,
        "before": hashlib.sha256(item.raw).hexdigest(),
        **({"after": hashlib.sha256(mended).hexdigest()} if mended else {}),
    }
    audit.record(f"quarantine/{item.id}", body)
    changes.announce(request.world.pk, "quarantine", str(item.id), step=step)
