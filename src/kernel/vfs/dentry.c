/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dentry cache: names that were looked up, positive and negative.
 *
 * A hashed dentry has one reference of the cache's own, so "unused" is a count of one. Children keep their
 * parent. Once positive a dentry stays so: an unlinked name is unhashed, and the next look-up makes a new
 * dentry. Past DENTRY_MAX unused ones are dropped, the least recently used first (second chance).
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "kernel/vfs/vfs_priv.h"

struct mutex dcache_lock = MUTEX_INIT(RANK_DCACHE, "dcache");

#define HASH_BITS 16
#define HASH_SIZE (1U << HASH_BITS)
#define DENTRY_MAX 100000U
#define TRIM_SCAN 256U
#define TRIM_BATCH 64U

static struct dentry *hash_table[HASH_SIZE]; /* dcache_lock */
static LIST_HEAD(lru);			     /* dcache_lock: hashed dentries, coldest first */
static unsigned nhashed;		     /* dcache_lock */

static uint32_t name_hash(const struct dentry *parent, const char *name, size_t len)
{
	uint64_t h = (uintptr_t)parent * 0x9e3779b97f4a7c15ULL;

	while (len >= 8) {
		uint64_t v;

		memcpy(&v, name, 8);
		h = (h ^ v) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
		name += 8;
		len -= 8;
	}
	while (len--)
		h = (h ^ (uint8_t)*name++) * 0x100000001b3ULL;
	h ^= h >> 29;
	return (uint32_t)(h * 0xc4ceb9fe1a85ec53ULL >> 32);
}

static struct dentry **bucket(uint32_t hash)
{
	return &hash_table[hash & (HASH_SIZE - 1)];
}

static void hash_add(struct dentry *d) REQUIRES(dcache_lock)
{
	struct dentry **b;

	d->hash = name_hash(d->parent, d->name, d->name_len);
	b = bucket(d->hash);
	d->hash_next = *b;
	*b = d;
	d->hashed = true;
	list_add_tail(&d->lru, &lru);
	nhashed++;
}

static void hash_del(struct dentry *d) REQUIRES(dcache_lock)
{
	for (struct dentry **p = bucket(d->hash); *p; p = &(*p)->hash_next) {
		if (*p != d)
			continue;
		*p = d->hash_next;
		break;
	}
	d->hash_next = NULL;
	d->hashed = false;
	list_del(&d->lru);
	nhashed--;
}

struct dentry *dentry_new(struct super *sb, struct dentry *parent, const char *name, size_t len)
{
	struct dentry *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->name = malloc(len + 1);
	if (!d->name) {
		free(d);
		return NULL;
	}
	memcpy(d->name, name, len);
	d->name[len] = '\0';
	d->name_len = (uint32_t)len;
	ref_init(&d->ref);
	d->sb = sb;
	list_init(&d->children);
	list_init(&d->sibling);
	list_init(&d->alias);
	list_init(&d->lru);
	d->parent = parent ? dentry_get(parent) : d;
	if (parent) {
		mutex_lock(&dcache_lock);
		list_add_tail(&d->sibling, &parent->children);
		mutex_unlock(&dcache_lock);
	}
	return d;
}

struct dentry *dentry_get(struct dentry *d)
{
	ref_get(&d->ref);
	return d;
}

void dentry_put(struct dentry *d)
{
	while (d && ref_put(&d->ref)) {
		struct dentry *parent;

		mutex_lock(&dcache_lock);
		parent = d->parent == d ? NULL : d->parent;
		list_del(&d->sibling);
		list_del(&d->alias);
		mutex_unlock(&dcache_lock);
		if (d->op && d->op->release)
			d->op->release(d);
		inode_put(d->inode);
		free(d->name);
		free(d);
		d = parent;
	}
}

void dentry_instantiate(struct dentry *d, struct inode *i)
{
	mutex_lock(&dcache_lock);
	list_add_tail(&d->alias, &i->dentries);
	__atomic_store_n(&d->inode, i, __ATOMIC_RELEASE);
	mutex_unlock(&dcache_lock);
}

void dentry_drop(struct dentry *d)
{
	bool was;

	mutex_lock(&dcache_lock);
	was = d->hashed;
	if (was)
		hash_del(d);
	mutex_unlock(&dcache_lock);
	if (was)
		dentry_put(d);
}

