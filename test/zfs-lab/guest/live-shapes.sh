# boot: own
# disks: 768M 768M
# limit: 1800
# slow
# Shapes of pools: several vdevs, one side of a mirror, which are refused, and how much a checkpoint
# may hold back.
. "$IN/lib.sh"
images=/var/tmp/images
mkdir -p "$images"
for disk in /dev/vdb /dev/vdc; do
    sgdisk -o -n 1:1M:+256M -t 1:bf00 -n 2:0:+128M -t 2:bf00 -n 3:0:+128M -t 3:bf00 "$disk" > /dev/null
    partprobe "$disk"
done
udevadm settle
set -m # each writer a process group, to be stopped as a whole
stop() { kill -KILL -- "-$1" 2> /dev/null && wait "$1" 2> /dev/null || true; }
refusal() { kexport raw "$@" --output-dir "$images" 2>&1 || true; }
check_match 'a partition of the disk is no target' '/dev/vdb2 and /dev/vdb, the disk that is exported, overlap' \
    "$(kexport raw /dev/vdb -o /dev/vdb2 --force 2>&1 || true)"

# A pool on LUKS, as far as /sys shows it.
dmsetup create layer -u CRYPT-LUKS2-layer --table "0 $(blockdev --getsz /dev/vdb3) linear /dev/vdb3 0"
udevadm settle
layer=$(realpath /dev/mapper/layer)
zpool create -f -o cachefile=none -m /tank tank "$layer"
check_match 'a pool on LUKS is refused' "pool tank is not all on /dev/vdb: $layer is LUKS on /dev/vdb3" "$(refusal /dev/vdb --checkpoint)"
check_match 'and kexport sources has no command for it' "^/dev/vdb .* none: pool tank is not all on /dev/vdb: $layer is LUKS" \
    "$(kexport sources)"
