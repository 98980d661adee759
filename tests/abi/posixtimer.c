/* SPDX-License-Identifier: Apache-2.0 */
/* timer_create, timer_settime, timer_gettime, timer_getoverrun, timer_delete. */
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static void block(int sig, sigset_t *s)
{
	sigemptyset(s);
	sigaddset(s, sig);
	REQUIRE(sigprocmask(SIG_BLOCK, s, NULL) == 0);
}

/* The raw calls: libc keeps numbers of its own. */
static int create(int clock, int notify, int sig, int value)
{
	struct sigevent ev = {.sigev_notify = notify, .sigev_signo = sig, .sigev_value.sival_int = value};
	int id = -1;

	if (notify == SIGEV_THREAD_ID)
		ev.sigev_notify_thread_id = (int)syscall(SYS_gettid);
	return syscall(SYS_timer_create, clock, &ev, &id) < 0 ? -1 : id;
}

static int settime(int id, int flags, long ns, long interval, struct itimerspec *old)
{
	struct itimerspec v = {{interval / 1000000000, interval % 1000000000}, {ns / 1000000000, ns % 1000000000}};

	return (int)syscall(SYS_timer_settime, id, flags, &v, old);
}

TEST(errors)
{
	struct itimerspec v = {{0, 0}, {0, 1000000000}};
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
	int id;

	CHECK_ERR(syscall(SYS_timer_create, 77, NULL, &id), EINVAL);
	CHECK_ERR(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
	ev.sigev_signo = SIGALRM;
	ev.sigev_notify = 99;
	CHECK_ERR(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
	ev.sigev_notify = SIGEV_THREAD_ID;
	ev.sigev_notify_thread_id = 1 << 28;
	CHECK_ERR(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id), EINVAL);
	CHECK_ERR(syscall(SYS_timer_create, CLOCK_MONOTONIC, (void *)8, &id), EFAULT);
	CHECK_ERR(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, (void *)8), EFAULT);
	CHECK_ERR(syscall(SYS_timer_settime, 12345, 0, &v, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_timer_delete, 12345), EINVAL);
	CHECK_ERR(syscall(SYS_timer_getoverrun, 12345), EINVAL);
	CHECK_ERR(syscall(SYS_timer_gettime, 12345, &v), EINVAL);
	REQUIRE(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id) == 0);
	CHECK_ERR(syscall(SYS_timer_settime, id, 0, &v, NULL), EINVAL);
	CHECK_ERR(syscall(SYS_timer_settime, id, 0, NULL, NULL), EINVAL);
	CHECK_EQ(syscall(SYS_timer_delete, id), 0);
	CHECK_ERR(syscall(SYS_timer_delete, id), EINVAL);
}

TEST(once)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 42);
	struct itimerspec cur;
	siginfo_t si;
	sigset_t s;

	REQUIRE(id >= 0);
	block(SIGUSR1, &s);
	CHECK_EQ(settime(id, 0, 30000000, 0, NULL), 0);
	CHECK_EQ(syscall(SYS_timer_gettime, id, &cur), 0);
	CHECK(cur.it_value.tv_nsec > 0 && cur.it_value.tv_nsec <= 30000000);
	CHECK_EQ(sigwaitinfo(&s, &si), SIGUSR1);
	CHECK_EQ(si.si_code, SI_TIMER);
	CHECK_EQ(si.si_value.sival_int, 42);
	CHECK_EQ(si.si_timerid, id);
	CHECK_EQ(si.si_overrun, 0);
	CHECK_EQ(syscall(SYS_timer_gettime, id, &cur), 0);
	CHECK_EQ(cur.it_value.tv_nsec, 0);
	CHECK_EQ(syscall(SYS_timer_getoverrun, id), 0);
}

TEST(no_event_given)
{
	siginfo_t si;
	sigset_t s;
	int id;

	REQUIRE(syscall(SYS_timer_create, CLOCK_REALTIME, NULL, &id) == 0);
	block(SIGALRM, &s);
	CHECK_EQ(settime(id, 0, 1000000, 0, NULL), 0);
	CHECK_EQ(sigwaitinfo(&s, &si), SIGALRM);
	CHECK_EQ(si.si_value.sival_int, id);
}

