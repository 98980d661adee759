/* SPDX-License-Identifier: Apache-2.0 */
/* inotify_init, inotify_init1, inotify_add_watch, inotify_rm_watch. */
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include "scratch.h"

static int in;
static char buf[65536], text[8192];

/* Everything that waits, as "wd:mask:name " with the masks in hex. */
static const char *events(void)
{
	ssize_t n = read(in, buf, sizeof(buf));
	size_t at = 0;

	text[0] = '\0';
	for (ssize_t i = 0; i < n;) {
		struct inotify_event *e = (struct inotify_event *)(buf + i);

		at += (size_t)snprintf(text + at, sizeof(text) - at, "%d:%x:%s ", e->wd, e->mask, e->len ? e->name : "");
		i += (ssize_t)sizeof(*e) + e->len;
	}
	return text;
}

static void begin(void)
{
	scratch();
	in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	REQUIRE(in >= 0);
}

static void put(const char *name, int flags, const char *s)
{
	int fd = open(name, O_WRONLY | flags, 0644);

	REQUIRE(fd >= 0);
	if (*s)
		REQUIRE(write(fd, s, strlen(s)) == (ssize_t)strlen(s));
	close(fd);
}

TEST(errors)
{
	begin();
	CHECK_ERR(inotify_init1(1), EINVAL);
	CHECK_ERR(inotify_add_watch(in, ".", 0), EINVAL);
	CHECK_ERR(inotify_add_watch(in, "missing", IN_CREATE), ENOENT);
	CHECK_ERR(inotify_add_watch(0x7fff, ".", IN_CREATE), EBADF);
	CHECK_ERR(inotify_add_watch(in, (char *)8, IN_CREATE), EFAULT);
	put("f", O_CREAT, "");
	CHECK_ERR(inotify_add_watch(in, "f", IN_CREATE | IN_ONLYDIR), ENOTDIR);
	CHECK_ERR(inotify_rm_watch(in, 5), EINVAL);
	CHECK_ERR(read(in, buf, sizeof(buf)), EAGAIN);
	CHECK_EQ(fcntl(in, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(in, F_GETFL) & O_NONBLOCK);
	in = open("f", O_RDONLY);
	CHECK_ERR(inotify_add_watch(in, ".", IN_CREATE), EINVAL);
	CHECK_ERR(inotify_rm_watch(in, 1), EINVAL);
}

TEST(names_in_a_directory)
{
	begin();
	CHECK_EQ(inotify_add_watch(in, ".", IN_CREATE | IN_DELETE | IN_MOVE), 1);
	put("f", O_CREAT, "x");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(symlink("f", "l"), 0);
	CHECK_EQ(link("f", "h"), 0);
	CHECK_EQ(mkfifo("p", 0644), 0);
	CHECK_STR(events(), "1:100:f 1:40000100:d 1:100:l 1:100:h 1:100:p ");
	CHECK_EQ(rename("f", "g"), 0);
	CHECK_EQ(unlink("h"), 0);
	CHECK_EQ(rmdir("d"), 0);
	CHECK_STR(events(), "1:40:f 1:80:g 1:200:h 1:40000200:d ");
}

TEST(what_happens_to_a_file)
{
	char b[4];
	int fd;

	begin();
	put("f", O_CREAT, "text");
	CHECK_EQ(inotify_add_watch(in, "f", IN_ALL_EVENTS), 1);
	fd = open("f", O_RDWR);
	CHECK_EQ(read(fd, b, 4), 4);
	CHECK_EQ(write(fd, "more", 4), 4);
	close(fd);
	CHECK_STR(events(), "1:20: 1:1: 1:2: 1:8: ");
	CHECK_EQ(chmod("f", 0600), 0);
	CHECK_EQ(truncate("f", 1), 0);
	close(open("f", O_RDONLY));
	CHECK_STR(events(), "1:4: 1:2: 1:20: 1:10: ");
	CHECK_EQ(rename("f", "g"), 0);
	CHECK_STR(events(), "1:800: ");
	CHECK_EQ(unlink("g"), 0);
	CHECK_STR(events(), "1:4: 1:400: 1:8000: ");
	CHECK_ERR(inotify_rm_watch(in, 1), EINVAL);
}

TEST(files_in_a_watched_directory)
{
	begin();
	put("f", O_CREAT, "");
	CHECK_EQ(inotify_add_watch(in, ".", IN_MODIFY | IN_CLOSE_WRITE | IN_OPEN | IN_ATTRIB), 1);
	put("f", O_APPEND, "x");
	CHECK_STR(events(), "1:20:f 1:2:f 1:8:f ");
	put("f", O_TRUNC, "");
	CHECK_STR(events(), "1:20:f 1:2:f 1:8:f ");
	CHECK_EQ(chmod("f", 0600), 0);
	CHECK_EQ(chmod(".", 0755), 0);
	CHECK_STR(events(), "1:4:f 1:40000004: ");
}

TEST(moves_have_cookies)
{
	struct inotify_event *a = (struct inotify_event *)buf, *b;

	begin();
	CHECK_EQ(mkdir("d", 0755), 0);
	put("f", O_CREAT, "");
	CHECK_EQ(inotify_add_watch(in, ".", IN_MOVE), 1);
	CHECK_EQ(inotify_add_watch(in, "d", IN_MOVE), 2);
	CHECK_EQ(rename("f", "d/g"), 0);
	REQUIRE(read(in, buf, sizeof(buf)) == 64);
	b = (struct inotify_event *)(buf + 32);
	CHECK_EQ(a->wd, 1);
	CHECK_EQ(b->wd, 2);
	CHECK_EQ(a->mask, IN_MOVED_FROM);
	CHECK_EQ(b->mask, IN_MOVED_TO);
	CHECK(a->cookie != 0 && a->cookie == b->cookie);
	CHECK_STR(a->name, "f");
	CHECK_STR(b->name, "g");
}

TEST(masks)
{
	begin();
	CHECK_EQ(inotify_add_watch(in, ".", IN_CREATE), 1);
	CHECK_EQ(inotify_add_watch(in, ".", IN_DELETE), 1);
	put("a", O_CREAT, "");
	CHECK_ERR(read(in, buf, sizeof(buf)), EAGAIN);
	CHECK_EQ(inotify_add_watch(in, ".", IN_CREATE | IN_MASK_ADD), 1);
	put("b", O_CREAT, "");
	CHECK_EQ(unlink("a"), 0);
	CHECK_STR(events(), "1:100:b 1:200:a ");
	CHECK_ERR(inotify_add_watch(in, ".", IN_CREATE | IN_MASK_CREATE), EEXIST);
	CHECK_EQ(inotify_rm_watch(in, 1), 0);
	CHECK_STR(events(), "1:8000: ");
	CHECK_EQ(inotify_add_watch(in, ".", IN_CREATE | IN_ONESHOT), 2);
	put("c", O_CREAT, "");
	put("d", O_CREAT, "");
	CHECK_STR(events(), "2:100:c 2:8000: ");
}

TEST(reading)
{
	struct pollfd p;
	int n = -1;

	begin();
	p = (struct pollfd){in, POLLIN, 0};
	CHECK_EQ(inotify_add_watch(in, ".", IN_CREATE | IN_MODIFY), 1);
	CHECK_EQ(poll(&p, 1, 0), 0);
	put("a", O_CREAT, "");
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(ioctl(in, FIONREAD, &n), 0);
	CHECK_EQ(n, 32);
	CHECK_ERR(read(in, buf, 16), EINVAL);
	put("a-name-of-sixteen", O_CREAT, "");
	CHECK_EQ(read(in, buf, 40), 32);
	CHECK_EQ(read(in, buf, sizeof(buf)), 48);
	/* The same again and again is one event. */
	for (int i = 0; i < 5; i++)
		put("a", O_APPEND, "x");
	CHECK_STR(events(), "1:2:a ");
}

TEST(a_sleeping_reader)
{
	int status;
	pid_t pid;

	begin();
	CHECK_EQ(fcntl(in, F_SETFL, 0), 0);
	CHECK_EQ(inotify_add_watch(in, ".", IN_CREATE), 1);
	pid = fork();
	if (pid == 0) {
		usleep(30000);
		put("made", O_CREAT, "");
		_exit(0);
	}
	CHECK_STR(events(), "1:100:made ");
	CHECK_EQ(waitpid(pid, &status, 0), pid);
}

TEST(a_replaced_file)
{
	begin();
	put("old", O_CREAT, "");
	put("new", O_CREAT, "");
	CHECK_EQ(inotify_add_watch(in, "old", IN_DELETE_SELF | IN_MOVE_SELF), 1);
	CHECK_EQ(inotify_add_watch(in, "new", IN_DELETE_SELF | IN_MOVE_SELF), 2);
	CHECK_EQ(rename("new", "old"), 0);
	CHECK_STR(events(), "2:800: 1:400: 1:8000: ");
}

TEST(too_many)
{
	struct inotify_event *e = (struct inotify_event *)buf;
	int total = 0, overflow = 0;
	ssize_t n;

	begin();
	put("a", O_CREAT, "");
	put("b", O_CREAT, "");
	CHECK_EQ(inotify_add_watch(in, ".", IN_ATTRIB), 1);
	for (int i = 0; i < 10000; i++) {
		chmod("a", 0600);
		chmod("b", 0600);
	}
	while ((n = read(in, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i += (ssize_t)sizeof(*e) + e->len) {
			e = (struct inotify_event *)(buf + i);
			total++;
			if (e->mask == IN_Q_OVERFLOW) {
				CHECK_EQ(e->wd, -1);
				overflow++;
			}
		}
	CHECK_EQ(overflow, 1);
	CHECK_EQ(total, 16385);
}

TAP_MAIN()
