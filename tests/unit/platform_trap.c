/* SPDX-License-Identifier: Apache-2.0 */
/* The trap platform under a null kernel: guest code of a few instructions, run through the real factory. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"
#include "base/log.h"
#include "base/title.h"
#include "kernel/hostfd.h"
#include "platform/platform.h"
#include "platform/trap/trap.h"

#define CODE 0x400000ULL
#define DATA 0x500000ULL
#define STACK 0x600000ULL

__asm__(".section .rodata\n"
	/* getpid for ever */
	"g_ids: mov $110, %eax\n syscall\n mov %rax, %rbx\n mov $186, %eax\n syscall\n jmp g_ids\n"
	"g_ids_end:\n"
	"g_loop: mov $39, %eax\n syscall\n jmp g_loop\n"
	"g_loop_end:\n"
	/* no call at all */
	"g_spin: jmp g_spin\n"
	"g_spin_end:\n"
	/* reads (rdi) */
	"g_load: mov (%rdi), %rax\n mov $1000, %eax\n syscall\n"
	"g_load_end:\n"
	/* xmm0 = rdi; call 1; rax = xmm0; call 2 */
	"g_fp: movq %rdi, %xmm0\n mov $1, %eax\n syscall\n movq %xmm0, %rbx\n mov $2, %eax\n syscall\n"
	"g_fp_end:\n"
	/* jumps to rdi with rax, the way an attacker uses the stub's own system calls */
	"g_jump: jmp *%rdi\n"
	"g_jump_end:\n"
	/* a word of its own slot is no turn at all; then it waits for good */
	"g_forge: movl $7, (%rdi)\n1: pause\n jmp 1b\n"
	"g_forge_end:\n"
	".text\n");
extern const char g_ids[], g_ids_end[], g_loop[], g_loop_end[], g_spin[], g_spin_end[], g_load[], g_load_end[], g_fp[],
	g_fp_end[], g_jump[], g_jump_end[], g_forge[], g_forge_end[];

static struct pt_container *ct;
static int zygote_deaths;

static void on_dead(void *priv, struct pt_as *lost)
{
	(void)priv;
	if (!lost)
		__atomic_fetch_add(&zygote_deaths, 1, __ATOMIC_SEQ_CST);
}

/* Zygotes and stubs outlive the process that had them made: they become the first process's, which ends them. */
static pid_t first;

