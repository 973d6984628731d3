/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reports of the IOMMU mapping sanitizer, for tools that would rather not read
 * text.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iommu_debug

#if !defined(_TRACE_IOMMU_DEBUG_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_IOMMU_DEBUG_H

#include <linux/tracepoint.h>

/**
 * iommu_debug_report - The sanitizer has found a bug
 * @kind: What kind of bug, as in the title of the report
 * @pfn: First of the pages that have translations, or have too few
 * @pages: How many pages
 * @translations: How many translations, of all of them together
 * @printed: Whether there is a report in the kernel log
 */
TRACE_EVENT(iommu_debug_report,
	    TP_PROTO(const char *kind, u64 pfn, u64 pages, u64 translations,
		     bool printed),
	    TP_ARGS(kind, pfn, pages, translations, printed),
	    TP_STRUCT__entry(__string(kind, kind)
			     __field(u64, pfn)
			     __field(u64, pages)
			     __field(u64, translations)
			     __field(bool, printed)),
	    TP_fast_assign(__assign_str(kind);
			   __entry->pfn = pfn;
			   __entry->pages = pages;
			   __entry->translations = translations;
			   __entry->printed = printed;),
	    TP_printk("%s: pfn=0x%llx pages=%llu translations=%llu printed=%d",
		      __get_str(kind), __entry->pfn, __entry->pages,
		      __entry->translations, __entry->printed));

#endif /* _TRACE_IOMMU_DEBUG_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
