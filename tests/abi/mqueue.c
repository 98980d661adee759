/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX message queues, and their file system where it is mounted. */
#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"

static char name[64];

static mqd_t make(int flags, long max, long size)
{
	struct mq_attr a = {.mq_maxmsg = max, .mq_msgsize = size};
	mqd_t q;

	snprintf(name, sizeof(name), "/nacre-%d", getpid());
	q = mq_open(name, O_CREAT | O_EXCL | O_RDWR | flags, 0600, &a);
	REQUIRE(q >= 0);
	return q;
}

static void drop(mqd_t q)
{
	CHECK_EQ(mq_close(q), 0);
	CHECK_EQ(mq_unlink(name), 0);
}

static void expect(mqd_t q, const char *text, unsigned prio)
{
	char buf[64] = "";
	unsigned p = 99;

	CHECK_EQ(mq_receive(q, buf, sizeof(buf), &p), (long)strlen(text) + 1);
	CHECK_STR(buf, text);
	CHECK_EQ(p, prio);
}

static int put(mqd_t q, const char *text, unsigned prio)
{
	return mq_send(q, text, strlen(text) + 1, prio);
}

static void reap(pid_t p)
{
	int st;

	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
}

TEST(priorities)
{
	mqd_t q = make(0, 8, 64);

	CHECK_EQ(put(q, "low", 1), 0);
	CHECK_EQ(put(q, "high", 9), 0);
	CHECK_EQ(put(q, "low again", 1), 0);
	CHECK_EQ(put(q, "none", 0), 0);
	expect(q, "high", 9);
	expect(q, "low", 1);
	expect(q, "low again", 1);
	expect(q, "none", 0);
	CHECK_ERR(put(q, "x", 32768), EINVAL);
	CHECK_EQ(put(q, "top", 32767), 0);
	expect(q, "top", 32767);
	drop(q);
}

TEST(attributes)
{
	mqd_t q = make(O_NONBLOCK, 3, 50);
	struct mq_attr a, b = {.mq_flags = 0}, odd = {.mq_flags = 77};

	CHECK_EQ(put(q, "x", 0), 0);
	CHECK_EQ(mq_getattr(q, &a), 0);
	CHECK_EQ(a.mq_flags, O_NONBLOCK);
	CHECK_EQ(a.mq_maxmsg, 3);
	CHECK_EQ(a.mq_msgsize, 50);
	CHECK_EQ(a.mq_curmsgs, 1);
	CHECK_EQ(mq_setattr(q, &b, &a), 0);
	CHECK_EQ(a.mq_flags, O_NONBLOCK);
	CHECK_EQ(mq_getattr(q, &a), 0);
	CHECK_EQ(a.mq_flags, 0);
	CHECK_ERR(mq_setattr(q, &odd, NULL), EINVAL);
	CHECK_EQ(fcntl(q, F_GETFD), FD_CLOEXEC);
	drop(q);
}

TEST(defaults)
{
	mqd_t q;
	struct mq_attr a;

	snprintf(name, sizeof(name), "/nacre-%d", getpid());
	q = mq_open(name, O_CREAT | O_RDWR, 0600, NULL);
	REQUIRE(q >= 0);
	CHECK_EQ(mq_getattr(q, &a), 0);
	CHECK_EQ(a.mq_maxmsg, 10);
	CHECK_EQ(a.mq_msgsize, 8192);
	drop(q);
}

