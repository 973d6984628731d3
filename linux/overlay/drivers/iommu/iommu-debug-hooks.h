/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the IOMMU core and its page tables tell the mapping sanitizer, and when.
 *
 * Two implementations listen: the one in C, which is told of a map when it has
 * been made and of an unmap before it is made, and the one in Rust, which is
 * told of a map before it is made and of every leaf after it is gone.
 */
#ifndef __IOMMU_DEBUG_HOOKS_H
#define __IOMMU_DEBUG_HOOKS_H

#include <linux/bits.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/types.h>

struct device;
struct iommu_domain;
struct seq_file;

/* How many runs are remembered in an unmap, before anybody is told */
#define IOMMU_DEBUG_RUNS 16

/* How many runs are remembered that a map may write over */
#define IOMMU_DEBUG_OVERWRITTEN 8

/**
 * struct iommu_debug_walk - Leaves that a walk has removed and not yet told of
 * @domain: Where they were
 * @next: Where a leaf would be that continues the one before
 * @len: How many runs they form
 * @first: First byte of each
 * @last: Last byte of each, but of the last one only when it is told of
 */
struct iommu_debug_walk {
#ifdef CONFIG_IOMMU_DEBUG_PAGEALLOC_RUST
	struct iommu_domain *domain;
	u64 next;
	u64 len;
	u64 first[IOMMU_DEBUG_RUNS];
	u64 last[IOMMU_DEBUG_RUNS];
#endif
};

/**
 * struct iommu_debug_unmap - The runs behind one call of a driver's unmap_pages
 * @first: First byte of each
 * @bytes: Length of each
 * @len: How many there are
 * @beyond: For how many bytes the memory goes on behind the last
 */
struct iommu_debug_unmap {
#ifdef CONFIG_IOMMU_DEBUG_PAGEALLOC_RUST
	u64 first[IOMMU_DEBUG_RUNS];
	u64 bytes[IOMMU_DEBUG_RUNS];
	u64 len;
	u64 beyond;
#endif
};

/**
 * struct iommu_debug_map - The runs that one call of a driver's map_pages may
 *			    write over
 * @first: First byte of each
 * @bytes: Length of each
 * @at: Where in the range it begins
 * @len: How many there are
 */
struct iommu_debug_map {
#ifdef CONFIG_IOMMU_DEBUG_PAGEALLOC_RUST
	u64 first[IOMMU_DEBUG_OVERWRITTEN];
	u64 bytes[IOMMU_DEBUG_OVERWRITTEN];
	u64 at[IOMMU_DEBUG_OVERWRITTEN];
	u64 len;
#endif
};

/**
 * struct iommu_debug_release - What is still mapped in a domain that ends
 * @opaque: The sanitizer's
 */
struct iommu_debug_release {
#ifdef CONFIG_IOMMU_DEBUG_PAGEALLOC_RUST
	u64 opaque[36];
#endif
};

/* Of the implementation in C */
void __iommu_debug_map(struct iommu_domain *domain, phys_addr_t phys,
		       size_t size);
void __iommu_debug_unmap_begin(struct iommu_domain *domain,
			       unsigned long iova, size_t size);
void __iommu_debug_unmap_end(struct iommu_domain *domain,
			     unsigned long iova, size_t size, size_t unmapped);

/* Of the implementation in Rust */
int iommu_debug_pagealloc_setup(char *str);
int iommu_debug_origins_setup(char *str);
int iommu_debug_sample_setup(char *str);
int iommu_debug_fault_setup(char *str);
int iommu_debug_reports_setup(char *str);
int iommu_debug_quarantine_setup(char *str);
void iommu_debug_switch_on(bool origins, bool quarantine);
bool __iommu_debug_quarantine(struct page *page, unsigned int order);
bool iommu_debug_release_kept(void);
void iommu_debug_release_later(void);
void iommu_debug_free(unsigned long pfn, unsigned int order);
void iommu_debug_hold(struct page *page, bool hold);
void iommu_debug_trace(const char *kind, u64 pfn, u64 pages, u64 translations,
		       bool printed);
void iommu_debug_trace_end(u64 pfn);
u64 iommu_debug_clock(void);
void iommu_debug_rest(void);
void iommu_debug_fail_test(void);
unsigned long iommu_debug_max_pfn(void);
bool iommu_debug_is_bridge(struct device *dev);
extern bool iommu_debug_enable;
extern bool iommu_debug_has_origins;
int iommu_debug_stats_show(struct seq_file *file, void *data);
int iommu_debug_filter_show(struct seq_file *file, void *data);
void iommu_debug_filter_set(const char *name);
int iommu_debug_leaks_show(struct seq_file *file, void *data);
void iommu_debug_leaks_clear(void);
void __iommu_debug_map_begin(struct iommu_domain *domain, phys_addr_t phys,
			     size_t size);
