/* SPDX-License-Identifier: Apache-2.0 */
/* Mounting by descriptors: open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <string.h>
#include "kernel/syscall/path_args.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

/* Newer than the headers; MS_* values stand for themselves, as <sys/mount.h> collides with <linux/mount.h>. */
#ifndef MOVE_MOUNT_SET_GROUP
#define MOVE_MOUNT_SET_GROUP 0x100
#endif
#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x200
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x200000
#endif
#define CMD_CREATE_EXCL 8U
#define PROPAGATION_TYPES (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)
#define OPTIONS_MAX 4096U /* as a page of mount(2) */

static bool may_mount(struct task *t)
{
	return ns_capable(t->cred, ns_owner(mnt_namespace_ns(t->nsproxy->mnt)), CAP_SYS_ADMIN);
}

/* A descriptor of what p is the root of; dissolve: the tree goes with the file. p stays the caller's. */
static long install_tree(struct task *t, const struct path *p, bool dissolve, bool cloexec)
{
	struct file *f;
	int r;

	r = file_open_path(p, O_PATH, t->cred, &f);
	if (r < 0) {
		if (dissolve)
			mount_dissolve(p->mnt);
		return r;
	}
	f->dissolve = dissolve;
	return fd_install(t, f, 0, cloexec);
}

/* --- open_tree and move_mount --- */

#define OPEN_TREE_FLAGS                                                                            \
	(AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE |  \
	 OPEN_TREE_CLOEXEC)

long sys_open_tree(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path p = {0}, copy = {0};
	unsigned flags = arg_u32(a, 2);
	bool clone = flags & OPEN_TREE_CLONE;
	int r;

	if (flags & ~(unsigned)OPEN_TREE_FLAGS)
		return -EINVAL;
	if ((flags & AT_RECURSIVE) && !clone)
		return -EINVAL;
	if (clone && !may_mount(t))
		return -EPERM;
	r = fd_room(t);
	if (r == 0)
		r = user_path_at(t, arg_int(a, 0), arg_uaddr(a, 1), at_lookup_flags((int)flags), &p);
	if (r < 0)
		return r;
	if (!clone)
		return install_tree(t, &p, false, flags & OPEN_TREE_CLOEXEC);
	r = mount_detached_copy(&p, flags & AT_RECURSIVE, &copy);
	return r < 0 ? r : install_tree(t, &copy, true, flags & OPEN_TREE_CLOEXEC);
}

#define MOVE_FLAGS                                                                                 \
	(MOVE_MOUNT_F_SYMLINKS | MOVE_MOUNT_F_AUTOMOUNTS | MOVE_MOUNT_F_EMPTY_PATH |               \
	 MOVE_MOUNT_T_SYMLINKS | MOVE_MOUNT_T_AUTOMOUNTS | MOVE_MOUNT_T_EMPTY_PATH |               \
	 MOVE_MOUNT_SET_GROUP | MOVE_MOUNT_BENEATH)

long sys_move_mount(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path from = {0}, to = {0};
	unsigned flags = arg_u32(a, 4);
	int r;

	if (!may_mount(t))
		return -EPERM;
	if (flags & ~(unsigned)MOVE_FLAGS)
		return -EINVAL;
	if ((flags & MOVE_MOUNT_SET_GROUP) && (flags & MOVE_MOUNT_BENEATH))
		return -EINVAL;
	r = user_path_at(t, arg_int(a, 0), arg_uaddr(a, 1),
			 (flags & MOVE_MOUNT_F_SYMLINKS ? LOOKUP_FOLLOW : 0) |
				 (flags & MOVE_MOUNT_F_EMPTY_PATH ? LOOKUP_EMPTY : 0),
			 &from);
	if (r == 0)
		r = user_path_at(t, arg_int(a, 2), arg_uaddr(a, 3),
				 (flags & MOVE_MOUNT_T_SYMLINKS ? LOOKUP_FOLLOW : 0) |
					 (flags & MOVE_MOUNT_T_EMPTY_PATH ? LOOKUP_EMPTY : 0),
				 &to);
	if (r < 0)
		return r;
	if (flags & MOVE_MOUNT_SET_GROUP)
		return mount_set_group(&from, &to);
	return mount_move_to(&from, &to, flags & MOVE_MOUNT_BENEATH);
}

