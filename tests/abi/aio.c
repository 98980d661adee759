/* SPDX-License-Identifier: Apache-2.0 */
/* io_setup and its family. */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include "../tap.h"

static long setup(unsigned n, aio_context_t *c)
{
	return syscall(SYS_io_setup, n, c);
}

static long submit(aio_context_t c, long n, struct iocb **v)
{
	return syscall(SYS_io_submit, c, n, v);
}

static long getevents(aio_context_t c, long min, long n, struct io_event *ev, struct timespec *ts)
{
	return syscall(SYS_io_getevents, c, min, n, ev, ts);
}

static int scratch(void)
{
	char name[200];
	int fd;

	snprintf(name, sizeof(name), "%s/aio-%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", getpid());
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	REQUIRE(fd >= 0);
	unlink(name);
	return fd;
}

static struct iocb io(int op, int fd, const void *buf, size_t n, long long off)
{
	struct iocb cb = {0};

	cb.aio_data = 4711;
	cb.aio_lio_opcode = (unsigned short)op;
	cb.aio_fildes = (unsigned)fd;
	cb.aio_buf = (uintptr_t)buf;
	cb.aio_nbytes = n;
	cb.aio_offset = off;
	return cb;
}

TEST(setup_and_destroy)
{
	aio_context_t c = 0, d = 0;

	CHECK_EQ(setup(8, &c), 0);
	CHECK(c != 0);
	CHECK_ERR(setup(8, &c), EINVAL); /* not zero */
	CHECK_ERR(setup(0, &d), EINVAL);
	CHECK_ERR(setup(8, NULL), EFAULT);
	CHECK_ERR(setup(1000000, &d), EAGAIN);
	CHECK_ERR(setup(10000000, &d), EINVAL);
	CHECK_EQ(syscall(SYS_io_destroy, c), 0);
	CHECK_ERR(syscall(SYS_io_destroy, c), EINVAL);
	CHECK_ERR(syscall(SYS_io_destroy, 0), EINVAL);
}

TEST(write_then_read)
{
	aio_context_t c = 0;
	int fd = scratch();
	char buf[16] = "";
	struct iocb w = io(IOCB_CMD_PWRITE, fd, "hello", 6, 100), r = io(IOCB_CMD_PREAD, fd, buf, 16, 100);
	struct iocb *v[1] = {&w};
	struct io_event ev[2];

	REQUIRE(setup(4, &c) == 0);
	CHECK_EQ(submit(c, 1, v), 1);
	CHECK_EQ(getevents(c, 1, 2, ev, NULL), 1);
	CHECK_EQ(ev[0].res, 6);
	CHECK_EQ(ev[0].res2, 0);
	CHECK_EQ(ev[0].data, 4711);
	CHECK_EQ(ev[0].obj, (uintptr_t)&w);
	v[0] = &r;
	CHECK_EQ(submit(c, 1, v), 1);
	CHECK_EQ(getevents(c, 1, 1, ev, NULL), 1);
	CHECK_EQ(ev[0].res, 6);
	CHECK_STR(buf, "hello");
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(syscall(SYS_io_destroy, c), 0);
}

TEST(vectors_and_syncs)
{
	aio_context_t c = 0;
	int fd = scratch();
	char a[4] = "", b[4] = "";
	struct iovec wv[2] = {{"abc", 3}, {"def", 3}}, rv[2] = {{a, 3}, {b, 3}};
	struct iocb w = io(IOCB_CMD_PWRITEV, fd, wv, 2, 0), s = io(IOCB_CMD_FSYNC, fd, NULL, 0, 0),
		    d = io(IOCB_CMD_FDSYNC, fd, NULL, 0, 0), r = io(IOCB_CMD_PREADV, fd, rv, 2, 0);
	struct iocb *v[4] = {&w, &s, &d, &r};
	struct io_event ev[4];

	REQUIRE(setup(4, &c) == 0);
	CHECK_EQ(submit(c, 1, v), 1);
	CHECK_EQ(getevents(c, 1, 4, ev, NULL), 1);
	CHECK_EQ(ev[0].res, 6);
	CHECK_EQ(submit(c, 3, v + 1), 3);
	CHECK_EQ(getevents(c, 3, 4, ev, NULL), 3);
	CHECK_STR(a, "abc");
	CHECK_STR(b, "def");
	CHECK_EQ(syscall(SYS_io_destroy, c), 0);
}

TEST(submit_errors)
{
	aio_context_t c = 0;
	int fd = scratch(), ro = open("/dev/null", O_RDONLY);
	char buf[8] = "";
	struct iocb cb, *v[2] = {&cb, (struct iocb *)8};
	struct io_event ev[2];

	REQUIRE(setup(4, &c) == 0);
	cb = io(IOCB_CMD_PWRITE, fd, buf, 4, 0);
	CHECK_ERR(submit(0, 1, v), EINVAL);
	CHECK_ERR(submit(c, -1, v), EINVAL);
	CHECK_EQ(submit(c, 0, v), 0);
	CHECK_ERR(submit(c, 1, NULL), EFAULT);
	CHECK_ERR(submit(c, 1, v + 1), EFAULT);
	CHECK_EQ(submit(c, 2, v), 1); /* the first went, the second did not */
	CHECK_EQ(getevents(c, 1, 2, ev, NULL), 1);
	cb = io(IOCB_CMD_PWRITE, -1, buf, 4, 0);
	CHECK_ERR(submit(c, 1, v), EBADF);
	cb = io(IOCB_CMD_PWRITE, ro, buf, 4, 0);
	CHECK_ERR(submit(c, 1, v), EBADF);
	cb = io(99, fd, buf, 4, 0);
	CHECK_ERR(submit(c, 1, v), EINVAL);
	cb = io(IOCB_CMD_PREAD, fd, buf, 4, -1);
	CHECK_ERR(submit(c, 1, v), EINVAL);
	cb = io(IOCB_CMD_PWRITE, fd, buf, 4, 0);
	cb.aio_reserved2 = 1;
	CHECK_ERR(submit(c, 1, v), EINVAL);
	cb = io(IOCB_CMD_PWRITE, fd, buf, 4, 0);
	cb.aio_rw_flags = 0x4000;
	CHECK_ERR(submit(c, 1, v), EOPNOTSUPP);
	cb = io(IOCB_CMD_PWRITE, fd, buf, 4, 0);
	cb.aio_flags = IOCB_FLAG_RESFD;
	cb.aio_resfd = (unsigned)fd;
	CHECK_ERR(submit(c, 1, v), EINVAL);
	CHECK_ERR(syscall(SYS_io_cancel, c, &cb, ev), EINVAL);
	CHECK_ERR(syscall(SYS_io_cancel, c, NULL, ev), EFAULT);
	CHECK_EQ(syscall(SYS_io_destroy, c), 0);
}

