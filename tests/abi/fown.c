/* SPDX-License-Identifier: Apache-2.0 */
/* fcntl(2): owners, signals, directory notification, leases, hints and queries. */
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "scratch.h"

#define GETOWN_UIDS 17
#define GET_RW_HINT (1024 + 11)
#define SET_RW_HINT (1024 + 12)
#define DUPFD_QUERY (1024 + 3)
#define CREATED_QUERY (1024 + 4)

static volatile sig_atomic_t got, got_fd, got_code, got_tid;
static volatile long got_band;

static void note(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	got = sig;
	got_code = si->si_code;
	got_band = si->si_band;
	got_fd = si->si_fd;
	got_tid = (int)syscall(SYS_gettid);
}

static void catch(int sig)
{
	struct sigaction sa = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};

	got = 0;
	REQUIRE(sigaction(sig, &sa, NULL) == 0);
}

/* Waits for the handler to have run. */
static int arrived(int sig)
{
	for (int k = 0; k < 500 && got != sig; k++)
		usleep(10000);
	return got == sig;
}

TEST(owners)
{
	struct f_owner_ex ex = {F_OWNER_TID, 0};
	uint32_t ids[2] = {9, 9};
	int p[2], path;

	REQUIRE(pipe(p) == 0);
	CHECK_EQ(fcntl(p[0], F_GETOWN), 0);
	CHECK_EQ(fcntl(p[0], F_SETOWN, getpid()), 0);
	CHECK_EQ(fcntl(p[0], F_GETOWN), getpid());
	CHECK_EQ(fcntl(p[0], F_GETOWN_EX, &ex), 0);
	CHECK_EQ(ex.type, F_OWNER_PID);
	CHECK_EQ(ex.pid, getpid());
	CHECK_EQ(fcntl(p[0], GETOWN_UIDS, ids), 0);
	CHECK_EQ(ids[0], getuid());
	CHECK_EQ(ids[1], geteuid());
	ex = (struct f_owner_ex){F_OWNER_TID, (int)syscall(SYS_gettid)};
	CHECK_EQ(fcntl(p[0], F_SETOWN_EX, &ex), 0);
	ex.type = (enum __pid_type)99;
	CHECK_ERR(fcntl(p[0], F_SETOWN_EX, &ex), EINVAL);
	ex.type = F_OWNER_PGRP;
	ex.pid = getpgrp();
	if (ex.pid) {
		CHECK_EQ(fcntl(p[0], F_SETOWN_EX, &ex), 0);
		CHECK_EQ(fcntl(p[0], F_GETOWN_EX, &ex), 0);
		CHECK_EQ(ex.type, F_OWNER_PGRP);
		CHECK_EQ(ex.pid, getpgrp());
	}
	CHECK_ERR(fcntl(p[0], F_SETOWN, 0x3ffffff), ESRCH);
	CHECK_EQ(fcntl(p[0], F_SETOWN, 0), 0);
	CHECK_EQ(fcntl(p[0], F_GETOWN), 0);
	CHECK_ERR(fcntl(p[0], F_SETOWN_EX, (void *)8), EFAULT);
	path = open("/", O_PATH);
	CHECK_ERR(fcntl(path, F_SETOWN, 1), EBADF);
}

TEST(sigio_plain)
{
	int p[2], fl;

	REQUIRE(pipe(p) == 0);
	catch(SIGIO);
	CHECK_EQ(fcntl(p[0], F_SETOWN, getpid()), 0);
	fl = fcntl(p[0], F_GETFL);
	CHECK_EQ(fcntl(p[0], F_SETFL, fl | FASYNC), 0);
	CHECK_EQ(fcntl(p[0], F_GETFL) & FASYNC, FASYNC);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK(arrived(SIGIO));
	CHECK_EQ(got_code, SI_KERNEL);
	got = 0;
	CHECK_EQ(fcntl(p[0], F_SETFL, fl), 0);
	CHECK_EQ(write(p[1], "x", 1), 1);
	usleep(50000);
	CHECK_EQ(got, 0);
}

TEST(sigio_with_details)
{
	int s[2];

	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK_ERR(fcntl(s[0], F_SETSIG, 65), EINVAL);
	CHECK_EQ(fcntl(s[0], F_GETSIG), 0);
	CHECK_EQ(fcntl(s[0], F_SETSIG, SIGRTMIN), 0);
	CHECK_EQ(fcntl(s[0], F_GETSIG), SIGRTMIN);
	catch(SIGRTMIN);
	CHECK_EQ(fcntl(s[0], F_SETOWN, getpid()), 0);
	CHECK_EQ(fcntl(s[0], F_SETFL, FASYNC), 0);
	CHECK_EQ(write(s[1], "x", 1), 1);
	CHECK(arrived(SIGRTMIN));
	CHECK_EQ(got_code, POLL_IN);
	CHECK_EQ(got_fd, s[0]);
	CHECK_EQ(got_band, POLLIN | POLLRDNORM);
}

TEST(directory_notification)
{
	int d, f;

	scratch();
	REQUIRE(mkdir("d", 0755) == 0);
	d = open("d", 0);
	f = open("f", O_CREAT | O_WRONLY, 0644);
	REQUIRE(d >= 0 && f >= 0);
	CHECK_ERR(fcntl(f, F_NOTIFY, DN_CREATE), ENOTDIR);
	CHECK_EQ(fcntl(d, F_SETSIG, SIGRTMIN + 1), 0);
	catch(SIGRTMIN + 1);
	CHECK_EQ(fcntl(d, F_NOTIFY, DN_CREATE), 0);
	CHECK_EQ(close(open("d/new", O_CREAT | O_WRONLY, 0644)), 0);
	CHECK(arrived(SIGRTMIN + 1));
	CHECK_EQ(got_fd, d);
	got = 0; /* once only */
	CHECK_EQ(close(open("d/new2", O_CREAT | O_WRONLY, 0644)), 0);
	usleep(50000);
	CHECK_EQ(got, 0);
	CHECK_EQ(fcntl(d, F_NOTIFY, DN_DELETE | DN_MULTISHOT), 0);
	CHECK_EQ(unlink("d/new"), 0);
	CHECK(arrived(SIGRTMIN + 1));
	got = 0;
	CHECK_EQ(unlink("d/new2"), 0);
	CHECK(arrived(SIGRTMIN + 1));
}

