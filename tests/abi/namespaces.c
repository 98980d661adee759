/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces by root: /proc/PID/ns, ioctl_ns, setns by file and by pidfd, unshare and clone of each kind. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include "../tap.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define NS_GET_USERNS 0xb701
#define NS_GET_PARENT 0xb702
#define NS_GET_NSTYPE 0xb703
#define NS_GET_OWNER_UID 0xb704

static const struct {
	const char *name;
	int flag;
} kinds[] = {{"cgroup", CLONE_NEWCGROUP}, {"ipc", CLONE_NEWIPC}, {"mnt", CLONE_NEWNS}, {"net", CLONE_NEWNET},
	     {"uts", CLONE_NEWUTS}};

static void need_root(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
}

static int ns_open(int pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static unsigned long ns_ino(const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/* fn in a child; its exit status. */
static int in_child(int (*fn)(void))
{
	int st = -1;
	pid_t p = fork();

	if (p == 0)
		_exit(fn());
	waitpid(p, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 1000 + st;
}

TEST(links)
{
	char path[64], text[64], want[64];
	static const char *const all[] = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time",
					  "time_for_children", "user", "uts"};
	struct stat st;
	ssize_t n;
	int fd;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", all[i]);
		n = readlink(path, text, sizeof(text) - 1);
		CHECK(n > 0);
		text[n > 0 ? n : 0] = 0;
		CHECK_EQ(stat(path, &st), 0);
		snprintf(want, sizeof(want), "%.*s:[%lu]", (int)strcspn(all[i], "_"), all[i], (unsigned long)st.st_ino);
		CHECK_STR(text, want);
		CHECK(S_ISREG(st.st_mode));
		fd = open(path, O_RDONLY);
		CHECK(fd >= 0);
		CHECK_EQ(fstat(fd, &st), 0);
		CHECK_ERR(read(fd, text, 1), EINVAL);
		close(fd);
	}
	CHECK_ERR(open("/proc/self/ns/none", O_RDONLY), ENOENT);
	CHECK_EQ(ns_ino("pid"), ns_ino("pid_for_children"));
}

TEST(ioctls)
{
	int fd = ns_open(getpid(), "uts"), u;
	uid_t uid = 77;
	struct stat a, b;

	CHECK_EQ(ioctl(fd, NS_GET_NSTYPE), CLONE_NEWUTS);
	CHECK_ERR(ioctl(fd, NS_GET_PARENT), EINVAL);
	CHECK_ERR(ioctl(fd, NS_GET_OWNER_UID, &uid), EINVAL);
	u = ioctl(fd, NS_GET_USERNS);
	CHECK(u >= 0);
	CHECK_EQ(fcntl(u, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(ioctl(u, NS_GET_NSTYPE), CLONE_NEWUSER);
	CHECK_EQ(ioctl(u, NS_GET_OWNER_UID, &uid), 0);
	CHECK_EQ(uid, 0);
	CHECK_ERR(ioctl(u, NS_GET_PARENT), EPERM); /* nothing above, or not visible */
	fstat(u, &a);
	stat("/proc/self/ns/user", &b);
	CHECK_EQ(a.st_ino, b.st_ino);
	CHECK_EQ(a.st_dev, b.st_dev);
	CHECK_ERR(ioctl(fd, 0xb7ff), ENOTTY);
}

static int unshare_each(void)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		unsigned long old = ns_ino(kinds[i].name);
		int fd = ns_open(getpid(), kinds[i].name);

		if (unshare(kinds[i].flag) < 0 || ns_ino(kinds[i].name) == old)
			return 1 + (int)i;
		if (setns(fd, kinds[i].flag) < 0 || ns_ino(kinds[i].name) != old)
			return 20 + (int)i;
		close(fd);
	}
	return 0;
}

TEST(unshare_and_back)
{
	need_root();
	CHECK_EQ(in_child(unshare_each), 0);
}

TEST(setns_arguments)
{
	int fd = ns_open(getpid(), "uts"), null = open("/dev/null", O_RDONLY);
	int pfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	need_root();
	CHECK_ERR(setns(-1, 0), EBADF);
	CHECK_ERR(setns(null, 0), EINVAL);
	CHECK_ERR(setns(fd, CLONE_NEWIPC), EINVAL);
	CHECK_ERR(setns(pfd, 0), EINVAL);
	CHECK_ERR(setns(pfd, CLONE_NEWUTS | CLONE_THREAD), EINVAL);
	CHECK_ERR(setns(pfd, CLONE_NEWUSER), EINVAL); /* its own */
	CHECK_EQ(setns(fd, 0), 0);
	CHECK_EQ(setns(pfd, CLONE_NEWUTS | CLONE_NEWIPC), 0);
	CHECK_ERR(unshare(0x1000), EINVAL);
	CHECK_ERR(unshare(CLONE_VM | 1), EINVAL);
}

static int uts_child(void)
{
	struct utsname u;

	if (unshare(CLONE_NEWUTS) < 0 || sethostname("other", 5) < 0 || uname(&u) < 0)
		return 1;
	return strcmp(u.nodename, "other") ? 2 : 0;
}

TEST(uts)
{
	struct utsname a, b;

	need_root();
	uname(&a);
	CHECK_EQ(in_child(uts_child), 0);
	uname(&b);
	CHECK_STR(a.nodename, b.nodename);
}

TEST(pidfd_enters_all)
{
	int go[2], st;
	char c;
	pid_t p;
	struct utsname u;

	need_root();
	CHECK_EQ(pipe(go), 0);
	p = fork();
	if (p == 0) {
		if (unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS) < 0 || sethostname("inner", 5) < 0)
			_exit(1);
		(void)!write(go[1], "x", 1);
		for (;;)
			pause();
	}
	CHECK_EQ(read(go[0], &c, 1), 1);
	{
		int pfd = (int)syscall(SYS_pidfd_open, p, 0);

		CHECK_EQ(setns(pfd, CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS), 0);
	}
	uname(&u);
	CHECK_STR(u.nodename, "inner");
	kill(p, SIGKILL);
	waitpid(p, &st, 0);
}

