/* SPDX-License-Identifier: Apache-2.0 */
/* Names: mkdir, mknod, symlink, link, unlink, rmdir, rename, readlink, with their *at forms. */
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/sysmacros.h>
#include "kernel/syscall/path_args.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

/* --- making ----------------------------------------------------------------------------------------- */

static mode_t masked(struct task *t, mode_t mode)
{
	return mode & ~__atomic_load_n(&t->fs->umask, __ATOMIC_RELAXED);
}

/* What a creating call makes once its place is found. */
struct maker {
	int (*make)(const struct maker *m, const struct path *dir, struct dentry *d);
	mode_t mode;
	dev_t rdev;
	const char *target;
	const struct path *old;
	bool want_dir; /* trailing slashes are fine */
};

static int make_once(struct task *t, int dfd, uaddr_t uname, const struct maker *m)
{
	_cleanup_(user_name_done) struct user_name n;
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	int r;

	r = user_name_at(t, dfd, uname, &n);
	if (r < 0)
		return r;
	if (!n.len)
		return -EEXIST;
	r = dentry_lookup(n.dir.dentry, n.last, n.len, &d);
	if (r < 0)
		return r;
	if (n.slash && !m->want_dir)
		return dentry_inode(d) ? -EEXIST : -ENOENT;
	return m->make(m, &n.dir, d);
}

static int make_at(struct task *t, int dfd, uaddr_t uname, const struct maker *m)
{
	int r = -ESTALE;

	for (int k = 0; k < NAME_TRIES && r == -ESTALE; k++)
		r = make_once(t, dfd, uname, m);
	return r == -ESTALE ? -ENOENT : r;
}

static int make_dir(const struct maker *m, const struct path *dir, struct dentry *d)
{
	return vfs_mkdir(dir, d, m->mode);
}

static long do_mkdir(struct task *t, int dfd, uaddr_t uname, mode_t mode)
{
	struct maker m = {.make = make_dir, .mode = masked(t, mode), .want_dir = true};

	return make_at(t, dfd, uname, &m);
}

long sys_mkdir(struct task *t, const struct sysargs *a)
{
	return do_mkdir(t, AT_FDCWD, arg_uaddr(a, 0), arg_u32(a, 1));
}

long sys_mkdirat(struct task *t, const struct sysargs *a)
{
	return do_mkdir(t, arg_int(a, 0), arg_uaddr(a, 1), arg_u32(a, 2));
}

static int make_node(const struct maker *m, const struct path *dir, struct dentry *d)
{
	if (S_ISREG(m->mode))
		return vfs_create(dir, d, m->mode);
	return vfs_mknod(dir, d, m->mode, m->rdev);
}

