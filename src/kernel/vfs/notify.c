/* SPDX-License-Identifier: Apache-2.0 */
/* Marks on inodes, and telling them. */
#include "kernel/vfs/notify.h"

#include <limits.h>
#include <string.h>
#include "kernel/vfs/vfs_priv.h"

static struct mutex notify_lock = MUTEX_INIT(RANK_PIPE, "notify");
unsigned notify_count;

void notify_add(struct notify_mark *m, struct inode *i)
{
	MUTEX_GUARD(&notify_lock);
	m->inode = i;
	m->next = i->marks;
	__atomic_store_n(&i->marks, m, __ATOMIC_RELAXED);
	__atomic_add_fetch(&notify_count, 1, __ATOMIC_SEQ_CST);
}

static void take_off(struct notify_mark *m)
{
	struct notify_mark **p = &m->inode->marks;

	while (*p != m)
		p = &(*p)->next;
	__atomic_store_n(p, m->next, __ATOMIC_RELAXED);
	m->inode = NULL;
	__atomic_sub_fetch(&notify_count, 1, __ATOMIC_SEQ_CST);
}

void notify_remove(struct notify_mark *m)
{
	MUTEX_GUARD(&notify_lock);
	if (m->inode)
		take_off(m);
}

static bool watched(const struct inode *i)
{
	return i && __atomic_load_n(&i->marks, __ATOMIC_RELAXED);
}

void notify_inode_slow(struct inode *i, uint32_t what)
{
	struct notify_mark *m, *next;

	if (!watched(i))
		return;
	if (S_ISDIR(i->mode) && !(what & (IN_DELETE_SELF | IN_MOVE_SELF)))
		what |= IN_ISDIR;
	MUTEX_GUARD(&notify_lock);
	for (m = i->marks; m; m = next) {
		next = m->next;
		m->event(m, what, 0, NULL, 0);
		if (what & IN_DELETE_SELF) {
			take_off(m);
			m->event(m, IN_IGNORED, 0, NULL, 0);
		}
	}
}

void notify_name_slow(struct inode *dir, const char *name, size_t len, bool is_dir, uint32_t what, uint32_t cookie)
{
	struct notify_mark *m, *next;

	if (!watched(dir))
		return;
	MUTEX_GUARD(&notify_lock);
	for (m = dir->marks; m; m = next) {
		next = m->next;
		m->event(m, what | (is_dir ? IN_ISDIR : 0U), cookie, name, len);
	}
}

void notify_dentry_slow(struct dentry *d, uint32_t what)
{
	struct inode *i, *dir = NULL;
	char name[NAME_MAX + 1];
	size_t len = 0;
	bool gone = false;

	mutex_lock(&dcache_lock);
	i = d->inode;
	if (d->parent != d && watched(d->parent->inode) && d->name_len <= NAME_MAX) {
		gone = !d->hashed;
		dir = inode_get(d->parent->inode);
		len = d->name_len;
		memcpy(name, d->name, len);
		name[len] = '\0';
	}
	mutex_unlock(&dcache_lock);
	if (dir) {
		notify_name_slow(dir, name, len, i && S_ISDIR(i->mode), what | (gone ? NOTIFY_UNLINKED : 0U), 0);
		inode_put(dir);
	}
	if (i)
		notify_inode_slow(i, what);
}
