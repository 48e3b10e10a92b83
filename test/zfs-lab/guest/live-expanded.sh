# boot: own
# disks: 1G
# limit: 1800
# slow
# A raidz that was expanded, on one disk that is exported while it is written to. OpenZFS 2.3 and
# newer can expand one.
. "$IN/lib.sh"
images=/var/tmp/images
mkdir -p "$images"
zpool upgrade -v > features
if ! grep -q raidz_expansion features; then
    echo '# this OpenZFS cannot expand a raidz'
    exit
fi
prepare_expanded() {
    zpool sync tank
    zpool attach tank raidz1-0 /dev/vdb4
    zpool wait -t raidz_expand tank
}
try_kind expanded raidz1 /dev/vdb{1,2,3}
