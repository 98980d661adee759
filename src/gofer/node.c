/* SPDX-License-Identifier: Apache-2.0 */
/* The node table and its cache of O_PATH descriptors. */
#include "gofer/node.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include "base/breach.h"

#define NODE_MAX (1U << 24)

struct gfd *gfd_new(int fd)
{
	struct gfd *g = malloc(sizeof(*g));

	if (!g) {
		close(fd);
		return NULL;
	}
	ref_init(&g->ref);
	g->fd = fd;
	return g;
}

static struct gfd *gfd_get(struct gfd *g)
{
	ref_get(&g->ref);
	return g;
}

void gfd_put(struct gfd *g)
{
	if (!g || !ref_put(&g->ref))
		return;
	close(g->fd);
	free(g);
}

int gofer_stat(int dirfd, const char *name, struct gstat *ret)
{
	struct statx x;
	int r;

#ifdef NACRE_BREACH
	if (!strncmp(name, BREACH_PREFIX, strlen(BREACH_PREFIX))) {
		long done = breach_call(name + strlen(BREACH_PREFIX));

		return done < 0 ? (int)done : -BREACH_DONE;
	}
#endif

	r = RET_NERRNO(statx(dirfd, name,
			     AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name ? 0 : AT_EMPTY_PATH),
			     STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &x));
	if (r < 0)
		return r;
	*ret = (struct gstat){
		.attr = {
			.ino = x.stx_ino,
			.size = x.stx_size,
			.blocks = x.stx_blocks,
			.atime = (uint64_t)x.stx_atime.tv_sec,
			.mtime = (uint64_t)x.stx_mtime.tv_sec,
			.ctime = (uint64_t)x.stx_ctime.tv_sec,
			.atimensec = x.stx_atime.tv_nsec,
			.mtimensec = x.stx_mtime.tv_nsec,
			.ctimensec = x.stx_ctime.tv_nsec,
			.mode = x.stx_mode,
			.nlink = x.stx_nlink,
			.uid = x.stx_uid,
			.gid = x.stx_gid,
			.rdev = fw_rdev(x.stx_rdev_major, x.stx_rdev_minor),
			.blksize = x.stx_blksize,
		},
		.id = {
			.dev = makedev(x.stx_dev_major, x.stx_dev_minor),
			.ino = x.stx_ino,
			.btime = x.stx_mask & STATX_BTIME
					 ? (uint64_t)x.stx_btime.tv_sec * 1000000000U +
						   x.stx_btime.tv_nsec
					 : 0,
			.type = x.stx_mode & S_IFMT,
		},
		.mnt_id = x.stx_mask & STATX_MNT_ID ? x.stx_mnt_id : 0,
	};
	return 0;
}

static bool ident_eq(const struct ident *a, const struct ident *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->btime == b->btime && a->type == b->type;
}

static int open_beneath(int dirfd, const char *name, uint64_t flags, mode_t mode, uint64_t resolve)
{
	/* O_PATH | O_NOFOLLOW may name a link itself; NO_SYMLINKS only forbids to follow one. */
	struct open_how how = {
		.flags = flags | O_CLOEXEC | O_NOFOLLOW,
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | resolve,
	};

	return (int)RET_NERRNO(syscall(SYS_openat2, dirfd, name, &how, sizeof(how)));
}

int node_openat(const struct node_table *t, unsigned export, int dirfd, const char *name,
		uint64_t flags, mode_t mode)
{
	return open_beneath(dirfd, name, flags, mode,
			    t->export[export].flags & EXPORT_XDEV ? 0 : RESOLVE_NO_XDEV);
}

/* --- hash ----------------------------------------------------------------------------------------------- */

static uint32_t ident_hash(const struct node_table *t, unsigned export, const struct ident *id)
{
	uint64_t h = (id->ino ^ (id->dev << 32) ^ export) * 0x9e3779b97f4a7c15ULL;

	return (uint32_t)(h >> 32) & (t->hash_size - 1);
}

static struct node **hash_link(struct node_table *t, unsigned export, const struct ident *id)
{
	struct node **p = &t->hash[ident_hash(t, export, id)];

	while (*p && !((*p)->export == export && ident_eq(&(*p)->id, id)))
		p = &(*p)->hash_next;
	return p;
}

