/* SPDX-License-Identifier: Apache-2.0 */
/* /proc itself: self, thread-self, the PID directories. */
#include <linux/magic.h>
#include <string.h>
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

static const struct synth_node pid_node = {.name = "PID",
					   .mode = S_IFDIR | 0555,
					   .children = proc_pid_files,
					   .valid = proc_pid_valid};
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

static int root_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child)
{
	long n = parse_number(name);
	_cleanup_(task_putp) struct task *t = n > 0 ? task_find_get(ns_of(dir), (int)n) : NULL;

	if (!t)
		return -ENOENT;
	child->node = &pid_node;
	child->num = n;
	child->num2 = 0;
	return 0;
}

static bool root_list(struct synth_inode *dir, long *n, char name[32])
{
	int nr = (int)MAX(*n, 1);
	struct task *t = task_next_get(ns_of(dir), &nr);

	if (!t)
		return false;
	task_put(t);
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

static void proc_kill(struct synth_fs *fs)
{
	pid_namespace_put(fs->priv);
}

static int proc_get_super(const struct fs_type *t, const struct fs_params *p, struct super **ret)
{
	struct synth_fs *fs = calloc(1, sizeof(*fs));
	struct pid_namespace *ns = current		      ? task_pid_ns(current) :
				   p->ct && p->ct->pid_ns ? p->ct->pid_ns :
							    NULL;

	if (!fs || !ns) {
		free(fs);
		return fs ? -EINVAL : -ENOMEM;
	}
	*fs = (struct synth_fs){.priv = pid_namespace_get(ns), .kill = proc_kill, .volatile_names = true};
	return synth_super(t, PROC_SUPER_MAGIC, &root_node, fs, ret);
}

const struct fs_type proc_fs_type = {.name = "proc", .flags = FS_NODEV | FS_USERNS_MOUNT, .get_super = proc_get_super};
