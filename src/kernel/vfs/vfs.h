/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual file system: super, inode, dentry, mount, file, as in Linux, and the operations that a
 * file system provides. File systems (fs/X) include this and never another file system.
 *
 * Ownership: *_get adds a reference, *_put drops it, ret_ parameters receive one.
 * Errors are negative errno. Lock order: base/lock.h and docs/LOCKING.md.
 */
#ifndef NACRE_KERNEL_VFS_VFS_H
#define NACRE_KERNEL_VFS_VFS_H

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include "base/cleanup.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/ref.h"
#include "kernel/types.h"
#include "kernel/wait.h"

/* --- inode -------------------------------------------------------------------------------------- */

struct kstat {
	uint64_t dev, ino, nlink, rdev, size, blocks;
	uint32_t blksize;
	mode_t mode;
	kuid_t uid;
	kgid_t gid;
	struct timespec atime, mtime, ctime, btime;
	uint32_t mask;	     /* STATX_* valid */
	uint64_t attributes, attributes_mask; /* STATX_ATTR_*: which are set, which can be */
};

/* setattr: valid says which fields count. */
#define ATTR_MODE 0x01U
#define ATTR_UID 0x02U
#define ATTR_GID 0x04U
#define ATTR_SIZE 0x08U
#define ATTR_ATIME 0x10U /* set to atime */
#define ATTR_MTIME 0x20U
#define ATTR_ATIME_NOW 0x40U
#define ATTR_MTIME_NOW 0x80U
#define ATTR_KILL_PRIV 0x100U /* clear set-id bits (write or chown) */
struct iattr {
	uint32_t valid;
	mode_t mode;
	kuid_t uid;
	kgid_t gid;
	uint64_t size;
	struct timespec atime, mtime;
	struct file *file; /* for ftruncate: the open file, or NULL */
};

/* One directory entry goes to emit; it returns false when the caller's buffer is full (stop, and do
 * not advance past this entry). next_off: position after the entry. type: DT_*. */
struct dir_context {
	bool (*emit)(struct dir_context *c, const char *name, size_t len, uint64_t ino,
		     unsigned type, uint64_t next_off);
	uint64_t pos; /* in: where to start; out: where to go on */
};

/* All directory operations are called with the directory's inode lock held (and the victim's for
 * unlink, rmdir, rename targets), after permission checks and with names ≤ NAME_MAX that are not "."
 * or "..". dentry is the negative (create...) or positive (unlink...) child. On success a creating
 * operation attaches the new inode with dentry_instantiate(). NULL = -EPERM (creating and changing),
 * -ENOTDIR (lookup) or the generic default stated. */
struct inode_ops {
	/* Finds dentry->name in dir. Sets *ret to a new inode reference, or NULL for "no such name".
	 * dir's lock is held. */
	int (*lookup)(struct inode *dir, struct dentry *dentry, struct inode **ret);
	/* cred: for ownership of the new inode (already includes set-gid directory rule: use
	 * inode_init_owner). mode includes the type and is masked by umask. */
	int (*create)(struct inode *dir, struct dentry *dentry, mode_t mode);
	int (*mkdir)(struct inode *dir, struct dentry *dentry, mode_t mode);
	int (*mknod)(struct inode *dir, struct dentry *dentry, mode_t mode, dev_t rdev);
	int (*symlink)(struct inode *dir, struct dentry *dentry, const char *target);
	int (*link)(struct dentry *old, struct inode *dir, struct dentry *dentry);
	int (*unlink)(struct inode *dir, struct dentry *dentry);
	int (*rmdir)(struct inode *dir, struct dentry *dentry);
	/* flags: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT; both dirs locked. */
	int (*rename)(struct inode *odir, struct dentry *old, struct inode *ndir,
		      struct dentry *new, unsigned flags);
	int (*tmpfile)(struct inode *dir, struct dentry *dentry, mode_t mode);
	/* buf receives the NUL-terminated target (cap includes the NUL): its length, or -errno. */
	ssize_t (*readlink)(struct inode *inode, char *buf, size_t cap);
	/* "Magic" links (/proc/PID/fd/N): jumps straight to a path instead of reading text; NULL for
	 * ordinary links. */
	int (*jump_link)(struct inode *inode, struct path *ret);
	/* NULL: the generic fields of struct inode. */
	int (*getattr)(struct inode *inode, struct kstat *ret);
	/* Inode lock held; permission already checked. NULL: -EPERM. */
	int (*setattr)(struct inode *inode, const struct iattr *a);
	/* NULL: mode bits (generic_permission). mask: MAY_*. */
	int (*permission)(struct inode *inode, const struct cred *cred, int mask);
	ssize_t (*getxattr)(struct inode *inode, const char *name, void *buf, size_t cap);
	int (*setxattr)(struct inode *inode, const char *name, const void *v, size_t n, int flags);
	int (*removexattr)(struct inode *inode, const char *name);
	ssize_t (*listxattr)(struct inode *inode, char *buf, size_t cap);
};

