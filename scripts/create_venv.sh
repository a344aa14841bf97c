#!/bin/sh
# Makes the virtual environment named by the first argument with the first Python that is new enough,
# or says in plain words what is missing. PYTHON=… names another interpreter.
set -eu
venv=$1
wanted='import sys; sys.exit(sys.version_info < (3, 11))'

if [ -x "$venv/bin/python" ] && "$venv/bin/python" -c "$wanted" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

chosen=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    # It must also run: a version manager's stand-in may be on the path for a Python that is not there.
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c "$wanted" >/dev/null 2>&1; then
        chosen=$candidate
        break
    fi
done
if [ -z "$chosen" ]; then
    found=$("${PYTHON:-python3}" --version 2>/dev/null || echo none)
    echo "SoftPOS needs Python 3.11 or newer; found: $found." >&2
    echo "On Debian or Ubuntu: apt-get install python3 python3-venv. Elsewhere: python.org/downloads." >&2
    echo "If it has another name here: make setup PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! "$chosen" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    version=$("$chosen" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "This Python ($chosen, $version) comes without 'venv' and 'ensurepip', which set-up needs." >&2
    echo "On Debian or Ubuntu: apt-get install python3-venv (or python$version-venv), then the same command again." >&2
    exit 1
fi
echo "Making $venv with $("$chosen" --version) …"
rm -rf "$venv"
"$chosen" -m venv "$venv"