static long do_mknod(struct task *t, int dfd, uaddr_t uname, mode_t mode, unsigned dev)
{
	struct maker m = {.make = make_node};

	switch (mode & S_IFMT) {
	case 0:
		mode |= S_IFREG;
		break;
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	case S_IFCHR:
	case S_IFBLK:
		m.rdev = makedev(dev >> 8 & 0xfff, (dev & 0xff) | (dev >> 12 & 0xfff00));
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	m.mode = (mode & S_IFMT) | masked(t, mode & 07777);
	return make_at(t, dfd, uname, &m);
}

long sys_mknod(struct task *t, const struct sysargs *a)
{
	return do_mknod(t, AT_FDCWD, arg_uaddr(a, 0), arg_u32(a, 1), arg_u32(a, 2));
}

long sys_mknodat(struct task *t, const struct sysargs *a)
{
	return do_mknod(t, arg_int(a, 0), arg_uaddr(a, 1), arg_u32(a, 2), arg_u32(a, 3));
}

static int make_symlink(const struct maker *m, const struct path *dir, struct dentry *d)
{
	return vfs_symlink(dir, d, m->target);
}

static long do_symlink(struct task *t, uaddr_t utarget, int dfd, uaddr_t uname)
{
	_cleanup_free_ char *target = NULL;
	struct maker m = {.make = make_symlink};
	int r;

	r = copy_in_path(t, utarget, &target);
	if (r < 0)
		return r;
	if (!*target)
		return -ENOENT;
	m.target = target;
	return make_at(t, dfd, uname, &m);
}

long sys_symlink(struct task *t, const struct sysargs *a)
{
	return do_symlink(t, arg_uaddr(a, 0), AT_FDCWD, arg_uaddr(a, 1));
}

long sys_symlinkat(struct task *t, const struct sysargs *a)
{
	return do_symlink(t, arg_uaddr(a, 0), arg_int(a, 1), arg_uaddr(a, 2));
}

static int make_link(const struct maker *m, const struct path *dir, struct dentry *d)
{
	int r = dentry_inode(d) ? -EEXIST : mnt_want_write(dir->mnt);

	if (r == 0 && m->old->mnt != dir->mnt)
		r = -EXDEV;
	if (r == 0)
		r = may_link(dentry_inode(m->old->dentry));
	return r < 0 ? r : vfs_link(m->old, dir, d);
}

/* A file without a name in this call ("" and AT_EMPTY_PATH): only for who opened it, or may look anywhere. */
static int link_source_fd(struct task *t, int fd, struct path *ret)
{
	_cleanup_(file_putp) struct file *f = fd_get_path(t, fd);

	if (!f)
		return -EBADF;
	if (f->cred != t->cred && !own_capable(t->cred, CAP_DAC_READ_SEARCH))
		return -ENOENT;
	path_get(&f->path);
	*ret = f->path;
	return 0;
}

static int link_source(struct task *t, int dfd, uaddr_t uname, int flags, struct path *ret)
{
	_cleanup_free_ char *name = NULL;
	int r = copy_in_path(t, uname, &name);

	if (r < 0)
		return r;
	if (!*name && (flags & AT_EMPTY_PATH) && dfd != AT_FDCWD)
		return link_source_fd(t, dfd, ret);
	return path_lookup_at(t, dfd, name, (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
			      (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), ret);
}

static long do_link(struct task *t, int ofd, uaddr_t uold, int nfd, uaddr_t unew, int flags)
{
	_cleanup_(path_put) struct path old = {0};
	struct maker m = {.make = make_link, .old = &old};
	int r;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	r = link_source(t, ofd, uold, flags, &old);
	return r < 0 ? r : make_at(t, nfd, unew, &m);
}

long sys_link(struct task *t, const struct sysargs *a)
{
	return do_link(t, AT_FDCWD, arg_uaddr(a, 0), AT_FDCWD, arg_uaddr(a, 1), 0);
}

long sys_linkat(struct task *t, const struct sysargs *a)
{
	return do_link(t, arg_int(a, 0), arg_uaddr(a, 1), arg_int(a, 2), arg_uaddr(a, 3),
		       arg_int(a, 4));
}

/* --- removing --------------------------------------------------------------------------------------- */

static bool is_dotdot(const struct user_name *n)
{
	return n->last && n->last[0] == '.' && n->last[1] == '.';
}

static int unlink_once(struct task *t, int dfd, uaddr_t uname, bool rmdir)
{
	_cleanup_(user_name_done) struct user_name n;
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	struct inode *i;
	int r;

	r = user_name_at(t, dfd, uname, &n);
	if (r < 0)
		return r;
	if (!n.len) {
		if (!rmdir)
			return -EISDIR;
		return !n.last ? -EBUSY : is_dotdot(&n) ? -ENOTEMPTY : -EINVAL;
	}
	r = mnt_want_write(n.dir.mnt);
	if (r == 0)
		r = dentry_lookup(n.dir.dentry, n.last, n.len, &d);
	if (r < 0)
		return r;
	i = dentry_inode(d);
	if (!i)
		return -ENOENT;
	if (rmdir)
		return vfs_rmdir(&n.dir, d);
	if (n.slash)
		return S_ISDIR(i->mode) ? -EISDIR : -ENOTDIR;
	return vfs_unlink(&n.dir, d);
}

static long do_unlink(struct task *t, int dfd, uaddr_t uname, bool rmdir)
{
	int r = -ESTALE;

	for (int k = 0; k < NAME_TRIES && r == -ESTALE; k++)
		r = unlink_once(t, dfd, uname, rmdir);
	return r == -ESTALE ? -ENOENT : r;
}

long sys_unlink(struct task *t, const struct sysargs *a)
{
	return do_unlink(t, AT_FDCWD, arg_uaddr(a, 0), false);
}

long sys_rmdir(struct task *t, const struct sysargs *a)
{
	return do_unlink(t, AT_FDCWD, arg_uaddr(a, 0), true);
}

long sys_unlinkat(struct task *t, const struct sysargs *a)
{
	int flags = arg_int(a, 2);

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	return do_unlink(t, arg_int(a, 0), arg_uaddr(a, 1), flags & AT_REMOVEDIR);
}

/* --- rename ----------------------------------------------------------------------------------------- */

static int rename_found(struct user_name *on, struct dentry *o, struct user_name *nn,
			struct dentry *n, unsigned flags)
{
	struct inode *oi = dentry_inode(o), *ni = dentry_inode(n);

	if ((flags & RENAME_NOREPLACE) && ni)
		return -EEXIST;
	if (flags & RENAME_EXCHANGE) {
		if (!ni)
			return -ENOENT;
		if (!S_ISDIR(ni->mode) && nn->slash)
			return -ENOTDIR;
	}
	if (!S_ISDIR(oi->mode) && (on->slash || (!(flags & RENAME_EXCHANGE) && nn->slash)))
		return -ENOTDIR;
	return vfs_rename(&on->dir, o, &nn->dir, n, flags);
}

static int rename_once(struct task *t, int ofd, uaddr_t uold, int nfd, uaddr_t unew, unsigned flags)
{
	_cleanup_(user_name_done) struct user_name on = {0}, nn = {0};
	_cleanup_(dentry_putp) struct dentry *o = NULL, *n = NULL;
	int r;

	r = user_name_at(t, ofd, uold, &on);
	if (r == 0)
		r = user_name_at(t, nfd, unew, &nn);
	if (r < 0)
		return r;
	if (on.dir.mnt != nn.dir.mnt)
		return -EXDEV;
	if (!on.len)
		return -EBUSY;
	if (!nn.len)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	r = mnt_want_write(on.dir.mnt);
	if (r == 0)
		r = dentry_lookup(on.dir.dentry, on.last, on.len, &o);
	if (r == 0 && !dentry_inode(o))
		r = -ENOENT;
	if (r == 0)
		r = dentry_lookup(nn.dir.dentry, nn.last, nn.len, &n);
	return r < 0 ? r : rename_found(&on, o, &nn, n, flags);
}

static long do_rename(struct task *t, int ofd, uaddr_t uold, int nfd, uaddr_t unew, unsigned flags)
{
	int r = -ESTALE;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) && (flags & RENAME_EXCHANGE))
		return -EINVAL;
	for (int k = 0; k < NAME_TRIES && r == -ESTALE; k++)
		r = rename_once(t, ofd, uold, nfd, unew, flags);
	return r == -ESTALE ? -ENOENT : r;
}

