#!/usr/bin/env bash
# What is made for machines without Node, in a minimal Debian 12 (a chroot) that has none: as root
# and not, without /proc. Prints `ok` or `not ok` for each check. Needs root, debootstrap, rpm and
# the package registry. The Debian is kept in KEXPORT_CHROOT_CACHE.
set -euo pipefail
project=$(realpath "$(dirname "$0")/../..")
debian=$(realpath -m "${KEXPORT_CHROOT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kexport-chroot}/bookworm.tar")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
failed=0

main() {
    cd "$project"
    make_with npm run executable -- x64
    make_with npm run packages -- x64 --level 0
    make_debian
    check_executable
    check_deb
    check_rpm
    exit "$failed"
}

make_with() {
    "$@" > "$work/made" 2>&1 || { cat "$work/made" && exit 1; }
}

make_debian() {
    if [ ! -e "$debian" ]; then
        mkdir -p "${debian%/*}"
        make_with debootstrap --variant=minbase bookworm "$work/new"
        tar -cf "$debian.partial" --exclude=./var/cache/apt --exclude=./var/lib/apt/lists -C "$work/new" .
        mv "$debian.partial" "$debian"
        rm -rf "$work/new"
    fi
    mkdir "$root"
    tar -xf "$debian" -C "$root"
}

# Runs what follows the statement and says whether it succeeded.
check() {
    local statement=$1
    shift
    if "$@" > "$work/printed" 2>&1; then
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
    check 'there is no Node' chroot "$root" sh -c '! command -v node'
    check 'root exports a disk' chroot "$root" \
        kexport qcow2,raw,vdi,ova /images/disk.raw --output-dir /images --name root --verify
    check 'a user exports a disk' chroot --userspec=65534:65534 "$root" \
        kexport qcow2 /images/disk.raw --output-dir /images --name user --threads 2
    check 'zstd and zip are inside' chroot "$root" sh -c '
        kexport qcow2 --compression zstd --verify /images/disk.raw -o /images/zstd.qcow2 &&
        kexport raw --zip /images/disk.raw -o /images/zipped.raw.zip &&
        kexport verify /images/zipped.raw.zip --against /images/disk.raw'
    check 'it is ksnap by that name, and as kexport snap' chroot "$root" \
        sh -c 'ksnap --help | grep "^Usage: ksnap" && kexport snap help | grep "^Usage: ksnap"'
    check 'NODE_OPTIONS does not reach it' chroot "$root" env NODE_OPTIONS=--bogus kexport --version
    node "$project/dist/bundle/kexport.cjs" qcow2 "$root/images/disk.raw" -q -o "$root/images/package.qcow2"
    for name in root user; do
        check "the qcow2 of $name has the bytes of the package's" chroot "$root" \
            cmp "/images/package.qcow2" "/images/$name.qcow2"
    done
    rm -r "$root/images" "$root/usr/local/bin/kexport" "$root/usr/local/bin/ksnap"
}

check_deb() {
    local before
    before=$(list_files)
    cp dist/packages/kexport_*_amd64.deb "$root/kexport.deb"
    check 'the .deb is installed' chroot "$root" dpkg --install /kexport.deb
    check_installed .deb
    check 'it is removed' chroot "$root" dpkg --purge kexport
    check 'and leaves nothing' diff <(echo "$before") <(list_files)
}

# Debian's own packages are unknown to RPM there, so what it needs is looked at apart.
check_rpm() {
    local before rpm=(dist/packages/kexport-*.x86_64.rpm)
    before=$(list_files)
    check 'the .rpm needs libraries alone' sh -c '! rpm -qp --requires "$1" | grep -vE "^(lib|ld-linux|rtld|rpmlib)"' sh "${rpm[@]}"
    check 'the .rpm is installed' rpm --root "$root" --dbpath /var/lib/rpm --nodeps --install "${rpm[@]}"
    check_installed .rpm
    check 'it is removed' rpm --root "$root" --dbpath /var/lib/rpm --erase kexport
    check 'and leaves nothing' diff <(echo "$before") <(list_files)
}

check_installed() {
    check "the programs of the $1 run" chroot --userspec=65534:65534 "$root" \
        sh -c 'kexport --version | grep "^kexport " && ksnap --help | grep "^Usage: ksnap"'
    check "the manual pages of the $1 are there" sh -c '
        for page in man1/kexport.1 man1/kexport-info.1 man8/ksnap.8; do
            gzip -dc "$1/usr/share/man/$page.gz" | grep "^.Sh SYNOPSIS" || exit 1
        done' sh "$root"
    check "bash completes by the script of the $1" chroot "$root" bash -c '
        . /usr/share/bash-completion/completions/kexport && complete -p ksnap'
}

# All files but those of the package managers, and the folders that are ours. Other folders belong
# to packages that this Debian lacks, such as fish.
list_files() {
    find "$root" -path "$root/var" -prune -o ! -name kexport.deb \( ! -type d -o -name '*kexport*' \) -print | sort
}

main
