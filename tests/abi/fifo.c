/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>
#include "../tap.h"

static char name[64];

static void make(void)
{
	snprintf(name, sizeof(name), "/tmp/abi-fifo-%d", getpid());
	unlink(name);
	REQUIRE(mkfifo(name, 0600) == 0);
}

TEST(nonblock_rules)
{
	int r, w;
	char b;

	make();
	CHECK_ERR(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
	r = open(name, O_RDONLY | O_NONBLOCK);
	CHECK(r >= 0);
	CHECK_EQ(read(r, &b, 1), 0);
	w = open(name, O_WRONLY | O_NONBLOCK);
	CHECK(w >= 0);
	CHECK_ERR(read(r, &b, 1), EAGAIN);
	CHECK_EQ(write(w, "a", 1), 1);
	CHECK_EQ(read(r, &b, 1), 1);
	unlink(name);
}

TEST(open_waits_for_peer)
{
	char b;
	int fd;

	make();
	if (fork() == 0) {
		fd = open(name, O_WRONLY);
		_exit(write(fd, "z", 1) != 1);
	}
	fd = open(name, O_RDONLY);
	CHECK_EQ(read(fd, &b, 1), 1);
	CHECK_EQ(read(fd, &b, 1), 0);
	unlink(name);
}

TAP_MAIN()