TEST(open_errors)
{
	mqd_t q = make(0, 2, 20), r;
	struct mq_attr bad = {.mq_maxmsg = 0, .mq_msgsize = 10}, huge = {.mq_maxmsg = 100000, .mq_msgsize = 10};
	char longest[300];

	CHECK_ERR(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, NULL), EEXIST);
	CHECK_ERR(mq_open("/nacre-none", O_RDWR), ENOENT);
	CHECK_ERR(mq_open("/nacre-bad", O_CREAT | O_RDWR, 0600, &bad), EINVAL);
	CHECK_ERR(mq_open("/nacre-bad", O_CREAT | O_RDWR, 0600, &huge), EINVAL);
	CHECK_ERR(syscall(SYS_mq_open, "a/b", O_RDWR, 0, NULL), EACCES);
	CHECK_ERR(syscall(SYS_mq_open, "", O_RDWR, 0, NULL), ENOENT);
	CHECK_ERR(syscall(SYS_mq_open, NULL, O_RDWR, 0, NULL), EFAULT);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[299] = 0;
	CHECK_ERR(mq_open(longest, O_RDWR), ENAMETOOLONG);
	CHECK_ERR(mq_unlink("/nacre-none"), ENOENT);
	r = mq_open(name, O_RDONLY);
	CHECK_ERR(put(r, "x", 0), EBADF);
	mq_close(r);
	r = mq_open(name, O_WRONLY);
	CHECK_ERR(mq_receive(r, longest, 20, NULL), EBADF);
	mq_close(r);
	CHECK_ERR(put(0, "x", 0), EBADF);
	CHECK_ERR(put(1000, "x", 0), EBADF);
	drop(q);
}

TEST(sizes)
{
	mqd_t q = make(O_NONBLOCK, 2, 20);
	char buf[32];

	CHECK_ERR(mq_send(q, buf, 21, 0), EMSGSIZE);
	CHECK_EQ(mq_send(q, buf, 20, 0), 0);
	CHECK_EQ(mq_send(q, buf, 0, 0), 0);
	CHECK_ERR(mq_send(q, buf, 1, 0), EAGAIN);
	CHECK_ERR(mq_receive(q, buf, 19, NULL), EMSGSIZE);
	CHECK_EQ(mq_receive(q, buf, 32, NULL), 20);
	CHECK_EQ(mq_receive(q, buf, 32, NULL), 0);
	CHECK_ERR(mq_receive(q, buf, 32, NULL), EAGAIN);
	CHECK_ERR(mq_send(q, (char *)8, 10, 0), EFAULT);
	drop(q);
}

TEST(waits_and_timeouts)
{
	mqd_t q = make(0, 1, 64);
	struct timespec ts, past = {1, 0}, bad = {1, -1};
	char buf[64];
	pid_t p;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 30000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	CHECK_ERR(mq_timedreceive(q, buf, 64, NULL, &ts), ETIMEDOUT);
	CHECK_ERR(mq_timedreceive(q, buf, 64, NULL, &bad), EINVAL);
	CHECK_EQ(put(q, "one", 0), 0);
	CHECK_ERR(mq_timedsend(q, "x", 1, 0, &past), ETIMEDOUT);
	p = fork();
	if (p == 0)
		_exit(put(q, "two", 5) == 0 ? 0 : 1);
	usleep(30000);
	expect(q, "one", 0);
	expect(q, "two", 5);
	reap(p);
	p = fork();
	if (p == 0)
		_exit(mq_receive(q, buf, 64, NULL) == 6 && !strcmp(buf, "three") ? 0 : 1);
	usleep(30000);
	CHECK_EQ(put(q, "three", 0), 0);
	reap(p);
	drop(q);
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST(interrupted)
{
	mqd_t q = make(0, 1, 64);
	struct sigaction sa = {.sa_handler = on_alarm};
	char buf[64];

	sigaction(SIGALRM, &sa, NULL);
	ualarm(30000, 0);
	CHECK_ERR(mq_receive(q, buf, 64, NULL), EINTR);
	drop(q);
}

TEST(polled)
{
	mqd_t q = make(0, 1, 64);
	struct pollfd p = {.fd = q, .events = POLLIN | POLLOUT};

	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLOUT);
	CHECK_EQ(put(q, "x", 0), 0);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN);
	drop(q);
}

static volatile sig_atomic_t told;
static siginfo_t what;

static void on_message(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	what = *si;
	told++;
}

