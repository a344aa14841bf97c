"""`make run`: the demo site on this machine. PORT chooses the port; further arguments go to Daphne."""

import sys

from scripts.serving import chosen_port, demo_environment, prepare, serve

HOST = "127.0.0.1"  # this machine only: the demo's passwords are printed for everybody to see


def main() -> int:
    port = chosen_port("PORT", 8000, host=HOST)
    env = demo_environment()
    prepare(env)
    site = f"http://localhost:{port}"
    print(
        f"\n  Terminal (cashier)   {site}/terminal/"
        f"\n  Dashboard (owner)    {site}/dashboard/"
        "\n\n  No phone at hand? The terminal page shows a deck of virtual cards beside the keypad."
        "\n  With a phone: docs/getting-started.md. Ctrl-C stops the server.\n",
        flush=True,
    )
    return serve(["-b", HOST, "-p", str(port)], env)


if __name__ == "__main__":
    sys.exit(main())
