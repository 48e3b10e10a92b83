# limit: 1200
# slow
# ksnap: what it snapshots by which name, what it lists, what it destroys and what it refuses.
. "$IN/lib.sh"

make_pool tank -m /tank
zfs create tank/vm
zfs create tank/home
make_zvol tank/vm/disk 64M
make_zvol 'tank/vm/a b' 16M
name_pattern='^ksnap-[0-9]{8}-[0-9]{6}$'

snapshots() { zfs list -H -o name -t snapshot -r tank; }

from=$(date +%Y%m%d-%H%M%S)
made=$(ksnap /tank)
check_match 'it prints the name that it made' "^tank@${name_pattern:1:-1}$" "$made"
time=${made#tank@ksnap-}
check 'the name is the local time' test ! "$time" '<' "$from" -a ! "$time" '>' "$(date +%Y%m%d-%H%M%S)"
check_equal 'a mount point stands for its whole pool' 5 "$(snapshots | grep -c "@${made#*@}$")"

check_equal 'a mount point below stands for the pool as well' tank "$(ksnap /tank/home | cut -d@ -f1)"
check_equal 'a dataset stands for itself and what is below' tank/vm "$(ksnap tank/vm | cut -d@ -f1)"
check_equal 'two of a second have two names' tank/vm "$(ksnap tank/vm | cut -d@ -f1)"
check_equal 'a volume is taken by name' tank/vm/disk "$(ksnap tank/vm/disk | cut -d@ -f1)"
check_equal 'a volume is taken by its link' 'tank/vm/a b' "$(ksnap '/dev/zvol/tank/vm/a+b' | cut -d@ -f1)"
check_equal 'a volume is taken by its device' tank/vm/disk "$(ksnap "$(realpath /dev/zvol/tank/vm/disk)" | cut -d@ -f1)"

# Not synced: the snapshot must have what the kernel holds of the device in memory.
head -c 1M /dev/urandom > bytes
dd if=bytes of=/dev/zvol/tank/vm/disk bs=64K status=none
fresh=$(ksnap tank/vm/disk)
zfs clone -o volmode=dev "$fresh" tank/clone
udevadm settle
check 'the snapshot has what was written just before' cmp -n 1048576 bytes /dev/zvol/tank/clone

listed=$(ksnap list)
check_match 'the list has a set as one line, with its datasets' "^$made +....-..-.. ..:..:.. .* 5$" "$listed"
zfs snapshot tank/vm@daily
zfs snapshot tank/vm@ksnap-mine
check_equal 'the list has nothing of others' '' "$(ksnap list | grep -E '@(daily|ksnap-mine)' || true)"

check_fails 1 'what is cloned is not destroyed' ksnap destroy "$fresh"
zfs destroy tank/clone
check 'it destroys by full name' ksnap destroy "$fresh"
check 'it destroys by the name alone' ksnap destroy "${made#*@}"
check_equal 'a set is destroyed as it was made, all of it' '' "$(snapshots | grep "@${made#*@}$" || true)"
check_fails 1 'what is gone cannot be destroyed' ksnap destroy "${made#*@}"
check_fails 2 'a snapshot of others is refused' ksnap destroy tank/vm@daily
check_fails 2 'so is one with a name almost like ours' ksnap destroy tank/vm@ksnap-mine
check_fails 2 'so is a dataset' ksnap destroy tank/vm
check 'they are still there' zfs list tank/vm@daily tank/vm@ksnap-mine

one=$(ksnap tank/home)
two=tank/vm@${one#*@}
zfs snapshot -r "$two"
held=$(ksnap tank/vm/disk)
zfs hold keep "$held"
check_fails 1 'a name that means two sets is refused' ksnap destroy "${one#*@}"
check 'both are still there' zfs list "$one" "$two"
check_fails 1 'what is held is not destroyed' ksnap destroy "$held"

message() { "$@" 2>&1 > /dev/null || true; }
check_match 'an unknown dataset is refused in one line' "^ksnap: .*tank/none.*does not exist" "$(message ksnap tank/none)"
check_match 'a folder that is not a mount point is refused' '^ksnap: /root is neither a mount point' "$(message ksnap /root)"
check_match 'so is what is mounted but not from ZFS' '^ksnap: /proc is not on ZFS: proc' "$(message ksnap /proc)"
check_match 'so is a device that is not a volume' '^ksnap: /dev/vdb is a device, but not a ZFS volume' "$(message ksnap /dev/vdb)"
check_fails 2 'a snapshot cannot be snapshotted' ksnap "$one"
check_fails 2 'a name cannot become an option' ksnap -- -r
check_match 'a user without the right is refused' '^ksnap: .*permission denied' \
    "$(message setpriv --reuid=65534 --regid=65534 --clear-groups "$(command -v node)" "$(realpath "$(command -v ksnap)")" tank/vm)"