TEST(notified_once)
{
	mqd_t q = make(0, 4, 64);
	struct sigaction sa = {.sa_sigaction = on_message, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 4711};
	pid_t p;

	sigaction(SIGUSR1, &sa, NULL);
	CHECK_EQ(mq_notify(q, &ev), 0);
	CHECK_ERR(mq_notify(q, &ev), EBUSY);
	p = fork();
	if (p == 0)
		_exit(mq_notify(q, &ev) == -1 && errno == EBUSY && put(q, "x", 0) == 0 ? 0 : 1);
	reap(p);
	for (int i = 0; i < 1000 && !told; i++)
		usleep(1000);
	CHECK_EQ(told, 1);
	CHECK_EQ(what.si_code, SI_MESGQ);
	CHECK_EQ(what.si_pid, p);
	CHECK_EQ(what.si_value.sival_int, 4711);
	CHECK_EQ(put(q, "y", 0), 0);
	CHECK_EQ(told, 1);
	expect(q, "x", 0);
	expect(q, "y", 0);
	CHECK_EQ(mq_notify(q, &ev), 0);
	CHECK_EQ(mq_notify(q, NULL), 0);
	CHECK_EQ(put(q, "z", 0), 0);
	usleep(10000);
	CHECK_EQ(told, 1);
	ev.sigev_notify = 99;
	CHECK_ERR(mq_notify(q, &ev), EINVAL);
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = 65;
	CHECK_ERR(mq_notify(q, &ev), EINVAL);
	ev.sigev_notify = SIGEV_NONE;
	CHECK_EQ(mq_notify(q, &ev), 0);
	drop(q);
}

static int thread_told;

static void on_thread(union sigval v)
{
	__atomic_store_n(&thread_told, v.sival_int, __ATOMIC_SEQ_CST);
}

TEST(notified_by_a_thread)
{
	mqd_t q = make(0, 4, 64);
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD, .sigev_value.sival_int = 4712};

	ev.sigev_notify_function = on_thread;
	CHECK_EQ(mq_notify(q, &ev), 0);
	CHECK_EQ(put(q, "x", 0), 0);
	for (int i = 0; i < 2000 && !__atomic_load_n(&thread_told, __ATOMIC_SEQ_CST); i++)
		usleep(1000);
	CHECK_EQ(thread_told, 4712);
	ev.sigev_notify = SIGEV_THREAD;
	CHECK_EQ(mq_notify(q, &ev), 0);
	CHECK_EQ(mq_notify(q, NULL), 0);
	CHECK_EQ(put(q, "y", 0), 0);
	ev.sigev_signo = 0; /* no socket */
	ev.sigev_value.sival_ptr = name;
	CHECK_ERR(syscall(SYS_mq_notify, q, &ev), ENOTSOCK);
	ev.sigev_signo = -1;
	CHECK_ERR(syscall(SYS_mq_notify, q, &ev), EBADF);
	ev.sigev_value.sival_ptr = NULL;
	CHECK_ERR(syscall(SYS_mq_notify, q, &ev), EFAULT);
	drop(q);
}

TEST(close_takes_the_notification_away)
{
	mqd_t q = make(0, 4, 64);
	struct sigevent ev = {.sigev_notify = SIGEV_NONE};
	pid_t p = fork();

	if (p == 0)
		_exit(mq_notify(q, &ev) == 0 ? 0 : 1);
	reap(p);
	CHECK_EQ(mq_notify(q, &ev), 0);
	mq_close(dup(q));
	CHECK_EQ(mq_notify(q, &ev), 0);
	drop(q);
}

TEST(unlinked_queue_lives_on)
{
	mqd_t q = make(0, 4, 64), r;

	r = mq_open(name, O_RDWR);
	CHECK(r >= 0);
	CHECK_EQ(mq_unlink(name), 0);
	CHECK_ERR(mq_open(name, O_RDWR), ENOENT);
	CHECK_EQ(put(q, "still", 1), 0);
	expect(r, "still", 1);
	mq_close(q);
	mq_close(r);
}

TEST(bytes_of_a_user)
{
	struct rlimit old, none = {1000, 1000};
	struct mq_attr a = {.mq_maxmsg = 10, .mq_msgsize = 1000};

	CHECK_EQ(getrlimit(RLIMIT_MSGQUEUE, &old), 0);
	CHECK_EQ(setrlimit(RLIMIT_MSGQUEUE, &none), 0);
	CHECK_ERR(mq_open("/nacre-large", O_CREAT | O_RDWR, 0600, &a), EMFILE);
}

