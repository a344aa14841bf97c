#!/bin/sh
# install_debian_package.sh PACKAGE WHAT: brings a Debian package when it may, else says who needs it.
set -eu
package=$1
what=$2
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing Debian's $package: $what …"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || true
    if apt-get install -y -qq --no-install-recommends "$package" >/dev/null; then
        exit 0
    fi
fi
echo "$what, and it may not be installed from here. On Debian or Ubuntu: sudo apt-get install $package" >&2
exit 1