long sys_rename(struct task *t, const struct sysargs *a)
{
	return do_rename(t, AT_FDCWD, arg_uaddr(a, 0), AT_FDCWD, arg_uaddr(a, 1), 0);
}

long sys_renameat(struct task *t, const struct sysargs *a)
{
	return do_rename(t, arg_int(a, 0), arg_uaddr(a, 1), arg_int(a, 2), arg_uaddr(a, 3), 0);
}

long sys_renameat2(struct task *t, const struct sysargs *a)
{
	return do_rename(t, arg_int(a, 0), arg_uaddr(a, 1), arg_int(a, 2), arg_uaddr(a, 3),
			 arg_u32(a, 4));
}

/* --- readlink --------------------------------------------------------------------------------------- */

static long do_readlink(struct task *t, int dfd, uaddr_t uname, uaddr_t buf, int cap)
{
	_cleanup_(path_put) struct path p = {0};
	_cleanup_free_ char *name = NULL;
	_cleanup_free_ char *text = NULL;
	ssize_t n;
	int r;

	if (cap <= 0)
		return -EINVAL;
	r = copy_in_path(t, uname, &name);
	if (r == 0)
		r = path_lookup_at(t, dfd, name, LOOKUP_EMPTY, &p);
	if (r < 0)
		return r;
	/* "": a link opened with O_PATH; for AT_FDCWD, and for what is no link, the name is wrong. */
	if (!*name && (dfd == AT_FDCWD || !S_ISLNK(dentry_inode(p.dentry)->mode)))
		return -ENOENT;
	text = malloc(PATH_MAX);
	if (!text)
		return -ENOMEM;
	n = vfs_readlink(&p, text, PATH_MAX);
	if (n < 0)
		return n;
	n = MIN(n, (ssize_t)cap);
	r = copy_out(t, buf, text, (size_t)n);
	return r < 0 ? r : n;
}

long sys_readlink(struct task *t, const struct sysargs *a)
{
	return do_readlink(t, AT_FDCWD, arg_uaddr(a, 0), arg_uaddr(a, 1), arg_int(a, 2));
}

long sys_readlinkat(struct task *t, const struct sysargs *a)
{
	return do_readlink(t, arg_int(a, 0), arg_uaddr(a, 1), arg_uaddr(a, 2), arg_int(a, 3));
}