TEST(permissions)
{
	mqd_t q = make(0, 4, 64);
	int st;
	pid_t p;

	if (getuid() != 0)
		SKIP("needs root");
	CHECK_EQ(fchmod(q, 0604), 0);
	p = fork();
	if (p == 0) {
		mqd_t r;

		REQUIRE(setgid(4321) == 0 && setuid(4321) == 0);
		CHECK_ERR(mq_open(name, O_RDWR), EACCES);
		CHECK_ERR(mq_open(name, O_CREAT | O_WRONLY, 0600, NULL), EACCES);
		r = mq_open(name, O_RDONLY);
		CHECK(r >= 0);
		CHECK_ERR(syscall(SYS_mq_unlink, name + 1), EPERM);
		fflush(stdout);
		_exit(tap_failures);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
	drop(q);
}

TEST(file_system)
{
	mqd_t q;
	char path[300], dir[150], buf[200] = "";
	struct stat st;
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
	int fd, seen = 0;
	DIR *d;

	if (getuid() != 0)
		SKIP("needs root");
	snprintf(dir, sizeof(dir), "%s/mq-%d", getenv("TMPDIR"), getpid());
	REQUIRE(mkdir(dir, 0700) == 0 && mount("mqueue", dir, "mqueue", 0, NULL) == 0);
	CHECK_EQ(stat(dir, &st), 0);
	CHECK_EQ(st.st_mode, S_IFDIR | 01777);
	q = make(0, 4, 64);
	snprintf(path, sizeof(path), "%s%s", dir, name);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_size, 80);
	CHECK(S_ISREG(st.st_mode));
	CHECK_EQ(put(q, "12345", 0), 0);
	signal(SIGUSR2, SIG_IGN);
	char drain[64];
	CHECK_EQ(mq_receive(q, drain, 64, NULL), 6);
	CHECK_EQ(mq_notify(q, &ev), 0);
	fd = open(path, O_RDONLY);
	REQUIRE(fd >= 0);
	CHECK(read(fd, buf, sizeof(buf) - 1) > 0);
	CHECK(strstr(buf, "QSIZE:0          NOTIFY:0     SIGNO:12    NOTIFY_PID:") == buf);
	CHECK_EQ(atoi(strstr(buf, "PID:") + 4), getpid());
	close(fd);
	CHECK_EQ(mq_notify(q, NULL), 0);
	d = opendir(dir);
	REQUIRE(d);
	for (struct dirent *e; (e = readdir(d));)
		seen += !strcmp(e->d_name, name + 1);
	closedir(d);
	CHECK_EQ(seen, 1);
	CHECK_EQ(unlink(path), 0);
	CHECK_ERR(mq_unlink(name), ENOENT);
	snprintf(path, sizeof(path), "%s/nacre-by-open", dir);
	fd = open(path, O_CREAT | O_RDWR, 0600);
	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(truncate(path, 0), 0);
	q = mq_open("/nacre-by-open", O_RDWR);
	CHECK(q >= 0);
	CHECK_EQ(mq_unlink("/nacre-by-open"), 0);
	snprintf(path, sizeof(path), "%s/dir", dir);
	CHECK_ERR(mkdir(path, 0700), EPERM);
	CHECK_EQ(umount2(dir, MNT_DETACH), 0);
	CHECK_EQ(rmdir(dir), 0);
}

TEST(limits_in_proc)
{
	static const struct {
		const char *file;
		int want;
	} f[] = {{"queues_max", 256}, {"msg_max", 10}, {"msgsize_max", 8192}, {"msg_default", 10}, {"msgsize_default", 8192}};

	for (int i = 0; i < 5; i++) {
		char path[100], buf[32] = "";
		int fd;

		snprintf(path, sizeof(path), "/proc/sys/fs/mqueue/%s", f[i].file);
		fd = open(path, O_RDONLY);
		if (fd < 0 && errno == ENOENT)
			SKIP("a Linux without these settings");
		REQUIRE(fd >= 0);
		CHECK(read(fd, buf, 31) > 0);
		CHECK_EQ(atoi(buf), f[i].want);
		close(fd);
	}
}

TAP_MAIN()
