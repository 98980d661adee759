/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/fd and fdinfo, mounts and mountinfo. */
#include <linux/mount.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/epoll.h>
#include "kernel/fs/proc/proc.h"
#include "kernel/task/task.h"
#include "kernel/vfs/vfs_priv.h"

static struct files *task_files_get(struct task *t)
{
	MUTEX_GUARD(&t->lock);
	return t->files ? files_get(t->files) : NULL;
}

/* num2 of fd entries keeps the thread id in the high half and the descriptor in the low. */
static struct file *entry_file(struct synth_inode *i, bool *cloexec)
{
	_cleanup_(task_putp) struct task *t =
		task_find_get(synth_of(i)->priv, (int)(i->num2 >> 32 ? i->num2 >> 32 : i->num));
	struct files *fs = t ? task_files_get(t) : NULL;
	struct file *f;

	if (!fs)
		return NULL;
	f = files_lookup(fs, (int)(i->num2 & 0xffffffff), cloexec);
	files_put(fs);
	return f;
}

static int entry_valid(struct synth_inode *i)
{
	bool ce;
	struct file *f = entry_file(i, &ce);

	if (!f)
		return -ENOENT;
	if (S_ISLNK(i->inode->mode))
		i->inode->mode = S_IFLNK | 0100 | (f->can_read ? 0400 : 0) | (f->can_write ? 0200 : 0);
	i->inode->uid = f->cred ? f->cred->euid : KUID(0);
	i->inode->gid = f->cred ? f->cred->egid : KGID(0);
	file_put(f);
	return 0;
}

static ssize_t fd_link(struct synth_inode *i, char *buf, size_t cap)
{
	bool ce;
	_cleanup_(file_putp) struct file *f = entry_file(i, &ce);
	char tmp[4200];
	const char *s;
	struct path root;
	int n;

	if (!f)
		return -ENOENT;
	if (f->inode->sb == anon_super() && (S_ISFIFO(f->inode->mode) || S_ISSOCK(f->inode->mode))) {
		n = snprintf(buf, cap, "%s:[%lu]", S_ISFIFO(f->inode->mode) ? "pipe" : "socket",
			     f->inode->ino);
	} else {
		fs_get_root(current, &root);
		s = path_name(&f->path, &root, tmp, sizeof(tmp));
		n = s ? snprintf(buf, cap, "%s", s) : -ENAMETOOLONG;
		path_put(&root);
	}
	return n >= (int)cap ? -ENAMETOOLONG : n;
}

static int fd_jump(struct synth_inode *i, struct path *ret)
{
	bool ce;
	_cleanup_(file_putp) struct file *f = entry_file(i, &ce);

	if (!f)
		return -ENOENT;
	*ret = f->path;
	path_get(ret);
	return 0;
}

static int show_fdinfo(struct synth_inode *i, struct synth_buf *b)
{
	bool ce = false;
	_cleanup_(file_putp) struct file *f = entry_file(i, &ce);
	char extra[4096] = "";

	if (!f)
		return -ENOENT;
	synth_printf(b, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t%d\nino:\t%lu\n", f->pos,
		     f->flags | (ce ? 02000000U : 0U), f->path.mnt ? f->path.mnt->id : 0,
		     f->inode->ino);
	if (f->op->show_fdinfo) {
		f->op->show_fdinfo(f, extra, sizeof(extra));
		synth_printf(b, "%s", extra);
	}
	return 0;
}

static const struct synth_node fd_node = {.name = "N",
					  .mode = S_IFLNK | 0700,
					  .link = fd_link,
					  .jump = fd_jump,
					  .valid = entry_valid};
static const struct synth_node fdinfo_node = {
	.name = "N", .mode = S_IFREG | 0400, .show = show_fdinfo, .valid = entry_valid};

static int entry_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child,
			const struct synth_node *node)
{
	char *end;
	unsigned long n = strtoul(name, &end, 10);
	struct file *f;
	bool ce;

	if (*name < '0' || *name > '9' || *end || (*name == '0' && name[1]) || n > INT32_MAX)
		return -ENOENT;
	child->node = node;
	child->num2 = (long)((uint64_t)dir->num2 << 32 | n);
	child->inode = dir->inode; /* for the look-up of the file system only */
	f = entry_file(child, &ce);
	if (!f)
		return -ENOENT;
	file_put(f);
	return 0;
}

