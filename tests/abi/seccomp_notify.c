/* SPDX-License-Identifier: Apache-2.0 */
/* User notification: a supervisor decides about the calls of another process. */
#include "seccomp.h"

#include <sys/epoll.h>
#include <sys/stat.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#define CALL 4711 /* no call of Linux's: only the supervisor answers it */

static int listen_on(int nr, unsigned flags)
{
	return (int)filter_one(nr, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER | flags);
}

static int send_fd(int sock, int fd)
{
	char c = 'x', buf[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec v = {&c, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = buf, .msg_controllen = sizeof(buf)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	return sendmsg(sock, &m, 0) == 1 ? 0 : -1;
}

static int recv_fd(int sock)
{
	char c, buf[CMSG_SPACE(sizeof(int))];
	struct iovec v = {&c, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = buf, .msg_controllen = sizeof(buf)};
	int fd = -1;

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

struct super {
	pid_t pid;
	int fd; /* the listener */
};

/* A child that puts itself under our supervision and then runs fn. */
static struct super supervise(int nr, unsigned flags, int (*fn)(void))
{
	struct super s = {-1, -1};
	int sk[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, sk) == 0);
	s.pid = fork();
	if (s.pid == 0) {
		int l;

		NNP();
		l = listen_on(nr, flags);
		if (l < 0 || send_fd(sk[1], l) != 0)
			_exit(100);
		close(l);
		close(sk[0]);
		close(sk[1]);
		_exit(fn());
	}
	close(sk[1]);
	s.fd = recv_fd(sk[0]);
	close(sk[0]);
	REQUIRE(s.fd >= 0);
	return s;
}

static int end_of(struct super *s)
{
	int st = -1;

	waitpid(s->pid, &st, 0);
	return st;
}

static struct seccomp_notif receive(int fd)
{
	struct seccomp_notif n = {0};

	REQUIRE(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n) == 0);
	return n;
}

static int reply(int fd, unsigned long long id, int error, long long val, unsigned flags)
{
	struct seccomp_notif_resp r = {.id = id, .error = error, .val = val, .flags = flags};

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

static int one_call(void)
{
	long r = syscall(CALL, 1, 2, 3, 4, 5, 6);

	return r == 42 ? 0 : r == -1 ? errno : 99;
}

TEST(value_and_error)
{
	struct super s = supervise(CALL, 0, one_call);
	struct seccomp_notif n = receive(s.fd);

	CHECK_EQ(n.pid, s.pid);
	CHECK_EQ(n.flags, 0);
	CHECK_EQ(n.data.nr, CALL);
	CHECK_EQ(n.data.arch, AUDIT_ARCH_X86_64);
	for (unsigned i = 0; i < 6; i++)
		CHECK_EQ(n.data.args[i], i + 1);
	CHECK_EQ(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id), 0);
	CHECK_EQ(reply(s.fd, n.id, 0, 42, 0), 0);
	CHECK_ERR(reply(s.fd, n.id + 1, 0, 42, 0), ENOENT);
	CHECK_EQ(end_of(&s), 0);
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id), ENOENT);
	close(s.fd);
	s = supervise(CALL, 0, one_call);
	n = receive(s.fd);
	CHECK_EQ(reply(s.fd, n.id, -EXDEV, 42, 0), 0);
	CHECK_EQ(end_of(&s), EXDEV << 8);
}

static int odd_results(void)
{
	if (syscall(CALL) != -1 || errno != 512)
		return 1;
	return syscall(CALL) == 0x123456789aL ? 0 : 2;
}
TEST(odd_values)
{
	struct super s = supervise(CALL, 0, odd_results);
	struct seccomp_notif n = receive(s.fd);

	CHECK_EQ(reply(s.fd, n.id, -512, 0, 0), 0);
	n = receive(s.fd);
	CHECK_EQ(reply(s.fd, n.id, 0, 0x123456789aL, 0), 0);
	CHECK_EQ(end_of(&s), 0);
}

static int ask_parent(void)
{
	return syscall(SYS_getppid) == getppid() && syscall(SYS_getppid) == getppid() ? 0 : 1;
}
TEST(continue_the_call)
{
	struct super s = supervise(SYS_getppid, 0, ask_parent);

	for (int i = 0; i < 4; i++) {
		struct seccomp_notif n = receive(s.fd);

		CHECK_ERR(reply(s.fd, n.id, 0, 1, SECCOMP_USER_NOTIF_FLAG_CONTINUE), EINVAL);
		CHECK_ERR(reply(s.fd, n.id, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE), EINVAL);
		CHECK_ERR(reply(s.fd, n.id, 0, 0, 2), EINVAL);
		CHECK_EQ(reply(s.fd, n.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE), 0);
	}
	CHECK_EQ(end_of(&s), 0);
}

