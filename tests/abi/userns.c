/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces: maps and who may write them, ids and capabilities inside, what their root may and may not do. */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "../tap.h"

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), r;

	if (fd < 0)
		return -errno;
	r = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -errno;
	close(fd);
	return r;
}

static int get(const char *path, char *text, size_t cap)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, cap - 1);

	text[n > 0 ? n : 0] = 0;
	if (fd >= 0)
		close(fd);
	return (int)n;
}

static int in_child(int (*fn)(void))
{
	int st = -1;
	pid_t p = fork();

	if (p == 0)
		_exit(fn());
	waitpid(p, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 1000 + st;
}

static void need_root(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
}

static uint64_t effective(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) < 0)
		return 0;
	return d[0].effective | (uint64_t)d[1].effective << 32;
}

/* An ordinary user in a namespace of its own, mapped to root. */
static int enter(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0)
		return 90;
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (unshare(CLONE_NEWUSER) < 0)
		return 91;
	return 0;
}

static int enter_mapped(void)
{
	int r = enter();

	if (r)
		return r;
	if (put("/proc/self/setgroups", "deny") < 0 || put("/proc/self/uid_map", "0 1000 1") < 0 ||
	    put("/proc/self/gid_map", "0 1000 1") < 0)
		return 92;
	return 0;
}

static int unmapped(void)
{
	char text[128];
	int r = enter();

	if (r)
		return r;
	if (getuid() != 65534 || geteuid() != 65534 || getgid() != 65534)
		return 1;
	if (effective() == 0 || prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) != 1)
		return 2;
	if (get("/proc/self/uid_map", text, sizeof(text)) != 0)
		return 3;
	if (setuid(0) == 0 || errno != EINVAL)
		return 4;
	if (setgroups(0, NULL) == 0 || errno != EPERM)
		return 5;
	return 0;
}

TEST(before_the_maps)
{
	need_root();
	CHECK_EQ(in_child(unmapped), 0);
}

static int mapped(void)
{
	char text[128];
	struct stat st;
	int r = enter_mapped();

	if (r)
		return r;
	if (getuid() != 0 || geteuid() != 0 || getgid() != 0 || getegid() != 0)
		return 1;
	get("/proc/self/uid_map", text, sizeof(text));
	if (strcmp(text, "         0       1000          1\n"))
		return 2;
	get("/proc/self/setgroups", text, sizeof(text));
	if (strcmp(text, "deny\n"))
		return 3;
	if (stat("/proc/self/ns/user", &st) < 0 || stat("/", &st) < 0 || st.st_uid != 65534)
		return 4; /* the real root has no number here */
	if (put("/proc/self/uid_map", "0 1000 1") != -EPERM)
		return 5; /* once only */
	if (setgroups(0, NULL) == 0 || errno != EPERM)
		return 6;
	if (chmod("/", 0755) == 0 || errno != EPERM)
		return 7; /* capabilities are over what is mapped */
	if (setuid(5) == 0 || errno != EINVAL)
		return 8;
	get("/proc/self/status", text, sizeof(text));
	return 0;
}

TEST(mapped_to_root)
{
	need_root();
	CHECK_EQ(in_child(mapped), 0);
}

static int files_of_root(void)
{
	struct stat st;
	char dir[] = "/tmp/userns.XXXXXX", path[64];
	int r, fd;

	if (getenv("TMPDIR") && chdir(getenv("TMPDIR")) < 0)
		return 80;
	if (!mkdtemp(dir) || chmod(dir, 0777) < 0)
		return 81;
	r = enter_mapped();
	if (r)
		return r;
	snprintf(path, sizeof(path), "%s/f", dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != 0 || st.st_gid != 0)
		return 1;
	if (fchown(fd, 0, 0) < 0)
		return 2;
	if (fchown(fd, 1, 0) == 0 || errno != EINVAL)
		return 3;
	if (mknod(path, S_IFCHR | 0600, 0x103) == 0)
		return 4;
	snprintf(path, sizeof(path), "%s/dev", dir);
	if (mknod(path, S_IFCHR | 0600, 0x103) == 0 || errno != EPERM)
		return 5;
	return 0;
}

TEST(files)
{
	need_root();
	CHECK_EQ(in_child(files_of_root), 0);
}