__attribute__((constructor)) static void adopt_orphans(void)
{
	first = getpid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

__attribute__((destructor)) static void end_orphans(void)
{
	FILE *f = getpid() == first ? fopen("/proc/thread-self/children", "re") : NULL;
	int pid;

	while (f && fscanf(f, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	if (f)
		fclose(f);
}

static void start(void)
{
	const char *stub = getenv("NACRE_STUB");
	char self[4096], path[4200];
	struct platform_params p = {.proc_fd = -1};
	int sv[2], pidfd;
	ssize_t n;

	if (!stub) {
		n = readlink("/proc/self/exe", self, sizeof(self) - 1);
		REQUIRE(n > 0);
		self[n] = 0;
		*strrchr(self, '/') = 0;
		snprintf(path, sizeof(path), "%s/../../bin/nacre-stub", self);
		stub = path;
	}
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) == 0);
	if (fork() == 0) {
		char title[STUB_TITLE], *const argv[] = {title, NULL};

		memset(title, ' ', sizeof(title) - 1);
		title[sizeof(title) - 1] = 0;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(sv[1], 3);
		syscall(SYS_close_range, 4U, ~0U, 0);
		execv(stub, argv);
		_exit(127);
	}
	close(sv[1]);
	p.factory_fd = sv[0];
	REQUIRE(pt_init(&p) == 0);
	REQUIRE(pt_container_new(on_dead, NULL, &ct, &pidfd) == 0);
	CHECK(pidfd >= 0);
}

static struct pt_thread *spawn_code(const char *code, const char *end)
{
	struct pt_op ops[] = {
		{.kind = PT_OP_MMAP, .addr = CODE, .len = 4096, .prot = PROT_READ | PROT_WRITE,
		 .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED},
		{.kind = PT_OP_MMAP, .addr = DATA, .len = 8 * 4096, .prot = PROT_READ | PROT_WRITE,
		 .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE},
	};
	struct pt_op rx = {.kind = PT_OP_MPROTECT, .addr = CODE, .len = 4096, .prot = PROT_READ | PROT_EXEC};
	struct pt_thread *pt = NULL;

	REQUIRE(pt_spawn(ct, &pt) == 0);
	REQUIRE(pt_batch_run(pt, ops, 2) == 0);
	REQUIRE(pt_copy_out(pt, uaddr(CODE), code, (size_t)(end - code)) == (size_t)(end - code));
	REQUIRE(pt_batch_run(pt, &rx, 1) == 0);
	pt_regs(pt)->rip = CODE;
	pt_regs(pt)->rsp = DATA + 4096;
	return pt;
}
#define SPAWN(name) spawn_code(name, name##_end)

TEST(syscalls)
{
	struct pt_thread *pt;
	struct pt_exit e;

	start();
	pt = SPAWN(g_loop);
	for (int i = 0; i < 1000; i++) {
		pt_run(pt, &e);
		REQUIRE(e.event == PT_EV_SYSCALL);
		CHECK_EQ(pt_regs(pt)->orig_rax, 39);
		CHECK_EQ(pt_regs(pt)->rip, CODE + 7);
		pt_regs(pt)->rax = (unsigned long)i;
	}
	pt_release(pt);
	pt_container_free(ct);
	CHECK_EQ(zygote_deaths, 0);
	pt_fini();
}

/* A call that the kernel has answered ahead makes no event; the others do, and a new thread starts without answers. */
TEST(answers)
{
	struct pt_thread *pt, *other;
	struct pt_exit e;

	start();
	pt = SPAWN(g_ids);
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_SYSCALL);
	CHECK_EQ(pt_regs(pt)->orig_rax, SYS_getppid);
	for (unsigned v = 4000000000U; v < 4000000003U; v++) {
		pt_answer(pt, PT_ANSWER_GETPPID, v);
		pt_regs(pt)->rax = 1;
		for (int i = 0; i < 2; i++) {
			pt_run(pt, &e);
			CHECK_EQ(e.event, PT_EV_SYSCALL);
			CHECK_EQ(pt_regs(pt)->orig_rax, SYS_gettid);
		}
		CHECK_EQ(pt_regs(pt)->rbx, v);
	}
	REQUIRE(pt_clone(pt, true, &other) == 0);
	pt_regs(other)->rip = CODE;
	pt_run(other, &e);
	CHECK_EQ(pt_regs(other)->orig_rax, SYS_getppid);
	pt_release(other);
	pt_release(pt);
}

TEST(exception)
{
	struct pt_thread *pt;
	struct pt_exit e;

	start();
	pt = SPAWN(g_load);
	pt_regs(pt)->rdi = 0x123456789000;
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_EXCEPTION);
	CHECK_EQ(e.signo, SIGSEGV);
	CHECK_EQ(e.code, SEGV_MAPERR);
	CHECK_EQ(e.addr, 0x123456789000);
	CHECK_EQ(e.trapno, 14);
	CHECK_EQ(pt_regs(pt)->rip, CODE);
	/* a rip that no program can have */
	pt_regs(pt)->rip = 0x8000000000000000ULL;
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_EXCEPTION);
	CHECK_EQ(e.signo, SIGSEGV);
	pt_regs(pt)->rip = CODE;
	pt_regs(pt)->rdi = DATA;
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_SYSCALL);
	CHECK_EQ(pt_regs(pt)->orig_rax, 1000);
}

TEST(copies)
{
	static char buf[40000], back[40000];
	struct pt_thread *pt;
	char str[32];

	start();
	pt = SPAWN(g_loop);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 7);
	CHECK_EQ(pt_copy_out(pt, uaddr(DATA), buf, 32768), 32768);
	CHECK_EQ(pt_copy_in(pt, back, uaddr(DATA), 32768), 32768);
	CHECK(memcmp(buf, back, 32768) == 0);
	/* over the end: exactly what is mapped */
	CHECK_EQ(pt_copy_in(pt, back, uaddr(DATA + 5 * 4096), 40000), 3 * 4096);
	CHECK_EQ(pt_copy_out(pt, uaddr(0x1000), buf, 10), 0);
	CHECK_EQ(pt_copy_in(pt, buf, uaddr(PT_GUEST_END), 10), 0);
	CHECK_EQ(pt_copy_in(pt, buf, uaddr(0x7e4000010000ULL), 10), 0);
	CHECK_EQ(pt_copy_out(pt, uaddr(DATA + 8 * 4096 - 4), "abcd", 4), 4);
	CHECK_EQ(pt_copy_in_str(pt, str, uaddr(DATA + 8 * 4096 - 4), 32), -EFAULT);
	CHECK_EQ(pt_copy_in_str(pt, str, uaddr(DATA + 8 * 4096 - 4), 4), -ENAMETOOLONG);
	CHECK_EQ(pt_copy_out(pt, uaddr(DATA + 4094), "hey", 4), 4);
	CHECK_EQ(pt_copy_in_str(pt, str, uaddr(DATA + 4094), 32), 3);
	CHECK_STR(str, "hey");
}

