#!/bin/sh
# A network card whose driver goes while data that it has received waits for a reader: unread.sh DRIVER
set -eu
. /common.sh

there() {
    name=$(ls /sys/class/net | grep -v '^lo$') || return 1
}
carrier() { [ "$(cat "/sys/class/net/$name/carrier")" = 1 ]; }
gone() { [ ! -e "/sys/class/net/$name" ]; }
# Whether something from port 7 has been received that nobody has read.
waiting() { awk '$3 ~ /:0007$/ && $5 !~ /:00000000$/ { found = 1 } END { exit !found }' /proc/net/tcp; }

await there
ip link set "$name" up
ip addr add 10.0.2.15/24 dev "$name"
await carrier

head -c 400000 /dev/urandom > /tmp/sent
(cat /tmp/sent; sleep 100) | nc 10.0.2.100 7 | sleep 100 &
await waiting
device=$(basename "$(readlink -f "/sys/class/net/$name/device/..")")
echo "$device" > "/sys/bus/pci/drivers/$1/unbind"
await gone
