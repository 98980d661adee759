/* SPDX-License-Identifier: Apache-2.0 */
/* mount, umount2, pivot_root. */
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mount.h>
#include "kernel/syscall/path_args.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MS_NOUSER
#define MS_NOUSER (1UL << 31)
#endif
#define MAGIC 0xc0ed0000UL /* of old callers, in the high half of the flags */
#define MAGIC_MASK 0xffff0000UL
#define PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

static unsigned mount_flags(unsigned long ms)
{
	static const struct {
		unsigned long ms;
		unsigned mnt;
	} map[] = {
		{MS_RDONLY, MNT_READONLY},   {MS_NOSUID, MNT_NOSUID},
		{MS_NODEV, MNT_NODEV},	     {MS_NOEXEC, MNT_NOEXEC},
		{MS_NOATIME, MNT_NOATIME},   {MS_NODIRATIME, MNT_NODIRATIME},
		{MS_RELATIME, MNT_RELATIME}, {MS_NOSYMFOLLOW, MNT_NOSYMFOLLOW},
	};
	unsigned f = 0;

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (ms & map[i].ms)
			f |= map[i].mnt;
	if (!(ms & (MS_NOATIME | MS_STRICTATIME)))
		f |= MNT_RELATIME;
	return f;
}

/* Mounting is the right of the mount namespace's owner. */
static bool may_mount(struct task *t)
{
	return ns_capable(t->cred, ns_owner(mnt_namespace_ns(t->nsproxy->mnt)), CAP_SYS_ADMIN);
}

struct mount_args {
	char *source, *type, *data; /* owned; NULL when not given */
	unsigned long flags;
	struct path at;
};

static void mount_args_done(struct mount_args *m)
{
	free(m->source);
	free(m->type);
	free(m->data);
	path_put(&m->at);
}

/* A string argument of at most a page; a NULL pointer is no string. */
static int copy_text(struct task *t, uaddr_t from, char **ret)
{
	ssize_t n;

	if (uaddr_null(from))
		return 0;
	*ret = malloc(GUEST_PAGE_SIZE);
	if (!*ret)
		return -ENOMEM;
	n = copy_in_str(t, *ret, from, GUEST_PAGE_SIZE);
	return n == -ENAMETOOLONG ? -EINVAL : n < 0 ? (int)n : 0;
}

static int mount_from(struct task *t, struct mount_args *m, struct path *ret)
{
	if (!m->source || !*m->source)
		return -EINVAL;
	return path_lookup_at(t, AT_FDCWD, m->source, LOOKUP_FOLLOW, ret);
}

static int mount_bind(struct task *t, struct mount_args *m)
{
	_cleanup_(path_put) struct path from = {0};
	int r = mount_from(t, m, &from);

	return r < 0 ? r : mount_bind_at(&from, m->flags & MS_REC, &m->at);
}

static int mount_moved(struct task *t, struct mount_args *m)
{
	_cleanup_(path_put) struct path from = {0};
	int r = mount_from(t, m, &from);

	return r < 0 ? r : mount_move(&from, &m->at);
}

static int mount_propagation(struct mount_args *m)
{
	int type = (int)(m->flags & PROPAGATION);

	if ((m->flags & ~(unsigned long)(PROPAGATION | MS_REC | MS_SILENT)) || (type & (type - 1)))
		return -EINVAL;
	return mount_set_propagation(&m->at, type, m->flags & MS_REC);
}

#define ATIME_MS (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)
#define ATIME_MNT (MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME)
#define SB_CHANGES (MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_I_VERSION | MS_LAZYTIME)

