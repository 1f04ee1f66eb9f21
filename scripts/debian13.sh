#!/usr/bin/env bash
# Runs a command in a fresh clone of this checkout inside Debian 13, where the newer stack fits:
#   scripts/debian13.sh make test
# The Debian is a root folder, made once with debootstrap and kept outside the checkout. Only committed files go along.
# Exit status: the command's; 77 where such a folder can't be made or entered here, with the reason on stderr.
set -euo pipefail

checkout=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}
root=$cache/seqrank/debian13
clone=seqrank/debian13-checkout # under the cache, beside uv's: within one mount uv can link files instead of copying
certificates=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}

cannot() {
    echo "debian13: $1" >&2
    exit 77
}

make_root() {
    if ! command -v debootstrap >/dev/null; then
        command -v apt-get >/dev/null || cannot "debootstrap is not installed, and there is no apt-get"
        { apt-get update && apt-get install -y debootstrap; } >/dev/null 2>&1 || cannot "apt-get can't install debootstrap"
    fi
    echo "debian13: making $root (a minute or two, about 415 MB)"
    rm -rf "$root.partial"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,make,git trixie "$root.partial" \
        >"$root.log" 2>&1 || cannot "debootstrap failed, see $root.log"
    mv "$root.partial" "$root"
}

[ "$(id -u)" = 0 ] || cannot "only root can make and enter a root folder"
command -v unshare >/dev/null && unshare --mount true 2>/dev/null || cannot "this system lets nobody mount (a container?)"
mkdir -p "$cache/seqrank"
exec 9>"$root.lock"
flock 9 # one at a time: the clone below has one place
[ -d "$root" ] || make_root

cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
[ ! -f /etc/pip.conf ] || cp -L /etc/pip.conf "$root/etc/"
[ ! -f "$certificates" ] || cp -L "$certificates" "$root/etc/ssl/certs/ca-certificates.crt"
rm -rf "${cache:?}/$clone"
git clone --quiet --no-hardlinks "$checkout" "$cache/$clone"
[ ! -d "$checkout/data" ] || cp -r "$checkout/data" "$cache/$clone/"
mkdir -p "$root/root/.cache"

# Mounts live in a namespace of their own and end with the command, whatever ends it.
export root cache clone
status=0
unshare --mount --propagation private bash -c '
    set -e
    mount --bind /proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount --bind "$cache" "$root/root/.cache"
    exec env -u PYENV_ROOT -u XDG_CACHE_HOME -u TMPDIR -u PIP_FIND_LINKS -u VIRTUAL_ENV -u UV_CACHE_DIR \
        HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
        chroot "$root" sh -c "cd /root/.cache/$clone && exec \"\$@\"" sh "$@"
' bash "$@" || status=$?
exit "$status"
