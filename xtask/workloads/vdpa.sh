#!/bin/sh
# A device in user space's hands, by way of vDPA: vdpa.sh PCI-ID
set -eu
. /common.sh

id=$(grep -l "$1" /sys/bus/pci/devices/*/device)
device=$(basename "${id%/device}")
echo "$device" > /sys/bus/pci/drivers/virtio-pci/unbind
echo vp-vdpa > "/sys/bus/pci/devices/$device/driver_override"
echo "$device" > /sys/bus/pci/drivers/vp-vdpa/bind
/vdpa "$device"
echo "$device" > /sys/bus/pci/drivers/vp-vdpa/unbind
something_was_mapped
