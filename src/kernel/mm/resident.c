/* SPDX-License-Identifier: Apache-2.0 */
/* What the host says of a guest's pages: it does the paging. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include "base/hostio.h"
#include "kernel/container.h"
#include "kernel/hostfd.h"
#include "kernel/kernel.h"
#include "kernel/mm/mm_priv.h"
#include "kernel/task/task.h"
#include "kernel/vfs/vfs.h"

#define PAGE_PRESENT (1ULL << 63)

int mm_host_file(struct mm *mm, const char *name)
{
	pid_t pid = pt_as_host_pid(mm->as);
	char path[48];
	int fd;

	if (kernel.proc_fd < 0 || pid <= 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "%d/%s", pid, name);
	fd = openat(kernel.proc_fd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Resident pages, and those of them that are of files or shared. */
static uint64_t statm(struct mm *mm, uint64_t *ret_shared)
{
	_cleanup_close_ int fd = mm_host_file(mm, "statm");
	unsigned long long size, rss, shared;
	char buf[128];
	ssize_t n;

	*ret_shared = 0;
	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return 0;
	buf[n] = 0;
	if (sscanf(buf, "%llu %llu %llu", &size, &rss, &shared) != 3)
		return 0;
	*ret_shared = shared;
	return rss;
}

uint64_t mm_rss_pages(struct mm *mm)
{
	uint64_t shared;

	return statm(mm, &shared);
}

void mm_container_use(struct task *t, uint64_t *ret_total, uint64_t *ret_used)
{
	uint64_t used = __atomic_load_n(&t->ct->mem_bytes, __ATOMIC_RELAXED), host = 0, shared, rss;
	struct sysinfo si;
	struct task *x;
	int nr = 1;

	if (sysinfo(&si) == 0)
		host = (uint64_t)si.totalram * si.mem_unit;
	for (; (x = task_next_get(t->ct->pid_ns, &nr)); nr++) {
		_cleanup_(mm_putp) struct mm *mm = NULL;

		mutex_lock(&x->lock);
		mm = x->mm ? mm_get(x->mm) : NULL;
		mutex_unlock(&x->lock);
		rss = mm ? statm(mm, &shared) : 0;
		if (rss)
			used += (rss - MIN(shared, rss)) * GUEST_PAGE_SIZE;
		task_put(x);
	}
	*ret_total = t->ct->mem_max ? MIN(t->ct->mem_max, host) : host;
	*ret_used = MIN(used, *ret_total);
}

int mm_pagemap(int fd, uint64_t addr, size_t n, uint64_t *ret)
{
	size_t want = n * sizeof(*ret), got = 0;

	while (got < want) {
		ssize_t k = hio_pread(fd, (char *)ret + got, want - got,
				      (off_t)(addr / GUEST_PAGE_SIZE * sizeof(*ret) + got));

		if (k <= 0)
			return k < 0 ? -errno : -ESRCH;
		got += (size_t)k;
	}
	return 0;
}

/* Pages of shared memory that this process has not touched are there when another one, or a write, made them. */
static void add_cached(const struct vma *v, uint64_t addr, size_t n, uint8_t *ret)
{
	uint64_t off = v->off + (addr - v->start), end = off + n * GUEST_PAGE_SIZE;

	while (off < end) {
		off_t data = lseek(v->host->fd, (off_t)off, SEEK_DATA), hole;

		if (data < 0 || (uint64_t)data >= end)
			return;
		hole = lseek(v->host->fd, data, SEEK_HOLE);
		if (hole < 0)
			return;
		for (uint64_t p = (uint64_t)data; p < MIN((uint64_t)hole, end); p += GUEST_PAGE_SIZE)
			ret[(p - (end - n * GUEST_PAGE_SIZE)) / GUEST_PAGE_SIZE] = 1;
		off = (uint64_t)hole;
	}
}

int mm_mincore(struct mm *mm, uint64_t addr, size_t n, uint8_t *ret)
{
	_cleanup_close_ int fd = mm_host_file(mm, "pagemap");
	_cleanup_free_ uint64_t *map = calloc(n, sizeof(*map));
	uint64_t end = addr + n * GUEST_PAGE_SIZE, at = addr;
	int r;

	if (!map)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	r = mm_pagemap(fd, addr, n, map);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		ret[i] = map[i] & PAGE_PRESENT ? 1 : 0;
	MUTEX_GUARD(&mm->lock);
	for (struct vma *v = vma_find(mm, addr); at < end; v = vma_next(v)) {
		uint64_t stop;

		if (!v || v->start > at)
			return -ENOMEM;
		stop = MIN(v->end, end);
		if (v->host)
			add_cached(v, at, (size_t)((stop - at) / GUEST_PAGE_SIZE), ret + (at - addr) / GUEST_PAGE_SIZE);
		at = stop;
	}
	return 0;
}
