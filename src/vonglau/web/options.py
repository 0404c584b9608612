"""The settings of an installation: environment variables, each typed, with its default, unit and meaning.

`serve` sets most of them from its own options. What stands here is checked at every start and listed in docs/reference/settings.md.
"""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

from vonglau.core.options import Option
from vonglau.core.options import choice as _choice
from vonglau.core.options import flag as _flag
from vonglau.core.options import number as _number
from vonglau.core.options import url as _url
from vonglau.core.options import words as _words
from vonglau.engines.database import address
from vonglau.web.access_options import ACCESS


def _networks(text: str) -> list[Any]:
    try:
        return [ip_network(word) for word in _words(text)]
    except ValueError as wrong:
        raise ValueError("networks such as 127.0.0.0/8, by comma") from wrong


def _roles(text: str) -> list[str]:
    if set(_words(text)) - {"door", "web", "worker"}:
        raise ValueError("door, web and worker, by comma")
    return _words(text)


OPTIONS = {
    option.name: option
    for option in (
        Option(
            "VONGLAU_DATA",
            "Data folder",
            lambda text: Path(text).resolve(),
            "vonglau-data",
            "Databases, photos, sealed history. Back it up whole.",
        ),
        Option(
            "VONGLAU_SECRETS",
            "Folder of secrets",
            str,
            "",
            "Keys and tokens of the house, mode 0600; absent: `secrets/` of the data folder. Name another to keep them out of its "
            "backups, or systemd's credentials folder (`%d` in a unit).",
        ),
        Option(
            "VONGLAU_HISTORY",
            "History folder",
            lambda text: Path(text).resolve() if text else None,
            "",
            "Where sealed events are kept as Parquet files, when not in the data folder's `sealed/`: another, larger disk. "
            "Move the files there while the server is stopped. It belongs to the backup too.",
        ),
        Option(
            "VONGLAU_TAIL",
            "Tail of the log",
            _number(1_000, 100_000_000),
            "1000000",
            "From how many unsealed events on the older half is sealed into a Parquet file.",
            "events",
        ),
        Option(
            "VONGLAU_DATABASE",
            "Database",
            address,
            "",
            "postgresql://user:password@host:5432/name for log and state. Absent: files in the data folder, or the database that "
            "`init` was given.",
            secret=True,
        ),
        Option(
            "VONGLAU_DATABASE_FILE",
            "File that names the database",
            str,
            "",
            "A file that holds VONGLAU_DATABASE, for secrets that are handed over as files.",
        ),
        Option(
            "VONGLAU_TIER",
            "Tier",
            _choice("city", "national"),
            "city",
            "One locality, or the ministries' installation.",
        ),
        Option(
            "VONGLAU_DEMO",
            "Demonstration",
            _flag,
            "0",
            "1 while `vonglau demo` serves: demonstration accounts may sign in.",
        ),
        Option(
            "VONGLAU_HOSTS",
            "Host names",
            _words,
            "127.0.0.1,localhost,[::1]",
            "Names it answers to, by comma; requests for others are refused.",
        ),
        Option(
            "VONGLAU_ORIGIN",
            "Public address",
            _url("https", "http"),
            "",
            "Set it when a proxy of yours stands in front, such as https://ioc.example.vn: its X-Forwarded-For and -Proto are believed "
            "(from the addresses of VONGLAU_PROXIES), and with https cookies are sent over TLS only.",
        ),
        Option(
            "VONGLAU_HSTS",
            "Https only, from then on",
            _number(0, 63_072_000),
            "31536000",
            "With an https VONGLAU_ORIGIN every answer over TLS tells browsers to use nothing else for so long, for its sub-domains too "
            "(Strict-Transport-Security). 0: they are not told.",
            "seconds",
        ),
        Option(
            "VONGLAU_PROXIES",
            "Proxies that are believed",
            _networks,
            "127.0.0.0/8,::1/128",
            "Networks of the proxies in front, by comma. X-Forwarded-For and -Proto of any other client are thrown away; without "
            "VONGLAU_ORIGIN everybody's are.",
        ),
        Option(
            "VONGLAU_FILES",
            "Files folder",
            lambda text: Path(text).resolve() if text else None,
            "",
            "Where uploaded photos lie; several hosts share one. Absent: `files/` of the data folder. It belongs to the backup.",
        ),
        Option(
            "VONGLAU_ONLY",
            "Roles of this host",
            _roles,
            "door,web,worker",
            "Which parts `serve` runs here, by comma; more than one host needs PostgreSQL.",
        ),
        Option(
            "VONGLAU_HOST_NAME",
            "Name of this host",
            str,
            "",
            "By which figures and the health page tell hosts apart. Absent: the machine's own name; set it where two would be the same.",
        ),
        Option(
            "VONGLAU_WEB_AT",
            "Web processes elsewhere",
            _words,
            "",
            "Where the door finds web processes of other hosts, by comma: 10.0.0.5:8100, or unix:/path.",
        ),
        Option(
            "VONGLAU_WEB_LISTEN",
            "Web processes' address",
            str,
            "",
            "Where the web processes of this host listen for a door elsewhere: host:port, or unix:/path.",
        ),
        Option(
            "VONGLAU_STREAMS",
            "Change streams",
            _number(1, 50_000),
            "2000",
            "How many may be open at a time.",
            "streams",
        ),
        *ACCESS,
        Option(
            "VONGLAU_FOLD_SECONDS",
            "Patience with a detector",
            _number(1, 3_600),
            "20",
            "How long one detector may take over one batch before it is interrupted and set apart.",
            "seconds",
        ),
        Option(
            "VONGLAU_SMTP",
            "Mail server",
            _url("smtp"),
            "",
            "smtp://user:password@host:port. Absent: notices become files under outbox/.",
            secret=True,
        ),
        Option(
            "VONGLAU_SMS_URL",
            "SMS relay",
            _url("https", "http"),
            "",
            "Where news for citizens' telephones is posted; the contract stands in docs/howto/notices.md. Absent: no SMS.",
        ),
        Option("VONGLAU_SMS_KEY", "Key of the SMS relay", str, "", "Sent to it as a bearer token.", secret=True),
        Option(
            "VONGLAU_ZALO_URL",
            "Zalo's notification service",
            _url("https", "http"),
            "https://business.openapi.zalo.me/message/template",
            "Where template messages (ZNS) are posted.",
        ),
        Option(
            "VONGLAU_ZALO_TOKEN",
            "Access token at Zalo",
            str,
            "",
            "Of the city's official account; renew it before it ends. Absent: no Zalo.",
            secret=True,
        ),
        Option(
            "VONGLAU_ZALO_TEMPLATE",
            "Template at Zalo",
            str,
            "",
            "Number of the approved template with the parameters code, news and link.",
        ),
        Option(
            "VONGLAU_PRIVATE_HOSTS",
            "Private hosts that may be told",
            _words,
            "",
            "Webhooks and push go to public addresses over https alone. Name here, by comma, host names and networks (10.20.0.0/16) of the "
            "city's own that may be called too, and over http.",
        ),
        Option("VONGLAU_FROM", "Sender of notices", str, "vonglau@localhost", "The address mail comes from."),
        Option(
            "VONGLAU_LOG",
            "Log level",
            _choice("DEBUG", "INFO", "WARNING", "ERROR"),
            "INFO",
            "From which gravity on messages are written (JSON lines on stderr).",
        ),
        Option(
            "VONGLAU_FACTS",
            "Own facts",
            str,
            "",
            "A folder whose files stand in for those of data/ under the same names: agencies, categories, calendars.",
        ),
        Option(
            "VONGLAU_DOOR",
            "The door's address",
            _url("http", "https"),
            "",
            "Where web and worker reach the door. Set by `serve` where the door runs; to be set on hosts without one.",
        ),
    )
}


def value(name: str) -> Any:
    """A setting as it holds now. Raises BadInput with what is expected."""
    return OPTIONS[name].value()