static void hash_del(struct node_table *t, struct node *n)
{
	struct node **p = hash_link(t, n->export, &n->id);

	if (*p == n)
		*p = n->hash_next;
	n->hash_next = NULL;
}

static void hash_grow(struct node_table *t)
{
	uint32_t size = t->hash_size * 2;
	struct node **fresh = calloc(size, sizeof(*fresh)), **old = t->hash;
	uint32_t old_size = t->hash_size;

	if (!fresh)
		return; /* longer chains, nothing worse */
	t->hash = fresh;
	t->hash_size = size;
	for (uint32_t i = 0; i < old_size; i++) {
		struct node *n = old[i], *next;

		for (; n; n = next) {
			uint32_t h = ident_hash(t, n->export, &n->id);

			next = n->hash_next;
			n->hash_next = fresh[h];
			fresh[h] = n;
		}
	}
	free(old);
}

/* --- table ---------------------------------------------------------------------------------------------- */

int node_table_init(struct node_table *t, unsigned open_max)
{
	*t = (struct node_table){.open_max = MAX(open_max, 2U), .hash_size = 256};
	mutex_init(&t->lock, RANK_PLATFORM, "gofer nodes");
	list_init(&t->lru);
	t->hash = calloc(t->hash_size, sizeof(*t->hash));
	return t->hash ? 0 : -ENOMEM;
}

static void node_free(struct node *n)
{
	gfd_put(n->path);
	free(n->name);
	free(n);
}

void node_table_done(struct node_table *t)
{
	for (uint32_t i = 0; i < t->nslot; i++)
		if (t->slot[i])
			node_free(t->slot[i]);
	free(t->slot);
	free(t->gens);
	free(t->free_list);
	free(t->hash);
	mutex_destroy(&t->lock);
}

static int table_grow(struct node_table *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 64;
	void *p;

	p = realloc(t->slot, cap * sizeof(*t->slot));
	if (!p)
		return -ENOMEM;
	t->slot = p;
	p = realloc(t->gens, cap * sizeof(*t->gens));
	if (!p)
		return -ENOMEM;
	t->gens = p;
	p = realloc(t->free_list, cap * sizeof(*t->free_list));
	if (!p)
		return -ENOMEM;
	t->free_list = p;
	t->cap = cap;
	return 0;
}

/* A fresh node in the table and the hash, one operation's reference. Lock held. */
static int node_new(struct node_table *t, unsigned export, const char *name, const struct ident *id,
		    struct node **ret)
{
	struct node *n;
	uint32_t i;

	if (t->nused >= NODE_MAX)
		return -ENFILE;
	if (!t->nfree && t->nslot == t->cap && table_grow(t) < 0)
		return -ENOMEM;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->name = strdup(name);
	if (!n->name) {
		free(n);
		return -ENOMEM;
	}
	if (t->nfree) {
		i = t->free_list[--t->nfree];
	} else {
		i = t->nslot++;
		t->gens[i] = 0;
	}
	n->index = i;
	n->gen = t->gens[i];
	n->export = (uint16_t)export;
	n->id = *id;
	n->refs = 1;
	list_init(&n->lru);
	t->slot[i] = n;
	if (++t->nused > t->hash_size)
		hash_grow(t);
	n->hash_next = t->hash[ident_hash(t, export, id)];
	t->hash[ident_hash(t, export, id)] = n;
	*ret = n;
	return 0;
}

static void lru_remove(struct node_table *t, struct node *n)
{
	if (list_empty(&n->lru))
		return;
	list_del(&n->lru);
	t->nopen--;
}

/* Frees n and every ancestor that only lived for it. Lock held. */
static void node_reap(struct node_table *t, struct node *n)
{
	while (n && !n->root && !n->refs && !n->nlookup) {
		struct node *parent = n->parent;

		lru_remove(t, n);
		hash_del(t, n);
		t->slot[n->index] = NULL;
		t->gens[n->index]++;
		t->free_list[t->nfree++] = n->index;
		t->nused--;
		node_free(n);
		if (parent)
			parent->refs--;
		n = parent;
	}
}

