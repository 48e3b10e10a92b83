# boot: own
# disks: 512M 512M 512M 512M
# limit: 3000
# slow
# Pools over several disks: all of them are exported at one instant, and imported together.
. "$IN/lib.sh"
images=/var/tmp/images
mkdir -p "$images"
refusal() { kexport raw "$@" --output-dir "$images" 2>&1 || true; }
has_record() { zfs get -H -o value -s local kexport:checkpoint tank | grep -q .; }

# ZFS makes a partition on each disk that it is given whole.
prepare_mirror() {
    check_match 'mirror: one side alone is no longer than the other' 'imported degraded' "$(refusal /dev/vdb --checkpoint --dry-run)"
    check_match 'mirror: with --whole-pool it has both' 'disk 2 of 2: /dev/vdc' "$(refusal /dev/vdb --whole-pool --dry-run)"
    check_match 'mirror: kexport sources has one side' '^/dev/vdb .* kexport all /dev/vdb --checkpoint$' "$(kexport sources)"
}
imported_mirror() { check_match 'mirror: it is not degraded' '^ state: ONLINE' "$(zpool status tank)"; }
try_shape mirror 2 'raw --disk /dev/vdc --whole-pool' mirror /dev/vdb /dev/vdc

# The second disk is the one that boots.
sgdisk -Z /dev/vdb > /dev/null
sgdisk -Z /dev/vdc > /dev/null
sgdisk -o -n 1:1M:+400M -t 1:bf00 /dev/vdb > /dev/null
sgdisk -o -n 1:1M:+40M -t 1:ef00 -n 2:0:+400M -t 2:bf00 /dev/vdc > /dev/null
partprobe /dev/vdb /dev/vdc
udevadm settle
mkfs.vfat -F 32 /dev/vdc1 > /dev/null
prepare_stripe() {
    local out
    out=$(refusal /dev/vdb --checkpoint)
    check_match 'stripe: one disk alone is refused, with the command for all' \
        'pool tank is not all on /dev/vdb: /dev/vdc2 lies elsewhere \(.*: kexport all /dev/vdb --whole-pool\)$' "$out"
    check_match 'stripe: kexport sources has that command' '^/dev/vdc .* kexport all /dev/vdc --whole-pool$' "$(kexport sources)"
    check_match 'stripe: a disk given twice is refused' '/dev/vdc2 is on /dev/vdc, which is given already' \
        "$(refusal /dev/vdc /dev/vdc2 --checkpoint)"
    check_match 'stripe: the disk that boots is the first' 'disk 1 of 2: /dev/vdc,' "$(refusal /dev/vdb /dev/vdc --checkpoint --dry-run)"
    mkfifo pipe
    kexport ova --disk /dev/vdb --disk /dev/vdc --quiet -o - > pipe 2> said &
    killed=$!
    exec 3< pipe # which nobody reads
    wait_until 120 has_record
    kill -KILL $killed
    wait $killed || true
    exec 3<&-
    check_match 'stripe: kexport clean discards the checkpoint of a killed export' 'removed the checkpoint of pool tank' "$(kexport clean)"
    kexport ova --disk /dev/vdb --disk /dev/vdc --quiet -o - > pipe 2> said &
    killed=$!
    exec 3< pipe
    wait_until 120 has_record
    kill -TERM $killed
    check_fails 143 'stripe: SIGTERM ends an export' wait $killed
    exec 3<&-
    check_equal 'stripe: and leaves no checkpoint' - "$(zpool get -Hp -o value checkpoint tank)"
}
exported_stripe() {
    check 'stripe: the first image has the EFI system partition' eval 'sgdisk -p "$images/stripe-1.raw" | grep EF00'
    check 'stripe: the OVA has both disks' eval 'mkdir -p ova && tar -xf "$images/stripe.ova" -C ova && ls ova/*.vmdk && test "$(ls ova/*.vmdk | wc -l)" = 2'
    for number in 1 2; do
        check "stripe: its disk $number is the image" \
            qemu-img compare -f raw -F vmdk "$images/stripe-$number.raw" ova/*"$number.vmdk"
    done
    check 'stripe: the VMA is sound' kexport verify "$images/stripe.vma"
    rm -rf ova
}
try_shape stripe 2 'raw,ova,vma --disk /dev/vdb --disk /dev/vdc' /dev/vdb1 /dev/vdc2

for disk in /dev/vd[b-e]; do sgdisk -Z "$disk" > /dev/null; done
prepare_raidz() {
    check_match 'raidz: two disks of three are refused' \
        'is not all on /dev/vdb and /dev/vdc: /dev/vdd1 of raidz1-0 lies elsewhere' "$(refusal /dev/vdb /dev/vdc --checkpoint)"
    zpool offline tank /dev/vdd
    check_match 'raidz: a device that is offline is refused' '/dev/vdd1 is OFFLINE' "$(refusal /dev/vdb /dev/vdc /dev/vdd --checkpoint)"
    check_match 'raidz: it is exported without that' 'pool tank lacks /dev/vdd1 here' "$(refusal /dev/vdb --whole-pool --dry-run)"
    zpool online tank /dev/vdd
    zpool wait -t resilver tank
}
try_shape raidz 3 'raw /dev/vdb /dev/vdc /dev/vdd --checkpoint' raidz1 /dev/vdb /dev/vdc /dev/vdd

for disk in /dev/vd[b-e]; do sgdisk -Z "$disk" > /dev/null; done
prepare_classes() {
    zfs set special_small_blocks=16K tank
    check_match 'classes: without its log it is refused' 'its log device /dev/vdc1 lies elsewhere' "$(refusal /dev/vdb /dev/vdd --checkpoint)"
}
imported_classes() { check_match 'classes: its cache is elsewhere' 'cache' "$(zpool status tank)"; }
try_shape classes 3 'raw /dev/vdb --whole-pool' /dev/vdb log /dev/vdc special /dev/vdd cache /dev/vde
