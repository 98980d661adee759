/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host as the model: random file calls are made on our tmpfs and on the host's, and every result, and what
 * stat and reading show, must be the same. VFS_SEED=n repeats a run; VFS_STEPS=n makes it longer.
 */
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"
#include "vfs_fake.h"

static uint64_t rng;

static unsigned rnd(unsigned n)
{
	rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(rng >> 33) % n;
}

static const char *const parts[] = {"a", "b", "c", "d", "a", "b", ".", ".."};

static void random_path(char *p)
{
	unsigned n = 1 + rnd(3);

	*p = '\0';
	if (rnd(3) == 0)
		strcat(p, "/");
	for (unsigned i = 0; i < n; i++) {
		strcat(p, parts[rnd(i + 1 == n ? 7 : 8)]);
		if (i + 1 < n)
			strcat(p, "/");
	}
	if (rnd(10) == 0)
		strcat(p, "/");
}

#define HOST(...)                                                                                  \
	({                                                                                         \
		long _h = syscall(__VA_ARGS__);                                                    \
		_h < 0 ? -errno : _h;                                                              \
	})
/* Both sides; reports a difference with the call as text. */
#define BOTH(name, nr, text, ...)                                                                  \
	({                                                                                         \
		long _k = K(name, __VA_ARGS__), _h = HOST(nr, __VA_ARGS__);                        \
		if (_k != _h)                                                                      \
			TAP_FAIL("step %u: " #name " %s: %ld, host %ld", step, text, _k, _h);      \
		_k == _h ? _k : -1000L;                                                            \
	})

static unsigned step;

static void compare_stat(const char *p)
{
	struct stat a, b;
	char text[PATH_MAX];
	bool dir;

	snprintf(text, sizeof(text), "%s", p);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	if (K(lstat, p, &a) != HOST(SYS_lstat, p, &b)) {
		TAP_FAIL("step %u: lstat %s differs: %ld", step, p, K(lstat, p, &a));
		return;
	}
	dir = S_ISDIR(a.st_mode);
	if (a.st_mode != b.st_mode || a.st_nlink != b.st_nlink || a.st_uid != b.st_uid ||
	    a.st_gid != b.st_gid || (!dir && a.st_size != b.st_size))
		TAP_FAIL("step %u: %s: mode %o/%o nlink %lu/%lu uid %u/%u gid %u/%u size %ld/%ld", step,
			 p, a.st_mode, b.st_mode, (unsigned long)a.st_nlink, (unsigned long)b.st_nlink,
			 a.st_uid, b.st_uid, a.st_gid, b.st_gid, (long)a.st_size, (long)b.st_size);
}

/* Open, move bytes, close, on both sides. */
static void file_step(const char *p)
{
	static const int acc[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_APPEND};
	int flags = acc[rnd(4)] | (rnd(2) ? O_CREAT : 0) | (rnd(6) ? 0 : O_EXCL) |
		    (rnd(6) ? 0 : O_TRUNC) | (rnd(12) ? 0 : O_DIRECTORY) | (rnd(12) ? 0 : O_NOFOLLOW);
	char text[PATH_MAX + 32], data[9000], got[2][9000];
	long k, h, off = rnd(20000), n = 1 + rnd(sizeof(data) - 1);

	if ((flags & O_CREAT) && (flags & O_DIRECTORY))
		flags &= ~O_DIRECTORY; /* newer kernels than some hosts refuse it */
	k = K(open, p, flags, 0640);
	h = HOST(SYS_open, p, flags, 0640);
	snprintf(text, sizeof(text), "%s %#x", p, (unsigned)flags);
	if ((k < 0 ? k : 0) != (h < 0 ? h : 0))
		TAP_FAIL("step %u: open %s: %ld, host %ld", step, text, k, h);
	if (k >= 0 && h >= 0) {
		memset(data, 'a' + (int)rnd(26), sizeof(data));
		if (K(pwrite64, k, data, n, off) != HOST(SYS_pwrite64, h, data, n, off))
			TAP_FAIL("step %u: pwrite %s %ld at %ld", step, text, n, off);
		off = rnd(25000);
		memset(got, 0, sizeof(got));
		if (K(pread64, k, got[0], n, off) != HOST(SYS_pread64, h, got[1], n, off) ||
		    memcmp(got[0], got[1], sizeof(got[0])) != 0)
			TAP_FAIL("step %u: pread %s %ld at %ld", step, text, n, off);
		if (rnd(3) == 0 && K(ftruncate, k, off) != HOST(SYS_ftruncate, h, off))
			TAP_FAIL("step %u: ftruncate %s", step, text);
	}
	if (k >= 0)
		K(close, k);
	if (h >= 0)
		close((int)h);
}

static void become(bool root)
{
	fake_become(root ? 0 : 1000, root ? 0 : 1000);
	if (syscall(SYS_setresgid, -1, root ? 0 : 1000, -1) != 0 && root)
		abort();
	if (syscall(SYS_setresuid, -1, root ? 0 : 1000, -1) != 0)
		abort();
	if (root && syscall(SYS_setresgid, -1, 0, -1) != 0)
		abort();
}

static void one_step(bool root, bool may_link)
{
	static const mode_t modes[] = {0755, 0700, 0777, 0644, 0600, 0111, 02755, 04755, 0, 02777};
	char p[64], q[64], both[160], b1[64] = "", b2[64] = "";
	int uid = rnd(2) ? 1000 : -1, gid = rnd(2) ? 1000 : -1; /* BOTH evaluates twice */
	unsigned k2 = 1 + rnd(2), k8 = rnd(8), size = rnd(30000);
	mode_t m = modes[rnd(10)];

	random_path(p);
	random_path(q);
	snprintf(both, sizeof(both), "%s %s %o (%s)", p, q, m, root ? "root" : "user");
	switch (rnd(15)) {
	case 0:
	case 1:
		BOTH(mkdir, SYS_mkdir, both, p, m);
		break;
	case 2:
		BOTH(rmdir, SYS_rmdir, both, p);
		break;
	case 3:
		BOTH(unlink, SYS_unlink, both, p);
		break;
	case 4:
	case 5:
		BOTH(rename, SYS_rename, both, p, q);
		break;
	case 6:
		BOTH(renameat2, SYS_renameat2, both, AT_FDCWD, p, AT_FDCWD, q, k2);
		break;
	case 7:
		if (may_link)
			BOTH(link, SYS_link, both, p, q);
		break;
	case 8:
		BOTH(symlink, SYS_symlink, both, p, q);
		break;
	case 9:
		BOTH(chmod, SYS_chmod, both, p, m);
		break;
	case 10:
		BOTH(chown, SYS_chown, both, p, uid, gid);
		break;
	case 11:
		BOTH(truncate, SYS_truncate, both, p, size);
		break;
	case 12:
		BOTH(access, SYS_access, both, p, k8);
		break;
	case 13:
		if (K(readlink, p, b1, 60) != HOST(SYS_readlink, p, b2, 60) || strcmp(b1, b2) != 0)
			TAP_FAIL("step %u: readlink %s: %s, host %s", step, p, b1, b2);
		break;
	default:
		file_step(p);
		break;
	}
	compare_stat(p);
	compare_stat(q);
}

TEST(random_calls)
{
	const char *seed = getenv("VFS_SEED"), *steps = getenv("VFS_STEPS");
	char dir[] = "/tmp/vfs_model.XXXXXX";
	unsigned n = steps ? (unsigned)strtoul(steps, NULL, 0) : 20000;
	bool root = true, protected = true;
	FILE *f;

	if (geteuid() != 0)
		SKIP("needs root for a mount and a chroot");
	rng = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) ^ (uint64_t)getpid() << 20;
	printf("# VFS_SEED=%llu\n", (unsigned long long)rng);
	fflush(stdout);
	f = fopen("/proc/sys/fs/protected_hardlinks", "r");
	if (f) {
		protected = fgetc(f) != '0';
		fclose(f);
	}
	REQUIRE(mkdtemp(dir));
	REQUIRE(unshare(CLONE_NEWNS) == 0);
	REQUIRE(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	REQUIRE(mount("none", dir, "tmpfs", 0, "mode=755") == 0);
	REQUIRE(chroot(dir) == 0 && chdir("/") == 0);
	umask(022);
	if (syscall(SYS_setgroups, 0, NULL) != 0)
		abort();
	fake_boot();
	CHECK_EQ(K(chmod, "/", 0755), 0);
	for (step = 0; step < n && tap_failures < 5; step++) {
		if (rnd(40) == 0) {
			root = !root;
			become(root);
		}
		one_step(root, root || !protected);
	}
	become(true);
}

TAP_MAIN()