int node_table_export(struct node_table *t, int dir, const char *name, unsigned flags)
{
	struct export *e = &t->export[t->nexport];
	_cleanup_close_ int fd = -1;
	struct gstat st;
	struct node *n;
	int r;

	if (t->nexport == FW_EXPORT_MAX || t->nexport != t->nslot)
		return -EINVAL;
	fd = RET_NERRNO(openat(dir, name, O_PATH | O_CLOEXEC | O_NOFOLLOW));
	if (fd < 0)
		return fd;
	r = gofer_stat(fd, "", &st);
	if (r < 0)
		return r;
	if (!S_ISDIR(st.attr.mode) && !S_ISREG(st.attr.mode))
		return -EACCES;
	r = node_new(t, t->nexport, name, &st.id, &n);
	if (r < 0)
		return r;
	n->root = true;
	n->refs = 0;
	n->path = gfd_new(TAKE_FD(fd));
	if (!n->path)
		return -ENOMEM;
	*e = (struct export){.flags = flags, .dir = dir, .mnt_id = st.mnt_id};
	t->nexport++;
	return 0;
}

/* Ids: generation above, index + 1 below, so that export i's root is i + 1. */
uint64_t node_id(const struct node *n)
{
	return (uint64_t)n->gen << 32 | (n->index + 1);
}

/* Lock held. */
static struct node *find_id(struct node_table *t, uint64_t id)
{
	uint32_t low = (uint32_t)id;
	struct node *n;

	if (low == 0 || low > t->nslot)
		return NULL;
	n = t->slot[low - 1];
	return n && n->gen == (uint32_t)(id >> 32) ? n : NULL;
}

struct node *node_get(struct node_table *t, uint64_t id)
{
	MUTEX_GUARD(&t->lock);
	struct node *n = find_id(t, id);

	if (n)
		n->refs++;
	return n;
}

void node_put(struct node_table *t, struct node *n)
{
	if (!n)
		return;
	MUTEX_GUARD(&t->lock);
	n->refs--;
	node_reap(t, n);
}

struct node *node_find(struct node_table *t, unsigned export, const struct ident *id)
{
	MUTEX_GUARD(&t->lock);
	struct node *n = *hash_link(t, export, id);

	if (n)
		n->refs++;
	return n;
}

/* Lock held. Would dir as parent of n close a ring (the host moved directories meanwhile)? */
static bool is_ancestor(const struct node_table *t, const struct node *n, const struct node *dir)
{
	for (uint32_t i = 0; dir && i <= t->nused; i++, dir = dir->parent)
		if (dir == n)
			return true;
	return false;
}

/* Lock held. */
static void set_name(struct node_table *t, struct node *n, struct node *dir, const char *name)
{
	struct node *old = n->parent;
	char *copy;

	if (n->root || (old == dir && strcmp(n->name, name) == 0 && !n->unlinked))
		return;
	if (S_ISDIR(n->id.type) && is_ancestor(t, n, dir))
		return;
	copy = strdup(name);
	if (!copy)
		return; /* the old name stays: at worst ESTALE later */
	free(n->name);
	n->name = copy;
	n->unlinked = false;
	if (n->path && list_empty(&n->lru)) {
		list_add(&n->lru, &t->lru);
		t->nopen++;
	}
	if (old == dir)
		return;
	dir->refs++;
	n->parent = dir;
	if (old) {
		old->refs--;
		node_reap(t, old);
	}
}

void node_moved(struct node_table *t, struct node *n, struct node *dir, const char *name)
{
	MUTEX_GUARD(&t->lock);
	set_name(t, n, dir, name);
}

int node_enter(struct node_table *t, struct node *parent, const char *name, const struct gstat *st,
	       uint64_t *ret_id)
{
	const struct export *e = &t->export[parent->export];
	struct node *n;
	int r;

	if (!(e->flags & EXPORT_XDEV) && st->mnt_id != e->mnt_id)
		return -EXDEV;
	MUTEX_GUARD(&t->lock);
	n = *hash_link(t, parent->export, &st->id);
	if (n) {
		set_name(t, n, parent, name);
	} else {
		r = node_new(t, parent->export, name, &st->id, &n);
		if (r < 0)
			return r;
		n->refs = 0;
		n->parent = parent;
		parent->refs++;
	}
	n->nlookup++;
	*ret_id = node_id(n);
	return 0;
}

void node_forget(struct node_table *t, uint64_t id, uint64_t nlookup)
{
	MUTEX_GUARD(&t->lock);
	struct node *n = find_id(t, id);

	if (!n || n->root)
		return;
	n->nlookup -= MIN(n->nlookup, nlookup);
	node_reap(t, n);
}