#define MAY_EXEC 1
#define MAY_WRITE 2
#define MAY_READ 4
#define MAY_APPEND 8

struct inode {
	struct ref ref;
	struct super *sb;
	uint64_t ino;
	const struct inode_ops *op;
	const struct file_ops *fop; /* given to files opened on it */
	struct mutex lock;	    /* RANK_INODE_DIR or RANK_INODE */
	/* Written with lock held. The permission check and stat read them one by one without it, as Linux does; who needs two of
	 * one moment (set-id bits and their owner) takes it. */
	mode_t mode GUARDED_BY(lock);
	kuid_t uid GUARDED_BY(lock);
	kgid_t gid GUARDED_BY(lock);
	uint32_t nlink GUARDED_BY(lock);
	uint64_t size GUARDED_BY(lock);
	dev_t rdev; /* constant */
	struct timespec atime, mtime, ctime, btime GUARDED_BY(lock);
	struct list_head sb_node GUARDED_BY(sb->lock);
	uint64_t map_key;    /* unique over the kernel's life: identity for shared futexes and maps */
	int writers;	     /* atomic: > 0 open for writing, < 0 being executed (ETXTBSY) */
	bool dead GUARDED_BY(lock); /* a directory that was removed: nothing can be made in it */
	bool has_caps;	     /* atomic: security.capability was set since the inode is in memory */
	bool linkable GUARDED_BY(lock); /* made by O_TMPFILE: may get its first name */
	int readers;	     /* atomic: opened for reading alone, regular files */
	uint32_t fs_flags;   /* atomic: FS_*_FL of FS_IOC_SETFLAGS */
	uint8_t rw_hint;     /* atomic: F_SET_RW_HINT */
	struct lease *leases; /* lease lock */
	int shared_maps;     /* atomic: mappings through which the file can be, or become, written */
	struct list_head dentries GUARDED_BY(dcache lock); /* aliases */
	struct pipe *pipe GUARDED_BY(lock);	 /* FIFO */
	struct file_lock_context *flc GUARDED_BY(lock); /* flock, POSIX, OFD locks */
	struct notify_mark *marks; /* notify lock: who watches it (vfs/notify.h) */
	void *priv; /* the file system's */
};

/* A new inode of sb with one reference, added to sb. rank: RANK_INODE_DIR for directories...; given
 * by sb (sb->layer decides RANK_LAYER_*). NULL when out of memory. */
struct inode *inode_new(struct super *sb, mode_t mode);
struct inode *inode_get(struct inode *i);
void inode_put(struct inode *i);
DEFINE_CLEANUP(struct inode *, inode_put)
/* Owner and group of a new child of dir made by the current task (set-gid directories). */
void inode_init_owner(struct inode *i, const struct inode *dir, mode_t mode);
/* Has cred (NULL: everything) the capability in its namespace, over an inode whose ids are mapped there? */
bool inode_capable(const struct inode *i, const struct cred *cred, int cap);
/* chattr(1): nobody changes it (FS_IMMUTABLE_FL), or only at its end (FS_APPEND_FL). */
static inline bool inode_has(const struct inode *i, uint32_t fs_flag)
{
	return __atomic_load_n(&i->fs_flags, __ATOMIC_RELAXED) & fs_flag;
}
int generic_permission(struct inode *i, const struct cred *cred, int mask);
int inode_permission(struct inode *i, const struct cred *cred, int mask);
/* May cred act as owner of i (utimes, chmod)? */
bool inode_owner_or_capable(const struct inode *i, const struct cred *cred);
void inode_touch(struct inode *i, bool mtime, bool ctime); /* lock held: set to now */
/* Applies a to the generic fields (not size) and sets ctime; lock held. For setattr of file systems. */
void generic_setattr(struct inode *i, const struct iattr *a);
/* Executing i: -ETXTBSY while it is open for writing; afterwards opens for writing get -ETXTBSY. */
int inode_deny_write(struct inode *i) __must_check;
void inode_allow_write(struct inode *i);
/* The wall clock as inode times use it (coarse, as in Linux). */
struct timespec inode_now(void);
int vfs_getattr(const struct path *path, struct kstat *ret);
void generic_getattr(struct inode *i, struct kstat *ret);

