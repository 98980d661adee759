/* SPDX-License-Identifier: Apache-2.0 */
/* sysfs: CPUs and the few files that programs look for. */
#include <linux/magic.h>
#include <string.h>
#include "kernel/vfs/synth.h"
#include "kernel/kernel.h"

static int show_cpus(struct synth_inode *i, struct synth_buf *b)
{
	if (kernel.ncpu > 1)
		synth_printf(b, "0-%u\n", kernel.ncpu - 1);
	else
		synth_printf(b, "0\n");
	return 0;
}

static int show_thp(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "always [madvise] never\n");
	return 0;
}

static const struct synth_node cpu_dir = {.name = "cpuN", .mode = S_IFDIR | 0755};

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
					      F("present", show_cpus), END};
static const struct synth_node system_dirs[] = {{.name = "cpu",
						 .mode = S_IFDIR | 0755,
						 .children = cpu_files,
						 .lookup = cpu_lookup,
						 .list = cpu_list},
						END};
static const struct synth_node devices_dirs[] = {D("system", system_dirs), END};
static const struct synth_node fs_dirs[] = {D("cgroup", NULL), END};
static const struct synth_node thp_files[] = {F("enabled", show_thp), END};
static const struct synth_node mm_dirs[] = {D("transparent_hugepage", thp_files), END};
static const struct synth_node kernel_dirs[] = {D("mm", mm_dirs), END};
static const struct synth_node class_dirs[] = {D("block", NULL), D("mem", NULL), D("net", NULL),
					       D("tty", NULL), END};
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
