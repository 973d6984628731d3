#!/bin/sh
# Network traffic: net.sh DRIVER slot|monitor|board [ROUNDS]
# To a host that sends back what it gets; then all devices sleep for a while, and the driver is unbound and bound again. In the
# end the device goes away while it is at work.
set -eu
. /common.sh
driver=/sys/bus/pci/drivers/$1
host=10.0.2.100

# The network device that is not a loopback.
interface() {
    ls /sys/class/net | grep -v '^lo$' || true
}

there() { [ -n "$(interface)" ]; }
gone() { [ -z "$(interface)" ]; }
carrier() { [ "$(cat "/sys/class/net/$name/carrier")" = 1 ]; }

up() {
    await there
    name=$(interface)
    ip link set "$name" up
    ip addr add 10.0.2.15/24 dev "$name"
    await carrier
}

# echo_back BYTES
echo_back() {
    head -c "$1" /dev/urandom > /tmp/sent
    timeout 60 nc $host 7 < /tmp/sent > /tmp/received
    cmp /tmp/sent /tmp/received
}

up
for bytes in 1 1400 100000; do
    echo_back $bytes
done
for _ in $(seq "${3:-1}"); do
    echo_back 2000000
done

sleep_and_wake
await carrier
echo_back 500000

for part in $(readlink -f "/sys/class/net/$name" | tr / ' '); do
    [ ! -e "$driver/$part" ] || device=$part
done
echo "$device" > "$driver/unbind"
await gone
echo "$device" > "$driver/bind"
up
echo_back 500000

something_was_mapped
nc $host 7 < /dev/zero > /dev/null &
traffic=$!
sleep 0.5
unplug "$device" "$2"
await gone
kill $traffic 2> /dev/null || true
