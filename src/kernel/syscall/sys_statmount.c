/* SPDX-License-Identifier: Apache-2.0 */
/* statmount, listmount: what is mounted, by numbers that are never used again. */
#include <linux/capability.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs_priv.h"

/* linux/mount.h of 6.12 */
struct id_req {
	uint32_t size, spare;
	uint64_t mnt_id, param, mnt_ns_id;
};
struct statmount_head {
	uint32_t size, mnt_opts;
	uint64_t mask;
	uint32_t sb_dev_major, sb_dev_minor;
	uint64_t sb_magic;
	uint32_t sb_flags, fs_type;
	uint64_t mnt_id, mnt_parent_id;
	uint32_t mnt_id_old, mnt_parent_id_old;
	uint64_t mnt_attr, mnt_propagation, mnt_peer_group, mnt_master, propagate_from;
	uint32_t mnt_root, mnt_point;
	uint64_t mnt_ns_id;
	uint64_t spare[49];
};
static_assert(sizeof(struct statmount_head) == 512, "uapi layout");

#define WANT_SB_BASIC 0x01U
#define WANT_MNT_BASIC 0x02U
#define WANT_PROPAGATE_FROM 0x04U
#define WANT_MNT_ROOT 0x08U
#define WANT_MNT_POINT 0x10U
#define WANT_FS_TYPE 0x20U
#define WANT_MNT_NS_ID 0x40U
#define WANT_MNT_OPTS 0x80U
#define REQ_SIZE_MIN 24U
#define ID_OFFSET (1ULL << 31)
#define ROOT_ID UINT64_MAX
#define LIST_MAX 1000000U
#define LIST_REVERSE 1U

static int copy_req(struct task *t, uaddr_t from, struct id_req *ret)
{
	uint32_t size;
	int r;

	r = copy_in(t, &size, from, sizeof(size));
	if (r < 0)
		return r;
	if (size > GUEST_PAGE_SIZE)
		return -E2BIG;
	if (size < REQ_SIZE_MIN)
		return -EINVAL;
	memset(ret, 0, sizeof(*ret));
	r = copy_in_struct(t, ret, sizeof(*ret), from, size);
	if (r < 0)
		return r;
	return ret->spare || ret->mnt_id <= ID_OFFSET ? -EINVAL : 0;
}

/* The namespace meant: the caller's, or by its number only that one. */
static int find_ns(struct task *t, const struct id_req *q, struct mnt_namespace **ret)
{
	*ret = t->nsproxy->mnt;
	return q->mnt_ns_id && q->mnt_ns_id != (*ret)->id ? -ENOENT : 0;
}

struct entry {
	struct mount *m; /* own reference */
	uint64_t parent;
	int parent_old, group, master, from;
	unsigned propagation;
};

struct find_ctx {
	struct mnt_namespace *ns;
	uint64_t id;
	struct entry e;
};

static void find_one(struct mount *m, void *arg)
{
	struct find_ctx *c = arg;

	if (m->unique_id != c->id)
		return;
	c->e = (struct entry){
		.m = mount_get(m),
		.parent = m->parent ? m->parent->unique_id : m->unique_id,
		.parent_old = m->parent ? m->parent->id : m->id,
		.group = m->group ? m->group->id : 0,
		.master = m->master ? m->master->id : 0,
		.from = m->master ? pnode_dominator(m, c->ns) : 0,
		.propagation = (m->group ? MS_SHARED : 0U) | (m->master ? MS_SLAVE : 0U) |
			       (m->unbindable ? MS_UNBINDABLE : 0U),
	};
	if (!c->e.propagation)
		c->e.propagation = MS_PRIVATE;
}

/* Is m below root, as the caller sees names? */
static bool reachable(struct mount *m, const struct path *root)
{
	struct path p = {m, m->root};

	path_get(&p);
	for (;;) {
		bool met;

		if (p.mnt == root->mnt) {
			met = dentry_is_ancestor(root->dentry, p.dentry);
			path_put(&p);
			return met;
		}
		path_put(&(struct path){NULL, p.dentry});
		p.dentry = dentry_get(p.mnt->root);
		if (!follow_up(&p)) {
			path_put(&p);
			return false;
		}
	}
}

struct out {
	struct statmount_head h;
	char *text; /* strings after the head */
	size_t len, cap;
};

#define TEXT_MAX (3U * PATH_MAX)

static int add_text(struct out *o, const char *s, uint32_t *ret_at)
{
	size_t n = strlen(s) + 1;

	if (o->len + n > o->cap)
		return -EOVERFLOW;
	*ret_at = (uint32_t)o->len;
	memcpy(o->text + o->len, s, n);
	o->len += n;
	return 0;
}

