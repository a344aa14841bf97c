"""What a process that serves does differently from one that runs a command: called once, by `softpos.asgi`.

Both were measured on a loaded server, A against B in one run (docs/decisions.md): together 15 % less CPU per tap.
Neither changes what the process does.
"""

import gc
import importlib
from typing import Any

# Autobahn formats the arguments of its debug messages, in colour, for every frame it sends or receives, whether or not
# anybody listens to them.
_AUTOBAHN_MODULES = ("autobahn.websocket.protocol", "autobahn.twisted.websocket")
_AUTOBAHN_FORMATTERS = ("hltype", "hlval")

# A batch makes thousands of short-lived objects and hardly a cycle: look for cycles less often than every 700 objects,
# and never again among the modules that stand for as long as the process.
GC_THRESHOLDS = (20_000, 20, 50)


def tune() -> None:
    """Take the two measures. Call it once everything is imported."""
    for module in map(importlib.import_module, _AUTOBAHN_MODULES):
        for name in _AUTOBAHN_FORMATTERS:
            if hasattr(module, name):  # else a release that has mended it
                setattr(module, name, _unformatted)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _unformatted(value: Any, *_style: Any, **_more: Any) -> Any:
    return value