TEST(bad_requests)
{
	struct super s = supervise(CALL, 0, one_call);
	struct seccomp_notif n = {.id = 1};

	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_RECV, &n), EINVAL); /* must be zero */
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_RECV, NULL), EFAULT);
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_SEND, NULL), EFAULT);
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, NULL), EFAULT);
	CHECK_ERR(ioctl(s.fd, 0x12345678, NULL), EINVAL);
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 2L), EINVAL);
	CHECK_EQ(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1L), 0);
	CHECK_ERR(read(s.fd, &n, sizeof(n)), EINVAL);
	memset(&n, 0, sizeof(n));
	n = receive(s.fd);
	CHECK_EQ(reply(s.fd, n.id, 0, 42, 0), 0);
	CHECK_EQ(end_of(&s), 0);
}

TEST(a_reply_before_the_call_was_received)
{
	struct super s = supervise(CALL, 0, one_call);
	struct seccomp_notif n = receive(s.fd);
	struct seccomp_notif_resp r = {.id = n.id, .val = 42};

	CHECK_EQ(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_SEND, &r), 0);
	/* Once only; by now the caller may have gone on. */
	CHECK(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_SEND, &r) == -1 && (errno == EINPROGRESS || errno == ENOENT));
	CHECK_EQ(end_of(&s), 0);
	s = supervise(CALL, 0, one_call);
	struct pollfd p = {s.fd, POLLIN, 0};
	CHECK_EQ(poll(&p, 1, 5000), 1);
	CHECK_ERR(reply(s.fd, n.id, 0, 42, 0), ENOENT);
	n = receive(s.fd);
	CHECK_EQ(reply(s.fd, n.id, 0, 42, 0), 0);
	CHECK_EQ(end_of(&s), 0);
}

TEST(receive_to_a_bad_place)
{
	struct super s = supervise(CALL, 0, one_call);
	struct seccomp_notif *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct seccomp_notif n;

	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_RECV, ro), EFAULT);
	n = receive(s.fd); /* it is still there */
	CHECK_EQ(reply(s.fd, n.id, 0, 42, 0), 0);
	CHECK_EQ(end_of(&s), 0);
}

static int polled(int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT, 0};

	return poll(&p, 1, 0) == 1 ? p.revents : 0;
}
TEST(poll)
{
	struct super s = supervise(CALL, 0, one_call);
	struct pollfd p = {s.fd, POLLIN, 0};
	struct epoll_event e = {.events = EPOLLIN}, got;
	struct seccomp_notif n;
	int ep = epoll_create1(0);

	REQUIRE(epoll_ctl(ep, EPOLL_CTL_ADD, s.fd, &e) == 0);
	CHECK_EQ(epoll_wait(ep, &got, 1, 5000), 1);
	CHECK_EQ(poll(&p, 1, 5000), 1);
	CHECK_EQ(polled(s.fd), POLLIN);
	n = receive(s.fd);
	CHECK_EQ(polled(s.fd), POLLOUT);
	CHECK_EQ(epoll_wait(ep, &got, 1, 0), 0);
	CHECK_EQ(reply(s.fd, n.id, 0, 42, 0), 0);
	CHECK_EQ(end_of(&s), 0);
	/* Nobody left who could call. */
	CHECK_EQ(poll(&p, 1, 5000), 1);
	CHECK_EQ(p.revents, POLLHUP);
	CHECK_EQ(epoll_wait(ep, &got, 1, 0), 1);
	CHECK_EQ(got.events, EPOLLHUP);
	memset(&n, 0, sizeof(n));
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_RECV, &n), ENOENT);
}

static int pause_then_exit(void)
{
	usleep(300000);
	return 7;
}
TEST(last_caller_exits_while_we_wait)
{
	struct super s = supervise(CALL, 0, pause_then_exit);
	struct seccomp_notif n = {0};

	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_RECV, &n), ENOENT);
	CHECK_EQ(end_of(&s), 7 << 8);
}

static int two_calls(void)
{
	int first = one_call(), second = one_call();

	return first == ENOSYS && second == ENOSYS ? 0 : 1;
}
TEST(listener_closes)
{
	struct super s = supervise(CALL, 0, two_calls);
	struct pollfd p = {s.fd, POLLIN, 0};

	CHECK_EQ(poll(&p, 1, 5000), 1);
	close(s.fd);
	CHECK_EQ(end_of(&s), 0);
	s = supervise(CALL, 0, two_calls);
	(void)receive(s.fd);
	close(s.fd);
	CHECK_EQ(end_of(&s), 0);
}

