/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks over a platform of the test's own: its guest is a list of system calls. */
#include "../tap.h"
#include <linux/capability.h>
#include <sched.h>
#include "kernel/loader/loader.h"
#include "kernel/signal/internal.h"
#include "kernel/task/internal.h"
#include "kernel/time/timer.h"
#include "kernel/tty/tty.h"
#include "kernel/usercopy.h"

struct kernel kernel = {.ncpu = 2};

/* --- the platform --- */

struct pt_as {
	int dummy;
};
struct pt_thread {
	struct user_regs_struct regs;
	int pc;
	bool child;
};
static struct pt_as the_as;
static int (*script)(struct pt_thread *pt); /* next call: sets the registers; 0 = call */

static void sc(struct pt_thread *pt, long nr, long a, long b, long c, long d)
{
	pt->regs.orig_rax = (unsigned long long)nr;
	pt->regs.rdi = (unsigned long long)a;
	pt->regs.rsi = (unsigned long long)b;
	pt->regs.rdx = (unsigned long long)c;
	pt->regs.r10 = (unsigned long long)d;
}
void pt_run(struct pt_thread *pt, struct pt_exit *x)
{
	memset(x, 0, sizeof(*x));
	x->event = script(pt) ? PT_EV_INTERRUPT : PT_EV_SYSCALL;
}
int pt_spawn(struct pt_container *c, struct pt_thread **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return 0;
}
int pt_clone(struct pt_thread *p, bool share, struct pt_thread **ret)
{
	*ret = calloc(1, sizeof(**ret));
	**ret = *p;
	(*ret)->child = true;
	return 0;
}
void pt_adopt(struct pt_thread *pt) {}
void pt_release(struct pt_thread *pt) { free(pt); }
void pt_interrupt(struct pt_thread *pt) {}
void pt_doom(struct pt_thread *pt) {}
struct user_regs_struct *pt_regs(struct pt_thread *pt) { return &pt->regs; }
size_t pt_fpstate_size(void) { return 512; }
int pt_fpstate_save(struct pt_thread *pt, uaddr_t to) { return 0; }
int pt_fpstate_load(struct pt_thread *pt, uaddr_t from) { return 0; }
struct pt_as *pt_as(struct pt_thread *pt) { return &the_as; }
size_t pt_as_read(struct pt_as *as, void *to, uaddr_t from, size_t n)
{
	memcpy(to, (void *)(uintptr_t)from.a, n);
	return n;
}
int pt_cmpxchg32(struct pt_thread *pt, uaddr_t at, uint32_t old, uint32_t new, uint32_t *seen)
{
	*seen = old;
	__atomic_compare_exchange_n((uint32_t *)(uintptr_t)at.a, seen, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return 0;
}
size_t pt_as_write(struct pt_as *as, uaddr_t to, const void *from, size_t n)
{
	memcpy((void *)(uintptr_t)to.a, from, n);
	return n;
}
int copy_in(struct task *t, void *to, uaddr_t from, size_t n)
{
	memcpy(to, (void *)(uintptr_t)from.a, n);
	return 0;
}
int copy_out(struct task *t, uaddr_t to, const void *from, size_t n)
{
	memcpy((void *)(uintptr_t)to.a, from, n);
	return 0;
}
ssize_t copy_in_str(struct task *t, char *to, uaddr_t from, size_t n) { return -EFAULT; }
int copy_in_struct(struct task *t, void *to, size_t k, uaddr_t from, size_t n) { return -EFAULT; }

/* --- what the other parts of the kernel would be --- */

struct mm *mm_new(struct pt_as *as)
{
	struct mm *m = calloc(1, sizeof(*m));

	ref_init(&m->ref);
	m->as = as;
	return m;
}
struct mm *mm_get(struct mm *m)
{
	ref_get(&m->ref);
	return m;
}
void mm_put(struct mm *m)
{
	if (ref_put(&m->ref))
		free(m);
}
int mm_copy(struct mm *a, struct mm *b) { return 0; }
int mm_futex_key(struct mm *mm, uint64_t addr, bool p, struct futex_key *k)
{
	*k = (struct futex_key){1, addr, false};
	return 0;
}
struct files *files_get(struct files *f) { return f; }
void files_put(struct files *f) {}
int files_copy(struct files *f, struct files **r)
{
	*r = f;
	return 0;
}
void files_close_on_exec(struct task *t) {}
struct fs_struct *fs_struct_get(struct fs_struct *f) { return f; }
struct fs_struct *fs_struct_copy(struct fs_struct *f) { return f; }
void fs_struct_put(struct fs_struct *f) {}
void mnt_namespace_put(struct mnt_namespace *n) {}
struct tty *tty_get(struct tty *t) { return t; }
void tty_disassociate(struct task *t) {}
int exec_probe(struct task *t, struct exec_image *i) { return -ENOEXEC; }
int exec_load(struct task *t, struct exec_image *i) { return -ENOEXEC; }

/* --- running a script --- */

static struct container ct = {.ref = {1}};
static struct files *const some_files = (struct files *)8;
static struct fs_struct *const some_fs = (struct fs_struct *)8;
static volatile int ended, end_status;

static void on_exit_fn(void *priv, int status)
{
	end_status = status;
	ended = 1;
}

static int start(struct task *t, void *arg)
{
	(void)!pt_spawn(NULL, &t->pt);
	t->mm = mm_new(&the_as);
	return 0;
}

static int run(int (*fn)(struct pt_thread *), bool init)
{
	struct pid_namespace *ns = pid_namespace_new(NULL);
	struct nsproxy *np = calloc(1, sizeof(*np));
	struct rlimit rl[RLIM_NLIMITS];
	struct task_params p = {.ct = &ct, .cred = cred_new(), .files = some_files, .fs = some_fs,
				.nsproxy = np, .rlim = rl, .pid_ns = ns, .init = init,
				.start = start, .on_exit = on_exit_fn};
	struct task *t;

	for (int i = 0; i < RLIM_NLIMITS; i++)
		rl[i].rlim_cur = rl[i].rlim_max = 1000;
	ref_init(&np->ref);
	np->pid_for_children = pid_namespace_get(ns);
	script = fn;
	ended = 0;
	REQUIRE(task_create(&p, &t) == 0);
	task_start(t);
	for (int i = 0; i < 2000 && !ended; i++)
		usleep(1000);
	CHECK_EQ(ended, 1);
	task_put(t);
	return end_status;
}

static int just_exit(struct pt_thread *pt)
{
	sc(pt, 231, 7, 0, 0, 0);
	return 0;
}
TEST(exit_status)
{
	CHECK_EQ(run(just_exit, true), 7 << 8);
	usleep(20000);
	CHECK_EQ(ct.pids, 0);
}

static int wstatus;
static int fork_wait(struct pt_thread *pt)
{
	switch (pt->pc++) {
	case 0:
		sc(pt, 57, 0, 0, 0, 0);
		return 0;
	case 1:
		if (pt->child)
			sc(pt, 60, 5, 0, 0, 0);
		else
			sc(pt, 61, -1, (long)&wstatus, 0, 0);
		return 0;
	}
	sc(pt, 231, pt->regs.rax == 2 && wstatus == 5 << 8 ? 3 : 1, 0, 0, 0);
	return 0;
}
TEST(fork_and_wait)
{
	CHECK_EQ(run(fork_wait, true), 3 << 8);
}

static int kill_child(struct pt_thread *pt)
{
	switch (pt->pc++) {
	case 0:
		sc(pt, 57, 0, 0, 0, 0);
		return 0;
	case 1:
		if (pt->child)
			sc(pt, 34, 0, 0, 0, 0);
		else
			sc(pt, 62, 2, SIGTERM, 0, 0);
		return 0;
	case 2:
		sc(pt, 61, 2, (long)&wstatus, 0, 0);
		return 0;
	}
	sc(pt, 231, wstatus == SIGTERM ? 3 : 1, 0, 0, 0);
	return 0;
}
TEST(kill_and_wait)
{
	CHECK_EQ(run(kill_child, true), 3 << 8);
}

static int orphan_pause(struct pt_thread *pt)
{
	if (pt->pc++ == 0)
		sc(pt, 57, 0, 0, 0, 0);
	else if (pt->child)
		sc(pt, 34, 0, 0, 0, 0);
	else
		sc(pt, 231, 9, 0, 0, 0);
	return 0;
}
TEST(init_takes_all_with_it)
{
	CHECK_EQ(run(orphan_pause, true), 9 << 8);
	usleep(20000);
	CHECK_EQ(ct.pids, 0);
}

static volatile int fired;
static void on_timer(struct timer *t) { fired++; }
TEST(timers)
{
	struct timer t, u;

	timer_init(&t, on_timer);
	timer_init(&u, on_timer);
	CHECK_EQ(timer_arm(&t, now_ns() + 20000000), 0);
	CHECK_EQ(timer_arm(&u, now_ns() + 10000000000), 0);
	usleep(60000);
	CHECK_EQ(fired, 1);
	CHECK(timer_disarm(&u));
	CHECK(!timer_disarm(&t));
	timer_cancel(&t);
}

TEST(capabilities_on_setuid)
{
	struct cred *a = cred_new(), *b;

	a->cap_permitted = a->cap_effective = 0xff;
	b = cred_dup(a);
	b->uid = b->euid = b->suid = KUID(5);
	cred_fix_setuid(a, b);
	CHECK_EQ(b->cap_permitted, 0);
	CHECK_EQ(b->cap_effective, 0);
	CHECK(capable(a, CAP_KILL));
	CHECK(!capable(b, CAP_KILL));
	cred_put(a);
	cred_put(b);
}

TEST(pid_numbers)
{
	struct pid_namespace *n = pid_namespace_new(NULL), *c = pid_namespace_new(n);
	struct pid *a, *b;

	CHECK_EQ(pid_alloc(n, &a), 0);
	CHECK_EQ(pid_alloc(c, &b), 0);
	CHECK_EQ(pid_nr_ns(a, n), 1);
	CHECK_EQ(pid_nr_ns(a, c), 0);
	CHECK_EQ(pid_nr_ns(b, n), 2);
	CHECK_EQ(pid_nr_ns(b, c), 1);
	pid_free_unused(b);
	CHECK(pid_find_get(n, 2) == NULL);
	CHECK_EQ(pid_alloc(n, &b), 0);
	CHECK_EQ(pid_nr_ns(b, n), 3);
}

TAP_MAIN()
