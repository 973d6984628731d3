/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How an io-pgtable tells the mapping sanitizer of leaves. It does not know
 * whose table it is, so what the sanitizer needs comes with the gather of the
 * unmap. Tables that a driver runs by itself are unmapped without one, and
 * nobody is told.
 */
#ifndef __IOMMU_DEBUG_GATHER_H
#define __IOMMU_DEBUG_GATHER_H

#include <linux/io-pgtable.h>
#include <linux/iommu.h>

#include "iommu-debug-hooks.h"

/**
 * struct iommu_debug_gather - Leaves that go while a range is unmapped
 * @walk: Those that have not been told of yet
 */
struct iommu_debug_gather {
	struct iommu_debug_walk walk;
};

/* Is the sanitizer told of leaves by the table of this domain? */
static inline bool iommu_debug_has_leaves(struct iommu_domain *domain)
{
	return iommu_debug_on_rust() && domain->ops->io_pgtable;
}

/* An unmap begins */
static inline void iommu_debug_gather_begin(struct iommu_domain *domain,
					    struct iommu_debug_gather *leaves)
{
	if (!iommu_debug_has_leaves(domain))
		return;
	iommu_debug_walk_begin(domain, &leaves->walk);
}

/*
 * A driver's unmap_pages is about to be called; each time anew, as a sync in
 * the midst of an unmap initialises the gather.
 */
static inline void iommu_debug_gather_leaves(struct iommu_iotlb_gather *gather,
					     struct iommu_debug_gather *leaves)
{
#ifdef CONFIG_IOMMU_DEBUG_PAGEALLOC_RUST
	gather->debug = leaves;
#endif
}

/* The unmap is over, and the gather may go on to another one */
static inline void iommu_debug_gather_end(struct iommu_domain *domain,
					  struct iommu_iotlb_gather *gather,
					  struct iommu_debug_gather *leaves)
{
	if (!iommu_debug_has_leaves(domain))
		return;
	iommu_debug_gather_leaves(gather, NULL);
	__iommu_debug_walk_end(&leaves->walk);
}

/*
 * Whom to tell of leaves that an unmap removes, or NULL. To be asked before
 * anything is added to the gather, which may have to be synced for that.
 */
static inline struct iommu_debug_gather *
iommu_debug_gather(struct iommu_iotlb_gather *gather)
{
#ifdef CONFIG_IOMMU_DEBUG_PAGEALLOC_RUST
	if (iommu_debug_on_rust() && gather)
		return gather->debug;
#endif
	return NULL;
}

/* A run of leaves has been removed: the io_pgtable_run_fn of an unmap */
static inline void iommu_debug_run_gone(void *arg, phys_addr_t paddr, u64 size)
{
	struct iommu_debug_gather *leaves = arg;

	iommu_debug_leaf_gone(&leaves->walk, paddr, size);
}

/* A run of leaves outlives its domain: the io_pgtable_run_fn of the release */
static inline void iommu_debug_run_release(void *arg, phys_addr_t paddr,
					   u64 size)
{
	iommu_debug_release_leaf(arg, paddr, size);
}

#endif /* __IOMMU_DEBUG_GATHER_H */
