# boot: own
# disks: 1G 64M
# limit: 3600
# slow
# Kinds of vdevs and datasets, each on one disk that is exported while it is written to.
. "$IN/lib.sh"
images=/var/tmp/images
mkdir -p "$images"
one_disk() {
    sgdisk -Z /dev/vdb > /dev/null 2>&1 || true
    sgdisk -o -n 1:1M:+160M -n 2:0:+160M -n 3:0:+160M -n 4:0:+160M -n 5:0:+160M /dev/vdb > /dev/null
    partprobe /dev/vdb
    udevadm settle
}
# kind NAME ARGUMENT...: a pool of these arguments of zpool create.
kind() {
    local name=$1
    shift
    one_disk
    try_shape "$name" 1 'raw /dev/vdb --checkpoint' "$@"
}

kind raidz raidz1 /dev/vdb{1,2,3,4}
kind raidz_ashift9 -o ashift=9 raidz2 /dev/vdb{1,2,3,4,5}
kind draid draid1:2d:5c:1s /dev/vdb{1,2,3,4,5}

prepare_special() { zfs set special_small_blocks=16K tank; }
imported_special() { check_match 'special: the cache has its label' '^ +.*p4 +ONLINE' "$(zpool status -P tank)"; }
kind special /dev/vdb1 special /dev/vdb2 log /dev/vdb3 cache /dev/vdb4

prepare_multihost() {
    zgenhostid -f
    cat /etc/hostid > /dev/null
    zpool export tank
    echo $((RANDOM + 1)) > /sys/module/spl/parameters/spl_hostid || true
    zpool import -d /dev tank
    zpool set multihost=on tank
    udevadm settle
}
kind multihost /dev/vdb1

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
kind removed /dev/vdb1 /dev/vdb2 /dev/vdb3 /dev/vdb4

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
kind datasets /dev/vdb1 /dev/vdb2

# OpenZFS 2.3 and newer.
prepare_expanded() {
    zpool sync tank
    zpool attach tank raidz1-0 /dev/vdb4
    zpool wait -t raidz_expand tank
}
if zpool upgrade -v | grep -q raidz_expansion; then kind expanded raidz1 /dev/vdb{1,2,3}; fi