TEST(clone_fork)
{
	struct pt_thread *pt, *child;
	struct pt_exit e;
	long v = 0;

	start();
	pt = SPAWN(g_loop);
	CHECK_EQ(pt_copy_out(pt, uaddr(DATA), "\1\0\0\0\0\0\0\0", 8), 8);
	pt_run(pt, &e);
	REQUIRE(pt_clone(pt, false, &child) == 0);
	CHECK(pt_as(pt) != pt_as(child));
	CHECK_EQ(pt_copy_out(pt, uaddr(DATA), "\2\0\0\0\0\0\0\0", 8), 8);
	CHECK_EQ(pt_copy_in(child, &v, uaddr(DATA), 8), 8);
	CHECK_EQ(v, 1);
	pt_regs(child)->rax = 0;
	for (int i = 0; i < 100; i++) {
		pt_run(child, &e);
		REQUIRE(e.event == PT_EV_SYSCALL);
		pt_run(pt, &e);
		REQUIRE(e.event == PT_EV_SYSCALL);
	}
	pt_release(pt);
	pt_run(child, &e);
	CHECK_EQ(e.event, PT_EV_SYSCALL);
	pt_release(child);
}

static void *owner(void *arg)
{
	struct pt_thread *pt = arg;
	struct pt_exit e;

	pt_adopt(pt);
	for (int i = 0; i < 200; i++) {
		pt_run(pt, &e);
		if (e.event != PT_EV_SYSCALL)
			return (void *)1;
	}
	pt_release(pt);
	return NULL;
}

TEST(threads64)
{
	pthread_t th[64];
	struct pt_thread *pt, *child;
	struct pt_exit e;
	void *bad;

	start();
	pt = SPAWN(g_loop);
	pt_run(pt, &e);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 64; i++) {
			REQUIRE(pt_clone(pt, true, &child) == 0);
			CHECK(pt_as(pt) == pt_as(child));
			pt_regs(child)->rsp = STACK;
			REQUIRE(pthread_create(&th[i], NULL, owner, child) == 0);
		}
		for (int i = 0; i < 64; i++) {
			pthread_join(th[i], &bad);
			CHECK(bad == NULL);
		}
	}
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_SYSCALL);
	pt_release(pt);
}

static void *interrupter(void *arg)
{
	nanosleep(&(struct timespec){0, 50000000}, NULL);
	pt_interrupt(arg);
	return NULL;
}

TEST(interrupt)
{
	struct pt_thread *pt;
	struct pt_exit e;
	pthread_t th;

	start();
	pt = SPAWN(g_spin);
	for (int i = 0; i < 5; i++) {
		pthread_create(&th, NULL, interrupter, pt);
		pt_run(pt, &e);
		CHECK_EQ(e.event, PT_EV_INTERRUPT);
		CHECK_EQ(pt_regs(pt)->rip, CODE);
		pthread_join(th, NULL);
	}
	pt_interrupt(pt); /* before the run: not lost */
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_INTERRUPT);
}

static void *killer(void *arg)
{
	nanosleep(&(struct timespec){0, 50000000}, NULL);
	pt_as_kill(pt_as(arg));
	return NULL;
}