int proc_fd_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child)
{
	return entry_lookup(dir, name, child, &fd_node);
}

int proc_fdinfo_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child)
{
	return entry_lookup(dir, name, child, &fdinfo_node);
}

bool proc_fd_list(struct synth_inode *dir, long *n, char name[32])
{
	_cleanup_(task_putp) struct task *t = proc_task(dir);
	struct files *fs = t ? task_files_get(t) : NULL;
	int fd;

	if (!fs)
		return false;
	fd = files_next(fs, (int)*n);
	files_put(fs);
	if (fd < 0)
		return false;
	*n = fd;
	snprintf(name, 32, "%d", fd);
	return true;
}

/* --- mounts --- */

struct mount_ctx {
	struct synth_buf *b;
	struct path root;
	int kind; /* enum mounts_kind */
};

/* Blanks and backslashes as octal, as fstab wants them. */
static void put_escaped(struct synth_buf *b, const char *s)
{
	for (; *s; s++)
		if (strchr(" \t\n\\", *s))
			synth_printf(b, "\\%03o", (unsigned char)*s);
		else
			synth_write(b, s, 1);
}

static void put_flags(struct synth_buf *b, unsigned fl)
{
	static const struct {
		unsigned f;
		const char *s;
	} t[] = {{MNT_NOSUID, ",nosuid"},   {MNT_NODEV, ",nodev"},	{MNT_NOEXEC, ",noexec"},
		 {MNT_NOATIME, ",noatime"}, {MNT_NODIRATIME, ",nodiratime"}, {MNT_RELATIME, ",relatime"},
		 {MNT_NOSYMFOLLOW, ",nosymfollow"}};

	synth_printf(b, "%s", fl & MNT_READONLY ? "ro" : "rw");
	for (size_t k = 0; k < ARRAY_SIZE(t); k++)
		if (fl & t[k].f)
			synth_printf(b, "%s", t[k].s);
}

/* One mount as it was under the lock. */
struct mount_line {
	struct path p;
	int parent, group, master, from;
	bool unbindable;
};

struct mount_list {
	struct mnt_namespace *ns;
	struct mount_line *l;
	size_t n, cap;
	bool failed;
};

/* With the mount lock held: only notes what there is, formatting takes locks of its own. */
static void note_mount(struct mount *m, void *arg)
{
	struct mount_list *l = arg;

	if (l->n == l->cap) {
		size_t cap = l->cap * 2 + 16;
		struct mount_line *p = reallocarray(l->l, cap, sizeof(*p));

		if (!p) {
			l->failed = true;
			return;
		}
		l->l = p;
		l->cap = cap;
	}
	l->l[l->n] = (struct mount_line){
		.p = {m, m->root},
		.parent = m->parent ? m->parent->id : m->id,
		.group = m->group ? m->group->id : 0,
		.master = m->master ? m->master->id : 0,
		.from = m->master ? pnode_dominator(m, l->ns) : 0,
		.unbindable = m->unbindable,
	};
	path_get(&l->l[l->n++].p);
}

static void put_propagation(struct synth_buf *b, const struct mount_line *l)
{
	if (l->group)
		synth_printf(b, " shared:%d", l->group);
	if (l->master)
		synth_printf(b, " master:%d", l->master);
	if (l->from)
		synth_printf(b, " propagate_from:%d", l->from);
	if (l->unbindable)
		synth_printf(b, " unbindable");
}

