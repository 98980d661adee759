/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile slots and notifications against the kernel's side of the trap platform, all of it but the reaper and the
 * receiving loop. There is no stub: whenever the kernel would sleep for one, the input decides what it does to the slot,
 * which calls it asks for by notification, whether it dies, and whether it gives the turn back. Host calls that would reach
 * a process end here.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include "kernel/hostfd.h"
#include "standalone.h"

#define ioctl fuzz_ioctl
/* decide() is static, and what it lets pass is the point. */
#include "../../src/platform/trap/notify.c"
#undef ioctl

#define THREADS 4
#define FIRST_PID 0x7ff00000

static struct {
	const uint8_t *p;
	size_t n;
} input;
static struct pt_container box;
static struct pt_thread *all[THREADS], *running;
static pid_t next_tid;
static bool killed[1024]; /* by pid */
static struct hostfd *file;

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void take(void *to, size_t n)
{
	size_t have = MIN(n, input.n);

	memset(to, 0, n);
	memcpy(to, input.p, have);
	input.p += have;
	input.n -= have;
}
static uint8_t byte(void)
{
	uint8_t b;

	take(&b, 1);
	return b;
}
static uint64_t word(void)
{
	static const uint64_t likely_[] = {0, 1, ~0ULL, 4096, PT_GUEST_END, PT_GUEST_END - 4096, STUB_BASE, AREA_BASE,
					   AREA_BASE + SLOT_OFFSET, SLOT_SIZE, SLOT_DATA_SIZE, 1ULL << 63, 0x400000};
	uint8_t b = byte();
	uint64_t v;

	if (b < ARRAY_SIZE(likely_))
		return likely_[b];
	if (b < 128)
		return b;
	take(&v, sizeof(v));
	return v;
}

/* --- the host ---------------------------------------------------------------------------------------------- */

int kill(pid_t pid, int sig)
{
	require(sig == SIGKILL && pid >= FIRST_PID && pid < next_tid);
	killed[pid - FIRST_PID] = true;
	return 0;
}

int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	cpu_set_t both;

	require(pid == 0 || (pid >= FIRST_PID && pid < next_tid));
	require(size == sizeof(*set));
	CPU_AND(&both, set, &trap.cpus);
	require(CPU_EQUAL(&both, set));
	return 0;
}

int fuzz_ioctl(int fd, unsigned long cmd, ...)
{
	const struct seccomp_notif_addfd *a;
	va_list ap;

	(void)fd;
	va_start(ap, cmd);
	a = va_arg(ap, const struct seccomp_notif_addfd *);
	va_end(ap);
	if (cmd == SECCOMP_IOCTL_NOTIF_ADDFD) {
		require(a->newfd < TABLE_MAX && ((int)a->srcfd == trap.slots_fd) == (a->newfd == SLOT_FD));
		require((int)a->srcfd == trap.slots_fd || (int)a->srcfd == file->fd);
	}
	if (byte() & 1)
		return 0;
	errno = ENOENT;
	return -1;
}

static struct pt_thread *thread_of(const struct slot *s)
{
	for (unsigned i = 0; i < THREADS; i++)
		if (all[i] && all[i]->slot == s)
			return all[i];
	return NULL;
}

/* One that is being born is not in all yet, but known by its token, then by its id. */
static struct pt_thread *anywhere(const struct slot *s)
{
	struct pt_thread *pt;

	list_for_each_entry(pt, &box.births, birth)
		if (pt->slot == s)
			return pt;
	for (unsigned i = 0; i < TID_BUCKETS; i++)
		list_for_each_entry(pt, &box.tids[i], hash)
			if (pt->slot == s)
				return pt;
	return thread_of(s);
}

