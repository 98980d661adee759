/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory that guest threads share with the kernel, scribbled over by one thread while another makes calls: the kernel
 * must copy once, check, and never wait for ever. Whatever the process does to itself is its own affair; that it can be
 * killed, and that nothing shows outside, is not.
 */
#include "esc.h"

#include <pthread.h>
#include <signal.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const works[] = {"calls", "forks", "threads", "mappings", "pipes", "signals"};
static const char *const modes[] = {"bytes", "words", "turns", "pointers", "stacks", "lists", "zeros"};
#define NWORKS 6U
#define NMODES 7U
#define SHARED_AT 0x10000UL /* an area: first a stack, then what is shared */

static unsigned work, mode;

static void nothing(int sig)
{
	(void)sig;
}

static void *empty(void *arg)
{
	return arg;
}

static void one_work(void)
{
	static char block[8192];
	pthread_t t;
	void *p;
	pid_t pid;
	int fds[2];

	switch (work) {
	case 0: syscall(SYS_getppid); break;
	case 1:
		pid = fork();
		if (pid == 0)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
		break;
	case 2:
		if (pthread_create(&t, NULL, empty, NULL) == 0)
			pthread_join(t, NULL);
		break;
	case 3:
		p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (p != MAP_FAILED) {
			mprotect(p, 4096, PROT_READ);
			munmap(p, 65536);
		}
		break;
	case 4:
		if (pipe(fds) == 0) {
			if (write(fds[1], block, sizeof(block)) > 0 && read(fds[0], block, sizeof(block)) > 0)
				report->word[0]++;
			close(fds[0]);
			close(fds[1]);
		}
		break;
	default: raise(SIGUSR1);
	}
}

static void *worker(void *arg)
{
	for (;;) {
		one_work();
		report->result++;
	}
	return arg;
}

static uint64_t interesting(void)
{
	static const uint64_t v[] = {0, 1, 2, 3, 4, 5, 10, 57, 0xffffffff, ~0ULL, 1ULL << 63, 0x7fffffff, 0x20000, 0xffffffff81000000ULL};

	if (rnd() % 4 == 0)
		return (uint64_t)rnd() << 40 ^ (uint64_t)rnd() << 20 ^ rnd();
	if (rnd() % 4 == 0)
		return hidden[rnd() % nhidden].start + rnd() % 8192;
	return v[rnd() % (sizeof(v) / sizeof(v[0]))];
}

/* An operation for the stub as one might guess it: kind, number, six arguments, result. */
static void op_list(char *at)
{
	for (unsigned i = 0; i < 4; i++, at += 64) {
		((uint32_t *)at)[0] = rnd() % 12;
		((uint32_t *)at)[1] = rnd() % 460;
		for (unsigned k = 1; k < 8; k++)
			((uint64_t *)at)[k] = interesting();
	}
}

static void scribble(char *area)
{
	char *s = area + SHARED_AT;

	switch (mode) {
	case 0: s[rnd() % 0x20000] = (char)rnd(); break;
	case 1: ((uint32_t *)s)[rnd() % 2048] = (uint32_t)interesting(); break;
	case 2: ((uint32_t *)s)[rnd() % 8] = rnd() % 3; break;
	case 3: ((uint64_t *)s)[rnd() % 512] = interesting(); break;
	case 4: ((uint64_t *)(area + SHARED_AT - 4096))[rnd() % 512] = interesting(); break;
	case 5: op_list(s + rnd() % 32 * 8 + 0x100); break;
	default: memset(s, 0, 4096);
	}
}

static void child(void *arg)
{
	unsigned k = *(unsigned *)arg;
	pthread_t t[2];

	work = k % NWORKS;
	mode = k / NWORKS % NMODES;
	seed += k * 104729;
	be_nobody(k);
	signal(SIGUSR1, nothing);
	for (unsigned i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, worker, NULL))
			_exit(9);
	usleep(10000);
	find_writable();
	report->state = 1;
	for (;;) {
		for (unsigned i = 0; i < nhidden; i++) {
			/* Not one's own, always the first: a scribbler that dies has had its say. */
			if (!hidden[i].write || (i == 0 && rnd() % 64))
				continue;
			for (uint64_t a = hidden[i].start; a + 0x30000 <= hidden[i].end; a += 0x40000)
				scribble((char *)a);
		}
		report->extra++;
	}
}

void attack_slots(int deep)
{
	unsigned rounds = NWORKS * NMODES * (deep ? 20 : 2), began = 0, died = 0, late = 0, moved = 0;
	struct result *res = in_children(child, rounds, 14, 400);
	int bad = 0;

	for (unsigned k = 0; k < rounds; k++) {
		began += res[k].state == 1;
		late += (unsigned)res[k].late;
		died += res[k].status != -1 && WIFSIGNALED(res[k].status) && !res[k].late;
		moved += (unsigned)res[k].moves;
		if (res[k].status == -1 || res[k].moves) {
			bad++;
			note("%s, scribbling %s: %s", works[k % NWORKS], modes[k / NWORKS % NMODES],
			     res[k].moves ? "part of it lives on" : "nothing ends it");
		}
	}
	say(began > 0, "%u of %u scribblers got to work", began, rounds);
	say(bad == 0, "%u scribbled processes: %u died of it, %u had to be killed, of %u something lived on", rounds, died, late, moved);
}
