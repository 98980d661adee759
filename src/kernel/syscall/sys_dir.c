/* SPDX-License-Identifier: Apache-2.0 */
/* Directories: listing, working directory, root. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <string.h>
#include "kernel/syscall/path_args.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

/* --- getdents ----------------------------------------------------------------------------------------- */

#define LIST_MAX 65536U /* bytes gathered in one call; a short count is legal */

/* Entries gathered in kernel memory, in the guest's layout. */
struct lister {
	struct dir_context ctx;
	uint8_t *buf;
	size_t cap, used, last; /* last: where the newest entry is */
	bool old;		/* getdents: the type is behind the name */
	bool small;		/* not even one entry fits */
};

/* Both layouts have the inode at 0, the offset at 8, the length at 16. */
static bool add_entry(struct dir_context *c, const char *name, size_t len, uint64_t ino, unsigned type,
		      uint64_t next_off)
{
	struct lister *l = container_of(c, struct lister, ctx);
	size_t head = l->old ? 18 : 19;
	size_t size = ALIGN_UP(head + len + (l->old ? 2 : 1), (size_t)8);
	uint16_t reclen = (uint16_t)size;
	uint8_t *e = l->buf + l->used;

	if (len > NAME_MAX)
		return true; /* no file system of ours makes it; the guest could not use it */
	if (size > l->cap - l->used) {
		l->small = l->used == 0;
		return false;
	}
	memset(e, 0, size);
	memcpy(e, &ino, 8);
	memcpy(e + 8, &next_off, 8);
	memcpy(e + 16, &reclen, 2);
	memcpy(e + head, name, len);
	e[l->old ? size - 1 : 18] = (uint8_t)type;
	l->last = l->used;
	l->used += size;
	return true;
}

static long list_into(struct file *f, struct lister *l)
{
	int r;

	if (!f->op->iterate || !S_ISDIR(f->inode->mode))
		return -ENOTDIR;
	mutex_lock(&f->pos_lock);
	if (f->inode->dead) {
		mutex_unlock(&f->pos_lock);
		return -ENOENT;
	}
	l->ctx.pos = f->pos;
	r = f->op->iterate(f, &l->ctx);
	if (r == 0 || l->used)
		f->pos = l->ctx.pos;
	mutex_unlock(&f->pos_lock);
	file_accessed(f);
	if (l->used)
		return (long)l->used;
	return r < 0 ? r : l->small ? -EINVAL : 0;
}

static long do_getdents(struct task *t, const struct sysargs *a, bool old)
{
	_cleanup_(file_putp) struct file *f = fd_get(t, arg_int(a, 0));
	struct lister l = {.ctx.emit = add_entry, .old = old, .cap = MIN(arg_u32(a, 2), LIST_MAX)};
	_cleanup_free_ uint8_t *buf = NULL;
	uint64_t start;
	long n;
	int r;

	if (!f)
		return -EBADF;
	l.buf = buf = malloc(l.cap ? l.cap : 1);
	if (!buf)
		return -ENOMEM;
	mutex_lock(&f->pos_lock);
	start = f->pos;
	mutex_unlock(&f->pos_lock);
	n = list_into(f, &l);
	if (n <= 0)
		return n;
	r = copy_out(t, arg_uaddr(a, 1), buf, (size_t)n);
	if (r < 0) { /* the entries were not read */
		mutex_lock(&f->pos_lock);
		f->pos = start;
		mutex_unlock(&f->pos_lock);
		return r;
	}
	return n;
}

long sys_getdents(struct task *t, const struct sysargs *a)
{
	return do_getdents(t, a, true);
}

long sys_getdents64(struct task *t, const struct sysargs *a)
{
	return do_getdents(t, a, false);
}

/* --- working directory and root ------------------------------------------------------------------------ */

/* p's references move into fs on success. */
static void set_dir(struct fs_struct *fs, struct path *slot, struct path *p)
{
	struct path old;

	mutex_lock(&fs->lock);
	old = *slot;
	*slot = *p;
	mutex_unlock(&fs->lock);
	*p = (struct path){0};
	path_put(&old);
}

static int may_enter(struct task *t, const struct path *p)
{
	struct inode *i = dentry_inode(p->dentry);

	if (!i || !S_ISDIR(i->mode))
		return -ENOTDIR;
	return inode_permission(i, t->cred, MAY_EXEC);
}

long sys_chdir(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path p = {0};
	int r = user_path_at(t, AT_FDCWD, arg_uaddr(a, 0), LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (r == 0)
		r = may_enter(t, &p);
	if (r == 0)
		set_dir(t->fs, &t->fs->cwd, &p);
	return r;
}

long sys_fchdir(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = fd_get_path(t, arg_int(a, 0));
	struct path p;
	int r;

	if (!f)
		return -EBADF;
	r = may_enter(t, &f->path);
	if (r < 0)
		return r;
	p = f->path;
	path_get(&p);
	set_dir(t->fs, &t->fs->cwd, &p);
	return 0;
}

long sys_chroot(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path p = {0};
	int r = user_path_at(t, AT_FDCWD, arg_uaddr(a, 0), LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (r == 0)
		r = may_enter(t, &p);
	if (r == 0 && !own_capable(t->cred, CAP_SYS_CHROOT))
		r = -EPERM;
	if (r == 0)
		set_dir(t->fs, &t->fs->root, &p);
	return r;
}

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), k = strlen(tail);

	return n >= k && !strcmp(s + n - k, tail);
}

long sys_getcwd(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path cwd = {0}, root = {0};
	_cleanup_free_ char *buf = malloc(PATH_MAX + 32);
	const char *s;
	size_t n;
	int r;

	if (!buf)
		return -ENOMEM;
	fs_get_cwd(t, &cwd);
	fs_get_root(t, &root);
	if (dentry_inode(cwd.dentry)->dead)
		return -ENOENT;
	s = path_name(&cwd, &root, buf, PATH_MAX + 32);
	if (!s)
		return -ENAMETOOLONG;
	if (dentry_unlinked(cwd.dentry) && ends_with(s, " (deleted)"))
		return -ENOENT;
	n = strlen(s) + 1;
	if (n > PATH_MAX)
		return -ENAMETOOLONG;
	if (n > a->v[1])
		return -ERANGE;
	r = copy_out(t, arg_uaddr(a, 0), s, n);
	return r < 0 ? r : (long)n;
}