/* A call that the filter turns into a question; its arguments near what is expected. */
static void notification(struct pt_thread *pt)
{
	struct seccomp_notif n = {.id = 1};
	struct pt_thread *child = NULL, *i;
	uint8_t how = byte();
	bool known;
	uint64_t order[6];
	uint32_t token = 0;
	bool closing = box.zygote_closing;
	enum order_kind kind;
	int r;

	memcpy(order, pt->order.args, sizeof(order));
	kind = pt->order.kind;
	list_for_each_entry(i, &box.births, birth)
		child = i;
	known = (how & 1) && pt->tid;
	n.pid = (uint32_t)(known ? pt->tid : next_tid);
	if (how & 2 && child) {
		token = child->token;
		n.data.nr = SYS_mmap;
		n.data.args[0] = AREA_BASE + child->place->area * AREA_SIZE + SLOT_OFFSET;
		n.data.args[1] = SLOT_SIZE;
		n.data.args[2] = 3;
		n.data.args[3] = 0x11;
		n.data.args[4] = how & 4 ? (uint64_t)token << 32 : word();
		n.data.args[5] = child->place->slot * SLOT_SIZE;
	} else if (how & 8) {
		n.data.nr = SYS_clone;
		n.data.args[0] = how & 4 ? CLONE_FORK_FLAGS : CLONE_THREAD_FLAGS;
		if (!(how & 4)) {
			n.data.args[1] = order[2] + ALTSTACK_SIZE;
			n.data.args[3] = order[2] + SLOT_OFFSET + offsetof(struct slot, tid_word);
		}
	} else {
		n.data.nr = how & 4 ? SYS_mmap : SYS_close_range;
		for (unsigned k = 0; k < 6; k++)
			n.data.args[k] = order[k];
	}
	if (how & 16)
		n.data.args[(how >> 5) % 6] = word();
	if (how == 0xff)
		n.data.nr = byte();
	next_tid += !known && next_tid < FIRST_PID + (int)ARRAY_SIZE(killed);
	r = decide(&box, &n);
	if (r)
		return;
	/* What was let pass. */
	if (n.data.nr == SYS_close_range)
		require(closing && !box.zygote_closing);
	else if (n.data.nr == SYS_clone)
		require((kind == ORDER_CLONE_FORK && n.data.args[0] == CLONE_FORK_FLAGS && !n.data.args[1]) ||
			(kind == ORDER_CLONE_THREAD && n.data.args[0] == CLONE_THREAD_FLAGS));
	else if (n.data.nr == SYS_mmap && known)
		require(kind == ORDER_MMAP && !memcmp(n.data.args, order, sizeof(order)) &&
			n.data.args[0] < PT_GUEST_END && n.data.args[1] <= PT_GUEST_END - n.data.args[0]);
	else
		require(n.data.nr == SYS_mmap && token && n.data.args[4] == (uint64_t)token << 32 &&
			n.data.args[1] == SLOT_SIZE && n.data.args[3] == 0x11);
}

static void scribble(void *at, size_t size)
{
	for (unsigned k = byte() & 15; k > 0 && input.n; k--) {
		uint16_t off;
		uint64_t v = word();

		take(&off, sizeof(off));
		if (size >= 8)
			memcpy((char *)at + off % (size - 7), &v, sizeof(v));
	}
}

