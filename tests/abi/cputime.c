/* SPDX-License-Identifier: Apache-2.0 */
/* CPU time: clocks of processes and threads, sleeping and timers on them, RLIMIT_CPU; who sets clocks. */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include "../tap.h"

static uint64_t ns(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

static uint64_t now(clockid_t c)
{
	struct timespec t;

	return clock_gettime(c, &t) < 0 ? 0 : ns(&t);
}

/* Uses n ns of this thread's CPU time. */
static void burn(uint64_t n)
{
	uint64_t end = now(CLOCK_THREAD_CPUTIME_ID) + n;

	while (now(CLOCK_THREAD_CPUTIME_ID) < end)
		for (volatile int i = 0; i < 20000; i++)
			;
}

static void *burner(void *arg)
{
	burn(*(uint64_t *)arg);
	return NULL;
}

TEST(clocks)
{
	uint64_t p = now(CLOCK_PROCESS_CPUTIME_ID), t = now(CLOCK_THREAD_CPUTIME_ID), n = 60000000;
	clockid_t other;
	struct timespec ts;
	pthread_t th;
	int st;
	pid_t c;

	pthread_create(&th, NULL, burner, &n);
	pthread_join(th, NULL);
	CHECK(now(CLOCK_PROCESS_CPUTIME_ID) - p >= 55000000);
	CHECK(now(CLOCK_THREAD_CPUTIME_ID) - t < 50000000);
	CHECK_EQ(clock_getcpuclockid(getpid(), &other), 0);
	CHECK(now(other) - p >= 55000000);
	c = fork();
	if (c == 0) {
		burn(40000000);
		for (;;)
			pause();
	}
	CHECK_EQ(clock_getcpuclockid(c, &other), 0);
	for (int i = 0; i < 3000 && now(other) < 40000000; i++)
		usleep(1000);
	CHECK(now(other) >= 40000000);
	kill(c, SIGKILL);
	waitpid(c, &st, 0);
	CHECK_ERR(clock_gettime(other, &ts), EINVAL);
}

TEST(sleep_on_process_time)
{
	struct timespec d = {0, 50000000};
	uint64_t n = 200000000, p = now(CLOCK_PROCESS_CPUTIME_ID);
	pthread_t th;

	pthread_create(&th, NULL, burner, &n);
	CHECK_EQ(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &d, NULL), 0);
	CHECK(now(CLOCK_PROCESS_CPUTIME_ID) - p >= 50000000);
	pthread_join(th, NULL);
	CHECK_ERR(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &d, NULL), EOPNOTSUPP);
	d.tv_nsec = 1000000000;
	CHECK_EQ(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &d, NULL), EINVAL);
	d = (struct timespec){0, 1};
	CHECK_EQ(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &d, NULL), 0);
}

static volatile sig_atomic_t hits, last_sig;

static void on_sig(int s)
{
	last_sig = s;
	hits++;
}

static void catch(int s)
{
	struct sigaction sa = {.sa_handler = on_sig};

	sigaction(s, &sa, NULL);
}

TEST(sleep_is_interrupted)
{
	struct timespec d = {5, 0}, left = {0, 0};
	struct itimerval it = {.it_value = {0, 30000}};

	catch(SIGALRM);
	setitimer(ITIMER_REAL, &it, NULL);
	CHECK_EQ(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &d, &left), EINTR);
	CHECK(left.tv_sec == 4 || (left.tv_sec == 5 && left.tv_nsec == 0));
}

static void timer_on(clockid_t clock)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec v = {.it_value = {0, 30000000}}, o;
	timer_t id;
	uint64_t t0;

	hits = 0;
	catch(SIGUSR1);
	CHECK_EQ(timer_create(clock, &ev, &id), 0);
	CHECK_EQ(timer_settime(id, 0, &v, NULL), 0);
	t0 = now(clock);
	usleep(60000); /* no CPU time goes by */
	CHECK_EQ(hits, 0);
	CHECK_EQ(timer_gettime(id, &o), 0);
	CHECK(o.it_value.tv_sec == 0 && o.it_value.tv_nsec > 1000000 && o.it_value.tv_nsec <= 30000000);
	while (!hits && now(clock) - t0 < 1000000000)
		burn(1000000);
	CHECK_EQ(hits, 1);
	CHECK(now(clock) - t0 >= 28000000);
	/* Again and again. */
	v.it_interval = v.it_value = (struct timespec){0, 10000000};
	CHECK_EQ(timer_settime(id, 0, &v, &o), 0);
	CHECK(o.it_value.tv_nsec == 0);
	hits = 0;
	burn(150000000);
	CHECK(hits >= 3);
	CHECK_EQ(timer_delete(id), 0);
	hits = 0;
	burn(30000000);
	CHECK_EQ(hits, 0);
}

