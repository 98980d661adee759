/* SPDX-License-Identifier: Apache-2.0 */
/* Users and capabilities over exec: set-id programs, file capabilities, no_new_privs, mounts: capabilities(7). Needs root. */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include "../tap.h"

#define BIT(c) (1ULL << (c))
#define RAW BIT(CAP_NET_RAW)
#define CHOWN BIT(CAP_CHOWN)

struct who {
	uid_t r, e, s;
	gid_t rg, eg, sg;
	uint64_t p, eff, i, a;
	int secure, keep, dumpable;
	int err; /* of exec: then nothing else is there */
};

static void get_caps(struct who *w)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2];

	syscall(SYS_capget, &h, d);
	w->eff = d[0].effective | (uint64_t)d[1].effective << 32;
	w->p = d[0].permitted | (uint64_t)d[1].permitted << 32;
	w->i = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
	for (unsigned c = 0; c < 41; c++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0) == 1)
			w->a |= BIT(c);
}

static long set_caps(uint64_t e, uint64_t p, uint64_t i)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{(uint32_t)e, (uint32_t)p, (uint32_t)i},
					      {(uint32_t)(e >> 32), (uint32_t)(p >> 32), (uint32_t)(i >> 32)}};

	return syscall(SYS_capset, &h, d);
}

static uint64_t bounding(void)
{
	uint64_t b = 0;

	for (unsigned c = 0; c < 41; c++)
		if (prctl(PR_CAPBSET_READ, c) == 1)
			b |= BIT(c);
	return b;
}

/* The program that is executed is this one. */
__attribute__((constructor)) static void report(void)
{
	const char *fd = getenv("EXECCAPS");
	struct who w = {0};

	if (!fd)
		return;
	getresuid(&w.r, &w.e, &w.s);
	getresgid(&w.rg, &w.eg, &w.sg);
	get_caps(&w);
	w.secure = (int)getauxval(AT_SECURE);
	w.keep = prctl(PR_GET_KEEPCAPS);
	w.dumpable = prctl(PR_GET_DUMPABLE);
	_exit(write(atoi(fd), &w, sizeof(w)) != sizeof(w));
}

static char dir[200], prog[300], nosuid_prog[300];

