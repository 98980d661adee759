/* SPDX-License-Identifier: Apache-2.0 */
/* Record locks of processes and open files, flock(2): waiting, deadlocks, /proc/locks. */
#include <sys/file.h>
#include "scratch.h"

static int set(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock fl = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

	return fcntl(fd, cmd, &fl);
}

static int fd_of(void)
{
	int fd;

	scratch();
	make_file("f", "0123456789");
	fd = open("f", O_RDWR);
	REQUIRE(fd >= 0);
	return fd;
}

static void nothing(int sig)
{
	(void)sig;
}

TEST(waits_for_the_other)
{
	int fd = fd_of(), status;
	pid_t pid;

	CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 0, 10), 0);
	pid = fork();
	if (pid == 0)
		_exit(set(fd, F_SETLKW, F_RDLCK, 5, 1) != 0);
	usleep(100000);
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	CHECK_EQ(set(fd, F_SETLK, F_UNLCK, 5, 1), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(deadlock_is_seen)
{
	int fd = fd_of(), status, r;
	pid_t pid;

	CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 0, 1), 0);
	pid = fork();
	if (pid == 0) {
		if (set(fd, F_SETLK, F_WRLCK, 1, 1) != 0)
			_exit(1);
		_exit(set(fd, F_SETLKW, F_WRLCK, 0, 1) != 0);
	}
	usleep(200000); /* the child waits for our byte by now */
	errno = 0;
	r = set(fd, F_SETLKW, F_WRLCK, 1, 1);
	CHECK_EQ(r, -1);
	CHECK_EQ(errno, EDEADLK);
	CHECK_EQ(set(fd, F_SETLK, F_UNLCK, 0, 1), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(interrupted_by_a_signal)
{
	struct sigaction sa = {.sa_handler = nothing};
	int fd = fd_of(), status;
	pid_t pid;

	CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 0, 0), 0);
	pid = fork();
	if (pid == 0) {
		sigaction(SIGUSR1, &sa, NULL);
		_exit(!(set(fd, F_SETLKW, F_WRLCK, 0, 0) == -1 && errno == EINTR));
	}
	usleep(100000);
	kill(pid, SIGUSR1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(restarted_after_a_handler)
{
	struct sigaction sa = {.sa_handler = nothing, .sa_flags = SA_RESTART};
	int fd = fd_of(), status;
	pid_t pid;

	CHECK_EQ(flock(fd, LOCK_EX), 0);
	pid = fork();
	if (pid == 0) {
		int own = open("f", O_RDWR);

		sigaction(SIGUSR1, &sa, NULL);
		_exit(flock(own, LOCK_SH) != 0);
	}
	usleep(100000);
	kill(pid, SIGUSR1);
	usleep(50000);
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	CHECK_EQ(flock(fd, LOCK_UN), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(open_file_locks)
{
	struct flock fl = {.l_type = F_WRLCK, .l_pid = 7};
	int a = fd_of(), b = open("f", O_RDWR), c;

	CHECK_ERR(fcntl(a, F_OFD_SETLK, &fl), EINVAL);
	CHECK_EQ(set(a, F_OFD_SETLK, F_WRLCK, 0, 5), 0);
	CHECK_ERR(set(b, F_OFD_SETLK, F_WRLCK, 4, 1), EAGAIN);
	CHECK_ERR(set(b, F_SETLK, F_WRLCK, 4, 1), EAGAIN);
	fl = (struct flock){.l_type = F_WRLCK, .l_start = 4, .l_len = 1};
	CHECK_EQ(fcntl(b, F_GETLK, &fl), 0);
	CHECK_EQ(fl.l_type, F_WRLCK);
	CHECK_EQ(fl.l_start, 0);
	CHECK_EQ(fl.l_len, 5);
	CHECK_EQ(fl.l_pid, -1);
	c = dup(a);
	CHECK_EQ(close(a), 0); /* not the last descriptor of the open file */
	CHECK_ERR(set(b, F_OFD_SETLK, F_WRLCK, 0, 1), EAGAIN);
	CHECK_EQ(close(c), 0);
	CHECK_EQ(set(b, F_OFD_SETLK, F_WRLCK, 0, 1), 0);
}

TEST(split_and_joined)
{
	int fd = fd_of();
	struct flock fl;
	int status;
	pid_t pid;

	CHECK_EQ(set(fd, F_SETLK, F_RDLCK, 0, 10), 0);
	CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 3, 3), 0);
	CHECK_EQ(set(fd, F_SETLK, F_UNLCK, 8, 1), 0);
	pid = fork();
	if (pid == 0) {
		fl = (struct flock){.l_type = F_RDLCK, .l_start = 0, .l_len = 0};
		if (fcntl(fd, F_GETLK, &fl) != 0 || fl.l_type != F_WRLCK || fl.l_start != 3 || fl.l_len != 3)
			_exit(1);
		fl = (struct flock){.l_type = F_WRLCK, .l_start = 6, .l_len = 0};
		if (fcntl(fd, F_GETLK, &fl) != 0 || fl.l_type != F_RDLCK || fl.l_start != 6 || fl.l_len != 2)
			_exit(2);
		fl = (struct flock){.l_type = F_WRLCK, .l_start = 8, .l_len = 1};
		_exit(fcntl(fd, F_GETLK, &fl) != 0 || fl.l_type != F_UNLCK ? 3 : 0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(modes_and_ranges)
{
	int fd = fd_of(), ro = open("f", O_RDONLY), wo = open("f", O_WRONLY);

	CHECK_ERR(set(ro, F_SETLK, F_WRLCK, 0, 1), EBADF);
	CHECK_ERR(set(wo, F_SETLK, F_RDLCK, 0, 1), EBADF);
	CHECK_ERR(set(fd, F_SETLK, F_WRLCK, -1, 1), EINVAL);
	CHECK_ERR(set(fd, F_SETLK, F_WRLCK, INT64_MAX, 2), EOVERFLOW);
	CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 5, -5), 0);
	CHECK_EQ(flock(ro, LOCK_EX), 0);
	CHECK_ERR(fcntl(fd, F_SETLK, (void *)8), EFAULT);
}

/* The line of /proc/locks with these words, or NULL. */
static const char *line_with(const char *a, const char *b)
{
	static char l[300];
	FILE *f = fopen("/proc/locks", "r");

	REQUIRE(f);
	while (fgets(l, sizeof(l), f))
		if (strstr(l, a) && strstr(l, b)) {
			fclose(f);
			return l;
		}
	fclose(f);
	return NULL;
}

TEST(proc_locks)
{
	char want[80], ino[40];
	int fd = fd_of(), status;
	struct stat st;
	const char *l;
	pid_t pid;

	REQUIRE(fstat(fd, &st) == 0);
	snprintf(ino, sizeof(ino), ":%lu ", st.st_ino);
	CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 2, 3), 0);
	CHECK_EQ(flock(fd, LOCK_SH), 0);
	snprintf(want, sizeof(want), "POSIX  ADVISORY  WRITE %d ", getpid());
	l = line_with(want, ino);
	CHECK(l && strstr(l, " 2 4\n"));
	snprintf(want, sizeof(want), "FLOCK  ADVISORY  READ %d ", getpid());
	l = line_with(want, ino);
	CHECK(l && strstr(l, " 0 EOF\n"));
	pid = fork();
	if (pid == 0)
		_exit(set(fd, F_SETLKW, F_WRLCK, 2, 0) != 0);
	usleep(100000);
	snprintf(want, sizeof(want), "-> POSIX  ADVISORY  WRITE %d ", pid);
	l = line_with(want, ino);
	CHECK(l && strstr(l, " 2 EOF\n"));
	CHECK_EQ(set(fd, F_SETLK, F_UNLCK, 0, 0), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	snprintf(want, sizeof(want), "POSIX  ADVISORY  WRITE %d ", getpid());
	CHECK(!line_with(want, ino));
}

TAP_MAIN()
