/* SPDX-License-Identifier: Apache-2.0 */
/* From a path back to its name: getcwd(2), /proc/PID/fd, /proc/PID/maps. */
#include <string.h>
#include "kernel/vfs/vfs_priv.h"

struct tail {
	char *buf, *p; /* text is [p, end of buf) */
};

static bool put_front(struct tail *t, const char *s, size_t n)
{
	if ((size_t)(t->p - t->buf) < n)
		return false;
	t->p -= n;
	memcpy(t->p, s, n);
	return true;
}

/* The components from d in m up to root or to where nothing is above. 1: root was met. */
static int climb(struct tail *t, struct mount *m, struct dentry *d, const struct path *root)
	REQUIRES(mount_lock) REQUIRES(dcache_lock)
{
	for (;;) {
		if (m == root->mnt && d == root->dentry)
			return 1;
		if (d == m->root || d->parent == d) {
			if (d != m->root || !m->parent)
				return 0;
			d = m->mountpoint;
			m = m->parent;
			continue;
		}
		if (!put_front(t, d->name, d->name_len) || !put_front(t, "/", 1))
			return -ENAMETOOLONG;
		d = d->parent;
	}
}

static bool is_unlinked(const struct dentry *d) REQUIRES(dcache_lock)
{
	return !d->hashed && d->parent != d;
}

char *path_name(const struct path *p, const struct path *root, char *buf, size_t cap)
{
	struct tail t = {buf, buf + cap};
	const char *anon = NULL;
	int r;

	if (!put_front(&t, "", 1))
		return NULL;
	mutex_lock(&mount_lock);
	mutex_lock(&dcache_lock);
	if (p->dentry->sb->nameless && !(p->mnt && p->dentry == p->mnt->root)) {
		anon = p->dentry->name;
		/* memfds and shared memory ("/...") Linux shows as deleted files; a file of the host is none of them. */
		r = (!S_ISREG(p->dentry->inode->mode) || *anon != '/' || put_front(&t, " (deleted)", 10)) &&
				    put_front(&t, anon, p->dentry->name_len)
			    ? 1
			    : -ENAMETOOLONG;
	} else {
		r = is_unlinked(p->dentry) && !put_front(&t, " (deleted)", 10) ? -ENAMETOOLONG : 0;
		if (r == 0)
			r = climb(&t, p->mnt, p->dentry, root);
	}
	mutex_unlock(&dcache_lock);
	mutex_unlock(&mount_lock);
	if (r < 0)
		return NULL;
	if (anon)
		return t.p;
	if ((!*t.p || *t.p != '/') && !put_front(&t, "/", 1))
		return NULL;
	if (r == 0 && !put_front(&t, "(unreachable)", 13))
		return NULL;
	return t.p;
}
