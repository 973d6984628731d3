// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one thing that the zoo's Rust code cannot say: page_to_pfn() is a macro whose meaning
 * depends on the memory model, and no Rust helper wraps it.
 */
#include <linux/mm.h>

unsigned long zoo_page_to_pfn(const struct page *page);

unsigned long zoo_page_to_pfn(const struct page *page)
{
	return page_to_pfn(page);
}
