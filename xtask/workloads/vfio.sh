#!/bin/sh
# Devices in the hands of user space: vfio.sh DOMAINS
# QEMU's two devices for teaching are assigned to a program, which fails if its container does not come to so many domains.
set -eu
. /common.sh
pci=/sys/bus/pci

# What the sanitizer counts.
live() {
    sed -n 's/^\(mapped pages\|translations\): *//p' /sys/kernel/debug/iommu/debug_pagealloc/stats
}

before=$(live)
[ -n "$before" ] || fail "nobody says how many pages are mapped"
devices=$(grep -l 0x11e8 $pci/devices/*/device | cut -d/ -f6)
assigned=
for device in $devices; do
    echo vfio-pci > "$pci/devices/$device/driver_override"
    echo "$device" > $pci/drivers_probe
    group=/dev/vfio/$(basename "$(readlink "$pci/devices/$device/iommu_group")")
    await test -e "$group"
    assigned="$assigned $group $device"
done
for round in 1 2 3; do
    /vfio "$1" $assigned
    # Others get the memory.
    dd if=/dev/zero of=/tmp/others bs=1M count=48 status=none
    rm /tmp/others
done
for device in $devices; do
    echo "$device" > $pci/drivers/vfio-pci/unbind
done
[ "$(live)" = "$before" ] || fail "pages and translations are $(live | xargs), they were $(echo "$before" | xargs)"