/* The kernel sleeps until it is its turn. */
static void play(struct pt_thread *pt)
{
	struct slot *s = pt->slot;
	uint8_t what = byte();

	if (!input.n || what == 0xfe || (pt->as->pid && killed[pt->as->pid - FIRST_PID])) {
		as_mark_dead(pt->as, 9);
		return;
	}
	switch (what & 7) {
	case 0:
		scribble(s, sizeof(*s));
		break;
	case 1: /* honest */
		s->event = SLOT_EV_DONE;
		for (unsigned i = 0; i < MIN(s->nops, SLOT_OPS_MAX); i++)
			s->ops[i].result = s->ops[i].kind == SLOT_OP_SYSCALL && s->ops[i].nr == SYS_mmap ?
						   (int64_t)s->ops[i].a[0] :
						   s->ops[i].kind == SLOT_OP_COPY_IN ? (int64_t)s->ops[i].a[1] : 0;
		break;
	case 2:
		s->event = SLOT_EV_SYSCALL;
		scribble(s->regs, sizeof(s->regs));
		break;
	case 3:
		s->event = SLOT_EV_EXCEPTION;
		s->signo = (int32_t)word();
		s->trapno = word();
		break;
	case 4:
		s->event = SLOT_EV_DONE;
		for (unsigned i = 0; i < SLOT_OPS_MAX && i <= byte() % SLOT_OPS_MAX; i++)
			s->ops[i].result = (int64_t)word();
		break;
	case 5:
		notification(pt);
		return; /* and goes on */
	case 6:
		scribble((char *)s + SLOT_DATA_OFFSET, SLOT_DATA_SIZE);
		s->event = SLOT_EV_DONE;
		s->nops = s->ops_done = (uint32_t)word();
		break;
	default:
		s->event = byte() & 7;
		break;
	}
	s->turn = what & 0x80 ? (uint32_t)word() : TURN_KERNEL;
}

long syscall(long nr, ...)
{
	uint32_t *w, val;
	va_list ap;
	long op;

	va_start(ap, nr);
	w = va_arg(ap, uint32_t *);
	op = va_arg(ap, long);
	val = va_arg(ap, uint32_t);
	va_end(ap);
	if (nr == SYS_tgkill)
		return 0;
	require(nr == SYS_futex);
	if ((op & 127) == 1 /* WAKE */)
		return 0;
	if (*w != val) {
		errno = EAGAIN;
		return -1;
	}
	running = anywhere((struct slot *)(void *)((char *)w - offsetof(struct slot, turn)));
	require(running);
	play(running);
	return 0;
}

/* --- the kernel above ---------------------------------------------------------------------------------------- */

static void run(struct pt_thread *pt)
{
	struct pt_exit e;

	pt->regs.fs_base = word();
	pt->regs.eflags = word();
	pt_run(pt, &e);
	require(e.event == PT_EV_SYSCALL || e.event == PT_EV_EXCEPTION || e.event == PT_EV_INTERRUPT ||
		e.event == PT_EV_DEAD);
	if (e.event == PT_EV_DEAD || e.event == PT_EV_INTERRUPT)
		return;
	require(pt->regs.cs == 0x33 && pt->regs.ss == 0x2b && !(pt->regs.eflags & ~0x254fd7UL));
	if (e.event == PT_EV_EXCEPTION)
		require(e.signo == SIGSEGV || e.signo == SIGBUS || e.signo == SIGFPE || e.signo == SIGILL ||
			e.signo == SIGTRAP);
}

static void batch(struct pt_thread *pt)
{
	struct pt_op ops[PT_BATCH_MAX] = {0};
	unsigned n = byte() % (PT_BATCH_MAX + 1);
	int r;

	for (unsigned i = 0; i < n; i++) {
		uint8_t b = byte();

		ops[i] = (struct pt_op){.kind = b % 5, .addr = word(), .len = word(), .new_addr = word(), .new_len = word(),
					.prot = byte(), .flags = b & 32 ? (int)word() : MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS,
					.file = b & 64 ? file : NULL, .off = word()};
	}
	r = pt_batch_run(pt, ops, n);
	require(r <= 0 && r > -4096);
	for (unsigned i = 0; i < n; i++)
		require(ops[i].result <= 0 && ops[i].result > -4096 && (r < 0 || ops[i].result == 0));
	for (unsigned i = 0; i < TABLE_MAX; i++)
		require(!box.busy[i]);
}