/* --- dentry ------------------------------------------------------------------------------------- */

struct dentry_ops {
	/* May the cached dentry (positive or negative) still be used? 1 yes, 0 drop it and look up
	 * again, -errno. NULL: always. Called without locks. */
	int (*revalidate)(struct dentry *d);
	void (*release)(struct dentry *d);
};

struct dentry {
	struct ref ref;
	struct super *sb;
	const struct dentry_ops *op;
	struct dentry *parent GUARDED_BY(dcache lock); /* self for a root */
	struct inode *inode GUARDED_BY(dcache lock);   /* NULL: negative */
	char *name GUARDED_BY(dcache lock);
	uint32_t name_len;
	bool hashed GUARDED_BY(dcache lock); /* false: unlinked */
	struct list_head children GUARDED_BY(dcache lock), sibling GUARDED_BY(dcache lock);
	struct list_head alias GUARDED_BY(dcache lock); /* inode->dentries */
	struct list_head lru;
	struct dentry *hash_next;
	uint32_t hash;
	bool used; /* atomic: looked up since the last trimming pass */
	int mounted; /* atomic: number of mounts on it in any namespace */
	void *priv;
};

struct dentry *dentry_get(struct dentry *d);
void dentry_put(struct dentry *d);
DEFINE_CLEANUP(struct dentry *, dentry_put)
/* Gives a negative dentry its inode (the reference moves in). */
void dentry_instantiate(struct dentry *d, struct inode *i);
/* Unhashes: later lookups do not find it. */
void dentry_drop(struct dentry *d);
/* A root dentry for sb, owning i. */
struct dentry *dentry_make_root(struct super *sb, struct inode *i);
/* d's parent with a reference; d itself for a root. */
struct dentry *dentry_parent_get(struct dentry *d);
/* Where d is now, taken together under the dcache lock, for revalidate() and others that hold no directory
 * lock: its parent (a reference; d itself for a root) and its name, NUL-terminated. Returns the length. */
size_t dentry_where(struct dentry *d, char name[256], struct dentry **ret_parent);
/* One of the names of i that can still be looked up, else any dentry of it; a reference, or NULL. */
struct dentry *dentry_of_inode(struct inode *i);
/* Has d lost its name? A root never has. */
bool dentry_unlinked(const struct dentry *d);
/* Child name of dir from the cache or the file system; positive or negative, with a reference.
 * dir is a directory; takes its inode lock when it must ask the file system. */
int dentry_lookup(struct dentry *dir, const char *name, size_t len, struct dentry **ret);
/* d's inode, NULL when negative. For readers without locks: what is positive stays so. */
static inline struct inode *dentry_inode(const struct dentry *d)
{
	return __atomic_load_n(&d->inode, __ATOMIC_ACQUIRE);
}

/* --- super and file system types ------------------------------------------------------------------ */

struct super_ops {
	/* Last reference of an inode is gone: free priv. */
	void (*evict)(struct inode *i);
	int (*statfs)(struct super *sb, struct statfs *ret);
	int (*sync)(struct super *sb);
	int (*show_options)(struct super *sb, char *buf, size_t cap); /* ",size=64k" */
	/* Remount with new options (NULL for none). NULL: options are not looked at. */
	int (*reconfigure)(struct super *sb, const char *options);
	void (*kill)(struct super *sb);
	bool inode_flags; /* inodes have FS_*_FL: FS_IOC_GETFLAGS and SETFLAGS work */
	bool handles; /* name_to_handle_at(2) names inodes that open_by_handle_at(2) finds while they are in memory */
};

