/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a process's memory: smaps, smaps_rollup, pagemap, status, statm. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include "../tap.h"

#define PAGE 4096UL

static char *region(int n)
{
	char *p = mmap(NULL, ((size_t)n + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(p != MAP_FAILED);
	p += PAGE; /* so that nothing joins it */
	REQUIRE(mprotect(p, (size_t)n * PAGE, PROT_READ | PROT_WRITE) == 0);
	madvise(p, (size_t)n * PAGE, MADV_NOHUGEPAGE);
	return p;
}

/* A figure of the mapping that begins at p, in kB; -1 none. */
static long figure(const char *file, const void *p, const char *name)
{
	char line[512], want[64];
	FILE *f = fopen(file, "r");
	size_t n = strlen(name);
	int in = !p;
	long v = -1;

	REQUIRE(f);
	snprintf(want, sizeof(want), "%08lx-", (unsigned long)p);
	while (fgets(line, sizeof(line), f)) {
		if (p && strspn(line, "0123456789abcdef") > 3 && strchr(line, '-') == line + strspn(line, "0123456789abcdef"))
			in = !strncmp(line, want, strlen(want));
		if (in && !strncmp(line, name, n) && line[n] == ':') {
			v = atol(line + n + 1);
			break;
		}
	}
	fclose(f);
	return v;
}

TEST(resident_is_what_was_touched)
{
	char *p = region(16);

	CHECK_EQ(figure("/proc/self/smaps", p, "Size"), 64);
	CHECK_EQ(figure("/proc/self/smaps", p, "Rss"), 0);
	for (int i = 0; i < 5; i++)
		p[(size_t)i * 2 * PAGE] = 1;
	CHECK_EQ(figure("/proc/self/smaps", p, "Rss"), 20);
	CHECK_EQ(figure("/proc/self/smaps", p, "Private_Dirty"), 20);
	CHECK_EQ(figure("/proc/self/smaps", p, "Anonymous"), 20);
	CHECK_EQ(figure("/proc/self/smaps", p, "Locked"), 0);
	CHECK_EQ(mlock(p, 16 * PAGE), 0);
	CHECK_EQ(figure("/proc/self/smaps", p, "Rss"), 64);
	CHECK_EQ(figure("/proc/self/smaps", p, "Locked"), 64);
	CHECK(figure("/proc/self/status", NULL, "VmLck") >= 64);
}

TEST(neighbours_are_kept_apart)
{
	char *p = region(8);

	p[0] = p[PAGE] = p[5 * PAGE] = 1;
	CHECK_EQ(mlock(p, 4 * PAGE), 0); /* the host may keep both halves as one */
	CHECK_EQ(figure("/proc/self/smaps", p, "Rss"), 16);
	CHECK_EQ(figure("/proc/self/smaps", p + 4 * PAGE, "Rss"), 4);
}

TEST(sums)
{
	long before = figure("/proc/self/smaps_rollup", NULL, "Rss"), after;
	long status = figure("/proc/self/status", NULL, "VmRSS"), hwm;
	char *p = region(1024);

	CHECK(before > 0 && status > 0);
	memset(p, 1, 1024 * PAGE);
	after = figure("/proc/self/smaps_rollup", NULL, "Rss");
	CHECK(after - before >= 4096 && after - before < 4096 + 400);
	CHECK(figure("/proc/self/status", NULL, "VmRSS") - status >= 4096 - 400);
	CHECK(figure("/proc/self/status", NULL, "RssAnon") >= 4096);
	CHECK_EQ(munmap(p, 1024 * PAGE), 0);
	hwm = figure("/proc/self/status", NULL, "VmHWM");
	CHECK(hwm >= 4096);
	CHECK(figure("/proc/self/status", NULL, "VmPeak") >= figure("/proc/self/status", NULL, "VmSize") + 4096 - 400);
	CHECK(figure("/proc/self/status", NULL, "VmStk") > 0);
	CHECK_EQ(figure("/proc/self/status", NULL, "VmSwap") >= 0, 1);
}

TEST(pagemap)
{
	char *p = region(4);
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t e[4];

	REQUIRE(fd >= 0);
	p[PAGE] = 1;
	CHECK_EQ(pread(fd, e, sizeof(e), (off_t)((unsigned long)p / PAGE * 8)), sizeof(e));
	CHECK_EQ(e[0] >> 63, 0);
	CHECK_EQ(e[1] >> 63, 1);
	CHECK_EQ(e[2] >> 63, 0);
	CHECK_ERR(pread(fd, e, 7, 0), EINVAL);
	CHECK_ERR(pread(fd, e, 8, 3), EINVAL);
	close(fd);
}

TEST(populate_flags)
{
	char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0), *q;
	unsigned char v[8];

	CHECK_EQ(mincore(p, 8 * PAGE, v), 0);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(v[i] & 1, 1);
	if (mlockall(MCL_FUTURE) == 0) {
		q = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		REQUIRE(q != MAP_FAILED);
		CHECK_EQ(mincore(q, 8 * PAGE, v), 0);
		CHECK_EQ(v[7] & 1, 1);
		CHECK_EQ(munlockall(), 0);
	}
}

TEST(machine)
{
	struct sysinfo si;
	long total = figure("/proc/meminfo", NULL, "MemTotal"), avail = figure("/proc/meminfo", NULL, "MemAvailable");

	CHECK_EQ(sysinfo(&si), 0);
	CHECK(total > 0 && avail > 0 && avail <= total);
	CHECK_EQ((long)(si.totalram * si.mem_unit / 1024), total);
	CHECK(si.freeram <= si.totalram);
}

TAP_MAIN()
