"""The components: what they promise to pages and to readers' aids."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django import forms
from django.template import Context, Template
from django.utils import translation

from vonglau.core.errors import NotFound
from vonglau.core.incidents.states import State
from vonglau.kit import vite

NOW = datetime(2026, 10, 12, 1, 25, tzinfo=UTC)
TEMPLATES = Path(vite.__file__).parent / "templates" / "kit"


def render(source: str, **context: object) -> str:
    with translation.override("vi"):
        return Template("{% load kit %}" + source).render(Context({"shell": {"world": {"now": NOW}}, **context}))


@pytest.fixture
def built(tmp_path: Path, settings: object) -> Path:
    folder = tmp_path / "built"
    folder.mkdir()
    manifest = {
        "src/app.ts": {
            "file": "assets/app-1.js",
            "css": ["assets/app-1.css"],
            "imports": ["_b.js"],
            "assets": ["assets/x-latin-400-normal-9.woff2", "assets/x-latin-700-normal-9.woff2"],
        },
        "_b.js": {"file": "assets/b.js", "imports": ["_a.js"]},
        "_a.js": {"file": "assets/a.js", "css": ["assets/a.css"], "imports": ["_b.js"]},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    settings.STATICFILES_DIRS = [str(tmp_path)]  # type: ignore[attr-defined]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]  # type: ignore[attr-defined]
    from django.contrib.staticfiles import finders

    finders.get_finder.cache_clear()
    yield folder
    finders.get_finder.cache_clear()


def test_asset_names_everything_an_entry_needs_once_and_survives_a_cycle(built: Path) -> None:
    text = render('{% asset "app" %}')
    assert re.findall(r'href="([^"]+)"', text) == [
        "/static/built/assets/a.css",
        "/static/built/assets/app-1.css",
        "/static/built/assets/x-latin-400-normal-9.woff2",
        "/static/built/assets/a.js",
        "/static/built/assets/b.js",
    ]
    assert text.endswith('<script type="module" src="/static/built/assets/app-1.js"></script>')


def test_a_rebuilt_manifest_is_read_again(built: Path) -> None:
    vite.entry("app")
    (built / "manifest.json").write_text(json.dumps({"src/app.ts": {"file": "assets/app-2.js"}}))
    assert vite.entry("app").script == "/static/built/assets/app-2.js"


def test_what_was_never_built_says_what_to_do(built: Path) -> None:
    with pytest.raises(NotFound, match="no entry 'chart'"):
        vite.entry("chart")
    (built / "manifest.json").unlink()
    with pytest.raises(NotFound, match=r"frontend/build_hook\.py"):
        vite.entry("app")


def test_every_icon_named_in_templates_is_drawn() -> None:
    drawn = set(re.findall(r'id="i-([a-z-]+)"', (TEMPLATES / "icons.html").read_text()))
    package = TEMPLATES.parents[2]
    named = {
        name
        for path in package.rglob("templates/**/*.html")
        for name in re.findall(r'{%\s*icon "([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert named, "the templates name no icon: the pattern is wrong"
    assert named <= drawn


def test_every_state_and_severity_is_drawn() -> None:
    sprite = (TEMPLATES / "sprite.html").read_text()
    assert {f"st-{state}" for state in State} <= set(re.findall(r'id="(st-[a-z_]+)"', sprite))
    for value in ("Extreme", "Severe", "Moderate", "Minor", "Unknown"):
        assert f'id="sev-{value.lower()}"' in sprite
        assert f'data-sev="{value}"' in render("{% severity value %}", value=value)
    assert 'data-sev="Unknown"' in render("{% severity value %}", value="<b>")


def test_no_template_of_the_package_breaks_the_content_policy() -> None:
    forbidden = re.compile(r"""\sstyle=|\son[a-z]+=|hx-on|<script(?![^>]*\ssrc=)|hx-trigger="[^"]*\[|["']js:""")
    faults = [
        f"{path.name}: {match.group()}"
        for path in TEMPLATES.parents[2].rglob("templates/**/*.html")
        for match in forbidden.finditer(path.read_text(encoding="utf-8"))
    ]
    assert faults == []


def test_hostile_text_is_escaped() -> None:
    evil = '"><script>alert(1)</script>'
    source = "{% figure evil 1 made=evil href=evil %}{% state evil %}{% icon evil label=evil %}"
    assert "<script>" not in render(source, evil=evil)


def test_due_says_the_state_and_the_exact_time() -> None:
    late = render("{% due moment %}", moment=NOW - timedelta(minutes=10))
    assert 'data-due-state="over"' in late
    assert "quá hạn 10 phút" in late
    assert "data-due " in late
    assert "tạm dừng" in render("{% due moment paused=True %}", moment=NOW)
    met = render("{% due moment met=met %}", moment=NOW, met=NOW - timedelta(minutes=1))
    assert "đúng hạn" in met
    assert "data-due " not in met, "a met deadline no longer moves"


@pytest.mark.parametrize(("start", "due", "percent"), [(-60, 60, 50), (-60, -30, 100), (10, 60, 0), (0, 0, 100)])
def test_clock_bar_stays_within_its_track(start: int, due: int, percent: int) -> None:
    moments = {"start": NOW + timedelta(minutes=start), "due": NOW + timedelta(minutes=due)}
    assert f'value="{percent}"' in render('{% clock "Xử lý" start due %}', **moments)


def test_figure_without_rows_says_nothing_rather_than_zero() -> None:
    text = render('{% figure "Đúng hạn" None unit="%" %}')
    assert "–" in text
    assert "%" not in text
    assert "1.234 trên 2.000" in render('{% figure "Đúng hạn" 61.7 numerator=1234 denominator=2000 %}')


class Sample(forms.Form):
    name = forms.CharField(label="Tên", help_text="Như trên giấy tờ")
    level = forms.ChoiceField(label="Mức", widget=forms.RadioSelect, choices=[("a", "A"), ("b", "B")])
    agree = forms.BooleanField(label="Đồng ý", required=False)


def test_field_ties_errors_and_help_to_the_control() -> None:
    text = render("{% field form.name %}{% field form.level %}{% field form.agree %}", form=Sample({"name": ""}))
    described = re.search(r'<input[^>]*name="name"[^>]*>', text)
    assert described is not None
    assert 'aria-invalid="true"' in described.group()
    ids = re.search(r'aria-describedby="([^"]+)"', described.group())
    assert ids is not None
    for identity in ids.group(1).split():
        assert f'id="{identity}"' in text
    assert "<legend>Mức" in text
    assert text.count("không bắt buộc") == 0, "a checkbox needs no such word"