struct super {
	struct ref ref;
	struct ref life; /* one for ref, one for each inode: kill() when the last goes */
	uint64_t next_ino; /* atomic: number of the next inode_new, which the fs may replace */
	const struct fs_type *type;
	const struct super_ops *op;
	struct dentry *root;
	uint64_t dev; /* st_dev */
	uint32_t magic;
	unsigned flags; /* SB_RDONLY... = MS_* of mount(2) */
	bool layer;	/* below an overlay: inode locks get RANK_LAYER_* */
	bool nameless;	/* its dentries have no place: their name alone is what path_name() tells */
	struct user_namespace *user_ns; /* a reference: who mounted it */
	uint32_t time_gran;
	int writers; /* atomic: files open for writing */
	struct mutex lock; /* RANK_SUPER */
	struct mutex rename_lock;
	struct list_head inodes GUARDED_BY(lock);
	char *source; /* what /proc/mounts shows */
	void *priv;
};

/* What a mount asks for. Options are "key=value" or "flag", already split. */
struct fs_params {
	const char *source;
	unsigned flags;	     /* MS_RDONLY... */
	const char *options; /* comma-separated, NULL for none */
	struct container *ct; /* on whose behalf */
	void *internal;	     /* kernel-made mounts (fuse client, overlay layers): typed by the fs */
};
struct fs_type {
	const char *name;
	unsigned flags; /* FS_REQUIRES_DEV..., FS_USERNS_MOUNT */
	int (*get_super)(const struct fs_type *t, const struct fs_params *p, struct super **ret);
	/* May an option have this name and value (NULL for none)? NULL: there are no options. */
	bool (*option)(const char *key, const char *value);
};
#define FS_NODEV 1U	/* /proc/filesystems says nodev */
#define FS_INTERNAL 2U	/* the guest cannot mount it */
#define FS_USERNS_MOUNT 4U /* by every mount namespace's root, not the first one's alone */
extern const struct fs_type *const fs_types[]; /* NULL-terminated; the one list: vfs/fs_types.c */
const struct fs_type *fs_type_find(const char *name);
/* Calls one for each option of the comma-separated options (NULL: none); value is NULL where there is no "=". -EINVAL as soon
 * as one says false, -ENOMEM. */
int fs_parse_options(const char *options, bool (*one)(void *ctx, const char *key, const char *value), void *ctx) __must_check;

struct super *super_new(const struct fs_type *t, const struct super_ops *op, uint32_t magic);
struct super *super_get(struct super *sb);
void super_put(struct super *sb);
/* Sets layer and gives the locks of the inodes that exist their ranks. sb is not in use yet. */
void super_make_layer(struct super *sb);
/* The anonymous super of pipes, sockets, eventfds, memfds. */
struct super *anon_super(void);

/* --- mounts --------------------------------------------------------------------------------------- */

struct path {
	struct mount *mnt;
	struct dentry *dentry;
};
void path_get(const struct path *p);
void path_put(struct path *p); /* clears it; harmless when empty */

struct mount {
	struct ref ref;
	struct super *sb;
	struct dentry *root;
	struct mount *parent GUARDED_BY(mount lock);	  /* NULL: namespace root or detached */
	struct dentry *mountpoint GUARDED_BY(mount lock); /* in parent */
	struct list_head children GUARDED_BY(mount lock), sibling GUARDED_BY(mount lock);
	struct mnt_namespace *ns GUARDED_BY(mount lock);
	unsigned flags; /* atomic: MNT_* below */
	int id;
	uint64_t unique_id; /* constant: never used again, unlike id */
	int writers;	    /* atomic: files open for writing through it */
	/* Propagation (pnode.c), all under the mount lock. */
	struct peer_group *group, *master; /* shared: its peers; slave: whom it receives from */
	struct list_head peer_node, slave_node;
	struct list_head target; /* during a walk over who receives */
	struct mount *goes_to;	 /* a copy: the mount that it will be attached to */
	bool unbindable, doomed;
	bool detached GUARDED_BY(mount lock); /* the root of a tree that only a descriptor keeps */
	bool expiring GUARDED_BY(mount lock); /* umount2(MNT_EXPIRE) has seen it unused */
	struct mount *hash_next GUARDED_BY(mount lock);
	struct list_head drop; /* on its way out */
};
#define MNT_READONLY 1U
#define MNT_NOSUID 2U
#define MNT_NODEV 4U
#define MNT_NOEXEC 8U
#define MNT_NOATIME 16U
#define MNT_NODIRATIME 32U
#define MNT_RELATIME 64U
#define MNT_NOSYMFOLLOW 128U
/* Set when a less privileged user namespace got a copy: these flags do not change, and the mount stays where it is. */
#define MNT_LOCK(flag) ((flag) << 16)
#define MNT_LOCK_ATIME (1U << 30)
#define MNT_LOCKED (1U << 31)
#define MNT_LOCKS (0xffffU << 16)

