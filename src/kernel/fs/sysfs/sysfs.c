/* SPDX-License-Identifier: Apache-2.0 */
/* sysfs: CPUs and the few files that programs look for. */
#include <linux/magic.h>
#include <string.h>
#include "kernel/fs/sysfs/sysfs.h"
#include "kernel/kernel.h"
#include "kernel/mm/mm.h"
#include "kernel/task/task.h"

static int show_cpus(struct synth_inode *i, struct synth_buf *b)
{
	if (kernel.ncpu > 1)
		synth_printf(b, "0-%u\n", kernel.ncpu - 1);
	else
		synth_printf(b, "0\n");
	return 0;
}

SYNTH_TEXT(show_thp, "always [madvise] never")
SYNTH_TEXT(show_newline, "")
SYNTH_TEXT(show_thp_size, "2097152")
SYNTH_TEXT(show_thp_defrag, "always defer defer+madvise [madvise] never")

/* One socket, one core for each CPU, no threads that share one: as a guest is told its CPUs elsewhere. */
static int show_own_cpu(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "%ld\n", i->num);
	return 0;
}

SYNTH_TEXT(show_zero, "0")
SYNTH_TEXT(show_one, "1")

/* A mask of CPUs as sysfs writes them: words of eight digits, the highest first. */
static void put_mask(struct synth_buf *b, unsigned from, unsigned to)
{
	unsigned words = (kernel.ncpu + 31) / 32;

	for (unsigned w = words; w-- > 0;) {
		uint32_t m = 0;

		for (unsigned k = 0; k < 32; k++)
			if (w * 32 + k >= from && w * 32 + k < to)
				m |= 1U << k;
		synth_printf(b, "%0*x", w == words - 1 ? (int)((kernel.ncpu - w * 32 + 3) / 4) : 8, m);
		synth_printf(b, w ? "," : "\n");
	}
}

static int show_all_mask(struct synth_inode *i, struct synth_buf *b)
{
	put_mask(b, 0, kernel.ncpu);
	return 0;
}

static int show_own_mask(struct synth_inode *i, struct synth_buf *b)
{
	put_mask(b, (unsigned)i->num, (unsigned)i->num + 1);
	return 0;
}

SYNTH_TEXT(show_kernel_max, "8191")

#define FILE_(n, fn) {.name = n, .mode = S_IFREG | 0444, .show = fn}
static const struct synth_node topology[] = {
	FILE_("core_id", show_own_cpu), FILE_("physical_package_id", show_zero), FILE_("die_id", show_zero),
	FILE_("thread_siblings", show_own_mask), FILE_("thread_siblings_list", show_own_cpu),
	FILE_("core_cpus", show_own_mask), FILE_("core_cpus_list", show_own_cpu),
	FILE_("core_siblings", show_all_mask), FILE_("core_siblings_list", show_cpus),
	FILE_("package_cpus", show_all_mask), FILE_("package_cpus_list", show_cpus), {.name = NULL}};
static const struct synth_node cpu_children[] = {
	FILE_("online", show_one), {.name = "topology", .mode = S_IFDIR | 0755, .children = topology}, {.name = NULL}};
static const struct synth_node cpu_dir = {.name = "cpuN", .mode = S_IFDIR | 0755, .children = cpu_children};

static int cpu_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child)
{
	char want[16];

	for (unsigned k = 0; k < kernel.ncpu; k++) {
		snprintf(want, sizeof(want), "cpu%u", k);
		if (strcmp(want, name) != 0)
			continue;
		child->node = &cpu_dir;
		child->num = k;
		return 0;
	}
	return -ENOENT;
}

static bool cpu_list(struct synth_inode *dir, long *n, char name[32])
{
	if (*n < 0 || *n >= (long)kernel.ncpu)
		return false;
	snprintf(name, 32, "cpu%ld", *n);
	return true;
}