/* --- contexts --- */

enum phase { PARAMS, MADE, RECONFIGURE, DONE, FAILED };

struct fs_context {
	struct mutex lock; /* RANK_FILE_POS */
	const struct fs_type *type;
	enum phase phase GUARDED_BY(lock);
	char *source GUARDED_BY(lock);
	char options[OPTIONS_MAX] GUARDED_BY(lock); /* comma-separated */
	size_t len GUARDED_BY(lock);
	unsigned flags, mask GUARDED_BY(lock); /* MS_*: what is set, and what was said at all */
	struct super *sb GUARDED_BY(lock);     /* made, or to be changed */
};

static void context_release(struct file *f)
{
	struct fs_context *c = f->priv;

	if (c->sb)
		super_put(c->sb);
	free(c->source);
	mutex_destroy(&c->lock);
	free(c);
}

/* The messages of failed calls: none are kept. */
static ssize_t context_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	return -ENODATA;
}

static const struct file_ops context_fops = {.release = context_release, .read = context_read};

static long context_new(struct task *t, const struct fs_type *type, struct super *sb, bool cloexec)
{
	struct fs_context *c = calloc(1, sizeof(*c));
	struct file *f;
	int r;

	if (!c)
		return -ENOMEM;
	mutex_init(&c->lock, RANK_FILE_POS, "fs context");
	c->type = type;
	c->sb = sb ? super_get(sb) : NULL;
	c->phase = sb ? RECONFIGURE : PARAMS;
	r = anon_file_new("[fscontext]", &context_fops, c, O_RDWR, 0, &f);
	if (r < 0) {
		if (c->sb)
			super_put(c->sb);
		mutex_destroy(&c->lock);
		free(c);
		return r;
	}
	return fd_install(t, f, 0, cloexec);
}

long sys_fsopen(struct task *t, const struct sysargs *a)
{
	_cleanup_free_ char *name = malloc(GUEST_PAGE_SIZE);
	const struct fs_type *type;
	ssize_t n;

	if (!name)
		return -ENOMEM;
	if (!may_mount(t))
		return -EPERM;
	if (arg_u32(a, 1) & ~FSOPEN_CLOEXEC)
		return -EINVAL;
	n = copy_in_str(t, name, arg_uaddr(a, 0), GUEST_PAGE_SIZE);
	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	type = fs_type_find(name);
	if (!type || (type->flags & FS_INTERNAL))
		return -ENODEV;
	if (!(type->flags & FS_USERNS_MOUNT) && !capable(t->cred, CAP_SYS_ADMIN))
		return -EPERM;
	return context_new(t, type, NULL, arg_u32(a, 1) & FSOPEN_CLOEXEC);
}

long sys_fspick(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path p = {0};
	unsigned flags = arg_u32(a, 2);
	int r;

	if (!may_mount(t))
		return -EPERM;
	if (flags & ~(unsigned)(FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT |
				FSPICK_EMPTY_PATH))
		return -EINVAL;
	r = user_path_at(t, arg_int(a, 0), arg_uaddr(a, 1),
			 (flags & FSPICK_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
				 (flags & FSPICK_EMPTY_PATH ? LOOKUP_EMPTY : 0),
			 &p);
	if (r < 0)
		return r;
	if (p.dentry != p.mnt->root)
		return -EINVAL;
	return context_new(t, p.mnt->sb->type, p.mnt->sb, flags & FSPICK_CLOEXEC);
}

/* --- fsconfig --- */

/* Words that every file system has. True when key is one. */
static bool common_flag(struct fs_context *c, const char *key) REQUIRES(c->lock)
{
	static const struct {
		const char *word;
		unsigned ms;
		bool on;
	} words[] = {
		{"ro", MS_RDONLY, true},	{"rw", MS_RDONLY, false},
		{"sync", MS_SYNCHRONOUS, true}, {"async", MS_SYNCHRONOUS, false},
		{"dirsync", MS_DIRSYNC, true},	{"mand", MS_MANDLOCK, true},
		{"nomand", MS_MANDLOCK, false}, {"lazytime", MS_LAZYTIME, true},
		{"nolazytime", MS_LAZYTIME, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].word, key) != 0)
			continue;
		c->mask |= words[i].ms;
		c->flags = words[i].on ? c->flags | words[i].ms : c->flags & ~words[i].ms;
		return true;
	}
	return false;
}

