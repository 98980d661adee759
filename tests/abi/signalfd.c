/* SPDX-License-Identifier: Apache-2.0 */
/* signalfd, signalfd4. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include "../tap.h"

static int make(int sig, int sig2, int flags)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, sig);
	if (sig2)
		sigaddset(&s, sig2);
	REQUIRE(sigprocmask(SIG_BLOCK, &s, NULL) == 0);
	return signalfd(-1, &s, flags);
}

TEST(errors)
{
	uint64_t mask = 1ULL << (SIGUSR1 - 1);
	int p[2];

	REQUIRE(pipe(p) == 0);
	CHECK_ERR(syscall(SYS_signalfd4, -1, &mask, 8, 1), EINVAL);
	CHECK_ERR(syscall(SYS_signalfd4, -1, &mask, 4, 0), EINVAL);
	CHECK_ERR(syscall(SYS_signalfd4, -1, (void *)8, 8, 0), EFAULT);
	CHECK_ERR(syscall(SYS_signalfd4, 999, &mask, 8, 0), EBADF);
	CHECK_ERR(syscall(SYS_signalfd4, p[0], &mask, 8, 0), EINVAL);
	CHECK(syscall(SYS_signalfd, -1, &mask, 8) >= 0);
}

TEST(flags)
{
	int a = make(SIGUSR1, 0, 0), b = make(SIGUSR1, 0, SFD_CLOEXEC | SFD_NONBLOCK);

	CHECK_EQ(fcntl(a, F_GETFD), 0);
	CHECK_EQ(fcntl(b, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(a, F_GETFL), O_RDWR);
	CHECK_EQ(fcntl(b, F_GETFL), O_RDWR | O_NONBLOCK);
}

TEST(one_signal)
{
	int fd = make(SIGUSR1, 0, SFD_NONBLOCK);
	struct signalfd_siginfo si[3];
	struct pollfd p = {fd, POLLIN, 0};
	sigset_t pending;

	CHECK_ERR(read(fd, si, sizeof(si)), EAGAIN);
	CHECK_ERR(read(fd, si, 100), EINVAL);
	CHECK_EQ(poll(&p, 1, 0), 0);
	kill(getpid(), SIGUSR1);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN);
	CHECK_EQ(read(fd, si, sizeof(si)), sizeof(si[0]));
	CHECK_EQ(si[0].ssi_signo, SIGUSR1);
	CHECK_EQ(si[0].ssi_code, SI_USER);
	CHECK_EQ(si[0].ssi_pid, getpid());
	CHECK_EQ(si[0].ssi_uid, getuid());
	sigpending(&pending);
	CHECK(!sigismember(&pending, SIGUSR1));
	CHECK_ERR(read(fd, si, sizeof(si)), EAGAIN);
	CHECK_ERR(write(fd, si, sizeof(si)), EINVAL);
}

TEST(several_at_once)
{
	int fd = make(SIGUSR1, SIGRTMIN, SFD_NONBLOCK);
	struct signalfd_siginfo si[4];
	union sigval v = {.sival_int = 77};

	REQUIRE(sigqueue(getpid(), SIGRTMIN, v) == 0);
	v.sival_int = 78;
	REQUIRE(sigqueue(getpid(), SIGRTMIN, v) == 0);
	kill(getpid(), SIGUSR1);
	CHECK_EQ(read(fd, si, sizeof(si)), 3 * sizeof(si[0]));
	CHECK_EQ(si[0].ssi_signo, SIGUSR1);
	CHECK_EQ(si[1].ssi_signo, SIGRTMIN);
	CHECK_EQ(si[1].ssi_code, SI_QUEUE);
	CHECK_EQ(si[1].ssi_int, 77);
	CHECK_EQ(si[2].ssi_int, 78);
}

TEST(changed_mask)
{
	int fd = make(SIGUSR1, SIGUSR2, SFD_NONBLOCK);
	struct signalfd_siginfo si;
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR2);
	CHECK_EQ(signalfd(fd, &s, 0), fd);
	kill(getpid(), SIGUSR1);
	CHECK_ERR(read(fd, &si, sizeof(si)), EAGAIN);
	kill(getpid(), SIGUSR2);
	CHECK_EQ(read(fd, &si, sizeof(si)), sizeof(si));
	CHECK_EQ(si.ssi_signo, SIGUSR2);
}

TEST(child)
{
	int fd = make(SIGCHLD, 0, 0), status;
	struct signalfd_siginfo si;
	pid_t pid = fork();

	if (pid == 0)
		_exit(9);
	CHECK_EQ(read(fd, &si, sizeof(si)), sizeof(si));
	CHECK_EQ(si.ssi_signo, SIGCHLD);
	CHECK_EQ(si.ssi_code, CLD_EXITED);
	CHECK_EQ(si.ssi_pid, pid);
	CHECK_EQ(si.ssi_status, 9);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
}

TEST(sleeping_reader)
{
	int fd = make(SIGUSR1, 0, 0), status;
	struct signalfd_siginfo si;
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		usleep(30000);
		kill(parent, SIGUSR1);
		_exit(0);
	}
	CHECK_EQ(read(fd, &si, sizeof(si)), sizeof(si));
	CHECK_EQ(si.ssi_pid, pid);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
}

TEST(epoll_wakes)
{
	int fd = make(SIGUSR1, 0, SFD_NONBLOCK), ep = epoll_create1(0), status;
	struct epoll_event e = {.events = EPOLLIN, .data.fd = 5};
	struct signalfd_siginfo si;
	pid_t parent = getpid(), pid;

	REQUIRE(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
	CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
	pid = fork();
	if (pid == 0) {
		usleep(30000);
		kill(parent, SIGUSR1);
		_exit(0);
	}
	CHECK_EQ(epoll_wait(ep, &e, 1, 10000), 1);
	CHECK_EQ(e.data.fd, 5);
	CHECK_EQ(read(fd, &si, sizeof(si)), sizeof(si));
	CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
}

/* A child that inherits the file reads its own signals. */
TEST(the_readers_signals)
{
	int fd = make(SIGUSR1, 0, SFD_NONBLOCK), status;
	struct signalfd_siginfo si;
	pid_t pid;

	kill(getpid(), SIGUSR1);
	pid = fork();
	if (pid == 0) {
		if (read(fd, &si, sizeof(si)) != -1 || errno != EAGAIN)
			_exit(1);
		raise(SIGUSR1);
		_exit(read(fd, &si, sizeof(si)) == sizeof(si) && si.ssi_pid == (uint32_t)getpid() ? 0 : 2);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(read(fd, &si, sizeof(si)), sizeof(si));
	CHECK_EQ(si.ssi_pid, getpid());
}

static void *thread(void *fd)
{
	static struct signalfd_siginfo si;

	return read(*(int *)fd, &si, sizeof(si)) == sizeof(si) ? &si : NULL;
}

TEST(a_thread_reads)
{
	int fd = make(SIGUSR1, 0, 0);
	struct signalfd_siginfo *si = NULL;
	pthread_t th;

	REQUIRE(pthread_create(&th, NULL, thread, &fd) == 0);
	kill(getpid(), SIGUSR1);
	REQUIRE(pthread_join(th, (void **)&si) == 0);
	REQUIRE(si);
	CHECK_EQ(si->ssi_signo, SIGUSR1);
}

TAP_MAIN()
