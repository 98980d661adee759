/* SPDX-License-Identifier: Apache-2.0 */
/* statmount(2), listmount(2), unique mount numbers of statx(2), waiting for changes of mountinfo. */
#include <linux/stat.h>
#include <poll.h>
#include <sys/epoll.h>
#include "mounts.h"

#define NR_STATMOUNT 457
#define NR_LISTMOUNT 458
#define MNT_ID_UNIQUE 0x4000U

struct req {
	uint32_t size, spare;
	uint64_t id, param, ns;
};
struct head {
	uint32_t size, opts;
	uint64_t mask;
	uint32_t dev_major, dev_minor;
	uint64_t magic;
	uint32_t sb_flags, fs_type;
	uint64_t id, parent;
	uint32_t id_old, parent_old;
	uint64_t attr, propagation, peer_group, master, from;
	uint32_t root, point;
	uint64_t ns_id, spare[49];
	char text[1000];
};

static uint64_t unique_id(const char *name)
{
	struct statx sx;

	REQUIRE(statx(AT_FDCWD, name, 0, STATX_BASIC_STATS | MNT_ID_UNIQUE, &sx) == 0);
	if (!(sx.stx_mask & MNT_ID_UNIQUE))
		SKIP("no unique numbers of mounts");
	return sx.stx_mnt_id;
}

static long stat_id(uint64_t id, uint64_t what, void *to, size_t n)
{
	struct req q = {.size = 24, .id = id, .param = what};
	long r = syscall(NR_STATMOUNT, &q, to, n, 0);

	if (r < 0 && errno == ENOSYS)
		SKIP("no statmount");
	return r;
}

TEST(unique_numbers)
{
	uint64_t a, b;

	own_mounts();
	REQUIRE(mkdir("a", 0755) == 0);
	CHECK_EQ(mount("t", "a", "tmpfs", 0, NULL), 0);
	a = unique_id("a");
	CHECK(a > 1U << 31);
	CHECK(a != unique_id("."));
	CHECK_EQ(umount("a"), 0);
	CHECK_EQ(mount("t", "a", "tmpfs", 0, NULL), 0);
	b = unique_id("a");
	CHECK(b > a);
}

TEST(what_is_mounted)
{
	struct head h;
	uint64_t id;
	char at[600];

	own_mounts();
	REQUIRE(mkdir("a", 0755) == 0);
	CHECK_EQ(mount("t", "a", "tmpfs", MS_NOSUID, "size=1m"), 0);
	CHECK_EQ(mount("", "a", NULL, MS_SHARED, NULL), 0);
	id = unique_id("a");
	memset(&h, 0xff, sizeof(h));
	CHECK_EQ(stat_id(id, 0x3f, &h, sizeof(h)), 0);
	CHECK_EQ(h.mask & 0x3f, 0x3f);
	CHECK_EQ(h.magic, 0x01021994);
	CHECK_EQ(h.id, id);
	CHECK_EQ(h.parent, unique_id("."));
	CHECK_EQ(h.attr, 2);
	CHECK_EQ(h.propagation, MS_SHARED);
	CHECK_EQ(h.peer_group, tag("a", "shared:"));
	CHECK_EQ(h.master, 0);
	CHECK_STR(h.text + h.fs_type, "tmpfs");
	CHECK_STR(h.text + h.root, "/");
	snprintf(at, sizeof(at), "%s/a", scratch_dir);
	CHECK_STR(h.text + h.point, at);
	CHECK(h.size >= 512 + strlen("tmpfs") + strlen("/") + strlen(at) + 3);
}

TEST(stat_errors)
{
	struct req q = {.size = 24, .id = 5};
	struct head h;
	uint64_t id;

	own_mounts();
	id = unique_id(".");
	CHECK_EQ(stat_id(id, 1, &h, 64), 0); /* only the beginning */
	CHECK_ERR(stat_id(id, 0x10, &h, 512), EOVERFLOW);
	CHECK_ERR(stat_id(id + 1000000, 1, &h, sizeof(h)), ENOENT);
	CHECK_ERR(stat_id(id, 1, (void *)8, sizeof(h)), EFAULT);
	CHECK_ERR(syscall(NR_STATMOUNT, &q, &h, sizeof(h), 1), EINVAL);
	CHECK_ERR(syscall(NR_STATMOUNT, &q, &h, sizeof(h), 0), EINVAL);
	q.id = id;
	q.size = 20;
	CHECK_ERR(syscall(NR_STATMOUNT, &q, &h, sizeof(h), 0), EINVAL);
	q.size = 5000;
	CHECK_ERR(syscall(NR_STATMOUNT, &q, &h, sizeof(h), 0), E2BIG);
}

