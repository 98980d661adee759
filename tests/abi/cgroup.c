/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup v2: groups made and removed, processes moved, limits of tasks, figures, kill, birth in a group. */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include "../tap.h"

static char base[64];
static int has_pids;

static int put(const char *name, const char *text)
{
	char path[256];
	int fd, r;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	r = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -errno;
	close(fd);
	return r;
}

static char *get(const char *name)
{
	static char text[4096];
	char path[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	if (fd >= 0)
		close(fd);
	return text;
}

/* A writable cgroup2 with a pids controller to hand down, and a group of our own in it. */
static void enter(void)
{
	struct statfs st;
	char dir[] = "/tmp/cgroup.XXXXXX";

	if (geteuid() != 0)
		SKIP("needs root");
	REQUIRE(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	REQUIRE(mkdtemp(dir));
	if (mount("none", dir, "cgroup2", 0, NULL) < 0)
		SKIP("no cgroup2");
	REQUIRE(statfs(dir, &st) == 0);
	CHECK_EQ(st.f_type, 0x63677270);
	snprintf(base, sizeof(base), "%s", dir);
	has_pids = strstr(get("cgroup.controllers"), "pids") != NULL;
	snprintf(base, sizeof(base), "%s/t%d", dir, getpid());
	REQUIRE(mkdir(base, 0755) == 0);
}

static void leave(void)
{
	CHECK_EQ(rmdir(base), 0);
}

TEST(files)
{
	char path[256];
	struct stat st;

	enter();
	CHECK_STR(get("cgroup.type"), "domain\n");
	CHECK_STR(get("cgroup.procs"), "");
	CHECK(strstr(get("cgroup.events"), "populated 0\n"));
	CHECK_STR(get("cgroup.subtree_control"), "");
	CHECK(strstr(get("cgroup.stat"), "nr_descendants 0\n"));
	CHECK(strstr(get("cpu.stat"), "usage_usec 0\n"));
	snprintf(path, sizeof(path), "%s/cgroup.procs", base);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0644);
	CHECK_EQ(put("cgroup.subtree_control", "+nonsense"), -EINVAL);
	CHECK_EQ(put("cgroup.procs", "x"), -EINVAL);
	CHECK_EQ(put("cgroup.procs", "4194303"), -ESRCH);
	snprintf(path, sizeof(path), "%s/new-file", base);
	CHECK(open(path, O_CREAT | O_WRONLY, 0600) < 0);
	CHECK_ERR(mkdir(base, 0755), EEXIST);
	leave();
	CHECK_ERR(rmdir(base), ENOENT);
}

TEST(move_and_remove)
{
	char text[64], own[4096];
	int go[2], st, fd;
	ssize_t n;
	pid_t p;

	enter();
	REQUIRE(pipe(go) == 0);
	p = fork();
	if (p == 0) {
		(void)!read(go[0], text, 1);
		_exit(0);
	}
	snprintf(text, sizeof(text), "%d\n", p);
	CHECK_EQ(put("cgroup.procs", text), 0);
	CHECK_STR(get("cgroup.procs"), text);
	CHECK_STR(get("cgroup.threads"), text);
	CHECK(strstr(get("cgroup.events"), "populated 1\n"));
	snprintf(own, sizeof(own), "/proc/%d/cgroup", p);
	fd = open(own, O_RDONLY);
	n = read(fd, own, sizeof(own) - 1);
	own[n > 0 ? n : 0] = 0;
	snprintf(text, sizeof(text), "/t%d\n", getpid());
	CHECK(strstr(own, "0::/") && strstr(own, text));
	CHECK_ERR(rmdir(base), EBUSY);
	CHECK_EQ(write(go[1], "x", 1), 1);
	CHECK_EQ(waitpid(p, &st, 0), p);
	leave();
}

TEST(kill_all)
{
	char text[32];
	int st;
	pid_t p = -1;

	enter();
	for (int i = 0; i < 3; i++) {
		p = fork();
		if (p == 0)
			for (;;)
				pause();
		snprintf(text, sizeof(text), "%d", p);
		CHECK_EQ(put("cgroup.procs", text), 0);
	}
	CHECK_EQ(put("cgroup.kill", "2"), -ERANGE);
	CHECK_EQ(put("cgroup.kill", "1"), 0);
	for (int i = 0; i < 3; i++) {
		CHECK(wait(&st) > 0);
		CHECK_EQ(WTERMSIG(st), SIGKILL);
	}
	leave();
}

/* Controllers are handed down by groups without processes of their own, but for the root of all. */
static void delegate(void)
{
	char own[64], list[4096], *save = NULL;

	snprintf(own, sizeof(own), "%s", base);
	*strrchr(base, '/') = 0;
	if (!strstr(get("cgroup.subtree_control"), "pids") && put("cgroup.subtree_control", "+pids") == -EBUSY) {
		snprintf(list, sizeof(list), "%s", get("cgroup.procs"));
		strcat(base, "/rest");
		CHECK(mkdir(base, 0755) == 0 || errno == EEXIST);
		for (char *w = strtok_r(list, "\n", &save); w; w = strtok_r(NULL, "\n", &save))
			CHECK_EQ(put("cgroup.procs", w), 0);
		*strrchr(base, '/') = 0;
		CHECK_EQ(put("cgroup.subtree_control", "+pids"), 0);
	}
	strcpy(base, own);
}

TEST(pids_limit)
{
	char text[32], top[64];
	int st;
	pid_t p;

	enter();
	if (!has_pids) {
		leave();
		SKIP("pids is another hierarchy's");
	}
	snprintf(top, sizeof(top), "%s", base);
	delegate();
	CHECK_EQ(put("cgroup.subtree_control", "+pids"), 0);
	CHECK_STR(get("cgroup.subtree_control"), "pids\n");
	strcat(base, "/leaf");
	REQUIRE(mkdir(base, 0755) == 0);
	CHECK_STR(get("cgroup.controllers"), "pids\n");
	CHECK_STR(get("pids.max"), "max\n");
	CHECK_STR(get("pids.current"), "0\n");
	CHECK_EQ(put("pids.max", "-1"), -EINVAL);
	CHECK_EQ(put("pids.max", "3"), 0);
	CHECK_STR(get("pids.max"), "3\n");
	p = fork();
	if (p == 0) {
		int n = 0;

		if (put("cgroup.procs", "0"))
			_exit(9);
		for (int i = 0; i < 6; i++) {
			pid_t c = fork();

			if (c == 0)
				for (;;)
					pause();
			n += c > 0;
			if (c < 0 && errno != EAGAIN)
				_exit(8);
		}
		if (strcmp(get("pids.current"), "3\n") || strcmp(get("pids.events"), "max 4\n"))
			_exit(7);
		_exit(n == 2 ? 0 : 6);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(WEXITSTATUS(st), 0);
	CHECK_EQ(put("cgroup.kill", "1"), 0);
	/* A group with controllers for its children takes no processes. */
	snprintf(base, sizeof(base), "%s", top);
	snprintf(text, sizeof(text), "%d", getpid());
	CHECK_EQ(put("cgroup.procs", text), -EBUSY);
	strcat(base, "/leaf");
	for (int i = 0; i < 200 && rmdir(base) < 0; i++)
		usleep(10000);
	snprintf(base, sizeof(base), "%s", top);
	leave();
}

TEST(born_there)
{
	struct clone_args a = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	char text[64];
	int st, fd;
	pid_t p;

	enter();
	fd = open(base, O_DIRECTORY | O_RDONLY);
	a.cgroup = (uint64_t)fd;
	p = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	if (p == 0) {
		snprintf(text, sizeof(text), "%d\n", getpid());
		_exit(strcmp(get("cgroup.procs"), text) != 0);
	}
	CHECK(p > 0);
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(WEXITSTATUS(st), 0);
	a.cgroup = 9999;
	CHECK_ERR(syscall(SYS_clone3, &a, sizeof(a)), EBADF);
	a.cgroup = (uint64_t)open("/tmp", O_DIRECTORY | O_RDONLY);
	CHECK_ERR(syscall(SYS_clone3, &a, sizeof(a)), EBADF);
	leave();
}

TEST(namespace)
{
	char text[4096];
	int st, fd;
	ssize_t n;
	pid_t p;

	enter();
	p = fork();
	if (p == 0) {
		if (put("cgroup.procs", "0") || unshare(CLONE_NEWCGROUP) < 0)
			_exit(1);
		fd = open("/proc/self/cgroup", O_RDONLY);
		n = read(fd, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = 0;
		_exit(strstr(text, "0::/\n") ? 0 : 2);
	}
	waitpid(p, &st, 0);
	CHECK_EQ(WEXITSTATUS(st), 0);
	leave();
}

TEST(cpu_time)
{
	unsigned long us = 0;
	int st;
	pid_t p;

	enter();
	p = fork();
	if (p == 0) {
		(void)put("cgroup.procs", "0");
		for (volatile long i = 0; i < 100000000; i++)
			;
		_exit(0);
	}
	waitpid(p, &st, 0);
	sscanf(get("cpu.stat"), "usage_usec %lu", &us);
	CHECK(us > 10000);
	leave();
}

TAP_MAIN()