static void copy(struct pt_thread *pt, unsigned how)
{
	size_t n = byte() & 1 ? byte() : (size_t)(word() % (3 * SLOT_DATA_SIZE));
	char *exact = malloc(n + 1); /* a byte too far is seen */
	uaddr_t u = {word()};
	ssize_t r;

	require(exact);
	memset(exact, 'x', n + 1);
	if (how == 0) {
		require(pt_copy_in(pt, exact, u, n) <= n);
	} else if (how == 1) {
		require(pt_copy_out(pt, u, exact, n) <= n);
	} else {
		r = pt_copy_in_str(pt, exact, u, n);
		require(r < 0 || ((size_t)r < n && !exact[r]));
	}
	require(exact[n] == 'x');
	free(exact);
}

static void clone_one(struct pt_thread *parent, bool share)
{
	struct pt_thread *pt = NULL;
	unsigned i = 1;

	while (i < THREADS && all[i])
		i++;
	if (i == THREADS) {
		i = 1 + byte() % (THREADS - 1);
		if (all[i] == parent)
			return;
		as_mark_dead(all[i]->as, 9);
		pt_release(all[i]);
		all[i] = NULL;
		return;
	}
	/* Its slot is known to the host's side (syscall above) once it is in births. */
	if (pt_clone(parent, share, &pt) == 0)
		all[i] = pt;
}

/* The reaper sees what was killed; in the end all. */
static void reap(bool everything)
{
	struct pt_as *as, *s;

	list_for_each_entry_safe(as, s, &trap.spaces, node)
		if (everything || killed[as->pid - FIRST_PID])
			as_mark_dead(as, 9);
}

static void once(void)
{
	trap.no_process_vm = true;
	trap.fp_size = 2696;
	trap.ncpu = 2;
	trap.usable = 1; /* no polling: time decides there */
	CPU_SET(0, &trap.cpus);
	CPU_SET(1, &trap.cpus);
	list_init(&trap.spaces);
	box.listener = -1;
	mutex_init(&box.lock, RANK_PLATFORM, "fuzz container");
	mutex_init(&box.zygote_lock, RANK_EXEC, "fuzz zygote");
	require(slots_init() == 0 && hostfd_memfd("fuzz", 4096, &file) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pt_as *as;

	if (!file)
		once();
	input.p = data;
	input.n = size;
	memset(killed, 0, sizeof(killed));
	next_tid = FIRST_PID;
	list_init(&box.births);
	for (unsigned i = 0; i < TID_BUCKETS; i++)
		list_init(&box.tids[i]);
	memset(box.table, 0, sizeof(box.table));
	box.table_hand = 1;
	box.zygote_closing = true;
	box.has_slot_fd = false;
	as = as_new(&box);
	require(as);
	all[0] = thread_alloc(as);
	require(all[0] && place_new(as, false, &all[0]->place) == 0);
	all[0]->slot = all[0]->place->map;
	all[0]->tid = as->pid = next_tid++;
	as->live = 1;
	list_add(&all[0]->node, &as->threads);
	list_add(&pt_as_get(as)->node, &trap.spaces);
	list_add(&all[0]->hash, tid_bucket(&box, all[0]->tid));
	while (input.n) {
		uint8_t b = byte();
		struct pt_thread *pt = all[b >> 6];

		if (!pt)
			pt = all[0];
		switch (b & 7) {
		case 0:
		case 1:
			run(pt);
			break;
		case 2:
			batch(pt);
			break;
		case 3:
		case 4:
			copy(pt, b >> 3 & 3);
			break;
		case 5:
			(void)!(b & 8 ? pt_fpstate_save(pt, uaddr(word())) : pt_fpstate_load(pt, uaddr(word())));
			break;
		case 6:
			clone_one(pt, b & 8);
			break;
		default:
			pt_interrupt(pt);
		}
		reap(false);
	}
	for (unsigned i = THREADS; i-- > 0;)
		if (all[i]) {
			as_mark_dead(all[i]->as, 9);
			pt_release(all[i]);
			all[i] = NULL;
		}
	pt_as_put(as);
	reap(true);
	require(list_empty(&trap.spaces) && list_empty(&box.births));
	return 0;
}