/* One option. value: NULL for a flag. */
static int set_option(struct fs_context *c, const char *key, const char *value) REQUIRES(c->lock)
{
	size_t need = strlen(key) + (value ? strlen(value) + 1 : 0) + 1;

	if (!value && common_flag(c, key))
		return 0;
	if (!strcmp(key, "source")) {
		if (!value || c->source)
			return -EINVAL;
		c->source = strdup(value);
		return c->source ? 0 : -ENOMEM;
	}
	if (strpbrk(key, ",=") || (value && strchr(value, ',')))
		return -EINVAL; /* it would be taken for two */
	if (!c->type->option || !c->type->option(key, value))
		return -EINVAL;
	if (c->len + need + 1 > OPTIONS_MAX)
		return -EINVAL;
	c->len += (size_t)snprintf(c->options + c->len, OPTIONS_MAX - c->len, "%s%s%s%s", c->len ? "," : "",
				   key, value ? "=" : "", value ? value : "");
	return 0;
}

static int create_super(struct task *t, struct fs_context *c) REQUIRES(c->lock)
{
	struct fs_params p = {
		.source = c->source ? c->source : "none",
		.flags = c->flags,
		.options = c->len ? c->options : NULL,
		.ct = t->ct,
	};
	int r = c->type->get_super(c->type, &p, &c->sb);

	if (r == 0 && !c->sb->source)
		c->sb->source = strdup(p.source); /* without memory /proc/mounts says "none" */
	c->phase = r < 0 ? FAILED : MADE;
	return r;
}

static int run_command(struct task *t, struct fs_context *c, unsigned cmd) REQUIRES(c->lock)
{
	int r;

	if (cmd == FSCONFIG_CMD_RECONFIGURE) {
		if (c->phase != RECONFIGURE)
			return -EBUSY;
		if (!ns_capable(t->cred, c->sb->user_ns, CAP_SYS_ADMIN))
			return -EPERM;
		r = super_reconfigure(c->sb, c->flags, c->mask, c->len ? c->options : NULL);
		if (r < 0)
			c->phase = FAILED;
		c->len = 0;
		c->options[0] = '\0';
		return r;
	}
	return c->phase == PARAMS ? create_super(t, c) : -EBUSY;
}

/* Arguments of each command, as the manual page has them. */
static int check_config(unsigned cmd, bool key, bool value, int aux)
{
	switch (cmd) {
	case FSCONFIG_SET_FLAG:
		return key && !value && !aux ? 0 : -EINVAL;
	case FSCONFIG_SET_STRING:
		return key && value && !aux ? 0 : -EINVAL;
	case FSCONFIG_SET_BINARY:
		return key && value && aux > 0 && aux <= 1024 * 1024 ? 0 : -EINVAL;
	case FSCONFIG_SET_PATH:
	case FSCONFIG_SET_PATH_EMPTY:
		return key && value && (aux == AT_FDCWD || aux >= 0) ? 0 : -EINVAL;
	case FSCONFIG_SET_FD:
		return key && !value && aux >= 0 ? 0 : -EINVAL;
	case FSCONFIG_CMD_CREATE:
	case FSCONFIG_CMD_RECONFIGURE:
	case CMD_CREATE_EXCL:
		return !key && !value && !aux ? 0 : -EINVAL;
	default:
		return -EOPNOTSUPP;
	}
}

