#!/bin/sh
# Compiles the program and the device tree, in the build root, with the kernel's build in /out: build.sh native|foreign
# For another processor than the machine's own there are no libraries but the `core` of the kernel's build, which will do.
set -eu
flags="--edition 2021 -O -C panic=abort -C relocation-model=static"
if [ "$1" = native ]; then
    rustc $flags -C target-feature=+crt-static -C link-arg=-nostartfiles -o vfio vfio.rs
else
    target=$(grep -o -m 1 -e '--target=[a-z0-9-]*' /out/rust/.core.o.cmd)
    RUSTC_BOOTSTRAP=1 rustc $flags "$target" --sysroot=/dev/null -Z unstable-options -L /out/rust \
        --crate-type lib --emit obj -o vfio.o vfio.rs
    ld.lld -static -o vfio vfio.o /out/rust/core.o /out/rust/compiler_builtins.o
fi
# Kernels whose machines have device trees have the compiler.
[ ! -x /out/scripts/dtc/dtc ] || /out/scripts/dtc/dtc -o two-iommus.dtb two-iommus.dts
