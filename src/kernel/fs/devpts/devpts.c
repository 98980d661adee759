/* SPDX-License-Identifier: Apache-2.0 */
/* devpts: ptmx and one node per open pty. Options: mode, ptmxmode, uid, gid, max, newinstance. */
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/sysmacros.h>
#include "kernel/fs/devpts/devpts.h"
#include "kernel/vfs/synth.h"
#include "kernel/task/task.h"
#include "kernel/tty/tty.h"

struct devpts {
	struct pty_set *set;
	mode_t mode, ptmxmode; /* ptmxmode: atomic, chmod changes it */
	bool has_uid, has_gid;
	uint32_t uid, gid;
};

static struct devpts *devpts_of(struct synth_inode *i)
{
	return synth_of(i)->priv;
}

/* The mount's owner and mode, or those of who opens the master. Lock of t held. */
static void own(struct devpts *d, struct tty *t)
{
	t->mode = S_IFCHR | d->mode;
	t->uid = d->has_uid ? KUID(d->uid) : current ? current->cred->fsuid : KUID(0);
	t->gid = d->has_gid ? KGID(d->gid) : current ? current->cred->fsgid : KGID(0);
}

static int ptmx_open(struct synth_inode *i, struct file *f)
{
	int r = pty_open_master(devpts_of(i)->set, f);
	struct tty *t = f->priv;

	if (r < 0)
		return r;
	MUTEX_GUARD(&t->lock);
	if (!t->mode)
		own(devpts_of(i), t);
	return 0;
}

static int ptmx_changed(struct synth_inode *i)
{
	struct devpts *d = devpts_of(i);

	__atomic_store_n(&d->ptmxmode, i->inode->mode & 07777, __ATOMIC_RELAXED);
	return 0;
}

static int ptmx_valid(struct synth_inode *i)
{
	i->inode->mode = S_IFCHR | __atomic_load_n(&devpts_of(i)->ptmxmode, __ATOMIC_RELAXED);
	i->inode->rdev = makedev(5, 2);
	return 0;
}

static int open_index(struct pty_set *s, int index, struct file *f)
{
	struct tty *t = pty_get_slave(s, index);
	int r;

	if (!t)
		return -EIO;
	r = tty_open_slave(t, f);
	if (r < 0)
		tty_put(t);
	return r;
}

static int slave_open(struct synth_inode *i, struct file *f)
{
	return open_index(devpts_of(i)->set, (int)i->num, f);
}

/* Owner and mode are the terminal's, for names come and go. */
static int slave_valid(struct synth_inode *i)
{
	struct devpts *d = devpts_of(i);
	struct tty *t = pty_get_slave(d->set, (int)i->num);

	if (!t)
		return -ENOENT;
	mutex_lock(&t->lock);
	if (!t->mode)
		own(d, t);
	i->inode->mode = t->mode;
	i->inode->uid = t->uid;
	i->inode->gid = t->gid;
	i->inode->rdev = t->dev;
	mutex_unlock(&t->lock);
	tty_put(t);
	return 0;
}

static int slave_changed(struct synth_inode *i)
{
	struct tty *t = pty_get_slave(devpts_of(i)->set, (int)i->num);

	if (!t)
		return -EIO;
	mutex_lock(&t->lock);
	t->mode = i->inode->mode;
	t->uid = i->inode->uid;
	t->gid = i->inode->gid;
	mutex_unlock(&t->lock);
	tty_put(t);
	return 0;
}

static const struct synth_node slave_node = {.name = "N",
					     .mode = S_IFCHR | 0620,
					     .open = slave_open,
					     .valid = slave_valid,
					     .changed = slave_changed};

static int pts_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child)
{
	struct tty *t;
	char *end;
	long n = strtol(name, &end, 10);

	if (*name < '0' || *name > '9' || *end || (name[0] == '0' && name[1]) || n > 65535)
		return -ENOENT;
	t = pty_get_slave(devpts_of(dir)->set, (int)n);
	if (!t)
		return -ENOENT;
	tty_put(t);
	child->node = &slave_node;
	child->num = n;
	return 0;
}

static bool pts_list(struct synth_inode *dir, long *n, char name[32])
{
	int k = pty_next(devpts_of(dir)->set, (int)*n);

	if (k < 0)
		return false;
	*n = k;
	snprintf(name, 32, "%d", k);
	return true;
}

static const struct synth_node root_children[] = {
	{.name = "ptmx", .mode = S_IFCHR, .open = ptmx_open, .valid = ptmx_valid, .changed = ptmx_changed},
	{.name = NULL},
};
static const struct synth_node root_node = {.name = "/",
					    .mode = S_IFDIR | 0755,
					    .children = root_children,
					    .lookup = pts_lookup,
					    .list = pts_list};

static void devpts_kill(struct synth_fs *fs)
{
	struct devpts *d = fs->priv;

	pty_set_put(d->set);
	free(d);
}

