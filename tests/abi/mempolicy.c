/* SPDX-License-Identifier: Apache-2.0 */
/* Memory policies where there is one node. */
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "../tap.h"

static long set(int mode, const unsigned long *nodes, unsigned long max)
{
	return syscall(SYS_set_mempolicy, mode, nodes, max);
}

static long get(int *mode, unsigned long *nodes, unsigned long max, void *addr, unsigned long flags)
{
	return syscall(SYS_get_mempolicy, mode, nodes, max, addr, flags);
}

static long bind_range(void *p, unsigned long len, int mode, const unsigned long *nodes, unsigned long max, unsigned flags)
{
	return syscall(SYS_mbind, p, len, mode, nodes, max, flags);
}

static void need(void)
{
	int mode;
	unsigned long n[16] = {0};

	if (get(&mode, NULL, 0, NULL, 0) < 0 && errno == ENOSYS)
		SKIP("a Linux without NUMA");
	if (get(&mode, n, 1024, NULL, MPOL_F_MEMS_ALLOWED) == 0 && n[0] != 1)
		SKIP("more nodes than one");
}

TEST(of_the_thread)
{
	unsigned long node0 = 1, node1 = 2, got[16] = {0};
	int mode = -1;

	need();
	CHECK_EQ(get(&mode, got, 1024, NULL, 0), 0);
	CHECK_EQ(mode, MPOL_DEFAULT);
	CHECK_EQ(got[0], 0);
	CHECK_EQ(set(MPOL_BIND, &node0, 64), 0);
	CHECK_EQ(get(&mode, got, 1024, NULL, 0), 0);
	CHECK_EQ(mode, MPOL_BIND);
	CHECK_EQ(got[0], 1);
	CHECK_EQ(set(MPOL_PREFERRED, NULL, 0), 0);
	CHECK_EQ(get(&mode, got, 1024, NULL, 0), 0);
	CHECK(mode == MPOL_PREFERRED || mode == MPOL_LOCAL);
	CHECK_EQ(set(MPOL_INTERLEAVE, &node0, 64), 0);
	CHECK_EQ(get(&mode, NULL, 0, NULL, MPOL_F_NODE), 0);
	CHECK_EQ(mode, 0);
	CHECK_ERR(set(MPOL_BIND, &node1, 64), EINVAL);
	CHECK_ERR(set(MPOL_BIND, NULL, 0), EINVAL);
	CHECK_ERR(set(MPOL_DEFAULT, &node0, 64), EINVAL);
	CHECK_ERR(set(99, &node0, 64), EINVAL);
	CHECK_ERR(set(MPOL_BIND, (unsigned long *)8, 64), EFAULT);
	CHECK_EQ(set(MPOL_DEFAULT, NULL, 0), 0);
}

TEST(allowed_nodes)
{
	unsigned long got[16] = {0};
	int mode;

	need();
	CHECK_EQ(get(&mode, got, 1024, NULL, MPOL_F_MEMS_ALLOWED), 0);
	CHECK_EQ(got[0], 1);
	CHECK_ERR(get(&mode, got, 1024, NULL, MPOL_F_MEMS_ALLOWED | MPOL_F_NODE), EINVAL);
	CHECK_ERR(get(&mode, got, 1024, NULL, 8), EINVAL);
	CHECK_ERR(get(&mode, got, 1024, got, 0), EINVAL);
	CHECK_ERR(get(&mode, got, 1024, NULL, MPOL_F_ADDR), EFAULT);
	CHECK_ERR(get(&mode, NULL, 0, NULL, MPOL_F_NODE), EINVAL);
}

TEST(of_a_range)
{
	char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long node0 = 1, got[16] = {0};
	int mode;

	need();
	p[4096] = 1;
	CHECK_EQ(bind_range(p + 4096, 4096, MPOL_BIND, &node0, 64, 0), 0);
	CHECK_EQ(get(&mode, got, 1024, p + 4096, MPOL_F_ADDR), 0);
	CHECK_EQ(mode, MPOL_BIND);
	CHECK_EQ(got[0], 1);
	CHECK_EQ(get(&mode, got, 1024, p, MPOL_F_ADDR), 0);
	CHECK_EQ(mode, MPOL_DEFAULT);
	CHECK_EQ(get(&mode, NULL, 0, p + 4096, MPOL_F_ADDR | MPOL_F_NODE), 0);
	CHECK_EQ(mode, 0);
	CHECK_EQ(bind_range(p, 4 * 4096, MPOL_DEFAULT, NULL, 0, 0), 0);
	CHECK_EQ(get(&mode, got, 1024, p + 4096, MPOL_F_ADDR), 0);
	CHECK_EQ(mode, MPOL_DEFAULT);
	CHECK_ERR(bind_range(p + 1, 4096, MPOL_BIND, &node0, 64, 0), EINVAL);
	CHECK_ERR(bind_range(p, 4096, MPOL_BIND, &node0, 64, 64), EINVAL);
	CHECK_ERR(bind_range(p, 4096, MPOL_BIND, NULL, 0, 0), EINVAL);
	munmap(p + 2 * 4096, 4096);
	CHECK_ERR(bind_range(p, 4 * 4096, MPOL_BIND, &node0, 64, 0), EFAULT);
}

TEST(where_pages_are)
{
	char *p = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *pages[3] = {p, p + 4096, (void *)(64UL << 10)};
	int status[3] = {-1, -1, -1}, node[3] = {0, 0, 0};
	unsigned long node0 = 1;

	need();
	madvise(p, 2 * 4096, MADV_NOHUGEPAGE);
	p[0] = 1;
	CHECK_EQ(syscall(SYS_move_pages, 0, 3, pages, NULL, status, 0), 0);
	CHECK_EQ(status[0], 0);
	CHECK_EQ(status[1], -ENOENT);
	CHECK_EQ(status[2], -EFAULT);
	CHECK_EQ(syscall(SYS_move_pages, 0, 1, pages, node, status, MPOL_MF_MOVE), 0);
	CHECK_EQ(status[0], 0);
	CHECK_ERR(syscall(SYS_move_pages, 0, 1, pages, NULL, status, 64), EINVAL);
	CHECK_ERR(syscall(SYS_move_pages, 0x3ffffff, 1, pages, NULL, status, 0), ESRCH);
	CHECK_EQ(syscall(SYS_migrate_pages, 0, 64, &node0, &node0), 0);
}

TAP_MAIN()