struct mnt_namespace; /* vfs/mnt_ns.c */
struct mnt_namespace *mnt_namespace_get(struct mnt_namespace *ns);
void mnt_namespace_put(struct mnt_namespace *ns);
/* A namespace whose root is a new mount of sb's root (one reference of sb is taken over). */
int mnt_namespace_new(struct super *sb, unsigned mnt_flags, struct mnt_namespace **ret);
/* A copy for owner. When that is not old's owner, its mounts are locked (user_namespaces(7)). fix: whose paths go over to
 * the copy, or NULL. */
int mnt_namespace_copy(struct mnt_namespace *old, struct user_namespace *owner, struct fs_struct *fix,
		       struct mnt_namespace **ret);
struct ns_common *mnt_namespace_ns(struct mnt_namespace *ns);
struct mnt_namespace *mnt_namespace_of(struct ns_common *ns); /* NS_MNT; no reference */
/* Is m in the current task's mount namespace? */
bool mnt_is_current(struct mount *m);
/* May set-id programs of m change the ids of c? */
bool mnt_may_suid(const struct mount *m, const struct cred *c);
void mnt_namespace_root(struct mnt_namespace *ns, struct path *ret);
/* Mounts sb (reference taken over) or a bind of from at path. */
int mount_super_at(struct super *sb, unsigned mnt_flags, const struct path *at);
int mount_bind_at(const struct path *from, bool recursive, const struct path *at);
/* p is the root of a mount and stays the caller's. flags: MNT_DETACH, MNT_FORCE, MNT_EXPIRE. */
int umount_path(struct path *p, int flags);
int mount_move(const struct path *from, const struct path *at);
int mount_set_propagation(const struct path *p, int type, bool recursive);
/* Makes a mount of sb (reference taken over), or a copy of what is mounted at from, that no namespace has yet:
 * *ret is its root. mount_dissolve() takes it apart again unless it was attached meanwhile. */
int mount_detached(struct super *sb, unsigned mnt_flags, struct path *ret) __must_check;
int mount_detached_copy(const struct path *from, bool recursive, struct path *ret) __must_check;
void mount_dissolve(struct mount *m);
/* move_mount(2): a mount or a detached tree goes to at, or beneath what is mounted there. */
int mount_move_to(const struct path *from, const struct path *at, bool beneath);
/* MOVE_MOUNT_SET_GROUP: to gets the peers and master of from. */
int mount_set_group(const struct path *from, const struct path *to);
/* Changes flags of the mount at p, or of the whole tree: first clear, then set. type: propagation, 0 for as it is.
 * -EBUSY when files are open for writing. */
int mount_change(const struct path *p, unsigned clear, unsigned set, int type, bool recursive);
/* The file system itself read-only or not; options for its reconfigure(). */
int super_reconfigure(struct super *sb, unsigned flags, unsigned mask, const char *options);
/* Changes whenever mounts of ns come, go or change; wakes mounts_changed. */
unsigned mnt_ns_event(struct mnt_namespace *ns);
extern struct waitq mounts_changed;
/* pivot_root(2): both paths resolved. */
int mount_pivot(struct task *t, const struct path *new_root, const struct path *put_old);
int mount_remount(const struct path *p, unsigned mnt_flags);
/* A mount of sb outside every namespace (one reference of sb is taken over), for layers of an overlay and
 * the like. NULL when out of memory; dropped with path_put of a path in it. */
struct mount *mount_internal(struct super *sb, unsigned mnt_flags);
/* Steps p over mounts stacked on it / up through a mount root. */
void follow_mount(struct path *p);
bool follow_up(struct path *p);
/* Calls fn for each mount visible from root, in /proc/mounts order; mount lock held: fn must not sleep. */
void mnt_for_each(struct mnt_namespace *ns, void (*fn)(struct mount *m, void *arg), void *arg);

