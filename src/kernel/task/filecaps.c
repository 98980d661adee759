/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of files: the attribute security.capability, as exec reads it. */
#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/xattr.h>
#include <string.h>
#include "kernel/task/internal.h"

#define CAP_MASK ((1ULL << (CAP_LAST + 1)) - 1)

int file_caps_parse(const void *value, size_t n, struct file_caps *ret)
{
	struct vfs_ns_cap_data d = {0};
	uint32_t magic;
	unsigned words;

	*ret = (struct file_caps){0};
	if (n < sizeof(d.magic_etc) || n > sizeof(d))
		return -EINVAL;
	memcpy(&d, value, n);
	magic = le32toh(d.magic_etc);
	switch (magic & VFS_CAP_REVISION_MASK) {
	case VFS_CAP_REVISION_1:
		words = 1;
		if (n != XATTR_CAPS_SZ_1)
			return -EINVAL;
		break;
	case VFS_CAP_REVISION_2:
		words = 2;
		if (n != XATTR_CAPS_SZ_2)
			return -EINVAL;
		break;
	case VFS_CAP_REVISION_3:
		words = 2;
		if (n != XATTR_CAPS_SZ_3)
			return -EINVAL;
		/* Meant for the user namespace of another root. */
		if (le32toh(d.rootid) != 0)
			return -ENODATA;
		break;
	default:
		return -EINVAL;
	}
	for (unsigned i = 0; i < words; i++) {
		ret->permitted |= (uint64_t)le32toh(d.data[i].permitted) << 32 * i;
		ret->inheritable |= (uint64_t)le32toh(d.data[i].inheritable) << 32 * i;
	}
	ret->permitted &= CAP_MASK;
	ret->inheritable &= CAP_MASK;
	ret->effective = magic & VFS_CAP_FLAGS_EFFECTIVE;
	ret->present = true;
	return 0;
}

int file_caps_read(struct inode *i, struct file_caps *ret)
{
	struct vfs_ns_cap_data d;
	ssize_t n;
	int r;

	*ret = (struct file_caps){0};
	if (!i->op || !i->op->getxattr)
		return 0;
	n = i->op->getxattr(i, XATTR_NAME_CAPS, &d, sizeof(d));
	if (n == -ENODATA || n == -EOPNOTSUPP)
		return 0;
	if (n < 0)
		return n == -ERANGE ? -EINVAL : (int)n;
	r = file_caps_parse(&d, (size_t)n, ret);
	return r == -ENODATA ? 0 : r;
}
