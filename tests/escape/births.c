/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Births of threads and processes, the one moment at which the kernel lets the host make something. One thread forks; the
 * other reads the order in the shared memory and uses it first, or turns it into "go on", so that the first can do the
 * ordered call itself. The child of that call comes out in the hidden code, which asks for a slot, is refused and ends. (Code that
 * steers it back to itself would have a process that the kernel does not know: docs/SECURITY-MODEL.md, known limits.)
 */
#include "esc.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORK 0x8411ULL
#define SLOT 0x20000ULL
#define SHARED_AT 0x10000UL

/* An order to fork looks like this: a kind, zero, the place of a slot, a token. */
static uint32_t *find_order(uint64_t *place, uint64_t *token)
{
	for (unsigned i = 0; i < nhidden; i++)
		for (uint64_t a = hidden[i].start; hidden[i].write && a + 0x30000 <= hidden[i].end; a += 0x40000) {
			volatile uint64_t *w = (volatile uint64_t *)(a + SHARED_AT);

			for (unsigned k = 8; k < 256; k++) {
				uint64_t kind = w[k], p = w[k + 1], t = w[k + 2];

				if (kind < 3 || kind > 4 || p % SLOT || !p || p >> 32 || !t || t >> 32)
					continue;
				*place = p;
				*token = t;
				return (uint32_t *)(uintptr_t)(a + SHARED_AT + 8 * k);
			}
		}
	return NULL;
}

static int threads; /* what is born */

static void *empty(void *arg)
{
	return arg;
}

static void *maker(void *arg)
{
	for (;;) {
		if (threads) {
			pthread_t t;

			if (pthread_create(&t, NULL, empty, NULL) == 0)
				pthread_join(t, NULL);
		} else {
			pid_t pid = (pid_t)syscall(SYS_fork);

			if (pid == 0)
				_exit(0);
			waitpid(pid, NULL, 0);
		}
		report->result++;
	}
	return arg;
}

/* Uses each token that it sees before its owner can. */
static void child_thief(void *arg)
{
	uint64_t place, token, slot = 0;
	pthread_t t;
	long r;

	be_nobody(*(unsigned *)arg);
	threads = *(unsigned *)arg % 2;
	for (unsigned i = 0; i < nhidden; i++)
		if (hidden[i].write)
			slot = hidden[i].start + SHARED_AT;
	pthread_create(&t, NULL, maker, NULL);
	usleep(5000);
	find_writable();
	report->state = 1;
	for (;;) {
		uint32_t *o = find_order(&place, &token);

		r = call_hidden(SYS_clone, FORK, 0, 0, 0, 0, 0);
		if (r != -1)
			report->extra = 1000 + r;
		if (!o)
			continue;
		report->word[1]++;
		for (unsigned i = 0; i < 8; i++) {
			r = call_hidden(SYS_mmap, slot + i * 0x40000, SLOT, 3, 0x11, token << 32, place);
			if (r != -1)
				report->extra = 2000 + r;
		}
		report->state = 2;
	}
}

/* Turns the order to fork into "go on": the forking thread then makes the call by itself. */
static volatile int turned;

static void *turner(void *arg)
{
	for (;;) {
		uint64_t place, token;
		uint32_t *o = find_order(&place, &token);

		if (o && *o == 3) {
			*o = 1;
			turned = 1;
		}
	}
	return arg;
}

static void child_stray(void *arg)
{
	pthread_t t;
	long r;

	be_nobody(*(unsigned *)arg);
	pthread_create(&t, NULL, turner, NULL);
	usleep(5000);
	find_writable();
	for (;;) {
		r = syscall(SYS_fork);
		if (r == 0)
			_exit(0);
		if (r > 0 && !turned)
			waitpid((pid_t)r, NULL, 0);
		if (!turned)
			continue;
		report->state = 1;
		r = call_hidden(SYS_clone, FORK, 0, 0, 0, 0, 0);
		if (r == 0)
			for (;;) /* the stray: no call, or it would need a slot */
				report->extra++;
		report->result = r;
		if (r > 0)
			report->state = 2;
		/* Its parent goes on to where the kernel notices. */
		syscall(SYS_getppid);
		turned = 0;
	}
}

void attack_births(int deep)
{
	unsigned n = deep ? 200 : 16, seen = 0, bad = 0, made = 0, late = 0;
	struct result *res;

	if (!returning_site()) {
		say(0, "no hidden system call comes back to its caller");
		return;
	}
	/* A busy machine may let few of them meet: on until one did. */
	for (unsigned round = 0; round < 20 && !seen; round++) {
		res = in_children(child_thief, n, 8, 400);
		for (unsigned k = 0; k < n; k++) {
			seen += res[k].state == 2;
			bad += res[k].extra != 0 || res[k].status == -1;
			if (res[k].extra)
				note("thief %u: %ld", k, res[k].extra);
		}
	}
	say(seen > 0 && bad == 0, "births with another's token: %u of %u saw tokens, %u succeeded", seen, n, bad);
	bad = 0;
	for (unsigned round = 0; round < 20 && !made; round++) {
		res = in_children(child_stray, n, 8, 400);
		for (unsigned k = 0; k < n; k++) {
			made += res[k].state == 2 || res[k].extra != 0;
			late += (unsigned)res[k].late;
			bad += res[k].moves != 0 || res[k].status == -1;
		}
	}
	say(made > 0, "%u of %u turned an order and forked by themselves", made, n);
	say(bad == 0, "processes that the kernel was never told of: %u live on, %u had to be killed", bad, late);
}