TEST(killed)
{
	struct pt_op op = {.kind = PT_OP_MUNMAP, .addr = DATA, .len = 4096};
	struct pt_thread *pt;
	struct pt_exit e;
	pthread_t th;

	start();
	pt = SPAWN(g_spin);
	pthread_create(&th, NULL, killer, pt);
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_DEAD);
	CHECK(WIFSIGNALED(e.status) && WTERMSIG(e.status) == SIGKILL);
	CHECK_EQ(pt_batch_run(pt, &op, 1), -ESRCH);
	CHECK_EQ(pt_as_host_pid(pt_as(pt)), 0);
	pthread_join(th, NULL);
	pt_release(pt);
	CHECK_EQ(zygote_deaths, 0);
}

TEST(map_file)
{
	struct hostfd *h[4];
	struct pt_thread *pt;
	uint64_t v;

	start();
	pt = SPAWN(g_loop);
	for (unsigned i = 0; i < 4; i++) {
		REQUIRE(hostfd_memfd("test", 8192, &h[i]) == 0);
		v = i + 100;
		CHECK_EQ(pwrite(h[i]->fd, &v, 8, 4096), 8);
	}
	for (unsigned n = 0; n < 40; n++) {
		struct pt_op ops[2] = {
			{.kind = PT_OP_MMAP, .addr = 0x700000 + n * 0x2000, .len = 4096,
			 .prot = PROT_READ | PROT_WRITE, .flags = MAP_SHARED | MAP_FIXED,
			 .file = h[n % 4], .off = 4096},
			{.kind = PT_OP_MADVISE, .addr = 0x700000 + n * 0x2000, .len = 4096,
			 .flags = MADV_WILLNEED},
		};

		CHECK_EQ(pt_batch_run(pt, ops, 2), 0);
		CHECK_EQ(pt_copy_in(pt, &v, uaddr(0x700000 + n * 0x2000), 8), 8);
		CHECK_EQ(v, n % 4 + 100);
	}
	v = 7;
	CHECK_EQ(pt_copy_out(pt, uaddr(0x700000), &v, 8), 8);
	v = 0;
	CHECK_EQ(pread(h[0]->fd, &v, 8, 4096), 8);
	CHECK_EQ(v, 7);
}

TEST(batch_errors)
{
	struct pt_op ops[3] = {
		{.kind = PT_OP_MMAP, .addr = CODE, .len = 4096, .prot = PROT_READ,
		 .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE},
		{.kind = PT_OP_MUNMAP, .addr = DATA, .len = 4096},
		{.kind = PT_OP_MUNMAP, .addr = PT_GUEST_END - 4096, .len = 8192},
	};
	struct pt_thread *pt;
	struct pt_exit e;
	char c;

	start();
	pt = SPAWN(g_loop);
	CHECK_EQ(pt_batch_run(pt, ops, 2), -EEXIST);
	CHECK_EQ(ops[1].result, -ECANCELED);
	CHECK_EQ(pt_copy_in(pt, &c, uaddr(DATA), 1), 1);
	CHECK_EQ(pt_batch_run(pt, ops + 2, 1), -EINVAL);
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_SYSCALL);
}

TEST(extended_state)
{
	struct pt_op map = {.kind = PT_OP_MMAP, .addr = 0x800000, .len = 65536, .prot = PROT_READ | PROT_WRITE,
			    .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
	struct pt_thread *pt;
	struct pt_exit e;
	uint64_t v = 0;

	start();
	CHECK(pt_fpstate_size() >= 512 && pt_fpstate_size() < 16384);
	pt = SPAWN(g_fp);
	REQUIRE(pt_batch_run(pt, &map, 1) == 0);
	pt_regs(pt)->rdi = 0x1122334455667788;
	pt_run(pt, &e);
	REQUIRE(e.event == PT_EV_SYSCALL);
	CHECK_EQ(pt_fpstate_save(pt, uaddr(0x800000)), 0);
	CHECK_EQ(pt_copy_in(pt, &v, uaddr(0x800000 + 160), 8), 8); /* xmm0 in the legacy area */
	CHECK_EQ(v, 0x1122334455667788);
	v = 42;
	CHECK_EQ(pt_copy_out(pt, uaddr(0x800000 + 160), &v, 8), 8);
	CHECK_EQ(pt_fpstate_load(pt, uaddr(0x800000)), 0);
	CHECK_EQ(pt_fpstate_save(pt, uaddr(0x10)), -EFAULT);
	CHECK_EQ(pt_fpstate_load(pt, uaddr(0x7e4000000000ULL)), -EFAULT);
	pt_run(pt, &e);
	REQUIRE(e.event == PT_EV_SYSCALL);
	CHECK_EQ(pt_regs(pt)->rbx, 42);
	pt_regs(pt)->rip = CODE;
	pt_run(pt, &e);
	CHECK_EQ(pt_fpstate_load(pt, uaddr(0)), 0);
	pt_run(pt, &e);
	CHECK_EQ(pt_regs(pt)->rbx, 0);
	/* garbage: must not kill the stub */
	for (uint64_t i = 0; i < 4096; i += 8)
		CHECK_EQ(pt_copy_out(pt, uaddr(0x800000 + i), "\377\377\377\377\377\377\377\377", 8), 8);
	CHECK_EQ(pt_fpstate_load(pt, uaddr(0x800000)), 0);
	pt_regs(pt)->rip = CODE;
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_SYSCALL);
}

