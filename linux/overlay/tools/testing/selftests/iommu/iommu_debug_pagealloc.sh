#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What the IOMMU mapping sanitizer shows in debugfs is there, can be read, and
# takes what it documents.

DIR=${1:-/sys/kernel/debug/iommu/debug_pagealloc}
SKIP=4
number=0
failed=0

echo "TAP version 13"

if [ ! -d "$DIR" ]; then
	echo "1..0 # SKIP no $DIR: not root, or not booted with iommu.debug_pagealloc=1"
	exit $SKIP
fi

echo "1..9"

# check NAME COMMAND...: one test, which passes if the command succeeds
check()
{
	name=$1
	shift
	number=$((number + 1))
	if "$@" > /dev/null 2>&1; then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		failed=1
	fi
}

stats_are_numbers()
{
	grep -q . "$DIR/stats" && ! grep -qvE '^[a-z -]+: [0-9]+$' "$DIR/stats"
}

stats_have_names()
{
	for field in "mapped pages" "mapped runs" translations \
		    "reports freed-while-mapped" "reports not printed" \
		    "quarantined pages" "origins kept" "origins missed" \
		    maps unmaps checks; do
		grep -q "^$field: " "$DIR/stats" || return 1
	done
}

checks()
{
	sed -n 's/^checks: //p' "$DIR/stats"
}

# Nobody reads a file without pages that are allocated and freed.
checks_are_counted_with_origins()
{
	before=$(checks)
	if grep -qx "origins kept: 1" "$DIR/stats"; then
		[ "$(checks)" -gt "$before" ]
	else
		[ "$(checks)" -eq 0 ]
	fi
}

clear_is_taken()
{
	echo clear > "$DIR/leaks"
}

nonsense_is_refused()
{
	! (echo nonsense > "$DIR/leaks") 2> /dev/null
}

leaks_are_shown()
{
	cat "$DIR/leaks"
}

enable_is_kept()
{
	before=$(cat "$DIR/enable")
	echo N > "$DIR/enable" && [ "$(cat "$DIR/enable")" = N ]
	status=$?
	echo "$before" > "$DIR/enable"
	return $status
}

filter_is_kept()
{
	echo e1000e > "$DIR/filter" && [ "$(cat "$DIR/filter")" = e1000e ]
	status=$?
	echo > "$DIR/filter"
	[ -z "$(cat "$DIR/filter")" ] && return $status
}

long_filter_is_refused()
{
	! (echo a-name-that-is-longer-than-that-of-any-device-there-is > "$DIR/filter") 2> /dev/null
}

check "stats are numbers, one to a line" stats_are_numbers
check "stats have the names that are documented" stats_have_names
check "checks are counted with origins" checks_are_counted_with_origins
check "leaks can be read" leaks_are_shown
check "leaks can be cleared" clear_is_taken
check "leaks refuse what they do not know" nonsense_is_refused
check "enable keeps what is written to it" enable_is_kept
check "filter keeps what is written to it" filter_is_kept
check "filter refuses what is too long" long_filter_is_refused

exit $failed
