"""Settings about who comes in, how long they stay, and how often they may ask."""

from collections.abc import Callable

from vonglau.core.options import Option, choice, flag, number, url, words

ROLES = ("operator", "supervisor", "agency", "leader", "administrator")


def roles(text: str) -> list[str]:
    found = words(text)
    if set(found) - set(ROLES):
        raise ValueError(f"some of {', '.join(ROLES)}")
    return found


def by_role(usual: str) -> Callable[[str], dict[str, int]]:
    """`operator=720,leader=60`: what is not named keeps its default."""

    def read(text: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for pair in words(f"{usual},{text}"):
            role, sign, amount = pair.partition("=")
            if role not in ROLES or not sign or not amount.isdigit() or not 1 <= int(amount) <= 10_080:
                raise ValueError(f"pairs such as operator=720 by comma, of {', '.join(ROLES)}")
            found[role] = int(amount)
        return found

    return read


_IDLE = "operator=720,supervisor=720,agency=120,leader=120,administrator=30"
_LONGEST = "operator=13,supervisor=13,agency=12,leader=12,administrator=8"

ACCESS = (
    Option(
        "VONGLAU_MFA",
        "Second factor",
        choice("off", "optional", "required"),
        "optional",
        "Codes of an authenticator app. `required`: everybody must set one up at the next sign-in.",
    ),
    Option(
        "VONGLAU_MFA_ROLES",
        "Second factor by role",
        roles,
        "",
        "Roles that must have one even where it is optional, such as administrator,supervisor.",
    ),
    Option(
        "VONGLAU_IDLE",
        "Idle time of a session",
        by_role(_IDLE),
        _IDLE,
        "By role: a session ends after so long without a request.",
        "min",
    ),
    Option(
        "VONGLAU_SESSION",
        "Longest session",
        by_role(_LONGEST),
        _LONGEST,
        "By role: a session ends so long after sign-in in any case; a shift of twelve hours and its handover by default.",
        "h",
    ),
    Option(
        "VONGLAU_RATE_TOKEN",
        "Rate of a token",
        number(1, 1_000_000),
        "20000",
        "On average, with twice as many at once; a token may have a rate of its own. Beyond it: 429.",
        "requests/s",
    ),
    Option(
        "VONGLAU_RATE_ADDRESS",
        "Rate of an address",
        number(1, 1_000_000),
        "500",
        "For whatever comes without a token, with four times as many at once. A control room behind one address counts as one.",
        "requests/s",
    ),
    Option(
        "VONGLAU_RATE_SIGN_IN",
        "Sign-in attempts of an address",
        number(1, 100_000),
        "30",
        "Forms of sign-in and of one's account sent from one address.",
        "requests/min",
    ),
    Option(
        "VONGLAU_RATE_REPORTS",
        "Reports of an address",
        number(1, 100_000),
        "120",
        "Citizens' forms sent from one address, with as many at once: high, since a mobile network puts thousands behind one address.",
        "requests/min",
    ),
    Option(
        "VONGLAU_OIDC_ISSUER",
        "Identity provider",
        url("https", "http"),
        "",
        "Its issuer, such as https://id.example.vn: people may sign in there. Our secret at it lies in `oidc.secret` of the secrets.",
    ),
    Option("VONGLAU_OIDC_CLIENT", "Our name at the provider", str, "vonglau", "The client id it gave us."),
    Option("VONGLAU_OIDC_NAME", "The provider's name", str, "VNeID", "As people know it: it stands on the button."),
    Option("VONGLAU_OIDC_SCOPE", "Scopes", str, "openid profile", "What is asked of the provider, by space."),
    Option(
        "VONGLAU_OIDC_ACR",
        "Levels of assurance",
        words,
        "",
        "By comma: identities proven below are refused (`acr`). A level that was asked for and proven stands for a second factor.",
    ),
    Option(
        "VONGLAU_OIDC_CLAIM",
        "Agreed claim",
        str,
        "",
        "A claim whose value is an account's user name (or `email`, verified): it links the two at the first sign-in. "
        "Absent: people link their identity themselves, under Account.",
    ),
    Option(
        "VONGLAU_OIDC_RULES",
        "Rules for new accounts",
        str,
        "",
        "A YAML file: which claims make an account of which role and agency. Absent: nobody gets an account by signing in.",
    ),
    Option(
        "VONGLAU_OIDC_LOOPBACK", "Provider on this machine", flag, "0", "1 allows http to 127.0.0.1, to try it out."
    ),
)
