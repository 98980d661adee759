/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room of the virtual file system: what its files share and nobody else needs. */
#ifndef NACRE_KERNEL_VFS_VFS_PRIV_H
#define NACRE_KERNEL_VFS_VFS_PRIV_H

#include "kernel/ns.h"
#include "kernel/vfs/vfs.h"

/* Who acts: the current task's credentials; NULL (everything is allowed) for threads that are not tasks and
 * between vfs_kernel_begin and _end. */
const struct cred *vfs_cred(void);
/* Has c the capability; NULL has every one. */
bool vfs_capable(const struct cred *c, int cap);

/* --- dentry.c --- */
extern struct mutex dcache_lock; /* RANK_DCACHE: the tree, the hash, names, aliases */
/* An unhashed negative child with one reference, or NULL. */
struct dentry *dentry_new(struct super *sb, struct dentry *parent, const char *name, size_t len);
/* From the cache only; a reference, or NULL. */
struct dentry *dentry_find(struct dentry *dir, const char *name, size_t len);
/* Calls an unhashed dentry "#number", as Linux calls what O_TMPFILE made. Without memory its name stays. */
void dentry_name_by_number(struct dentry *d);
/* Moves d to the place of target (which is unhashed); both directories are locked. */
void dentry_move(struct dentry *d, struct dentry *target);
void dentry_exchange(struct dentry *a, struct dentry *b);
/* Is d a hashed child of dir? What is one stays one while dir's lock is held. For one that has moved on, parent
 * and name change and are freed under others' locks: nothing but this may look at them. */
bool dentry_is_child(const struct dentry *d, const struct dentry *dir);
/* Is a an ancestor of d, or d itself? */
bool dentry_is_ancestor(const struct dentry *a, const struct dentry *d);
/* Forgets every cached dentry below root. */
void dcache_prune(struct dentry *root);

/* --- super.c --- */
void super_life_put(struct super *sb); /* an inode has gone */

/* --- path.c --- */
enum last_type { LAST_NORM, LAST_ROOT, LAST_DOT, LAST_DOTDOT };

#define MAX_LINKS 40 /* symbolic links followed in one resolution */
struct walk {
	struct task *t; /* NULL: the kernel itself */
	const struct cred *cred;
	struct path root, cur, base; /* owned; base: where a LOOKUP_BENEATH walk began */
	unsigned flags;
	unsigned links;
	unsigned depth; /* texts waiting in stack */
	struct {
		char *buf; /* owned link text */
		const char *rest;
	} stack[MAX_LINKS + 1];
	const char *rest; /* what is still to be walked of the current text */
	char *text;	  /* owned, when the current text is a link's */
};
struct last {
	enum last_type type;
	const char *name;
	size_t len;
	bool slash; /* followed by slashes */
};
/* Begins at dfd or the root. name must stay valid until walk_done. */
int walk_begin(struct walk *w, struct task *t, const struct cred *cred, int dfd, const char *name,
	       unsigned flags) __must_check;
/* Walks to the parent of the last component: w->cur and *ret. */
int walk_parent(struct walk *w, struct last *ret) __must_check;
/* Goes on with the target of the link at p (p is consumed): then call walk_parent or walk_rest again. */
int walk_link(struct walk *w, struct path *p, bool slash) __must_check;
/* The remaining text to the end, the last component included. */
int walk_rest(struct walk *w) __must_check;
/* Steps over one component below w->cur into *ret: mounts are crossed, links not followed. */
int walk_child(struct walk *w, const char *name, size_t len, struct path *ret) __must_check;
void walk_done(struct walk *w);
/* path_lookup_at with other credentials (access(2)). */
int path_lookup_cred(struct task *t, const struct cred *cred, int dfd, const char *name,
		     unsigned flags, struct path *ret) __must_check;
int path_parent_last(struct task *t, int dfd, const char *name, unsigned flags, struct path *ret,
		     struct last *ret_last) __must_check;

/* --- mount.c --- */
extern struct mutex mount_lock; /* RANK_MOUNT */
struct mnt_namespace {
	struct ns_common ns;
	struct mount *root GUARDED_BY(mount_lock);
	unsigned nmounts GUARDED_BY(mount_lock);
	unsigned coming GUARDED_BY(mount_lock); /* mounts that are being attached */
	unsigned event; /* atomic */
	uint64_t id;	/* constant */
};
void mnt_ns_touch(struct mnt_namespace *ns);

