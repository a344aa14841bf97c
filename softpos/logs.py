"""Log lines: for people, or as JSON, one object a line, for whatever collects them (`SOFTPOS_LOG_FORMAT=json`).

Only the fields named here leave the process, so a stray `extra` can't carry a card along; and whatever a message or
a traceback of somebody else's brings (a database quotes the row it refuses), what looks like a tap's URL or a card's
uid is blotted out on the way, in both formats. A library would format as well, but keep neither promise.
"""

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime

# What `extra={…}` may carry. Ids only: nothing here says what a card is or what is on it.
FIELDS = ("transaction", "start_id", "merchant", "terminal", "kind", "result", "reason", "batch", "attempts", "seconds")

# The request or socket that is being served; empty outside of one.
request_id: ContextVar[str] = ContextVar("request_id", default="")

_BLOTS = (
    # A tap: the mirrored values in the card's URL, by any parameter's name.
    (re.compile(r"([?&]\w{1,16}=)[0-9A-Fa-f]{8,}"), r"\1…"),
    # A card's uid: seven bytes of hex, standing alone (ids of ours are longer, and have other letters or hyphens).
    (re.compile(r"(?<![0-9A-Za-z-])04[0-9A-Fa-f]{12}(?![0-9A-Za-z-])"), "04…"),
)


def blotted(text: str) -> str:
    """The text without what looks like card data."""
    for pattern, replacement in _BLOTS:
        text = pattern.sub(replacement, text)
    return text


class LineFormatter(logging.Formatter):
    """For people: time, level, where, what; the request at the end."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        current = request_id.get()
        return blotted(super().format(record)) + (f" [{current}]" if current else "")


class JsonFormatter(logging.Formatter):
    """One object a line: time (UTC), level, logger, message, process, and of `FIELDS` those that are known."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": blotted(record.getMessage()),
            "process": record.process,
        }
        if current := request_id.get():
            said["request"] = current
        for name in FIELDS:
            value = getattr(record, name, None)
            if value is not None and value != "":
                said[name] = value if isinstance(value, int | float) else blotted(str(value))
        if record.exc_info:
            said["exception"] = blotted(self.formatException(record.exc_info))
        return json.dumps(said, ensure_ascii=False)