TEST(fs_base)
{
	struct pt_thread *pt;
	struct pt_exit e;

	start();
	pt = SPAWN(g_loop);
	pt_regs(pt)->fs_base = DATA;
	pt_regs(pt)->gs_base = 0xffff800000000000ULL; /* not canonical for a user: dropped */
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_SYSCALL);
	CHECK_EQ(pt_regs(pt)->fs_base, DATA);
	CHECK_EQ(pt_regs(pt)->gs_base, 0);
}

/* The thread that the address space began with ends first: the others go on, copies included. */
TEST(first_thread_ends)
{
	struct pt_thread *pt, *child;
	struct pt_exit e;
	pid_t host;
	char c = 0;

	start();
	pt = SPAWN(g_loop);
	pt_run(pt, &e);
	REQUIRE(pt_clone(pt, true, &child) == 0);
	host = pt_as_host_pid(pt_as(child));
	pt_release(pt);
	nanosleep(&(struct timespec){0, 50000000}, NULL);
	pt_run(child, &e);
	CHECK_EQ(e.event, PT_EV_SYSCALL);
	CHECK_EQ(pt_copy_out(child, uaddr(DATA), "x", 1), 1);
	CHECK_EQ(pt_copy_in(child, &c, uaddr(DATA), 1), 1);
	CHECK_EQ(c, 'x');
	CHECK_EQ(pt_as_read(pt_as(child), &c, uaddr(DATA), 1), 1);
	CHECK_EQ(pt_as_host_pid(pt_as(child)), host);
	pt_release(child);
	for (int i = 0; i < 1000 && kill(host, 0) == 0; i++)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	CHECK_ERR(kill(host, 0), ESRCH);
}

/* The host refuses process_vm_*: the stub copies through its slot. */
TEST(copies_by_slot)
{
	static char buf[400000], back[400000];
	struct pt_op map = {.kind = PT_OP_MMAP, .addr = 0x800000, .len = 0x70000,
			    .prot = PROT_READ | PROT_WRITE,
			    .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED};
	struct pt_thread *pt;
	struct pt_exit e;
	char str[32];

	start();
	pt = SPAWN(g_loop);
	REQUIRE(pt_batch_run(pt, &map, 1) == 0);
	trap.no_process_vm = true;
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 13);
	CHECK_EQ(pt_copy_out(pt, uaddr(0x800000), buf, sizeof(buf)), sizeof(buf));
	CHECK_EQ(pt_copy_in(pt, back, uaddr(0x800000), sizeof(back)), sizeof(back));
	CHECK(memcmp(buf, back, sizeof(buf)) == 0);
	CHECK_EQ(pt_copy_in(pt, back, uaddr(DATA + 5 * 4096), 40000), 3 * 4096);
	CHECK_EQ(pt_copy_out(pt, uaddr(CODE), buf, 8), 0); /* not writable */
	CHECK_EQ(pt_copy_out(pt, uaddr(0x1000), buf, 10), 0);
	CHECK_EQ(pt_copy_out(pt, uaddr(DATA + 4094), "hey", 4), 4);
	CHECK_EQ(pt_copy_in_str(pt, str, uaddr(DATA + 4094), 32), 3);
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_SYSCALL);
}