TEST(caller_is_killed)
{
	struct super s = supervise(CALL, 0, one_call);
	struct seccomp_notif n = receive(s.fd);
	int st;

	kill(s.pid, SIGKILL);
	REQUIRE(waitpid(s.pid, &st, 0) == s.pid);
	CHECK_EQ(st, SIGKILL);
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id), ENOENT);
	CHECK_ERR(reply(s.fd, n.id, 0, 42, 0), ENOENT);
	CHECK_EQ(polled(s.fd), POLLHUP);
}

static volatile sig_atomic_t handled;
static void on_usr1(int sig)
{
	handled = sig;
}
static int call_with_handler(void)
{
	struct sigaction sa = {.sa_handler = on_usr1, .sa_flags = SA_RESTART};
	int r;

	sigaction(SIGUSR1, &sa, NULL);
	kill(getppid(), SIGCONT); /* ready */
	r = one_call();
	return r ? r : handled == SIGUSR1 ? 0 : 98;
}
static int call_without_restart(void)
{
	struct sigaction sa = {.sa_handler = on_usr1};

	sigaction(SIGUSR1, &sa, NULL);
	return one_call();
}
TEST(signals)
{
	/* With SA_RESTART the call comes again, as a new one. */
	struct super s = supervise(CALL, 0, call_with_handler);
	struct seccomp_notif n = receive(s.fd), m;

	kill(s.pid, SIGUSR1);
	m = receive(s.fd);
	CHECK(m.id != n.id);
	CHECK_ERR(reply(s.fd, n.id, 0, 1, 0), ENOENT);
	CHECK_EQ(reply(s.fd, m.id, 0, 42, 0), 0);
	CHECK_EQ(end_of(&s), 0);
	s = supervise(CALL, 0, call_without_restart);
	n = receive(s.fd);
	kill(s.pid, SIGUSR1);
	CHECK_EQ(end_of(&s), EINTR << 8);
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id), ENOENT);
}

TEST(wait_killable)
{
	struct super s = supervise(CALL, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, call_with_handler);
	struct seccomp_notif n = receive(s.fd);

	kill(s.pid, SIGUSR1);
	usleep(200000);
	/* Once received the call waits for its answer, signal or not. */
	CHECK_EQ(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id), 0);
	CHECK_EQ(reply(s.fd, n.id, 0, 42, 0), 0);
	CHECK_EQ(end_of(&s), 0);
	s = supervise(CALL, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, call_with_handler);
	n = receive(s.fd);
	kill(s.pid, SIGKILL);
	CHECK_EQ(end_of(&s), SIGKILL);
	s = supervise(CALL, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, call_without_restart);
	struct pollfd p = {s.fd, POLLIN, 0};
	REQUIRE(poll(&p, 1, 5000) == 1);
	kill(s.pid, SIGUSR1); /* not received: a signal ends it */
	CHECK_EQ(end_of(&s), EINTR << 8);
}

TEST(second_listener)
{
	int l;

	NNP();
	l = listen_on(CALL, 0);
	REQUIRE(l >= 0);
	CHECK_EQ(fcntl(l, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(l, F_GETFL) & O_ACCMODE, O_RDWR);
	char link[64], name[32];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", l);
	ssize_t k = readlink(name, link, sizeof(link) - 1);
	REQUIRE(k > 0);
	link[k] = 0;
	CHECK_STR(link, "anon_inode:seccomp notify");
	int lowest = dup(0);
	close(lowest);
	CHECK_ERR(listen_on(SYS_getppid, 0), EBUSY);
	CHECK_EQ(dup(0), lowest); /* no number was lost */
	CHECK_EQ(status_field(getpid(), "Seccomp_filters"), 1);
	close(l);
	l = listen_on(SYS_getppid, 0); /* the first has gone */
	CHECK(l >= 0);
	struct rlimit_ { unsigned long cur, max; } lim = {3, 3};
	syscall(SYS_prlimit64, 0, 7, &lim, NULL);
	close(l);
	CHECK_ERR(listen_on(SYS_getuid, 0), EMFILE);
}

TEST(listener_and_tsync)
{
	NNP();
	CHECK(listen_on(CALL, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH) >= 0);
}

/* --- descriptors --- */

static int read_given(void)
{
	long fd = syscall(CALL, 1, 2, 3, 4, 5, 6);
	char b[4] = "";

	if (fd < 0)
		return errno;
	return read((int)fd, b, 3) == 3 && !memcmp(b, "abc", 3) ? (int)fd : 99;
}

static int pipe_with_word(void)
{
	int p[2];

	REQUIRE(pipe(p) == 0 && write(p[1], "abc", 3) == 3);
	close(p[1]);
	return p[0];
}

TEST(give_a_descriptor)
{
	struct super s = supervise(CALL, 0, read_given);
	struct seccomp_notif n = receive(s.fd);
	struct seccomp_notif_addfd a = {.id = n.id, .srcfd = (unsigned)pipe_with_word()};
	int fd = ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a);

	CHECK(fd >= 3);
	CHECK_EQ(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id), 0); /* no reply yet */
	CHECK_EQ(reply(s.fd, n.id, 0, fd, 0), 0);
	CHECK_EQ(end_of(&s), fd << 8);
}

