/* SPDX-License-Identifier: Apache-2.0 */
/* Strict mode, and filters for all threads at once. */
#include "seccomp.h"

static int word(const char *s)
{
	return write(1, s, strlen(s)) == (ssize_t)strlen(s) ? 0 : 1;
}

static void strict_then(int how)
{
	char c;
	int p[2];

	if (pipe(p) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) != 0)
		_exit(8);
	if (word("# strict\n") || write(p[1], "x", 1) != 1 || read(p[0], &c, 1) != 1)
		syscall(SYS_exit, 7);
	if (how == 1)
		syscall(SYS_getpid);
	if (how == 2)
		syscall(SYS_exit_group, 3);
	if (how == 3)
		prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
	syscall(SYS_exit, 5);
}
static void goes_on(void)
{
	strict_then(0);
}
static void asks(void)
{
	strict_then(1);
}
static void leaves(void)
{
	strict_then(2);
}
static void looks(void)
{
	strict_then(3);
}

TEST(strict)
{
	fflush(stdout);
	CHECK_EQ(child_status(goes_on), 5 << 8);
	CHECK_EQ(child_status(asks), SIGKILL);
	CHECK_EQ(child_status(leaves), SIGKILL);
	CHECK_EQ(child_status(looks), SIGKILL);
}

static void by_seccomp(void)
{
	if (seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL) != 0)
		syscall(SYS_exit, 1);
	syscall(SYS_getuid);
	syscall(SYS_exit, 2);
}

static volatile sig_atomic_t handled;
static void on_usr1(int sig)
{
	handled = sig;
}
static void returns_from_handler(void)
{
	pid_t me = getpid(), p;

	signal(SIGUSR1, on_usr1);
	p = fork();
	if (p == 0) {
		usleep(300000);
		kill(me, SIGUSR1);
		_exit(0);
	}
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) != 0)
		_exit(8);
	while (!handled)
		;
	syscall(SYS_exit, 6);
}
TEST(strict_other_ways)
{
	CHECK_EQ(child_status(by_seccomp), SIGKILL);
	CHECK_EQ(child_status(returns_from_handler), 6 << 8);
}

/* --- TSYNC --- */

struct other {
	pthread_t th;
	volatile int tid, go, done;
	volatile long result, err;
	volatile int own_filter;
};

static void *other_thread(void *arg)
{
	struct other *o = arg;

	if (o->own_filter && filter_one(SYS_getegid, SECCOMP_RET_ERRNO | 1, 0) != 0)
		o->own_filter = -1;
	syscall(SYS_getppid); /* used before it is filtered */
	o->tid = (int)syscall(SYS_gettid);
	while (!o->go)
		usleep(1000);
	errno = 0;
	o->result = syscall(SYS_getppid);
	o->err = errno;
	o->done = 1;
	while (o->go != 2)
		usleep(1000);
	return NULL;
}

static void begin(struct other *o, int own)
{
	o->own_filter = own;
	REQUIRE(pthread_create(&o->th, NULL, other_thread, o) == 0);
	while (!o->tid)
		usleep(1000);
}

static void end(struct other *o)
{
	o->go = 1;
	while (!o->done)
		usleep(1000);
	o->go = 2;
	pthread_join(o->th, NULL);
}

TEST(one_thread_only)
{
	struct other o = {0};

	NNP();
	begin(&o, 0);
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, 0) == 0);
	end(&o);
	CHECK_EQ(o.result, getppid() == -1 ? o.result : o.result);
	CHECK(o.result > 0);
	CHECK_ERR(syscall(SYS_getppid), EXDEV);
}

TEST(all_threads)
{
	struct other o = {0}, later = {0};

	begin(&o, 0);
	NNP(); /* after it began: it gets that, too */
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC) == 0);
	CHECK_EQ(status_field(o.tid, "Seccomp"), 2);
	CHECK_EQ(status_field(o.tid, "NoNewPrivs"), 1);
	end(&o);
	CHECK_EQ(o.result, -1);
	CHECK_EQ(o.err, EXDEV);
	begin(&later, 0);
	end(&later);
	CHECK_EQ(later.err, EXDEV);
}

TEST(all_threads_twice)
{
	struct other o = {0};

	NNP();
	begin(&o, 0);
	REQUIRE(filter_one(SYS_getegid, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC) == 0);
	REQUIRE(filter_one(SYS_getppid, SECCOMP_RET_ERRNO | EDOM, SECCOMP_FILTER_FLAG_TSYNC) == 0);
	CHECK_EQ(status_field(o.tid, "Seccomp_filters"), 2);
	end(&o);
	CHECK_EQ(o.err, EDOM);
}

TEST(a_thread_that_went_its_own_way)
{
	struct other o = {0};
	long r;

	NNP();
	begin(&o, 1);
	CHECK_EQ(o.own_filter, 1);
	r = filter_one(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC);
	CHECK_EQ(r, o.tid);
	CHECK_ERR(filter_one(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH),
		  ESRCH);
	CHECK_EQ(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), 0);
	end(&o);
	CHECK(o.result > 0);
	/* The thread has ended and its filter with it. */
	CHECK_EQ(filter_one(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC), 0);
	CHECK_ERR(syscall(SYS_getppid), EXDEV);
}

static volatile int stop;
static void *hammer(void *arg)
{
	long *n = arg;

	while (!stop) {
		syscall(SYS_getppid);
		syscall(SYS_getpid);
		(*n)++;
	}
	return NULL;
}

/* Many filters while others run them. */
TEST(races)
{
	pthread_t th[4];
	long n[4] = {0};

	NNP();
	for (int i = 0; i < 4; i++)
		REQUIRE(pthread_create(&th[i], NULL, hammer, &n[i]) == 0);
	for (int i = 0; i < 200; i++)
		CHECK_EQ(filter_one(SYS_getppid, SECCOMP_RET_ERRNO | (unsigned)(i + 1), SECCOMP_FILTER_FLAG_TSYNC), 0);
	CHECK_ERR(syscall(SYS_getppid), 200);
	stop = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	CHECK_EQ(status_field(getpid(), "Seccomp_filters"), 200);
}

TAP_MAIN()
