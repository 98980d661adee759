/* SPDX-License-Identifier: Apache-2.0 */
#include "esc.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct report *report;
int failures;
unsigned seed, part, parts = 1;
static unsigned number;
static sigjmp_buf fault_jmp;

void say(int ok, const char *fmt, ...)
{
	va_list ap;

	failures += !ok;
	printf("%sok %u - ", ok ? "" : "not ", ++number);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

void note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(fault_jmp, 1);
}

void lib_init(void)
{
	sigset_t chld;

	report = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
}

void be_nobody(unsigned k)
{
	/* What it does by chance as a guest is not to hit its neighbours: kill(-1) is an honest call. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || setgid(20000 + k) || setuid(20000 + k))
		_exit(8);
}

unsigned rnd(void)
{
	seed = seed * 1103515245u + 12345u;
	return seed >> 8;
}

/* Waits for pid until ms have passed; 0: not ended. */
static int wait_for(pid_t pid, int ms, int *status)
{
	struct timespec now, end;
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ms / 1000;
	end.tv_nsec += ms % 1000 * 1000000L;
	for (;;) {
		struct timespec left = {0, 100000000};

		if (waitpid(pid, status, WNOHANG) == pid)
			return 1;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((now.tv_sec - end.tv_sec) * 1000 + (now.tv_nsec - end.tv_nsec) / 1000000 >= 0)
			return 0;
		if (ms < 100)
			left.tv_nsec = ms * 1000000L;
		sigtimedwait(&chld, NULL, &left);
	}
}

int in_child(void (*fn)(void *), void *arg, int ms, int *late)
{
	int status = 0, dummy;
	pid_t pid;

	report->state = report->result = report->extra = 0;
	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		say(0, "fork: errno %d", errno);
		exit(2);
	}
	if (pid == 0) {
		fn(arg);
		_exit(0);
	}
	late = late ? late : &dummy;
	*late = 0;
	if (wait_for(pid, ms, &status))
		return status;
	*late = 1;
	kill(pid, SIGKILL);
	if (wait_for(pid, 30000, &status))
		return status;
	say(0, "a process that nothing ends: SIGKILL to %d did not work within 30 s", (int)pid);
	return -1;
}

struct result *in_children(void (*fn)(void *), unsigned total, unsigned workers, int ms)
{
	struct result *res = mmap(NULL, total * sizeof(*res), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[64];
	int status = 0;

	if (res == MAP_FAILED || workers > 64) {
		perror("mmap");
		exit(2);
	}
	for (unsigned k = 0; k < total; k++)
		res[k].status = -1;
	fflush(NULL);
	for (unsigned w = 0; w < workers; w++) {
		pids[w] = fork();
		if (pids[w] != 0)
			continue;
		lib_init(); /* a report of its own */
		for (unsigned k = w; k < total; k += workers) {
			res[k].status = in_child(fn, &k, ms, &res[k].late);
			res[k].state = report->state;
			res[k].result = report->result;
			res[k].extra = report->extra;
			usleep(20000);
			res[k].moves = res[k].extra != report->extra;
		}
		_exit(0);
	}
	for (unsigned w = 0; w < workers; w++)
		if (pids[w] < 0 || waitpid(pids[w], &status, 0) != pids[w] || status)
			say(0, "worker %u: status %#x", w, (unsigned)status);
	return res;
}

int readable(uint64_t addr, void *byte)
{
	if (sigsetjmp(fault_jmp, 1))
		return 0;
	*(unsigned char *)byte = *(volatile unsigned char *)addr;
	return 1;
}

int writable(uint64_t addr)
{
	if (sigsetjmp(fault_jmp, 1))
		return 0;
	__atomic_fetch_or((unsigned char *)addr, 0, __ATOMIC_SEQ_CST);
	return 1;
}
