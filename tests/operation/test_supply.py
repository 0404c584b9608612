"""What we stand on: every package is in the bill of materials under its hashes, carries a licence we may stand on, and a flaw fails the check."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"ci_{name}", ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


audit = script("audit")


def test_every_locked_package_has_hashes_and_a_licence_we_may_stand_on() -> None:
    assert audit.hashes() == []
    assert audit.licences() == []


def test_the_bill_of_materials_names_every_package_with_its_hashes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "sbom.py", tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    listed = json.loads((tmp_path / "python.cdx.json").read_text())["components"]
    counted = {
        one["name"].lower().replace("_", "-"): sum(len(ref.get("hashes", ())) for ref in one["externalReferences"])
        for one in listed
    }
    for name, (_version, count) in audit.locked("requirements.lock").items():
        assert counted.get(name.replace("_", "-"), 0) >= 1, f"{name} ({count} hashes) is not in the bill"
    front = json.loads((tmp_path / "frontend.cdx.json").read_text())
    wanted = json.loads((ROOT / "frontend" / "package.json").read_text())
    names = {one["name"] for one in front["components"]}
    scoped = {f"{one.get('group', '')}/{one['name']}".lstrip("/") for one in front["components"]}
    assert set(wanted.get("dependencies", {})) <= names | scoped


def _said(body: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(stdout=json.dumps(body), stderr="", returncode=1)


def test_a_known_flaw_fails_and_silence_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    flaw = {"id": "PYSEC-2026-1", "fix_versions": ["9.9"], "aliases": [], "description": ""}
    answers = [{"name": "django", "version": "5.2.0", "vulns": [flaw]}, {"name": "x", "skip_reason": "not found"}]
    monkeypatch.setattr(audit.subprocess, "run", lambda *a, **k: _said({"dependencies": answers}))
    found, why = audit.python_advisories()
    assert found == ["django 5.2.0: PYSEC-2026-1, mended in 9.9"]
    assert "1 of 2" in why
    monkeypatch.setattr(audit, "KNOWN", {"PYSEC-2026-1": "only concerns the admin, which is not installed"})
    assert audit.python_advisories()[0] == []


def test_an_advisory_service_that_is_silent_fails_a_release_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "python_advisories", lambda: ([], "PyPI's advisories cannot be reached"))
    monkeypatch.setattr(audit, "npm_advisories", lambda: ([], ""))
    monkeypatch.setattr(sys, "argv", ["audit"])
    assert audit.main() == 0
    monkeypatch.setattr(sys, "argv", ["audit", "--strict"])
    assert audit.main() == 1


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "AGPL-3.0", "Proprietary", ""])
def test_a_licence_that_binds_us_is_refused(monkeypatch: pytest.MonkeyPatch, licence: str) -> None:
    from email.message import Message

    about = Message()
    about["License-Expression"] = licence
    monkeypatch.setattr(audit, "distribution", lambda name: SimpleNamespace(metadata=about))
    monkeypatch.setattr(audit, "locked", lambda lock: {"one": ("1", 1)})
    assert len(audit.licences()) == 1