/* A copy of this program on a file system of its own, and one on a nosuid mount. */
static void copy_self(const char *to)
{
	static char buf[1 << 16];
	int in = open("/proc/self/exe", O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t n;

	REQUIRE(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		REQUIRE(write(out, buf, (size_t)n) == n);
	close(in);
	close(out);
	REQUIRE(chmod(to, 0755) == 0);
}

static void place(void)
{
	char sub[260];

	if (getuid() != 0 || !(bounding() & BIT(CAP_SETFCAP)))
		SKIP("needs root");
	snprintf(dir, sizeof(dir), "%s/execcaps.%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", getpid());
	REQUIRE(mkdir(dir, 0755) == 0);
	if (mount("execcaps", dir, "tmpfs", 0, "mode=755") != 0)
		SKIP("needs to mount");
	snprintf(sub, sizeof(sub), "%s/nosuid", dir);
	REQUIRE(mkdir(sub, 0755) == 0);
	REQUIRE(mount("execcaps", sub, "tmpfs", MS_NOSUID, "mode=755") == 0);
	snprintf(prog, sizeof(prog), "%s/prog", dir);
	snprintf(nosuid_prog, sizeof(nosuid_prog), "%s/prog", sub);
	copy_self(prog);
	copy_self(nosuid_prog);
}

static void unplace(void)
{
	char sub[260];

	snprintf(sub, sizeof(sub), "%s/nosuid", dir);
	umount2(sub, MNT_DETACH);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
}

static int file_caps(const char *path, unsigned rev, bool effective, uint64_t p, uint64_t i, unsigned rootid)
{
	struct vfs_ns_cap_data d = {.magic_etc = rev | (effective ? VFS_CAP_FLAGS_EFFECTIVE : 0), .rootid = rootid};
	size_t n = rev == VFS_CAP_REVISION_3 ? XATTR_CAPS_SZ_3 : rev == VFS_CAP_REVISION_2 ? XATTR_CAPS_SZ_2 : XATTR_CAPS_SZ_1;

	d.data[0].permitted = (uint32_t)p;
	d.data[1].permitted = (uint32_t)(p >> 32);
	d.data[0].inheritable = (uint32_t)i;
	d.data[1].inheritable = (uint32_t)(i >> 32);
	return setxattr(path, "security.capability", &d, n, 0);
}
#define CAPS(e, p, i) REQUIRE(file_caps(prog, VFS_CAP_REVISION_2, e, p, i, 0) == 0)

/* What a program is that a child executes after prepare(). */
static struct who run(const char *path, void (*prepare)(void))
{
	struct who w = {.err = -1};
	char fd[12], *argv[] = {(char *)(uintptr_t)"prog", NULL}, env[32], *envp[] = {env, NULL};
	int p[2], st;
	pid_t c;

	REQUIRE(pipe(p) == 0);
	snprintf(fd, sizeof(fd), "%d", p[1]);
	snprintf(env, sizeof(env), "EXECCAPS=%s", fd);
	c = fork();
	if (c == 0) {
		if (prepare)
			prepare();
		execve(path, argv, envp);
		w.err = errno;
		_exit(write(p[1], &w, sizeof(w)) != sizeof(w));
	}
	close(p[1]);
	if (read(p[0], &w, sizeof(w)) != sizeof(w))
		w.err = -2;
	close(p[0]);
	waitpid(c, &st, 0);
	return w;
}

static void user(void)
{
	REQUIRE(setgroups(0, NULL) == 0 && setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
}
static void user_nnp(void)
{
	user();
	REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}

TEST(plain)
{
	struct who w;

	place();
	w = run(prog, NULL);
	CHECK_EQ(w.err, 0);
	CHECK_EQ(w.p, bounding());
	CHECK_EQ(w.eff, bounding());
	CHECK_EQ(w.secure, 0);
	CHECK_EQ(w.dumpable, 1);
	w = run(prog, user);
	CHECK_EQ(w.r + w.e + w.s, 3000);
	CHECK_EQ(w.p | w.eff | w.a, 0);
	CHECK_EQ(w.secure, 0);
	unplace();
}

TEST(set_user_id)
{
	struct who w;

	place();
	REQUIRE(chmod(prog, 04755) == 0 && chmod(nosuid_prog, 04755) == 0);
	w = run(prog, user);
	CHECK_EQ(w.r, 1000);
	CHECK_EQ(w.e, 0);
	CHECK_EQ(w.s, 0);
	CHECK_EQ(w.p, bounding());
	CHECK_EQ(w.eff, bounding());
	CHECK_EQ(w.secure, 1);
	CHECK_EQ(w.dumpable, 0);
	w = run(prog, user_nnp);
	CHECK_EQ(w.e, 1000);
	CHECK_EQ(w.s, 1000);
	CHECK_EQ(w.p, 0);
	CHECK_EQ(w.secure, 0);
	w = run(nosuid_prog, user);
	CHECK_EQ(w.e, 1000);
	CHECK_EQ(w.p, 0);
	REQUIRE(chown(prog, 2000, 3000) == 0 && chmod(prog, 06755) == 0);
	w = run(prog, user);
	CHECK_EQ(w.r, 1000);
	CHECK_EQ(w.e, 2000);
	CHECK_EQ(w.s, 2000);
	CHECK_EQ(w.rg, 1000);
	CHECK_EQ(w.eg, 3000);
	CHECK_EQ(w.sg, 3000);
	CHECK_EQ(w.p, 0);
	CHECK_EQ(w.secure, 1);
	w = run(prog, NULL); /* root becomes somebody else: only the real user is root */
	CHECK_EQ(w.e, 2000);
	CHECK_EQ(w.p, bounding());
	CHECK_EQ(w.eff, 0);
	REQUIRE(chmod(prog, 02745) == 0); /* without x for the group it is no set-group-id program */
	w = run(prog, user);
	CHECK_EQ(w.eg, 1000);
	CHECK_EQ(w.secure, 0);
	unplace();
}

TEST(script)
{
	char name[300];
	FILE *f;
	struct who w;

	place();
	snprintf(name, sizeof(name), "%s/script", dir);
	f = fopen(name, "w");
	REQUIRE(f);
	fprintf(f, "#!%s\n", prog);
	fclose(f);
	REQUIRE(chmod(name, 04755) == 0);
	w = run(name, user);
	CHECK_EQ(w.err, 0);
	CHECK_EQ(w.e, 1000); /* the script's bit counts nothing */
	REQUIRE(chmod(name, 0755) == 0 && chmod(prog, 04755) == 0);
	w = run(name, user);
	CHECK_EQ(w.e, 0); /* the interpreter's does */
	unplace();
}

static void user_with_inheritable(void)
{
	REQUIRE(prctl(PR_SET_KEEPCAPS, 1) == 0);
	user();
	REQUIRE(set_caps(RAW, RAW, RAW) == 0);
}
static void user_with_ambient(void)
{
	user_with_inheritable();
	REQUIRE(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == 0);
}
static void user_without_bounding(void)
{
	REQUIRE(prctl(PR_CAPBSET_DROP, CAP_NET_RAW) == 0);
	user();
}

TEST(file_capabilities)
{
	struct who w;

	place();
	CAPS(true, RAW, 0);
	w = run(prog, user);
	CHECK_EQ(w.e, 1000);
	CHECK_EQ(w.p, RAW);
	CHECK_EQ(w.eff, RAW);
	CHECK_EQ(w.secure, 1);
	CHECK_EQ(w.dumpable, 0);
	CAPS(false, RAW | CHOWN, 0);
	w = run(prog, user);
	CHECK_EQ(w.p, RAW | CHOWN);
	CHECK_EQ(w.eff, 0);
	CHECK_EQ(w.secure, 1);
	w = run(prog, user_nnp);
	CHECK_EQ(w.err, 0);
	CHECK_EQ(w.p, 0);
	w = run(prog, user_without_bounding);
	CHECK_EQ(w.p, CHOWN);
	CAPS(true, RAW | CHOWN, 0);
	w = run(prog, user_without_bounding); /* it insists on both */
	CHECK_EQ(w.err, EPERM);
	w = run(prog, user_nnp);
	CHECK_EQ(w.err, 0);
	CHECK_EQ(w.p | w.eff, 0);
	CAPS(true, 0, RAW);
	w = run(prog, user);
	CHECK_EQ(w.p, 0);
	w = run(prog, user_with_inheritable);
	CHECK_EQ(w.p, RAW);
	CHECK_EQ(w.eff, RAW);
	CHECK_EQ(w.i, RAW);
	w = run(prog, NULL); /* root has all, whatever the file says */
	CHECK_EQ(w.p, bounding());
	unplace();
}

TEST(file_capabilities_and_set_id)
{
	struct who w;

	place();
	REQUIRE(chmod(prog, 04755) == 0);
	CAPS(true, RAW, 0);
	w = run(prog, user);
	CHECK_EQ(w.e, 0);
	CHECK_EQ(w.p, RAW); /* root by the file, so what the file says */
	CHECK_EQ(w.eff, RAW);
	CHECK_EQ(w.secure, 1);
	REQUIRE(file_caps(nosuid_prog, VFS_CAP_REVISION_2, true, RAW, 0, 0) == 0);
	w = run(nosuid_prog, user);
	CHECK_EQ(w.err, 0);
	CHECK_EQ(w.p, 0);
	unplace();
}

TEST(forms_of_the_attribute)
{
	struct vfs_ns_cap_data d = {.magic_etc = VFS_CAP_REVISION_2};
	struct who w;
	char got[32];

	place();
	REQUIRE(file_caps(prog, VFS_CAP_REVISION_3, true, RAW, 0, 0) == 0);
	w = run(prog, user);
	CHECK_EQ(w.p, RAW);
	REQUIRE(file_caps(prog, VFS_CAP_REVISION_3, true, RAW, 0, 5) == 0);
	w = run(prog, user); /* for the root of another user namespace */
	CHECK_EQ(w.err, 0);
	CHECK_EQ(w.p, 0);
	CHECK_ERR(file_caps(prog, VFS_CAP_REVISION_1, true, RAW, 0, 0), EINVAL);
	CHECK_ERR(file_caps(prog, 0x04000000, true, RAW, 0, 0), EINVAL);
	CHECK_ERR(setxattr(prog, "security.capability", &d, 19, 0), EINVAL);
	CHECK_ERR(setxattr(prog, "security.capability", &d, sizeof(d), 0), EINVAL);
	CHECK_EQ(setxattr(prog, "security.capability", &d, 0, 0), 0); /* an empty one passes, and fails in exec */
	w = run(prog, user);
	CHECK_EQ(w.err, EINVAL);
	REQUIRE(file_caps(prog, VFS_CAP_REVISION_2, true, RAW, 0, 0) == 0);
	CHECK_EQ(getxattr(prog, "security.capability", got, sizeof(got)), XATTR_CAPS_SZ_2);
	if (fork() == 0) {
		user();
		CHECK_ERR(file_caps(prog, VFS_CAP_REVISION_2, true, RAW, 0, 0), EPERM);
		CHECK_ERR(file_caps(prog, VFS_CAP_REVISION_1, true, RAW, 0, 0), EINVAL);
		CHECK_ERR(removexattr(prog, "security.capability"), EPERM);
		fflush(stdout);
		_exit(tap_failures);
	}
	int st;
	REQUIRE(wait(&st) > 0);
	CHECK_EQ(st, 0);
	unplace();
}

static bool has_caps(const char *path)
{
	char b[32];

	return getxattr(path, "security.capability", b, sizeof(b)) > 0;
}

TEST(changes_take_capabilities_away)
{
	char name[300];
	int fd;

	place();
	snprintf(name, sizeof(name), "%s/file", dir);
	fd = open(name, O_RDWR | O_CREAT, 0755);
	REQUIRE(fd >= 0);
#define GIVE()                                                                                     \
	do {                                                                                       \
		REQUIRE(file_caps(name, VFS_CAP_REVISION_2, true, RAW, 0, 0) == 0);                \
		CHECK(has_caps(name));                                                             \
	} while (0)
	GIVE();
	CHECK_EQ(chmod(name, 0700), 0);
	CHECK(has_caps(name));
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK(!has_caps(name));
	GIVE();
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK(!has_caps(name));
	GIVE();
	CHECK_EQ(chown(name, 1, 1), 0);
	CHECK(!has_caps(name));
	GIVE();
	close(open(name, O_WRONLY | O_TRUNC));
	CHECK(!has_caps(name));
	unplace();
}

static void user_with_ambient_nnp(void)
{
	user_with_ambient();
	REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}

TEST(ambient)
{
	struct who w;

	place();
	w = run(prog, user_with_ambient);
	CHECK_EQ(w.p, RAW);
	CHECK_EQ(w.eff, RAW);
	CHECK_EQ(w.a, RAW);
	CHECK_EQ(w.i, RAW);
	CHECK_EQ(w.secure, 0);
	w = run(prog, user_with_ambient_nnp);
	CHECK_EQ(w.eff, RAW);
	CAPS(false, CHOWN, 0);
	w = run(prog, user_with_ambient);
	CHECK_EQ(w.p, CHOWN);
	CHECK_EQ(w.a, 0);
	REQUIRE(removexattr(prog, "security.capability") == 0);
	REQUIRE(chown(prog, 2000, 2000) == 0 && chmod(prog, 04755) == 0);
	w = run(prog, user_with_ambient);
	CHECK_EQ(w.e, 2000);
	CHECK_EQ(w.p | w.a, 0);
	CHECK_EQ(w.i, RAW);
	unplace();
}

static void no_root(void)
{
	REQUIRE(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_KEEP_CAPS) == 0);
}
static void no_root_inheritable(void)
{
	uint64_t b = bounding();

	no_root();
	REQUIRE(set_caps(b, b, RAW) == 0);
}

TEST(securebits)
{
	struct who w;

	place();
	w = run(prog, no_root);
	CHECK_EQ(w.r, 0);
	CHECK_EQ(w.p | w.eff, 0);
	CHECK_EQ(w.keep, 0); /* ends with exec */
	REQUIRE(chmod(prog, 04755) == 0);
	CAPS(true, CHOWN, RAW);
	w = run(prog, no_root_inheritable);
	CHECK_EQ(w.p, CHOWN | RAW);
	unplace();
}

/* A change of user makes a process no longer dumpable; what asks for it again gets it. */
TEST(dumpable)
{
	place();
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
	REQUIRE(setresgid(1000, 1000, 1000) == 0);
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
	CHECK_EQ(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
	REQUIRE(setgroups(0, NULL) == 0);
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
	REQUIRE(setresuid(1000, 1000, 1000) == 0);
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
	CHECK_ERR(prctl(PR_SET_DUMPABLE, 2, 0, 0, 0), EINVAL);
	unplace();
}

TAP_MAIN()
