/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory is short: every eighth list for a device cannot be had. What drivers
 * do then is seldom tried.
 */
#include <linux/atomic.h>
#include <linux/dmapool.h>

static inline bool is_scarce(void)
{
	static atomic_t asked;

	return atomic_inc_return(&asked) % 8 == 0;
}

#define dma_pool_alloc(pool, flags, handle) \
	(is_scarce() ? NULL : dma_pool_alloc(pool, flags, handle))
