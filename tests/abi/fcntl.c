/* SPDX-License-Identifier: Apache-2.0 */
/* dup(2), fcntl(2) flags, record locks, flock(2). */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include "../tap.h"

static int temp_file(void)
{
	char name[] = "/tmp/abi_fcntl.XXXXXX";
	int fd = mkstemp(name);

	REQUIRE(fd >= 0);
	return fd;
}

TEST(dups)
{
	struct rlimit rl;
	int fd = temp_file();

	CHECK_EQ(dup2(fd, fd), fd);
	CHECK_ERR(dup3(fd, fd, 0), EINVAL);
	CHECK_ERR(dup3(fd, 30, O_APPEND), EINVAL);
	CHECK_EQ(dup3(fd, 30, O_CLOEXEC), 30);
	CHECK_EQ(fcntl(30, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_DUPFD, 30), 31);
	CHECK_EQ(fcntl(31, F_GETFD), 0);
	CHECK_ERR(dup2(fd, -1), EBADF);
	CHECK_ERR(dup(99), EBADF);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = 40;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &rl), 0);
	CHECK_ERR(dup2(fd, 40), EBADF);
	CHECK_ERR(fcntl(fd, F_DUPFD, 40), EINVAL);
	CHECK_EQ(dup2(fd, 39), 39);
	CHECK_ERR(fcntl(fd, F_DUPFD, 39), EMFILE);
}

TEST(flags)
{
	int fd = temp_file();

	CHECK_EQ(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK), 0);
	CHECK_EQ(fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK | O_ACCMODE),
		 O_APPEND | O_NONBLOCK | O_RDWR);
	CHECK_ERR(fcntl(fd, 9999), EINVAL);
	CHECK_ERR(fcntl(99, F_GETFL), EBADF);
}

static int in_child(int fd, struct flock *fl, int cmd)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fcntl(fd, cmd, fl) == 0 ? (cmd == F_GETLK ? 100 + fl->l_type : 0) : errno);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

TEST(records)
{
	struct flock fl = {.l_type = F_WRLCK, .l_start = 10, .l_len = 10};
	int fd = temp_file();

	CHECK_EQ(fcntl(fd, F_SETLK, &fl), 0);
	CHECK_EQ(in_child(fd, &fl, F_SETLK), EAGAIN);
	CHECK_EQ(in_child(fd, &fl, F_GETLK), 100 + F_WRLCK);
	fl.l_start = 20;
	CHECK_EQ(in_child(fd, &fl, F_SETLK), 0);
	fl = (struct flock){.l_type = F_UNLCK, .l_start = 12, .l_len = 2};
	CHECK_EQ(fcntl(fd, F_SETLK, &fl), 0);
	fl.l_type = F_RDLCK;
	CHECK_EQ(in_child(fd, &fl, F_SETLK), 0);
	fl = (struct flock){.l_type = F_WRLCK, .l_len = -1};
	CHECK_ERR(fcntl(fd, F_SETLK, &fl), EINVAL);
	fl = (struct flock){.l_type = 7};
	CHECK_ERR(fcntl(fd, F_SETLK, &fl), EINVAL);
	CHECK_EQ(close(dup(fd)), 0); /* any close drops them all */
	fl = (struct flock){.l_type = F_WRLCK};
	CHECK_EQ(in_child(fd, &fl, F_SETLK), 0);
}

TEST(flocks)
{
	char name[] = "/tmp/abi_flock.XXXXXX";
	int a = mkstemp(name), b = open(name, O_RDWR);

	CHECK_EQ(flock(a, LOCK_EX), 0);
	CHECK_ERR(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK_EQ(flock(a, LOCK_SH), 0);
	CHECK_EQ(flock(b, LOCK_SH | LOCK_NB), 0);
	CHECK_ERR(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_EQ(close(a), 0);
	CHECK_EQ(flock(b, LOCK_EX | LOCK_NB), 0);
	CHECK_ERR(flock(b, 77), EINVAL);
}

TAP_MAIN()
