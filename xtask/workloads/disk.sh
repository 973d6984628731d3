#!/bin/sh
# Block I/O with verification: disk.sh DISK DRIVER slot|monitor|board
# Large and small requests, around the page cache and through it; then all devices sleep for a while in the middle of that,
# and the driver is unbound and bound again. In the end the device goes away while it is at work.
set -eu
. /common.sh
disk=/dev/$1
driver=/sys/bus/pci/drivers/$2

# device_of FOLDER IN SYSFS: the PCI device behind it, as the driver calls it
device_of() {
    for name in $(readlink -f "$1" | tr / ' '); do
        [ ! -e "$driver/$name" ] || echo "$name"
    done
}

# found DISK DRIVER: waits for the disk, and for requests that the emulator can serve
#
# QEMU's AHCI fails a request whose list of segments crosses a page, unless the two pages happen to be next to each other
# in memory as well as in the IOMMU. The list of a request of up to seven pages, which are up to eight segments, crosses
# none, in whichever of its 32 places it is: they begin at multiples of 256 bytes, and the list 128 bytes behind that.
found() {
    await test -e "/dev/$1"
    [ "$2" = ahci ] || return 0
    limit=/sys/class/block/$1/queue/max_sectors_kb
    # Less than a page is refused.
    echo 28 > "$limit" || echo 448 > "$limit"
}

# write_and_read SIZE OF A BLOCK, BLOCKS, FLAGS
write_and_read() {
    head -c $(($1 * $2)) /dev/urandom > /tmp/written
    dd if=/tmp/written of="$disk" bs="$1" count="$2" $3 conv=fsync status=none
    echo 3 > /proc/sys/vm/drop_caches
    dd if="$disk" of=/tmp/read bs="$1" count="$2" ${3:+iflag=direct} status=none
    cmp /tmp/written /tmp/read
    rm /tmp/read
}

# read_all: until there is nothing more, or no disk
read_all() { dd if="$disk" of=/dev/null bs=65536 iflag=direct status=none; }

found "$1" "$2"
write_and_read 4096 256 oflag=direct
write_and_read 65536 64 oflag=direct
write_and_read 1048576 8 oflag=direct
write_and_read 4096 1024 ""

read_all 2> /dev/null &
sleep_and_wake
# A controller that forgets its ports has to find the disk again; who was reading meets an error.
wait $! || true
await read_all
write_and_read 65536 64 oflag=direct

device=$(device_of "/sys/class/block/$1")
echo "$device" > "$driver/unbind"
await test ! -e "$disk"
echo "$device" > "$driver/bind"
found "$1" "$2"
# What was written last is still there.
dd if="$disk" of=/tmp/read bs=4096 count=1024 status=none
cmp /tmp/written /tmp/read
write_and_read 65536 64 oflag=direct

something_was_mapped
while read_all 2> /dev/null; do :; done &
sleep 0.5
unplug "$device" "$3"
await test ! -e "$disk"
wait
