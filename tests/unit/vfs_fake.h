/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel of files alone: one hand-made task whose "guest memory" is this process's own, on a tmpfs. What the
 * other parts would give is faked here with the least that the file calls need.
 */
#ifndef NACRE_TESTS_UNIT_VFS_FAKE_H
#define NACRE_TESTS_UNIT_VFS_FAKE_H

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sys/uio.h>
#include "kernel/container.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"
#include "platform/platform.h"

__thread struct task *current;
static struct task fake_task;
static struct thread_group fake_tg;
static struct nsproxy fake_ns;
static struct cred fake_cred;
static uint64_t fake_fsize = RLIM_INFINITY, fake_nofile = 1024;
static int fake_signal;

/* --- task --- */

bool in_group(const struct cred *c, kgid_t g)
{
	for (unsigned i = 0; i < c->ngroups; i++)
		if (c->groups[i].v == g.v)
			return true;
	return false;
}
bool ns_capable(const struct cred *c, const struct user_namespace *ns, int cap)
{
	return c->cap_effective >> cap & 1;
}
struct pid_namespace *pid_namespace_of(struct ns_common *ns)
{
	return NULL;
}
struct pid_namespace *pid_namespace_parent(struct pid_namespace *ns)
{
	return NULL;
}
struct ns_common *pid_namespace_ns(struct pid_namespace *ns)
{
	return NULL;
}
struct cred *cred_dup(const struct cred *c)
{
	struct cred *n = malloc(sizeof(*n));

	*n = *c;
	ref_init(&n->ref);
	return n;
}
const struct cred *cred_get(const struct cred *c)
{
	ref_get(&((struct cred *)(uintptr_t)c)->ref);
	return c;
}
void cred_put(const struct cred *c)
{
	if (ref_put(&((struct cred *)(uintptr_t)c)->ref))
		free((void *)(uintptr_t)c);
}
uint64_t task_rlimit(struct task *t, unsigned res)
{
	return res == RLIMIT_NOFILE ? fake_nofile : res == RLIMIT_FSIZE ? fake_fsize : RLIM_INFINITY;
}
bool signal_pending(const struct task *t)
{
	return false;
}
int send_signal_task(struct task *t, int sig, const siginfo_t *info)
{
	fake_signal = sig;
	return 0;
}
struct pid *pid_get(struct pid *p)
{
	return p;
}
void pid_put(struct pid *p)
{
}
int pid_nr_ns(const struct pid *p, const struct pid_namespace *ns)
{
	return 1;
}
struct pid_namespace *task_pid_ns(struct task *t)
{
	return NULL;
}
struct task *task_find_get(struct pid_namespace *ns, int nr)
{
	return nr == 1 ? current : NULL;
}
struct task *task_next_get(struct pid_namespace *ns, int *nr)
{
	return NULL;
}
void task_put(struct task *t)
{
}
int container_charge(struct container *ct, uint64_t n)
{
	return 0;
}
void container_uncharge(struct container *ct, uint64_t n)
{
}

/* --- waiting: nothing ever comes --- */

void sleeper_prepare(struct sleeper *s)
{
}
int sleeper_sleep(struct sleeper *s, uint64_t deadline, enum sleep_mode mode)
{
	return -ERESTARTSYS;
}
void wait_entry_init(struct wait_entry *e, struct sleeper *s)
{
	list_init(&e->node);
}
void waitq_init(struct waitq *q)
{
	list_init(&q->entries);
}
void waitq_done(struct waitq *q)
{
}
void waitq_add(struct waitq *q, struct wait_entry *e)
{
}
void waitq_del(struct wait_entry *e)
{
}
void wake_up_all(struct waitq *q, uint32_t events)
{
}

/* --- guest memory: our own, through calls that survive bad addresses --- */

static size_t fake_copy(bool in, void *own, uint64_t guest, size_t n)
{
	struct iovec l = {own, n}, r = {(void *)(uintptr_t)guest, n};
	ssize_t k = in ? process_vm_readv(getpid(), &l, 1, &r, 1, 0) :
			 process_vm_writev(getpid(), &l, 1, &r, 1, 0);

	return k < 0 ? 0 : (size_t)k;
}
size_t pt_copy_in(struct pt_thread *pt, void *to, uaddr_t from, size_t n)
{
	return fake_copy(true, to, from.a, n);
}
size_t pt_copy_out(struct pt_thread *pt, uaddr_t to, const void *from, size_t n)
{
	return fake_copy(false, (void *)(uintptr_t)from, to.a, n);
}
ssize_t pt_copy_in_str(struct pt_thread *pt, char *to, uaddr_t from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (fake_copy(true, to + i, from.a + i, 1) != 1)
			return -EFAULT;
		if (!to[i])
			return (ssize_t)i;
	}
	return -ENAMETOOLONG;
}
void *pt_staging(struct pt_thread *pt, size_t *len)
{
	static __thread char staging[16384];

	*len = sizeof(staging);
	return staging;
}

/* --- the task --- */

static void fake_become(uint32_t uid, uint32_t gid)
{
	fake_cred.euid = fake_cred.fsuid = KUID(uid);
	fake_cred.egid = fake_cred.fsgid = KGID(gid);
	fake_cred.cap_effective = uid ? 0 : ~0ULL;
}

static struct super *fake_tmpfs(void)
{
	const struct fs_type *type = fs_type_find("tmpfs");
	struct fs_params p = {.source = "tmpfs"};
	struct super *sb;

	if (!type || type->get_super(type, &p, &sb) < 0)
		abort();
	return sb;
}

/* The task lives in a name space of its own whose root is sb (taken over). */
static void fake_root(struct super *sb)
{
	struct path root;

	if (mnt_namespace_new(sb, 0, &fake_ns.mnt) < 0)
		abort();
	mnt_namespace_root(fake_ns.mnt, &root);
	fake_task.fs = fs_struct_new(&root, &root);
	path_put(&root);
	if (!fake_task.fs)
		abort();
	fake_task.fs->umask = 022;
}

static void fake_boot(void)
{
	ref_init(&fake_cred.ref);
	fake_cred.cap_permitted = ~0ULL;
	fake_become(0, 0);
	mutex_init(&fake_task.lock, RANK_TASK, "task");
	fake_task.tg = &fake_tg;
	fake_task.nsproxy = &fake_ns;
	fake_cred.user_ns = &init_user_ns;
	fake_task.cred = &fake_cred;
	if (vfs_init() < 0)
		abort();
	fake_root(fake_tmpfs());
	fake_task.files = files_new();
	if (!fake_task.files)
		abort();
	current = &fake_task;
}

/* A system call of the guest: K(openat, AT_FDCWD, "a", O_RDONLY). */
#define K_ARG(x) ((uint64_t)(x))
#define K6(name, a, b, c, d, e, f, ...)                                                            \
	sys_##name(current, &(struct sysargs){{K_ARG(a), K_ARG(b), K_ARG(c), K_ARG(d), K_ARG(e),   \
					       K_ARG(f)}})
#define K(name, ...) K6(name, __VA_ARGS__, 0, 0, 0, 0, 0, 0)

#endif
