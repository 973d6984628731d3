#!/bin/sh
# Takes memory out of use and puts it back, again and again, while a disk's driver maps pages of it; in the end the memory is
# taken out for good: hotplug.sh DISK DRIVER
# The memory is a module that can be pulled (`dimm`), and what is read from the disk lies in it.
set -eu
. /common.sh
disk=/dev/$1
driver=/sys/bus/pci/drivers/$2
blocks=/sys/devices/system/memory
stats=/sys/kernel/debug/iommu/debug_pagealloc/stats

# The reader ends with the workload.
trap 'touch /tmp/stop' EXIT

# The blocks of memory that can be moved away.
movable() {
    grep -l Movable "$blocks"/memory*/valid_zones | cut -d/ -f6
}

# change BLOCK STATE: pages that are in use at the moment are a reason to try again
change() {
    n=0
    until echo "$2" > "$blocks/$1/state"; do
        n=$((n + 1))
        [ $n -le 50 ] || fail "$1 does not become $2"
        sleep 0.1
    done 2> /tmp/refused
}

live_pages() {
    sed -n 's/^mapped pages: *//p' "$stats"
}

await test -e "$disk"
device=$(basename "$(readlink -f "/sys/class/block/$1/device/device")")
echo "$device" > "$driver/unbind"
await test ! -e "$disk"
live=$(live_pages)
[ -n "$live" ] || fail "$stats does not say how many pages are mapped"
echo "$device" > "$driver/bind"
await test -e "$disk"

memory=$(movable)
[ -n "$memory" ] || fail "there is no memory that can be taken out"
head -c 33554432 /dev/urandom > /tmp/written
dd if=/tmp/written of="$disk" bs=1M conv=fsync status=none
while [ ! -e /tmp/stop ]; do
    echo 3 > /proc/sys/vm/drop_caches
    dd if="$disk" of=/tmp/read bs=1M count=32 status=none
    cmp /tmp/written /tmp/read || touch /tmp/wrong /tmp/stop
done &
times=0
for round in 1 2 3 4; do
    for block in $memory; do
        change "$block" offline
        times=$((times + 1))
    done
    for block in $memory; do
        change "$block" online_movable
    done
done
for module in /sys/bus/acpi/devices/PNP0C80:*; do
    # The other slots are empty.
    [ ! -e "$module/physical_node" ] || echo 1 > "$module/eject"
done
for block in $memory; do
    await test ! -e "$blocks/$block"
done
touch /tmp/stop
wait
[ ! -e /tmp/wrong ] || fail "what is read is not what was written"
echo "workload: memory went offline $times times, and then for good"

echo "$device" > "$driver/unbind"
await test ! -e "$disk"
[ "$(live_pages)" = "$live" ] || fail "$(live_pages) pages are mapped without the disk, there were $live"
echo "$device" > "$driver/bind"
await test -e "$disk"