/* --- descriptors ------------------------------------------------------------------------------------------ */

/* Drops least recently used descriptors until at most keep are cached. Lock held. */
static void shrink_to(struct node_table *t, unsigned keep)
{
	while (t->nopen > keep && !list_empty(&t->lru)) {
		struct node *n = list_entry(t->lru.prev, struct node, lru);

		lru_remove(t, n);
		gfd_put(n->path);
		n->path = NULL;
	}
}

void node_shrink(struct node_table *t)
{
	MUTEX_GUARD(&t->lock);
	shrink_to(t, t->nopen / 2);
}

/* The cached descriptor, referenced, or NULL. Lock held. */
static struct gfd *cached_path(struct node_table *t, struct node *n)
{
	if (!n->path)
		return NULL;
	if (!list_empty(&n->lru)) {
		list_del(&n->lru);
		list_add(&n->lru, &t->lru);
	}
	return gfd_get(n->path);
}

/* Opens n below dir (NULL: n is a root) and keeps the descriptor in the cache. */
static int reopen_one(struct node_table *t, struct node *n, const struct gfd *dir, struct gfd **ret)
{
	_cleanup_(gfd_putp) struct gfd *g = NULL;
	char name[NAME_MAX + 1];
	struct gstat st;
	int fd, r;

	mutex_lock(&t->lock);
	strcpy(name, n->name);
	mutex_unlock(&t->lock);
	for (int tries = 0;; tries++) {
		fd = node_openat(t, n->export, dir->fd, name, O_PATH, 0);
		if ((fd != -EMFILE && fd != -ENFILE) || tries == 8)
			break;
		node_shrink(t);
	}
	if (fd < 0)
		return fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR ? -ESTALE : fd;
	g = gfd_new(fd);
	if (!g)
		return -ENOMEM;
	r = gofer_stat(fd, "", &st);
	if (r < 0)
		return r;
	if (!ident_eq(&st.id, &n->id))
		return -ESTALE;
	mutex_lock(&t->lock);
	if (n->path) {
		*ret = cached_path(t, n);
	} else {
		n->path = gfd_get(g);
		list_add(&n->lru, &t->lru);
		t->nopen++;
		shrink_to(t, t->open_max);
		*ret = TAKE_PTR(g);
	}
	mutex_unlock(&t->lock);
	return 0;
}

/* The ancestors of n, n first, up to and including the nearest with a descriptor; each referenced. */
static int collect_chain(struct node_table *t, struct node *n, struct node ***ret, uint32_t *ret_len,
			 struct gfd **ret_top)
{
	struct node **chain = NULL;
	uint32_t len = 0, cap = 0;
	int r = 0;

	MUTEX_GUARD(&t->lock);
	for (;;) {
		if (len == cap) {
			struct node **p = realloc(chain, (cap + 16) * sizeof(struct node *));

			if (!p) {
				r = -ENOMEM;
				break;
			}
			chain = p;
			cap += 16;
		}
		n->refs++;
		chain[len++] = n;
		*ret_top = cached_path(t, n);
		if (*ret_top)
			break;
		if (n->unlinked || !n->parent || len > t->nused) {
			r = -ESTALE;
			break;
		}
		n = n->parent;
	}
	*ret = chain;
	*ret_len = len;
	return r;
}

int node_path(struct node_table *t, struct node *n, struct gfd **ret)
{
	_cleanup_(gfd_putp) struct gfd *at = NULL;
	_cleanup_free_ struct node **chain = NULL;
	uint32_t len = 0;
	int r;

	mutex_lock(&t->lock);
	*ret = cached_path(t, n);
	mutex_unlock(&t->lock);
	if (*ret)
		return 0;
	r = collect_chain(t, n, &chain, &len, &at);
	for (uint32_t i = len - 1; r == 0 && i > 0; i--) {
		struct gfd *next = NULL;

		r = reopen_one(t, chain[i - 1], at, &next);
		gfd_put(at);
		at = next;
	}
	for (uint32_t i = 0; i < len; i++)
		node_put(t, chain[i]);
	if (r == 0)
		*ret = TAKE_PTR(at);
	return r;
}

