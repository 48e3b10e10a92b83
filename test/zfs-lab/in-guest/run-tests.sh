#!/usr/bin/env bash
# In the guest: runs the scripts of IN that `names` lists, each with a time limit and empty disks.
# A script that does not reach its end has failed, whatever it had checked before.
set -uo pipefail

mkdir /opt/kexport
tar -xf "$IN/kexport.tar" -C /opt/kexport
export PATH=/opt/kexport/bin:$PATH
root=$(findmnt -no SOURCE /)

main() {
    while read -r name limit; do
        start=$SECONDS
        run_script
        echo "# $name took $((SECONDS - start)) s"
        clear_disks
    done < "$IN/names"
}

run_script() {
    local group status=0
    # timeout leads a process group, in which are all processes that a script leaves behind. This
    # runs as a service, for which systemd ignores SIGPIPE.
    env --default-signal=PIPE timeout -k 10 "$limit" bash "$IN/$name.sh" < /dev/null 2>&1 &
    group=$!
    wait "$group" || status=$?
    kill -KILL -- "-$group" 2> /dev/null
    case $status in
        0) ;;
        124 | 137) echo "not ok $name: it ends within $limit s" ;;
        *) echo "not ok $name: it runs to its end (exit status $status)" ;;
    esac
}

clear_disks() {
    local pool disk tries
    udevadm settle # udev reads new devices
    for pool in $(zpool list -H -o name | grep -vx "${root%%/*}"); do
        for tries in 1 2 3 4 5; do zpool destroy -f "$pool" && break || sleep "$tries"; done
    done
    for disk in /dev/vd[b-z]; do if [ -b "$disk" ]; then wipefs -qaf "$disk"; fi; done
    udevadm settle
}

main
