/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the trap platform's mechanisms cost on this machine, ns, median of 5. Usage: bench-platform STUB [ITEM...]
 * A null kernel: real factory, zygote, filter, listener and slots; guest code of a few instructions.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "base/compiler.h"
#include "bench.h"
#include "base/title.h"
#include "kernel/hostfd.h"
#include "platform/platform.h"

#define CODE 0x400000ULL
#define DATA 0x500000ULL

__asm__(".section .rodata\n g_loop: mov $39, %eax\n syscall\n jmp g_loop\n g_loop_end:\n"
	"g_spin: jmp g_spin\n g_spin_end:\n .text\n");
extern const char g_loop[], g_loop_end[], g_spin[], g_spin_end[];

static struct pt_container *ct;
static const char *stub_path;
static char freezer[96]; /* a cgroup for all stubs; empty: none */

static void die(const char *what)
{
	fprintf(stderr, "bench-platform: %s failed\n", what);
	exit(1);
}

/* Writes text to DIR/FILE, or reads the file until it holds text. */
static void freezer_set(const char *file, const char *text)
{
	char path[160], buf[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", freezer, file);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	while (!strcmp(file, "freezer.state")) {
		n = pread(fd, buf, sizeof(buf) - 1, 0);
		buf[n > 0 ? n : 0] = 0;
		if (!strncmp(buf, text, strlen(text)))
			break;
	}
	close(fd);
}

static void start(void)
{
	struct platform_params p = {.proc_fd = -1};
	int sv[2], pidfd;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		die("socketpair");
	if (fork() == 0) {
		char title[STUB_TITLE], *const argv[] = {title, NULL};

		memset(title, ' ', sizeof(title) - 1);
		title[sizeof(title) - 1] = 0;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (*freezer)
			freezer_set("cgroup.procs", "0");
		dup2(sv[1], 3);
		syscall(SYS_close_range, 4U, ~0U, 0);
		execv(stub_path, argv);
		_exit(127);
	}
	close(sv[1]);
	p.factory_fd = sv[0];
	if (pt_init(&p) < 0 || pt_container_new(NULL, NULL, &ct, &pidfd) < 0)
		die("start");
}

static struct pt_thread *spawn(const char *code, size_t n)
{
	struct pt_op ops[] = {
		{.kind = PT_OP_MMAP, .addr = CODE, .len = 4096, .prot = 7,
		 .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED},
		{.kind = PT_OP_MMAP, .addr = DATA, .len = 1 << 20, .prot = 3,
		 .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED},
	};
	struct pt_thread *pt;

	if (pt_spawn(ct, &pt) < 0 || pt_batch_run(pt, ops, 2) < 0 ||
	    pt_copy_out(pt, uaddr(CODE), code, n) != n)
		die("spawn");
	pt_regs(pt)->rip = CODE;
	pt_regs(pt)->rsp = DATA + 4096;
	return pt;
}
#define SPAWN(c) spawn(c, (size_t)(c##_end - c))

static void calls(struct pt_thread *pt, long n)
{
	struct pt_exit e;

	for (long i = 0; i < n; i++) {
		pt_run(pt, &e);
		if (e.event != PT_EV_SYSCALL)
			die("pt_run");
	}
}

static void item_trip(void)
{
	struct pt_thread *pt = SPAWN(g_loop);
	double v[RUNS], t;

	for (int k = 0; k < RUNS; k++) {
		t = now();
		calls(pt, 20000);
		v[k] = (now() - t) / 20000;
	}
	report("call by SIGSYS and back", v);
	pt_release(pt);
}

static pthread_barrier_t go;
static long per_thread;
static void *owner(void *arg)
{
	pt_adopt(arg);
	pthread_barrier_wait(&go);
	calls(arg, per_thread);
	pthread_barrier_wait(&go);
	pt_release(arg);
	return NULL;
}

