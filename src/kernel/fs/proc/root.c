/* SPDX-License-Identifier: Apache-2.0 */
/* /proc itself: self, thread-self, the PID directories. */
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include "kernel/container.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/mm/mm.h"
#include "kernel/task/ptrace.h"

/* num: thread-group id, num2: thread id within task/; both in the instance's pid namespace. */
static struct pid_namespace *ns_of(struct synth_inode *i)
{
	return synth_of(i)->priv;
}

struct task *proc_task(struct synth_inode *i)
{
	return task_find_get(ns_of(i), (int)(i->num2 ? i->num2 : i->num));
}

int proc_may_look(struct task *t, const struct cred *c)
{
	return ptrace_may_access(current, c, t, true) < 0 ? -EACCES : 0;
}

int proc_look_access(struct synth_inode *i, const struct cred *c, int mask)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);

	return t ? proc_may_look(t, c) : -ESRCH;
}

int proc_pid_valid(struct synth_inode *i)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	struct inode *n = i->inode;

	if (!t)
		return -ENOENT;
	mutex_lock(&t->lock);
	n->uid = t->cred->euid;
	n->gid = t->cred->egid;
	mutex_unlock(&t->lock);
	return 0;
}

static const struct synth_node pid_node; /* below */
static const struct synth_node tid_node = {.name = "TID",
					   .mode = S_IFDIR | 0555,
					   .children = proc_task_files,
					   .valid = proc_pid_valid};

struct pid *proc_dir_pid(struct file *f)
{
	struct synth_inode *i = f->inode->priv;

	if (f->inode->sb->type != &proc_fs_type || (i->node != &pid_node && i->node != &tid_node))
		return NULL;
	return pid_find_get(ns_of(i), (int)(i->num2 ? i->num2 : i->num));
}

static long parse_number(const char *name)
{
	char *end;
	long n;

	if (*name < '1' || *name > '9')
		return -1;
	n = strtol(name, &end, 10);
	return *end || n > INT32_MAX ? -1 : n;
}

/* The mount options of one procfs. */
struct proc_fs {
	struct synth_fs fs; /* first: freed as one */
	int hidepid;	    /* atomic HIDE_* */
	uint32_t gid;	    /* atomic: a group that sees everything */
	bool pidonly;	    /* constant: nothing but processes */
};
enum { HIDE_OFF, HIDE_NOACCESS, HIDE_INVISIBLE, HIDE_PTRACEABLE = 4 };

/* May the current task see t where hidepid of at least level hides it? */
static bool sees(struct synth_fs *fs, struct task *t, int level)
{
	const struct proc_fs *pf = container_of(fs, struct proc_fs, fs);
	int hide = __atomic_load_n(&pf->hidepid, __ATOMIC_RELAXED);
	kgid_t g = KGID(__atomic_load_n(&pf->gid, __ATOMIC_RELAXED));

	if (hide < level || !current)
		return true;
	if (hide != HIDE_PTRACEABLE && (current->cred->fsgid.v == g.v || in_group(current->cred, g)))
		return true;
	return proc_may_look(t, current->cred) == 0;
}

static int hidden_access(struct synth_inode *i, const struct cred *c, int mask)
{
	const struct proc_fs *pf = container_of(synth_of(i), struct proc_fs, fs);
	_cleanup_(task_putp) struct task *t = NULL;
	int hide = __atomic_load_n(&pf->hidepid, __ATOMIC_RELAXED);

	if (!hide)
		return 0;
	t = proc_task(i);
	if (!t)
		return -ESRCH;
	if (sees(synth_of(i), t, HIDE_NOACCESS))
		return 0;
	return hide == HIDE_NOACCESS ? -EPERM : -ENOENT;
}

static const struct synth_node pid_node = {.name = "PID",
					   .mode = S_IFDIR | 0555,
					   .children = proc_pid_files,
					   .access = hidden_access,
					   .valid = proc_pid_valid};

static int root_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child)
{
	long n = parse_number(name);
	_cleanup_(task_putp) struct task *t = n > 0 ? task_find_get(ns_of(dir), (int)n) : NULL;

	if (!t || !sees(synth_of(dir), t, HIDE_PTRACEABLE))
		return -ENOENT;
	child->node = &pid_node;
	child->num = n;
	child->num2 = 0;
	return 0;
}

static bool root_list(struct synth_inode *dir, long *n, char name[32])
{
	int nr = (int)MAX(*n, 1);
	bool shown = false;

	for (;; nr++) {
		struct task *t = task_next_get(ns_of(dir), &nr);

		if (!t)
			return false;
		shown = sees(synth_of(dir), t, HIDE_INVISIBLE);
		task_put(t);
		if (shown)
			break;
	}
	*n = nr;
	snprintf(name, 32, "%d", nr);
	return true;
}

/* task/: the threads of one group. */
static int threads_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child)
{
	long n = parse_number(name);
	_cleanup_(task_putp) struct task *t = n > 0 ? task_find_get(ns_of(dir), (int)n) : NULL;
	_cleanup_(task_putp) struct task *lead = task_find_get(ns_of(dir), (int)dir->num);

	if (!t || !lead || t->tg != lead->tg)
		return -ENOENT;
	child->node = &tid_node;
	child->num2 = n;
	return 0;
}