/* The address of a system-call instruction of the stub, found by reading its text. */
static uint64_t stub_syscall(void)
{
	uint64_t found = 0;
	unsigned char c[2];
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pt_as_host_pid(pt_as(SPAWN(g_loop))));
	f = fopen(path, "r");
	REQUIRE(f);
	for (uint64_t a = 0x7e0100001000ULL; !found && a < 0x7e0100002000ULL; a++)
		if (fseeko(f, (off_t)a, SEEK_SET) == 0 && fread(c, 1, 2, f) == 2 && c[0] == 0x0f &&
		    c[1] == 0x05)
			found = a;
	fclose(f);
	return found;
}

/* Guest code jumps to the stub's own system call with everything that it must not do: the address space dies,
 * the container goes on. Unordered shapes that need an order fail and nothing is cloned or mapped. */
/* The kernel thread neither sleeps on such a word nor runs for ever. */
TEST(forged_turn)
{
	struct pt_thread *pt;
	struct pt_exit e;

	start();
	pt = SPAWN(g_forge);
	pt_regs(pt)->rdi = AREA_BASE + SLOT_OFFSET + offsetof(struct slot, turn);
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_DEAD);
	pt_release(pt);
	pt_container_free(ct);
	pt_fini();
}

TEST(attacks)
{
	static const struct {
		unsigned long nr, a, b, c, d, e;
	} bad[] = {
		{SYS_openat, 0, DATA, 0, 0, 0},	   {SYS_execve, DATA, 0, 0, 0, 0},
		{SYS_socket, 1, 1, 0, 0, 0},	   {SYS_ptrace, 16, 1, 0, 0, 0},
		{SYS_kill, 1, 9, 0, 0, 0},	   {SYS_clone3, DATA, 88, 0, 0, 0},
		{SYS_rt_sigaction, 31, DATA, 0, 8, 0}, {SYS_sigaltstack, DATA, 0, 0, 0, 0},
		{SYS_prctl, 4, 0, 0, 0, 0},	   {SYS_munmap, 0x7e0100000000, 4096, 0, 0, 0},
		{SYS_mprotect, 0x7e4000000000, 4096, 7, 0, 0}, {SYS_recvmsg, 0, DATA, 0, 0, 0},
		{SYS_clone, SIGCHLD, 0, 0, 0, 0},  {SYS_seccomp, 1, 0, DATA, 0, 0},
	};
	uint64_t sc;
	struct pt_exit e;

	start();
	sc = stub_syscall();
	REQUIRE(sc);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pt_thread *pt = SPAWN(g_jump);
		struct user_regs_struct *r = pt_regs(pt);

		r->rax = bad[i].nr;
		r->rip = sc;
		r->rdi = bad[i].a, r->rsi = bad[i].b, r->rdx = bad[i].c, r->r10 = bad[i].d;
		r->r8 = bad[i].e;
		pt_run(pt, &e);
		CHECK_EQ(e.event, PT_EV_DEAD);
		CHECK(WIFSIGNALED(e.status) && WTERMSIG(e.status) == SIGSYS);
		pt_release(pt);
	}
	for (unsigned i = 0; i < 3; i++) {
		struct pt_thread *pt = SPAWN(g_jump);
		struct user_regs_struct *r = pt_regs(pt);

		r->rip = sc;
		r->rax = i == 2 ? SYS_mmap : SYS_clone;
		r->rdi = i == 0 ? 0x8411 : i == 1 ? 0x250f00 : 0x7e4000010000;
		r->rsi = i == 0 ? 0 : i == 1 ? DATA : 0x20000;
		r->rdx = 3, r->r10 = 0x11;
		r->r8 = 1ULL << 32 | 0; /* a slot, with a guessed token */
		pt_run(pt, &e); /* the call fails, and the stub's code runs into its ud2 */
		CHECK_EQ(e.event, PT_EV_EXCEPTION);
		CHECK_EQ(e.signo, SIGILL);
		CHECK_EQ(pt_regs(pt)->rax, -EPERM);
		pt_release(pt);
	}
	pt_release(SPAWN(g_loop));
	CHECK_EQ(zygote_deaths, 0);
}

/* --- guests that do not answer ---------------------------------------------------------------------------- */

static void *doomer(void *arg)
{
	pt_doom(arg);
	return NULL;
}