TEST(timer_on_process_time)
{
	timer_on(CLOCK_PROCESS_CPUTIME_ID);
}

TEST(timer_on_thread_time)
{
	timer_on(CLOCK_THREAD_CPUTIME_ID);
}

TEST(timer_clocks)
{
	timer_t id;

	CHECK_ERR(timer_create(CLOCK_MONOTONIC_RAW, NULL, &id), EOPNOTSUPP);
	CHECK_ERR(timer_create(CLOCK_REALTIME_COARSE, NULL, &id), EOPNOTSUPP);
	CHECK_EQ(timer_create(CLOCK_TAI, NULL, &id), 0);
	CHECK_ERR(timer_create(77, NULL, &id), EINVAL);
	CHECK_ERR(syscall(SYS_timer_create, -4194304 * 8 + 2, NULL, &id), EINVAL);
}

static int over_limit(rlim_t soft, rlim_t hard)
{
	struct rlimit l = {soft, hard};

	catch(SIGXCPU);
	if (setrlimit(RLIMIT_CPU, &l) < 0)
		return 1;
	for (int i = 0; i < 40 && hits < 2; i++)
		burn(100000000);
	getrlimit(RLIMIT_CPU, &l);
	return hits == 2 && last_sig == SIGXCPU ? l.rlim_cur == soft + 2 ? 0 : 2 : 3;
}

TEST(limit_of_cpu_time)
{
	int st;
	pid_t p = fork();

	if (p == 0)
		_exit(over_limit(1, RLIM_INFINITY));
	waitpid(p, &st, 0);
	CHECK_EQ(WEXITSTATUS(st), 0);
	p = fork();
	if (p == 0)
		_exit(over_limit(2, 1) == 1 ? over_limit(1, 1) : 9);
	waitpid(p, &st, 0);
	CHECK(WIFSIGNALED(st));
	CHECK_EQ(WTERMSIG(st), SIGKILL);
	/* Set before the fork, it holds for the child. */
	p = fork();
	if (p == 0) {
		struct rlimit l = {1, 2};

		setrlimit(RLIMIT_CPU, &l);
		p = fork();
		if (p == 0)
			for (;;)
				burn(100000000);
		waitpid(p, &st, 0);
		_exit(WIFSIGNALED(st) && WTERMSIG(st) == SIGXCPU ? 0 : 1);
	}
	waitpid(p, &st, 0);
	CHECK_EQ(WEXITSTATUS(st), 0);
}

TEST(adjtimex)
{
	struct timex tx = {0};
	int r = adjtimex(&tx);

	CHECK(r >= 0 && r <= 5);
	CHECK_EQ(tx.tick, 10000);
	CHECK(tx.time.tv_sec > 1600000000);
	memset(&tx, 0, sizeof(tx));
	CHECK_EQ(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &tx), r);
	CHECK_ERR(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &tx), EOPNOTSUPP);
	CHECK_ERR(syscall(SYS_clock_adjtime, 77, &tx), EINVAL);
	CHECK_ERR(syscall(SYS_adjtimex, 8), EFAULT);
	if (fork() == 0) {
		(void)!setresuid(65534, 65534, 65534);
		memset(&tx, 0, sizeof(tx));
		tx.modes = ADJ_FREQUENCY;
		_exit(adjtimex(&tx) == -1 && errno == EPERM ? 0 : 1);
	}
	wait(&r);
	CHECK_EQ(r, 0);
}

TEST(set_clocks)
{
	struct timespec ts = {0, 0}, bad = {0, 1000000000};
	int st;

	CHECK_ERR(clock_settime(CLOCK_MONOTONIC, &ts), EINVAL);
	CHECK_ERR(clock_settime(CLOCK_BOOTTIME, &ts), EINVAL);
	CHECK_ERR(clock_settime(CLOCK_PROCESS_CPUTIME_ID, &ts), EINVAL);
	CHECK_ERR(clock_settime(-getpid() * 8 - 8 + 2, &ts), EPERM);
	CHECK_ERR(clock_settime(CLOCK_REALTIME, &bad), EINVAL);
	if (fork() == 0) {
		(void)!setresuid(65534, 65534, 65534);
		ts.tv_sec = time(NULL);
		_exit(clock_settime(CLOCK_REALTIME, &ts) == -1 && errno == EPERM ? 0 : 1);
	}
	wait(&st);
	CHECK_EQ(st, 0);
}

TAP_MAIN()
