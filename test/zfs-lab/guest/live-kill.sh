# boot: own
# disks: 160M 1G
# limit: 1200
# slow
# A killed export of a disk in use leaves a healthy pool and a checkpoint. kexport clean discards
# that checkpoint, and no other.
. "$IN/lib.sh"
sgdisk -o -n 1:1M:+128M -t 1:bf00 /dev/vdb > /dev/null
partprobe /dev/vdb
udevadm settle
zpool create -f -o cachefile=none -o ashift=9 -m /tank tank /dev/vdb1
head -c 20M /dev/urandom > /tank/random
zpool sync tank

check 'a plan is shown' kexport all /dev/vdb --checkpoint --dry-run
check_equal 'and takes no checkpoint' - "$(zpool get -Hp -o value checkpoint tank)"
check_fails 1 'the disk by its name is refused' kexport raw /dev/vdb -o "$work/refused.raw"

has_record() { zfs get -H -o value -s local kexport:checkpoint tank | grep -q .; }
mkfifo pipe
kexport raw /dev/vdb --checkpoint --quiet -o - > pipe 2> said &
killed=$!
exec 3< pipe # which nobody reads
wait_until 120 has_record
check_match 'a running export is left alone' 'an export is reading it' "$(kexport clean)"
kill -KILL $killed
wait $killed || true
check_match 'a killed export leaves a healthy pool' "pool 'tank' is healthy" "$(zpool status -x tank)"
check 'and its checkpoint' test "$(zpool get -Hp -o value checkpoint tank)" != -
check_fails 1 'then another export is refused' kexport raw /dev/vdb --checkpoint -o "$work/refused.raw"
check_match 'kexport clean discards it' 'removed the checkpoint of pool tank' "$(kexport clean)"
check_equal 'no checkpoint is left' - "$(zpool get -Hp -o value checkpoint tank)"
check_equal 'no property is left' '' "$(zfs get -H -o value -s local kexport:checkpoint tank)"

# zpool kills kexport once it has taken the checkpoint, before kexport can mark it.
real=$(command -v zpool)
mkdir bin
cat > bin/zpool << END
#!/bin/sh
"$real" "\$@" || exit
if [ "\$1" = checkpoint ] && [ "\$2" = tank ]; then kill -KILL \$PPID; fi
END
chmod +x bin/zpool
check_fails 137 'a run is killed before it marks its checkpoint' \
    env PATH="$PWD/bin:$PATH" kexport raw /dev/vdb --checkpoint --quiet -o "$work/killed.raw"
check_equal 'its pool has no mark' '' "$(zfs get -H -o value -s local kexport:checkpoint tank)"
check_match 'kexport clean discards this one too' 'removed the checkpoint of pool tank' "$(kexport clean)"
rm -f "$work"/killed.raw*

kexport raw /dev/vdb --checkpoint --quiet -o - > pipe 2> said &
stopped=$!
wait_until 120 has_record
kill -TERM $stopped
check_fails 143 'SIGTERM ends an export' wait $stopped
check_equal 'and its checkpoint' - "$(zpool get -Hp -o value checkpoint tank)"

zpool checkpoint tank
check_fails 1 'a checkpoint of somebody else stops an export' kexport raw /dev/vdb --checkpoint -o "$work/refused.raw"
check_match 'and kexport clean leaves it alone' 'kept the checkpoint of pool [a-z]+: kexport has not marked it' "$(kexport clean)"
check 'it is still there' test "$(zpool get -Hp -o value checkpoint tank)" != -
