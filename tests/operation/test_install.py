"""Installing without docker, by doing it: under another root, from nothing to a served city, an upgrade, the way back, and away."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import zipfile
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.serving import environment, free_port

PACKAGING = Path(__file__).parents[2] / "packaging"
RELEASED = Path(__file__).parents[1] / "upgrades" / "release-0.1.0.tar.xz"
UNITS = sorted((PACKAGING / "systemd").glob("*.service"))


def install(root: Path, *arguments: str | Path) -> str:
    done = subprocess.run(
        [PACKAGING / "install.sh", *map(str, arguments)],
        env={**environment(), "DESTDIR": str(root)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def other_release(wheel: Path, folder: Path) -> Path:
    """The same program with one more word in it: what an upgrade brings."""
    opened, made = folder / "opened", folder / "newer" / wheel.name
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(opened)
    record = next(opened.glob("*.dist-info/RECORD"))
    (opened / "vonglau" / "newer.txt").write_text("newer")
    record.write_text(record.read_text() + "vonglau/newer.txt,,\n")
    made.parent.mkdir()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(p for p in opened.rglob("*") if p.is_file()):
            packed.write(path, path.relative_to(opened))
    return made


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_from_a_source_tree_to_a_served_city_and_away_again(tmp_path: Path) -> None:
    root, port = tmp_path / "root", free_port()
    opt, data, settings = root / "opt/vonglau", root / "var/lib/vonglau", root / "etc/vonglau/vonglau.env"
    install(root)
    first = (opt / "current").readlink()
    settings.write_text(
        f"# ours\nVONGLAU_DATA={data}\nVONGLAU_SERVE=--host 127.0.0.1 --port {port} --web 1\nVONGLAU_FROM=a b <c@d>\n"
    )
    ours = {**environment(), "VONGLAU_SETTINGS": str(settings), "VONGLAU_RUN": str(opt / "bin/vonglau-run")}

    def ends(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [root / "usr/local/bin/vonglau", *words]
        return subprocess.run(command, env=ours, cwd=tmp_path, capture_output=True, text=True, check=False)

    def vonglau(*words: str) -> str:
        done = ends(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    vonglau("init", "--locality", "48")
    vonglau("check")
    # As systemd starts it: told on its socket when everything answers, then that it is alive, and that it stops.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(120)
        process = subprocess.Popen(
            [root / "usr/local/bin/vonglau", "serve"], env={**ours, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        )
        try:
            said = b""
            while said != b"READY=1":
                said = manager.recv(100)
                assert said in (b"READY=1", b"WATCHDOG=1")
            link = HTTPConnection("127.0.0.1", port, timeout=20)
            link.request("GET", "/readyz")
            assert json.loads(link.getresponse().read())["ready"] is True
            link.request("GET", "/accounts/login/")
            page = link.getresponse()
            assert b"/static/built/" in page.read()
            link.close()
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        until = time.monotonic() + 20
        while manager.recv(100) != b"STOPPING=1":
            assert time.monotonic() < until

    # A second time: the same sources make the same release, so there is nothing to do, and the settings are left alone.
    wheel = built(tmp_path)
    assert "already current" in install(root, "--wheel", wheel)
    assert settings.read_text().startswith("# ours")
    # An upgrade, and the way back.
    assert "Upgraded" in install(root, "--wheel", other_release(wheel, tmp_path))
    assert (opt / "current").readlink() != first
    vonglau("check")
    install(root, "--back")
    assert (opt / "current").readlink() == first
    # An upgrade of a city whose data an earlier release wrote: said, and nothing is started on them; then with a backup.
    shutil.rmtree(data)
    with tarfile.open(RELEASED) as archive:
        archive.extractall(data, filter="data")
    newer = next(tmp_path.glob("newer/*.whl"))
    said = install(root, "--wheel", newer)
    assert "vonglau upgrade --backup DIR" in said
    assert "Upgraded" not in said
    assert ends("upgrade", "--needed").returncode == 3
    refused = ends("serve")
    assert refused.returncode == 1
    assert "earlier release" in refused.stderr
    assert "already current" in install(root, "--wheel", newer, "--backup", tmp_path / "backups")
    assert ends("upgrade", "--needed").returncode == 0
    vonglau("backup", "verify", str(tmp_path / "backups"), "--quick")
    vonglau("check")
    # Away: the data stay, until one says otherwise.
    install(root, "--uninstall")
    assert not opt.exists()
    assert (data / "state.db").exists()
    assert settings.exists()
    install(root, "--uninstall", "--purge")
    assert not data.exists()
    assert not list(root.rglob("vonglau*"))


def built(folder: Path) -> Path:
    """A wheel as `--wheel` takes it, by the build the test's own environment has."""
    words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder), str(PACKAGING.parent)]
    subprocess.run([Path(sys.executable).parent / "pip", *words], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here: `apt-get install systemd`")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_are_understood_and_closed(unit: Path, tmp_path: Path) -> None:
    """By systemd itself, with a program where the unit names one."""
    run = tmp_path / "vonglau-run"
    run.write_text("#!/bin/sh\n")
    run.chmod(0o755)
    name = unit.name.replace("@", "@door")
    text = unit.read_text(encoding="utf-8").replace("/opt/vonglau/bin/vonglau-run", str(run))
    (tmp_path / name).write_text(text.replace("%i", "door"), encoding="utf-8")
    (tmp_path / "vonglau.target").write_text((PACKAGING / "systemd" / "vonglau.target").read_text(encoding="utf-8"))
    understood = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        check=False,
    )
    assert understood.returncode == 0, understood.stderr
    assert str(tmp_path) not in understood.stderr, understood.stderr
    exposure = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert exposure.returncode == 0, exposure.stdout[-400:]


def test_a_command_takes_the_hosts_settings_but_the_callers_words_go_before(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.write_text('#!/bin/sh\nprintf "%s|" "$VONGLAU_DATA" "$VONGLAU_FROM" "$VONGLAU_LOG" "$@"\n')
    run.chmod(0o755)
    settings = tmp_path / "vonglau.env"
    settings.write_text("# note\nVONGLAU_DATA=/a\nVONGLAU_FROM=x `id` $(id) y\nVONGLAU_LOG=INFO\nPATH=/nowhere")
    said = subprocess.run(
        ["/bin/sh", PACKAGING / "vonglau", "user", "list"],
        env={
            "PATH": os.environ["PATH"],
            "VONGLAU_SETTINGS": str(settings),
            "VONGLAU_RUN": str(run),
            "VONGLAU_LOG": "DEBUG",
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said == "/a|x `id` $(id) y|DEBUG|user|list|"
