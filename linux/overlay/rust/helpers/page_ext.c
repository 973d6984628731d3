// SPDX-License-Identifier: GPL-2.0

#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/page_ext.h>
#include <linux/page_owner.h>
#include <linux/rcupdate.h>

__rust_helper struct page_ext *
rust_helper_page_ext_block(unsigned long pfn, unsigned int order)
{
	return page_ext_block(pfn, order);
}

/* One call instead of two, for those to whom it matters */
__rust_helper struct page_ext *
rust_helper_page_ext_lock_pfn(unsigned long pfn, unsigned int order)
{
	rcu_read_lock();
	return page_ext_block(pfn, order);
}

__rust_helper struct page *rust_helper_pfn_to_online_page(unsigned long pfn)
{
	return pfn_to_online_page(pfn);
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
