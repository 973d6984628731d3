/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that are freed while a device can reach them, and kept from everybody
 * else for as long as it can.
 */
#ifndef __LINUX_IOMMU_DEBUG_QUARANTINE_H
#define __LINUX_IOMMU_DEBUG_QUARANTINE_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct page;

#ifdef CONFIG_IOMMU_DEBUG_PAGEALLOC_RUST
DECLARE_STATIC_KEY_FALSE(iommu_debug_quarantine_on);

bool __iommu_debug_quarantine(struct page *page, unsigned int order);

/* Returns true if pages that are being freed are kept */
static inline bool iommu_debug_quarantine(struct page *page, unsigned int order)
{
	return static_branch_unlikely(&iommu_debug_quarantine_on) &&
	       __iommu_debug_quarantine(page, order);
}
#else
static inline bool iommu_debug_quarantine(struct page *page, unsigned int order)
{
	return false;
}
#endif

#endif /* __LINUX_IOMMU_DEBUG_QUARANTINE_H */
