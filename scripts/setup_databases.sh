#!/bin/sh
# Installs the database servers that `make test-services` starts, from Debian's or Ubuntu's packages; needs root.
# Nothing of them is started or enabled here: the tests run servers of their own, in a folder of their own.
set -eu
missing=
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
[ -x /usr/sbin/mariadbd ] || missing="$missing mariadb-server"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "seqrank: as root: apt-get install$missing" >&2
    exit 1
fi
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then # else the packages would start their servers
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
# shellcheck disable=SC2086 - two words are two packages
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
