/* SPDX-License-Identifier: Apache-2.0 */
/* Files that were there before: what a change must keep (numbers, links, times) and what it must not bring back. */
#include <dirent.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include "scratch.h"

/* The number a listing of dir gives for name; 0: not listed. */
static ino_t listed(const char *dir, const char *name)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	ino_t ino = 0;

	REQUIRE(d);
	while ((e = readdir(d)))
		if (!strcmp(e->d_name, name))
			ino = e->d_ino;
	closedir(d);
	return ino;
}

static int count(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	REQUIRE(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void check_same(const char *dir, const char *name, ino_t before)
{
	char p[64];

	snprintf(p, sizeof(p), "%s/%s", dir, name);
	CHECK_EQ(ino_of(p), before);
	CHECK_EQ(listed(dir, name), before);
}

TEST(numbers_stay_when_written)
{
	ino_t f, a, d, dot;
	struct stat st;
	int fd;

	enter_tree(1);
	f = ino_of("f");
	a = ino_of("d/a");
	d = ino_of("d");
	dot = ino_of(".");
	check_same(".", "f", f);
	check_same("d", "a", a);
	fd = open("d/a", O_RDONLY);
	CHECK_EQ(chmod("f", 0600), 0);
	make_file("d/a", "changed");
	check_same(".", "f", f);
	check_same("d", "a", a);
	check_same(".", "d", d);
	CHECK_EQ(ino_of("d/."), d);
	CHECK_EQ(ino_of("d/.."), dot);
	CHECK_EQ(listed("d", "."), d);
	CHECK_EQ(listed("d", ".."), dot);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_ino, a);
	CHECK_EQ(st.st_size, 7);
	CHECK_EQ(rename("d/a", "d/moved"), 0);
	check_same("d", "moved", a);
	CHECK_EQ(rename("d/moved", "moved"), 0);
	check_same(".", "moved", a);
	CHECK_EQ(listed("d", "a"), 0);
	CHECK_EQ(listed("d", "moved"), 0);
}

TEST(numbers_stay_for_links_and_directories)
{
	ino_t link, d, sub, x;

	enter_tree(2);
	link = ino_of("link");
	d = ino_of("d");
	sub = ino_of("d/sub");
	x = ino_of("d/sub/x");
	CHECK_EQ(lchown("link", 5, 6), 0);
	CHECK_EQ(chmod("d/sub/x", 0640), 0);
	check_same(".", "link", link);
	check_same(".", "d", d);
	check_same("d", "sub", sub);
	check_same("d/sub", "x", x);
	CHECK_EQ(mkdir("d/sub/new", 0755), 0);
	check_same("d", "sub", sub);
	check_same("d/sub", "x", x);
	check_same("d/sub", "new", ino_of("d/sub/new"));
	CHECK_EQ(listed("d/sub/new", ".."), sub);
	CHECK_EQ(ino_of("d/sub/new/.."), sub);
}

/* Whether / is the root of a file system, and not a directory of one that is mounted there (proc_pid_mountinfo(5), field 4). */
static bool root_is_whole(void)
{
	char line[4096], root[2048], at[2048];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool whole = true;

	REQUIRE(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d %*d %*s %2047s %2047s", root, at) == 2 && !strcmp(at, "/"))
			whole = !strcmp(root, "/");
	fclose(f);
	return whole;
}

TEST(the_root_is_its_own_parent)
{
	enter_tree(11);
	CHECK_EQ(chmod("d", 0700), 0);
	CHECK_EQ(listed("/", "."), ino_of("/"));
	if (root_is_whole()) /* else the file system itself knows a parent, and lists it */
		CHECK_EQ(listed("/", ".."), ino_of("/"));
}

TEST(numbers_differ)
{
	ino_t a;

	enter_tree(3);
	a = ino_of("d/a");
	CHECK_EQ(unlink("d/a"), 0);
	make_file("d/new", "n");
	CHECK_OP(ino_of("d/new"), !=, ino_of("d/b"));
	CHECK_EQ(listed("d", "a"), 0);
	CHECK_EQ(listed("d", "new"), ino_of("d/new"));
	(void)a;
}

TEST(new_link_of_an_old_file)
{
	struct stat a, b;

	enter_tree(4);
	CHECK_EQ(link("f", "g"), 0);
	CHECK_EQ(stat("f", &a), 0);
	CHECK_EQ(stat("g", &b), 0);
	CHECK_EQ(a.st_ino, b.st_ino);
	CHECK_EQ(a.st_nlink, 2);
	CHECK_EQ(listed(".", "g"), a.st_ino);
	make_file("g", "both");
	CHECK_EQ(stat("f", &a), 0);
	CHECK_EQ(a.st_size, 4);
	CHECK_EQ(unlink("f"), 0);
	CHECK_EQ(stat("g", &a), 0);
	CHECK_EQ(a.st_nlink, 1);
}

TEST(attributes_and_times_stay)
{
	struct stat a, b, d1, d2;

	enter_tree(5);
	CHECK_EQ(stat("f", &a), 0);
	CHECK_EQ(stat(".", &d1), 0);
	CHECK_EQ(chmod("f", 0604), 0);
	CHECK_EQ(stat("f", &b), 0);
	CHECK_EQ(stat(".", &d2), 0);
	CHECK_EQ(a.st_mtim.tv_sec, b.st_mtim.tv_sec);
	CHECK_EQ(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec);
	CHECK_EQ(b.st_mode, S_IFREG | 0604);
	CHECK_EQ(b.st_size, a.st_size);
	CHECK_EQ(b.st_dev, a.st_dev);
	CHECK_EQ(d1.st_mtim.tv_nsec, d2.st_mtim.tv_nsec);
	/* One says that subdirectories are not counted. */
	CHECK(d2.st_nlink == d1.st_nlink || d2.st_nlink == 1);
}

TEST(open_for_reading_sees_the_change)
{
	char buf[16] = "";
	int r, w;

	enter_tree(6);
	r = open("f", O_RDONLY);
	w = open("f", O_WRONLY);
	REQUIRE(r >= 0 && w >= 0);
	CHECK_EQ(pwrite(w, "UPPER", 5, 0), 5);
	CHECK_EQ(pread(r, buf, 15, 0), 7);
	CHECK_STR(buf, "UPPER f");
	CHECK_EQ(ftruncate(w, 3), 0);
	CHECK_EQ(lseek(r, 0, SEEK_END), 3);
}

TEST(removed_names_do_not_come_back)
{
	enter_tree(7);
	CHECK_EQ(unlink("d/a"), 0);
	CHECK_EQ(unlink("d/b"), 0);
	CHECK_EQ(unlink("d/sub/x"), 0);
	CHECK_EQ(rmdir("d/sub"), 0);
	CHECK_EQ(count("d"), 2);
	CHECK_EQ(rmdir("d"), 0);
	CHECK_ERR(chdir("d"), ENOENT);
	CHECK_EQ(mkdir("d", 0700), 0);
	CHECK_EQ(count("d"), 2);
	CHECK_ERR(access("d/a", F_OK), ENOENT);
	CHECK_EQ(mkdir("d/sub", 0700), 0);
	CHECK_EQ(count("d/sub"), 2);
	CHECK_EQ(unlink("f"), 0);
	CHECK_EQ(mkdir("f", 0755), 0);
	CHECK_EQ(rename("f", "empty"), 0);
	CHECK_EQ(count("empty"), 2);
}

TEST(replaced_by_rename)
{
	char buf[16] = "";
	int fd;

	enter_tree(8);
	make_file("new", "new");
	CHECK_EQ(rename("new", "d/a"), 0);
	fd = open("d/a", O_RDONLY);
	CHECK_EQ(read(fd, buf, 15), 3);
	CHECK_EQ(mkdir("n", 0755), 0);
	CHECK_ERR(rename("n", "d"), ENOTEMPTY);
	CHECK_EQ(rename("n", "empty"), 0);
	CHECK_EQ(access("n", F_OK), -1);
	CHECK_EQ(rename("d/b", "b"), 0);
	CHECK_EQ(access("d/b", F_OK), -1);
	CHECK_EQ(renameat2(AT_FDCWD, "b", AT_FDCWD, "f", RENAME_EXCHANGE), 0);
	fd = open("f", O_RDONLY);
	CHECK_EQ(read(fd, buf, 15), 7);
	buf[7] = 0;
	CHECK_STR(buf, "lower b");
}

TEST(mapped_before_it_was_written)
{
	char *p, buf[8] = "";
	int r, w;

	enter_tree(9);
	r = open("big", O_RDONLY);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, r, 0);
	REQUIRE(p != MAP_FAILED);
	CHECK_EQ(p[0], 'B');
	w = open("big", O_RDWR);
	CHECK_EQ(pwrite(w, "written", 7, 69990), 7);
	CHECK_EQ(pread(r, buf, 7, 69990), 7);
	CHECK_STR(buf, "written");
	CHECK_EQ(pread(r, buf, 7, 0), 7);
	CHECK_STR(buf, "BBBBBBB");
}

TEST(xattrs_stay)
{
	char v[8] = "";

	enter_tree(10);
	if (setxattr("f", "user.k", "v1", 2, 0) < 0 && errno == EOPNOTSUPP)
		SKIP("no user attributes here");
	CHECK_EQ(chmod("f", 0600), 0);
	CHECK_EQ(getxattr("f", "user.k", v, 8), 2);
}

TREE_MAIN()