static bool threads_list(struct synth_inode *dir, long *n, char name[32])
{
	_cleanup_(task_putp) struct task *lead = task_find_get(ns_of(dir), (int)dir->num);
	struct task *x;
	long best = 0;

	if (!lead)
		return false;
	mutex_lock(&tasklist_lock);
	list_for_each_entry(x, &lead->tg->threads, thread_node) {
		long nr = pid_nr_ns(x->pid, ns_of(dir));

		if (nr > 0 && nr >= *n && (!best || nr < best))
			best = nr;
	}
	mutex_unlock(&tasklist_lock);
	if (!best)
		return false;
	*n = best;
	snprintf(name, 32, "%ld", best);
	return true;
}

/* Referenced by the PID table in pid.c. */
extern const struct synth_node proc_threads_node;
const struct synth_node proc_threads_node = {.name = "task",
					     .mode = S_IFDIR | 0555,
					     .lookup = threads_lookup,
					     .list = threads_list,
					     .valid = proc_pid_valid};

static const struct synth_node root_node = {.name = "/",
					    .mode = S_IFDIR | 0555,
					    .children = proc_root_files,
					    .lookup = root_lookup,
					    .list = root_list};

/* subset=pid: the links to oneself and the processes. */
static const struct synth_node pid_root_node = {.name = "/",
						.mode = S_IFDIR | 0555,
						.children = proc_self_links,
						.lookup = root_lookup,
						.list = root_list};

static void proc_kill(struct synth_fs *fs)
{
	pid_namespace_put(fs->priv);
}

static bool parse_u32(const char *v, uint32_t *ret)
{
	char *end;
	unsigned long n;

	if (!v || *v < '0' || *v > '9')
		return false;
	errno = 0;
	n = strtoul(v, &end, 10);
	*ret = (uint32_t)n;
	return !errno && !*end && n <= UINT32_MAX - 1;
}

static bool parse_option(void *ctx, const char *key, const char *v)
{
	static const struct {
		const char *text, *number;
		int hide;
	} levels[] = {{"off", "0", HIDE_OFF},
		      {"noaccess", "1", HIDE_NOACCESS},
		      {"invisible", "2", HIDE_INVISIBLE},
		      {"ptraceable", "4", HIDE_PTRACEABLE}};
	struct proc_fs *pf = ctx;

	if (!v)
		return false;
	if (!strcmp(key, "gid"))
		return parse_u32(v, &pf->gid);
	if (!strcmp(key, "subset")) {
		pf->pidonly |= !strcmp(v, "pid");
		return !strcmp(v, "pid");
	}
	if (strcmp(key, "hidepid") != 0)
		return false;
	for (size_t k = 0; k < ARRAY_SIZE(levels); k++) {
		if (strcmp(v, levels[k].text) != 0 && strcmp(v, levels[k].number) != 0)
			continue;
		pf->hidepid = levels[k].hide;
		return true;
	}
	return false;
}

static bool proc_option(const char *key, const char *value)
{
	struct proc_fs none = {.pidonly = false};

	return parse_option(&none, key, value);
}

static int proc_show_options(struct synth_fs *fs, char *buf, size_t cap)
{
	static const char *const words[] = {"", "noaccess", "invisible", "", "ptraceable"};
	const struct proc_fs *pf = container_of(fs, struct proc_fs, fs);
	char gid[24] = "";

	if (pf->gid)
		snprintf(gid, sizeof(gid), ",gid=%u", pf->gid);
	return snprintf(buf, cap, "%s%s%s%s", gid, pf->hidepid ? ",hidepid=" : "", words[pf->hidepid],
			pf->pidonly ? ",subset=pid" : "");
}

static int proc_reconfigure(struct synth_fs *fs, const char *options)
{
	struct proc_fs *pf = container_of(fs, struct proc_fs, fs), fresh = *pf;
	int r = fs_parse_options(options, parse_option, &fresh);

	if (r < 0)
		return r;
	__atomic_store_n(&pf->hidepid, fresh.hidepid, __ATOMIC_RELAXED);
	__atomic_store_n(&pf->gid, fresh.gid, __ATOMIC_RELAXED);
	return 0;
}

static int proc_get_super(const struct fs_type *t, const struct fs_params *p, struct super **ret)
{
	struct pid_namespace *ns = current		      ? task_pid_ns(current) :
				   p->ct && p->ct->pid_ns ? p->ct->pid_ns :
							    NULL;
	struct proc_fs *pf = calloc(1, sizeof(*pf));
	int r = pf ? fs_parse_options(p->options, parse_option, pf) : -ENOMEM;

	if (r == 0 && !ns)
		r = -EINVAL;
	if (r < 0) {
		free(pf);
		return r;
	}
	pf->fs = (struct synth_fs){.priv = pid_namespace_get(ns),
				   .kill = proc_kill,
				   .volatile_names = true,
				   .show_options = proc_show_options,
				   .reconfigure = proc_reconfigure};
	r = synth_super(t, PROC_SUPER_MAGIC, pf->pidonly ? &pid_root_node : &root_node, &pf->fs, ret);
	if (r == 0)
		(*ret)->flags |= p->flags & MS_RDONLY;
	return r;
}

const struct fs_type proc_fs_type = {
	.name = "proc", .flags = FS_NODEV | FS_USERNS_MOUNT, .get_super = proc_get_super, .option = proc_option};