static uint64_t attrs(unsigned mf)
{
	return (mf & MNT_READONLY ? 0x1U : 0) | (mf & MNT_NOSUID ? 0x2U : 0) | (mf & MNT_NODEV ? 0x4U : 0) |
	       (mf & MNT_NOEXEC ? 0x8U : 0) | (mf & MNT_NODIRATIME ? 0x80U : 0) |
	       (mf & MNT_NOATIME ? 0x10U : mf & MNT_RELATIME ? 0U : 0x20U) |
	       (mf & MNT_NOSYMFOLLOW ? 0x200000U : 0);
}

static void fill_numbers(struct out *o, const struct find_ctx *c, uint64_t want)
{
	const struct entry *e = &c->e;
	const struct super *sb = e->m->sb;

	if (want & WANT_SB_BASIC) {
		o->h.sb_dev_major = major(sb->dev);
		o->h.sb_dev_minor = minor(sb->dev);
		o->h.sb_magic = sb->magic;
		o->h.sb_flags = __atomic_load_n(&sb->flags, __ATOMIC_RELAXED) &
				(MS_RDONLY | MS_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME);
	}
	if (want & WANT_MNT_BASIC) {
		o->h.mnt_id = e->m->unique_id;
		o->h.mnt_parent_id = e->parent;
		o->h.mnt_id_old = (uint32_t)e->m->id;
		o->h.mnt_parent_id_old = (uint32_t)e->parent_old;
		o->h.mnt_attr = attrs(__atomic_load_n(&e->m->flags, __ATOMIC_RELAXED));
		o->h.mnt_propagation = e->propagation;
		o->h.mnt_peer_group = (uint64_t)e->group;
		o->h.mnt_master = (uint64_t)e->master;
	}
	if (want & WANT_PROPAGATE_FROM)
		o->h.propagate_from = (uint64_t)e->from;
	if (want & WANT_MNT_NS_ID)
		o->h.mnt_ns_id = c->ns->id;
	o->h.mask = want & (WANT_SB_BASIC | WANT_MNT_BASIC | WANT_PROPAGATE_FROM | WANT_MNT_NS_ID);
}

static int fill_texts(struct out *o, const struct find_ctx *c, const struct path *root, uint64_t want)
{
	struct mount *m = c->e.m;
	struct path p = {m, m->root}, inner = {m, m->sb->root};
	_cleanup_free_ char *buf = malloc(PATH_MAX);
	const char *s;
	int r = 0;

	if (!buf)
		return -ENOMEM;
	if (want & WANT_FS_TYPE) {
		r = add_text(o, m->sb->type->name, &o->h.fs_type);
		o->h.mask |= WANT_FS_TYPE;
	}
	if (r == 0 && (want & WANT_MNT_ROOT)) {
		s = m->root == m->sb->root ? "/" : path_name(&p, &inner, buf, PATH_MAX);
		r = s ? add_text(o, s, &o->h.mnt_root) : -EOVERFLOW;
		o->h.mask |= WANT_MNT_ROOT;
	}
	if (r == 0 && (want & WANT_MNT_POINT)) {
		s = path_name(&p, root, buf, PATH_MAX);
		r = s ? add_text(o, s, &o->h.mnt_point) : -EOVERFLOW;
		o->h.mask |= WANT_MNT_POINT;
	}
	if (r == 0 && (want & WANT_MNT_OPTS)) {
		buf[0] = '\0';
		if (m->sb->op->show_options && m->sb->op->show_options(m->sb, buf, PATH_MAX) < 0)
			buf[0] = '\0';
		r = add_text(o, buf[0] == ',' ? buf + 1 : buf, &o->h.mnt_opts);
		o->h.mask |= WANT_MNT_OPTS;
	}
	return r;
}

static long put_statmount(struct task *t, const struct find_ctx *c, const struct path *root, uint64_t want,
			  uaddr_t to, uint64_t cap)
{
	_cleanup_free_ char *text = NULL;
	struct out o = {.h = {.size = sizeof(o.h)}};
	int r = 0;

	fill_numbers(&o, c, want);
	o.cap = cap > sizeof(o.h) ? MIN(cap - sizeof(o.h), (uint64_t)TEXT_MAX) : 0;
	o.text = text = malloc(o.cap ? o.cap : 1);
	if (!text)
		return -ENOMEM;
	if (want & (WANT_FS_TYPE | WANT_MNT_ROOT | WANT_MNT_POINT | WANT_MNT_OPTS))
		r = fill_texts(&o, c, root, want);
	if (r < 0)
		return r;
	o.h.size = (uint32_t)(sizeof(o.h) + o.len);
	if (o.len)
		r = copy_out(t, uaddr_add(to, sizeof(o.h)), text, o.len);
	return r < 0 ? r : copy_out(t, to, &o.h, MIN(cap, sizeof(o.h)));
}

