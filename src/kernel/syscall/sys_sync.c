/* SPDX-License-Identifier: Apache-2.0 */
/* sync, fsync and the advice calls: what reaches the disk, and what is said about it. */
#include <fcntl.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/vfs/vfs.h"

struct super_list {
	struct super **sb;
	size_t n, cap;
};

/* Mount lock held: only notes. Without memory a file system is left out, as sync(2) cannot fail. */
static void note_super(struct mount *m, void *arg)
{
	struct super_list *l = arg;

	for (size_t i = 0; i < l->n; i++)
		if (l->sb[i] == m->sb)
			return;
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct super **p = realloc(l->sb, cap * sizeof(struct super *));

		if (!p)
			return;
		l->sb = p;
		l->cap = cap;
	}
	l->sb[l->n++] = super_get(m->sb);
}

long sys_sync(struct task *t, const struct sysargs *a)
{
	struct super_list l = {0};

	mnt_for_each(t->nsproxy->mnt, note_super, &l);
	for (size_t i = 0; i < l.n; i++) {
		if (l.sb[i]->op->sync)
			(void)l.sb[i]->op->sync(l.sb[i]);
		super_put(l.sb[i]);
	}
	free(l.sb);
	return 0;
}

long sys_syncfs(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));
	struct super *sb;

	if (!f)
		return -EBADF;
	sb = f->inode->sb;
	return sb->op->sync ? sb->op->sync(sb) : 0;
}

static long do_fsync(struct task *t, int fd, bool datasync)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, fd);

	if (!f)
		return -EBADF;
	if (f->op->fsync)
		return f->op->fsync(f, datasync);
	/* What has no contents to write back says so. */
	return S_ISREG(f->inode->mode) || S_ISDIR(f->inode->mode) || S_ISBLK(f->inode->mode) ? 0 :
											       -EINVAL;
}

long sys_fsync(struct task *t, const struct sysargs *a)
{
	return do_fsync(t, arg_int(a, 0), false);
}

long sys_fdatasync(struct task *t, const struct sysargs *a)
{
	return do_fsync(t, arg_int(a, 0), true);
}

long sys_sync_file_range(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));
	int64_t off = (int64_t)a->v[1], len = (int64_t)a->v[2], end;

	if (!f)
		return -EBADF;
	if (a->v[3] & ~7ULL) /* SYNC_FILE_RANGE_* */
		return -EINVAL;
	if (off < 0 || len < 0 || __builtin_add_overflow(off, len, &end))
		return -EINVAL;
	if (S_ISFIFO(f->inode->mode) || S_ISSOCK(f->inode->mode) || S_ISCHR(f->inode->mode))
		return -ESPIPE;
	return f->op->fsync ? f->op->fsync(f, true) : 0;
}

/* The host keeps the cache: advice is checked and has no further effect. */
long sys_fadvise64(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));

	if (!f)
		return -EBADF;
	if (S_ISFIFO(f->inode->mode))
		return -ESPIPE;
	if ((int64_t)a->v[2] < 0 || arg_u32(a, 3) > POSIX_FADV_NOREUSE)
		return -EINVAL;
	return 0;
}

long sys_readahead(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));

	if (!f || !f->can_read)
		return -EBADF;
	return S_ISREG(f->inode->mode) || S_ISBLK(f->inode->mode) ? 0 : -EINVAL;
}