/* --- path resolution -------------------------------------------------------------------------------- */

#define LOOKUP_FOLLOW 0x01U	/* follow a trailing symlink */
#define LOOKUP_DIRECTORY 0x02U	/* result must be a directory */
#define LOOKUP_EMPTY 0x04U	/* "" means dfd itself (AT_EMPTY_PATH) */
#define LOOKUP_NO_SYMLINKS 0x08U /* RESOLVE_* of openat2 */
#define LOOKUP_NO_MAGICLINKS 0x10U
#define LOOKUP_NO_XDEV 0x20U
#define LOOKUP_BENEATH 0x40U
#define LOOKUP_IN_ROOT 0x80U
#define LOOKUP_MOUNTPOINT 0x100U /* umount: the topmost mount on the result */

/* dfd: guest descriptor or AT_FDCWD. All fail with the errno of path_resolution(7). */
int path_lookup_at(struct task *t, int dfd, const char *name, unsigned flags, struct path *ret)
	__must_check;
/* Resolves all but the last component. *ret_last points into name (length *ret_len, no slashes);
 * trailing slashes: *ret_dir = true. For "/" and a trailing "." or "..": -EEXIST for creators:
 * they get *ret_len = 0 and *ret = that directory. */
int path_parent_at(struct task *t, int dfd, const char *name, unsigned flags, struct path *ret,
		   const char **ret_last, size_t *ret_len, bool *ret_dir) __must_check;
/* By the kernel itself: relative to root (also the barrier for ".."), as cred. */
int path_lookup_from(const struct path *root, const char *name, unsigned flags, struct path *ret)
	__must_check;
/* Absolute name of p as seen from root; " (deleted)" appended when unlinked, "(unreachable)" in front
 * when outside. Returns a pointer into buf, or NULL when cap is too small. */
char *path_name(const struct path *p, const struct path *root, char *buf, size_t cap);

/* Operations by name for sys_*.c and for container set-up: checks, locks, calls the fs. dentry
 * results carry references. */
int vfs_create(const struct path *dir, struct dentry *d, mode_t mode);
int vfs_mkdir(const struct path *dir, struct dentry *d, mode_t mode);
int vfs_mknod(const struct path *dir, struct dentry *d, mode_t mode, dev_t rdev);
int vfs_symlink(const struct path *dir, struct dentry *d, const char *target);
int vfs_link(const struct path *old, const struct path *dir, struct dentry *d);
int vfs_unlink(const struct path *dir, struct dentry *d);
int vfs_rmdir(const struct path *dir, struct dentry *d);
int vfs_rename(const struct path *odir, struct dentry *o, const struct path *ndir, struct dentry *n,
	       unsigned flags);
int vfs_setattr(const struct path *p, struct iattr *a);
int vfs_truncate(const struct path *p, uint64_t size, struct file *f);
/* An unlinked regular file in dir (O_TMPFILE): an unhashed, positive dentry. linkable: vfs_link may name it. */
int vfs_tmpfile(const struct path *dir, mode_t mode, bool linkable, struct dentry **ret);
/* The target of a link, NUL-terminated; its length. */
ssize_t vfs_readlink(const struct path *p, char *buf, size_t cap);
/* Extended attributes with the name-space rules of xattr(7). */
ssize_t vfs_getxattr(const struct path *p, const char *name, void *buf, size_t cap);
int vfs_setxattr(const struct path *p, const char *name, const void *v, size_t n, int flags);
int vfs_removexattr(const struct path *p, const char *name);
ssize_t vfs_listxattr(const struct path *p, char *buf, size_t cap);
/* Between these two the calling thread acts as the kernel itself: the operations of this header check no
 * permission, and new inodes still get the current task's ids. For overlays. May nest. */