#define F(n, fn) {.name = n, .mode = S_IFREG | 0444, .show = fn}
#define D(n, c) {.name = n, .mode = S_IFDIR | 0755, .children = c}
#define END {.name = NULL}
static const struct synth_node cpu_files[] = {F("online", show_cpus), F("possible", show_cpus),
					      F("present", show_cpus), F("offline", show_newline),
					      F("isolated", show_newline), F("kernel_max", show_kernel_max), END};
/* One node, number 0, has all memory and CPUs. */
SYNTH_TEXT(show_node, "0")
SYNTH_TEXT(show_distance, "10")

static int show_cpumap(struct synth_inode *i, struct synth_buf *b)
{
	for (unsigned k = (kernel.ncpu + 31) / 32; k-- > 0;) {
		unsigned n = MIN(kernel.ncpu - k * 32, 32U);

		synth_printf(b, "%08x%s", n == 32 ? UINT32_MAX : (1U << n) - 1, k ? "," : "\n");
	}
	return 0;
}

static int show_node_meminfo(struct synth_inode *i, struct synth_buf *b)
{
	uint64_t total, used;

	mm_container_use(current, &total, &used);
	synth_printf(b,
		     "Node 0 MemTotal:       %8lu kB\nNode 0 MemFree:        %8lu kB\nNode 0 MemUsed:        %8lu kB\n"
		     "Node 0 FilePages:      %8d kB\nNode 0 AnonPages:      %8lu kB\n",
		     total / 1024, (total - used) / 1024, used / 1024, 0, used / 1024);
	return 0;
}

static const struct synth_node node0_files[] = {F("cpulist", show_cpus), F("cpumap", show_cpumap),
						F("distance", show_distance), F("meminfo", show_node_meminfo), END};
static const struct synth_node node_files[] = {F("has_cpu", show_node), F("has_memory", show_node),
					       F("has_normal_memory", show_node), F("online", show_node),
					       F("possible", show_node), D("node0", node0_files), END};
static const struct synth_node system_dirs[] = {{.name = "cpu",
						 .mode = S_IFDIR | 0755,
						 .children = cpu_files,
						 .lookup = cpu_lookup,
						 .list = cpu_list},
						D("node", node_files), END};
static const struct synth_node devices_dirs[] = {D("system", system_dirs), END};
static const struct synth_node fs_dirs[] = {D("cgroup", NULL), END};
static const struct synth_node thp_files[] = {F("enabled", show_thp), F("defrag", show_thp_defrag),
					      F("hpage_pmd_size", show_thp_size), END};
static const struct synth_node mm_dirs[] = {D("transparent_hugepage", thp_files), END};
static const struct synth_node kernel_dirs[] = {D("mm", mm_dirs), END};
static const struct synth_node class_dirs[] = {
	D("block", NULL),
	D("mem", NULL),
	{.name = "net", .mode = S_IFDIR | 0755, .lookup = class_net_lookup, .list = class_net_list},
	D("tty", NULL),
	END};
static const struct synth_node top_dirs[] = {
	D("block", NULL), D("bus", NULL),	   D("class", class_dirs), D("dev", NULL),
	D("devices", devices_dirs), D("firmware", NULL), D("fs", fs_dirs),
	D("kernel", kernel_dirs), D("module", NULL), END};
static const struct synth_node sys_root = {
	.name = "/", .mode = S_IFDIR | 0555, .children = top_dirs};

static int get_tree(const struct fs_type *t, uint32_t magic, const struct synth_node *root,
		    struct super **ret)
{
	struct synth_fs *fs = calloc(1, sizeof(*fs));

	return fs ? synth_super(t, magic, root, fs, ret) : -ENOMEM;
}

static int sysfs_get(const struct fs_type *t, const struct fs_params *p, struct super **ret)
{
	return get_tree(t, SYSFS_MAGIC, &sys_root, ret);
}

extern const struct fs_type sysfs_fs_type;
const struct fs_type sysfs_fs_type = {.name = "sysfs", .flags = FS_NODEV | FS_USERNS_MOUNT, .get_super = sysfs_get};
