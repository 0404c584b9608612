"""What makes the form an app that a phone can install."""

from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_safe

from vonglau.kit.vite import FOLDER


@require_safe
def manifest(request: HttpRequest) -> JsonResponse:
    """The web app manifest, in the language the page names (`?in=en`)."""
    language = "en" if request.GET.get("in") == "en" else "vi"
    with override(language):
        name = _("Phản ánh hiện trường")
    home = reverse("field_reports:new")
    icon = {"src": static(f"{FOLDER}/favicon.svg"), "sizes": "any", "type": "image/svg+xml"}
    told = {
        "id": home,
        "name": name,
        "short_name": name,
        "lang": language,
        "start_url": home,
        "scope": home,
        "display": "standalone",
        "background_color": "#f3f6f7",
        "theme_color": "#0a6675",
        "icons": [{**icon, "purpose": "any"}, {**icon, "purpose": "maskable"}],
    }
    answer = JsonResponse(told, content_type="application/manifest+json")
    answer["Cache-Control"] = "public, max-age=3600"
    return answer