struct dentry *dentry_make_root(struct super *sb, struct inode *i)
{
	struct dentry *d = dentry_new(sb, NULL, "/", 1);

	if (!d) {
		inode_put(i);
		return NULL;
	}
	dentry_instantiate(d, i);
	return d;
}

size_t dentry_where(struct dentry *d, char name[256], struct dentry **ret_parent)
{
	MUTEX_GUARD(&dcache_lock);
	memcpy(name, d->name, MIN(d->name_len, 255U));
	name[MIN(d->name_len, 255U)] = '\0';
	*ret_parent = dentry_get(d->parent);
	return d->name_len;
}

struct dentry *dentry_parent_get(struct dentry *d)
{
	MUTEX_GUARD(&dcache_lock);
	return dentry_get(d->parent);
}

struct dentry *dentry_of_inode(struct inode *i)
{
	struct dentry *d;

	MUTEX_GUARD(&dcache_lock);
	for (int pass = 0; pass < 2; pass++)
		list_for_each_entry(d, &i->dentries, alias)
			/* One that is being freed has no reference to give. */
			if ((pass || d->hashed || d->parent == d) && ref_get_unless_zero(&d->ref))
				return d;
	return NULL;
}

struct dentry *dentry_for_inode(struct inode *i)
{
	struct dentry *d = dentry_of_inode(i);

	if (d)
		return d;
	d = dentry_new(i->sb, NULL, "", 0);
	if (d)
		dentry_instantiate(d, inode_get(i));
	return d;
}

bool dentry_is_child(const struct dentry *d, const struct dentry *dir)
{
	MUTEX_GUARD(&dcache_lock);
	return d->hashed && d->parent == dir;
}

bool dentry_unlinked(const struct dentry *d)
{
	MUTEX_GUARD(&dcache_lock);
	return !d->hashed && d->parent != d;
}

bool dentry_is_ancestor(const struct dentry *a, const struct dentry *d)
{
	MUTEX_GUARD(&dcache_lock);
	for (;; d = d->parent) {
		if (d == a)
			return true;
		if (d->parent == d)
			return false;
	}
}

struct dentry *dentry_find(struct dentry *dir, const char *name, size_t len)
{
	uint32_t h = name_hash(dir, name, len);

	MUTEX_GUARD(&dcache_lock);
	for (struct dentry *d = *bucket(h); d; d = d->hash_next) {
		if (d->hash != h || d->parent != dir || d->name_len != len ||
		    memcmp(d->name, name, len) != 0)
			continue;
		d->used = true;
		return dentry_get(d);
	}
	return NULL;
}

/* Drops some unused dentries when there are too many. Called without inode locks of the caller's own. */
static void trim(void)
{
	struct dentry *drop[TRIM_BATCH];
	unsigned n = 0;

	if (__atomic_load_n(&nhashed, __ATOMIC_RELAXED) <= DENTRY_MAX)
		return;
	mutex_lock(&dcache_lock);
	for (unsigned k = 0; k < TRIM_SCAN && n < TRIM_BATCH && !list_empty(&lru); k++) {
		struct dentry *d = list_first_entry(&lru, struct dentry, lru);

		/* A count of one is the cache's: nobody can add one without dcache_lock. */
		if (d->used || __atomic_load_n(&d->ref.n, __ATOMIC_RELAXED) != 1) {
			d->used = false;
			list_del(&d->lru);
			list_add_tail(&d->lru, &lru);
			continue;
		}
		hash_del(d);
		drop[n++] = d;
	}
	mutex_unlock(&dcache_lock);
	while (n)
		dentry_put(drop[--n]);
}

/* The next dentry to forget below root: one without hashed children. */
static struct dentry *prune_next(struct dentry *root) REQUIRES(dcache_lock)
{
	struct dentry *d = root, *c;

	for (;;) {
		struct dentry *next = NULL;

		list_for_each_entry(c, &d->children, sibling)
			if (c->hashed) {
				next = c;
				break;
			}
		if (!next)
			return d == root ? NULL : d;
		d = next;
	}
}

void dcache_prune(struct dentry *root)
{
	for (;;) {
		struct dentry *d;

		mutex_lock(&dcache_lock);
		d = prune_next(root);
		if (d)
			hash_del(d);
		mutex_unlock(&dcache_lock);
		if (!d)
			return;
		dentry_put(d);
	}
}

