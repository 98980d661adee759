/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include "kernel/fs/anon/memfd.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"

#define NAME_LIMIT 249 /* NAME_MAX less "memfd:" */
#define MFD_NOEXEC_SEAL_ 8U
#define MFD_EXEC_ 16U

long sys_memfd_create(struct task *t, const struct sysargs *a)
{
	_cleanup_(file_putp) struct file *f = NULL;
	unsigned flags = arg_u32(a, 1);
	char name[NAME_LIMIT + 1];
	ssize_t n;
	int r;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL_ | MFD_EXEC_) ||
	    (flags & (MFD_EXEC_ | MFD_NOEXEC_SEAL_)) == (MFD_EXEC_ | MFD_NOEXEC_SEAL_))
		return -EINVAL;
	n = copy_in_str(t, name, arg_uaddr(a, 0), sizeof(name));
	if (n < 0)
		return n == -ENAMETOOLONG ? -EINVAL : n;
	r = memfd_new(name, O_RDWR, flags & MFD_ALLOW_SEALING, flags & MFD_NOEXEC_SEAL_, &f);
	if (r < 0)
		return r;
	return fd_install(t, TAKE_PTR(f), 0, flags & MFD_CLOEXEC);
}
