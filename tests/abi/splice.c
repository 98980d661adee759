/* SPDX-License-Identifier: Apache-2.0 */
/* splice(2), tee(2), vmsplice(2), sendfile(2). */
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "scratch.h"

static int filled(const char *name, size_t n)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_RDWR, 0644);
	char b[1000];

	REQUIRE(fd >= 0);
	for (size_t at = 0; at < n;) {
		size_t k = n - at < sizeof(b) ? n - at : sizeof(b);

		for (size_t i = 0; i < k; i++)
			b[i] = (char)((at + i) * 7 % 251);
		REQUIRE(write(fd, b, k) == (ssize_t)k);
		at += k;
	}
	REQUIRE(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static int same(const char *b, size_t off, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b[i] != (char)((off + i) * 7 % 251))
			return 0;
	return 1;
}

TEST(splice_errors)
{
	int p[2], q[2], fd, fa, ev;
	loff_t off = 0;

	scratch();
	fd = filled("f", 100);
	fa = open("a", O_CREAT | O_WRONLY | O_APPEND, 0644);
	ev = eventfd(1, 0);
	REQUIRE(pipe(p) == 0 && pipe(q) == 0 && fa >= 0 && ev >= 0);
	CHECK_EQ(splice(-1, NULL, -1, NULL, 0, 99), 0);
	CHECK_ERR(splice(-1, NULL, p[1], NULL, 1, 16), EINVAL);
	CHECK_ERR(splice(-1, NULL, p[1], NULL, 1, 0), EBADF);
	CHECK_ERR(splice(fd, NULL, -1, NULL, 1, 0), EBADF);
	CHECK_ERR(splice(p[1], NULL, q[1], NULL, 1, 0), EBADF);
	CHECK_ERR(splice(p[0], NULL, q[0], NULL, 1, 0), EBADF);
	CHECK_ERR(splice(fd, NULL, fd, NULL, 1, 0), EINVAL);
	CHECK_ERR(splice(p[0], NULL, p[1], NULL, 1, 0), EINVAL);
	CHECK_ERR(splice(p[0], &off, fd, NULL, 1, 0), ESPIPE);
	CHECK_ERR(splice(fd, NULL, p[1], &off, 1, 0), ESPIPE);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_ERR(splice(p[0], NULL, fa, NULL, 1, 0), EINVAL);
	CHECK_ERR(splice(ev, NULL, p[1], NULL, 8, 0), EINVAL);
	CHECK_ERR(splice(fd, (loff_t *)8, p[1], NULL, 1, 0), EFAULT);
	off = -1;
	CHECK_ERR(splice(fd, &off, p[1], NULL, 1, 0), EINVAL);
	fd = open(".", O_RDONLY);
	CHECK_ERR(splice(fd, NULL, p[1], NULL, 1, 0), EINVAL);
}