static int copy_word(struct task *t, uaddr_t from, char *to)
{
	ssize_t n = copy_in_str(t, to, from, 256);

	return n == -ENAMETOOLONG ? -EINVAL : n < 0 ? (int)n : 0;
}

/* A path or descriptor where options are texts: the name of what is there. */
static int config_path(struct task *t, struct fs_context *c, const char *key, const struct sysargs *a,
		       unsigned lookup)
{
	_cleanup_(path_put) struct path p = {0}, root = {0};
	char buf[PATH_MAX];
	const char *name;
	int r = user_path_at(t, arg_int(a, 4), arg_uaddr(a, 3), LOOKUP_FOLLOW | lookup, &p);

	if (r < 0)
		return r;
	fs_get_root(t, &root);
	name = path_name(&p, &root, buf, sizeof(buf));
	if (!name)
		return -ENAMETOOLONG;
	MUTEX_GUARD(&c->lock);
	return c->phase == PARAMS || c->phase == RECONFIGURE ? set_option(c, key, name) : -EBUSY;
}

static int config_param(struct task *t, struct fs_context *c, unsigned cmd, const struct sysargs *a)
{
	char key[256], value[256];
	int r = copy_word(t, arg_uaddr(a, 2), key);

	if (r < 0)
		return r;
	if (cmd == FSCONFIG_SET_PATH || cmd == FSCONFIG_SET_PATH_EMPTY)
		return config_path(t, c, key, a, cmd == FSCONFIG_SET_PATH_EMPTY ? LOOKUP_EMPTY : 0);
	if (cmd == FSCONFIG_SET_BINARY || cmd == FSCONFIG_SET_FD)
		return -EINVAL; /* no file system has such an option */
	if (cmd == FSCONFIG_SET_STRING) {
		r = copy_word(t, arg_uaddr(a, 3), value);
		if (r < 0)
			return r;
	}
	MUTEX_GUARD(&c->lock);
	if (c->phase != PARAMS && c->phase != RECONFIGURE)
		return -EBUSY;
	return set_option(c, key, cmd == FSCONFIG_SET_STRING ? value : NULL);
}

/* The context that fd names: *ret lives as long as *f, a reference that is the caller's also on failure. -EBADF, -EINVAL. */
static int context_get(struct task *t, int fd, struct file **f, struct fs_context **ret)
{
	*f = fd_get(t, fd);
	if (!*f)
		return -EBADF;
	if ((*f)->op != &context_fops)
		return -EINVAL;
	*ret = (*f)->priv;
	return 0;
}

long sys_fsconfig(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	unsigned cmd = arg_u32(a, 1);
	struct fs_context *c;
	int r;

	if (arg_int(a, 0) < 0)
		return -EINVAL;
	r = check_config(cmd, a->v[2], a->v[3], arg_int(a, 4));
	if (r < 0)
		return r;
	r = context_get(t, arg_int(a, 0), &f, &c);
	if (r < 0)
		return r;
	if (cmd < FSCONFIG_CMD_CREATE)
		return config_param(t, c, cmd, a);
	if (!may_mount(t))
		return -EPERM;
	MUTEX_GUARD(&c->lock);
	return run_command(t, c, cmd);
}

/* --- attributes --- */

#define SIMPLE_ATTRS (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | \
		      MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)

static unsigned simple_flags(uint64_t attr)
{
	return (attr & MOUNT_ATTR_RDONLY ? MNT_READONLY : 0) | (attr & MOUNT_ATTR_NOSUID ? MNT_NOSUID : 0) |
	       (attr & MOUNT_ATTR_NODEV ? MNT_NODEV : 0) | (attr & MOUNT_ATTR_NOEXEC ? MNT_NOEXEC : 0) |
	       (attr & MOUNT_ATTR_NODIRATIME ? MNT_NODIRATIME : 0) |
	       (attr & MOUNT_ATTR_NOSYMFOLLOW ? MNT_NOSYMFOLLOW : 0);
}

