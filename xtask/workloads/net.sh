#!/bin/sh
# Network traffic: net.sh DRIVER
# To a host that sends back what it gets; then the driver is unbound and bound again.
set -eu
driver=/sys/bus/pci/drivers/$1
host=10.0.2.100

# The network device that is not a loopback.
interface() {
    ls /sys/class/net | grep -v '^lo$' || true
}

# await SECONDS COMMAND...: true in time
await() {
    n=$(($1 * 10))
    shift
    until "$@"; do
        n=$((n - 1))
        [ $n -gt 0 ] || { echo "workload: not in time: $*"; exit 1; }
        sleep 0.1
    done
}

there() { [ -n "$(interface)" ]; }
gone() { [ -z "$(interface)" ]; }
carrier() { [ "$(cat "/sys/class/net/$name/carrier")" = 1 ]; }

up() {
    await 20 there
    name=$(interface)
    ip link set "$name" up
    ip addr add 10.0.2.15/24 dev "$name"
    await 20 carrier
}

# echo_back BYTES
echo_back() {
    head -c "$1" /dev/urandom > /tmp/sent
    timeout 60 nc $host 7 < /tmp/sent > /tmp/received
    cmp /tmp/sent /tmp/received
}

up
for bytes in 1 1400 100000 2000000; do
    echo_back $bytes
done

for part in $(readlink -f "/sys/class/net/$name" | tr / ' '); do
    [ ! -e "$driver/$part" ] || device=$part
done
echo "$device" > "$driver/unbind"
await 20 gone
echo "$device" > "$driver/bind"
up
echo_back 500000