TEST(interval_and_overrun)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 1);
	struct itimerspec old;
	siginfo_t si;
	sigset_t s;

	block(SIGRTMIN, &s);
	CHECK_EQ(settime(id, 0, 2000000, 2000000, NULL), 0);
	usleep(60000);
	CHECK_EQ(sigwaitinfo(&s, &si), SIGRTMIN);
	CHECK(si.si_overrun >= 3);
	CHECK_EQ(sigwaitinfo(&s, &si), SIGRTMIN);
	CHECK_EQ(settime(id, 0, 0, 0, &old), 0);
	CHECK_EQ(old.it_interval.tv_nsec, 2000000);
	/* Disarmed: at most the one that waited. */
	while (sigtimedwait(&s, &si, &(struct timespec){0, 0}) > 0)
		;
	CHECK_ERR(sigtimedwait(&s, &si, &(struct timespec){0, 20000000}), EAGAIN);
}

TEST(absolute)
{
	int id = create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGUSR1, 0);
	struct timespec now;
	siginfo_t si;
	sigset_t s;

	block(SIGUSR1, &s);
	clock_gettime(CLOCK_REALTIME, &now);
	CHECK_EQ(settime(id, TIMER_ABSTIME, now.tv_sec * 1000000000L + now.tv_nsec + 20000000, 0, NULL), 0);
	CHECK_EQ(sigwaitinfo(&s, &si), SIGUSR1);
	/* The past: at once. */
	CHECK_EQ(settime(id, TIMER_ABSTIME, 1000000000L, 0, NULL), 0);
	CHECK_EQ(sigwaitinfo(&s, &si), SIGUSR1);
}

TEST(no_signal)
{
	int id = create(CLOCK_BOOTTIME, SIGEV_NONE, 0, 0);
	struct itimerspec cur;

	REQUIRE(id >= 0);
	CHECK_EQ(settime(id, 0, 5000000, 0, NULL), 0);
	usleep(20000);
	CHECK_EQ(syscall(SYS_timer_gettime, id, &cur), 0);
	CHECK_EQ(cur.it_value.tv_sec, 0);
	CHECK_EQ(cur.it_value.tv_nsec, 0);
}

TEST(to_a_thread)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGUSR1, 9);
	siginfo_t si;
	sigset_t s;

	REQUIRE(id >= 0);
	block(SIGUSR1, &s);
	CHECK_EQ(settime(id, 0, 1000000, 0, NULL), 0);
	CHECK_EQ(sigwaitinfo(&s, &si), SIGUSR1);
	CHECK_EQ(si.si_value.sival_int, 9);
}

TEST(not_inherited)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0), status;
	struct itimerspec cur;
	pid_t pid;

	REQUIRE(id >= 0);
	pid = fork();
	if (pid == 0)
		_exit(syscall(SYS_timer_gettime, id, &cur) == -1 && errno == EINVAL ? 0 : 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* The new program, started below by name and number: the old one's timer is not its own. */
__attribute__((constructor)) static void new_program(int argc, char **argv)
{
	struct itimerspec cur;

	if (argc == 2 && !strcmp(argv[0], "exec"))
		_exit(syscall(SYS_timer_gettime, atoi(argv[1]), &cur) == -1 && errno == EINVAL ? 0 : 1);
}

TEST(gone_after_exec)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		char id[16];

		snprintf(id, sizeof(id), "%d", create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0));
		settime(atoi(id), 0, 100000000000L, 0, NULL);
		execl("/proc/self/exe", "exec", id, NULL);
		_exit(9);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(many)
{
	int id[200];

	for (int i = 0; i < 200; i++) {
		id[i] = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, i);
		CHECK(id[i] >= 0);
		CHECK_EQ(settime(id[i], 0, 100 * 1000000000L + i, 0, NULL), 0);
	}
	for (int i = 0; i < 200; i += 2)
		CHECK_EQ(syscall(SYS_timer_delete, id[i]), 0);
}

TAP_MAIN()
