# boot: own
# disks: 600M 600M
# limit: 2400
# slow
# A pool on LUKS, LVM or md is exported as that device, as of a checkpoint, while it is written to.
. "$IN/lib.sh"
images=/var/tmp/images
mkdir -p "$images"
set -m # the writer is a process group, to be stopped as a whole
stop() { kill -KILL -- "-$1" 2> /dev/null && wait "$1" 2> /dev/null || true; }
sgdisk -o -n 1:1M:+300M /dev/vdb > /dev/null
sgdisk -o -n 1:1M:+300M /dev/vdc > /dev/null
partprobe /dev/vdb /dev/vdc
udevadm settle

printf password > key
make_luks() {
    cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file key /dev/vdb1
    cryptsetup open --key-file key /dev/vdb1 clear
    device=/dev/mapper/clear
}
end_luks() { cryptsetup close clear; }
make_lvm() {
    vgcreate -qq -y vg /dev/vdb1
    lvcreate -qq -y -Wn -l 100%FREE -n lv vg
    device=/dev/vg/lv
}
end_lvm() { vgremove -qq -y vg && pvremove -qq -y /dev/vdb1; }
make_md() {
    mdadm --create /dev/md/lab --run --quiet --level=1 --metadata=1.2 --raid-devices=2 /dev/vdb1 /dev/vdc1
    device=/dev/md/lab
}
end_md() { mdadm --stop --quiet /dev/md/lab && mdadm --zero-superblock /dev/vdb1 /dev/vdc1; }

for layer in luks lvm md; do
    make_$layer
    udevadm settle
    real=$(realpath "$device")
    zpool create -f -o cachefile=none -O compression=off -m /tank tank "$real"
    (for ((n = 1; ; n++)); do echo "$n" && sync -d /tank/counter && sleep 0.1; done >> /tank/counter) 2> /dev/null &
    writer=$!
    head -c 20M /dev/urandom > /tank/random
    sum=$(sha256sum < /tank/random)
    wait_until 60 test -s /tank/counter
    out=$(kexport raw /dev/vdb --checkpoint -o "$images/refused.raw" 2>&1 || true)
    check_match "$layer: the disk below is refused" "pool tank is not all on /dev/vdb: $real(p1)? is .* on /dev/vdb1" "$out"
    check_match "$layer: with what can be exported" "kexport all $real --checkpoint" "$out"
    check_match "$layer: the plan says what it is" 'a disk of its own, which imports but boots nothing' \
        "$(kexport raw "$device" --checkpoint --dry-run 2>&1)"
    before=$(tail -n 1 /tank/counter)
    check "$layer: the device is exported while it is written to" \
        kexport raw "$device" --checkpoint -o "$images/this.raw"
    cp "$work/.output" said
    after=$(tail -n 1 /tank/counter)
    if [ $layer = luks ]; then
        check_match 'luks: it warns that the image is in clear' "$real is decrypted: the image holds in clear" "$(cat said)"
    else
        check_equal "$layer: it warns of nothing in clear" '' "$(grep -F 'in clear' said || true)"
    fi
    stop $writer
    check_equal "$layer: no checkpoint is left" - "$(zpool get -Hp -o value checkpoint tank)"
    zpool destroy tank
    zpool labelclear -f "$real" 2> /dev/null || true
    end_$layer
    wipefs -qaf /dev/vdb1 /dev/vdc1
    udevadm settle
    loop=$(losetup -fP --show "$images/this.raw")
    udevadm settle
    part=$loop
    if [ -b "$loop"p1 ]; then part=${loop}p1; fi # ZFS has made it, on an array of md
    check "$layer: zdb finds no leak" zdb -e -p "$part" -bcc tank
    check "$layer: it is imported" zpool import -d "$part" tank
    found=$(tail -n 1 /tank/counter)
    check_equal "$layer: every number up to $found is there" "$(seq "$found")" "$(cat /tank/counter)"
    check "$layer: $before came before the checkpoint, $after after it" test "$found" -ge "$before" -a "$found" -lt "$after"
    check_equal "$layer: the file is the same" "$sum" "$(sha256sum < /tank/random)"
    zpool scrub -w tank
    check_match "$layer: a scrub repairs nothing" 'repaired 0B in .* with 0 errors' "$(zpool status tank)"
    zpool destroy tank
    losetup -d "$loop"
    rm "$images/this.raw"
done