/* Asks the file system; dir's inode lock is taken here. */
static int lookup_slow(struct dentry *dir, const char *name, size_t len, struct dentry **ret)
{
	struct inode *di = dir->inode, *i = NULL;
	struct dentry *d;
	int r;

	MUTEX_GUARD(&di->lock);
	d = dentry_find(dir, name, len); /* another thread was faster */
	if (d) {
		*ret = d;
		return 0;
	}
	if (di->dead)
		return -ENOENT;
	d = dentry_new(dir->sb, dir, name, len);
	if (!d)
		return -ENOMEM;
	r = di->op->lookup(di, d, &i);
	if (r < 0) {
		dentry_put(d);
		return r;
	}
	mutex_lock(&dcache_lock);
	if (i) {
		list_add_tail(&d->alias, &i->dentries);
		__atomic_store_n(&d->inode, i, __ATOMIC_RELEASE);
	}
	hash_add(d);
	dentry_get(d); /* the cache's */
	mutex_unlock(&dcache_lock);
	*ret = d;
	return 0;
}

int dentry_lookup(struct dentry *dir, const char *name, size_t len, struct dentry **ret)
{
	struct inode *di = dentry_inode(dir);
	struct dentry *d;
	int r;

	if (!di || !di->op || !di->op->lookup)
		return -ENOTDIR;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	d = dentry_find(dir, name, len);
	if (d && d->op && d->op->revalidate &&
	    !__atomic_load_n(&d->mounted, __ATOMIC_RELAXED)) {
		r = d->op->revalidate(d);
		if (r <= 0) {
			if (r == 0)
				dentry_drop(d);
			dentry_put(d);
			d = NULL;
			if (r < 0)
				return r;
		}
	}
	if (d) {
		*ret = d;
		return 0;
	}
	r = lookup_slow(dir, name, len, ret);
	if (r == 0)
		trim();
	return r;
}

/* --- renames --- */

void dentry_name_by_number(struct dentry *d)
{
	char *name, *old;
	int n = asprintf(&name, "#%llu", (unsigned long long)d->inode->ino);

	if (n < 0)
		return;
	mutex_lock(&dcache_lock);
	old = d->name;
	d->name = name;
	d->name_len = (uint32_t)n;
	mutex_unlock(&dcache_lock);
	free(old);
}

static void reparent(struct dentry *d, struct dentry *parent) REQUIRES(dcache_lock)
{
	list_del(&d->sibling);
	d->parent = dentry_get(parent);
	list_add_tail(&d->sibling, &parent->children);
}

static void swap_names(struct dentry *a, struct dentry *b) REQUIRES(dcache_lock)
{
	char *name = a->name;
	uint32_t len = a->name_len;

	a->name = b->name;
	a->name_len = b->name_len;
	b->name = name;
	b->name_len = len;
}

void dentry_move(struct dentry *d, struct dentry *target)
{
	char *copy = strdup(target->name); /* without memory the victim shows the old name: harmless */
	struct dentry *old, *drop = NULL;

	mutex_lock(&dcache_lock);
	old = d->parent;
	if (d->hashed)
		hash_del(d);
	else
		dentry_get(d); /* the cache's */
	if (target->hashed) {
		hash_del(target);
		drop = target;
	}
	swap_names(d, target);
	if (copy) {
		free(target->name);
		target->name = copy;
		target->name_len = d->name_len;
	}
	if (old != target->parent)
		reparent(d, target->parent);
	else
		old = NULL;
	hash_add(d);
	mutex_unlock(&dcache_lock);
	dentry_put(old);
	dentry_put(drop);
}

void dentry_exchange(struct dentry *a, struct dentry *b)
{
	struct dentry *pa, *pb;

	mutex_lock(&dcache_lock);
	pa = a->parent;
	pb = b->parent;
	/* Both are hashed: the caller holds both directories and has checked. */
	hash_del(a);
	hash_del(b);
	swap_names(a, b);
	if (pa != pb) {
		reparent(a, pb);
		reparent(b, pa);
	}
	hash_add(a);
	hash_add(b);
	mutex_unlock(&dcache_lock);
	if (pa != pb) {
		dentry_put(pa);
		dentry_put(pb);
	}
}
