/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes: the files that the client knows. A node id is a table index and a generation. What a node needs
 * to be found again is its parent and its name; its O_PATH descriptor is a cache entry that can be
 * dropped at any time and is re-made by walking down from the nearest ancestor that still has one. The
 * file found that way must be the same (device, inode number, birth time, type), else ESTALE.
 */
#ifndef NACRE_GOFER_NODE_H
#define NACRE_GOFER_NODE_H

#include <linux/openat2.h>
#include "base/cleanup.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/ref.h"
#include "proto/fuse_wire.h"

/* A descriptor shared by the cache and by the operations that are using it. */
struct gfd {
	struct ref ref;
	int fd;
};
struct gfd *gfd_new(int fd); /* takes fd over, in every case; NULL when out of memory */
void gfd_put(struct gfd *g);
DEFINE_CLEANUP(struct gfd *, gfd_put)

struct ident {
	uint64_t dev, ino, btime;
	uint32_t type; /* S_IFMT bits */
};
struct gstat {
	struct fuse_attr attr;
	struct ident id;
	uint64_t mnt_id; /* 0: the host does not say */
};
/* Of name below dirfd, never following a link; of dirfd itself when name is "". */
int gofer_stat(int dirfd, const char *name, struct gstat *ret) __must_check;

#define EXPORT_RO 1U
#define EXPORT_XDEV 2U /* mounts below the root belong to the export */
struct export {
	unsigned flags;
	int dir;	/* where its mount point is */
	uint64_t mnt_id;
};

struct node {
	uint32_t index, gen; /* constant while referenced */
	uint16_t export;     /* constant */
	bool root;	     /* constant: never forgotten */
	struct ident id;     /* constant */
	/* All below: table lock. */
	bool unlinked; /* its name is gone: the descriptor is all there is */
	uint64_t nlookup;
	uint32_t refs; /* operations in progress and child nodes */
	struct node *parent;
	char *name;
	struct gfd *path;
	struct list_head lru; /* in table->lru while path is set and may be dropped */
	struct node *hash_next;
};

struct node_table {
	struct mutex lock; /* RANK_PLATFORM */
	struct node **slot;
	uint32_t nslot, cap, nused;
	uint32_t *gens, *free_list, nfree;
	struct node **hash;
	uint32_t hash_size;
	struct list_head lru;
	unsigned nopen, open_max; /* cached descriptors that may be dropped */
	struct export export[FW_EXPORT_MAX];
	unsigned nexport;
};

/* open_max: how many descriptors the cache may hold. */
int node_table_init(struct node_table *t, unsigned open_max) __must_check;
void node_table_done(struct node_table *t);
/* The next export: name below dir (both stay valid; dir is not closed), its node is number nexport + 1. */
int node_table_export(struct node_table *t, int dir, const char *name, unsigned flags) __must_check;

/* The node with that id and a reference, NULL when there is none (stale). */
struct node *node_get(struct node_table *t, uint64_t id);
void node_put(struct node_table *t, struct node *n);
uint64_t node_id(const struct node *n);
/* The node of the file st that was found as name in parent (referenced by the caller), counted as one
 * more look-up of the client. -EXDEV when it lies on another mount, -ENFILE, -ENOMEM. */
int node_enter(struct node_table *t, struct node *parent, const char *name, const struct gstat *st,
	       uint64_t *ret_id) __must_check;
void node_forget(struct node_table *t, uint64_t id, uint64_t nlookup);

/* O_PATH descriptor of n. -ESTALE when the name now leads elsewhere. */
int node_path(struct node_table *t, struct node *n, struct gfd **ret) __must_check;
/* Opens n for real (never a link); O_CLOEXEC and O_NOFOLLOW are added. The file is checked to be n's. */
int node_open(struct node_table *t, struct node *n, uint64_t flags, int *ret_fd) __must_check;
/* Before name is removed from dir: makes sure that the node of that file, if there is one, can live on
 * without it. *ret gets that node with a reference, or NULL. */
int node_pin(struct node_table *t, struct node *dir, const char *name, const struct gstat *st,
	     struct node **ret) __must_check;
/* After the removal (removed) or its failure; drops the reference. */
void node_unpin(struct node_table *t, struct node *n, bool removed);
/* n is now name in dir. */
void node_moved(struct node_table *t, struct node *n, struct node *dir, const char *name);
/* The node of a file, with a reference, NULL when the client knows none. */
struct node *node_find(struct node_table *t, unsigned export, const struct ident *id);
/* Makes name in dirfd another name of n by way of its own name; for hosts where that cannot be done by
 * descriptor. */
int node_link_by_name(struct node_table *t, struct node *n, int dirfd, const char *name) __must_check;
/* The node of a file without name made in parent, open as fd (duplicated). */
int node_enter_tmpfile(struct node_table *t, struct node *parent, int fd, const struct gstat *st,
		       uint64_t *ret_id) __must_check;
/* Drops half of the cache: a descriptor could not be made. */
void node_shrink(struct node_table *t);
/* openat2 beneath dirfd for one component, with the export's limits. */
int node_openat(const struct node_table *t, unsigned export, int dirfd, const char *name,
		uint64_t flags, mode_t mode) __must_check;

#endif
