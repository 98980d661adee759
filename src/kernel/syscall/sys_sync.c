/* SPDX-License-Identifier: Apache-2.0 */
/* sync, fsync and the advice calls: what reaches the disk, and what is said about it. */
#include <fcntl.h>
#include <string.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
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

/* cachestat(2): pages in memory, of files that are nowhere else. What the host keeps of its own files it does not tell. */
long sys_cachestat(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));
	uint64_t range[2], st[5] = {0}, end, keep;
	int64_t at;

	if (!f)
		return -EBADF;
	if (copy_in(t, range, arg_uaddr(a, 1), sizeof(range)) < 0)
		return -EFAULT;
	if (arg_u32(a, 3))
		return -EINVAL;
	if (!S_ISREG(f->inode->mode) || f->inode->sb->type->flags & FS_INTERNAL || strcmp(f->inode->sb->type->name, "tmpfs") != 0)
		return -EOPNOTSUPP;
	end = range[1] && range[1] <= UINT64_MAX - range[0] ? range[0] + range[1] : UINT64_MAX;
	mutex_lock(&f->pos_lock);
	keep = f->pos; /* asking moves it */
	for (at = (int64_t)MIN(range[0], (uint64_t)INT64_MAX); at >= 0;) {
		uint64_t from, to;
		int64_t next;

		at = f->op->llseek(f, at, SEEK_DATA);
		if (at < 0 || (uint64_t)at >= end)
			break;
		next = f->op->llseek(f, at, SEEK_HOLE);
		if (next <= at)
			break;
		from = (uint64_t)at / GUEST_PAGE_SIZE;
		to = (MIN((uint64_t)next, end) + GUEST_PAGE_SIZE - 1) / GUEST_PAGE_SIZE;
		st[0] += to - from;
		at = next;
	}
	f->pos = keep;
	mutex_unlock(&f->pos_lock);
	return copy_out(t, arg_uaddr(a, 2), st, sizeof(st));
}
