/* SPDX-License-Identifier: Apache-2.0 */
/* Processes by descriptor: clone3, pidfd_open, poll, waitid(P_PIDFD), pidfd_send_signal, pidfd_getfd; kcmp. */
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "../tap.h"

#define THREAD O_EXCL

static int pidfd_open_(int pid, unsigned fl)
{
	return (int)syscall(SYS_pidfd_open, pid, fl);
}

static int send_(int fd, int sig, siginfo_t *si, unsigned fl)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, sig, si, fl);
}

static int getfd_(int pfd, int fd, unsigned fl)
{
	return (int)syscall(SYS_pidfd_getfd, pfd, fd, fl);
}

static int kcmp_(int a, int b, int type, unsigned long x, unsigned long y)
{
	return (int)syscall(SYS_kcmp, a, b, type, x, y);
}

static pid_t sleeper(void)
{
	pid_t p = fork();

	if (p == 0)
		for (;;)
			pause();
	return p;
}

static int ready(int fd, int ms)
{
	struct pollfd p = {fd, POLLIN, 0};
	int r = poll(&p, 1, ms);

	return r <= 0 ? r : p.revents;
}

static pid_t clone3_(struct clone_args *a)
{
	return (pid_t)syscall(SYS_clone3, a, sizeof(*a));
}

TEST(open_arguments)
{
	int fd = pidfd_open_(getpid(), 0);

	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR);
	CHECK_ERR(pidfd_open_(0, 0), EINVAL);
	CHECK_ERR(pidfd_open_(-1, 0), EINVAL);
	CHECK_ERR(pidfd_open_(getpid(), 1), EINVAL);
	CHECK_ERR(pidfd_open_(4194303, 0), ESRCH);
	close(fd);
	fd = pidfd_open_(getpid(), O_NONBLOCK);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

TEST(poll_and_wait)
{
	pid_t p = sleeper();
	int fd = pidfd_open_(p, 0), st;
	siginfo_t si;
	char c;

	CHECK_EQ(ready(fd, 0), 0);
	CHECK_ERR(read(fd, &c, 1), EINVAL);
	CHECK_EQ(send_(fd, 0, NULL, 0), 0);
	CHECK_EQ(send_(fd, SIGTERM, NULL, 0), 0);
	CHECK_EQ(ready(fd, 5000), POLLIN);
	CHECK_EQ(waitid(P_PIDFD, (id_t)fd, &si, WEXITED | WNOWAIT), 0);
	CHECK_EQ(si.si_pid, p);
	CHECK_EQ(si.si_status, SIGTERM);
	CHECK_EQ(si.si_code, CLD_KILLED);
	CHECK_EQ(send_(fd, 0, NULL, 0), 0); /* a zombie is there */
	CHECK_EQ(waitid(P_PIDFD, (id_t)fd, &si, WEXITED), 0);
	CHECK_EQ(ready(fd, 0), POLLIN | POLLHUP);
	CHECK_ERR(send_(fd, 0, NULL, 0), ESRCH);
	CHECK_ERR(waitid(P_PIDFD, (id_t)fd, &si, WEXITED), ECHILD);
	CHECK_ERR(wait4(p, &st, 0, NULL), ECHILD);
	CHECK_ERR(waitid(P_PIDFD, (id_t)-1, &si, WEXITED), EINVAL);
	CHECK_ERR(waitid(P_PIDFD, 0, &si, WEXITED), EBADF);
	CHECK_ERR(waitid(P_PIDFD, 9999, &si, WEXITED), EBADF);
}

TEST(nonblocking_wait)
{
	pid_t p = sleeper();
	int fd = pidfd_open_(p, O_NONBLOCK);
	siginfo_t si = {0};

	CHECK_ERR(waitid(P_PIDFD, (id_t)fd, &si, WEXITED), EAGAIN);
	CHECK_EQ(waitid(P_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG), 0);
	kill(p, SIGKILL);
	CHECK_EQ(ready(fd, 5000), POLLIN);
	CHECK_EQ(waitid(P_PIDFD, (id_t)fd, &si, WEXITED), 0);
	CHECK_EQ(si.si_status, SIGKILL);
}

static volatile int got_code, got_pid, got_value;

