/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mechanisms cost that the trap platform decided against, ns, median of 5: memory calls by seccomp
 * notification, and copies through a shared page. Usage: bench-mechanism. Beside bench-platform's figures for what
 * the platform does.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"

#define CALLS 5000

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Answers every notification with "go on" until the guest has gone. */
static void *supervise(void *arg)
{
	int listener = *(int *)arg;

	for (;;) {
		struct seccomp_notif n = {0};
		struct seccomp_notif_resp r = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0) {
			if (errno == EINTR)
				continue;
			return NULL;
		}
		r.id = n.id;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r) < 0 && errno != ENOENT)
			return NULL;
	}
}

/* Times CALLS mprotect calls RUNS times and writes the figures to fd; notified or not. */
static void guest(int out, bool notified, int *sync)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = {sizeof(f) / sizeof(f[0]), f};
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), c;
	double v[RUNS];
	long fd = -1;

	if (page == MAP_FAILED)
		die("mmap");
	if (notified) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &p);
		if (fd < 0)
			die("seccomp");
	}
	if (write(sync[1], &fd, sizeof(fd)) != sizeof(fd) || read(sync[1], &c, 1) != 1)
		die("sync");
	for (int k = 0; k < RUNS; k++) {
		double t = now();

		for (int i = 0; i < CALLS; i++)
			mprotect(page, 4096, i & 1 ? PROT_READ : PROT_READ | PROT_WRITE);
		v[k] = (now() - t) / CALLS;
	}
	if (write(out, v, sizeof(v)) != sizeof(v))
		die("write");
	_exit(0);
}

static void item_notified(bool notified)
{
	int sync[2], out[2], listener = -1;
	double v[RUNS];
	pthread_t th;
	long fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sync) < 0 || pipe(out) < 0)
		die("socketpair");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		guest(out[1], notified, sync);
	}
	if (pid < 0)
		die("fork");
	if (read(sync[0], &fd, sizeof(fd)) != sizeof(fd))
		die("guest");
	if (fd >= 0) {
		int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

		listener = (int)syscall(SYS_pidfd_getfd, pidfd, (int)fd, 0);
		close(pidfd);
		if (listener < 0)
			die("pidfd_getfd");
		pthread_create(&th, NULL, supervise, &listener);
	}
	if (write(sync[0], "g", 1) != 1 || read(out[0], v, sizeof(v)) != sizeof(v))
		die("figures");
	kill(pid, SIGKILL);
	if (listener >= 0) {
		pthread_join(th, NULL);
		close(listener);
	}
	report(notified ? "mprotect by notification, continued" : "mprotect natively", v);
	close(sync[0]);
	close(sync[1]);
	close(out[0]);
	close(out[1]);
}

/* What a copy through the slot adds to a trip that is made anyway: into the shared page, and out of it on the other side. */
static void item_shared_copy(size_t n)
{
	static char from[65536], to[65536];
	char *page = mmap(NULL, sizeof(from), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double v[RUNS];
	char name[64];

	if (page == MAP_FAILED)
		die("mmap");
	memset(from, 1, sizeof(from));
	for (int k = 0; k < RUNS; k++) {
		double t = now();

		for (int i = 0; i < 20000; i++) {
			memcpy(page, from, n);
			__asm__ volatile("" ::: "memory");
			memcpy(to, page, n);
			__asm__ volatile("" ::: "memory");
		}
		v[k] = (now() - t) / 20000;
	}
	snprintf(name, sizeof(name), "copy in and out of a shared page, %zu bytes", n);
	report(name, v);
	munmap(page, sizeof(from));
}

int main(void)
{
	item_notified(false);
	item_notified(true);
	item_shared_copy(8);
	item_shared_copy(4096);
	item_shared_copy(65536);
	return 0;
}
