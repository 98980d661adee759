/* SPDX-License-Identifier: Apache-2.0 */
/* Old questions about file systems: ustat, sysfs. */
#include <string.h>
#include <sys/sysmacros.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"

struct guest_ustat {
	int32_t tfree;
	uint64_t tinode;
	char fname[6], fpack[6];
};
static_assert(sizeof(struct guest_ustat) == 32, "x86-64 layout");

struct find {
	uint64_t dev;
	struct super *sb; /* own reference */
};

static void match(struct mount *m, void *arg)
{
	struct find *f = arg;

	if (!f->sb && m->sb->dev == f->dev)
		f->sb = super_get(m->sb);
}

long sys_ustat(struct task *t, const struct sysargs *a)
{
	uint32_t dev = arg_u32(a, 0);
	struct find f = {.dev = makedev(dev >> 8 & 0xfff, (dev & 0xff) | (dev >> 12 & 0xfff00))};
	struct guest_ustat u = {0};
	struct statfs st;
	int r;

	mnt_for_each(t->nsproxy->mnt, match, &f);
	if (!f.sb)
		return -EINVAL;
	memset(&st, 0, sizeof(st));
	r = f.sb->op->statfs ? f.sb->op->statfs(f.sb, &st) : -ENOSYS;
	super_put(f.sb);
	if (r < 0)
		return r;
	u.tfree = (int32_t)st.f_bfree;
	u.tinode = st.f_ffree;
	return copy_out(t, arg_uaddr(a, 1), &u, sizeof(u));
}

long sys_sysfs(struct task *t, const struct sysargs *a)
{
	char name[256];
	unsigned n = 0;
	ssize_t len;

	switch (arg_int(a, 0)) {
	case 1: /* the number of a name */
		len = copy_in_str(t, name, arg_uaddr(a, 1), sizeof(name));
		if (len < 0)
			return len == -ENAMETOOLONG ? -EINVAL : len;
		for (unsigned k = 0; fs_types[k]; k++) {
			if (!strcmp(fs_types[k]->name, name))
				return (long)k;
		}
		return -EINVAL;
	case 2: /* the name of a number */
		while (n < a->v[1] && fs_types[n])
			n++;
		if (!fs_types[n])
			return -EINVAL;
		return copy_out(t, arg_uaddr(a, 2), fs_types[n]->name, strlen(fs_types[n]->name) + 1);
	case 3: /* how many */
		while (fs_types[n])
			n++;
		return (long)n;
	default:
		return -EINVAL;
	}
}
