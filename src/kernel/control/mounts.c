/* SPDX-License-Identifier: Apache-2.0 */
/* The mount namespace of a container, built from the request's list. Runs in a thread that is no task: everything is
 * permitted here, and nothing depends on a guest's credentials. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "base/log.h"
#include "kernel/control/control.h"
#include "kernel/fs/devtmpfs/chrdev.h"
#include "kernel/fs/overlay/overlay.h"

typedef Nacre__Sandbox__V1__Mount Mount;

static unsigned mnt_flags(uint64_t ms)
{
	return (ms & MS_RDONLY ? MNT_READONLY : 0) | (ms & MS_NOSUID ? MNT_NOSUID : 0) |
	       (ms & MS_NODEV ? MNT_NODEV : 0) | (ms & MS_NOEXEC ? MNT_NOEXEC : 0) |
	       (ms & MS_NOATIME ? MNT_NOATIME : 0) | (ms & MS_NODIRATIME ? MNT_NODIRATIME : 0) |
	       (ms & MS_RELATIME ? MNT_RELATIME : 0);
}

static const char *type_name(const Mount *m)
{
	switch (m->kind) {
	case NACRE__SANDBOX__V1__MOUNT__KIND__PROC:
		return "proc";
	case NACRE__SANDBOX__V1__MOUNT__KIND__TMPFS:
		return "tmpfs";
	case NACRE__SANDBOX__V1__MOUNT__KIND__DEVPTS:
		return "devpts";
	case NACRE__SANDBOX__V1__MOUNT__KIND__SYSFS:
		return "sysfs";
	case NACRE__SANDBOX__V1__MOUNT__KIND__MQUEUE:
		return "mqueue";
	case NACRE__SANDBOX__V1__MOUNT__KIND__CGROUP:
		return "cgroup2";
	case NACRE__SANDBOX__V1__MOUNT__KIND__DEVTMPFS:
		return "devtmpfs";
	default:
		return NULL;
	}
}

static int new_super(struct box *b, const char *type, const char *source, const char *options, unsigned flags,
		     struct super **ret)
{
	const struct fs_type *t = fs_type_find(type);
	struct fs_params p = {.source = source, .flags = flags, .options = options && *options ? options : NULL,
			      .ct = &b->ct};
	int r = t ? t->get_super(t, &p, ret) : -ENODEV;

	if (r == 0 && !(*ret)->source && source)
		(*ret)->source = strdup(source);
	return r;
}

static int export_super(struct box *b, const Mount *m, struct super **ret)
{
	struct super *lower, *upper;
	int r = fuse_super_new(b->gofer, m->export_index, m->cache == NACRE__SANDBOX__V1__MOUNT__CACHE__EXCLUSIVE,
			       (unsigned)m->flags & MS_RDONLY, m->source, &lower);

	if (r < 0 || m->overlay != NACRE__SANDBOX__V1__MOUNT__OVERLAY__MEMORY) {
		*ret = r < 0 ? NULL : lower;
		return r;
	}
	r = new_super(b, "tmpfs", "overlay", "mode=755", 0, &upper);
	if (r < 0) {
		super_put(lower);
		return r;
	}
	return overlay_super_new(lower, upper, "overlay", ret);
}

static int mount_super(struct box *b, const Mount *m, struct super **ret)
{
	const char *type = type_name(m);

	if (!type)
		return export_super(b, m, ret);
	return new_super(b, type, m->source, m->data, 0, ret);
}

/* The mount point: made when missing, a file for a file. */
static int make_point(const struct path *root, const char *name, bool dir, struct path *ret)
{
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	_cleanup_free_ char *parent = strdup(name);
	struct path p;
	char *slash;
	int r = path_lookup_from(root, name, LOOKUP_FOLLOW, ret);

	if (r != -ENOENT || !parent)
		return r;
	if (dir) {
		r = vfs_mkdir_p(root, name, 0755);
		return r < 0 ? r : path_lookup_from(root, name, LOOKUP_FOLLOW, ret);
	}
	slash = strrchr(parent, '/');
	if (!slash || !slash[1])
		return -EINVAL;
	*slash = 0;
	r = vfs_mkdir_p(root, parent, 0755);
	if (r == 0)
		r = path_lookup_from(root, *parent ? parent : "/", LOOKUP_FOLLOW, &p);
	if (r < 0)
		return r;
	r = dentry_lookup(p.dentry, slash + 1, strlen(slash + 1), &d);
	if (r == 0)
		r = vfs_create(&p, d, S_IFREG | 0644);
	path_put(&p);
	return r < 0 ? r : path_lookup_from(root, name, LOOKUP_FOLLOW, ret);
}

static int mount_one(struct box *b, const struct path *root, const Mount *m)
{
	struct super *sb;
	struct path at;
	bool dir;
	int r = mount_super(b, m, &sb);

	if (r < 0)
		return r;
	dir = S_ISDIR(sb->root->inode->mode);
	r = make_point(root, m->destination, dir, &at);
	if (r < 0) {
		super_put(sb);
		return r;
	}
	r = mount_super_at(sb, mnt_flags(m->flags), &at);
	path_put(&at);
	return r;
}