/* --- pnode.c --- */
struct peer_group {
	int id;
	struct list_head members, slaves; /* struct mount: peer_node, slave_node */
	struct list_head work;		  /* during a walk: this and the rest */
	unsigned mark;
	struct mount *tree, *first;
};
int mount_make_shared(struct mount *m) REQUIRES(mount_lock);
/* MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE. */
int mount_set_type(struct mount *m, int type) REQUIRES(mount_lock);
/* c, a new copy of m, has m's peers and master. */
void mount_copy_type(struct mount *c, struct mount *m) REQUIRES(mount_lock);
/* All mounts but from itself on which something happens at dentry at when it happens on from, chained by target. */
void pnode_targets(struct mount *from, struct dentry *at, struct list_head *out) REQUIRES(mount_lock);
/* Copies of tree for all of them, roots chained by target, with goes_to set. tree becomes shared. On failure the caller
 * drops what is in *copies and *drop. */
int pnode_copies(struct mount *tree, struct mount *from, struct dentry *at, struct list_head *copies,
		 struct list_head *drop) REQUIRES(mount_lock);
/* The nearest group from which m gets its mounts through groups that ns has no part in; 0: its master itself. */
int pnode_dominator(const struct mount *m, const struct mnt_namespace *ns) REQUIRES(mount_lock);
#define MOUNTS_MAX 100000
/* The mount on (m, d), with a reference, or NULL. */
struct mount *mount_child(struct mount *m, struct dentry *d);
struct mount *mount_new(struct super *sb, struct dentry *root, unsigned flags);
struct mount *mount_get(struct mount *m);
void mount_put(struct mount *m);
/* A copy of the tree at m, whose root shows d; a peer of it where m is shared. all: unbindable ones too. NULL: out of
 * memory, and what was made is chained to *drop. */
struct mount *mount_copy_tree(struct mount *m, struct dentry *d, bool recursive, bool all, struct list_head *drop)
	REQUIRES(mount_lock);
/* Next mount of the tree at root in depth-first order, parents first. */
struct mount *mount_next(struct mount *m, const struct mount *root) REQUIRES(mount_lock);
void mount_attach(struct mount *m, struct mount *parent, struct dentry *at) REQUIRES(mount_lock);
void mount_detach(struct mount *m) REQUIRES(mount_lock);
/* Takes the tree out of its namespace; the mounts to put are chained to *drop. */
void mount_unlink_tree(struct mount *m, struct list_head *drop) REQUIRES(mount_lock);
void mount_drop_list(struct list_head *drop);
struct mnt_namespace *task_mnt_ns(struct task *t); /* no reference */

/* --- namei.c --- */
/* May the acting task make a name in, or remove d from, dir (locked)? */
int may_create(struct dentry *dir, struct dentry *d) __must_check;
int may_delete(struct dentry *dir, struct dentry *d, bool want_dir) __must_check;

/* --- nsfs.c --- */
int nsfs_init(void) __must_check;

/* --- inode.c --- */
int inode_get_write(struct inode *i) __must_check; /* one more writer, -ETXTBSY */
void inode_put_write(struct inode *i);
/* One more open file of a regular file, for writing (-ETXTBSY) or for reading alone; and one less. */
int inode_count(struct inode *i, bool writer) __must_check;
void inode_uncount(struct inode *i, bool writer);
/* Set-id bits that a write or chown by the acting task clears: true when *mode changed. */
bool mode_kill_priv(const struct inode *i, const struct cred *c, mode_t *mode);

/* --- lock.c --- */
struct files;
/* A descriptor of f was closed in fs: its POSIX locks on the file go. */
void locks_close(struct file *f, struct files *fs);
/* f itself is gone: its flock and OFD locks go. */
void locks_release(struct file *f);
void locks_free(struct inode *i);

/* A file that changes, or gets another owner, loses its capabilities. Its lock is held. */
int inode_kill_caps(struct inode *i) __must_check;

#endif