static void item_threads(unsigned n)
{
	struct pt_thread *pt = SPAWN(g_loop), *child;
	pthread_t th[64];
	double v[RUNS], t;
	char name[64];

	calls(pt, 1);
	per_thread = 40000 / n;
	for (int k = 0; k < RUNS; k++) {
		pthread_barrier_init(&go, NULL, n + 1);
		for (unsigned i = 0; i < n; i++) {
			if (pt_clone(pt, true, &child) < 0)
				die("pt_clone");
			pthread_create(&th[i], NULL, owner, child);
		}
		pthread_barrier_wait(&go);
		t = now();
		pthread_barrier_wait(&go);
		v[k] = (now() - t) / (double)(per_thread * n);
		for (unsigned i = 0; i < n; i++)
			pthread_join(th[i], NULL);
		pthread_barrier_destroy(&go);
	}
	snprintf(name, sizeof(name), "call, %u guest threads, per call", n);
	report(name, v);
	pt_release(pt);
}

static void item_birth(void)
{
	struct pt_thread *pt = SPAWN(g_loop), *child;
	double v[RUNS], t;

	calls(pt, 1);
	for (int how = 0; how < 3; how++) {
		for (int k = 0; k < RUNS; k++) {
			t = now();
			for (int i = 0; i < 100; i++) {
				int r = how == 2 ? pt_spawn(ct, &child) : pt_clone(pt, how == 1, &child);

				if (r < 0) {
					fprintf(stderr, "birth %d: %s\n", i, strerror(-r));
					die("birth");
				}
				pt_release(child);
			}
			v[k] = (now() - t) / 100;
		}
		report(how == 0 ? "fork-like clone + end"
				: how == 1 ? "thread-like clone + end" : "spawn from the zygote + end", v);
	}
	pt_release(pt);
}

static void item_memory(void)
{
	struct pt_thread *pt = SPAWN(g_loop);
	struct hostfd *h;
	double v[RUNS], t;

	if (hostfd_memfd("bench", 4096, &h) < 0)
		die("memfd");
	for (int how = 0; how < 3; how++) {
		for (int k = 0; k < RUNS; k++) {
			t = now();
			for (int i = 0; i < 2000; i++) {
				struct pt_op op = {.kind = how == 0 ? PT_OP_MPROTECT : PT_OP_MMAP,
						   .addr = DATA, .len = 4096, .prot = 3,
						   .flags = how == 2 ? MAP_SHARED | MAP_FIXED
								     : MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
						   .file = how == 2 ? h : NULL};
				if (pt_batch_run(pt, &op, 1) < 0)
					die("batch");
			}
			v[k] = (now() - t) / 2000;
		}
		report(how == 0 ? "mprotect ordered through the slot"
				: how == 1 ? "anonymous mmap ordered through the slot"
					   : "file mmap: slot and notification, cached fd", v);
	}
	pt_release(pt);
	hostfd_put(h);
}

static void item_copy(void)
{
	static char buf[65536];
	static const size_t sizes[] = {8, 4096, 65536};
	struct pt_thread *pt = SPAWN(g_loop);
	double v[RUNS], t;
	char name[64];

	memset(buf, 1, sizeof(buf));
	for (unsigned s = 0; s < 3; s++) {
		for (int k = 0; k < RUNS; k++) {
			t = now();
			for (int i = 0; i < 2000; i++)
				if (pt_copy_out(pt, uaddr(DATA), buf, sizes[s]) != sizes[s])
					die("copy");
			v[k] = (now() - t) / 2000;
		}
		snprintf(name, sizeof(name), "process_vm_writev %zu bytes", sizes[s]);
		report(name, v);
	}
	pt_release(pt);
}

static double kicked;
static void *kicker(void *arg)
{
	nanosleep(&(struct timespec){0, 3000000}, NULL);
	kicked = now();
	pt_interrupt(arg);
	return NULL;
}