static void on_signal(int s, siginfo_t *si, void *u)
{
	(void)s;
	(void)u;
	got_code = si->si_code;
	got_pid = si->si_pid;
	got_value = si->si_int;
}

TEST(send_signal_info)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	int fd = pidfd_open_(getpid(), 0), dir = open("/proc/self", O_DIRECTORY | O_RDONLY), null;
	siginfo_t si = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
	pid_t p;

	sigaction(SIGUSR1, &sa, NULL);
	CHECK_EQ(send_(fd, SIGUSR1, NULL, 0), 0);
	CHECK_EQ(got_code, SI_USER);
	CHECK_EQ(got_pid, getpid());
	si.si_value.sival_int = 77;
	CHECK_EQ(send_(fd, SIGUSR1, &si, 0), 0);
	CHECK_EQ(got_value, 77);
	CHECK_EQ(got_code, SI_QUEUE);
	CHECK_ERR(send_(fd, SIGUSR2, &si, 0), EINVAL);
	CHECK_EQ(send_(fd, SIGUSR1, NULL, 1), 0); /* the thread */
	CHECK_EQ(got_code, SI_TKILL);
	CHECK_EQ(send_(fd, SIGUSR1, NULL, 2), 0); /* the group */
	CHECK_EQ(got_code, SI_USER);
	CHECK_ERR(send_(fd, SIGUSR1, NULL, 3), EINVAL);
	CHECK_ERR(send_(fd, SIGUSR1, NULL, 8), EINVAL);
	CHECK_ERR(send_(fd, 65, NULL, 0), EINVAL);
	CHECK_EQ(send_(dir, SIGUSR1, NULL, 0), 0);
	null = open("/dev/null", O_RDONLY);
	CHECK_ERR(send_(null, SIGUSR1, NULL, 0), EBADF);
	CHECK_ERR(send_(-1, SIGUSR1, NULL, 0), EBADF);
	/* Somebody else gets no pretended kernel signal. */
	p = sleeper();
	fd = pidfd_open_(p, 0);
	si.si_code = SI_USER;
	CHECK_ERR(send_(fd, SIGUSR1, &si, 0), EPERM);
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

TEST(process_group)
{
	int fd, st;
	pid_t p = sleeper(), q;

	setpgid(p, p);
	q = fork();
	if (q == 0) {
		setpgid(0, p);
		for (;;)
			pause();
	}
	setpgid(q, p);
	fd = pidfd_open_(p, 0);
	CHECK_EQ(send_(fd, SIGTERM, NULL, 4), 0);
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(waitpid(q, &st, 0), q);
	CHECK_EQ(WTERMSIG(st), SIGTERM);
}

TEST(clone3_pidfd)
{
	int fd = -1, fd2 = -1;
	struct clone_args a = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD};
	siginfo_t si;
	pid_t p = clone3_(&a);

	if (p == 0)
		_exit(fcntl(3, F_GETFD) == -1 ? 9 : 1);
	CHECK(p > 0);
	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(waitid(P_PIDFD, (id_t)fd, &si, WEXITED), 0);
	CHECK_EQ(si.si_pid, p);
	CHECK_EQ(si.si_status, fd == 3 ? 9 : 1);
	a.pidfd = 8;
	CHECK_ERR(clone3_(&a), EFAULT);
	a.pidfd = a.parent_tid = (uintptr_t)&fd2;
	a.flags |= CLONE_PARENT_SETTID;
	CHECK_ERR(clone3_(&a), EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd2, 0, 0), EINVAL);
	p = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd2, 0, 0);
	if (p == 0)
		_exit(0);
	CHECK_EQ(waitid(P_PIDFD, (id_t)fd2, &si, WEXITED), 0);
	CHECK_EQ(si.si_pid, p);
}