TEST(lease_rules)
{
	int p[2], rw, ro;

	scratch();
	rw = open("f", O_CREAT | O_RDWR, 0644);
	REQUIRE(rw >= 0 && pipe(p) == 0);
	CHECK_ERR(fcntl(rw, F_SETLEASE, 77), EINVAL);
	CHECK_ERR(fcntl(p[0], F_SETLEASE, F_RDLCK), EINVAL);
	CHECK_EQ(fcntl(rw, F_GETLEASE), F_UNLCK);
	CHECK_ERR(fcntl(rw, F_SETLEASE, F_UNLCK), EAGAIN);
	CHECK_ERR(fcntl(rw, F_SETLEASE, F_RDLCK), EAGAIN); /* open for writing: by us */
	CHECK_EQ(fcntl(rw, F_SETLEASE, F_WRLCK), 0);
	CHECK_EQ(fcntl(rw, F_GETLEASE), F_WRLCK);
	CHECK_EQ(fcntl(rw, F_SETLEASE, F_UNLCK), 0);
	ro = open("f", 0);
	CHECK_ERR(fcntl(rw, F_SETLEASE, F_WRLCK), EAGAIN);
	close(rw);
	CHECK_EQ(fcntl(ro, F_SETLEASE, F_RDLCK), 0);
	CHECK_EQ(fcntl(ro, F_SETLEASE, F_WRLCK), 0);
	CHECK_EQ(fcntl(ro, F_GETLEASE), F_WRLCK);
	close(ro);
	ro = open("f", O_RDONLY | O_NONBLOCK); /* the lease went with its file */
	CHECK(ro >= 0);
}

TEST(lease_break_signals_and_waits)
{
	int fd, status;
	pid_t pid;

	scratch();
	close(open("f", O_CREAT | O_RDWR, 0644));
	fd = open("f", 0);
	catch(SIGIO);
	CHECK_EQ(fcntl(fd, F_SETLEASE, F_RDLCK), 0);
	CHECK_ERR(open("f", O_WRONLY | O_NONBLOCK), EWOULDBLOCK);
	CHECK(arrived(SIGIO));
	CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
	pid = fork();
	if (pid == 0) {
		close(fd);
		_exit(open("f", 1) < 0);
	}
	usleep(100000);
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	CHECK_EQ(fcntl(fd, F_SETLEASE, F_UNLCK), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(write_lease_downgrades)
{
	int fd, status;
	pid_t pid;

	scratch();
	fd = open("f", O_CREAT | O_RDONLY, 0644);
	catch(SIGIO);
	CHECK_EQ(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
	pid = fork();
	if (pid == 0)
		_exit(open("f", 0) < 0);
	CHECK(arrived(SIGIO));
	CHECK_EQ(fcntl(fd, F_GETLEASE), F_RDLCK);
	CHECK_EQ(fcntl(fd, F_SETLEASE, F_RDLCK), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(fcntl(fd, F_GETLEASE), F_RDLCK);
}

TEST(lease_needs_the_owner)
{
	int fd;

	scratch();
	fd = open("f", O_CREAT | O_RDONLY, 0644);
	REQUIRE(fd >= 0 && setgid(1000) == 0 && setuid(1000) == 0);
	CHECK_ERR(fcntl(fd, F_SETLEASE, F_RDLCK), EACCES);
}

TEST(hints)
{
	uint64_t v = 99;
	int fd;

	scratch();
	fd = open("f", O_CREAT | O_RDWR, 0644);
	CHECK_EQ(fcntl(fd, GET_RW_HINT, &v), 0);
	CHECK_EQ(v, 0);
	v = 3;
	CHECK_EQ(fcntl(fd, SET_RW_HINT, &v), 0);
	v = 0;
	CHECK_EQ(fcntl(fd, GET_RW_HINT, &v), 0);
	CHECK_EQ(v, 3);
	v = 6;
	CHECK_ERR(fcntl(fd, SET_RW_HINT, &v), EINVAL);
	CHECK_ERR(fcntl(fd, SET_RW_HINT, (void *)8), EFAULT);
}

TEST(queries)
{
	int a, b, c;

	scratch();
	a = open("f", O_CREAT | O_RDWR, 0644);
	b = dup(a);
	c = open("f", O_CREAT | O_RDWR, 0644);
	CHECK_EQ(fcntl(a, DUPFD_QUERY, b), 1);
	CHECK_EQ(fcntl(a, DUPFD_QUERY, c), 0);
	CHECK_ERR(fcntl(99, DUPFD_QUERY, c), EBADF);
	CHECK_EQ(fcntl(a, CREATED_QUERY), 1);
	CHECK_EQ(fcntl(c, CREATED_QUERY), 0);
}

TEST(flags_that_do_not_fit)
{
	int p[2], d = open("/", 0);

	REQUIRE(pipe(p) == 0);
	CHECK_EQ(fcntl(p[0], F_SETFL, O_DIRECT), 0);
	CHECK_ERR(fcntl(d, F_SETFL, O_DIRECT), EINVAL);
}

TAP_MAIN()
