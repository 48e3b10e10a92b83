# Sourced. Sets `accel`, QEMU's arguments for the fastest way to run a kernel on this host.
# LAB_ACCEL=kvm or LAB_ACCEL=tcg chooses one.

# It is not enough that /dev/kvm can be opened: where KVM serves only paravirtual guests, an
# ordinary kernel hangs silently. So a kernel is booted without a root, and must panic because of
# that.
kvm_boots() {
    [ -w /dev/kvm ] && [ ! -d /sys/module/kvm_pvm ] || return
    timeout 10 qemu-system-x86_64 -accel kvm -cpu host -m 512 -nodefaults -display none -no-reboot -serial stdio \
        -kernel "$1" -append 'console=ttyS0 panic=-1' < /dev/null 2> /dev/null | grep -aq 'Unable to mount root fs'
}

choose_accel() {
    local kernel=$1
    if [ -z "${LAB_ACCEL:-}" ]; then
        if kvm_boots "$kernel"; then LAB_ACCEL=kvm; else LAB_ACCEL=tcg; fi
    fi
    export LAB_ACCEL # for the other boots of a run
    case $LAB_ACCEL in
        kvm) accel=(-accel kvm -cpu host) ;;
        *) accel=(-accel tcg,thread=multi,tb-size=1024 -cpu max,-la57) ;;
    esac
}
