# What the workloads have in common; they read it as /common.sh.

fail() {
    echo "workload: $*"
    exit 1
}

# await COMMAND...: true within twenty seconds
await() {
    n=0
    until "$@"; do
        n=$((n + 1))
        [ $n -le 200 ] || fail "not in time: $*"
        sleep 0.1
    done
}

# Fails unless drivers have mapped something through an IOMMU: without that, silence says nothing.
something_was_mapped() {
    maps=$(sed -n 's/^maps: //p' /sys/kernel/debug/iommu/debug_pagealloc/stats)
    [ "${maps:-0}" -gt 100 ] || fail "the sanitizer has seen ${maps:-no} maps"
}

# sleep_and_wake: all devices are put to sleep, as far as they go while the processors stay awake, and woken up again a second later.
# Not where the IOMMU is virtio-iommu: its driver waits for an answer of a device that sleeps, see docs/findings.
sleep_and_wake() {
    for iommu in /sys/bus/virtio/drivers/virtio_iommu/virtio*; do
        [ -e "$iommu" ] || continue
        echo "NOT PUT TO SLEEP: virtio-iommu does not wake up"
        return
    done
    echo platform > /sys/power/pm_test
    echo freeze > /sys/power/state
}

# unplug DEVICE slot|monitor|board: the device goes away; its slot loses power, or the emulator is asked for it, or, if it has no
# slot, the kernel is told to let go of it
unplug() {
    case $2 in
    slot)
        slot=$(grep -l "^${1%.*}$" /sys/bus/pci/slots/*/address) || fail "no slot for $1"
        echo 0 > "${slot%/address}/power"
        ;;
    monitor)
        for line in /dev/ttyS1 /dev/ttyAMA1; do
            [ ! -e $line ] || break
        done
        stty -F $line raw -echo
        exec 3<> $line
        # The line has sent back some of what it was greeted with: this byte makes the monitor forget that.
        printf '\377\n' >&3
        echo '{"execute": "qmp_capabilities"}' >&3
        # The first device that the machine was given.
        echo '{"execute": "device_del", "arguments": {"id": "p0"}}' >&3
        timeout 60 grep -q DEVICE_DELETED <&3 || fail "the emulator does not say that it has unplugged $1"
        ;;
    board)
        echo 1 > "/sys/bus/pci/devices/$1/remove"
        ;;
    *)
        fail "unplug $2?"
        ;;
    esac
    await test ! -e "/sys/bus/pci/devices/$1"
}
