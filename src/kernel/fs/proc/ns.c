/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/ns, the maps of user namespaces, the offsets of time namespaces, and /proc/sys/user. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <time.h>
#include "kernel/fs/proc/proc.h"
#include "kernel/task/task.h"

/* --- ns/ --- */

struct entry {
	enum ns_type type;
	bool children;
};
static const struct entry entries[] = {
	{NS_CGROUP, false}, {NS_IPC, false}, {NS_MNT, false},  {NS_NET, false},	 {NS_PID, false},
	{NS_PID, true},	    {NS_TIME, false}, {NS_TIME, true}, {NS_USER, false}, {NS_UTS, false},
};

static struct ns_common *entry_ns(struct synth_inode *i)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	const struct entry *e = &entries[i->node - proc_ns_files];

	return t ? task_ns_get(t, e->type, e->children) : NULL;
}

static int may_see(struct synth_inode *i)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);

	return t ? proc_may_look(t, current->cred) : -ENOENT;
}

static ssize_t ns_link(struct synth_inode *i, char *buf, size_t cap)
{
	int r = may_see(i);
	struct ns_common *ns = r == 0 ? entry_ns(i) : NULL;

	if (!ns)
		return r < 0 ? r : -ENOENT;
	r = snprintf(buf, cap, "%s:[%lu]", ns_name(ns->type), ns->inum);
	ns_put(ns);
	return r;
}

static int ns_jump(struct synth_inode *i, struct path *ret)
{
	int r = may_see(i);
	struct ns_common *ns = r == 0 ? entry_ns(i) : NULL;

	return ns ? ns_path(ns, ret) : r < 0 ? r : -ENOENT;
}

#define NS(n)                                                                                      \
	{.name = n, .mode = S_IFLNK | 0777, .link = ns_link, .jump = ns_jump, .valid = proc_pid_valid}
const struct synth_node proc_ns_files[] = {
	NS("cgroup"), NS("ipc"),  NS("mnt"), NS("net"), NS("pid"), NS("pid_for_children"),
	NS("time"), NS("time_for_children"), NS("user"), NS("uts"), {.name = NULL}};
static_assert(sizeof(proc_ns_files) / sizeof(proc_ns_files[0]) == sizeof(entries) / sizeof(entries[0]) + 1,
	      "one entry for each");

/* --- maps --- */

static struct user_namespace *user_ns_of(struct synth_inode *i)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	struct ns_common *ns = t ? task_ns_get(t, NS_USER, false) : NULL;

	return ns ? container_of(ns, struct user_namespace, ns) : NULL;
}

static void show_extent(void *arg, uint32_t first, uint32_t lower, uint32_t count)
{
	synth_printf(arg, "%10u %10u %10u\n", first, lower, count);
}

static int show_map(struct synth_inode *i, struct synth_buf *b, enum id_kind kind)
{
	struct user_namespace *ns = user_ns_of(i);

	if (!ns)
		return -ESRCH;
	id_map_show(ns, kind, current_user_ns(), show_extent, b);
	user_ns_put(ns);
	return 0;
}

static ssize_t write_map(struct synth_inode *i, struct file *f, char *buf, size_t n, enum id_kind kind)
{
	struct user_namespace *ns = user_ns_of(i);
	ssize_t r;

	if (!ns)
		return -ESRCH;
	r = id_map_write(ns, kind, f->cred ? f->cred : current->cred, buf, n);
	user_ns_put(ns);
	if (r > 0 && kind != ID_PROJ)
		task_publish_user_ns();
	return r;
}

#define MAP(name, kind)                                                                            \
	int proc_show_##name(struct synth_inode *i, struct synth_buf *b)                           \
	{                                                                                          \
		return show_map(i, b, kind);                                                       \
	}                                                                                          \
	ssize_t proc_write_##name(struct synth_inode *i, struct file *f, char *buf, size_t n)      \
	{                                                                                          \
		return write_map(i, f, buf, n, kind);                                              \
	}
MAP(uid_map, ID_UID)
MAP(gid_map, ID_GID)
MAP(projid_map, ID_PROJ)

int proc_show_setgroups(struct synth_inode *i, struct synth_buf *b)
{
	struct user_namespace *ns = user_ns_of(i);
	bool deny;

	if (!ns)
		return -ESRCH;
	mutex_lock(&ns->lock);
	deny = ns->setgroups_denied;
	mutex_unlock(&ns->lock);
	user_ns_put(ns);
	synth_printf(b, "%s\n", deny ? "deny" : "allow");
	return 0;
}

ssize_t proc_write_setgroups(struct synth_inode *i, struct file *f, char *buf, size_t n)
{
	struct user_namespace *ns = user_ns_of(i);
	ssize_t r;

	if (!ns)
		return -ESRCH;
	r = f->cred && !ns_capable(f->cred, ns, CAP_SYS_ADMIN) ? -EACCES : setgroups_write(ns, buf, n);
	user_ns_put(ns);
	return r;
}

/* --- timens_offsets --- */

static int64_t floor_sec(int64_t ns)
{
	return ns >= 0 ? ns / 1000000000 : -((-ns + 999999999) / 1000000000);
}