check_match 'by its own name it is exported, in clear' "$layer is decrypted: the image holds in clear" "$(refusal "$layer" --checkpoint)"
rm -f "$images"/*.raw
check_match 'and so is a plain copy of the disk below it' '/dev/vdb holds the ZFS pool tank, which is in use' "$(refusal /dev/vdb)"
zpool destroy tank
zpool create -f -o cachefile=none -m /tank tank /dev/vdb1
check_match 'what lies under LUKS beside a pool is reported' "^/dev/vdb3 .* COPIED WHILE IT IS IN USE by ${layer#/dev/}" \
    "$(refusal /dev/vdb --checkpoint --dry-run)"
zpool destroy tank
dmsetup remove layer
wipefs -qaf /dev/vdb3
udevadm settle

# Several vdevs and a log, all on the disk.
zpool create -f -o cachefile=none -O compression=off -o ashift=9 -m /tank tank /dev/vdb1 /dev/vdb2 log /dev/vdb3
zfs create -o sync=always tank/files
# Not on that file system: a block of an intent log is in use before all of it is written.
leave_secret tank /tank 96
check 'what was deleted is on both vdevs' eval 'holds_secret /dev/vdb1 && holds_secret /dev/vdb2'
for ((n = 1; n <= 60; n++)); do head -c 1M /dev/urandom > /tank/files/$n; done
sums=$(cd /tank/files && sha256sum -- *)
(for ((n = 1; n < 1000; n++)); do head -c 200K /dev/urandom > /tank/files/churn && sleep 0.2; done) &
writer=$!
check 'a pool of several vdevs and a log is exported while it is written to' \
    kexport raw /dev/vdb --checkpoint --output-dir "$images" --name several
stop $writer
check_fails 1 'what was deleted is not in the image' holds_secret "$images/several.raw"
check "the image takes $(size_on_disk "$images/several.raw") MiB, for 60 MiB of files" test "$(size_on_disk "$images/several.raw")" -lt 90
check 'with --all-sectors, what was deleted is copied' \
    eval 'kexport raw /dev/vdb --checkpoint --all-sectors --quiet --output-dir "$images" --name all && holds_secret "$images/all.raw"'
rm "$images/all.raw"
zpool export tank
loop=$(losetup -fP --show "$images/several.raw")
udevadm settle
check 'zdb finds no leak' zdb -e -p "$loop"p1 -p "$loop"p2 -p "$loop"p3 -bcc tank
check 'it is imported' zpool import -d "$loop"p1 -d "$loop"p2 -d "$loop"p3 tank
check_equal 'with its files' "$sums" "$(cd /tank/files && rm -f churn && sha256sum -- *)"
zpool scrub -w tank
check_match 'and without an error' 'repaired 0B in .* with 0 errors' "$(zpool status tank)"
zpool destroy tank
losetup -d "$loop"
rm "$images/several.raw"
holds_none() { test "$(zpool get -Hp -o value checkpoint tank)" = -; }

zpool create -f -o cachefile=none -m /tank tank /dev/vdb1 /dev/vdc1
out=$(refusal /dev/vdb --checkpoint)
check_match 'a pool that goes on elsewhere is refused' 'pool tank is not all on /dev/vdb: /dev/vdc1 lies elsewhere' "$out"
check_match 'and kexport sources has the command for all of it' '^/dev/vdb .* kexport all /dev/vdb --whole-pool$' "$(kexport sources)"
zpool destroy tank
zpool create -f -o cachefile=none -m /tank tank /dev/vdb1 log /dev/vdc1
out=$(refusal /dev/vdb --checkpoint)
check_match 'so is one whose log is elsewhere' 'its log device /dev/vdc1 lies elsewhere' "$out"
zpool destroy tank
zpool create -f -o cachefile=none -o feature@zpool_checkpoint=disabled tank /dev/vdb1
out=$(refusal /dev/vdb --checkpoint)
check_match 'so is one that has no checkpoints' 'zpool set feature@zpool_checkpoint=enabled tank' "$out"
zpool destroy tank

# A mirror, with an encrypted file system, and a second pool on the same disk.
echo password > key
zpool create -f -o cachefile=none -O compression=off -m /tank tank mirror /dev/vdb1 /dev/vdc1
zpool create -f -o cachefile=none -O compression=off -o ashift=13 -m /second second /dev/vdb2
zfs create -o encryption=on -o keyformat=passphrase -o keylocation="file://$PWD/key" tank/secret
head -c 20M /dev/urandom > /tank/secret/random
leave_secret tank /tank 64
leave_secret second /second 32
seq 100000 > /second/numbers
sum=$(sha256sum < /tank/secret/random)
check 'the plan says that it is one side of a mirror' matches 'imported degraded' "$(kexport raw --dry-run /dev/vdb --checkpoint 2>&1)"
check 'one side of a mirror is exported' kexport raw /dev/vdb --checkpoint --output-dir "$images" --name side
check_match 'the missing side is named' 'zpool detach tank /dev/vdc1' "$(cat "$work/.output")"
check_fails 1 'what was deleted on either pool is not in the image' holds_secret "$images/side.raw"

# 40 MiB that are there when the checkpoint is taken, and are deleted while a slow reader of the
# image makes it last.
for n in {1..10}; do head -c 4M /dev/urandom > "/tank/old-$n"; done
holds_one() { test "$(zpool get -Hp -o value checkpoint tank)" != -; }
(wait_until 300 holds_one && for n in {1..10}; do rm "/tank/old-$n" && zpool sync tank; done) &
churn=$!
status=0
kexport raw /dev/vdb --checkpoint --checkpoint-limit 8M -o - 2> said \
    > >(until [ "$(head -c 4M | wc -c)" = 0 ]; do sleep 1; done) || status=$?
stop $churn
check_equal 'an export that would hold back too much ends' 1 "$status"
check_match 'and says why' 'the checkpoint of pool tank holds back' "$(cat said)"
check 'its checkpoint is gone' wait_until 30 holds_none

zpool export second
zpool export tank
# Otherwise ZFS would find the disks themselves first, by their paths.
for part in /dev/vdb1 /dev/vdc1 /dev/vdb2; do zpool labelclear -f "$part"; done
loop=$(losetup -fP --show "$images/side.raw")
udevadm settle
check 'the side is imported' zpool import -d "$loop"p1 -l tank
check_match 'degraded' DEGRADED "$(zpool status tank)"
check_equal 'what is encrypted is there' "$sum" "$(sha256sum < /tank/secret/random)"
missing=$(zpool status -g tank | awk '$2 ~ /UNAVAIL|FAULTED|OFFLINE|REMOVED/ {print $1; exit}')
check 'the other side is detached' zpool detach tank "$missing"
zpool scrub -w tank
check_match 'a scrub repairs nothing' 'repaired 0B in .* with 0 errors' "$(zpool status tank)"
check 'the second pool is imported' zpool import -d "$loop"p2 second
check_equal 'with its files' "$(seq 100000)" "$(cat /second/numbers)"
zpool scrub -w second
check_match 'and without an error' 'repaired 0B in .* with 0 errors' "$(zpool status second)"
zpool destroy tank
zpool destroy second
losetup -d "$loop"
