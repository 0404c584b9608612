#!/bin/sh
# Installs Vọng Lâu on a Debian machine without docker: a wheel from this source tree, a venv from the hash locks, units, a user, folders.
#
#   sudo packaging/install.sh                 install, or upgrade: the release before stays, `--back` returns to it
#   sudo packaging/install.sh --back          the release before is current again (restore its data from the backup of before the upgrade)
#   sudo packaging/install.sh --uninstall     away with program and units; data, settings and secrets stay
#   sudo packaging/install.sh --uninstall --purge     … those too: nothing is left, there is no way back
#
#   DESTDIR=/tmp/x packaging/install.sh       the same under another root, without user or systemd: for packages and for trying it
#   --backup DIR                              upgrade the data too, if they need it: stop, back up into DIR, `vonglau upgrade`, start
#   --wheel FILE                              install this wheel instead of building one
#   PYTHON=python3.12                         another interpreter (3.11 or newer, with venv)
#
# Running it twice does nothing the second time. What it puts where: docs/howto/install.md.
set -eu
umask 022
source=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
root=${DESTDIR:-}
opt=$root/opt/vonglau
etc=$root/etc/vonglau
data=$root/var/lib/vonglau
units=$root/usr/local/lib/systemd/system
command=$root/usr/local/bin/vonglau
python=${PYTHON:-python3}
wheel="" what=install purge=no backup=""
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

say() { printf '%s\n' "$*" >&2; }
fail() { say "install.sh: $*"; exit 1; }
alive() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

while [ $# -gt 0 ]; do
    case $1 in
    --wheel) [ $# -gt 1 ] || fail "--wheel needs a file"; wheel=$2; shift ;;
    --backup) [ $# -gt 1 ] || fail "--backup needs a folder"; backup=$2; shift ;;
    --back) what=back ;;
    --uninstall) what=uninstall ;;
    --purge) purge=yes ;;
    -h | --help) sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "unknown option $1 (see --help)" ;;
    esac
    shift
done
running=""
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "run it as root, or give DESTDIR=/some/folder to try it"

vonglau() { # the installed command, with the settings of this root
    VONGLAU_SETTINGS=$etc/vonglau.env VONGLAU_RUN=$opt/bin/vonglau-run sh "$command" "$@"
}

bring_forward() { # the data to the current release; 1: they still need it, and nothing may be started
    needed=0
    vonglau upgrade --needed >/dev/null || needed=$?
    case $needed in
    0 | 2) return 0 ;; # 2: there is no city yet, as was said
    3) ;;
    *) say "What stands above must be mended before the new release can serve."; return 1 ;;
    esac
    if [ -z "$backup" ]; then
        say "The data are of an earlier release, so nothing was restarted; what runs, runs on. Now, with a folder for the backup:"
        say "    systemctl stop vonglau 'vonglau@*'; vonglau upgrade --backup DIR && systemctl start vonglau"
        return 1
    fi
    # shellcheck disable=SC2086 - units
    [ -z "$running" ] || systemctl stop $running
    vonglau upgrade --backup "$backup" || fail "the data stand as they were; --back makes $before current again"
}

active() { # names of the units that run
    alive || return 0
    systemctl list-units --plain --no-legend --state=active vonglau.service 'vonglau@*.service' | cut -d' ' -f1
}

restart() {
    alive || return 0
    systemctl daemon-reload
    # shellcheck disable=SC2086 - units
    [ -z "$running" ] || systemctl restart $running
}

uninstall() {
    if alive; then
        systemctl disable --now vonglau.service vonglau.target 2>/dev/null || true
        systemctl stop 'vonglau@*.service' 2>/dev/null || true
    fi
    rm -rf "$opt" "$command" "$units/vonglau.service" "$units/vonglau@.service" "$units/vonglau.target"
    if alive; then systemctl daemon-reload; fi
    if [ "$purge" = yes ]; then
        rm -rf "$etc" "$data"
        if [ -z "$root" ] && getent passwd vonglau >/dev/null; then userdel vonglau; fi
        say "Vọng Lâu is gone, its data too."
    else
        say "Vọng Lâu is gone; its data stay in $data, its settings in $etc."
    fi
}