static void show_info(const struct mount_line *l, const char *at, const char *opts, struct synth_buf *b)
{
	struct mount *m = l->p.mnt;
	struct super *sb = m->sb;
	struct path sbroot = {m, sb->root};
	char buf[4200];
	const char *inner = m->root == sb->root ? "/" : path_name(&l->p, &sbroot, buf, sizeof(buf));

	/* The root of a mount deep in its file system: as seen from there, not from here. */
	if (inner && !strncmp(inner, "(unreachable)", 13))
		inner += 13;
	synth_printf(b, "%d %d %u:%u ", m->id, l->parent, major(sb->dev), minor(sb->dev));
	put_escaped(b, inner && *inner ? inner : "/");
	synth_printf(b, " ");
	put_escaped(b, at);
	synth_printf(b, " ");
	put_flags(b, __atomic_load_n(&m->flags, __ATOMIC_RELAXED));
	put_propagation(b, l);
	synth_printf(b, " - %s ", sb->type->name);
	put_escaped(b, sb->source ? sb->source : "none");
	synth_printf(b, " %s%s%s\n", sb->flags & 1 ? "ro" : "rw", sb->flags & 16 ? ",sync" : "", opts);
}

enum mounts_kind { MOUNTS, MOUNTINFO, MOUNTSTATS };

static void show_mount(const struct mount_line *l, struct mount_ctx *c)
{
	struct mount *m = l->p.mnt;
	struct super *sb = m->sb;
	char buf[4200], opts[512] = "";
	const char *at = path_name(&l->p, &c->root, buf, sizeof(buf));
	const char *source = sb->source ? sb->source : "none";

	if (!at || !strncmp(at, "(unreachable)", 13))
		return;
	if (sb->op->show_options && sb->op->show_options(sb, opts, sizeof(opts)) < 0)
		opts[0] = '\0';
	if (c->kind == MOUNTINFO) {
		show_info(l, at, opts, c->b);
		return;
	}
	if (c->kind == MOUNTSTATS)
		synth_printf(c->b, "device ");
	put_escaped(c->b, source);
	synth_printf(c->b, c->kind == MOUNTSTATS ? " mounted on " : " ");
	put_escaped(c->b, at);
	if (c->kind == MOUNTSTATS) {
		synth_printf(c->b, " with fstype %s\n", sb->type->name);
		return;
	}
	synth_printf(c->b, " %s ", sb->type->name);
	put_flags(c->b, m->flags | (sb->flags & 1 ? MNT_READONLY : 0));
	synth_printf(c->b, "%s%s 0 0\n", sb->flags & 16 ? ",sync" : "", opts);
}

static struct mnt_namespace *ns_of_task(struct task *t)
{
	MUTEX_GUARD(&t->lock);
	return t->nsproxy && t->fs ? mnt_namespace_get(t->nsproxy->mnt) : NULL;
}

static int show_mounts(struct synth_inode *i, struct synth_buf *b, enum mounts_kind kind)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	struct mount_ctx c = {.b = b, .kind = kind};
	struct mount_list l = {0};

	if (!t)
		return -ESRCH;
	l.ns = ns_of_task(t);
	if (!l.ns)
		return -EINVAL;
	fs_get_root(t, &c.root);
	mnt_for_each(l.ns, note_mount, &l);
	for (size_t k = 0; k < l.n; k++) {
		if (c.root.dentry && !l.failed)
			show_mount(&l.l[k], &c);
		path_put(&l.l[k].p);
	}
	free(l.l);
	path_put(&c.root);
	mnt_namespace_put(l.ns);
	return l.failed ? -ENOMEM : 0;
}

int proc_show_mounts(struct synth_inode *i, struct synth_buf *b)
{
	return show_mounts(i, b, MOUNTS);
}

int proc_show_mountinfo(struct synth_inode *i, struct synth_buf *b)
{
	return show_mounts(i, b, MOUNTINFO);
}

int proc_show_mountstats(struct synth_inode *i, struct synth_buf *b)
{
	return show_mounts(i, b, MOUNTSTATS);
}

/* Readable all the time; a change of the mounts since the last look is an error and a priority event. */
uint32_t proc_poll_mounts(struct synth_inode *i, uint64_t *seen, struct poll_table *pt)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	struct mnt_namespace *ns = t ? ns_of_task(t) : NULL;
	uint32_t m = EPOLLIN | EPOLLRDNORM;
	uint64_t now;

	poll_wait(pt, &mounts_changed);
	if (!ns)
		return m | EPOLLERR | EPOLLHUP;
	now = mnt_ns_event(ns) + 1ULL;
	mnt_namespace_put(ns);
	if (*seen && *seen != now)
		m |= EPOLLERR | EPOLLPRI;
	*seen = now;
	return m;
}
