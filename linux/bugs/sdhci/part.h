/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sdhci.c is part of a module here, which starts without it: all that it does
 * then is to say its name.
 */
#include <linux/module.h>

#undef module_init
#undef module_exit
#define module_init(function) \
	static void *const start __maybe_unused = function;
#define module_exit(function) \
	static void *const end __maybe_unused = function;
