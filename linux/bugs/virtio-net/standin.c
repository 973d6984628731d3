// SPDX-License-Identifier: GPL-2.0-only
/*
 * What page_pool.c calls and the kernel does not export: the list of pools that
 * netlink shows, which these are not on.
 */
#include <linux/mutex.h>
#include <net/page_pool/types.h>

#include "page_pool_priv.h"

DEFINE_MUTEX(page_pools_lock);

int page_pool_list(struct page_pool *pool)
{
	return 0;
}

void page_pool_detached(struct page_pool *pool)
{
}

void page_pool_unlist(struct page_pool *pool)
{
}

/* For memory that others provide, which there is none of. */
char __start_rodata[1], __end_rodata[1];