static int map_rules(void)
{
	int r = enter();

	if (r)
		return r;
	if (put("/proc/self/uid_map", "0 1001 1") != -EPERM)
		return 1; /* not mine */
	if (put("/proc/self/uid_map", "0 1000 2") != -EPERM)
		return 2;
	if (put("/proc/self/gid_map", "0 1000 1") != -EPERM)
		return 3; /* setgroups must be denied first */
	if (put("/proc/self/uid_map", "0 1000") != -EINVAL || put("/proc/self/uid_map", "0 1000 0") != -EINVAL ||
	    put("/proc/self/uid_map", "x 1000 1") != -EINVAL || put("/proc/self/uid_map", "0 1000 1 7") != -EINVAL)
		return 4;
	if (put("/proc/self/uid_map", "0 1000 5\n3 2000 5\n") != -EINVAL)
		return 5;
	if (put("/proc/self/setgroups", "perhaps") != -EINVAL)
		return 6;
	if (put("/proc/self/setgroups", "deny\n") != 0)
		return 7;
	if (put("/proc/self/setgroups", "allow") != -EPERM)
		return 8;
	if (put("/proc/self/gid_map", "5 1000 1\n") != 0)
		return 9;
	if (put("/proc/self/setgroups", "deny") != -EPERM)
		return 10;
	if (getgid() != 5)
		return 11;
	return 0;
}

TEST(map_rules)
{
	need_root();
	CHECK_EQ(in_child(map_rules), 0);
}

static int parent_writes(void)
{
	int pp[2], qq[2], st;
	char c, path[64];
	pid_t p;

	if (pipe(pp) < 0 || pipe(qq) < 0)
		return 1;
	p = fork();
	if (p == 0) {
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(2);
		(void)!write(pp[1], "x", 1);
		(void)!read(qq[0], &c, 1);
		if (getuid() != 10 || getgid() != 20)
			_exit(3);
		if (setresuid(12, 12, 12) < 0 || getuid() != 12)
			_exit(4);
		_exit(0);
	}
	if (read(pp[0], &c, 1) != 1)
		return 5;
	snprintf(path, sizeof(path), "/proc/%d/uid_map", p);
	if (put(path, "10 0 3\n20 5000 1\n") != 0)
		return 6;
	snprintf(path, sizeof(path), "/proc/%d/gid_map", p);
	if (put(path, "20 0 1\n") != 0)
		return 7;
	(void)!write(qq[1], "x", 1);
	waitpid(p, &st, 0);
	return WEXITSTATUS(st);
}

TEST(written_by_the_parent)
{
	need_root();
	CHECK_EQ(in_child(parent_writes), 0);
}

