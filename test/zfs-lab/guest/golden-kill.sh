# root: zfs
# disks: 4G
# limit: 5400
# slow
# However the making of a golden image ends, at whichever command of ZFS: SIGINT leaves nothing, and
# after SIGKILL kexport clean removes what is left. Nothing of the machine changes.
. "$IN/lib.sh"
mkfs.ext4 -q -E lazy_itable_init=1,nodiscard /dev/vdb
mkdir -p /mnt/images
mount /dev/vdb /mnt/images
export TMPDIR=/mnt/images
# A boot environment that is copied within a second.
zfs create -o canmount=noauto -o mountpoint=/ rpool/ROOT/tiny
mkdir tiny
mount -t zfs -o zfsutil rpool/ROOT/tiny tiny
mkdir -p tiny/etc/ssh
echo secret > tiny/etc/ssh/ssh_host_rsa_key
umount tiny
zpool sync rpool

# Programs that count their calls, and end their caller at one of them.
real=$PATH
mkdir "$work/wrapped"
for program in zfs zpool losetup unshare; do
    cat > "$work/wrapped/$program" << END
#!/bin/bash
export PATH=$real
exec 8> $work/lock
flock 8
echo "$program \$*" >> $work/calls
number=\$(wc -l < $work/calls)
exec 8>&-
read -r at when signal < $work/order
if [ "\$number" != "\$at" ]; then exec $program "\$@"; fi
if [ "\$when" = before ]; then
    kill -s "\$signal" \$PPID
    exec $program "\$@"
fi
$program "\$@"
status=\$?
kill -s "\$signal" \$PPID
exit \$status
END
    chmod 755 "$work/wrapped/$program"
done

state() { zfs list -H -t all -o name,guid -r rpool; zpool list -H -o name; losetup -a; ls -A $TMPDIR; cat /proc/self/mountinfo | wc -l; }
export_at() { # export_at NUMBER before|after SIGNAL
    echo "$*" > "$work/order"
    rm -f "$work/calls"
    PATH=$work/wrapped:$real kexport raw --generalize --boot-environment tiny --disk-size 1G --force \
        -o "$work/image.raw" > "$work/said" 2>&1 || return $?
}
before=$(state)

# run_at NUMBER WHEN SIGNAL: returns 1 once there are not so many commands.
run_at() {
    local status=0 call
    export_at "$@" || status=$?
    if ((status == 0)); then return 1; fi
    call=$(sed -n "$1p" "$work/calls" | cut -c1-60)
    wait_until 60 bash -c '! pgrep -x "zfs|zpool|losetup|unshare"' || true
    if [ "$3" = KILL ]; then
        kexport clean > "$work/cleaned" 2>&1 || { echo "#   clean failed" && cat "$work/cleaned"; }
    fi
    check_equal "SIG$3 $2 command $1, $call, leaves nothing (status $status)" "$before" "$(state)"
    [ "$(state)" = "$before" ] || { cat "$work/said" "$work/cleaned"; before=$(state); }
}

# The numbers of the commands that change something; of several in a row, the first and the last.
changing() {
    grep -nE '^(zfs (snapshot|receive|destroy|inherit)|zpool (create|set|export)|losetup|unshare)' "$work/calls" |
        sed 's/^\([0-9]*\):\(\S* \S*\).*/\1 \2/' |
        awk '{ kind = $2 " " $3 } kind != last { if (held) print held; print $1; held = "" } kind == last { held = $1 } { last = kind } END { if (held) print held }'
}

export_at 0 never KILL && status=0 || status=$?
check_equal 'it is made if nobody ends it' 0 "$status"
tail -n 5 "$work/said"
check_equal 'and leaves nothing then' "$before" "$(state)"
numbers=$(changing)
count=0
for number in $numbers; do
    run_at "$number" after KILL || true
    count=$((count + 1))
    if ((count % 3 == 1)); then run_at "$number" before KILL || true; fi
    if ((count % 3 == 2)); then run_at "$number" after INT || true; fi
done
echo "#   $SECONDS s"
umount /mnt/images
