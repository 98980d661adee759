/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup2: directories are groups, files their settings and figures. */
#include "kernel/fs/cgroup/cgroup.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include "kernel/container.h"
#include "kernel/task/cgroup.h"
#include "kernel/task/task.h"

#define DEPTH_MAX 100

static const struct synth_node dir_node;

/* The mount's own root has no object of its own. */
static struct cgroup *cg_of(const struct synth_inode *i)
{
	return i->obj ? i->obj : synth_of(i)->priv;
}

static void obj_get(void *obj)
{
	(void)cgroup_get(obj);
}

static void obj_put(void *obj)
{
	cgroup_put(obj);
}

/* --- membership --- */

static int show_members(struct synth_inode *i, struct synth_buf *b, bool threads)
{
	struct pid_namespace *ns = task_pid_ns(current);
	struct cgroup *c = cg_of(i);
	struct task *t, *x;
	int nr = 1;

	for (; (t = task_next_get(ns, &nr)) != NULL; nr++) {
		mutex_lock(&tasklist_lock);
		if (!threads && t->cgroup == c && t->cgroup_live)
			synth_printf(b, "%d\n", nr);
		if (threads)
			list_for_each_entry(x, &t->tg->threads, thread_node)
				if (x->cgroup == c && x->cgroup_live)
					synth_printf(b, "%d\n", pid_nr_ns(x->pid, ns));
		mutex_unlock(&tasklist_lock);
		task_put(t);
	}
	return 0;
}

static int show_procs(struct synth_inode *i, struct synth_buf *b)
{
	return show_members(i, b, false);
}

static int show_threads(struct synth_inode *i, struct synth_buf *b)
{
	return show_members(i, b, true);
}

static bool parse_int(const char *s, long *ret)
{
	char *end;

	*ret = strtol(s, &end, 10);
	return end != s && (!*end || (*end == '\n' && !end[1]));
}

static ssize_t write_procs(struct synth_inode *i, char *buf, size_t n)
{
	struct task *t;
	long nr;
	int r;

	if (!parse_int(buf, &nr) || nr < 0)
		return -EINVAL;
	t = nr ? task_find_get(task_pid_ns(current), (int)MIN(nr, (long)INT32_MAX)) : task_get(current);
	if (!t)
		return -ESRCH;
	/* Only within what this mount shows. */
	mutex_lock(&tasklist_lock);
	r = !t->cgroup || cgroup_is_ancestor(synth_of(i)->priv, t->cgroup) ? 0 : -ENOENT;
	mutex_unlock(&tasklist_lock);
	if (r == 0)
		r = cgroup_attach(cg_of(i), t->tg);
	task_put(t);
	return r < 0 ? r : (ssize_t)n;
}

/* --- controllers --- */

static void show_bits(struct synth_buf *b, unsigned bits)
{
	if (bits)
		synth_printf(b, "%s%s%s\n", bits & CGROUP_MEMORY ? "memory" : "", bits == 3 ? " " : "",
			     bits & CGROUP_PIDS ? "pids" : "");
}

static unsigned controllers(const struct cgroup *c)
{
	return c->parent ? c->parent->subtree : CGROUP_PIDS | CGROUP_MEMORY;
}

static int show_controllers(struct synth_inode *i, struct synth_buf *b)
{
	MUTEX_GUARD(&tasklist_lock);
	show_bits(b, controllers(cg_of(i)));
	return 0;
}

static int show_subtree(struct synth_inode *i, struct synth_buf *b)
{
	MUTEX_GUARD(&tasklist_lock);
	show_bits(b, cg_of(i)->subtree);
	return 0;
}

/* "+pids -memory": what the children shall have. */
static int parse_subtree(char *s, unsigned *on, unsigned *off)
{
	char *save = NULL;

	for (char *w = strtok_r(s, " \n", &save); w; w = strtok_r(NULL, " \n", &save)) {
		unsigned bit = !strcmp(w + 1, "pids") ? CGROUP_PIDS : !strcmp(w + 1, "memory") ? CGROUP_MEMORY : 0;

		if ((*w != '+' && *w != '-') || !bit)
			return -EINVAL;
		*(*w == '+' ? on : off) |= bit;
		*(*w == '+' ? off : on) &= ~bit;
	}
	return 0;
}