static int rights(void)
{
	int r = enter_mapped();

	if (r)
		return r;
	/* Of its own namespaces it is root; of those it came with it is not. */
	if (sethostname("x", 1) == 0 || errno != EPERM)
		return 1;
	if (mount("none", "/tmp", "tmpfs", 0, NULL) == 0 || errno != EPERM)
		return 2;
	if (unshare(CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP) < 0)
		return 3;
	if (sethostname("x", 1) < 0)
		return 4;
	if (mount("none", "/tmp", "tmpfs", 0, NULL) < 0 || mkdir("/tmp/a", 0700) < 0)
		return 5;
	if (chroot("/tmp") < 0)
		return 6;
	if (unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
		return 7; /* not from a chroot */
	if (kill(getppid(), 0) == 0 || errno != EPERM)
		return 8;
	return 0;
}

TEST(rights)
{
	need_root();
	CHECK_EQ(in_child(rights), 0);
}

static int locked_mounts(void)
{
	char dir[] = "/tmp/locked.XXXXXX", sub[64];
	int r;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 80;
	if (!mkdtemp(dir) || chmod(dir, 0755) < 0 || mount("none", dir, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
		return 81;
	snprintf(sub, sizeof(sub), "%s", dir);
	r = enter_mapped();
	if (r)
		return r;
	if (unshare(CLONE_NEWNS) < 0)
		return 1;
	if (umount2(sub, MNT_DETACH) == 0 || errno != EINVAL)
		return 2; /* what hides something stays */
	if (mount(NULL, sub, NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV, NULL) == 0 || errno != EPERM)
		return 3; /* and stays read-only */
	if (mount(NULL, sub, NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_RDONLY | MS_NOEXEC, NULL) < 0)
		return 4;
	if (mount("/", "/tmp", NULL, MS_BIND, NULL) == 0 || errno != EINVAL)
		return 5; /* a copy without its mounts would show what they hide */
	if (mount("/", "/tmp", NULL, MS_BIND | MS_REC, NULL) < 0)
		return 6;
	return 0;
}

TEST(locked_mounts)
{
	need_root();
	CHECK_EQ(in_child(locked_mounts), 0);
}

static int nested(void)
{
	int depth = 0, r = enter_mapped();

	if (r)
		return r;
	while (unshare(CLONE_NEWUSER) == 0) {
		depth++;
		if (put("/proc/self/setgroups", "deny") < 0 && depth == 1)
			return 1;
		if (put("/proc/self/uid_map", "0 0 1") < 0 || put("/proc/self/gid_map", "0 0 1") < 0)
			return 2;
		if (getuid() != 0)
			return 3;
		if (depth > 40)
			return 4;
	}
	if (errno != ENOSPC && errno != EUSERS)
		return 5;
	return depth < 20 ? 6 : 0;
}

TEST(nested)
{
	need_root();
	CHECK_EQ(in_child(nested), 0);
}

static int set_limit(void)
{
	int st, fd;

	/* A /proc of its own: the one that is there may be read-only. */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) < 0)
		return 1;
	fd = fork();
	if (fd != 0) {
		waitpid(fd, &st, 0);
		return WEXITSTATUS(st);
	}
	if (mount("proc", "/tmp", "proc", 0, NULL) < 0 || put("/tmp/sys/user/max_uts_namespaces", "2") < 0)
		return 2;
	if (unshare(CLONE_NEWUTS) < 0)
		return 3;
	if (fork() == 0) {
		if (unshare(CLONE_NEWUTS) < 0)
			_exit(4);
		if (unshare(CLONE_NEWUTS) == 0) /* the first two are held by parent and by nobody */
			_exit(0);
		_exit(errno == ENOSPC ? 0 : 5);
	}
	wait(&st);
	if (WEXITSTATUS(st))
		return WEXITSTATUS(st);
	fd = open("/tmp/self/ns/uts", O_RDONLY);
	if (fd < 0 || unshare(CLONE_NEWUTS) < 0)
		return 6;
	if (unshare(CLONE_NEWUTS) == 0 || errno != ENOSPC)
		return 7;
	close(fd);
	return unshare(CLONE_NEWUTS) < 0 ? 8 : 0;
}

TEST(limits)
{
	need_root();
	CHECK_EQ(in_child(set_limit), 0);
}

static int clone_user(void)
{
	int st;
	pid_t p;

	if (setgroups(0, NULL) < 0 || setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0)
		return 90;
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	p = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
	if (p == 0) {
		if (getpid() != 1)
			_exit(1);
		/* /proc is the outer namespace's: "self" is its number there. */
		if (put("/proc/self/uid_map", "1000 1000 1") < 0)
			_exit(2);
		_exit(getuid() == 1000 ? 0 : 3);
	}
	if (p < 0)
		return 4;
	waitpid(p, &st, 0);
	return WEXITSTATUS(st);
}

TEST(clone_with_all)
{
	need_root();
	CHECK_EQ(in_child(clone_user), 0);
}

static int join(void)
{
	int pp[2], st, fd;
	char c, path[64];
	pid_t p;

	if (pipe(pp) < 0)
		return 1;
	p = fork();
	if (p == 0) {
		if (enter_mapped())
			_exit(1);
		(void)!write(pp[1], "x", 1);
		for (;;)
			pause();
	}
	if (read(pp[0], &c, 1) != 1)
		return 2;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", p);
	fd = open(path, O_RDONLY);
	if (setns(fd, CLONE_NEWUSER) < 0)
		return 3;
	if (getuid() != 65534 || effective() == 0)
		return 4; /* root has no number there, but all rights */
	if (setns(fd, CLONE_NEWUSER) == 0 || errno != EINVAL)
		return 5;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 || getuid() != 0)
		return 6;
	kill(p, SIGKILL);
	waitpid(p, &st, 0);
	return 0;
}

TEST(join)
{
	need_root();
	CHECK_EQ(in_child(join), 0);
}

TAP_MAIN()
