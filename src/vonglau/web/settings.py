"""Django's settings. What an installation may set stands in `options.py`; the state's database is here, the log is the door's."""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext_lazy as _

import vonglau
from vonglau.core import keyfiles
from vonglau.core.seams import folders
from vonglau.engines.database import database_of
from vonglau.web import databases
from vonglau.web.options import value

PACKAGE = Path(vonglau.__file__).parent
VONGLAU_DATA: Path = value("VONGLAU_DATA")
VONGLAU_TAIL: int = value("VONGLAU_TAIL")
VONGLAU_DEMO: bool = value("VONGLAU_DEMO")
VONGLAU_TIER: str = value("VONGLAU_TIER")
VONGLAU_DOOR: str = value("VONGLAU_DOOR")
VONGLAU_ORIGIN: str = value("VONGLAU_ORIGIN")
VONGLAU_PROXIES: list[Any] = value("VONGLAU_PROXIES")
VONGLAU_HSTS: int = value("VONGLAU_HSTS")
VONGLAU_STREAMS: int = value("VONGLAU_STREAMS")
VONGLAU_MFA: str = value("VONGLAU_MFA")
VONGLAU_MFA_ROLES: list[str] = value("VONGLAU_MFA_ROLES")
VONGLAU_IDLE: dict[str, int] = value("VONGLAU_IDLE")
VONGLAU_SESSION: dict[str, int] = value("VONGLAU_SESSION")
VONGLAU_OIDC_ISSUER: str = value("VONGLAU_OIDC_ISSUER")
VONGLAU_OIDC_CLIENT: str = value("VONGLAU_OIDC_CLIENT")
VONGLAU_OIDC_NAME: str = value("VONGLAU_OIDC_NAME")
VONGLAU_OIDC_SCOPE: str = value("VONGLAU_OIDC_SCOPE")
VONGLAU_OIDC_ACR: list[str] = value("VONGLAU_OIDC_ACR")
VONGLAU_OIDC_CLAIM: str = value("VONGLAU_OIDC_CLAIM")
VONGLAU_OIDC_RULES: str = value("VONGLAU_OIDC_RULES")
VONGLAU_OIDC_LOOPBACK: bool = value("VONGLAU_OIDC_LOOPBACK")
VONGLAU_RATE_TOKEN: int = value("VONGLAU_RATE_TOKEN")
VONGLAU_RATE_ADDRESS: int = value("VONGLAU_RATE_ADDRESS")
VONGLAU_RATE_SIGN_IN: int = value("VONGLAU_RATE_SIGN_IN")
VONGLAU_RATE_REPORTS: int = value("VONGLAU_RATE_REPORTS")
VONGLAU_PRIVATE_HOSTS: list[str] = value("VONGLAU_PRIVATE_HOSTS")
VONGLAU_SMS_URL: str = value("VONGLAU_SMS_URL")
VONGLAU_SMS_KEY: str = value("VONGLAU_SMS_KEY")
VONGLAU_ZALO_URL: str = value("VONGLAU_ZALO_URL")
VONGLAU_ZALO_TOKEN: str = value("VONGLAU_ZALO_TOKEN")
VONGLAU_ZALO_TEMPLATE: str = value("VONGLAU_ZALO_TEMPLATE")
VONGLAU_FOLD_SECONDS: int = value("VONGLAU_FOLD_SECONDS")


VONGLAU_SECRETS: Path = keyfiles.folder(VONGLAU_DATA, value("VONGLAU_SECRETS"))
VONGLAU_DATA.mkdir(parents=True, exist_ok=True)
SECRET_KEY = keyfiles.read_or_make(
    VONGLAU_SECRETS / keyfiles.SECRET_KEY,
    lambda: secrets.token_urlsafe(48),
    formerly=VONGLAU_DATA / keyfiles.SECRET_KEY,
)
DEBUG = False
ALLOWED_HOSTS = [*value("VONGLAU_HOSTS"), *([urlsplit(VONGLAU_ORIGIN).hostname] if VONGLAU_ORIGIN else [])]
ROOT_URLCONF = "vonglau.web.urls"
ASGI_APPLICATION = "vonglau.web.asgi.application"
AUTH_USER_MODEL = "core.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    # Before allauth and ninja, so that our templates stand in front of theirs.
    "vonglau.core",
    "vonglau.kit",
    *folders(),
    "vonglau.centre",
    "vonglau.web",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "ninja",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "vonglau.kit.language.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "vonglau.web.sessions.AccessMiddleware",
    "vonglau.kit.guards.WorldMiddleware",
    "vonglau.web.outages.OutageMiddleware",
    "vonglau.web.answers.AnswersMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "vonglau.kit.context.page",
            ],
        },
    }
]

