// SPDX-License-Identifier: GPL-2.0

#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/page_ext.h>
#include <linux/page_owner.h>

__rust_helper struct page *rust_helper_pfn_to_online_page(unsigned long pfn)
{
	return pfn_to_online_page(pfn);
}

/*
 * The last of the pages, from @pfn on, that have no page_ext if @pfn has none.
 * Device memory can be terabytes; do not look at it bit by bit.
 */
__rust_helper unsigned long rust_helper_page_ext_hole_end(unsigned long pfn)
{
#ifdef CONFIG_SPARSEMEM
	unsigned long nr = pfn_to_section_nr(pfn);

	if (nr >= NR_MEM_SECTIONS)
		return ULONG_MAX;
	if (!present_section_nr(nr))
		return pfn | (PAGES_PER_SECTION - 1);
#else
	if (pfn >= ARCH_PFN_OFFSET + max_mapnr)
		return ULONG_MAX;
#endif
	return pfn | (PAGE_EXT_SPAN_PAGES - 1);
}

__rust_helper unsigned long rust_helper_page_to_pfn(const struct page *page)
{
	return page_to_pfn(page);
}

__rust_helper bool rust_helper_page_is_reserved(const struct page *page)
{
	return PageReserved(page);
}

__rust_helper void rust_helper_dump_page_owner(const struct page *page)
{
	dump_page_owner(page);
}
