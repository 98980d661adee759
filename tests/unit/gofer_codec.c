/* SPDX-License-Identifier: Apache-2.0 */
/* The FUSE wire: decoding within bounds, checks of replies, descriptors. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include "proto/fuse_wire.h"
#include "../tap.h"

TEST(names)
{
	char longest[NAME_MAX + 2];

	memset(longest, 'x', sizeof(longest));
	CHECK(fw_name_ok("a", 1));
	CHECK(fw_name_ok("...", 3));
	CHECK(fw_name_ok(".a", 2));
	CHECK(fw_name_ok(longest, NAME_MAX));
	CHECK(!fw_name_ok(longest, NAME_MAX + 1));
	CHECK(!fw_name_ok("", 0));
	CHECK(!fw_name_ok(".", 1));
	CHECK(!fw_name_ok("..", 2));
	CHECK(!fw_name_ok("a/b", 3));
	CHECK(!fw_name_ok("/", 1));
	CHECK(!fw_name_ok("a\0b", 3));
}

TEST(reader_bounds)
{
	struct fw_reader r;
	uint32_t v;
	size_t len;
	char b[5];

	fw_reader_init(&r, "\1\0\0\0xy", 6);
	fw_get(&r, &v, 4);
	CHECK_EQ(v, 1);
	CHECK(!fw_done(&r));
	CHECK(fw_get_str(&r, 10, &len) == NULL); /* no NUL */
	CHECK(r.bad);
	fw_get(&r, b, 1);
	CHECK_EQ(b[0], 0);
	fw_reader_init(&r, "abc", 4);
	CHECK(fw_get_str(&r, 2, &len) == NULL); /* longer than allowed */
	fw_reader_init(&r, "abc", 4);
	CHECK_STR(fw_get_str(&r, 3, &len), "abc");
	CHECK(fw_done(&r));
	fw_reader_init(&r, "", 0);
	CHECK(fw_get_bytes(&r, 1) == NULL);
	fw_reader_init(&r, "..", 3);
	CHECK(fw_get_name(&r, &len) == NULL);
}

TEST(writer_bounds)
{
	struct fw_writer w;
	char buf[8];

	fw_writer_init(&w, buf, sizeof(buf));
	fw_put(&w, "1234", 4);
	fw_put_str(&w, "567", 3);
	CHECK(!w.bad);
	CHECK_EQ(w.len, 8);
	fw_put(&w, "x", 1);
	CHECK(w.bad);
	CHECK_EQ(w.len, 8);
}

TEST(errors)
{
	CHECK_EQ(fw_error(-ENOENT), -ENOENT);
	CHECK_EQ(fw_error(-512), -EIO); /* ERESTARTSYS */
	CHECK_EQ(fw_error(INT32_MIN), -EIO);
	CHECK_EQ(fw_error(5), -EIO);
	CHECK_EQ(fw_error(0), -EIO);
}

TEST(attributes)
{
	struct fuse_attr a = {.mode = S_IFREG | 0644, .blksize = 4096};
	struct fuse_entry_out e = {.attr = a};

	CHECK(fw_attr_ok(&a));
	CHECK(!fw_entry_ok(&e)); /* node 0 */
	e.nodeid = 1;
	CHECK(fw_entry_ok(&e));
	a.mode = 0644;
	CHECK(!fw_attr_ok(&a));
	a.mode = S_IFREG | 0644 | 1 << 20;
	CHECK(!fw_attr_ok(&a));
	a.mode = S_IFREG;
	a.size = UINT64_MAX;
	CHECK(!fw_attr_ok(&a));
	a.size = 0;
	a.mtimensec = 1000000000;
	CHECK(!fw_attr_ok(&a));
}

TEST(rdev)
{
	CHECK_EQ(fw_rdev_major(fw_rdev(136, 300)), 136);
	CHECK_EQ(fw_rdev_minor(fw_rdev(136, 300)), 300);
	CHECK_EQ(fw_rdev_minor(fw_rdev(1, 0xfffff)), 0xfffff);
}

TEST(direntplus)
{
	struct fuse_entry_out e = {.nodeid = 7, .attr = {.mode = S_IFREG}}, ge;
	uint8_t buf[400];
	struct fuse_dirent d;
	struct fw_writer w;
	struct fw_reader r;
	const char *name;

	fw_writer_init(&w, buf, sizeof(buf));
	CHECK(fw_put_direntplus(&w, &e, "hello", 5, 3, 10, DT_REG));
	CHECK(fw_put_direntplus(&w, &e, "x", 1, 4, 11, DT_REG));
	CHECK(!fw_put_direntplus(&w, &e, "no room", 7, 4, 11, DT_REG));
	CHECK(!w.bad);
	fw_reader_init(&r, buf, w.len);
	CHECK_EQ(fw_next_direntplus(&r, &ge, &d, &name), 1);
	CHECK_EQ(d.namelen, 5);
	CHECK(memcmp(name, "hello", 5) == 0);
	CHECK_EQ(fw_next_direntplus(&r, &ge, &d, &name), 1);
	CHECK_EQ(fw_next_direntplus(&r, &ge, &d, &name), 0);
	fw_reader_init(&r, buf, w.len - 1); /* cut */
	CHECK_EQ(fw_next_direntplus(&r, &ge, &d, &name), 1);
	CHECK_EQ(fw_next_direntplus(&r, &ge, &d, &name), -EIO);
	memcpy(buf + sizeof(e) + sizeof(d), "he/lo", 5);
	fw_reader_init(&r, buf, w.len);
	CHECK_EQ(fw_next_direntplus(&r, &ge, &d, &name), -EIO);
	memcpy(buf + sizeof(e) + 16, &(uint32_t){100000}, 4); /* namelen */
	fw_reader_init(&r, buf, w.len);
	CHECK_EQ(fw_next_direntplus(&r, &ge, &d, &name), -EIO);
}

TEST(descriptors)
{
	int s[2], fd = -1;
	char buf[4];

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
	CHECK_EQ(fw_send(s[0], "abc", 3, 0, 0), 0);
	CHECK_EQ(fw_recv(s[1], buf, sizeof(buf), &fd, 0), 3);
	CHECK(fd > 2);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	/* One that nobody wants is not taken in. */
	CHECK_EQ(fw_send(s[0], "abc", 3, 0, 0), 0);
	CHECK_EQ(fw_recv(s[1], buf, sizeof(buf), NULL, 0), 3);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
	CHECK_EQ(fw_send(s[0], "abcdef", 6, 0, 0), 0);
	CHECK_EQ(fw_recv(s[1], buf, sizeof(buf), &fd, 0), -EMSGSIZE);
	CHECK_EQ(fd, -1);
	close(s[0]);
	CHECK_EQ(fw_recv(s[1], buf, sizeof(buf), &fd, 0), 0);
}

TAP_MAIN()
