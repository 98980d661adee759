/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many threads that walk, make, move and remove the same few names, on a tmpfs and on an overlay. Each call may
 * fail in its own ways; what counts is that nothing else breaks (run it under ASan and TSan too) and that what is
 * left in the end can be listed, looked up and removed. VFS_STEPS=n makes it longer.
 */
#include <dirent.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sys/syscall.h>
#include "../tap.h"
#include "kernel/fs/overlay/overlay.h"
#include "vfs_fake.h"

#define THREADS 4

static unsigned steps;

struct worker {
	pthread_t th;
	struct task task;
	uint64_t rng;
	unsigned bad;
};

static unsigned rnd(struct worker *w, unsigned n)
{
	w->rng = w->rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(w->rng >> 33) % n;
}

static const char *const dirs[] = {"", "/a", "/b", "/a/c", "/a/d"};
static const char *const names[] = {"a", "b", "c", "d", "x", "y"};

static void name(struct worker *w, char *p, size_t cap)
{
	snprintf(p, cap, "%s/%s", dirs[rnd(w, ARRAY_SIZE(dirs))], names[rnd(w, ARRAY_SIZE(names))]);
}

static void tmpfile_and_link(struct worker *w, const char *dir, const char *to)
{
	char proc[32] = "";
	long fd = K(open, dir, O_TMPFILE | O_RDWR, 0600);

	if (fd < 0)
		return;
	K(write, fd, "text", 4);
	K(linkat, fd, proc, AT_FDCWD, to, AT_EMPTY_PATH);
	K(close, fd);
}

static void list(const char *p)
{
	char buf[1024];
	long fd = K(open, p, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return;
	while (K(getdents64, fd, buf, sizeof(buf)) > 0)
		;
	K(close, fd);
}

static void step(struct worker *w)
{
	char p[64], q[64], buf[64];
	struct stat st;
	long r = 0;

	name(w, p, sizeof(p));
	name(w, q, sizeof(q));
	switch (rnd(w, 12)) {
	case 0:
		r = K(mkdir, p, 0755);
		break;
	case 1:
		r = K(open, p, O_CREAT | O_RDWR, 0644);
		if (r >= 0) {
			K(write, r, "text", 4);
			K(close, r);
		}
		break;
	case 2:
		r = K(unlink, p);
		break;
	case 3:
		r = K(rmdir, p);
		break;
	case 4:
	case 5:
		r = K(rename, p, q);
		break;
	case 6:
		r = K(renameat2, AT_FDCWD, p, AT_FDCWD, q, RENAME_EXCHANGE);
		break;
	case 7:
		r = K(link, p, q);
		break;
	case 8:
		r = K(symlink, q, p);
		break;
	case 9:
		tmpfile_and_link(w, p, q);
		break;
	case 10:
		list(p);
		break;
	default:
		r = K(stat, p, &st);
		(void)K(readlink, q, buf, sizeof(buf));
		break;
	}
	if (r == -EIO || r == -ENOMEM || r == -ESTALE || r == -EFAULT)
		w->bad++;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	current = &w->task;
	for (unsigned i = 0; i < steps; i++)
		step(w);
	return NULL;
}

/* Removes everything below dir. The names were read first: removing moves positions. */
static void remove_all(const char *dir)
{
	char buf[8192], p[256];
	long fd = K(open, *dir ? dir : "/", O_RDONLY | O_DIRECTORY, 0), n;

	REQUIRE(fd >= 0);
	n = K(getdents64, fd, buf, sizeof(buf));
	CHECK_OP(n, >=, 0);
	for (long at = 0; at < n; at += *(unsigned short *)(buf + at + 16)) {
		const char *e = buf + at + 19;
		struct stat st;

		if (!strcmp(e, ".") || !strcmp(e, ".."))
			continue;
		snprintf(p, sizeof(p), "%s/%s", dir, e);
		CHECK_EQ(K(lstat, p, &st), 0);
		if (S_ISDIR(st.st_mode)) {
			remove_all(p);
			CHECK_EQ(K(rmdir, p), 0);
		} else {
			CHECK_EQ(K(unlink, p), 0);
		}
	}
	K(close, fd);
}

static void run_all(void)
{
	static struct worker w[THREADS];
	const char *s = getenv("VFS_STEPS");
	unsigned bad = 0;

	steps = s ? (unsigned)strtoul(s, NULL, 0) : 20000;
	for (int i = 0; i < THREADS; i++) {
		w[i].task = fake_task;
		mutex_init(&w[i].task.lock, RANK_TASK, "task");
		w[i].rng = (uint64_t)i + 1;
		REQUIRE(pthread_create(&w[i].th, NULL, work, &w[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(w[i].th, NULL);
		bad += w[i].bad;
	}
	CHECK_EQ(bad, 0);
	remove_all("");
}

TEST(tmpfs)
{
	alarm(300);
	fake_boot();
	run_all();
}

TEST(overlay)
{
	struct path root;
	struct super *sb, *lower;

	alarm(300);
	fake_boot();
	for (size_t i = 1; i < ARRAY_SIZE(dirs); i++)
		K(mkdir, dirs[i], 0755);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char p[64];

		snprintf(p, sizeof(p), "%s/x", dirs[i]);
		K(close, K(open, p, O_CREAT | O_RDWR, 0644));
	}
	mnt_namespace_root(fake_ns.mnt, &root);
	lower = super_get(root.mnt->sb);
	path_put(&root);
	REQUIRE(overlay_super_new(lower, fake_tmpfs(), NULL, &sb) == 0);
	fake_root(sb);
	run_all();
}

TAP_MAIN()
