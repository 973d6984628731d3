// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts of the IOMMU mapping sanitizer that only the C macros can make.
 */
#include <kunit/test-bug.h>
#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/iommu.h>
#include <linux/iommu-debug-quarantine.h>
#include <linux/memblock.h>
#include <linux/page_ref.h>
#include <linux/pci.h>
#include <linux/sched/clock.h>
#include <linux/seq_file.h>
#include <linux/stackdepot.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>
#include <trace/events/error_report.h>

#define CREATE_TRACE_POINTS
#include <trace/events/iommu_debug.h>

#include "../iommu-debug-hooks.h"

DEFINE_STATIC_KEY_FALSE(iommu_debug_initialized);
EXPORT_SYMBOL_GPL(iommu_debug_initialized);

DEFINE_STATIC_KEY_FALSE(iommu_debug_quarantine_on);

DEFINE_STATIC_KEY_FALSE(iommu_debug_origins);
EXPORT_SYMBOL_GPL(iommu_debug_origins);

static int __init iommu_debug_want_origins(char *str)
{
	stack_depot_request_early_init();
	return iommu_debug_origins_setup(str);
}

early_param("iommu.debug_pagealloc", iommu_debug_pagealloc_setup);
early_param("iommu.debug_pagealloc.origins", iommu_debug_want_origins);
early_param("iommu.debug_pagealloc.sample", iommu_debug_sample_setup);
early_param("iommu.debug_pagealloc.quarantine", iommu_debug_quarantine_setup);
early_param("iommu.debug_pagealloc.fault", iommu_debug_fault_setup);
early_param("iommu.debug_pagealloc.reports", iommu_debug_reports_setup);

bool iommu_debug_has_origins __ro_after_init;

void iommu_debug_switch_on(bool origins, bool quarantine)
{
	iommu_debug_has_origins = origins;
	if (quarantine)
		static_branch_enable(&iommu_debug_quarantine_on);
	if (origins)
		static_branch_enable(&iommu_debug_origins);
	static_branch_enable(&iommu_debug_initialized);
}

u64 iommu_debug_clock(void)
{
	return local_clock();
}

bool iommu_debug_is_bridge(struct device *dev)
{
	return dev_is_pci(dev) && pci_is_bridge(to_pci_dev(dev));
}

unsigned long iommu_debug_max_pfn(void)
{
	return max_pfn;
}

void iommu_debug_fail_test(void)
{
	kunit_fail_current_test("a report of the IOMMU mapping sanitizer");
}

void iommu_debug_trace(const char *kind, u64 pfn, u64 pages, u64 translations,
		       bool printed)
{
	trace_iommu_debug_report(kind, pfn, pages, translations, printed);
}

void iommu_debug_trace_end(u64 pfn)
{
	trace_error_report_end(ERROR_DETECTOR_DMASAN, pfn);
}

static void iommu_debug_release_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(iommu_debug_work, iommu_debug_release_work);

/* To be asked for again for as long as there are pages in quarantine */
void iommu_debug_release_later(void)
{
	schedule_delayed_work(&iommu_debug_work, HZ / 4);
}

static void iommu_debug_release_work(struct work_struct *work)
{
	if (iommu_debug_release_kept())
		iommu_debug_release_later();
}

void iommu_debug_free(unsigned long pfn, unsigned int order)
{
	__free_pages(pfn_to_page(pfn), order);
}

/* Pages that are being freed have no reference */
void iommu_debug_hold(struct page *page, bool hold)
{
	set_page_count(page, hold);
}

void iommu_debug_rest(void)
{
	cond_resched();
}

bool iommu_debug_enable = true;

#ifdef CONFIG_DEBUG_FS
DEFINE_SHOW_ATTRIBUTE(iommu_debug_stats);

static int iommu_debug_leaks_open(struct inode *inode, struct file *file)
{
	return single_open(file, iommu_debug_leaks_show, inode->i_private);
}

static ssize_t iommu_debug_leaks_write(struct file *file,
				       const char __user *from, size_t count,
				       loff_t *pos)
{
	char word[8] = {};

	if (count >= sizeof(word))
		return -EINVAL;
	if (copy_from_user(word, from, count))
		return -EFAULT;
	if (!sysfs_streq(word, "clear"))
		return -EINVAL;
	iommu_debug_leaks_clear();
	return count;
}

static int iommu_debug_filter_open(struct inode *inode, struct file *file)
{
	return single_open(file, iommu_debug_filter_show, inode->i_private);
}

static ssize_t iommu_debug_filter_write(struct file *file,
					const char __user *from, size_t count,
					loff_t *pos)
{
	char name[48] = {};

	if (count >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, from, count))
		return -EFAULT;
	iommu_debug_filter_set(strim(name));
	return count;
}

static const struct file_operations iommu_debug_filter_fops = {
	.owner = THIS_MODULE,
	.open = iommu_debug_filter_open,
	.read = seq_read,
	.write = iommu_debug_filter_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static const struct file_operations iommu_debug_leaks_fops = {
	.owner = THIS_MODULE,
	.open = iommu_debug_leaks_open,
	.read = seq_read,
	.write = iommu_debug_leaks_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int __init iommu_debug_files_init(void)
{
	struct dentry *dir;

	if (!static_key_enabled(&iommu_debug_initialized))
		return 0;
#ifdef CONFIG_IOMMU_DEBUGFS
	dir = iommu_debugfs_dir;
#else
	dir = debugfs_create_dir("iommu", NULL);
#endif
	dir = debugfs_create_dir("debug_pagealloc", dir);
	debugfs_create_file("stats", 0400, dir, NULL, &iommu_debug_stats_fops);
	debugfs_create_file("leaks", 0600, dir, NULL, &iommu_debug_leaks_fops);
	debugfs_create_file("filter", 0600, dir, NULL,
			    &iommu_debug_filter_fops);
	debugfs_create_bool("enable", 0600, dir, &iommu_debug_enable);
	return 0;
}
late_initcall(iommu_debug_files_init);
#endif

/* Page table formats can be modules. */
EXPORT_SYMBOL_GPL(__iommu_debug_walk_end);
EXPORT_SYMBOL_GPL(__iommu_debug_domain_gone);
EXPORT_SYMBOL_GPL(__iommu_debug_release_begin);
EXPORT_SYMBOL_GPL(__iommu_debug_release_leaf);
EXPORT_SYMBOL_GPL(__iommu_debug_release_end);