void vfs_kernel_begin(void);
void vfs_kernel_end(void);
/* mkdir -p from root, for mount points; existing is fine. */
int vfs_mkdir_p(const struct path *root, const char *name, mode_t mode);
int mnt_want_write(struct mount *m); /* -EROFS, or 0 */
/* /proc/sys/fs/protected_*: what may be followed, linked and opened of others in sticky directories. Atomic. */
extern int protected_symlinks, protected_hardlinks, protected_fifos, protected_regular;
/* May the acting task give another name to i? -EPERM. */
int may_link(struct inode *i) __must_check;
/* Opens what is at p (resolved already) as open(2) does, with its permission checks. */
int file_open_existing(const struct path *p, const struct cred *c, uint32_t flags, struct file **ret) __must_check;
/* The inode of sb with that number and key (inode.map_key), if it is in memory: a reference, or NULL. */
struct inode *super_find_inode(struct super *sb, uint64_t ino, uint64_t key);
/* A dentry of i that can be opened: one of its names, or one without a name. A reference, or NULL: no memory. */
struct dentry *dentry_for_inode(struct inode *i);
/* A file is open for writing through m: neither m nor its super becomes read-only meanwhile. */
void mnt_writer(struct mount *m, int by);

/* --- files ------------------------------------------------------------------------------------------ */

struct file_ops {
	/* Called when an open file is made on inode; NULL fine. May replace f->op and f->priv. */
	int (*open)(struct inode *inode, struct file *f);
	/* Last reference gone. */
	void (*release)(struct file *f);
	/* pos: NULL for files without position; else read and advanced. Return bytes, 0 = end, -errno;
	 * a signal while nothing was moved is -ERESTARTSYS. flags: RWF_*. O_NONBLOCK is in f->flags,
	 * RWF_NOWAIT in flags. */
	ssize_t (*read)(struct file *f, struct uio *u, uint64_t *pos, int flags);
	ssize_t (*write)(struct file *f, struct uio *u, uint64_t *pos, int flags);
	int64_t (*llseek)(struct file *f, int64_t off, int whence); /* NULL: -ESPIPE */
	int (*iterate)(struct file *f, struct dir_context *c);	    /* NULL: -ENOTDIR */
	/* EPOLL* mask; NULL: always readable and writable. */
	uint32_t (*poll)(struct file *f, struct poll_table *pt);
	/* -ENOTTY when cmd is unknown. */
	long (*ioctl)(struct file *f, struct task *t, unsigned cmd, uint64_t arg);
	/* A host descriptor for mapping (writable when shared and written); -ENODEV when it cannot be
	 * mapped. The file system keeps read, write and mappings coherent from then on. anon: set
	 * true to get private anonymous memory instead (/dev/zero). */
	int (*map)(struct file *f, bool writable, struct hostfd **ret);
	/* A mapping of f (one vma) has come, or gone. Called with mm locks held. */
	void (*mapped)(struct file *f, bool on);
	int (*fsync)(struct file *f, bool datasync);	/* NULL: 0 */
	int (*fallocate)(struct file *f, int mode, uint64_t off, uint64_t len); /* -EOPNOTSUPP */
	int (*flush)(struct file *f);			/* each close of a descriptor */
	void (*show_fdinfo)(struct file *f, char *buf, size_t cap); /* extra lines */
};

struct file {
	struct ref ref;
	const struct file_ops *op;
	struct path path;    /* for anon files: the anonymous mount and an unhashed dentry */
	struct inode *inode; /* = path.dentry->inode at open, own reference */
	uint32_t flags;	     /* atomic: O_* less creation flags; F_SETFL changes some */
	bool can_read, can_write, is_path; /* constant */
	struct mutex pos_lock; /* RANK_FILE_POS */
	uint64_t pos GUARDED_BY(pos_lock);
	const struct cred *cred; /* of the opener */
	struct list_head epoll_items; /* epoll watches; guarded by the epoll code's own lock */
	struct fown *fown;	      /* its lock: F_SETOWN, F_SETSIG; NULL until asked for */
	bool dissolve;		      /* constant: its mount goes with it unless attached */
	bool created;		      /* constant: this open made the file */
	void *priv;
};

struct file *file_get(struct file *f);
void file_put(struct file *f);
DEFINE_CLEANUP(struct file *, file_put)
/* Opens p (already resolved; permission not checked here) with O_* flags. */
int file_open_path(const struct path *p, uint32_t flags, const struct cred *cred, struct file **ret)
	__must_check;
/* open(2) with all of its semantics, O_CREAT and O_TMPFILE included. lookup: extra LOOKUP_* flags. */
int file_open_at(struct task *t, int dfd, const char *name, uint32_t flags, mode_t mode,
		 unsigned lookup, struct file **ret) __must_check;