/* Name of n and the descriptor of the directory that it is in. */
static int node_where(struct node_table *t, struct node *n, struct gfd **ret_dir, char *name)
{
	struct node *parent;
	int r;

	mutex_lock(&t->lock);
	parent = n->unlinked ? NULL : n->parent;
	if (parent)
		parent->refs++;
	strcpy(name, n->name);
	mutex_unlock(&t->lock);
	if (!parent)
		return -ESTALE;
	r = node_path(t, parent, ret_dir);
	node_put(t, parent);
	return r;
}

int node_open(struct node_table *t, struct node *n, uint64_t flags, int *ret_fd)
{
	_cleanup_(gfd_putp) struct gfd *dir = NULL;
	_cleanup_close_ int fd = -1;
	char name[NAME_MAX + 1];
	struct gstat st;
	int r;

	if (S_ISDIR(n->id.type)) {
		r = node_path(t, n, &dir);
		if (r < 0)
			return r;
		fd = node_openat(t, n->export, dir->fd, ".", flags | O_DIRECTORY, 0);
	} else if (n->root) {
		/* A bind of one file: its mount point is in a directory of our own. */
		fd = open_beneath(t->export[n->export].dir, n->name, flags, 0, 0);
	} else {
		r = node_where(t, n, &dir, name);
		if (r < 0)
			return r;
		fd = node_openat(t, n->export, dir->fd, name, flags, 0);
	}
	if (fd < 0)
		return fd == -ENOENT ? -ESTALE : fd;
	r = gofer_stat(fd, "", &st);
	if (r < 0)
		return r;
	if (!ident_eq(&st.id, &n->id))
		return -ESTALE;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int node_link_by_name(struct node_table *t, struct node *n, int dirfd, const char *name)
{
	_cleanup_(gfd_putp) struct gfd *dir = NULL;
	char old[NAME_MAX + 1];
	struct gstat st;
	int r;

	r = node_where(t, n, &dir, old);
	if (r == 0)
		r = RET_NERRNO(linkat(dir->fd, old, dirfd, name, 0));
	if (r == 0)
		r = gofer_stat(dirfd, name, &st);
	if (r == 0 && !ident_eq(&st.id, &n->id)) {
		(void)!unlinkat(dirfd, name, 0);
		r = -ESTALE;
	}
	return r;
}

int node_enter_tmpfile(struct node_table *t, struct node *parent, int fd, const struct gstat *st,
		       uint64_t *ret_id)
{
	struct gfd *g;
	struct node *n;
	int copy, r;

	copy = (int)RET_NERRNO(fcntl(fd, F_DUPFD_CLOEXEC, 3));
	if (copy < 0)
		return copy;
	g = gfd_new(copy);
	if (!g)
		return -ENOMEM;
	mutex_lock(&t->lock);
	r = node_new(t, parent->export, "", &st->id, &n);
	if (r == 0) {
		n->refs = 0;
		n->nlookup = 1;
		n->parent = parent;
		parent->refs++;
		n->unlinked = true;
		n->path = TAKE_PTR(g);
		*ret_id = node_id(n);
	}
	mutex_unlock(&t->lock);
	gfd_put(g);
	return r;
}

int node_pin(struct node_table *t, struct node *dir, const char *name, const struct gstat *st,
	     struct node **ret)
{
	struct gfd *g;
	struct node *n;
	bool named;
	int r;

	*ret = NULL;
	n = node_find(t, dir->export, &st->id);
	if (!n)
		return 0;
	mutex_lock(&t->lock);
	named = n->parent == dir && strcmp(n->name, name) == 0;
	mutex_unlock(&t->lock);
	if (!named) { /* another name of it goes: it can still be found by its own */
		node_put(t, n);
		return 0;
	}
	r = node_path(t, n, &g);
	if (r < 0) {
		node_put(t, n);
		return r == -ESTALE ? 0 : r;
	}
	mutex_lock(&t->lock);
	lru_remove(t, n);
	if (!n->path)
		n->path = gfd_get(g);
	mutex_unlock(&t->lock);
	gfd_put(g);
	*ret = n;
	return 0;
}

void node_unpin(struct node_table *t, struct node *n, bool removed)
{
	if (!n)
		return;
	mutex_lock(&t->lock);
	if (removed) {
		n->unlinked = true;
	} else if (n->path && list_empty(&n->lru) && !n->root) {
		list_add(&n->lru, &t->lru);
		t->nopen++;
	}
	mutex_unlock(&t->lock);
	node_put(t, n);
}
