// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts of the IOMMU mapping sanitizer that only the C macros can make.
 */
#include <linux/export.h>
#include <linux/init.h>

#include "../iommu-debug-hooks.h"

DEFINE_STATIC_KEY_FALSE(iommu_debug_initialized);
EXPORT_SYMBOL_GPL(iommu_debug_initialized);

early_param("iommu.debug_pagealloc", iommu_debug_pagealloc_setup);

void iommu_debug_switch_on(void)
{
	static_branch_enable(&iommu_debug_initialized);
}

/* Page table formats can be modules. */
EXPORT_SYMBOL_GPL(__iommu_debug_walk_end);
EXPORT_SYMBOL_GPL(__iommu_debug_release_begin);
EXPORT_SYMBOL_GPL(__iommu_debug_release_leaf);
EXPORT_SYMBOL_GPL(__iommu_debug_release_end);