TEST(lists)
{
	struct req q = {.size = 24};
	uint64_t ids[100], a, b, c;
	long n;

	own_mounts();
	REQUIRE(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0);
	CHECK_EQ(mount("t", "a", "tmpfs", 0, NULL), 0);
	CHECK_EQ(mkdir("a/c", 0755), 0);
	CHECK_EQ(mount("t", "b", "tmpfs", 0, NULL), 0);
	CHECK_EQ(mount("t", "a/c", "tmpfs", 0, NULL), 0);
	a = unique_id("a");
	b = unique_id("b");
	c = unique_id("a/c");
	q.id = unique_id(".");
	n = syscall(NR_LISTMOUNT, &q, ids, 100, 0);
	if (n < 0 && errno == ENOSYS)
		SKIP("no listmount");
	CHECK_EQ(n, 3);
	CHECK(ids[0] == a && ids[1] == b && ids[2] == c);
	CHECK_EQ(syscall(NR_LISTMOUNT, &q, ids, 1, 0), 1);
	CHECK(ids[0] == a);
	q.param = a;
	CHECK_EQ(syscall(NR_LISTMOUNT, &q, ids, 100, 0), 2);
	CHECK(ids[0] == b && ids[1] == c);
	q.param = 0;
	CHECK_EQ(syscall(NR_LISTMOUNT, &q, ids, 100, 1), 3);
	CHECK(ids[0] == c && ids[2] == a);
	q.id = a;
	CHECK_EQ(syscall(NR_LISTMOUNT, &q, ids, 100, 0), 1);
	CHECK(ids[0] == c);
	q.id = UINT64_MAX; /* from the root */
	CHECK(syscall(NR_LISTMOUNT, &q, ids, 100, 0) >= 4);
	CHECK_ERR(syscall(NR_LISTMOUNT, &q, ids, 100, 2), EINVAL);
	CHECK_ERR(syscall(NR_LISTMOUNT, &q, ids, 2000000, 0), EOVERFLOW);
	q.id = a + 1000000;
	CHECK_ERR(syscall(NR_LISTMOUNT, &q, ids, 100, 0), ENOENT);
}

TEST(changes_wake_poll)
{
	struct pollfd p;
	int fd, ep;
	struct epoll_event ev = {.events = EPOLLPRI};

	own_mounts();
	REQUIRE(mkdir("a", 0755) == 0);
	fd = open("/proc/self/mountinfo", O_RDONLY);
	p = (struct pollfd){fd, POLLPRI, 0};
	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK_EQ(mount("t", "a", "tmpfs", 0, NULL), 0);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents & (POLLPRI | POLLERR), POLLPRI | POLLERR);
	CHECK_EQ(poll(&p, 1, 0), 0);
	ep = epoll_create1(0);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
	if (fork() == 0) {
		usleep(50000);
		_exit(umount("a") != 0);
	}
	CHECK_EQ(epoll_wait(ep, &ev, 1, 5000), 1);
	CHECK(ev.events & EPOLLPRI);
}

TEST(proc_mounts_and_stats)
{
	char want[700], l[2000];
	FILE *f;
	int n = 0;

	own_mounts();
	REQUIRE(mkdir("a b", 0755) == 0);
	CHECK_EQ(mount("the\\source", "a b", "tmpfs", MS_RDONLY | MS_NODEV, "size=64k"), 0);
	snprintf(want, sizeof(want), "the\\134source %s/a\\040b tmpfs ro,nodev,relatime,size=64k", scratch_dir);
	f = fopen("/proc/self/mounts", "r");
	while (fgets(l, sizeof(l), f))
		n += strncmp(l, want, strlen(want)) == 0;
	fclose(f);
	CHECK_EQ(n, 1);
	snprintf(want, sizeof(want), "device the\\134source mounted on %s/a\\040b with fstype tmpfs\n", scratch_dir);
	f = fopen("/proc/self/mountstats", "r");
	REQUIRE(f);
	while (fgets(l, sizeof(l), f))
		n += strcmp(l, want) == 0;
	fclose(f);
	CHECK_EQ(n, 2);
}

TAP_MAIN()
