# limit: 600
# Exports that do not reach their end: what they leave in the pool, and how that is removed.
. "$IN/lib.sh"
set -m # each job in a process group of its own, as at a terminal

all() { zfs list -H -t all -o name; }
ours() { all | grep kexport-; }
none_of_ours() { ! ours; }
same_as_before() { diff <(echo "$before") <(all); }

# start SOURCE: starts an export that stops half way, since nobody reads on; waits until it is
# there.
start() {
    rm -f pipe
    mkfifo pipe
    (head -c 300000 > /dev/null; touch half; exec sleep 1000) < pipe &
    reader=$!
    rm -f half
    kexport raw "$1" -o pipe 2> err &
    export=$!
    wait_until 200 test -e half
}

# end: waits for the export, and puts its exit status into `status`.
end() {
    status=0
    wait "$export" || status=$?
}

stop_reader() { kill -- "-$reader"; wait "$reader" || true; }

make_pool
make_zvol tank/vm 16M
fill /dev/zvol/tank/vm 8
before=$(all)

start tank/vm
check_equal 'while it runs there are a snapshot and a clone' 2 "$(ours | wc -l)"
kexport clean > clean.out
check_equal 'kexport clean leaves a running export alone' 2 "$(grep -c 'kept .*: an export is reading it' clean.out)"
# A recursive snapshot of somebody includes the clone.
zfs snapshot -r tank@hourly
kill -INT -- "-$export" # as Ctrl-C does, to the whole group
end
check_equal 'Ctrl-C ends it' 130 "$status"
check 'and nothing of ours stays, although somebody has snapshotted the whole pool' none_of_ours
zfs destroy -r tank@hourly
check 'nor anything else' same_as_before
stop_reader

start tank/vm
kill -KILL "$export"
end
check_equal 'after SIGKILL snapshot and clone are left' 2 "$(ours | wc -l)"
kexport clean --dry-run > clean.out
check_equal 'kexport clean --dry-run names them' "$(ours | sort)" "$(sed -n 's/^would remove //p' clean.out | sort)"
zfs snapshot tank/vm@kexport-not-ours
check 'kexport clean removes them' kexport clean
check_equal 'and only them' tank/vm@kexport-not-ours "$(ours)"
zfs destroy tank/vm@kexport-not-ours
stop_reader

start tank/vm
snapshot=$(ours | grep @)
zfs clone "$snapshot" tank/theirs
kill -TERM "$export"
end
check_equal 'SIGTERM ends it' 143 "$status"
check_equal 'a snapshot that somebody has cloned stays, without our clone' "$snapshot" "$(ours)"
check_match 'and is reported' "$snapshot is left behind: .*dependent clones" "$(cat err)"
udevadm settle
zfs destroy tank/theirs
kexport clean > clean.out
check 'until the clone is gone' same_as_before
stop_reader

# A second signal comes while it cleans up.
start tank/vm
kill -INT "$export"
kill -TERM "$export"
end
check_equal 'a second signal ends it at once' 143 "$status"
check_match 'and says what is left and how to remove it' '^  tank/kexport-[^ ]*: zfs destroy -r tank/kexport-' "$(cat err)"
kexport clean > clean.out
check 'kexport clean removes that too' same_as_before
stop_reader

truncate -s 8M /dev/shm/small.img
mkfs.ext4 -q /dev/shm/small.img
mkdir small
mount -o loop /dev/shm/small.img small
check_fails 1 'a full target fails' kexport raw tank/vm -o small/x.raw --quiet
check 'and nothing of it stays' same_as_before
umount small

useradd -m -G disk teller 2> /dev/null || true
zfs allow teller snapshot,clone,create,mount,destroy,userprop,readonly,volmode,snapdev tank
chmod 777 .
check 'a user with the rights can export' setpriv --reuid=teller --regid=disk --clear-groups kexport raw tank/vm -o mine.raw
check 'the image is the volume' cmp mine.raw /dev/zvol/tank/vm
zfs unallow teller tank
check_match 'a user without them is refused in one line' '^kexport: cannot make tank/vm@kexport-[^ ]*: permission denied .run it as root' \
    "$(setpriv --reuid=teller --regid=disk --clear-groups kexport raw tank/vm -o other.raw 2>&1)"
check 'nothing stays' same_as_before

# While a volume is read, `zpool export` is refused up to OpenZFS 2.2; later it waits.
start tank/vm
zpool export tank > refusal 2>&1 &
exporting=$!
exported() { ! kill -0 "$exporting"; }
if wait_until 10 exported; then
    check_match 'the pool cannot be exported under an export' 'pool is busy' "$(cat refusal)"
    kill -INT -- "-$export"
    end
    check_equal 'which goes on until it is stopped' 130 "$status"
    check 'and leaves nothing' same_as_before
    stop_reader
    check 'the pool can be exported at once' zpool export tank
else
    kill -INT -- "-$export"
    end
    check_equal 'an export that somebody waits for with the pool can be stopped' 130 "$status"
    check 'the pool is exported then' wait "$exporting"
    check_match 'what is left in it is reported' 'is left behind: .*pool.* export' "$(cat err)"
    stop_reader
    zpool import tank
    check 'kexport clean removes it' kexport clean
    check 'and leaves nothing' same_as_before
    check 'the pool can be exported at once' zpool export tank
fi
