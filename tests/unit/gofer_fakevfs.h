/* SPDX-License-Identifier: Apache-2.0 */
/* As much of a kernel around the FUSE client as its test needs: references, copies, waits. */
#ifndef NACRE_TESTS_GOFER_FAKEVFS_H
#define NACRE_TESTS_GOFER_FAKEVFS_H

#include <poll.h>
#include <string.h>
#include "kernel/fs/fuse/fuse_priv.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "platform/platform.h"

__thread struct task *current;
static int fake_kill; /* killable sleeps end with -ERESTARTSYS */

void sleeper_init(struct sleeper *s, struct task *t)
{
	*s = (struct sleeper){.evfd = -1, .task = t};
}
void sleeper_done(struct sleeper *s __unused)
{
}
void sleeper_prepare(struct sleeper *s __unused)
{
}
int sleeper_sleep(struct sleeper *s __unused, uint64_t deadline __unused, enum sleep_mode m __unused)
{
	poll(NULL, 0, 1);
	return __atomic_load_n(&fake_kill, __ATOMIC_RELAXED) ? -ERESTARTSYS : 0;
}
int sleeper_wait_fd(struct sleeper *s __unused, int fd, short ev, uint64_t dl __unused,
		    enum sleep_mode m __unused)
{
	struct pollfd p = {fd, ev, 0};

	for (;;) {
		if (__atomic_load_n(&fake_kill, __ATOMIC_RELAXED))
			return -ERESTARTSYS;
		if (poll(&p, 1, 50) > 0)
			return 0;
	}
}
uint64_t now_ns(void)
{
	return 0;
}
void waitq_init(struct waitq *q)
{
	list_init(&q->entries);
}
void waitq_done(struct waitq *q __unused)
{
}
void wait_entry_init(struct wait_entry *e, struct sleeper *s __unused)
{
	*e = (struct wait_entry){0};
}
void waitq_add(struct waitq *q __unused, struct wait_entry *e __unused)
{
}
void waitq_del(struct wait_entry *e __unused)
{
}
void wake_up(struct waitq *q __unused, uint32_t ev __unused)
{
}
void wake_up_all(struct waitq *q __unused, uint32_t ev __unused)
{
}

static int fake_hostfds, fake_hostfd_max = 1000;
int hostfd_new(int fd, bool writable, struct hostfd **ret)
{
	struct hostfd *h;

	if (fake_hostfds >= fake_hostfd_max) {
		close(fd);
		return -ENFILE;
	}
	h = calloc(1, sizeof(*h));
	ref_init(&h->ref);
	h->fd = fd;
	h->writable = writable;
	__atomic_add_fetch(&fake_hostfds, 1, __ATOMIC_RELAXED);
	*ret = h;
	return 0;
}
struct hostfd *hostfd_get(struct hostfd *h)
{
	ref_get(&h->ref);
	return h;
}
void hostfd_put(struct hostfd *h)
{
	if (!h || !ref_put(&h->ref))
		return;
	close(h->fd);
	free(h);
	__atomic_sub_fetch(&fake_hostfds, 1, __ATOMIC_RELAXED);
}

static int fake_inodes;
struct inode *inode_new(struct super *sb, mode_t mode)
{
	struct inode *i = calloc(1, sizeof(*i));

	ref_init(&i->ref);
	i->sb = sb;
	i->mode = mode;
	mutex_init(&i->lock, S_ISDIR(mode) ? RANK_INODE_DIR : RANK_INODE, "inode");
	__atomic_add_fetch(&fake_inodes, 1, __ATOMIC_RELAXED);
	return i;
}
struct inode *inode_get(struct inode *i)
{
	ref_get(&i->ref);
	return i;
}
void inode_put(struct inode *i)
{
	if (!i || !ref_put(&i->ref))
		return;
	i->sb->op->evict(i);
	free(i);
	__atomic_sub_fetch(&fake_inodes, 1, __ATOMIC_RELAXED);
}
void inode_init_owner(struct inode *i, const struct inode *dir, mode_t mode)
{
	i->uid = KUID(getuid());
	i->gid = dir->mode & S_ISGID ? dir->gid : KGID(getgid());
	i->mode = mode;
}
void generic_getattr(struct inode *i, struct kstat *ret)
{
	*ret = (struct kstat){.ino = i->ino, .nlink = i->nlink, .size = i->size, .mode = i->mode,
			      .uid = i->uid, .gid = i->gid, .mtime = i->mtime, .ctime = i->ctime};
}
int64_t no_seek_end_llseek(struct file *f, int64_t off, int whence)
{
	(void)f;
	(void)off;
	(void)whence;
	return -EINVAL;
}
int64_t generic_llseek(struct file *f, int64_t off, int whence)
{
	if (whence == SEEK_CUR)
		off += (int64_t)f->pos;
	else if (whence == SEEK_END)
		off += (int64_t)f->inode->size;
	if (off < 0)
		return -EINVAL;
	f->pos = (uint64_t)off;
	return off;
}
struct super *super_new(const struct fs_type *t, const struct super_ops *op, uint32_t magic)
{
	struct super *sb = calloc(1, sizeof(*sb));

	ref_init(&sb->ref);
	sb->type = t;
	sb->op = op;
	sb->magic = magic;
	return sb;
}
void super_put(struct super *sb)
{
	if (!sb || !ref_put(&sb->ref))
		return;
	if (sb->root) {
		inode_put(sb->root->inode);
		free(sb->root);
	}
	sb->op->kill(sb);
	free(sb->source);
	free(sb);
}
struct dentry *dentry_make_root(struct super *sb, struct inode *i)
{
	struct dentry *d = calloc(1, sizeof(*d));

	d->sb = sb;
	d->inode = i;
	d->parent = d;
	return d;
}
void dentry_put(struct dentry *d __unused)
{
}
size_t dentry_where(struct dentry *d, char name[256], struct dentry **ret_parent)
{
	memcpy(name, d->name, d->name_len + 1);
	*ret_parent = d->parent;
	return d->name_len;
}
void dentry_instantiate(struct dentry *d, struct inode *i)
{
	d->inode = i;
}

void *pt_staging(struct pt_thread *pt __unused, size_t *len __unused)
{
	abort();
}
/* One kernel segment only. */
void uio_init_kernel(struct uio *u, void *base, size_t len)
{
	*u = (struct uio){.kernel = true, .resid = len, .one = {(uint64_t)(uintptr_t)base, len}};
}
static void *uio_at(struct uio *u)
{
	return (char *)(uintptr_t)u->one.base + u->one.len - u->resid;
}
ssize_t uio_copy_to(struct uio *u, const void *from, size_t len)
{
	memcpy(uio_at(u), from, len);
	u->resid -= len;
	return (ssize_t)len;
}
ssize_t uio_copy_from(struct uio *u, void *to, size_t len)
{
	memcpy(to, uio_at(u), len);
	u->resid -= len;
	return (ssize_t)len;
}
void uio_revert(struct uio *u, size_t n)
{
	u->resid += n;
}

#endif