TEST(clone3_arguments)
{
	char big[sizeof(struct clone_args) + 8] = {0};
	struct clone_args a = {.exit_signal = 65};
	int tids[2] = {1 << 22, 0};

	CHECK_ERR(clone3_(&a), EINVAL);
	a = (struct clone_args){.exit_signal = SIGCHLD, .flags = 1ULL << 34};
	CHECK_ERR(clone3_(&a), EINVAL);
	a.flags = SIGCHLD;
	CHECK_ERR(clone3_(&a), EINVAL);
	a.flags = CLONE_DETACHED;
	CHECK_ERR(clone3_(&a), EINVAL);
	a.flags = CLONE_PARENT;
	CHECK_ERR(clone3_(&a), EINVAL);
	a.flags = CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND;
	CHECK_ERR(clone3_(&a), EINVAL);
	a.flags = CLONE_SIGHAND;
	CHECK_ERR(clone3_(&a), EINVAL);
	a.flags = CLONE_THREAD;
	a.exit_signal = 0;
	CHECK_ERR(clone3_(&a), EINVAL);
	a.flags = 0;
	a.stack = (uintptr_t)big;
	CHECK_ERR(clone3_(&a), EINVAL);
	a.stack = 0;
	a.stack_size = 4096;
	CHECK_ERR(clone3_(&a), EINVAL);
	a.stack_size = 0;
	a.set_tid = (uintptr_t)tids;
	CHECK_ERR(clone3_(&a), EINVAL);
	a.set_tid_size = 33;
	CHECK_ERR(clone3_(&a), EINVAL);
	a.set_tid_size = 1;
	CHECK_ERR(clone3_(&a), EINVAL);
	a.set_tid = 0;
	CHECK_ERR(clone3_(&a), EINVAL);
	CHECK_ERR(syscall(SYS_clone3, &a, 32), EINVAL);
	CHECK_ERR(syscall(SYS_clone3, &a, 4097), E2BIG);
	big[sizeof(big) - 1] = 1;
	CHECK_ERR(syscall(SYS_clone3, big, sizeof(big)), E2BIG);
	CHECK_ERR(syscall(SYS_clone3, 8, sizeof(a)), EFAULT);
}

TEST(clone3_set_tid)
{
	int want = 0, st;
	struct clone_args a = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&want, .set_tid_size = 1};
	pid_t p;

	if (geteuid() != 0)
		SKIP("needs CAP_CHECKPOINT_RESTORE");
	want = sleeper(); /* its number is free soon */
	kill(want, SIGKILL);
	CHECK_EQ(waitpid(want, &st, 0), want);
	p = clone3_(&a);
	if (p == 0)
		_exit(getpid() != want);
	CHECK_EQ(p, want);
	CHECK_ERR(clone3_(&a), EEXIST);
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
	p = clone3_(&a);
	if (p == 0)
		_exit(0);
	CHECK_EQ(p, want);
	waitpid(p, &st, 0);
}