/* MS_REMOUNT alone changes the file system as well as this mount of it. */
static int mount_changed(struct mount_args *m)
{
	unsigned flags = mount_flags(m->flags);
	int r;

	/* What is said of access times stays unless something is said. */
	if (!(m->flags & ATIME_MS))
		flags = (flags & ~(ATIME_MNT)) | (__atomic_load_n(&m->at.mnt->flags, __ATOMIC_RELAXED) & ATIME_MNT);
	if (m->flags & MS_BIND)
		return mount_remount(&m->at, flags);
	if (m->at.dentry != m->at.mnt->root)
		return -EINVAL;
	if (!ns_capable(current->cred, m->at.mnt->sb->user_ns, CAP_SYS_ADMIN))
		return -EPERM;
	r = super_reconfigure(m->at.mnt->sb, (unsigned)m->flags, (unsigned)SB_CHANGES,
			      m->data && *m->data ? m->data : NULL);
	return r < 0 ? r : mount_remount(&m->at, flags);
}

static int mount_new_super(struct task *t, struct mount_args *m)
{
	const struct fs_type *type = m->type ? fs_type_find(m->type) : NULL;
	struct fs_params p = {
		.source = m->source ? m->source : "none",
		.flags = (unsigned)(m->flags & (MS_RDONLY | MS_NOATIME | MS_NODIRATIME)),
		.options = m->data && *m->data ? m->data : NULL,
		.ct = t->ct,
	};
	struct super *sb;
	int r;

	if (!m->type)
		return -EINVAL;
	if (!type || (type->flags & FS_INTERNAL))
		return -ENODEV;
	if (!(type->flags & FS_USERNS_MOUNT) && !capable(t->cred, CAP_SYS_ADMIN))
		return -EPERM;
	r = type->get_super(type, &p, &sb);
	if (r == 0 && !sb->source)
		sb->source = strdup(p.source); /* without memory /proc/mounts says "none" */
	return r < 0 ? r : mount_super_at(sb, mount_flags(m->flags), &m->at);
}

long sys_mount(struct task *t, const struct sysargs *a)
{
	_cleanup_(mount_args_done) struct mount_args m = {.flags = a->v[3]};
	int r;

	r = copy_text(t, arg_uaddr(a, 2), &m.type);
	if (r == 0)
		r = copy_text(t, arg_uaddr(a, 0), &m.source);
	if (r == 0)
		r = copy_text(t, arg_uaddr(a, 4), &m.data);
	if (r == 0)
		r = user_path_at(t, AT_FDCWD, arg_uaddr(a, 1), LOOKUP_FOLLOW, &m.at);
	if (r < 0)
		return r;
	if (!may_mount(t))
		return -EPERM;
	if (!mnt_is_current(m.at.mnt))
		return -EINVAL;
	if ((m.flags & MAGIC_MASK) == MAGIC)
		m.flags &= ~MAGIC_MASK;
	if (m.flags & MS_NOUSER)
		return -EINVAL;
	if (m.flags & MS_REMOUNT)
		return mount_changed(&m);
	if (m.flags & MS_BIND)
		return mount_bind(t, &m);
	if (m.flags & PROPAGATION)
		return mount_propagation(&m);
	if (m.flags & MS_MOVE)
		return mount_moved(t, &m);
	return mount_new_super(t, &m);
}

long sys_umount2(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path p = {0};
	int flags = arg_int(a, 1), r;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	r = user_path_at(t, AT_FDCWD, arg_uaddr(a, 0),
			 LOOKUP_MOUNTPOINT | (flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW), &p);
	if (r < 0)
		return r;
	if (!may_mount(t))
		return -EPERM;
	if (!mnt_is_current(p.mnt))
		return -EINVAL;
	return umount_path(&p, flags);
}

long sys_pivot_root(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path root = {0}, old = {0};
	int r;

	if (!may_mount(t))
		return -EPERM;
	r = user_path_at(t, AT_FDCWD, arg_uaddr(a, 0), LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &root);
	if (r == 0)
		r = user_path_at(t, AT_FDCWD, arg_uaddr(a, 1), LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &old);
	return r < 0 ? r : mount_pivot(t, &root, &old);
}
