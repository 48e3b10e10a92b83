# slow
# A machine with its root on ZFS makes a golden image of itself, of another size. The image and the
# original boot by their own boot loaders; the image has a machine-id and SSH host keys of its own
# then, others in each copy.
. "$(dirname "$(realpath "$0")")/lib.sh"

"$lab/build-zfsroot.sh"
make_store 6G
{
    unpack_kexport
    cat << 'END'
mount /dev/vdb /mnt
export TMPDIR=/mnt
mkdir -p /etc/ssh
echo 'golden-secret key' > /etc/ssh/ssh_host_ed25519_key
echo Port 22 > /etc/ssh/sshd_config
# A stand-in for the program of OpenSSH, which the guest lacks.
printf '#!/bin/sh\nread -r id < /proc/sys/kernel/random/uuid\necho "key $id" > /etc/ssh/ssh_host_ed25519_key\n' > /usr/bin/ssh-keygen
chmod 755 /usr/bin/ssh-keygen
# Says on the console who this machine is, before the check that ends it.
mkdir -p /etc/systemd/system/self-check.service.d
cat > /usr/local/sbin/who-am-i << 'WHO'
#!/bin/sh
printf '\nSELF-CHECK\n' > /dev/ttyS0 # from here on it is printed
echo "WHO $(cat /etc/machine-id) $(cat /etc/ssh/ssh_host_ed25519_key) $(zpool get -H -o value guid rpool)" > /dev/ttyS0
WHO
chmod 755 /usr/local/sbin/who-am-i
printf '[Unit]\nAfter=kexport-ssh-host-keys.service\n[Service]\nExecStartPre=/usr/local/sbin/who-am-i\n' > /etc/systemd/system/self-check.service.d/who.conf
kexport qcow2 --generalize --disk-size 4G --level 1 -o /mnt/golden.qcow2
END
} > "$work/run"

boots() { # boots FORMAT IMAGE LOG
    "$lab/boot-image.sh" -t 2400 "$1" "$2" 2>&1 | tee "$3"
}
who() { sed -n 's/^WHO //p' "$1"; }

check 'it is made' "$lab/boot-guest.sh" -r "$root" -D "$work/store" -t 3600 "$work/run" "$KEXPORT_TAR"
take golden.qcow2
cp "$work/golden.qcow2" "$work/second.qcow2"
check 'it boots by its own boot loader, its pool and files right' boots qcow2 "$work/golden.qcow2" "$work/first"
check 'so does a copy of it' boots qcow2 "$work/second.qcow2" "$work/second"
check 'so does the original' boots raw "$root" "$work/original"
check 'it has made a machine-id and SSH host keys' test "$(who "$work/first" | grep -cE '^[0-9a-f]{32} key [0-9a-f-]{36} ')" = 1
check 'others than its copy' test "$(who "$work/first" | cut -d' ' -f1-3)" != "$(who "$work/second" | cut -d' ' -f1-3)"