TEST(bad_buffer_is_a_result)
{
	aio_context_t c = 0;
	int fd = scratch();
	struct iocb cb = io(IOCB_CMD_PWRITE, fd, (void *)8, 4, 0), *v[1] = {&cb};
	struct io_event ev[1];

	REQUIRE(setup(4, &c) == 0);
	CHECK_EQ(submit(c, 1, v), 1);
	CHECK_EQ(getevents(c, 1, 1, ev, NULL), 1);
	CHECK_EQ(ev[0].res, -EFAULT);
	CHECK_EQ(syscall(SYS_io_destroy, c), 0);
}

TEST(eventfd_counts)
{
	aio_context_t c = 0;
	int fd = scratch(), e = eventfd(0, EFD_NONBLOCK);
	struct iocb cb[3], *v[3] = {&cb[0], &cb[1], &cb[2]};
	uint64_t n = 0;
	struct io_event ev[3];

	REQUIRE(setup(4, &c) == 0);
	for (int i = 0; i < 3; i++) {
		cb[i] = io(IOCB_CMD_PWRITE, fd, "x", 1, i);
		cb[i].aio_flags = IOCB_FLAG_RESFD;
		cb[i].aio_resfd = (unsigned)e;
	}
	CHECK_EQ(submit(c, 3, v), 3);
	CHECK_EQ(getevents(c, 3, 3, ev, NULL), 3);
	CHECK_EQ(read(e, &n, 8), 8);
	CHECK_EQ(n, 3);
	CHECK_EQ(syscall(SYS_io_destroy, c), 0);
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST(getevents_waits)
{
	aio_context_t c = 0;
	struct io_event ev[2];
	struct timespec ts = {0, 30000000}, none = {0, 0};
	struct sigaction sa = {.sa_handler = on_alarm};

	REQUIRE(setup(4, &c) == 0);
	CHECK_EQ(getevents(c, 0, 2, ev, NULL), 0);
	CHECK_EQ(getevents(c, 1, 2, ev, &none), 0);
	CHECK_EQ(getevents(c, 1, 2, ev, &ts), 0);
	CHECK_ERR(getevents(c, 2, 1, ev, &ts), EINVAL);
	CHECK_ERR(getevents(c, -1, 1, ev, &ts), EINVAL);
	CHECK_ERR(getevents(0, 1, 1, ev, &ts), EINVAL);
	CHECK_ERR(getevents(c, 1, 1, ev, (struct timespec *)8), EFAULT);
	sigaction(SIGALRM, &sa, NULL);
	ualarm(30000, 0);
	CHECK_ERR(getevents(c, 1, 2, ev, NULL), EINTR);
	CHECK_EQ(syscall(SYS_io_destroy, c), 0);
}

TEST(pgetevents)
{
	aio_context_t c = 0;
	struct io_event ev[2];
	struct timespec ts = {0, 20000000};
	uint64_t mask = 0;
	struct {
		void *mask;
		size_t size;
	} sig = {&mask, 8}, bad = {&mask, 4};

	REQUIRE(setup(4, &c) == 0);
	CHECK_EQ(syscall(SYS_io_pgetevents, c, 1, 2, ev, &ts, &sig), 0);
	CHECK_EQ(syscall(SYS_io_pgetevents, c, 1, 2, ev, &ts, NULL), 0);
	CHECK_ERR(syscall(SYS_io_pgetevents, c, 1, 2, ev, &ts, &bad), EINVAL);
	CHECK_ERR(syscall(SYS_io_pgetevents, c, 1, 2, ev, &ts, (void *)8), EFAULT);
	CHECK_EQ(syscall(SYS_io_destroy, c), 0);
}

TEST(not_inherited)
{
	aio_context_t c = 0;
	int st;
	pid_t p;

	REQUIRE(setup(4, &c) == 0);
	p = fork();
	if (p == 0) {
		struct io_event ev[1];
		struct timespec none = {0, 0};

		_exit(getevents(c, 0, 1, ev, &none) == -1 && errno == EINVAL ? 0 : 1);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
	CHECK_EQ(syscall(SYS_io_destroy, c), 0);
}

TEST(limits)
{
	char buf[32] = "";
	int fd = open("/proc/sys/fs/aio-max-nr", O_RDONLY);

	REQUIRE(fd >= 0);
	CHECK(read(fd, buf, 31) > 0);
	CHECK(atoi(buf) >= 65536);
}

TAP_MAIN()
