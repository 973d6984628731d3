# Gives QEMU's `edu`, which no driver of the kernel's wants, to the kernel's benchmark of the DMA API, and runs that.
# Arguments: numbers of threads, numbers of pages, seconds for each of both.
for device in /sys/bus/pci/devices/*; do
    [ "$(cat "$device/vendor")" = 0x1234 ] || continue
    echo dma_map_benchmark > "$device/driver_override"
    echo "${device##*/}" > /sys/bus/pci/drivers_probe
done
for threads in $1; do
    for pages in $2; do
        /bin/dma_map_benchmark -t "$threads" -g "$pages" -s "$3" || exit
    done
done