TEST(clear_sighand)
{
	struct clone_args a = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
	struct sigaction sa;
	int st;
	pid_t p;

	sigaction(SIGUSR1, &(struct sigaction){.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO}, NULL);
	signal(SIGUSR2, SIG_IGN);
	p = clone3_(&a);
	if (p == 0) {
		st = 0;
		sigaction(SIGUSR1, NULL, &sa);
		st |= sa.sa_handler != SIG_DFL;
		sigaction(SIGUSR2, NULL, &sa);
		st |= (sa.sa_handler != SIG_IGN) << 1;
		_exit(st);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(WEXITSTATUS(st), 0);
}

TEST(fork_parent)
{
	int pp[2], st;
	pid_t p, q = 0, me = getpid();

	CHECK_EQ(pipe(pp), 0);
	p = fork();
	if (p == 0) {
		q = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
		if (q == 0)
			_exit(getppid() == me ? 5 : 6);
		if (write(pp[1], &q, sizeof(q)) != sizeof(q))
			_exit(1);
		_exit(0);
	}
	CHECK_EQ(read(pp[0], &q, sizeof(q)), sizeof(q));
	CHECK_EQ(waitpid(q, &st, 0), q);
	CHECK_EQ(WEXITSTATUS(st), 5);
	CHECK_EQ(waitpid(p, &st, 0), p);
}

TEST(getfd)
{
	int pp[2], fd, got, st;
	char c = 0;
	pid_t p;

	CHECK_EQ(pipe(pp), 0);
	p = sleeper();
	fd = pidfd_open_(p, 0);
	CHECK_ERR(getfd_(fd, pp[1], 1), EINVAL);
	CHECK_ERR(getfd_(fd, 9999, 0), EBADF);
	CHECK_ERR(getfd_(pp[0], pp[1], 0), EBADF);
	close(pp[1]);
	got = getfd_(fd, pp[1], 0);
	CHECK(got >= 0);
	CHECK_EQ(fcntl(got, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(write(got, "x", 1), 1);
	CHECK_EQ(read(pp[0], &c, 1), 1);
	CHECK_EQ(c, 'x');
	kill(p, SIGKILL);
	waitpid(p, &st, 0);
	CHECK_ERR(getfd_(fd, pp[0], 0), ESRCH);
}

static void *thread_main(void *arg)
{
	int *p = arg;
	char c;

	__atomic_store_n(&p[2], (int)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	(void)!read(p[0], &c, 1);
	return NULL;
}

TEST(thread_pidfd)
{
	int p[3] = {0, 0, 0}, fd, e;
	pthread_t th;

	CHECK_EQ(pipe(p), 0);
	pthread_create(&th, NULL, thread_main, p);
	while (!__atomic_load_n(&p[2], __ATOMIC_SEQ_CST))
		usleep(1000);
	errno = 0;
	CHECK_EQ(pidfd_open_(p[2], 0), -1);
	e = errno;
	CHECK(e == EINVAL || e == ENOENT); /* ENOENT since Linux 6.16 */
	fd = pidfd_open_(p[2], THREAD);
	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_GETFL) & THREAD);
	CHECK_EQ(ready(fd, 0), 0);
	CHECK_EQ(send_(fd, 0, NULL, 0), 0);
	CHECK_EQ(send_(fd, 0, NULL, 2), 0); /* the group that it is in */
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK(ready(fd, 5000) & POLLIN);
	pthread_join(th, NULL);
	CHECK_EQ(ready(fd, 5000), POLLIN | POLLHUP);
}

TEST(fdinfo)
{
	char path[64], text[1024], want[64];
	pid_t p = sleeper();
	int fd = pidfd_open_(p, 0), f;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = open(path, O_RDONLY);
	n = read(f, text, sizeof(text) - 1);
	CHECK(n > 0);
	text[n > 0 ? n : 0] = 0;
	snprintf(want, sizeof(want), "Pid:\t%d\n", p);
	CHECK(strstr(text, want));
	snprintf(want, sizeof(want), "NSpid:\t%d\n", p);
	CHECK(strstr(text, want));
	close(f);
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
	f = open(path, O_RDONLY);
	n = read(f, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	CHECK(strstr(text, "Pid:\t-1\n"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	CHECK_STR(text, "anon_inode:[pidfd]");
}

TEST(same_process_same_inode)
{
	pid_t p = sleeper();
	int a = pidfd_open_(p, 0), b = pidfd_open_(p, 0), c = pidfd_open_(getpid(), 0);
	struct stat x, y, z;

	CHECK_EQ(fstat(a, &x), 0);
	CHECK_EQ(fstat(b, &y), 0);
	CHECK_EQ(fstat(c, &z), 0);
	CHECK_EQ(x.st_ino, y.st_ino);
	CHECK(x.st_ino != z.st_ino);
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

TEST(kcmp_objects)
{
	pid_t p = sleeper(), me = getpid();
	int a = dup(0), o = open("/dev/null", O_RDONLY), r;

	CHECK_EQ(kcmp_(me, me, KCMP_FILE, 0, (unsigned long)a), 0);
	CHECK_EQ(kcmp_(me, p, KCMP_FILE, 0, 0), 0);
	r = kcmp_(me, me, KCMP_FILE, 0, (unsigned long)o);
	CHECK(r == 1 || r == 2);
	CHECK_EQ(kcmp_(me, me, KCMP_FILE, (unsigned long)o, 0), 3 - r);
	CHECK_EQ(kcmp_(me, me, KCMP_VM, 0, 0), 0);
	CHECK(kcmp_(me, p, KCMP_VM, 0, 0) > 0);
	CHECK(kcmp_(me, p, KCMP_FILES, 0, 0) > 0);
	CHECK(kcmp_(me, p, KCMP_FS, 0, 0) > 0);
	CHECK(kcmp_(me, p, KCMP_SIGHAND, 0, 0) > 0);
	CHECK_ERR(kcmp_(me, p, 77, 0, 0), EINVAL);
	CHECK_ERR(kcmp_(me, me, KCMP_FILE, 0, 9999), EBADF);
	CHECK_ERR(kcmp_(me, 4194303, KCMP_VM, 0, 0), ESRCH);
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

TAP_MAIN()
