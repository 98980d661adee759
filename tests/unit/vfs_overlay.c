/* SPDX-License-Identifier: Apache-2.0 */
/* The overlay over a tmpfs that was filled before: what the file calls show is what one file system would show. */
#include <dirent.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include "../tap.h"
#include "kernel/fs/overlay/overlay.h"
#include "vfs_fake.h"

static long make_file(const char *name, const char *text)
{
	long fd = K(open, name, O_CREAT | O_RDWR, 0644), n;

	if (fd < 0)
		return fd;
	n = K(write, fd, text, strlen(text));
	K(close, fd);
	return n < 0 ? n : 0;
}

/* What the root holds so far becomes the lower; the task's root is the overlay from now on. */
static void overlay_boot(void)
{
	struct path root;
	struct super *sb, *lower;

	mnt_namespace_root(fake_ns.mnt, &root);
	lower = super_get(root.mnt->sb);
	path_put(&root);
	REQUIRE(overlay_super_new(lower, fake_tmpfs(), NULL, &sb) == 0);
	fake_root(sb);
}

struct linux_dirent64_ {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

/* Number of names in dir; the number and type that the listing gives for name go to *ret_ino (0: not listed). */
static unsigned list(const char *dir, const char *name, uint64_t *ret_ino)
{
	long fd = K(open, dir, O_RDONLY | O_DIRECTORY, 0), n;
	static char buf[32768];
	unsigned count = 0;

	*ret_ino = 0;
	REQUIRE(fd >= 0);
	while ((n = K(getdents64, fd, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n;) {
			struct linux_dirent64_ *d = (void *)(buf + at);

			if (!strcmp(d->name, name))
				*ret_ino = d->ino;
			count++;
			at += d->len;
		}
	}
	CHECK_EQ(n, 0);
	K(close, fd);
	return count;
}

/* Every cached name that is not in use goes. */
static void drop_dentries(void)
{
	char name[64];
	struct stat st;

	for (int i = 0; i < 110000; i++) {
		snprintf(name, sizeof(name), "/absent-%d", i);
		if (K(stat, name, &st) != -ENOENT)
			abort();
	}
}

TEST(merged_listing)
{
	uint64_t ino;

	fake_boot();
	CHECK_EQ(K(mkdir, "/d", 0755), 0);
	CHECK_EQ(make_file("/d/low", "low"), 0);
	CHECK_EQ(make_file("/d/gone", "gone"), 0);
	overlay_boot();
	CHECK_EQ(K(unlink, "/d/gone"), 0);
	CHECK_EQ(make_file("/d/up", "up"), 0);
	CHECK_EQ(K(mknod, "/d/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	for (int pass = 0; pass < 2; pass++) {
		CHECK_EQ(list("/d", "gone", &ino), 5); /* ., .., low, up, null */
		CHECK_EQ(ino, 0);
		list("/d", "null", &ino);
		CHECK(ino != 0);
		/* The second time the layer must look its devices up to tell them from whiteouts. */
		drop_dentries();
	}
	CHECK_EQ(K(rmdir, "/d"), -ENOTEMPTY);
	CHECK_EQ(K(unlink, "/d/low"), 0);
	CHECK_EQ(K(unlink, "/d/up"), 0);
	CHECK_EQ(K(unlink, "/d/null"), 0);
	drop_dentries();
	CHECK_EQ(K(rmdir, "/d"), 0);
	CHECK_EQ(K(mkdir, "/d", 0755), 0);
	CHECK_EQ(list("/d", "low", &ino), 2);
}

TAP_MAIN()
