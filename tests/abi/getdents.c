/* SPDX-License-Identifier: Apache-2.0 */
/* getdents, getdents64. */
#include <dirent.h>
#include <sys/syscall.h>
#include "scratch.h"

/* Not mapped; the compiler need not know. */
static void *volatile nowhere = (void *)8;

struct dent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};
struct dent {
	unsigned long ino, off;
	uint16_t reclen;
	char name[];
};

static int enter(int files)
{
	char name[32];

	scratch();
	for (int i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		make_file(name, "");
	}
	return open(".", O_RDONLY | O_DIRECTORY);
}

TEST(whole_list)
{
	int fd = enter(300), seen = 0, dots = 0;
	char b[1024], hit[300] = {0};
	long n;

	while ((n = syscall(SYS_getdents64, fd, b, sizeof(b))) > 0)
		for (long at = 0; at < n;) {
			struct dent64 *d = (struct dent64 *)(b + at);

			CHECK_EQ(d->reclen % 8, 0);
			REQUIRE(d->reclen >= 24 && at + d->reclen <= n);
			if (!strcmp(d->name, ".") || !strcmp(d->name, "..")) {
				dots++;
				CHECK_EQ(d->type, DT_DIR);
			} else {
				int i = atoi(d->name + 4);

				REQUIRE(i >= 0 && i < 300);
				CHECK_EQ(hit[i]++, 0);
				CHECK_EQ(d->type, DT_REG);
				seen++;
				if (i < 5)
					CHECK_EQ(d->ino, ino_of(d->name));
			}
			at += d->reclen;
		}
	CHECK_EQ(n, 0);
	CHECK_EQ(seen, 300);
	CHECK_EQ(dots, 2);
	CHECK_EQ(syscall(SYS_getdents64, fd, b, sizeof(b)), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK(syscall(SYS_getdents64, fd, b, sizeof(b)) > 0);
}

TEST(old_form)
{
	int fd = enter(3), seen = 0;
	char b[512];
	long n;

	while ((n = syscall(SYS_getdents, fd, b, sizeof(b))) > 0)
		for (long at = 0; at < n;) {
			struct dent *d = (struct dent *)(b + at);

			CHECK_EQ(d->ino, ino_of(d->name));
			/* The type is the record's last byte. */
			CHECK_EQ(b[at + d->reclen - 1], d->name[0] == '.' ? DT_DIR : DT_REG);
			seen++;
			at += d->reclen;
		}
	CHECK_EQ(seen, 5);
}

TEST(goes_on_where_it_was)
{
	int fd = enter(20), n = 0;
	char b[4096], again[4096];
	int64_t off = 0;
	long got = syscall(SYS_getdents64, fd, b, sizeof(b)), rest;

	REQUIRE(got > 0);
	for (long at = 0; at < got && n < 10; n++) {
		off = ((struct dent64 *)(b + at))->off;
		at += ((struct dent64 *)(b + at))->reclen;
	}
	CHECK_EQ(lseek(fd, off, SEEK_SET), off);
	n = 0;
	rest = syscall(SYS_getdents64, fd, again, sizeof(again));
	REQUIRE(rest > 0);
	for (long at = 0; at < rest; n++)
		at += ((struct dent64 *)(again + at))->reclen;
	CHECK_EQ(n, 12);
}

TEST(errors)
{
	int fd = enter(1), f = open("file0", O_RDONLY);
	char b[512];

	CHECK_ERR(syscall(SYS_getdents64, f, b, 512), ENOTDIR);
	CHECK_ERR(syscall(SYS_getdents64, 99, b, 512), EBADF);
	CHECK_ERR(syscall(SYS_getdents64, fd, b, 8), EINVAL);
	CHECK_ERR(syscall(SYS_getdents64, fd, nowhere, 512), EFAULT);
	CHECK_ERR(syscall(SYS_getdents, fd, nowhere, 512), EFAULT);
	CHECK_ERR(syscall(SYS_getdents64, open(".", O_PATH), b, 512), EBADF);
	CHECK_EQ(syscall(SYS_getdents64, fd, b, 512) > 0 && lseek(fd, 0, SEEK_CUR) > 0, 1);
	CHECK_ERR(lseek(fd, INT64_MAX, SEEK_CUR), EINVAL);
	CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	REQUIRE(mkdir("gone", 0755) == 0);
	fd = open("gone", O_RDONLY);
	REQUIRE(rmdir("gone") == 0);
	CHECK_ERR(syscall(SYS_getdents64, fd, b, 512), ENOENT);
}

TEST(changes_while_it_is_read)
{
	int fd = enter(50), left = 0;
	char b[256];
	long n = syscall(SYS_getdents64, fd, b, sizeof(b));

	REQUIRE(n > 0);
	/* Every name that was there all the time comes once, whatever happens to the others. */
	for (int i = 0; i < 50; i += 2) {
		char name[32];

		snprintf(name, sizeof(name), "file%d", i);
		REQUIRE(unlink(name) == 0);
	}
	do {
		for (long at = 0; at < n; at += ((struct dent64 *)(b + at))->reclen) {
			const char *s = ((struct dent64 *)(b + at))->name;

			left += s[0] == 'f' && atoi(s + 4) % 2 == 1;
		}
		n = syscall(SYS_getdents64, fd, b, sizeof(b));
	} while (n > 0);
	CHECK_EQ(left, 25);
}

TAP_MAIN()