/* No interruption reaches it, as when guest code has masked the host's signals: past the deadline it dies. */
TEST(doomed)
{
	struct pt_thread *pt;
	struct pt_exit e;
	pthread_t th;

	start();
	pt = SPAWN(g_spin);
	pthread_create(&th, NULL, doomer, pt);
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_DEAD);
	pthread_join(th, NULL);
	pt_release(pt);
	/* One that comes back in time lives. */
	pt = SPAWN(g_loop);
	pt_doom(pt);
	for (int i = 0; i < 100; i++) {
		pt_run(pt, &e);
		CHECK_EQ(e.event, PT_EV_SYSCALL);
	}
	pt_release(pt);
	CHECK_EQ(zygote_deaths, 0);
}

static void *scribbler(void *arg)
{
	struct pt_thread *pt = arg;

	nanosleep(&(struct timespec){0, 20000000}, NULL);
	__atomic_store_n(&pt->slot->turn, 0xdeadbeef, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &pt->slot->turn, 1 /* WAKE */, 1000);
	return NULL;
}

/* The turn word is the guest's to write: a value that is neither's turn must not make the kernel wait for ever. */
TEST(scribbled_turn)
{
	struct pt_thread *pt;
	struct pt_exit e;
	pthread_t th;

	start();
	pt = SPAWN(g_spin);
	pthread_create(&th, NULL, scribbler, pt);
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_DEAD); /* no event that there is */
	pthread_join(th, NULL);
	pt_release(pt);
}

/* The host kills a process that has not run yet. */
TEST(killed_by_host)
{
	struct pt_thread *pt;
	struct pt_exit e;

	start();
	pt = SPAWN(g_spin);
	CHECK_EQ(kill(pt_as_host_pid(pt_as(pt)), SIGKILL), 0);
	pt_run(pt, &e);
	CHECK_EQ(e.event, PT_EV_DEAD);
	pt_release(pt);
	CHECK_EQ(zygote_deaths, 0);
}

static void *run_one(void *arg)
{
	struct pt_exit e;

	pt_adopt(arg);
	pt_run(arg, &e);
	return NULL;
}

/* Guest code ends a thread by the stub's own exit; the host gives its number to a new process, which must be born all the
 * same, and the old thread's affinity and interruptions must not reach it. */
TEST(reused_number)
{
	struct pt_thread *pt, *t, *fresh;
	struct pt_exit e;
	pthread_t th;
	cpu_set_t set, was, now;
	int status;
	uint64_t sc;
	pid_t child;
	FILE *f;

	/* Numbers are given out one after the other in a pid namespace of one's own. */
	REQUIRE(unshare(CLONE_NEWPID | CLONE_NEWNS) == 0);
	child = fork();
	if (child) {
		REQUIRE(waitpid(child, &status, 0) == child);
		CHECK_EQ(status, 0);
		return;
	}
	REQUIRE(mount("proc", "/proc", "proc", 0, NULL) == 0 || errno == EBUSY);
	start();
	sc = stub_syscall();
	REQUIRE(sc);
	pt = SPAWN(g_loop);
	pt_run(pt, &e);
	REQUIRE(pt_clone(pt, true, &t) == 0);
	pt_regs(t)->rip = sc;
	pt_regs(t)->rax = SYS_exit;
	pthread_create(&th, NULL, run_one, t); /* waits until its address space dies */
	while (syscall(SYS_tgkill, pt_as_host_pid(pt_as(pt)), t->tid, 0) == 0)
		sched_yield();
	f = fopen("/proc/sys/kernel/ns_last_pid", "w");
	REQUIRE(f && fprintf(f, "%d", t->tid - 1) > 0 && fclose(f) == 0);
	REQUIRE(pt_spawn(ct, &fresh) == 0);
	REQUIRE(fresh->tid == t->tid);
	REQUIRE(sched_getaffinity(fresh->tid, sizeof(was), &was) == 0);
	CPU_ZERO(&set);
	CPU_SET(CPU_ISSET(0, &was) ? 1 : 0, &set);
	thread_affinity(t, &set);
	REQUIRE(sched_getaffinity(fresh->tid, sizeof(now), &now) == 0);
	CHECK(CPU_EQUAL(&was, &now));
	pt_as_kill(pt_as(pt));
	pthread_join(th, NULL);
	CHECK_EQ(kill(fresh->tid, 0), 0);
	fflush(stdout);
	_exit(tap_failures != 0);
}

TAP_MAIN()