/* A tmpfs over a directory, /dev/null over anything else; what does not exist needs no mask. */
static int mask_path(struct box *b, const struct path *root, const char *name)
{
	struct path at, null;
	struct super *sb;
	int r = path_lookup_from(root, name, LOOKUP_FOLLOW, &at);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return r;
	if (S_ISDIR(at.dentry->inode->mode)) {
		r = new_super(b, "tmpfs", "tmpfs", "size=0", MS_RDONLY, &sb);
		if (r == 0)
			r = mount_super_at(sb, MNT_READONLY, &at);
	} else {
		r = path_lookup_from(root, "/dev/null", LOOKUP_FOLLOW, &null);
		if (r == 0) {
			r = mount_bind_at(&null, false, &at);
			path_put(&null);
		}
	}
	path_put(&at);
	return r;
}

static int make_readonly(const struct path *root, const char *name)
{
	struct path at;
	int r = path_lookup_from(root, name, LOOKUP_FOLLOW, &at);

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return r;
	r = mount_bind_at(&at, true, &at);
	path_put(&at);
	if (r == 0)
		r = path_lookup_from(root, name, LOOKUP_FOLLOW, &at);
	if (r < 0)
		return r;
	r = mount_remount(&at, at.mnt->flags | MNT_READONLY);
	path_put(&at);
	return r;
}

static int fail(int r, const char *what, const char *value, char **message)
{
	if (r < 0 && asprintf(message, "%s %s: %s", what, value, strerror(-r)) < 0)
		*message = NULL;
	return r;
}

static int default_devices(const struct path *root)
{
	struct path dev;
	int r = make_point(root, "/dev", true, &dev);

	if (r < 0)
		return r == -EROFS ? 0 : r;
	r = dev_populate(&dev);
	path_put(&dev);
	return r == -EROFS ? 0 : r; /* a read-only root brings its own */
}

/* One of linux.devices. As runc: a name that is there already stays, if it is the same kind of thing. */
static int make_device(const struct path *root, const Nacre__Sandbox__V1__Device *q)
{
	struct iattr a = {.valid = ATTR_MODE | ATTR_UID | ATTR_GID, .mode = q->type | (q->mode & 07777),
			  .uid = KUID(q->uid), .gid = KGID(q->gid)};
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	_cleanup_free_ char *parent = strdup(q->path);
	struct path dir, p;
	char *slash = parent ? strrchr(parent, '/') : NULL;
	int r;

	if (!slash || !slash[1] || (q->type != S_IFCHR && q->type != S_IFBLK && q->type != S_IFIFO))
		return parent ? -EINVAL : -ENOMEM;
	*slash = 0;
	r = make_point(root, *parent ? parent : "/", true, &dir);
	if (r < 0)
		return r;
	r = dentry_lookup(dir.dentry, slash + 1, strlen(slash + 1), &d);
	if (r == 0 && d->inode)
		r = (d->inode->mode & S_IFMT) == q->type ? 0 : -EEXIST;
	else if (r == 0)
		r = vfs_mknod(&dir, d, q->type | (q->mode & 07777), makedev(q->major, q->minor));
	p = (struct path){dir.mnt, d};
	if (r == 0)
		r = vfs_setattr(&p, &a);
	path_put(&dir);
	return r;
}

int box_mounts(struct box *b, const Nacre__Sandbox__V1__CreateContainerRequest *q, char **message)
{
	struct super *sb;
	struct path root;
	int r;

	if (!q->n_mounts || strcmp(q->mounts[0]->destination, "/") != 0)
		return fail(-EINVAL, "first mount", "is not the root", message);
	r = mount_super(b, q->mounts[0], &sb);
	if (r == 0)
		r = mnt_namespace_new(sb, 0, &b->ct.mnt);
	if (r < 0)
		return fail(r, "mounting", "the root", message);
	mnt_namespace_root(b->ct.mnt, &root);
	for (size_t i = 1; r == 0 && i < q->n_mounts; i++)
		r = fail(mount_one(b, &root, q->mounts[i]), "mounting", q->mounts[i]->destination, message);
	if (r == 0)
		r = fail(default_devices(&root), "filling", "/dev", message);
	for (size_t i = 0; r == 0 && i < q->n_devices; i++)
		r = fail(make_device(&root, q->devices[i]), "linux.devices", q->devices[i]->path, message);
	for (size_t i = 0; r == 0 && i < q->n_masked_paths; i++)
		r = fail(mask_path(b, &root, q->masked_paths[i]), "maskedPaths", q->masked_paths[i], message);
	for (size_t i = 0; r == 0 && i < q->n_readonly_paths; i++)
		r = fail(make_readonly(&root, q->readonly_paths[i]), "readonlyPaths", q->readonly_paths[i], message);
	if (r == 0 && q->root_readonly)
		r = fail(mount_remount(&root, MNT_READONLY), "root.readonly", "/", message);
	path_put(&root);
	return r;
}