/* --- pid --- */

static int first_of_pidns(void *arg)
{
	int fd = *(int *)arg, st;
	pid_t p;
	struct {
		int pid, ppid, sid, child, waited;
	} r = {getpid(), getppid(), getsid(0), 0, 0};

	r.child = p = fork();
	if (p == 0)
		_exit(getpid() == 2 && getppid() == 1 ? 3 : 4);
	r.waited = waitpid(-1, &st, 0) == p ? WEXITSTATUS(st) : -1;
	(void)!write(fd, &r, sizeof(r));
	for (;;)
		pause();
}

TEST(pid_namespace)
{
	int pp[2], st, r[5];
	static char stack[65536] __attribute__((aligned(16)));
	char path[64], text[1024];
	ssize_t n;
	pid_t p;

	need_root();
	CHECK_EQ(pipe(pp), 0);
	p = clone(first_of_pidns, stack + sizeof(stack), CLONE_NEWPID | SIGCHLD, &pp[1]);
	CHECK(p > 0);
	CHECK_EQ(read(pp[0], r, sizeof(r)), sizeof(r));
	CHECK_EQ(r[0], 1);
	CHECK_EQ(r[1], 0);
	CHECK_EQ(r[2], 0);
	CHECK_EQ(r[3], 2);
	CHECK_EQ(r[4], 3);
	snprintf(path, sizeof(path), "/proc/%d/status", p);
	st = open(path, O_RDONLY);
	n = read(st, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	snprintf(path, sizeof(path), "\nNSpid:\t%d\t1\n", p);
	CHECK(strstr(text, path));
	close(st);
	/* Its own kill does not reach it, ours does. */
	CHECK_EQ(kill(p, SIGTERM), 0);
	usleep(50000);
	CHECK_EQ(waitpid(p, &st, WNOHANG), 0);
	CHECK_EQ(kill(p, SIGKILL), 0);
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(WTERMSIG(st), SIGKILL);
}

static int unshare_pid(void)
{
	int st, fd = ns_open(getpid(), "pid");
	pid_t a, b;

	if (unshare(CLONE_NEWPID) < 0 || ns_ino("pid") == ns_ino("pid_for_children"))
		return 1;
	if (unshare(CLONE_NEWPID) == 0 || errno != EINVAL)
		return 2;
	a = fork();
	if (a == 0) {
		b = fork();
		if (b == 0)
			for (;;)
				pause();
		_exit(getpid() == 1 && b == 2 ? 0 : 9); /* takes its child with it */
	}
	if (waitpid(a, &st, 0) != a || WEXITSTATUS(st) != 0)
		return 3;
	if (fork() >= 0 || errno != ENOMEM) /* the first process is gone */
		return 4;
	if (setns(fd, CLONE_NEWPID) < 0 || ns_ino("pid") != ns_ino("pid_for_children"))
		return 5;
	a = fork();
	if (a == 0)
		_exit(7);
	return waitpid(a, &st, 0) == a && WEXITSTATUS(st) == 7 ? 0 : 6;
}

TEST(unshare_pid_namespace)
{
	need_root();
	CHECK_EQ(in_child(unshare_pid), 0);
}

static int orphan_in_pidns(void)
{
	int st, pp[2], got[2] = {-1, -1};
	pid_t a;

	if (pipe(pp) < 0 || unshare(CLONE_NEWPID) < 0)
		return 1;
	a = fork();
	if (a == 0) {
		pid_t b = fork();

		if (b == 0) { /* its child is left to number 1 */
			if (fork() == 0) {
				int r;

				for (int i = 0; i < 500 && getppid() != 1; i++)
					usleep(1000);
				r = getppid();
				(void)!write(pp[1], &r, sizeof(r));
				_exit(0);
			}
			_exit(0);
		}
		waitpid(b, &st, 0);
		_exit(wait(&st) == 3 ? 5 : 6);
	}
	if (read(pp[0], got, sizeof(int)) != sizeof(int) || got[0] != 1)
		return 2;
	return waitpid(a, &st, 0) == a && WEXITSTATUS(st) == 5 ? 0 : 3;
}

TEST(orphans_go_to_the_first)
{
	need_root();
	CHECK_EQ(in_child(orphan_in_pidns), 0);
}

static int proc_in_pidns(void)
{
	char text[32];
	int st;
	ssize_t n;
	pid_t a;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 1;
	a = fork();
	if (a == 0) {
		if (mount("proc", "/proc", "proc", 0, NULL) < 0)
			_exit(2);
		n = readlink("/proc/self", text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = 0;
		if (strcmp(text, "1"))
			_exit(3);
		_exit(access("/proc/1/status", R_OK) < 0 ? 4 : access("/proc/2", F_OK) == 0 ? 5 : 0);
	}
	waitpid(a, &st, 0);
	return WEXITSTATUS(st);
}

TEST(proc_of_a_pid_namespace)
{
	need_root();
	CHECK_EQ(in_child(proc_in_pidns), 0);
}

/* --- mounts --- */

static int own_mounts(void)
{
	int fd = ns_open(getpid(), "mnt");
	struct stat st;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 1;
	if (mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0 || mkdir("/tmp/inner-only", 0700) < 0)
		return 2;
	if (setns(fd, CLONE_NEWNS) < 0)
		return 3;
	return stat("/tmp/inner-only", &st) == 0 ? 4 : 0;
}

TEST(mount_namespace)
{
	need_root();
	CHECK_EQ(in_child(own_mounts), 0);
}

static int shared_fs_helper(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

static int shared_fs(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int fd = ns_open(getpid(), "mnt"), r = 0, e;
	pid_t p = clone(shared_fs_helper, stack + sizeof(stack), CLONE_FS | SIGCHLD, NULL);

	errno = 0;
	if (setns(fd, CLONE_NEWNS) == 0)
		r = 1;
	e = errno;
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
	return r ? r : e == EINVAL ? 0 : 2;
}

TEST(mount_namespace_with_shared_fs)
{
	need_root();
	CHECK_EQ(in_child(shared_fs), 0);
}

/* --- time --- */

static int time_offsets(void)
{
	struct timespec a, b;
	int fd, st;
	pid_t p;

	clock_gettime(CLOCK_MONOTONIC, &a);
	if (unshare(CLONE_NEWTIME) < 0)
		return 1;
	fd = open("/proc/self/timens_offsets", O_WRONLY);
	if (write(fd, "monotonic 1000 0\nboottime 2000 5\n", 33) != 33)
		return 2;
	if (write(fd, "realtime 1 0\n", 13) == 13 || errno != EINVAL)
		return 3;
	if (write(fd, "monotonic -999999999 0\n", 23) == 23 || errno != ERANGE)
		return 4;
	p = fork();
	if (p == 0) {
		struct timespec s;

		syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &b);
		if (b.tv_sec - a.tv_sec < 999 || b.tv_sec - a.tv_sec > 1010)
			_exit(5);
		clock_gettime(CLOCK_MONOTONIC, &b);
		if (b.tv_sec - a.tv_sec < 999 || b.tv_sec - a.tv_sec > 1010)
			_exit(6);
		/* An absolute sleep is in the namespace's time. */
		s = b;
		s.tv_nsec += 20000000;
		if (s.tv_nsec >= 1000000000) {
			s.tv_nsec -= 1000000000;
			s.tv_sec++;
		}
		if (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &s, NULL))
			_exit(7);
		clock_gettime(CLOCK_MONOTONIC, &a);
		if (a.tv_sec < s.tv_sec || (a.tv_sec == s.tv_sec && a.tv_nsec < s.tv_nsec))
			_exit(8);
		_exit(a.tv_sec - s.tv_sec > 5 ? 9 : 0);
	}
	waitpid(p, &st, 0);
	if (WEXITSTATUS(st))
		return WEXITSTATUS(st);
	return write(fd, "monotonic 1 0\n", 14) < 0 && errno == EACCES ? 0 : 10;
}

TEST(time_namespace)
{
	need_root();
	CHECK_EQ(in_child(time_offsets), 0);
}

/* --- network --- */

static int no_way_out(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = 7, .sin_addr = {htonl(0x0a000001)}};
	int s;

	if (unshare(CLONE_NEWNET) < 0)
		return 1;
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (s < 0)
		return errno == EAFNOSUPPORT ? 0 : 2; /* a kernel may have no internet there at all */
	return connect(s, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == ENETUNREACH ? 0 : 3;
}

TEST(new_network_is_empty)
{
	need_root();
	CHECK_EQ(in_child(no_way_out), 0);
}

/* --- limits and combinations --- */

TEST(clone_combinations)
{
	need_root();
	CHECK_ERR(syscall(SYS_clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_NEWUSER | CLONE_FS | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_clone, CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, 0, 0, 0, 0), EINVAL);
}

static int unprivileged(void)
{
	int fd = ns_open(getpid(), "uts");

	if (setresuid(65534, 65534, 65534) < 0)
		return 1;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (unshare(kinds[i].flag) == 0 || errno != EPERM)
			return 10 + (int)i;
	if (unshare(CLONE_NEWPID) == 0 || errno != EPERM)
		return 2;
	if (setns(fd, 0) == 0 || errno != EPERM)
		return 3;
	if (mount("none", "/tmp", "tmpfs", 0, NULL) == 0 || errno != EPERM)
		return 4;
	return 0;
}

TEST(without_rights)
{
	need_root();
	CHECK_EQ(in_child(unprivileged), 0);
}

TAP_MAIN()
