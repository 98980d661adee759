/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include "../tap.h"

TEST(data_and_eof)
{
	int p[2];
	char b[16] = "";

	REQUIRE(pipe(p) == 0);
	CHECK_EQ(write(p[1], "hello", 5), 5);
	CHECK_EQ(read(p[0], b, 3), 3);
	CHECK_EQ(read(p[0], b, 16), 2);
	close(p[1]);
	CHECK_EQ(read(p[0], b, 16), 0);
}

static void *volatile bad_ptr = (void *)8;

TEST(errors)
{
	int p[2];
	char b;

	CHECK_ERR(pipe2(p, 0x4), EINVAL);
	CHECK_ERR(pipe(bad_ptr), EFAULT);
	REQUIRE(pipe2(p, O_NONBLOCK) == 0);
	CHECK_ERR(read(p[0], &b, 1), EAGAIN);
	CHECK_ERR(read(p[1], &b, 1), EBADF);
	CHECK_ERR(write(p[0], &b, 1), EBADF);
	CHECK_ERR(lseek(p[0], 0, SEEK_SET), ESPIPE);
	signal(SIGPIPE, SIG_IGN);
	close(p[0]);
	CHECK_ERR(write(p[1], "x", 1), EPIPE);
}

TEST(capacity_and_atomicity)
{
	static char big[70000];
	int p[2], n;

	REQUIRE(pipe2(p, O_NONBLOCK) == 0);
	CHECK_EQ(fcntl(p[0], F_GETPIPE_SZ), 65536);
	CHECK_EQ(write(p[1], big, sizeof(big)), 65536);
	CHECK_ERR(write(p[1], big, 1), EAGAIN);
	CHECK_EQ(ioctl(p[0], FIONREAD, &n), 0);
	CHECK_EQ(n, 65536);
	CHECK_EQ(read(p[0], big, 100), 100);
	CHECK_ERR(write(p[1], big, 4096), EAGAIN);
	CHECK_EQ(fcntl(p[0], F_SETPIPE_SZ, 100000), 131072);
	CHECK_EQ(write(p[1], big, 4096), 4096);
	CHECK_ERR(fcntl(p[0], F_SETPIPE_SZ, 4096), EBUSY);
}

TEST(poll_bits)
{
	int p[2];
	struct pollfd f[2];

	REQUIRE(pipe(p) == 0);
	f[0] = (struct pollfd){p[0], POLLIN, 0};
	f[1] = (struct pollfd){p[1], POLLOUT, 0};
	CHECK_EQ(poll(f, 2, 0), 1);
	CHECK_EQ(f[1].revents, POLLOUT);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_EQ(poll(f, 2, 0), 2);
	CHECK_EQ(f[0].revents, POLLIN);
	close(p[1]);
	CHECK_EQ(poll(f, 1, 0), 1);
	CHECK_EQ(f[0].revents, POLLIN | POLLHUP);
}

TEST(writer_side_error)
{
	int p[2];
	struct pollfd f;

	REQUIRE(pipe(p) == 0);
	close(p[0]);
	f = (struct pollfd){p[1], POLLOUT, 0};
	CHECK_EQ(poll(&f, 1, 0), 1);
	CHECK_EQ(f.revents, POLLOUT | POLLERR);
}

TEST(packets)
{
	int p[2];
	char b[16];

	REQUIRE(pipe2(p, O_DIRECT) == 0);
	CHECK_EQ(write(p[1], "abc", 3), 3);
	CHECK_EQ(write(p[1], "de", 2), 2);
	CHECK_EQ(read(p[0], b, 2), 2);
	CHECK_EQ(read(p[0], b, 16), 2);
}

TEST(large_transfer_between_processes)
{
	static char b[300000];
	size_t n = 0;
	ssize_t r;
	int p[2];

	REQUIRE(pipe(p) == 0);
	if (fork() == 0) {
		close(p[0]);
		_exit(write(p[1], b, sizeof(b)) != sizeof(b));
	}
	close(p[1]);
	while ((r = read(p[0], b, 10000)) > 0)
		n += (size_t)r;
	CHECK_EQ(n, sizeof(b));
}

/* Both sides all the time at the edges of full and empty: a wake-up that is lost hangs it. */
TEST(long_race_of_reader_and_writer)
{
	static char b[65536];
	size_t n = 0, total = 96U << 20;
	ssize_t r;
	int p[2], status;
	pid_t pid;

	REQUIRE(pipe(p) == 0);
	alarm(60);
	pid = fork();
	if (pid == 0) {
		close(p[0]);
		for (size_t k; n < total; n += k) {
			k = total - n < 7000 ? total - n : 7000;
			if (write(p[1], b, k) != (ssize_t)k)
				_exit(1);
		}
		_exit(0);
	}
	close(p[1]);
	while ((r = read(p[0], b, sizeof(b))) > 0)
		n += (size_t)r;
	CHECK_EQ(n, total);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(reopen_through_proc)
{
	char name[40], b[4];
	int p[2], fd;

	REQUIRE(pipe(p) == 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", p[0]);
	fd = open(name, O_RDONLY);
	REQUIRE(fd >= 0);
	CHECK_EQ(write(p[1], "q", 1), 1);
	CHECK_EQ(read(fd, b, 4), 1);
}

TAP_MAIN()