int proc_show_timens(struct synth_inode *i, struct synth_buf *b)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	struct ns_common *ns = t ? task_ns_get(t, NS_TIME, true) : NULL;
	struct time_namespace *x;
	int64_t m, bt;

	if (!ns)
		return -ESRCH;
	x = container_of(ns, struct time_namespace, ns);
	mutex_lock(&tasklist_lock);
	m = x->monotonic;
	bt = x->boottime;
	mutex_unlock(&tasklist_lock);
	ns_put(ns);
	synth_printf(b, "%-10s %10ld %9ld\n%-10s %10ld %9ld\n", "monotonic", floor_sec(m), m - floor_sec(m) * 1000000000,
		     "boottime", floor_sec(bt), bt - floor_sec(bt) * 1000000000);
	return 0;
}

/* One line "clock seconds nanoseconds"; the clock by name or number. */
static int parse_offset(char **p, bool *boot, int64_t *ret)
{
	char clock[11] = "";
	long sec, nsec;
	int used = 0;

	if (sscanf(*p, "%10s %ld %ld%n", clock, &sec, &nsec, &used) != 3)
		return -EINVAL;
	if (!strcmp(clock, "monotonic") || !strcmp(clock, "1"))
		*boot = false;
	else if (!strcmp(clock, "boottime") || !strcmp(clock, "7"))
		*boot = true;
	else
		return -EINVAL;
	if (nsec < 0 || nsec >= 1000000000)
		return -EINVAL;
	if (sec > INT64_MAX / 2000000000 || sec < -(INT64_MAX / 2000000000))
		return -ERANGE;
	*ret = sec * 1000000000 + nsec;
	*p += used;
	if (**p && **p != '\n')
		return -EINVAL;
	*p += **p == '\n';
	return 0;
}

/* A clock may not begin before zero, nor come near its end. */
static int check_offset(bool boot, int64_t off)
{
	struct timespec ts;
	int64_t now;

	clock_gettime(boot ? CLOCK_BOOTTIME : CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * 1000000000 + ts.tv_nsec;
	return off < -now || off > INT64_MAX / 2 - now ? -ERANGE : 0;
}

ssize_t proc_write_timens(struct synth_inode *i, struct file *f, char *buf, size_t n)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	struct ns_common *ns = t ? task_ns_get(t, NS_TIME, true) : NULL;
	struct time_namespace *x;
	int64_t off, set[2];
	bool boot, has[2] = {false, false};
	int r = 0;

	if (!ns)
		return -ESRCH;
	x = container_of(ns, struct time_namespace, ns);
	if (!f->cred || !ns_capable(f->cred, ns_owner(ns), CAP_SYS_TIME))
		r = -EPERM;
	for (char *p = buf; r == 0 && *p;) {
		r = parse_offset(&p, &boot, &off);
		if (r == 0)
			r = check_offset(boot, off);
		if (r == 0) {
			set[boot] = off;
			has[boot] = true;
		}
	}
	mutex_lock(&tasklist_lock);
	if (r == 0 && __atomic_load_n(&x->frozen, __ATOMIC_ACQUIRE))
		r = -EACCES;
	if (r == 0 && has[0])
		x->monotonic = set[0];
	if (r == 0 && has[1])
		x->boottime = set[1];
	mutex_unlock(&tasklist_lock);
	ns_put(ns);
	return r < 0 ? r : (ssize_t)n;
}

/* --- /proc/sys/user --- */

static const enum ns_type limit_types[] = {NS_CGROUP, NS_IPC, NS_MNT, NS_NET, NS_PID, NS_TIME, NS_USER, NS_UTS};

static int show_limit(struct synth_inode *i, struct synth_buf *b)
{
	enum ns_type k = limit_types[i->node - proc_sys_user];

	synth_printf(b, "%d\n", __atomic_load_n(&current_user_ns()->max[k], __ATOMIC_RELAXED));
	return 0;
}

static ssize_t write_limit(struct synth_inode *i, char *buf, size_t n)
{
	enum ns_type k = limit_types[i->node - proc_sys_user];
	char *end;
	long v;

	if (!own_capable(current->cred, CAP_SYS_RESOURCE))
		return -EPERM;
	v = strtol(buf, &end, 10);
	if (end == buf || (*end && *end != '\n') || v < 0 || v > INT32_MAX)
		return -EINVAL;
	__atomic_store_n(&current_user_ns()->max[k], (int)v, __ATOMIC_RELAXED);
	return (ssize_t)n;
}

/* Whoever has CAP_SYS_RESOURCE in his namespace writes, mapped or not. */
static int limit_access(struct synth_inode *i, const struct cred *c, int mask)
{
	return (mask & MAY_WRITE) && !own_capable(c, CAP_SYS_RESOURCE) ? -EACCES : 0;
}

static int limit_stat(struct synth_inode *i, struct kstat *ret)
{
	ret->mode = S_IFREG | 0644;
	return 0;
}

#define LIMIT(n)                                                                                   \
	{.name = "max_" n "_namespaces", .mode = S_IFREG | 0666, .show = show_limit,               \
	 .write = write_limit, .access = limit_access, .stat = limit_stat}
const struct synth_node proc_sys_user[] = {LIMIT("cgroup"), LIMIT("ipc"), LIMIT("mnt"), LIMIT("net"), LIMIT("pid"),
					   LIMIT("time"), LIMIT("user"), LIMIT("uts"), {.name = NULL}};