static ssize_t write_subtree(struct synth_inode *i, char *buf, size_t n)
{
	struct cgroup *c = cg_of(i), *k;
	unsigned on = 0, off = 0;
	int own, r = parse_subtree(buf, &on, &off);

	if (r < 0)
		return r;
	MUTEX_GUARD(&tasklist_lock);
	if (on & ~controllers(c))
		return -ENOENT;
	list_for_each_entry(k, &c->children, sibling)
		if (k->subtree & off)
			return -EBUSY;
	/* Tasks live in groups that hand nothing down. */
	own = c->live;
	list_for_each_entry(k, &c->children, sibling)
		own -= k->live;
	if (on && own > 0)
		return -EBUSY;
	c->subtree = (c->subtree | on) & ~off;
	return (ssize_t)n;
}

static bool no_pids(struct synth_inode *dir)
{
	MUTEX_GUARD(&tasklist_lock);
	return !(controllers(cg_of(dir)) & CGROUP_PIDS);
}

static bool no_memory(struct synth_inode *dir)
{
	MUTEX_GUARD(&tasklist_lock);
	return !(controllers(cg_of(dir)) & CGROUP_MEMORY);
}

SYNTH_TEXT(show_type, "domain")

static int show_events(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "populated %d\nfrozen 0\n", __atomic_load_n(&cg_of(i)->live, __ATOMIC_RELAXED) > 0);
	return 0;
}

static int count_below(struct cgroup *c)
{
	struct cgroup *k;
	int n = 0;

	list_for_each_entry(k, &c->children, sibling)
		n += 1 + count_below(k); /* at most DEPTH_MAX deep */
	return n;
}

static int show_stat(struct synth_inode *i, struct synth_buf *b)
{
	MUTEX_GUARD(&tasklist_lock);
	synth_printf(b, "nr_descendants %d\nnr_dying_descendants 0\n", count_below(cg_of(i)));
	return 0;
}

static ssize_t write_kill(struct synth_inode *i, char *buf, size_t n)
{
	long v;

	if (!parse_int(buf, &v))
		return -EINVAL;
	if (v != 1)
		return -ERANGE;
	cgroup_signal(cg_of(i), SIGKILL);
	return (ssize_t)n;
}

/* --- pids --- */

static int container_max(const struct cgroup *c)
{
	int max = c->parent ? 0 : __atomic_load_n(&current->ct->pids_max, __ATOMIC_RELAXED);

	return max ? max : INT_MAX;
}

static int show_pids_max(struct synth_inode *i, struct synth_buf *b)
{
	int max = MIN(__atomic_load_n(&cg_of(i)->pids_max, __ATOMIC_RELAXED), container_max(cg_of(i)));

	if (max == INT_MAX)
		synth_printf(b, "max\n");
	else
		synth_printf(b, "%d\n", max);
	return 0;
}

static ssize_t write_pids_max(struct synth_inode *i, char *buf, size_t n)
{
	long v = INT_MAX;

	if (strcmp(buf, "max") != 0 && strcmp(buf, "max\n") != 0 && (!parse_int(buf, &v) || v < 0 || v > 4194304))
		return -EINVAL;
	__atomic_store_n(&cg_of(i)->pids_max, (int)v, __ATOMIC_RELAXED);
	return (ssize_t)n;
}

static int show_pids(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "%d\n", __atomic_load_n(&cg_of(i)->pids, __ATOMIC_RELAXED));
	return 0;
}

static int show_pids_peak(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "%d\n", __atomic_load_n(&cg_of(i)->pids_peak, __ATOMIC_RELAXED));
	return 0;
}

static int show_pids_events(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "max %lu\n", __atomic_load_n(&cg_of(i)->pids_hits, __ATOMIC_RELAXED));
	return 0;
}

/* --- memory and CPU --- */

static uint64_t kernel_bytes(const struct cgroup *c)
{
	return c->parent ? 0 : __atomic_load_n(&current->ct->mem_bytes, __ATOMIC_RELAXED);
}

static int show_memory(struct synth_inode *i, struct synth_buf *b)
{
	struct cgroup *c = cg_of(i);

	synth_printf(b, "%lu\n", cgroup_rss_pages(c) * 4096UL + kernel_bytes(c));
	return 0;
}

static int show_memory_max(struct synth_inode *i, struct synth_buf *b)
{
	uint64_t max = cg_of(i)->parent ? 0 : __atomic_load_n(&current->ct->mem_max, __ATOMIC_RELAXED);

	if (max)
		synth_printf(b, "%lu\n", max);
	else
		synth_printf(b, "max\n");
	return 0;
}

static int show_memory_stat(struct synth_inode *i, struct synth_buf *b)
{
	struct cgroup *c = cg_of(i);

	synth_printf(b, "anon %lu\nkernel %lu\n", cgroup_rss_pages(c) * 4096UL, kernel_bytes(c));
	return 0;
}

