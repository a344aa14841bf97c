"""The method numbers of Chromium's NFC interface, as a build scrambles them.

The interface: services/device/public/mojom/nfc.mojom in Chromium's sources.
"""

import hashlib
import re
import struct

# In the order of their declaration, which the scrambling counts.
SERVICE = ("SetClient", "Push", "CancelPush", "MakeReadOnly", "CancelMakeReadOnly", "Watch", "CancelWatch")
CLIENT = ("OnWatch", "OnError")


def method_ids(browser_version: str) -> dict[str, int]:
    """Number by method name, for a version such as `156.0.8078.79`."""
    match = re.search(r"(\d+)\.(\d+)\.(\d+)\.(\d+)", browser_version)
    assert match, f"no version in {browser_version!r}"
    salt = "MAJOR={}\nMINOR={}\nBUILD={}\nPATCH={}\n".format(*match.groups()).encode()
    return _scrambled(salt, "NFC", SERVICE) | _scrambled(salt, "NFCClient", CLIENT)


def _scrambled(salt: bytes, interface: str, methods: tuple[str, ...]) -> dict[str, int]:
    """sha256(text of chrome/VERSION + interface + counter), 31 bits, skipping numbers already given."""
    ids: list[int] = []
    counter = 0
    while len(ids) < len(methods):
        counter += 1
        digest = hashlib.sha256(salt + interface.encode() + str(counter).encode()).digest()
        (number,) = struct.unpack("<L", digest[:4])
        if number & 0x7FFFFFFF not in ids:
            ids.append(number & 0x7FFFFFFF)
    return dict(zip(methods, ids, strict=True))