void __iommu_debug_map_end(struct iommu_domain *domain, phys_addr_t phys,
			   size_t size, size_t mapped);
void __iommu_debug_map_look(struct iommu_domain *domain, unsigned long iova,
			    size_t size, struct iommu_debug_map *map);
void __iommu_debug_map_settle(struct iommu_domain *domain, unsigned long iova,
			      phys_addr_t phys, struct iommu_debug_map *map,
			      size_t mapped);
void __iommu_debug_unmap_plan(struct iommu_domain *domain, unsigned long iova,
			      size_t *pgsize, size_t *count,
			      struct iommu_debug_unmap *unmap);
size_t __iommu_debug_unmap_settle(struct iommu_domain *domain,
				  unsigned long iova,
				  struct iommu_debug_unmap *unmap,
				  size_t unmapped);
void __iommu_debug_unmap_oversized(struct iommu_domain *domain,
				   unsigned long iova, size_t size,
				   size_t unmapped);
void __iommu_debug_walk_end(struct iommu_debug_walk *walk);
void __iommu_debug_release_begin(struct iommu_domain *domain,
				 struct iommu_debug_release *release);
void __iommu_debug_release_leaf(struct iommu_debug_release *release,
				phys_addr_t phys, u64 size);
void __iommu_debug_release_end(struct iommu_debug_release *release);
void __iommu_debug_origin_map(struct iommu_domain *domain, unsigned long iova,
			      phys_addr_t phys, size_t size);
void __iommu_debug_origin_unmapped(void);
void __iommu_debug_attached(struct iommu_domain *domain, struct device *dev);
void __iommu_debug_unbound(struct iommu_domain *domain, struct device *dev);
void __iommu_debug_domain_gone(struct iommu_domain *domain);

#ifdef CONFIG_IOMMU_DEBUG_PAGEALLOC
void iommu_debug_init(void);

#define iommu_debug_on() static_branch_unlikely(&iommu_debug_initialized)
#else
static inline void iommu_debug_init(void)
{
}

#define iommu_debug_on() false
#endif

/* Is this implementation there and switched on? */
#define iommu_debug_on_c() \
	(IS_ENABLED(CONFIG_IOMMU_DEBUG_PAGEALLOC_C) && iommu_debug_on())
#define iommu_debug_on_rust() \
	(IS_ENABLED(CONFIG_IOMMU_DEBUG_PAGEALLOC_RUST) && iommu_debug_on())

/* Does it remember who maps and unmaps? To be asked where it is switched on. */
#ifdef CONFIG_IOMMU_DEBUG_PAGEALLOC_RUST
DECLARE_STATIC_KEY_FALSE(iommu_debug_origins);
#define iommu_debug_keeps_origins() \
	static_branch_unlikely(&iommu_debug_origins)
#else
#define iommu_debug_keeps_origins() false
#endif

/* The range is about to be mapped */
static inline void iommu_debug_map_begin(struct iommu_domain *domain,
					 unsigned long iova, phys_addr_t phys,
					 size_t size)
{
	if (!iommu_debug_on_rust())
		return;
	if (iommu_debug_keeps_origins())
		__iommu_debug_origin_map(domain, iova, phys, size);
	__iommu_debug_map_begin(domain, phys, size);
}

/* The first @mapped bytes of it are mapped now */
static inline void iommu_debug_map_end(struct iommu_domain *domain,
				       phys_addr_t phys, size_t size,
				       size_t mapped)
{
	if (iommu_debug_on_c())
		__iommu_debug_map(domain, phys, mapped);
	if (iommu_debug_on_rust() && mapped < size)
		__iommu_debug_map_end(domain, phys, size, mapped);
}

/*
 * A driver's map_pages is about to be called, which may write over entries that
 * are still live.
 */
static inline void iommu_debug_map_look(struct iommu_domain *domain,
					unsigned long iova, size_t size,
					struct iommu_debug_map *map)
{
	if (iommu_debug_on_rust())
		__iommu_debug_map_look(domain, iova, size, map);
}

/* It has been called, and has mapped @mapped bytes */
static inline void iommu_debug_map_settle(struct iommu_domain *domain,
					  unsigned long iova, phys_addr_t phys,
					  struct iommu_debug_map *map,
					  size_t mapped)
{
	if (iommu_debug_on_rust())
		__iommu_debug_map_settle(domain, iova, phys, map, mapped);
}

/* The range is about to be unmapped, from whichever kind of table */
static inline void iommu_debug_unmap_begin(struct iommu_domain *domain,
					   unsigned long iova, size_t size)
{
	if (iommu_debug_on_c())
		__iommu_debug_unmap_begin(domain, iova, size);
}