static int devpts_options(struct synth_fs *fs, char *buf, size_t cap)
{
	struct devpts *d = fs->priv;
	int n = 0;

	if (d->has_gid)
		n = snprintf(buf, cap, ",gid=%u", d->gid);
	if (n >= 0 && (size_t)n < cap)
		n += snprintf(buf + n, cap - (size_t)n, ",mode=%03o,ptmxmode=%03o", d->mode,
			      d->ptmxmode);
	return n;
}

static bool parse_option(void *ctx, const char *o, const char *v)
{
	struct devpts *d = ctx;
	unsigned long n;
	char *end;

	if (!v)
		return !strcmp(o, "newinstance");
	n = strtoul(v, &end, strstr(o, "mode") ? 8 : 10);
	if (!*v || *end || n > UINT32_MAX)
		return false;
	if (!strcmp(o, "mode")) {
		d->mode = (mode_t)n & 07777;
	} else if (!strcmp(o, "ptmxmode")) {
		d->ptmxmode = (mode_t)n & 07777;
	} else if (!strcmp(o, "uid")) {
		d->has_uid = true;
		d->uid = (uint32_t)n;
	} else if (!strcmp(o, "gid")) {
		d->has_gid = true;
		d->gid = (uint32_t)n;
	} else {
		return !strcmp(o, "max");
	}
	return true;
}

static int devpts_get_super(const struct fs_type *t, const struct fs_params *p, struct super **ret)
{
	struct synth_fs *fs = calloc(1, sizeof(*fs));
	struct devpts *d = calloc(1, sizeof(*d));
	int r = -ENOMEM;

	if (!fs || !d)
		goto fail;
	d->mode = 0600;
	r = fs_parse_options(p->options, parse_option, d);
	d->set = r == 0 ? pty_set_new(1024) : NULL;
	if (r == 0 && !d->set)
		r = -ENOMEM;
	if (r < 0)
		goto fail;
	*fs = (struct synth_fs){.priv = d,
				.kill = devpts_kill,
				.volatile_names = true,
				.show_options = devpts_options};
	r = synth_super(t, DEVPTS_SUPER_MAGIC, &root_node, fs, ret);
	if (r == 0)
		return 0;
	return r; /* the super has freed fs and d */
fail:
	free(fs);
	free(d);
	return r;
}

const struct fs_type devpts_fs_type = {
	.name = "devpts", .flags = FS_NODEV | FS_USERNS_MOUNT, .get_super = devpts_get_super};

/* The instance mounted at pts/ in the directory of f's node (a mknod'ed /dev/ptmx). */
static int find_set(struct file *f, struct path *ret, struct pty_set **ret_set)
{
	struct path dir = {f->path.mnt, f->path.dentry->parent};
	struct synth_fs *fs;
	int r = path_lookup_from(&dir, "pts", LOOKUP_FOLLOW | LOOKUP_DIRECTORY, ret);

	if (r < 0)
		return r == -ENOENT ? -ENODEV : r;
	if (ret->dentry->sb->type != &devpts_fs_type) {
		path_put(ret);
		return -ENODEV;
	}
	fs = ret->dentry->sb->priv;
	*ret_set = ((struct devpts *)fs->priv)->set;
	return 0;
}

int devpts_open_master(struct file *f)
{
	struct pty_set *s;
	struct path p;
	int r = find_set(f, &p, &s);

	if (r < 0)
		return r;
	r = pty_open_master(s, f);
	path_put(&p);
	return r;
}

int devpts_open_slave(struct file *f, int index)
{
	struct pty_set *s;
	struct path p;
	int r = find_set(f, &p, &s);

	if (r < 0)
		return r;
	r = open_index(s, index, f);
	path_put(&p);
	return r;
}

int devpts_open_peer(struct file *master, int index, unsigned flags, struct file **ret)
{
	_cleanup_(path_put) struct path pts = {0}, slave = {0};
	struct pty_set *s;
	char name[16];
	int r = 0;

	if (master->path.dentry->sb->type == &devpts_fs_type) {
		pts = (struct path){master->path.mnt, master->path.dentry->sb->root};
		path_get(&pts);
	} else {
		r = find_set(master, &pts, &s);
	}
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%d", index);
	r = path_lookup_from(&pts, name, 0, &slave);
	return r < 0 ? r : file_open_path(&slave, flags, current->cred, ret);
}

int devpts_add_host(const struct path *pts, struct tty *t, struct file **ret)
{
	struct synth_fs *fs = pts->dentry->sb->priv;
	struct path slave;
	char name[16];
	int r;

	if (pts->dentry->sb->type != &devpts_fs_type)
		return -ENODEV;
	r = pty_set_enter(((struct devpts *)fs->priv)->set, t);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%d", t->index);
	r = path_lookup_from(pts, name, 0, &slave);
	if (r == 0) {
		r = file_open_path(&slave, O_RDWR | O_NOCTTY, current->cred, ret);
		path_put(&slave);
	}
	if (r < 0)
		pty_set_leave(t);
	return r;
}