VONGLAU_DATABASE = database_of(VONGLAU_DATA)
DATABASES = {"default": databases.state(VONGLAU_DATA, VONGLAU_DATABASE)}

LANGUAGE_CODE = "vi"
LANGUAGES = [("vi", _("Tiếng Việt")), ("en", "English")]
LOCALE_PATHS = [PACKAGE / room / "locale" for room in ("core", "kit", "centre", "gateways", "web")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Ho_Chi_Minh"
USE_THOUSAND_SEPARATOR = True

VONGLAU_NAVIGATION = ["vonglau.web.navigation.PLACES"]

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600
WHITENOISE_IMMUTABLE_FILE_TEST = r"/built/assets/.+-[A-Za-z0-9_-]{8,}\."
MEDIA_ROOT = value("VONGLAU_FILES") or VONGLAU_DATA / "files"

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_FORMS = {"change_password": "vonglau.web.forms.ChangePassword"}
ACCOUNT_ADAPTER = "vonglau.web.accounts.Adapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
# Failed passwords are counted by `core/people/attempts.py`; this one is left for codes of second factors.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": "10/5m/key"}
AUTHENTICATION_BACKENDS = ["vonglau.web.accounts.Backend"]
MFA_ADAPTER = "vonglau.web.factors.Adapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "Vọng Lâu"
MFA_TOTP_TOLERANCE = 1
PASSWORD_HASHERS = [
    # 1,000,000 rounds of SHA-256 in Django 5.2; OWASP asks for 600,000.
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    # Where a password stands alone NIST SP 800-63B-4 asks for 15 characters.
    {"NAME": "vonglau.web.passwords.Length", "OPTIONS": {"least": 15 if VONGLAU_MFA == "off" else 12}},
    {"NAME": "vonglau.web.passwords.Guessable"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
_HTTPS = VONGLAU_ORIGIN.startswith("https://")
# A cookie of that prefix is taken by a browser from this very host alone, over TLS, for all paths.
_COOKIE = "__Host-" if _HTTPS else ""
SESSION_ENGINE = "vonglau.web.sessions"
SESSION_COOKIE_NAME = f"{_COOKIE}sessionid"
CSRF_COOKIE_NAME = f"{_COOKIE}csrftoken"
SESSION_COOKIE_AGE = max(VONGLAU_SESSION.values()) * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = False
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
CSRF_TRUSTED_ORIGINS = [VONGLAU_ORIGIN] if VONGLAU_ORIGIN else []
CSRF_FAILURE_VIEW = "vonglau.web.views.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
CACHES = {
    # Shared by all web processes: a folder on one machine, a table where several hosts share the state.
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": VONGLAU_DATA / "cache",
    }
    if VONGLAU_DATABASE is None
    else {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "core_cache"}
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'"],
        "font-src": ["'self'"],
        "manifest-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

_smtp = urlsplit(value("VONGLAU_SMTP"))
EMAIL_HOST = _smtp.hostname or ""
EMAIL_PORT = _smtp.port or 25
EMAIL_HOST_USER = unquote(_smtp.username or "")
EMAIL_HOST_PASSWORD = unquote(_smtp.password or "")
DEFAULT_FROM_EMAIL = value("VONGLAU_FROM")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "vonglau.web.lines.Lines",
            "format": "%(asctime)s %(levelname)s %(name)s %(process)d %(message)s",
            "datefmt": "%Y-%m-%dT%H:%M:%S%z",  # with its offset: several hosts, one story
        }
    },
    "filters": {"foreseen": {"()": "vonglau.web.foreseen.Foreseen"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": value("VONGLAU_LOG")},
    "loggers": {"django": {"level": "WARNING"}, "django.request": {"level": "ERROR", "filters": ["foreseen"]}},
}