/* The first @unmapped bytes of it are unmapped now */
static inline void iommu_debug_unmap_end(struct iommu_domain *domain,
					 unsigned long iova, size_t size,
					 size_t unmapped)
{
	if (iommu_debug_on_c())
		__iommu_debug_unmap_end(domain, iova, size, unmapped);
	if (!iommu_debug_on_rust())
		return;
	if (unlikely(unmapped > size))
		__iommu_debug_unmap_oversized(domain, iova, size, unmapped);
	if (iommu_debug_keeps_origins())
		__iommu_debug_origin_unmapped();
}

/*
 * A driver's unmap_pages is about to be called, which cannot tell the leaves
 * that it removes. May make @pgsize and @count smaller.
 */
static inline void iommu_debug_unmap_plan(struct iommu_domain *domain,
					  unsigned long iova, size_t *pgsize,
					  size_t *count,
					  struct iommu_debug_unmap *unmap)
{
	if (iommu_debug_on_rust())
		__iommu_debug_unmap_plan(domain, iova, pgsize, count, unmap);
}

/*
 * It has been called, and has removed @unmapped bytes. Returns how many bytes
 * from @iova on that is: a driver that had several translations of an address
 * says the sum, and a unit may have been made smaller for us.
 */
static inline size_t iommu_debug_unmap_settle(struct iommu_domain *domain,
					      unsigned long iova,
					      struct iommu_debug_unmap *unmap,
					      size_t unmapped)
{
	if (iommu_debug_on_rust())
		return __iommu_debug_unmap_settle(domain, iova, unmap, unmapped);
	return unmapped;
}

/*
 * What follows, as far as the leaf that is gone, is only to be called if
 * iommu_debug_on_rust(): those who walk over a table find that out once, and not
 * for every leaf.
 */

/* The walk of an unmap is about to begin */
static inline void iommu_debug_walk_begin(struct iommu_domain *domain,
					  struct iommu_debug_walk *walk)
{
#ifdef CONFIG_IOMMU_DEBUG_PAGEALLOC_RUST
	walk->domain = domain;
	walk->next = 0;
	walk->len = 0;
#endif
}

/*
 * A leaf has been removed, or several that continue each other. Those that
 * continue the run before are part of it. Runs are told of many at a time.
 */
static inline void iommu_debug_leaf_gone(struct iommu_debug_walk *walk,
					 phys_addr_t phys, u64 size)
{
#ifdef CONFIG_IOMMU_DEBUG_PAGEALLOC_RUST
	/* Nothing continues what ends at the end of all addresses */
	if (phys != walk->next || !phys) {
		if (walk->len == IOMMU_DEBUG_RUNS)
			__iommu_debug_walk_end(walk);
		else if (walk->len)
			walk->last[walk->len - 1] = walk->next - 1;
		walk->first[walk->len++] = phys;
	}
	walk->next = phys + size;
#endif
}

/*
 * A domain ends. If this returns true, a walk over its table has to tell of
 * every leaf that is still live.
 */
static inline bool iommu_debug_release_begin(struct iommu_domain *domain,
					     struct iommu_debug_release *release)
{
	if (!iommu_debug_on_rust())
		return false;
	if (iommu_debug_keeps_origins())
		__iommu_debug_domain_gone(domain);
	__iommu_debug_release_begin(domain, release);
	return true;
}

/* The walk has met a leaf */
static inline void iommu_debug_release_leaf(struct iommu_debug_release *release,
					    phys_addr_t phys, u64 size)
{
	if (iommu_debug_on_rust())
		__iommu_debug_release_leaf(release, phys, size);
}

/* The walk is over, and the table is about to be torn down */
static inline void iommu_debug_release_end(struct iommu_debug_release *release)
{
	if (iommu_debug_on_rust())
		__iommu_debug_release_end(release);
}

/* A device uses the domain now, or has got a driver */
static inline void iommu_debug_attached(struct iommu_domain *domain,
					struct device *dev)
{
	if (iommu_debug_on_rust() && iommu_debug_keeps_origins())
		__iommu_debug_attached(domain, dev);
}

/* The driver of the device has let go of it */
static inline void iommu_debug_unbound(struct iommu_domain *domain,
				       struct device *dev)
{
	if (iommu_debug_on_rust() && iommu_debug_keeps_origins())
		__iommu_debug_unbound(domain, dev);
}

/* The domain is about to be freed, and its address to be that of others */
static inline void iommu_debug_domain_gone(struct iommu_domain *domain)
{
	if (iommu_debug_on_rust() && iommu_debug_keeps_origins())
		__iommu_debug_domain_gone(domain);
}

#endif /* __IOMMU_DEBUG_HOOKS_H */
