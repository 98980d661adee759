/* SPDX-License-Identifier: Apache-2.0 */
/* Asking nacre itself to change what is hidden: every memory call, over the text and the shared pages. */
#include "esc.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <fcntl.h>

static unsigned bad;
static uint64_t before;

/* The call fails, and the text is what it was. */
static void refused(const char *what, long r)
{
	if (r != -1) {
		bad++;
		note("%s: returned %#lx", what, r);
	} else if (hidden_sum() != before) {
		bad++;
		note("%s: the hidden text changed", what);
	}
}

static void over(uint64_t at, uint64_t len)
{
	void *p = (void *)at, *own;
	char c[16] = "overwritten";
	struct iovec l = {c, sizeof(c)}, r = {p, sizeof(c)};
	int fd, mem;

	own = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd = memfd_create("x", 0);
	if (own == MAP_FAILED || fd < 0 || ftruncate(fd, (off_t)len) < 0) {
		say(0, "preparing: errno %d", errno);
		return;
	}
	for (int prot = 0; prot < 8; prot++)
		refused("mprotect", mprotect(p, len, prot));
	refused("munmap", munmap(p, len));
	refused("munmap of all", syscall(SYS_munmap, 4096UL, 0x7ffffffee000UL));
	refused("mmap", (long)mmap(p, len, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	refused("mmap of a file", (long)mmap(p, len, 3, MAP_SHARED | MAP_FIXED, fd, 0));
	refused("mmap, no replacing", (long)mmap(p, len, 3, MAP_PRIVATE | MAP_ANONYMOUS | 0x100000, -1, 0));
	refused("mmap across", (long)mmap((char *)p - 0x200000000, 0x300000000, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	refused("mremap away", (long)mremap(p, len, len, MREMAP_MAYMOVE));
	refused("mremap to", (long)mremap(own, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, p));
	refused("mremap from", (long)mremap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, own));
	refused("mremap, grow", (long)mremap(p, len, 2 * len, 0));
	for (int advice = 0; advice < 128; advice++) {
		long e = madvise(p, len, advice);

		if (e == 0 && hidden_sum() == before)
			continue; /* advice that means nothing */
		refused("madvise", e);
	}
	refused("mlock", mlock(p, len));
	refused("brk", syscall(SYS_brk, p) == (long)p ? 0 : -1);
	refused("read into it", pread(fd, p, 16, 0));
	refused("process_vm_writev", process_vm_writev(getpid(), &l, 1, &r, 1, 0));
	refused("process_vm_readv", process_vm_readv(getpid(), &l, 1, &r, 1, 0));
	mem = open("/proc/self/mem", O_RDWR);
	if (mem >= 0) {
		refused("/proc/self/mem, write", pwrite(mem, c, sizeof(c), (off_t)at));
		refused("/proc/self/mem, read", pread(mem, c, sizeof(c), (off_t)at));
		close(mem);
	}
	munmap(own, len);
	close(fd);
}

static void child(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < nhidden; i++)
		over(hidden[i].start, hidden[i].end - hidden[i].start);
	report->result = (long)bad;
	report->state = 2;
}

void attack_text(int deep)
{
	(void)deep;
	before = hidden_sum();
	in_child(child, NULL, 20000, NULL);
	say(report->state == 2 && report->result == 0 && nhidden, "memory calls over %u hidden regions are refused", nhidden);
}