TEST(splice_file_to_pipe_to_file)
{
	static char b[200000];
	loff_t in = 1000, out = 5;
	int p[2], fd, to;

	scratch();
	fd = filled("f", 150000);
	to = open("to", O_CREAT | O_RDWR, 0644);
	REQUIRE(pipe(p) == 0 && to >= 0);
	CHECK_EQ(splice(fd, &in, p[1], NULL, 3000, 0), 3000);
	CHECK_EQ(in, 4000);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(splice(p[0], NULL, to, &out, 10000, 0), 3000);
	CHECK_EQ(out, 3005);
	CHECK_EQ(lseek(to, 0, SEEK_CUR), 0);
	CHECK_EQ(pread(to, b, sizeof(b), 5), 3000);
	CHECK(same(b, 1000, 3000));
	/* The files' own positions; more than a pipe holds. */
	CHECK_EQ(splice(fd, NULL, p[1], NULL, 150000, 0), 65536);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 65536);
	CHECK_ERR(splice(fd, NULL, p[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_EQ(splice(p[0], NULL, to, NULL, 150000, 0), 65536);
	CHECK_EQ(lseek(to, 0, SEEK_CUR), 65536);
	CHECK_EQ(pread(to, b, sizeof(b), 0), 65536);
	CHECK(same(b, 0, 65536));
	CHECK_ERR(splice(p[0], NULL, to, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 150000);
	CHECK_EQ(splice(fd, NULL, p[1], NULL, 10, 0), 0);
	close(p[1]);
	CHECK_EQ(splice(p[0], NULL, to, NULL, 10, 0), 0);
}

TEST(splice_without_reader)
{
	int p[2], fd;

	scratch();
	fd = filled("f", 100);
	REQUIRE(pipe(p) == 0);
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(splice(fd, NULL, p[1], NULL, 10, 0), EPIPE);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
}

TEST(splice_what_cannot_be_written_stays)
{
	int p[2], s[2];
	char b[10];

	REQUIRE(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	signal(SIGPIPE, SIG_IGN);
	close(s[1]);
	CHECK_EQ(write(p[1], "data", 4), 4);
	CHECK_ERR(splice(p[0], NULL, s[0], NULL, 4, 0), EPIPE);
	CHECK_EQ(read(p[0], b, sizeof(b)), 4);
}

TEST(splice_sockets)
{
	int p[2], s[2];
	char b[10];

	REQUIRE(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK_EQ(write(s[0], "hello", 5), 5);
	CHECK_EQ(splice(s[1], NULL, p[1], NULL, 100, 0), 5);
	CHECK_EQ(splice(p[0], NULL, s[1], NULL, 3, 0), 3);
	CHECK_EQ(read(s[0], b, sizeof(b)), 3);
	CHECK_EQ(read(p[0], b, sizeof(b)), 2);
}

TEST(splice_pipes)
{
	int p[2], q[2];
	char b[100];

	REQUIRE(pipe(p) == 0 && pipe(q) == 0);
	CHECK_ERR(splice(p[0], NULL, q[1], NULL, 10, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_EQ(write(p[1], "abcdef", 6), 6);
	CHECK_EQ(splice(p[0], NULL, q[1], NULL, 4, 0), 4);
	CHECK_EQ(read(q[0], b, sizeof(b)), 4);
	CHECK_EQ(memcmp(b, "abcd", 4), 0);
	CHECK_EQ(read(p[0], b, sizeof(b)), 2);
	close(p[1]);
	CHECK_EQ(splice(p[0], NULL, q[1], NULL, 4, 0), 0);
}

TEST(tee_copies)
{
	int p[2], q[2], fd;
	char b[100];

	scratch();
	fd = filled("f", 10);
	REQUIRE(pipe(p) == 0 && pipe(q) == 0);
	CHECK_ERR(tee(p[0], q[1], 10, 16), EINVAL);
	CHECK_EQ(tee(-1, -1, 0, 0), 0);
	CHECK_ERR(tee(-1, q[1], 10, 0), EBADF);
	CHECK_ERR(tee(p[1], q[1], 10, 0), EBADF);
	CHECK_ERR(tee(p[0], p[1], 10, 0), EINVAL);
	CHECK_ERR(tee(fd, q[1], 10, 0), EINVAL);
	CHECK_ERR(tee(p[0], q[1], 10, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_EQ(write(p[1], "abcdef", 6), 6);
	CHECK_EQ(tee(p[0], q[1], 4, 0), 4);
	CHECK_EQ(tee(p[0], q[1], 100, 0), 6);
	CHECK_EQ(read(q[0], b, sizeof(b)), 10);
	CHECK_EQ(memcmp(b, "abcdabcdef", 10), 0);
	CHECK_EQ(read(p[0], b, sizeof(b)), 6);
	CHECK_EQ(memcmp(b, "abcdef", 6), 0);
	close(p[1]);
	CHECK_EQ(tee(p[0], q[1], 4, 0), 0);
}

TEST(tee_waits)
{
	int p[2], q[2];
	char b[8];

	REQUIRE(pipe(p) == 0 && pipe(q) == 0);
	if (fork() == 0) {
		usleep(50000);
		_exit(write(p[1], "late", 4) != 4);
	}
	CHECK_EQ(tee(p[0], q[1], 10, 0), 4);
	CHECK_EQ(read(q[0], b, sizeof(b)), 4);
}

TEST(vmsplice_both_ways)
{
	char a[] = "first", b[] = "second", r1[4], r2[20];
	struct iovec w[2] = {{a, 5}, {b, 6}}, r[2] = {{r1, 4}, {r2, 20}};
	int p[2], fd;

	scratch();
	fd = filled("f", 10);
	REQUIRE(pipe(p) == 0);
	CHECK_ERR(vmsplice(p[1], w, 2, 16), EINVAL);
	CHECK_ERR(vmsplice(-1, w, 2, 0), EBADF);
	CHECK_ERR(vmsplice(fd, w, 2, 0), EBADF);
	CHECK_ERR(vmsplice(p[1], w, 1025, 0), EINVAL);
	CHECK_EQ(vmsplice(p[1], w, 0, 0), 0);
	CHECK_ERR(vmsplice(p[0], r, 2, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_EQ(vmsplice(p[1], w, 2, 0), 11);
	CHECK_EQ(vmsplice(p[0], r, 2, 0), 11);
	CHECK_EQ(memcmp(r1, "firs", 4), 0);
	CHECK_EQ(memcmp(r2, "tsecond", 7), 0);
}

TEST(vmsplice_fills_the_pipe)
{
	static char big[300000] __attribute__((aligned(4096)));
	struct iovec w = {big, sizeof(big)};
	int p[2];

	REQUIRE(pipe(p) == 0);
	CHECK_EQ(vmsplice(p[1], &w, 1, 0), 65536);
	CHECK_ERR(vmsplice(p[1], &w, 1, SPLICE_F_NONBLOCK), EAGAIN);
}

TEST(splice_interrupted)
{
	int p[2], q[2];

	REQUIRE(pipe(p) == 0 && pipe(q) == 0);
	signal(SIGUSR1, SIG_IGN);
	if (fork() == 0) {
		usleep(30000);
		kill(getppid(), SIGUSR1); /* ignored: does not end the wait */
		usleep(30000);
		_exit(write(p[1], "z", 1) != 1);
	}
	CHECK_EQ(splice(p[0], NULL, q[1], NULL, 10, 0), 1);
}

TEST(sendfile_rules)
{
	int p[2], fd, to, ro, ap;
	off_t off = 3;

	scratch();
	fd = filled("f", 100);
	to = open("to", O_CREAT | O_RDWR, 0644);
	ro = open("to", O_RDONLY);
	ap = open("to", O_WRONLY | O_APPEND);
	REQUIRE(pipe(p) == 0 && to >= 0 && ro >= 0 && ap >= 0);
	CHECK_ERR(sendfile(to, -1, NULL, 1), EBADF);
	CHECK_ERR(sendfile(-1, fd, NULL, 1), EBADF);
	CHECK_ERR(sendfile(ro, fd, NULL, 1), EBADF);
	CHECK_ERR(sendfile(to, p[0], NULL, 1), EINVAL);
	CHECK_ERR(sendfile(to, p[0], &off, 1), ESPIPE);
	CHECK_ERR(sendfile(ap, fd, NULL, 1), EINVAL);
	CHECK_ERR(sendfile(to, fd, (off_t *)8, 1), EFAULT);
	off = -1;
	CHECK_ERR(sendfile(to, fd, &off, 1), EINVAL);
	fd = open(".", O_RDONLY);
	CHECK_ERR(sendfile(to, fd, NULL, 1), EINVAL);
}

TEST(sendfile_bytes)
{
	static char b[300000];
	int fd, to, p[2], s[2];
	off_t off = 10;

	scratch();
	fd = filled("f", 200000);
	to = open("to", O_CREAT | O_RDWR, 0644);
	REQUIRE(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	CHECK_EQ(sendfile(to, fd, &off, 1000), 1000);
	CHECK_EQ(off, 1010);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(lseek(to, 0, SEEK_CUR), 1000);
	CHECK_EQ(sendfile(to, fd, NULL, 500000), 200000);
	CHECK_EQ(pread(to, b, sizeof(b), 1000), 200000);
	CHECK(same(b, 0, 200000));
	CHECK_EQ(sendfile(to, fd, NULL, 1), 0);
	off = 0;
	CHECK_EQ(sendfile(p[1], fd, &off, 100), 100);
	CHECK_EQ(read(p[0], b, sizeof(b)), 100);
	CHECK_EQ(sendfile(s[0], fd, &off, 100), 100);
	CHECK_EQ(read(s[1], b, sizeof(b)), 100);
	CHECK(same(b, 100, 100));
	CHECK_EQ(off, 200);
}

TAP_MAIN()