/* A file without a name: pipe, socket, eventfd... name shows in /proc/PID/fd ("anon_inode:[eventfd]").
 * mode: S_IFIFO | 0600 etc. for fstat; 0 = anon inode. priv is the file's from success on. */
int anon_file_new(const char *name, const struct file_ops *op, void *priv, uint32_t flags,
		  mode_t mode, struct file **ret) __must_check;
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif
/* Does a write with these RWF_* flags go to the end? */
static inline bool file_appends(const struct file *f, int flags)
{
	if (flags & RWF_NOAPPEND)
		return false;
	return (flags & RWF_APPEND) || (__atomic_load_n(&f->flags, __ATOMIC_RELAXED) & O_APPEND);
}
ssize_t file_read(struct file *f, struct uio *u, uint64_t *pos, int flags);
ssize_t file_write(struct file *f, struct uio *u, uint64_t *pos, int flags);
/* Kernel-internal read at off (exec headers): bytes or -errno. */
ssize_t file_read_kernel(struct file *f, void *buf, size_t n, uint64_t off);
uint32_t file_poll(struct file *f, struct poll_table *pt);
int64_t generic_llseek(struct file *f, int64_t off, int whence); /* by inode size */
/* For files whose end is not known, directories among them: SEEK_SET and SEEK_CUR to any position that is not negative. */
int64_t no_seek_end_llseek(struct file *f, int64_t off, int whence);

/* --- descriptor tables -------------------------------------------------------------------------------- */

/* What opens of FIFOs and character devices get when their inode has no fop of its own. */
extern const struct file_ops fifo_file_ops;	       /* fs/pipe */
int chrdev_open(struct inode *inode, struct file *f); /* fs/devtmpfs: sets f->op by inode->rdev */
/* Records a read of f in the inode's atime as the mount asks (relatime...). */
void file_accessed(struct file *f);

struct files *files_new(void);
struct files *files_get(struct files *fs);
void files_put(struct files *fs); /* last: closes all */
int files_copy(struct files *old, struct files **ret) __must_check; /* fork without CLONE_FILES */
void files_close_on_exec(struct task *t);
/* Installs f, whose reference is taken over on failure too, at the lowest free number ≥ min below RLIMIT_NOFILE.
 * Returns the number, -EMFILE, -ENOMEM, -EINVAL. */
int fd_install(struct task *t, struct file *f, int min, bool cloexec) __must_check;
/* dup2 semantics at exactly fd: the old file is closed, f is taken over as above. The number, -EBADF, -ENOMEM. */
int fd_install_at(struct task *t, struct file *f, int fd, bool cloexec) __must_check;
struct file *fd_get(struct task *t, int fd);	  /* + reference; NULL: EBADF (O_PATH too) */
struct file *fd_get_path(struct task *t, int fd); /* O_PATH files allowed */
int fd_close(struct task *t, int fd);
int fd_set_cloexec(struct task *t, int fd, bool on); /* -EBADF */
/* Is a number free below the limit? -EMFILE: for calls that must fail before they have made something. */
int fd_room(struct task *t);
/* i-th open descriptor ≥ start: its number or -1; for /proc/PID/fd. */
int files_next(struct files *fs, int start);
struct file *files_lookup(struct files *fs, int fd, bool *cloexec);

struct fs_struct {
	struct ref ref;
	struct mutex lock; /* RANK_FS_STRUCT */
	struct path root GUARDED_BY(lock), cwd GUARDED_BY(lock);
	mode_t umask; /* atomic */
	int users;    /* atomic: tasks that have it */
};
struct fs_struct *fs_struct_new(const struct path *root, const struct path *cwd);
struct fs_struct *fs_struct_get(struct fs_struct *fs);
struct fs_struct *fs_struct_copy(struct fs_struct *fs);
void fs_struct_put(struct fs_struct *fs);
/* Another task has it too, with a reference (CLONE_FS); a task leaves it and puts its reference. */
struct fs_struct *fs_struct_join(struct fs_struct *fs);
void fs_struct_leave(struct fs_struct *fs);
/* Root and working directory of the current task become ns's root. */
void fs_enter(struct task *t, struct mnt_namespace *ns);
/* Is the current task's root another than its mounts' root? */
bool fs_chrooted(struct task *t);
void fs_get_root(struct task *t, struct path *ret);
void fs_get_cwd(struct task *t, struct path *ret);

int vfs_init(void) __must_check;

#endif
