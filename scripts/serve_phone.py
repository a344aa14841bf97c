"""`make phone`: the demo site over HTTPS on the local network, and a QR code that opens it on the phone.

Web NFC exists only in a secure context, so plain HTTP to this machine's address would not do. LAN_ADDRESS
names the address when the guess is wrong, PHONE_PORT the port; further arguments go to Daphne.
"""

import contextlib
import datetime
import ipaddress
import os
import socket
import sys

import segno

from scripts.certificate import certificate_for
from scripts.serving import VAR_DIR, chosen_port, demo_environment, prepare, serve

HOST = "0.0.0.0"
OUTSIDE = "192.0.2.1"  # an address that stands for "somewhere else" and is nobody's (RFC 5737)


def lan_addresses() -> list[str]:
    """This machine's IPv4 addresses that a phone nearby may reach, the likeliest first."""
    given = os.environ.get("LAN_ADDRESS")
    if given:
        return [given]
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect((OUTSIDE, 9))  # of a datagram socket: sends nothing, only chooses the interface
        found.append(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        found += socket.gethostbyname_ex(socket.gethostname())[2]
    return [address for address in dict.fromkeys(found) if not ipaddress.ip_address(address).is_loopback]


def main() -> int:
    port = chosen_port("PHONE_PORT", 8443, host=HOST)
    try:
        addresses = lan_addresses()
        for address in addresses:
            ipaddress.ip_address(address)
    except ValueError:
        sys.exit("LAN_ADDRESS must be an IP address, such as 192.168.1.20.")
    if not addresses:
        sys.exit(
            "This machine is in no network that a phone could reach. Join one (the phone's hot spot will do),"
            " or use a cable: docs/getting-started.md."
        )
    certificate, key = certificate_for(addresses, VAR_DIR, datetime.datetime.now(datetime.UTC))
    names = [*addresses, "localhost", "127.0.0.1"]
    env = demo_environment(
        ALLOWED_HOSTS=",".join(names),
        CSRF_TRUSTED_ORIGINS=",".join(f"https://{name}:{port}" for name in names),
    )
    prepare(env)
    print()
    segno.make(f"https://{addresses[0]}:{port}/terminal/", error="m").terminal(compact=True)
    for address in addresses:
        print(f"  https://{address}:{port}/terminal/")
    print(
        "\n  Open it in Chrome on the phone, in the same network as this machine."
        "\n  Chrome will say once that the connection is not private, because this certificate was made here"
        "\n  and no authority vouches for it: tap 'Advanced', then 'Proceed'. Tapping cards works after that;"
        "\n  installing the app and opening it offline do NOT, for Chrome allows no service worker behind"
        "\n  such a certificate. With a cable they do:  make run  and  adb reverse tcp:8000 tcp:8000"
        "\n  (docs/getting-started.md). Ctrl-C stops the server.\n",
        flush=True,
    )
    return serve(["-e", f"ssl:{port}:privateKey={key}:certKey={certificate}:interface={HOST}"], env)


if __name__ == "__main__":
    sys.exit(main())
