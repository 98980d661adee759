/* SPDX-License-Identifier: Apache-2.0 */
/* Files by handles: name_to_handle_at, open_by_handle_at. */
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include "kernel/syscall/path_args.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

#define HANDLE_FID 0x200	   /* AT_HANDLE_FID */
#define HANDLE_MNT_ID_UNIQUE 0x001 /* AT_HANDLE_MNT_ID_UNIQUE */
#define HANDLE_TYPE 0x4e		   /* ours: a number and a key that is never used again */
#define HANDLE_MAX 128U

struct handle_head {
	uint32_t bytes;
	int32_t type;
};
struct handle {
	uint64_t ino, key;
};

static int put_mount_id(struct task *t, uaddr_t to, const struct mount *m, bool unique)
{
	return unique ? put_u64(t, to, m->unique_id) : put_u32(t, to, (uint32_t)m->id);
}

long sys_name_to_handle_at(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path p = {0};
	uaddr_t to = arg_uaddr(a, 2);
	int flags = arg_int(a, 4), r;
	struct handle_head head;
	struct handle h;
	struct inode *i;
	bool fits;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | HANDLE_FID | HANDLE_MNT_ID_UNIQUE))
		return -EINVAL;
	r = user_path_at(t, arg_int(a, 0), arg_uaddr(a, 1),
			 (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
				 (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0),
			 &p);
	if (r < 0)
		return r;
	i = dentry_inode(p.dentry);
	if (!i)
		return -ENOENT;
	/* An identifier can be had of everything; one to open it by only where it could be found again. */
	if (!i->sb->op->handles && !(flags & HANDLE_FID))
		return -EOPNOTSUPP;
	if (copy_in(t, &head, to, sizeof(head)) < 0)
		return -EFAULT;
	if (head.bytes > HANDLE_MAX)
		return -EINVAL;
	h = (struct handle){i->ino, i->map_key};
	fits = head.bytes >= sizeof(h);
	head = (struct handle_head){sizeof(h), HANDLE_TYPE};
	r = put_mount_id(t, arg_uaddr(a, 3), p.mnt, flags & HANDLE_MNT_ID_UNIQUE);
	if (r == 0)
		r = copy_out(t, to, &head, sizeof(head));
	if (r == 0 && fits)
		r = copy_out(t, uaddr_add(to, sizeof(head)), &h, sizeof(h));
	return r < 0 ? r : fits ? 0 : -EOVERFLOW;
}

/* The file system that a descriptor is on. */
static int mount_of(struct task *t, int fd, struct path *ret)
{
	_cleanup_(file_putp) struct file *f = NULL;

	if (fd == AT_FDCWD) {
		fs_get_cwd(t, ret);
		return 0;
	}
	f = fd_get_path(t, fd);
	if (!f)
		return -EBADF;
	*ret = f->path;
	path_get(ret);
	return 0;
}

static int copy_handle(struct task *t, uaddr_t from, struct handle *ret)
{
	struct handle_head head;

	if (copy_in(t, &head, from, sizeof(head)) < 0)
		return -EFAULT;
	if (!head.bytes || head.bytes > HANDLE_MAX)
		return -EINVAL;
	if (head.type != HANDLE_TYPE || head.bytes != sizeof(*ret))
		return -ESTALE;
	return copy_in(t, ret, uaddr_add(from, sizeof(head)), sizeof(*ret));
}

long sys_open_by_handle_at(struct task *t, const struct sysargs *a)
{
	_cleanup_(path_put) struct path at = {0};
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	uint32_t flags = arg_u32(a, 2);
	struct inode *i;
	struct handle h;
	struct path p;
	struct file *f;
	int r;

	r = mount_of(t, arg_int(a, 0), &at);
	if (r < 0)
		return r;
	if (!capable(t->cred, CAP_DAC_READ_SEARCH))
		return -EPERM;
	r = copy_handle(t, arg_uaddr(a, 1), &h);
	if (r == 0)
		r = fd_room(t);
	if (r < 0)
		return r;
	i = at.mnt->sb->op->handles ? super_find_inode(at.mnt->sb, h.ino, h.key) : NULL;
	if (!i)
		return -ESTALE;
	d = dentry_for_inode(i);
	inode_put(i);
	if (!d)
		return -ENOMEM;
	p = (struct path){at.mnt, d};
	flags &= ~(uint32_t)(O_CREAT | O_EXCL);
	r = flags & O_PATH ? file_open_path(&p, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW), t->cred, &f) :
			     file_open_existing(&p, t->cred, flags | 0100000U /* O_LARGEFILE */, &f);
	if (r < 0)
		return r;
	return fd_install(t, f, 0, flags & O_CLOEXEC);
}
