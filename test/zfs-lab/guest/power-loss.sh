# A power cut at any moment: every write of exports to an ext4 is recorded by dm-log-writes, and the
# file system is mounted as it was after so many of them. What has its final name is whole.
# disks: 512M 4G 512M
# limit: 1800
# slow
# shellcheck shell=bash
. "$IN/lib.sh"
modprobe dm-log-writes
modprobe dm-snapshot
sectors=$(blockdev --getsz /dev/vdb)
mkdir mnt state

# replay FIRST LAST: carries out the entries FIRST to LAST-1 of the log on /dev/vdd.
# replay moments: prints numbers of entries to stop at: behind flushes, others, and behind marks.
cat > replay.py << 'END'
import random, struct, sys
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
MOMENTS = 40
log = open('/dev/vdc', 'rb', buffering=0)

def entries():
    magic, version, count, sector_size = struct.unpack('<QQQI', log.read(512)[:28])
    assert magic == 0x6a736677736872 and version == 1 and sector_size == 512
    at = 512
    for _ in range(count):
        log.seek(at)
        head = log.read(512)
        sector, sectors, flags, length = struct.unpack('<QQQQ', head[:32])
        at += 512
        yield at, sector, sectors, flags, head[32:32 + length]
        if not flags & (DISCARD | MARK):
            at += sectors * 512

if sys.argv[1] == 'moments':
    flushes, marks = [], {}
    for number, (_, _, _, flags, text) in enumerate(entries()):
        if flags & MARK:
            marks[text.decode()] = number + 1
        if flags & (FLUSH | FUA):
            flushes.append(number + 1)
        last = number + 1
    first = marks['begin']
    chosen = [number for number in flushes if number > first]
    random.seed(1)
    chosen = random.sample(chosen, min(len(chosen), MOMENTS // 2))
    chosen += random.sample(range(first, last), MOMENTS - len(chosen))
    print(len(flushes), 'flushes,', last, 'entries', file=sys.stderr)
    for number in sorted({*chosen, *marks.values(), last}):
        phase = max((at, name) for name, at in marks.items() if at <= number)[1]
        print(number, phase)
else:
    first, last = map(int, sys.argv[1:])
    with open('/dev/vdd', 'r+b', buffering=0) as disk:
        for number, (at, sector, sectors, flags, _) in enumerate(entries()):
            if number < first or flags & MARK:
                continue
            if number >= last:
                break
            disk.seek(sector * 512)
            if flags & DISCARD:
                disk.write(bytes(sectors * 512))
            elif sectors:
                log.seek(at)
                disk.write(log.read(sectors * 512))
END

mark() { dmsetup message log 0 mark "$1"; }
sums() { (cd mnt && sha256sum x.*); }

fill disk 8
truncate -s 32M disk
fill other 8
truncate -s 32M other
dmsetup create log --table "0 $sectors log-writes /dev/vdb /dev/vdc"
mkfs.ext4 -q -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 /dev/mapper/log
mount /dev/mapper/log mnt
sync
mark begin
check "all formats are exported to the recorded file system" kexport all disk mnt --name x --checksums -q
mark made
sums > first.sums
check "all are replaced" kexport all other mnt --name x --force -q
mark replaced
sums > second.sums
for image in mnt/x.*; do check "$image is sound" kexport verify "$image" --against other -q; done
umount mnt
dmsetup remove log

# whole PHASE: the files in state/ are as a power cut in that phase may leave them.
whole() {
    local file name found
    for file in state/x.*; do
        name=${file#state/}
        case $name in *.partial | *.replaced) continue ;; esac
        if [ ! -e "$file" ]; then continue; fi
        found=$(cd state && sha256sum "$name")
        grep -qxF -- "$found" first.sums second.sums || { echo "$name is not whole" && return 1; }
    done
    case $1 in
    begin)
        if [ -e state/SHA256SUMS ]; then (cd state && sha256sum --check --quiet SHA256SUMS); fi
        ;;
    made) for name in $(awk '{ print $2 }' first.sums) SHA256SUMS; do stat "state/$name" > stat.txt || return 1; done ;;
    replaced) (cd state && sha256sum --check --quiet ../second.sums) ;;
    esac
}

at=0
python3 replay.py moments > moments
while read -r number phase <&3; do
    python3 replay.py "$at" "$number"
    at=$number
    rm -f changes
    truncate -s 512M changes
    changes=$(losetup --find --show changes)
    udevadm settle
    dmsetup create state --table "0 $sectors snapshot /dev/vdd $changes N 8"
    mount /dev/mapper/state state
    check "after write $number, $phase: what has its final name is whole" whole "$phase"
    umount state
    dmsetup remove state
    losetup --detach "$changes"
done 3< moments
