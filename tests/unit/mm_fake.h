/* SPDX-License-Identifier: Apache-2.0 */
/* As much of a kernel around mm/ and loader/ as their tests need. The fake platform carries operations out in the test's
 * own address space: guest addresses are the test's, so contents can be looked at. */
#ifndef NACRE_TESTS_MM_FAKE_H
#define NACRE_TESTS_MM_FAKE_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "kernel/hostfd.h"
#include "kernel/mm/mm_priv.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"
#include "platform/platform.h"

struct kernel kernel = {.proc_fd = -1};
static struct user_regs_struct fake_regs;
static uint64_t fake_limit[RLIM_NLIMITS];
static bool fake_capable;
struct user_namespace init_user_ns;
static int fake_fail_at = -1; /* the operation that fails, counted from now; -1 none */
static unsigned fake_ops;

bool ns_capable(const struct cred *c __unused, const struct user_namespace *ns __unused, int cap __unused)
{
	return fake_capable;
}
uint64_t task_rlimit(struct task *t __unused, unsigned res)
{
	return fake_limit[res];
}
struct pt_as *pt_as_get(struct pt_as *as)
{
	return as;
}
void pt_as_put(struct pt_as *as __unused)
{
}
pid_t pt_as_host_pid(struct pt_as *as __unused)
{
	return 0;
}
struct user_regs_struct *pt_regs(struct pt_thread *pt __unused)
{
	return &fake_regs;
}
int pt_fpstate_load(struct pt_thread *pt __unused, uaddr_t from __unused)
{
	return 0;
}

static int fake_op(const struct pt_op *o)
{
	void *p = (void *)(uintptr_t)o->addr, *r;

	switch (o->kind) {
	case PT_OP_MMAP:
		r = mmap(p, o->len, o->prot, o->flags, o->file ? o->file->fd : -1, (off_t)o->off);
		return r == p ? 0 : -errno;
	case PT_OP_MUNMAP:
		return munmap(p, o->len) < 0 ? -errno : 0;
	case PT_OP_MPROTECT:
		return mprotect(p, o->len, o->prot) < 0 ? -errno : 0;
	case PT_OP_MREMAP:
		r = o->new_addr == o->addr ? mremap(p, o->len, o->new_len, 0)
					   : mremap(p, o->len, o->new_len, MREMAP_MAYMOVE | MREMAP_FIXED,
						    (void *)(uintptr_t)o->new_addr);
		return r == (void *)(uintptr_t)o->new_addr ? 0 : -errno;
	case PT_OP_MADVISE:
		return madvise(p, o->len, o->flags) < 0 ? -errno : 0;
	}
	return -EINVAL;
}

int pt_batch_run(struct pt_thread *pt __unused, struct pt_op *ops, unsigned n)
{
	int r = 0;

	for (unsigned i = 0; i < n; i++) {
		fake_ops++;
		if (r == 0)
			ops[i].result = r = fake_fail_at >= 0 && fake_fail_at-- == 0 ? -ENOMEM : fake_op(&ops[i]);
		else
			ops[i].result = -ECANCELED;
	}
	return r;
}

/* Faults become short counts: the host copies for us. */
static size_t fake_copy(void *local, uint64_t remote, size_t n, bool write)
{
	struct iovec l = {local, n}, r = {(void *)(uintptr_t)remote, n};
	ssize_t k = write ? process_vm_writev(getpid(), &l, 1, &r, 1, 0) : process_vm_readv(getpid(), &l, 1, &r, 1, 0);

	return k < 0 ? 0 : (size_t)k;
}
size_t pt_copy_in(struct pt_thread *pt __unused, void *to, uaddr_t from, size_t n)
{
	return fake_copy(to, from.a, n, false);
}
size_t pt_copy_out(struct pt_thread *pt __unused, uaddr_t to, const void *from, size_t n)
{
	return fake_copy((void *)(uintptr_t)from, to.a, n, true);
}
ssize_t pt_copy_in_str(struct pt_thread *pt __unused, char *to, uaddr_t from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (fake_copy(to + i, from.a + i, 1, false) != 1)
			return -EFAULT;
		if (!to[i])
			return (ssize_t)i;
	}
	return -ENAMETOOLONG;
}

/* --- files over host descriptors ------------------------------------------------------------------------- */

int inode_deny_write(struct inode *i __unused)
{
	return 0;
}
void inode_allow_write(struct inode *i __unused)
{
}
struct file *file_get(struct file *f)
{
	ref_get(&f->ref);
	return f;
}
void file_put(struct file *f)
{
	if (!ref_put(&f->ref))
		return;
	hostfd_put(f->priv);
	free(f->inode);
	free(f);
}
static int fake_map(struct file *f, bool writable __unused, struct hostfd **ret)
{
	*ret = hostfd_get(f->priv);
	return 0;
}
static const struct file_ops fake_file_ops = {.map = fake_map};
static struct file *fake_file(int fd, bool writable)
{
	struct file *f = calloc(1, sizeof(*f));
	struct hostfd *h;

	f->inode = calloc(1, sizeof(*f->inode));
	ref_init(&f->ref);
	f->op = &fake_file_ops;
	f->inode->mode = S_IFREG | 0755;
	f->inode->map_key = (uint64_t)fd + 1000;
	f->can_read = true;
	f->can_write = writable;
	if (hostfd_new(fd, writable, &h) < 0)
		abort();
	f->priv = h;
	return f;
}

static struct task *fake_task(uint64_t top)
{
	static struct task t;

	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		fake_limit[i] = RLIM_INFINITY;
	fake_limit[RLIMIT_STACK] = 8 << 20;
	t.mm = mm_new(NULL);
	t.mm->mmap_top = top;
	return &t;
}

#endif
