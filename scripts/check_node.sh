#!/bin/sh
# Says in plain words when Node or npm is missing or too old for the front-end packages.
set -eu
how="On Debian or Ubuntu: apt-get install nodejs npm. Elsewhere: nodejs.org."
if ! command -v node >/dev/null 2>&1; then
    echo "SoftPOS needs Node 18 or newer for the dashboard's chart; node was not found. $how" >&2
    exit 1
fi
if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 18 ? 0 : 1)'; then
    echo "SoftPOS needs Node 18 or newer; found $(node --version). $how" >&2
    exit 1
fi
if ! command -v npm >/dev/null 2>&1; then
    echo "Node is here, but npm is not. $how" >&2
    exit 1
fi
