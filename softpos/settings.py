"""Django's settings, all of them from the environment (protocol, section 7; docs/operating.md).

Embedded default: SQLite, in-memory channel layer, one process. `DATABASE_URL` and `REDIS_URL` lift it off one
machine without a change of code. `SOFTPOS_PRODUCTION=1` turns every guard on and refuses demo mode.
"""

import os
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from softpos import environment, postgresql

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("SOFTPOS_VAR_DIR", BASE_DIR / "var"))

SOFTPOS_VERSION = "0.1.0"
SOFTPOS_PRODUCTION = environment.flag(os.environ, "SOFTPOS_PRODUCTION")
SOFTPOS_DEMO = environment.flag(os.environ, "SOFTPOS_DEMO")
if SOFTPOS_DEMO and SOFTPOS_PRODUCTION:
    raise ImproperlyConfigured("SOFTPOS_DEMO and SOFTPOS_PRODUCTION exclude each other: unset one of them")

DEBUG = False
SECRET_KEY = environment.secret(os.environ, "SECRET_KEY", kept_in=VAR_DIR / "secret_key", production=SOFTPOS_PRODUCTION)
SOFTPOS_KEY_ENCRYPTION_KEY = environment.key_encryption_key(
    os.environ, kept_in=VAR_DIR / "key_encryption_key", production=SOFTPOS_PRODUCTION
)
# What was in force before: sessions and wrapped keys made under them stay good while these are given.
SECRET_KEY_FALLBACKS = environment.words(os.environ, "SECRET_KEY_FALLBACKS")
SOFTPOS_EARLIER_KEY_ENCRYPTION_KEYS = environment.earlier_key_encryption_keys(os.environ)
# Where a card's URL may point; empty accepts any host and path (protocol, section 6).
SOFTPOS_CARD_URL_PREFIXES = tuple(environment.words(os.environ, "SOFTPOS_CARD_URL_PREFIXES"))
# What newly issued virtual cards mirror; a real card's URL is chosen by whoever personalises it.
SOFTPOS_CARD_URL_BASE = os.environ.get("SOFTPOS_CARD_URL_BASE", "https://pos.example/c/")

ALLOWED_HOSTS = environment.words(os.environ, "ALLOWED_HOSTS") or (
    [] if SOFTPOS_PRODUCTION else ["localhost", "127.0.0.1", "[::1]"]
)
CSRF_TRUSTED_ORIGINS = environment.words(os.environ, "CSRF_TRUSTED_ORIGINS")
SOFTPOS_PROXIES = int(os.environ.get("SOFTPOS_PROXIES", "1" if SOFTPOS_PRODUCTION else "0"))

INSTALLED_APPS = [
    "daphne",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "django_filters",
    "softpos",
    "merchants",
    "transactions",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "softpos.urls"
ASGI_APPLICATION = "softpos.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "merchants.context_processors.who",
            ],
            "builtins": ["transactions.templatetags.money"],
        },
    }
]

# --- data -----------------------------------------------------------------------------------------

DATABASE_URL = os.environ.get("DATABASE_URL", "")
# No connection outlives its request: under ASGI each has a thread of its own, and kept ones would pile up until the
# database refuses more. What lives long (the authoriser, the hub) keeps its connections in `DatabaseThread`s.
DATABASES = {"default": dj_database_url.parse(DATABASE_URL or f"sqlite:///{VAR_DIR / 'softpos.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    Path(DATABASES["default"]["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        # A writer takes the write lock when it begins, so two can never deadlock on upgrading a read
        # (select_for_update does nothing on SQLite).
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    DATABASES["default"].setdefault("OPTIONS", {}).update(  # beside what the URL says, such as sslmode
        postgresql.options(
            synchronous_commit=environment.choice(os.environ, "SOFTPOS_SYNCHRONOUS_COMMIT", postgresql.DURABLE_COMMITS)
        )
    )
# A hot standby for what reads much: lists, summaries, CSV (transactions.selectors.reported).
REPORTS_DATABASE = "default"
if REPORTS_DATABASE_URL := os.environ.get("REPORTS_DATABASE_URL", ""):
    REPORTS_DATABASE = "reports"
    DATABASES["reports"] = dj_database_url.parse(REPORTS_DATABASE_URL)
    if {DATABASES[name]["ENGINE"] for name in DATABASES} != {"django.db.backends.postgresql"}:
        raise ImproperlyConfigured("REPORTS_DATABASE_URL names a standby, so it and DATABASE_URL are PostgreSQL's")
    DATABASES["reports"].setdefault("OPTIONS", {}).update(postgresql.options(read_only=True))
    DATABASES["reports"]["TEST"] = {"MIRROR": "default"}
    DATABASE_ROUTERS = ["softpos.postgresql.ReportsAreReadOnly"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = os.environ.get("REDIS_URL", "")
# A Redis that hangs is one that is away: nobody waits longer than this for it.
REDIS_TIMEOUTS = {"socket_timeout": 2.0, "socket_connect_timeout": 2.0}
CHANNEL_LAYERS = {
    "default": (
        {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {
                "hosts": [{"address": REDIS_URL, **REDIS_TIMEOUTS}],
                "prefix": os.environ.get("SOFTPOS_LAYER_PREFIX", "softpos"),
            },
        }
        if REDIS_URL
        else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    )
}
CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": REDIS_TIMEOUTS,
        }
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

# --- people ---------------------------------------------------------------------------------------

AUTH_USER_MODEL = "merchants.User"
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign_in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
if SOFTPOS_PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# --- languages, static files ----------------------------------------------------------------------

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [
    BASE_DIR / "static",
    # Front-end libraries come from npm at set-up; none is in the repository.
    *([("uplot", UPLOT)] if (UPLOT := BASE_DIR / "node_modules" / "uplot" / "dist").is_dir() else []),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Compressed once by `collectstatic`, not at every request.
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = not SOFTPOS_PRODUCTION
WHITENOISE_MAX_AGE = 3600 if SOFTPOS_PRODUCTION else 0

# --- REST -----------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "merchants.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["merchants.permissions.MayDo"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "softpos.problems.problem_details",
    "DEFAULT_THROTTLE_RATES": {"enrol": "20/min"},
    # How many proxies are ours: an address a client writes into X-Forwarded-For itself counts for nothing.
    "NUM_PROXIES": SOFTPOS_PROXIES,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SoftPOS",
    "DESCRIPTION": "Everything is scoped to the merchant of the signed-in person. Money is in minor units.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

# --- what operators see ------------------------------------------------------------------------------

SOFTPOS_METRICS_TOKEN = os.environ.get("SOFTPOS_METRICS_TOKEN", "")
SOFTPOS_METRICS_FROM = environment.networks(os.environ, "SOFTPOS_METRICS_FROM")
SOFTPOS_LOG_FORMAT = environment.choice(os.environ, "SOFTPOS_LOG_FORMAT", ("line", "json"))
SOFTPOS_LOG_DECISIONS = environment.flag(os.environ, "SOFTPOS_LOG_DECISIONS")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "softpos.logs.LineFormatter"}, "json": {"()": "softpos.logs.JsonFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": SOFTPOS_LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": os.environ.get("SOFTPOS_LOG_LEVEL", "INFO")},
    "loggers": {
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        "transactions.decision_log": {"level": "INFO" if SOFTPOS_LOG_DECISIONS else "WARNING"},
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