long sys_statmount(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path root = {0};
	struct find_ctx c = {0};
	struct id_req q;
	long r;

	if (arg_u32(a, 3))
		return -EINVAL;
	r = copy_req(t, arg_uaddr(a, 0), &q);
	if (r == 0)
		r = find_ns(t, &q, &c.ns);
	if (r < 0)
		return r;
	c.id = q.mnt_id;
	mnt_for_each(c.ns, find_one, &c);
	if (!c.e.m)
		return -ENOENT;
	fs_get_root(t, &root);
	if (!reachable(c.e.m, &root) && !capable(t->cred, CAP_SYS_ADMIN))
		r = -EPERM;
	else
		r = put_statmount(t, &c, &root, q.param, arg_uaddr(a, 1), a->v[2]);
	mount_put(c.e.m);
	return r;
}

/* --- listmount --- */

struct list_ctx {
	struct mount **m; /* own references */
	size_t n, cap;
	bool failed;
};

static void note(struct mount *m, void *arg)
{
	struct list_ctx *l = arg;

	if (l->n == l->cap) {
		size_t cap = l->cap * 2 + 32;
		struct mount **p = reallocarray(l->m, cap, sizeof(struct mount *));

		if (!p) {
			l->failed = true;
			return;
		}
		l->m = p;
		l->cap = cap;
	}
	l->m[l->n++] = mount_get(m);
}

static int by_id(const void *a, const void *b)
{
	const struct mount *x = *(struct mount *const *)a, *y = *(struct mount *const *)b;

	return x->unique_id < y->unique_id ? -1 : x->unique_id > y->unique_id;
}

/* Where the list begins: the caller's root, or a mount by its number. */
static int list_root(struct task *t, const struct id_req *q, const struct list_ctx *l, struct path *ret)
{
	if (q->mnt_id == ROOT_ID) {
		fs_get_root(t, ret);
		return 0;
	}
	for (size_t i = 0; i < l->n; i++) {
		if (l->m[i]->unique_id != q->mnt_id)
			continue;
		*ret = (struct path){l->m[i], l->m[i]->root};
		path_get(ret);
		return 0;
	}
	return -ENOENT;
}

static long put_ids(struct task *t, const struct list_ctx *l, const struct path *root, uint64_t last,
		    bool reverse, uaddr_t to, uint64_t max)
{
	uint64_t n = 0;

	for (size_t k = 0; k < l->n && n < max; k++) {
		struct mount *m = l->m[reverse ? l->n - 1 - k : k];

		if (m == root->mnt || (last && (reverse ? m->unique_id >= last : m->unique_id <= last)) ||
		    !reachable(m, root))
			continue;
		if (put_u64(t, uaddr_add(to, n * 8), m->unique_id) < 0)
			return -EFAULT;
		n++;
	}
	return (long)n;
}

long sys_listmount(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path root = {0}, own = {0};
	struct list_ctx l = {0};
	struct mnt_namespace *ns;
	struct id_req q;
	long r;

	if (arg_u32(a, 3) & ~LIST_REVERSE)
		return -EINVAL;
	if (a->v[2] > LIST_MAX)
		return -EOVERFLOW;
	r = copy_req(t, arg_uaddr(a, 0), &q);
	if (r == 0 && q.param && q.param <= ID_OFFSET)
		r = -EINVAL;
	if (r == 0)
		r = find_ns(t, &q, &ns);
	if (r < 0)
		return r;
	mnt_for_each(ns, note, &l);
	r = l.failed ? -ENOMEM : list_root(t, &q, &l, &root);
	fs_get_root(t, &own);
	if (r == 0 && !reachable(root.mnt, &own) && !capable(t->cred, CAP_SYS_ADMIN))
		r = -EPERM;
	if (r == 0) {
		qsort(l.m, l.n, sizeof(struct mount *), by_id);
		r = put_ids(t, &l, &root, q.param, arg_u32(a, 3) & LIST_REVERSE, arg_uaddr(a, 1), a->v[2]);
	}
	for (size_t i = 0; i < l.n; i++)
		mount_put(l.m[i]);
	free(l.m);
	return r;
}
