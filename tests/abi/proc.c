/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include "../tap.h"

static char buf[65536];

static const char *slurp(const char *name)
{
	int fd = open(name, O_RDONLY);
	size_t n = 0;
	ssize_t r;

	buf[0] = '\0';
	while (fd >= 0 && (r = read(fd, buf + n, sizeof(buf) - 1 - n)) > 0)
		n += (size_t)r;
	buf[n] = '\0';
	close(fd);
	return buf;
}

TEST(self)
{
	char l[32] = "", w[32];

	CHECK(readlink("/proc/self", l, 31) > 0);
	snprintf(w, sizeof(w), "%d", getpid());
	CHECK_STR(l, w);
}

TEST(stat_fields)
{
	int pid, ppid, n = 0;
	char comm[32], st;

	CHECK_EQ(sscanf(slurp("/proc/self/stat"), "%d (%31[^)]) %c %d", &pid, comm, &st, &ppid), 4);
	CHECK_EQ(pid, getpid());
	CHECK_EQ(ppid, getppid());
	CHECK_EQ(st, 'R');
	for (char *p = strrchr(buf, ')'); *p; p++)
		n += *p == ' ';
	CHECK_EQ(n, 50);
}

TEST(status_and_maps)
{
	CHECK(strstr(slurp("/proc/self/status"), "\nThreads:\t1\n"));
	CHECK(strstr(slurp("/proc/self/maps"), "[stack]"));
	CHECK(strstr(slurp("/proc/self/mounts"), " / "));
	CHECK(strstr(slurp("/proc/self/mountinfo"), " / "));
	CHECK(strstr(slurp("/proc/meminfo"), "MemAvailable:"));
	CHECK(strstr(slurp("/proc/filesystems"), "nodev\tproc\n"));
}

TEST(fd_links)
{
	char l[64] = "", name[40];
	int p[2];

	REQUIRE(pipe(p) == 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", p[0]);
	CHECK(readlink(name, l, 63) > 0);
	CHECK(!strncmp(l, "pipe:[", 6));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", 900);
	CHECK_ERR(readlink(name, l, 63), ENOENT);
}

TEST(missing)
{
	CHECK_ERR(open("/proc/999999999", O_RDONLY), ENOENT);
	CHECK_ERR(open("/proc/self/nothing", O_RDONLY), ENOENT);
}

TAP_MAIN()
