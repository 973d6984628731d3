#!/bin/sh
# Block I/O where memory for a driver's lists is short: scarce.sh pages|gaps
# `pages` are whole ones, which an IOMMU makes one range of; `gaps` are parts of pages, which it cannot join.
set -eu
. /common.sh
disk=/dev/nvme0n1
await test -e $disk

pages() {
    head -c 4194304 /dev/urandom > /tmp/written
    for size in 65536 1048576; do
        dd if=/tmp/written of=$disk bs=$size oflag=direct status=none
        dd if=$disk of=/tmp/read bs=$size count=$((4194304 / size)) iflag=direct status=none
        cmp /tmp/written /tmp/read
    done
}

gaps() {
    /gaps $disk
}

# A driver that has lost its mappings may never come to an end.
$1 &
work=$!
gone() { ! kill -0 $work 2> /dev/null; }
await gone
# Pages are held for a while by those who put them into lists.
echo 3 > /proc/sys/vm/drop_caches
wait $work
