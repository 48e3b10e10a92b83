# Sourced by every test: checks, and pools to check on. A command that fails outside of a check ends
# it.
# shellcheck shell=bash
set -Eeuo pipefail
trap 'echo "#   line $LINENO, exit status $?: $BASH_COMMAND" >&2' ERR
test_name=$(basename "$0" .sh)
work=$(mktemp -d)
cd "$work"

# check STATEMENT COMMAND...: the command must succeed; otherwise its output is shown.
check() {
    local statement=$1 status=0
    shift
    "$@" > "$work/.output" 2>&1 || status=$?
    if ((status == 0)); then
        echo "ok $test_name: $statement"
    else
        echo "not ok $test_name: $statement"
        echo "#   exit status $status of: $*"
        sed 's/^/#   /' "$work/.output"
    fi
}

# check_fails STATUS STATEMENT COMMAND...: the command must fail with that exit status.
check_fails() {
    local expected=$1 statement=$2
    shift 2
    check "$statement" fails_with "$expected" "$@"
}

fails_with() {
    local expected=$1 status=0
    shift
    "$@" || status=$?
    ((status == expected)) || {
        echo "exit status $status, expected $expected"
        return 1
    }
}

# check_equal STATEMENT EXPECTED FOUND: two texts must be the same.
check_equal() {
    check "$1" diff <(echo "$2") <(echo "$3")
}

# check_match STATEMENT PATTERN FOUND: a line of the text must match an extended regular expression.
check_match() {
    check "$1" matches "$2" "$3"
}

matches() {
    grep -qE -- "$1" <<< "$2" || {
        echo "no line matches '$1' in:"
        echo "$2"
        return 1
    }
}

# make_pool [NAME] [OPTION...]: makes a pool, by default tank, on the first data disk.
make_pool() {
    local name=${1:-tank}
    zpool create -f -o cachefile=none -o ashift=12 "${@:2}" "$name" /dev/vdb
}

# make_zvol NAME SIZE [OPTION...]: makes a volume, and waits for its link in /dev/zvol.
make_zvol() {
    zfs create -V "$2" "${@:3}" "$1"
    udevadm settle
    [ -b "/dev/zvol/${1// /+}" ] # udev writes a plus for a space
}

# fill DEVICE MIB: writes that much noise, then as much that compresses, both past the page cache.
fill() {
    dd if=/dev/urandom of="$1" bs=1M count="$2" oflag=direct status=none
    # seq is stopped half way.
    dd of="$1" bs=1M seek="$2" count="$2" iflag=fullblock oflag=direct status=none < <(seq 1 100000000 || true)
}

# leave_secret POOL FOLDER MIB: writes and deletes a file of that size, and passes transaction
# groups.
leave_secret() {
    local round
    # yes is stopped half way.
    dd of="$2/deleted" bs=1M count="$3" iflag=fullblock status=none < <(yes deleted-secret || true)
    zpool sync "$1"
    rm "$2/deleted"
    for round in 1 2 3 4; do echo "$round" > "$2/round" && zpool sync "$1"; done
}

# holds_secret FILE: the deleted file is in it, read past the page cache. Some hundred KiB do not
# count: they may lie in blocks that an intent log has and has not filled yet.
holds_secret() {
    python3 - "$1" << 'END'
import mmap, os, stat, sys
ENOUGH = 20000
file = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
has_holes = stat.S_ISREG(os.fstat(file).st_mode)
end = os.lseek(file, 0, os.SEEK_END)
buffer = mmap.mmap(-1, 1 << 20)
at = found = 0
while at < end and found < ENOUGH:
    if has_holes:
        try:
            at = os.lseek(file, at, os.SEEK_DATA) // 4096 * 4096
        except OSError: # no data from there on
            break
    length = os.preadv(file, [buffer], at)
    if length == 0:
        break
    found += buffer[:length].count(b"deleted-secret")
    at += length
print(found, "times")
sys.exit(found < ENOUGH)
END
}

# size_on_disk FILE: the space that it takes, in MiB.
size_on_disk() { echo $(($(stat -c '%b * %B' "$1") / 1048576)); }

# wait_until SECONDS COMMAND...: runs the command until it succeeds; fails when the time is over.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}