switch_to() { # the link is replaced in one step: a service that starts meanwhile finds the one or the other
    ln -sfn "releases/$1" "$opt/current.new"
    mv -T "$opt/current.new" "$opt/current"
}

back() {
    now=$(basename "$(readlink "$opt/current" || fail "nothing is installed in $opt")")
    before=$(cat "$opt/releases/$now/before" 2>/dev/null || true)
    [ -n "$before" ] && [ -d "$opt/releases/$before" ] || fail "there is no release before $now"
    switch_to "$before"
    running=$(active)
    restart
    say "Current is $before again. If $now has changed the database, restore the backup that was made before it."
}

build() { # sets wheel
    say "Building the wheel (the front end too) …"
    "$python" -m venv "$made/venv"
    "$made/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$source/requirements.build.lock"
    "$made/venv/bin/pip" wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w "$made" "$source"
    wheel=$(echo "$made"/vonglau-*.whl)
}

install() {
    "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' ||
        fail "$python is older than 3.11 or has no venv: apt-get install python3-venv, or name another with PYTHON="
    [ -n "$wheel" ] || build
    [ -f "$wheel" ] || fail "there is no wheel $wheel"
    version=$(basename "$wheel" | cut -d- -f2)
    # What a wheel holds, not the moment it was built: its list of files with their digests.
    digest=$({ "$python" -m zipfile -e "$wheel" "$made/in" && cat "$made"/in/*.dist-info/RECORD "$source/requirements.lock"; } | sha256sum | cut -c1-12)
    release=$version-$digest
    place=$opt/releases/$release
    if [ ! -e "$place/.complete" ]; then
        say "Installing $release into $place …"
        rm -rf "$place"
        mkdir -p "$place"
        "$python" -m venv "$place/venv"
        "$place/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$source/requirements.lock"
        "$place/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps "$wheel"
        cp -R "$source/docs" "$source/packaging" "$source/LICENSE" "$source/NOTICE" "$source/CHANGELOG.md" "$place/"
        "$place/venv/bin/python" -m vonglau.cli --version >/dev/null || fail "the installed program does not start"
        touch "$place/.complete"
    fi
    if [ -z "$root" ] && ! getent passwd vonglau >/dev/null; then
        useradd --system --user-group --home-dir /var/lib/vonglau --no-create-home --shell /usr/sbin/nologin vonglau
    fi
    mkdir -p "$opt/bin" "$etc" "$data" "$units" "$(dirname "$command")"
    chmod 0750 "$etc"
    chmod 0700 "$data"
    cp "$source/packaging/vonglau-run" "$opt/bin/vonglau-run"
    cp "$source/packaging/vonglau" "$command"
    chmod 0755 "$opt/bin/vonglau-run" "$command"
    cp "$source"/packaging/systemd/vonglau.service "$source"/packaging/systemd/vonglau@.service "$source"/packaging/systemd/vonglau.target "$units/"
    # Settings are the operator's: never written over.
    [ -e "$etc/vonglau.env" ] || cp "$source/packaging/vonglau.env" "$etc/vonglau.env"
    chmod 0640 "$etc/vonglau.env"
    if [ -z "$root" ]; then
        chown root:vonglau "$etc" "$etc/vonglau.env"
        chown vonglau:vonglau "$data"
    fi
    before=$(basename "$(readlink "$opt/current" 2>/dev/null || true)")
    if [ "$before" = "$release" ]; then
        say "$release is already current."
        running=$(active)
        if [ -n "$backup" ] && bring_forward; then restart; fi
        return
    fi
    echo "$before" >"$place/before"
    switch_to "$release"
    for old in "$opt"/releases/*; do
        case $(basename "$old") in "$release" | "$before") ;; *) rm -rf "$old" ;; esac
    done
    running=$(active)
    if [ -n "$before" ] && ! bring_forward; then
        say "Installed $release beside $before."
        return
    fi
    restart
    if [ -z "$before" ]; then
        say "Installed. Next: vonglau init --locality 48, then systemctl enable --now vonglau (docs/howto/install.md)."
    else
        say "Upgraded from $before to $release."
    fi
}

$what