/* How access times are kept: one of three. */
static int atime_flags(uint64_t attr, unsigned *ret)
{
	switch (attr & MOUNT_ATTR__ATIME) {
	case MOUNT_ATTR_RELATIME:
		*ret |= MNT_RELATIME;
		return 0;
	case MOUNT_ATTR_NOATIME:
		*ret |= MNT_NOATIME;
		return 0;
	case MOUNT_ATTR_STRICTATIME:
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_fsmount(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	_cleanup_(path_put) struct path p = {0};
	struct super *sb = NULL;
	struct fs_context *c;
	unsigned flags;
	int r;

	if (!may_mount(t))
		return -EPERM;
	if ((arg_u32(a, 1) & ~FSMOUNT_CLOEXEC) || (arg_u32(a, 2) & ~(unsigned)(SIMPLE_ATTRS | MOUNT_ATTR__ATIME)))
		return -EINVAL;
	flags = simple_flags(a->v[2]);
	r = atime_flags(a->v[2], &flags);
	if (r < 0)
		return r;
	r = context_get(t, arg_int(a, 0), &f, &c);
	if (r == 0)
		r = fd_room(t);
	if (r < 0)
		return r;
	mutex_lock(&c->lock);
	if (c->phase == MADE) {
		sb = super_get(c->sb);
		c->phase = DONE;
	} else {
		r = c->phase == PARAMS || c->phase == FAILED ? -EINVAL : -EBUSY;
	}
	mutex_unlock(&c->lock);
	if (r == 0)
		r = mount_detached(sb, flags, &p);
	return r < 0 ? r : install_tree(t, &p, true, arg_u32(a, 1) & FSMOUNT_CLOEXEC);
}

/* What struct mount_attr asks for. *ret_type: propagation. */
static int attr_changes(const struct mount_attr *m, unsigned *clear, unsigned *set, int *ret_type)
{
	uint64_t known = SIMPLE_ATTRS | MOUNT_ATTR__ATIME | MOUNT_ATTR_IDMAP;

	if ((m->propagation & ~(uint64_t)PROPAGATION_TYPES) || (m->propagation & (m->propagation - 1)))
		return -EINVAL;
	if ((m->attr_set | m->attr_clr) & ~known)
		return -EINVAL;
	if ((m->attr_set | m->attr_clr) & MOUNT_ATTR_IDMAP)
		return -EINVAL; /* no file system here maps ids */
	*ret_type = (int)m->propagation;
	*set = simple_flags(m->attr_set);
	*clear = simple_flags(m->attr_clr);
	if (m->attr_clr & MOUNT_ATTR__ATIME) {
		if ((m->attr_clr & MOUNT_ATTR__ATIME) != MOUNT_ATTR__ATIME)
			return -EINVAL;
		*clear |= MNT_NOATIME | MNT_RELATIME;
		return atime_flags(m->attr_set, set);
	}
	return m->attr_set & MOUNT_ATTR__ATIME ? -EINVAL : 0;
}

long sys_mount_setattr(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path p = {0};
	unsigned flags = arg_u32(a, 2), clear = 0, set = 0;
	struct mount_attr m;
	int r, type;

	if (flags & ~(unsigned)(AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return -EINVAL;
	if (a->v[4] > GUEST_PAGE_SIZE)
		return -E2BIG;
	if (a->v[4] < sizeof(m))
		return -EINVAL;
	if (!may_mount(t))
		return -EPERM;
	r = copy_in_struct(t, &m, sizeof(m), arg_uaddr(a, 3), a->v[4]);
	if (r < 0 || (!m.attr_set && !m.attr_clr && !m.propagation))
		return r;
	r = attr_changes(&m, &clear, &set, &type);
	if (r == 0)
		r = user_path_at(t, arg_int(a, 0), arg_uaddr(a, 1), at_lookup_flags((int)flags), &p);
	return r < 0 ? r : mount_change(&p, clear, set, type, flags & AT_RECURSIVE);
}
