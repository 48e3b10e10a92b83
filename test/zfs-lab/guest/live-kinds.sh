# boot: own
# disks: 1G
# limit: 3600
# slow
# Kinds of vdevs and datasets, each on one disk that is exported while it is written to.
. "$IN/lib.sh"
images=/var/tmp/images
mkdir -p "$images"

try_kind raidz raidz1 /dev/vdb{1,2,3,4}
try_kind raidz_ashift9 -o ashift=9 raidz2 /dev/vdb{1,2,3,4,5}
try_kind draid draid1:2d:5c:1s /dev/vdb{1,2,3,4,5}

prepare_special() { zfs set special_small_blocks=16K tank; }
imported_special() { check_match 'special: the cache has its label' 'p4 +ONLINE' "$(zpool status -P tank)"; }
try_kind special /dev/vdb1 special /dev/vdb2 log /dev/vdb3 cache /dev/vdb4

prepare_multihost() {
    zgenhostid -f
    zpool export tank
    echo $((RANDOM + 1)) > /sys/module/spl/parameters/spl_hostid || true
    zpool import -d /dev tank
    zpool set multihost=on tank
    udevadm settle
}
try_kind multihost /dev/vdb1

# Blocks of the pool's own metadata were on the device that is removed.
prepare_removed() {
    head -c 40M /dev/urandom > /tank/files/before
    zpool sync tank
    removed_sum=$(sha256sum < /tank/files/before)
    zpool remove tank /dev/vdb2
    zpool wait -t remove tank
    rm /tank/files/before
    head -c 30M /dev/urandom > /tank/files/before
    removed_sum=$(sha256sum < /tank/files/before)
    zpool remove tank /dev/vdb3
    zpool wait -t remove tank
}
imported_removed() {
    check_equal 'removed: what was moved twice is there' "$removed_sum" "$(sha256sum < /tank/files/before)"
}
try_kind removed /dev/vdb{1,2,3,4,5}

prepare_datasets() {
    echo password > key
    zfs create -o encryption=on -o keyformat=passphrase -o keylocation="file://$PWD/key" tank/secret
    zfs create -o dedup=on -o compression=zstd tank/dedup
    head -c 10M /dev/urandom > /tank/secret/random
    cp /tank/secret/random /tank/dedup/one
    cp /tank/secret/random /tank/dedup/other
    zfs snapshot tank/dedup@first
    zfs clone tank/dedup@first tank/clone
    rm /tank/clone/one
    datasets_sum=$(sha256sum < /tank/secret/random)
}
imported_datasets() {
    zfs load-key -a
    zfs mount -a
    check_equal 'datasets: the encrypted one' "$datasets_sum" "$(sha256sum < /tank/secret/random)"
    check_equal 'datasets: the deduplicated one' "$datasets_sum" "$(sha256sum < /tank/dedup/one)"
    check_equal 'datasets: the clone' "$datasets_sum" "$(sha256sum < /tank/clone/other)"
}
try_kind datasets /dev/vdb1 /dev/vdb2
