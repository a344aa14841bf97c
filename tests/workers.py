"""What parallel test workers must not share on Redis: a pytest plugin that run_tests.py names in PYTEST_PLUGINS.

Emptying the cache between tests empties a whole Redis database, and pub/sub knows no databases at all: so each
worker gets a database and a prefix of its own, before Django's settings are read.
"""

import os
from urllib.parse import urlsplit, urlunsplit

DATABASES_OF_REDIS = 16


def redis_url_of(worker: int, url: str) -> str:
    """Counted down from the database that `url` names, and around."""
    parts = urlsplit(url)
    database = (int(parts.path.strip("/") or 0) - worker) % DATABASES_OF_REDIS
    return urlunsplit(parts._replace(path=f"/{database}"))


worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if worker and os.environ.get("REDIS_URL"):
    os.environ["REDIS_URL"] = redis_url_of(int(worker.removeprefix("gw")), os.environ["REDIS_URL"])
    os.environ["SOFTPOS_LAYER_PREFIX"] = f"tests-{os.getpid()}-{worker}"