static void item_kick(void)
{
	struct pt_thread *pt = SPAWN(g_spin);
	double v[RUNS];
	struct pt_exit e;
	pthread_t th;

	for (int k = 0; k < RUNS; k++) {
		pthread_create(&th, NULL, kicker, pt);
		pt_run(pt, &e);
		v[k] = now() - kicked;
		pthread_join(th, NULL);
	}
	report("kick of a spinning thread until it is stopped", v);
	pt_release(pt);
}

static void *as_killer(void *arg)
{
	nanosleep(&(struct timespec){0, 3000000}, NULL);
	kicked = now();
	pt_as_kill(pt_as(arg));
	return NULL;
}

static void item_kill(void)
{
	double v[RUNS];
	struct pt_exit e;
	pthread_t th;

	for (int k = 0; k < RUNS; k++) {
		struct pt_thread *pt = SPAWN(g_spin);

		pthread_create(&th, NULL, as_killer, pt);
		pt_run(pt, &e);
		v[k] = now() - kicked;
		pthread_join(th, NULL);
		pt_release(pt);
	}
	report("kill of an address space until it is seen dead", v);
}

/* A file mapping whose descriptor the address space does not hold yet. */
static void item_miss(void)
{
	struct pt_thread *pt = SPAWN(g_loop);
	struct hostfd *h[50];
	double v[RUNS], t;

	for (int k = 0; k < RUNS; k++) {
		for (int i = 0; i < 50; i++)
			if (hostfd_memfd("bench", 4096, &h[i]) < 0)
				die("memfd");
		t = now();
		for (int i = 0; i < 50; i++) {
			struct pt_op op = {.kind = PT_OP_MMAP, .addr = DATA, .len = 4096, .prot = 3,
					   .flags = MAP_SHARED | MAP_FIXED, .file = h[i]};

			if (pt_batch_run(pt, &op, 1) < 0)
				die("batch");
		}
		v[k] = (now() - t) / 50;
		for (int i = 0; i < 50; i++)
			hostfd_put(h[i]);
	}
	report("file mmap: slot and notification, new fd", v);
	pt_release(pt);
}

static void *runner(void *arg)
{
	struct pt_exit e;

	pt_adopt(arg);
	pt_run(arg, &e);
	return NULL;
}

static void item_pause(void)
{
	struct pt_thread *pt;
	double pause[RUNS], resume[RUNS], t;
	pthread_t th;

	if (!*freezer) {
		printf("%-46s %10s\n", "pause by the freezer", "no freezer (v1) here");
		return;
	}
	pt = SPAWN(g_spin);
	pthread_create(&th, NULL, runner, pt);
	for (int k = 0; k < RUNS; k++) {
		nanosleep(&(struct timespec){0, 3000000}, NULL);
		t = now();
		freezer_set("freezer.state", "FROZEN");
		pause[k] = now() - t;
		t = now();
		freezer_set("freezer.state", "THAWED");
		resume[k] = now() - t;
	}
	pt_interrupt(pt);
	pthread_join(th, NULL);
	pt_release(pt);
	report("pause of a spinning thread by the freezer", pause);
	report("resume", resume);
}

static void pin(int cpu)
{
	cpu_set_t s;

	CPU_ZERO(&s);
	CPU_SET(cpu, &s);
	sched_setaffinity(0, sizeof(s), &s);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: bench-platform STUB [one-cpu]\n");
		return 2;
	}
	stub_path = argv[1];
	if (argc > 2 && !strcmp(argv[2], "one-cpu"))
		pin(0);
	snprintf(freezer, sizeof(freezer), "/sys/fs/cgroup/freezer/bench-platform-%d", getpid());
	if (mkdir(freezer, 0700) < 0)
		*freezer = 0;
	start();
	item_trip();
	item_threads(1);
	item_threads(2);
	item_threads(8);
	item_threads(64);
	item_birth();
	item_memory();
	item_miss();
	item_copy();
	item_kick();
	item_kill();
	item_pause();
	pt_container_free(ct);
	pt_fini();
	for (int i = 0; *freezer && rmdir(freezer) < 0 && i < 1000; i++)
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	return 0;
}
