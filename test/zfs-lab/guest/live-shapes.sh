# boot: own
# disks: 768M 768M
# limit: 900
# slow
# Shapes of pools: one side of a mirror, what is refused, and what a checkpoint may hold back.
. "$IN/lib.sh"
images=/var/tmp/images
mkdir -p "$images"
for disk in /dev/vdb /dev/vdc; do
    sgdisk -o -n 1:1M:+256M -t 1:bf00 -n 2:0:+128M -t 2:bf00 "$disk" > /dev/null
    partprobe "$disk"
done
udevadm settle
holds_none() { test "$(zpool get -Hp -o value checkpoint tank)" = -; }

zpool create -f -o cachefile=none -m /tank tank /dev/vdb1 /dev/vdc1
out=$(kexport raw --disk /dev/vdb --output-dir "$images" 2>&1 || true)
check_match 'a pool that goes on elsewhere is refused' 'pool tank is not all on /dev/vdb: /dev/vdc1 is not on that disk' "$out"
zpool destroy tank
zpool create -f -o cachefile=none -m /tank tank /dev/vdb1 log /dev/vdc1
out=$(kexport raw --disk /dev/vdb --output-dir "$images" 2>&1 || true)
check_match 'so is one whose log is elsewhere' 'its log device /dev/vdc1 is not on that disk' "$out"
zpool destroy tank
zpool create -f -o cachefile=none -o feature@zpool_checkpoint=disabled tank /dev/vdb1
out=$(kexport raw --disk /dev/vdb --output-dir "$images" 2>&1 || true)
check_match 'so is one that has no checkpoints' 'zpool set feature@zpool_checkpoint=enabled tank' "$out"
zpool destroy tank

# A mirror, with an encrypted file system, and a second pool on the same disk.
echo password > key
zpool create -f -o cachefile=none -m /tank tank mirror /dev/vdb1 /dev/vdc1
zpool create -f -o cachefile=none -o ashift=13 -m /second second /dev/vdb2
zfs create -o encryption=on -o keyformat=passphrase -o keylocation="file://$PWD/key" tank/secret
head -c 20M /dev/urandom > /tank/secret/random
seq 100000 > /second/numbers
sum=$(sha256sum < /tank/secret/random)
check 'the plan says that it is one side of a mirror' matches 'imported degraded' "$(kexport raw --dry-run --disk /dev/vdb 2>&1)"
check 'one side of a mirror is exported' kexport raw --disk /dev/vdb --output-dir "$images" --name side
check_match 'the missing side is named' 'zpool detach tank /dev/vdc1' "$(cat "$work/.output")"

# 40 MiB that a checkpoint would hold back, while a slow reader of the image lets it last.
(for ((n = 1; n < 200; n++)); do head -c 4M /dev/urandom > /tank/churn && rm /tank/churn && zpool sync tank; done) &
churn=$!
status=0
kexport raw --disk /dev/vdb --max-hold 8M -o - 2> said > >(while head -c 4M | grep -q .; do sleep 1; done) || status=$?
kill $churn || true
wait $churn || true
check_equal 'an export ends that would hold back too much' 1 "$status"
check_match 'and says why' 'the checkpoint of pool tank holds back' "$(cat said)"
check 'its checkpoint is gone' wait_until 30 holds_none

zpool export second
zpool export tank
loop=$(losetup -fP --show "$images/side.raw")
udevadm settle
check 'the side is imported' zpool import -d "$loop"p1 -l tank
check_match 'degraded' DEGRADED "$(zpool status tank)"
check_equal 'what is encrypted is there' "$sum" "$(sha256sum < /tank/secret/random)"
missing=$(zpool status -g tank | awk '/UNAVAIL|FAULTED|OFFLINE|REMOVED/ {print $1; exit}')
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