TEST(give_a_descriptor_at_a_number)
{
	struct super s = supervise(CALL, 0, read_given);
	struct seccomp_notif n = receive(s.fd);
	struct seccomp_notif_addfd a = {.id = n.id, .srcfd = (unsigned)pipe_with_word(), .newfd = 55,
					.flags = SECCOMP_ADDFD_FLAG_SETFD, .newfd_flags = O_CLOEXEC};

	CHECK_EQ(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a), 55);
	a.newfd = 100000000;
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a), EBADF);
	CHECK_EQ(reply(s.fd, n.id, 0, 55, 0), 0);
	CHECK_EQ(end_of(&s), 55 << 8);
}

TEST(give_a_descriptor_as_the_reply)
{
	struct super s = supervise(CALL, 0, read_given);
	struct seccomp_notif n = receive(s.fd);
	struct seccomp_notif_addfd a = {.id = n.id, .srcfd = (unsigned)pipe_with_word(), .newfd = 100000000,
					.flags = SECCOMP_ADDFD_FLAG_SEND | SECCOMP_ADDFD_FLAG_SETFD};
	int fd;

	/* A failure is no reply. */
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a), EBADF);
	CHECK_EQ(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id), 0);
	a.newfd = 0;
	a.flags = SECCOMP_ADDFD_FLAG_SEND;
	fd = ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a);
	CHECK(fd >= 3);
	CHECK_EQ(end_of(&s), fd << 8);
}

TEST(bad_descriptors)
{
	struct super s = supervise(CALL, 0, one_call);
	struct seccomp_notif n;
	struct seccomp_notif_addfd a = {.srcfd = 0};
	struct {
		struct seccomp_notif_addfd a;
		char more[8];
	} big = {.more = ""};
	struct pollfd p = {s.fd, POLLIN, 0};

	REQUIRE(poll(&p, 1, 5000) == 1);
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a), ENOENT);
	n = receive(s.fd);
	a.id = n.id;
	a.srcfd = 999;
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a), EBADF);
	a.srcfd = 0;
	a.newfd = 4;
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a), EINVAL);
	a.newfd = 0;
	a.flags = 4;
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a), EINVAL);
	a.flags = 0;
	a.newfd_flags = O_NONBLOCK;
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a), EINVAL);
	a.newfd_flags = 0;
	CHECK_ERR(ioctl(s.fd, _IOC(_IOC_WRITE, '!', 3, 16), &a), EINVAL);
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ADDFD, NULL), EFAULT);
	big.a = a;
	CHECK(ioctl(s.fd, _IOC(_IOC_WRITE, '!', 3, sizeof(big)), &big) >= 0);
	big.more[0] = 1;
	CHECK_ERR(ioctl(s.fd, _IOC(_IOC_WRITE, '!', 3, sizeof(big)), &big), E2BIG);
	CHECK_EQ(reply(s.fd, n.id, 0, 42, 0), 0);
	CHECK_EQ(end_of(&s), 0);
	CHECK_ERR(ioctl(s.fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a), ENOENT);
}

/* --- many --- */

#define CHILDREN 8
#define CALLS 200
static int many_calls(void)
{
	int ok = 0, st;

	for (int c = 0; c < CHILDREN; c++)
		if (fork() == 0) {
			for (int i = 0; i < CALLS; i++)
				if (syscall(CALL, c, i) != c * 1000 + i)
					_exit(1);
			_exit(0);
		}
	while (wait(&st) > 0)
		ok += st == 0;
	return ok == CHILDREN ? 0 : 1;
}
static void *server(void *arg)
{
	int fd = *(int *)arg;

	for (;;) {
		struct seccomp_notif n = {0};

		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n) != 0)
			return NULL;
		reply(fd, n.id, 0, (long long)(n.data.args[0] * 1000 + n.data.args[1]), 0);
	}
}
TEST(many_callers_two_servers)
{
	struct super s = supervise(CALL, 0, many_calls);
	pthread_t th[2];

	for (int i = 0; i < 2; i++)
		REQUIRE(pthread_create(&th[i], NULL, server, &s.fd) == 0);
	CHECK_EQ(end_of(&s), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(th[i], NULL);
}

TAP_MAIN()
