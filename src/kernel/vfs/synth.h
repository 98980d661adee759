/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Synthetic trees: file systems whose files are made by functions (proc, sysfs, cgroup, devpts). A tree is
 * tables of nodes; a directory may also have dynamic children through lookup and list.
 */
#ifndef NACRE_KERNEL_VFS_SYNTH_H
#define NACRE_KERNEL_VFS_SYNTH_H

#include "kernel/vfs/vfs.h"

/* A growing text. After an allocation failure err is set and further text is dropped. */
struct synth_buf {
	char *p;
	size_t len, cap;
	int err;
	uint64_t seen; /* for the node's poll() */
};
void synth_printf(struct synth_buf *b, const char *fmt, ...) __printf(2, 3);
void synth_write(struct synth_buf *b, const void *p, size_t n);

struct synth_inode;
struct synth_node {
	const char *name; /* NULL ends a table */
	mode_t mode;	  /* with type; 0 for a dynamic child that is given by lookup */
	/* Files: the whole text. Called with the inode's lock held. -errno fails the read. */
	int (*show)(struct synth_inode *i, struct synth_buf *b);
	/* Files: one write, NUL-terminated copy of at most a page. Bytes used or -errno. */
	ssize_t (*write)(struct synth_inode *i, char *buf, size_t n);
	/* The same for writers that must know who opened f. */
	ssize_t (*write_file)(struct synth_inode *i, struct file *f, char *buf, size_t n);
	ssize_t (*link)(struct synth_inode *i, char *buf, size_t cap); /* symlinks */
	int (*jump)(struct synth_inode *i, struct path *ret);	       /* magic links */
	/* Files: opens something else entirely (sets f->op and f->priv). */
	int (*open)(struct synth_inode *i, struct file *f);
	/* Files: EPOLL* bits. *seen is the open file's, 0 at first. NULL: always ready. */
	uint32_t (*poll)(struct synth_inode *i, uint64_t *seen, struct poll_table *pt);
	const struct synth_node *children;
	/* Directories: dynamic children. lookup fills child (node, obj with a reference, num) or
	 * returns -ENOENT. list gives the next number ≥ n and its name, false at the end. */
	int (*lookup)(struct synth_inode *dir, const char *name, struct synth_inode *child);
	bool (*list)(struct synth_inode *dir, long *n, char *name); /* name: 256 bytes */
	/* Directories whose dynamic children can be made and removed; lookup finds what mkdir made. NULL: -EPERM. */
	int (*mkdir)(struct synth_inode *dir, const char *name);
	int (*rmdir)(struct synth_inode *dir, const char *name);
	/* 0 when still valid; owner and mode are refreshed here. NULL: always. */
	int (*valid)(struct synth_inode *i);
	/* Owner or mode of the inode was set (its lock is held): keeps it. NULL: they cannot be set (-EPERM). */
	int (*changed)(struct synth_inode *i);
	int (*access)(struct synth_inode *i, const struct cred *c, int mask); /* before mode bits */
	int (*stat)(struct synth_inode *i, struct kstat *ret); /* adjusts what stat shows */
	bool (*hidden)(struct synth_inode *dir); /* static child does not exist here */
};
struct synth_inode {
	const struct synth_node *node;
	struct inode *inode;
	void *obj; /* inherited from the parent directory unless lookup sets it */
	long num, num2;
};
struct synth_fs {
	void *priv;
	/* References of obj. NULL when there are none. */
	void (*obj_get)(void *obj);
	void (*obj_put)(void *obj);
	void (*kill)(struct synth_fs *fs);
	bool volatile_names; /* names come and go: no cached dentry is trusted unread */
	int (*show_options)(struct synth_fs *fs, char *buf, size_t cap);
	int (*reconfigure)(struct synth_fs *fs, const char *options);
};
/* A super whose root is node root (a directory). fs is malloc'd and taken over from success on. */
int synth_super(const struct fs_type *t, uint32_t magic, const struct synth_node *root,
		struct synth_fs *fs, struct super **ret) __must_check;
static inline struct synth_fs *synth_of(const struct synth_inode *i)
{
	return i->inode->sb->priv;
}

/* A file of one constant text and a newline: defines its show function. */
#define SYNTH_TEXT(fn, text)                                                                       \
	static int fn(struct synth_inode *i __unused, struct synth_buf *b)                         \
	{                                                                                          \
		synth_printf(b, "%s\n", text);                                                     \
		return 0;                                                                          \
	}

#endif
