#!/usr/bin/env bash
# npm run test:zfs [-- NAME...]: tests of the built kexport on a real ZFS, in an emulated Debian
# that is built when first needed. Without a NAME all tests but the slow ones; `all` runs all. A
# test is guest/NAME.sh, which runs in the guest, or host/NAME.sh, which runs here and boots guests.
# Lines at the head of a test say what it needs (README.md):
#   # disks: SIZE...   # boot: own   # root: zfs   # limit: SECONDS   # slow
set -euo pipefail
here=$(dirname "$(realpath "$0")")
project=$(realpath "$here/../..")
export KEXPORT_LAB=${KEXPORT_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/kexport-lab${KEXPORT_LAB_RELEASE:+-$KEXPORT_LAB_RELEASE}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

main() {
    choose_tests "$@" > "$work/chosen"
    pack_kexport "$work/kexport.tar"
    "$here/build-guest.sh"
    # shellcheck source=accel.sh
    . "$here/accel.sh"
    choose_accel "$KEXPORT_LAB/guest/vmlinuz"
    run_chosen 2>&1 | tee "$work/report"
    passed=$(grep -c '^ok ' "$work/report") || true
    failed=$(grep -c '^not ok ' "$work/report") || true
    sed -n 's/^not ok /failed: /p' "$work/report"
    echo "on ZFS $passed checks hold, $failed do not"
    ((failed == 0 && passed > 0))
}

# Packs the command as npm would install it, with a link for each name in `bin`.
pack_kexport() {
    local tree=$work/kexport
    mkdir -p "$tree/bin"
    cd "$project"
    tar -c package.json dist/bundle | tar -x -C "$tree"
    node -p 'Object.entries(require("./package.json").bin).join("\n").replaceAll(",", " ")' |
        while read -r name file; do
            ln -s "../$file" "$tree/bin/$name"
        done
    tar -cf "$1" -C "$tree" .
}

# Prints the path of each test to run.
choose_tests() {
    local name file
    if [ $# -gt 0 ] && [ "$1" != all ]; then
        for name in "$@"; do
            file=$(find "$here" -path "$here/guest/$name.sh" -o -path "$here/host/$name.sh")
            if [ -z "$file" ]; then echo "there is no test named $name" >&2 && exit 2; fi
            echo "$file"
        done
        return
    fi
    for file in "$here"/{guest,host}/*.sh; do
        if [ ! -e "$file" ] || [ "${file##*/}" = lib.sh ]; then continue; fi
        if [ $# -gt 0 ] || ! grep -q '^# slow' "$file"; then echo "$file"; fi
    done
}

run_chosen() {
    local file together=()
    while read -r file <&3; do
        if [[ $file == */host/* ]]; then
            run_on_host "$file"
        elif grep -qE '^# (disks|boot|root):' "$file"; then
            run_in_guest "$file"
        else
            together+=("$file")
        fi
    done 3< "$work/chosen"
    if ((${#together[@]} > 0)); then run_in_guest "${together[@]}"; fi
}

# header FILE NAME: the value of the line `# NAME: VALUE` of a test.
header() {
    sed -n "s/^# $2: //p" "$1"
}

run_in_guest() {
    local file name limit total=600 disks options=() status=0
    : > "$work/names"
    for file in "$@"; do
        name=$(basename "$file" .sh)
        limit=$(header "$file" limit)
        echo "$name ${limit:=600}" >> "$work/names"
        total=$((total + limit))
    done
    disks=$(header "$1" disks)
    for disk in ${disks:-4G 4G}; do options+=(-d "$disk"); done
    if [ "$(header "$1" root)" = zfs ]; then
        "$here/build-zfsroot.sh"
        options+=(-r "$KEXPORT_LAB/zfsroot.raw")
    fi
    "$here/boot-guest.sh" "${options[@]}" -t "$total" "$here/in-guest/run-tests.sh" \
        "$work/names" "$work/kexport.tar" "$here/guest/lib.sh" "$@" || status=$?
    if ((status != 0)); then echo "not ok guest: it runs to its end (exit status $status): $(basename -s .sh "$@" | xargs)"; fi
}

run_on_host() {
    local name status=0
    name=$(basename "$1" .sh)
    KEXPORT_TAR=$work/kexport.tar bash "$1" < /dev/null || status=$?
    if ((status != 0)); then echo "not ok $name: it runs to its end (exit status $status)"; fi
}

main "$@"
