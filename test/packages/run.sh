#!/usr/bin/env bash
# What is made for machines without Node, in a minimal Debian 12 (a chroot) that has none: as root
# and not, without /proc. Prints `ok` or `not ok` for each check. Needs root, debootstrap and the
# package registry. The Debian is kept in KEXPORT_CHROOT_CACHE.
set -euo pipefail
project=$(realpath "$(dirname "$0")/../..")
debian=$(realpath -m "${KEXPORT_CHROOT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kexport-chroot}/bookworm.tar")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
failed=0

main() {
    (cd "$project" && npm run executable -- x64 > "$work/made" 2>&1) || { cat "$work/made" && exit 1; }
    make_debian
    check_executable
    exit "$failed"
}

make_debian() {
    if [ ! -e "$debian" ]; then
        mkdir -p "${debian%/*}"
        debootstrap --variant=minbase bookworm "$work/new" > "$work/made" || { cat "$work/made" && exit 1; }
        tar -cf "$debian.partial" --exclude=./var/cache/apt --exclude=./var/lib/apt/lists -C "$work/new" .
        mv "$debian.partial" "$debian"
        rm -rf "$work/new"
    fi
    mkdir "$root"
    tar -xf "$debian" -C "$root"
}

# Runs what follows in the Debian and says whether it succeeded.
check() {
    local statement=$1
    shift
    if chroot "$@" > "$work/printed" 2>&1; then
        echo "ok $statement"
    else
        echo "not ok $statement"
        sed 's/^/#   /' "$work/printed"
        failed=1
    fi
}

check_executable() {
    install "$project/dist/executable/kexport-linux-x64" "$root/usr/local/bin/kexport"
    ln -s kexport "$root/usr/local/bin/ksnap"
    install -m 777 -d "$root/images"
    cp "$project/fixtures/disk.raw" "$root/images/disk.raw"
    check 'there is no Node' "$root" sh -c '! command -v node'
    check 'root exports a disk' "$root" \
        kexport qcow2,raw,vdi,ova /images/disk.raw --output-dir /images --name root --verify
    check 'a user exports a disk' --userspec=65534:65534 "$root" \
        kexport qcow2 /images/disk.raw --output-dir /images --name user --threads 2
    check 'zstd and zip are inside' "$root" sh -c '
        kexport qcow2 --compression zstd --verify /images/disk.raw -o /images/zstd.qcow2 &&
        kexport raw --zip /images/disk.raw -o /images/zipped.raw.zip &&
        kexport verify /images/zipped.raw.zip --against /images/disk.raw'
    check 'it is ksnap by that name, and as kexport snap' "$root" \
        sh -c 'ksnap --help | grep "^Usage: ksnap" && kexport snap help | grep "^Usage: ksnap"'
    check 'NODE_OPTIONS does not reach it' "$root" env NODE_OPTIONS=--bogus kexport --version
    node "$project/dist/bundle/kexport.cjs" qcow2 "$root/images/disk.raw" -q -o "$root/images/package.qcow2"
    for name in root user; do
        check "the qcow2 of $name has the bytes of the package's" "$root" \
            cmp "/images/package.qcow2" "/images/$name.qcow2"
    done
    rm -r "$root/images" "$root/usr/local/bin/kexport" "$root/usr/local/bin/ksnap"
}

main