static int show_cpu(struct synth_inode *i, struct synth_buf *b)
{
	uint64_t user, sys;

	cgroup_cputime(cg_of(i), &user, &sys);
	synth_printf(b, "usage_usec %lu\nuser_usec %lu\nsystem_usec %lu\n", (user + sys) / 1000, user / 1000, sys / 1000);
	return 0;
}

/* --- directories --- */

static int dir_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child)
{
	struct cgroup *c = cgroup_child_get(cg_of(dir), name);

	if (!c)
		return -ENOENT;
	child->node = &dir_node;
	child->obj = c;
	return 0;
}

static bool dir_list(struct synth_inode *dir, long *n, char *name)
{
	return cgroup_child_name(cg_of(dir), *n, name);
}

static int dir_mkdir(struct synth_inode *dir, const char *name)
{
	struct cgroup *c = cg_of(dir);
	int depth = 0;

	if (strchr(name, '\n'))
		return -EINVAL;
	for (const struct cgroup *x = c; x; x = x->parent)
		depth++;
	return depth > DEPTH_MAX ? -EAGAIN : cgroup_make(c, name);
}

static int dir_rmdir(struct synth_inode *dir, const char *name)
{
	return cgroup_remove(cg_of(dir), name);
}

static int dir_valid(struct synth_inode *i)
{
	MUTEX_GUARD(&tasklist_lock);
	return cg_of(i)->dead ? -ENOENT : 0;
}

#define F(n, fn) {.name = n, .mode = S_IFREG | 0444, .show = fn}
#define W(n, fn, w) {.name = n, .mode = S_IFREG | 0644, .show = fn, .write = w}
static const struct synth_node files[] = {
	W("cgroup.procs", show_procs, write_procs),
	F("cgroup.threads", show_threads),
	F("cgroup.controllers", show_controllers),
	W("cgroup.subtree_control", show_subtree, write_subtree),
	F("cgroup.type", show_type),
	F("cgroup.events", show_events),
	F("cgroup.stat", show_stat),
	{.name = "cgroup.kill", .mode = S_IFREG | 0200, .write = write_kill},
	F("cpu.stat", show_cpu),
	{.name = "pids.max", .mode = S_IFREG | 0644, .show = show_pids_max, .write = write_pids_max, .hidden = no_pids},
	{.name = "pids.current", .mode = S_IFREG | 0444, .show = show_pids, .hidden = no_pids},
	{.name = "pids.peak", .mode = S_IFREG | 0444, .show = show_pids_peak, .hidden = no_pids},
	{.name = "pids.events", .mode = S_IFREG | 0444, .show = show_pids_events, .hidden = no_pids},
	{.name = "memory.current", .mode = S_IFREG | 0444, .show = show_memory, .hidden = no_memory},
	{.name = "memory.max", .mode = S_IFREG | 0444, .show = show_memory_max, .hidden = no_memory},
	{.name = "memory.stat", .mode = S_IFREG | 0444, .show = show_memory_stat, .hidden = no_memory},
	{.name = NULL}};
static const struct synth_node dir_node = {.name = "group",
					   .mode = S_IFDIR | 0755,
					   .children = files,
					   .lookup = dir_lookup,
					   .list = dir_list,
					   .mkdir = dir_mkdir,
					   .rmdir = dir_rmdir,
					   .valid = dir_valid};

struct cgroup *cgroup_of_file(struct file *f)
{
	struct synth_inode *i = f->inode->priv;

	return f->inode->sb->type->name == cgroup2_fs_type.name && S_ISDIR(f->inode->mode) ? cg_of(i) : NULL;
}

static void cgroup_kill(struct synth_fs *fs)
{
	cgroup_put(fs->priv);
}

static int cgroup_get_super(const struct fs_type *t, const struct fs_params *p, struct super **ret)
{
	struct cgroup *root = current ? current->nsproxy->cgroup->root : p->ct ? p->ct->cgroup : NULL;
	struct synth_fs *fs = root ? calloc(1, sizeof(*fs)) : NULL;

	if (!fs)
		return root ? -ENOMEM : -EINVAL;
	*fs = (struct synth_fs){.priv = cgroup_get(root), .obj_get = obj_get, .obj_put = obj_put, .kill = cgroup_kill,
				.volatile_names = true};
	return synth_super(t, CGROUP2_SUPER_MAGIC, &dir_node, fs, ret);
}

const struct fs_type cgroup2_fs_type = {
	.name = "cgroup2", .flags = FS_NODEV | FS_USERNS_MOUNT, .get_super = cgroup_get_super};
