/* SPDX-License-Identifier: Apache-2.0 */
/* tmpfs: mount options, limits, inodes. */
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysinfo.h>
#include "kernel/container.h"
#include "kernel/fs/tmpfs/tmpfs_priv.h"
#include "kernel/task/task.h"

#define INODE_BYTES 512 /* what an inode and its entry cost the kernel */

/* --- accounting --- */

static bool counter_add(uint64_t *used, uint64_t n, uint64_t max)
{
	uint64_t old = __atomic_load_n(used, __ATOMIC_RELAXED);

	do {
		if (max && (n > max || old > max - n))
			return false;
	} while (!__atomic_compare_exchange_n(used, &old, old + n, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

int tmpfs_charge_bytes(struct super *sb, uint64_t n)
{
	struct container *ct = TS(sb)->ct;

	return ct && container_charge(ct, n) < 0 ? -ENOSPC : 0;
}

void tmpfs_uncharge_bytes(struct super *sb, uint64_t n)
{
	if (TS(sb)->ct)
		container_uncharge(TS(sb)->ct, n);
}

int tmpfs_charge_pages(struct super *sb, uint64_t n)
{
	struct tmpfs_sb *ts = TS(sb);

	if (!counter_add(&ts->used_pages, n, __atomic_load_n(&ts->max_pages, __ATOMIC_RELAXED)))
		return -ENOSPC;
	if (tmpfs_charge_bytes(sb, n * GUEST_PAGE_SIZE) == 0)
		return 0;
	__atomic_fetch_sub(&ts->used_pages, n, __ATOMIC_RELAXED);
	return -ENOSPC;
}

void tmpfs_uncharge_pages(struct super *sb, uint64_t n)
{
	if (!n)
		return;
	__atomic_fetch_sub(&TS(sb)->used_pages, n, __ATOMIC_RELAXED);
	tmpfs_uncharge_bytes(sb, n * GUEST_PAGE_SIZE);
}

/* --- inodes --- */

static void set_ops(struct inode *i, struct inode *dir)
{
	switch (i->mode & S_IFMT) {
	case S_IFDIR:
		i->op = &tmpfs_dir_iops;
		i->fop = &tmpfs_dir_fops;
		i->nlink = 2;
		TI(i)->dir.parent = dir ? dir : i;
		break;
	case S_IFREG:
		i->op = &tmpfs_file_iops;
		i->fop = &tmpfs_file_fops;
		break;
	case S_IFLNK:
		i->op = &tmpfs_link_iops;
		break;
	default: /* FIFOs and devices get their operations from the VFS */
		i->op = &tmpfs_special_iops;
		break;
	}
}

int tmpfs_inode_new(struct super *sb, struct inode *dir, mode_t mode, struct inode **ret)
{
	struct tmpfs_sb *ts = TS(sb);
	struct tmpfs_inode *ti;
	struct inode *i;
	int r;

	if (!counter_add(&ts->used_inodes, 1, __atomic_load_n(&ts->max_inodes, __ATOMIC_RELAXED)))
		return -ENOSPC;
	r = tmpfs_charge_bytes(sb, INODE_BYTES);
	if (r < 0) {
		__atomic_fetch_sub(&ts->used_inodes, 1, __ATOMIC_RELAXED);
		return r;
	}
	ti = calloc(1, sizeof(*ti));
	i = ti ? inode_new(sb, mode) : NULL;
	if (!i) {
		free(ti);
		__atomic_fetch_sub(&ts->used_inodes, 1, __ATOMIC_RELAXED);
		tmpfs_uncharge_bytes(sb, INODE_BYTES);
		return -ENOMEM;
	}
	i->priv = ti;
	if (S_ISDIR(mode))
		i->size = 40; /* "." and "..", as Linux counts */
	if (dir) {
		inode_init_owner(i, dir, mode);
	} else {
		i->uid = ts->uid;
		i->gid = ts->gid;
	}
	set_ops(i, dir);
	*ret = i;
	return 0;
}

static void evict(struct inode *i)
{
	struct tmpfs_inode *ti = TI(i);

	if (!ti)
		return;
	tmpfs_xattr_clear(i);
	if (S_ISDIR(i->mode))
		tmpfs_dir_clear(i);
	else if (S_ISREG(i->mode))
		tmpfs_data_free(i);
	else if (S_ISLNK(i->mode))
		free(ti->target);
	free(ti);
	i->priv = NULL;
	__atomic_fetch_sub(&TS(i->sb)->used_inodes, 1, __ATOMIC_RELAXED);
	tmpfs_uncharge_bytes(i->sb, INODE_BYTES);
}

/* --- super --- */

static int tmpfs_statfs(struct super *sb, struct statfs *ret)
{
	struct tmpfs_sb *ts = TS(sb);
	uint64_t max = __atomic_load_n(&ts->max_pages, __ATOMIC_RELAXED);
	uint64_t used = __atomic_load_n(&ts->used_pages, __ATOMIC_RELAXED);
	uint64_t imax = __atomic_load_n(&ts->max_inodes, __ATOMIC_RELAXED);
	uint64_t iused = __atomic_load_n(&ts->used_inodes, __ATOMIC_RELAXED);

	memset(ret, 0, sizeof(*ret));
	ret->f_type = sb->magic;
	ret->f_bsize = ret->f_frsize = GUEST_PAGE_SIZE;
	ret->f_namelen = 255;
	ret->f_blocks = max;
	ret->f_bfree = ret->f_bavail = max > used ? max - used : 0;
	ret->f_files = imax;
	ret->f_ffree = imax > iused ? imax - iused : 0;
	return 0;
}

static int tmpfs_show_options(struct super *sb, char *buf, size_t cap)
{
	struct tmpfs_sb *ts = TS(sb);
	size_t n = 0;

	buf[0] = '\0';
#define SHOW(...) (n += (size_t)snprintf(buf + MIN(n, cap), cap - MIN(n, cap), __VA_ARGS__))
	if (ts->max_pages != ts->default_pages)
		SHOW(",size=%lluk", (unsigned long long)ts->max_pages * 4);
	if (ts->max_inodes != ts->default_pages)
		SHOW(",nr_inodes=%llu", (unsigned long long)ts->max_inodes);
	if (ts->mode != 01777)
		SHOW(",mode=%03o", ts->mode);
	if (ts->uid.v)
		SHOW(",uid=%u", ts->uid.v);
	if (ts->gid.v)
		SHOW(",gid=%u", ts->gid.v);
#undef SHOW
	return n < cap ? (int)n : -ENAMETOOLONG;
}

static void tmpfs_kill(struct super *sb)
{
	struct tmpfs_sb *ts = TS(sb);

	if (ts)
		mutex_destroy(&ts->reap_lock);
	free(ts);
}

/* --- options --- */

static uint64_t memory_total(void)
{
	struct sysinfo si;

	return sysinfo(&si) < 0 ? 0 : (uint64_t)si.totalram * si.mem_unit;
}

/* "64k", "1g", "50%" of memory: bytes. */
static bool parse_size(const char *v, uint64_t *ret)
{
	char *end;
	uint64_t n;
	unsigned shift = 0;

	if (*v < '0' || *v > '9')
		return false;
	errno = 0;
	n = strtoull(v, &end, 10);
	if (errno)
		return false;
	switch (*end) {
	case '%':
		*ret = memory_total() / 100 * n;
		return !end[1] && n <= 100;
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'm':
	case 'M':
		shift = 20;
		break;
	case 'g':
	case 'G':
		shift = 30;
		break;
	case 't':
	case 'T':
		shift = 40;
		break;
	default:
		break;
	}
	if (shift)
		end++;
	if (*end || n > (UINT64_MAX >> shift))
		return false;
	*ret = n << shift;
	return true;
}

static bool parse_id(const char *v, int base, uint64_t max, uint64_t *ret)
{
	char *end;

	if (*v < '0' || *v > '9')
		return false;
	errno = 0;
	*ret = strtoull(v, &end, base);
	return !errno && !*end && *ret <= max;
}

static bool parse_option(void *ctx, const char *key, const char *value)
{
	const char *v = value ? value : "";
	struct tmpfs_sb *ts = ctx;
	uint64_t n;

	if (!strcmp(key, "size")) {
		if (!parse_size(v, &n))
			return false;
		ts->max_pages = n / GUEST_PAGE_SIZE + (n % GUEST_PAGE_SIZE != 0);
	} else if (!strcmp(key, "nr_blocks")) {
		if (!parse_size(v, &n))
			return false;
		ts->max_pages = n;
	} else if (!strcmp(key, "nr_inodes")) {
		if (!parse_size(v, &n))
			return false;
		ts->max_inodes = n;
	} else if (!strcmp(key, "mode")) {
		if (!parse_id(v, 8, 07777, &n))
			return false;
		ts->mode = (mode_t)n;
	} else if (!strcmp(key, "uid")) {
		if (!parse_id(v, 10, UINT32_MAX - 1, &n))
			return false;
		ts->uid = KUID(n);
	} else if (!strcmp(key, "gid")) {
		if (!parse_id(v, 10, UINT32_MAX - 1, &n))
			return false;
		ts->gid = KGID(n);
	} else {
		/* Memory policy and huge pages are the host's; anything else is unknown. */
		return !strcmp(key, "mpol") || !strcmp(key, "huge") || !strcmp(key, "inode32") ||
		       !strcmp(key, "inode64");
	}
	return true;
}

static bool tmpfs_option(const char *key, const char *value)
{
	struct tmpfs_sb none = {0};

	return parse_option(&none, key, value);
}

/* Remounting: limits may change, but not below what is used, and not from none to some. */
static int tmpfs_reconfigure(struct super *sb, const char *options)
{
	struct tmpfs_sb *ts = TS(sb), fresh = *ts;
	int r = fs_parse_options(options, parse_option, &fresh);

	if (r < 0)
		return r;
	if (fresh.max_pages != ts->max_pages && fresh.max_pages &&
	    (!ts->max_pages || fresh.max_pages < __atomic_load_n(&ts->used_pages, __ATOMIC_RELAXED)))
		return -EINVAL;
	if (fresh.max_inodes != ts->max_inodes && fresh.max_inodes &&
	    (!ts->max_inodes || fresh.max_inodes < __atomic_load_n(&ts->used_inodes, __ATOMIC_RELAXED)))
		return -EINVAL;
	__atomic_store_n(&ts->max_pages, fresh.max_pages, __ATOMIC_RELAXED);
	__atomic_store_n(&ts->max_inodes, fresh.max_inodes, __ATOMIC_RELAXED);
	return 0;
}

static int sb_init(struct tmpfs_sb *ts, const struct fs_params *p)
{
	uint64_t total = memory_total();

	ts->ct = p->ct;
	ts->mode = 01777;
	ts->max_pages = ts->max_inodes = ts->default_pages = total / 2 / GUEST_PAGE_SIZE;
	if (current) {
		ts->uid = current->cred->fsuid;
		ts->gid = current->cred->fsgid;
	}
	mutex_init(&ts->reap_lock, RANK_SUPER, "tmpfs reap");
	return fs_parse_options(p->options, parse_option, ts);
}

static const struct super_ops tmpfs_sops = {
	.handles = true,
	.inode_flags = true,
	.evict = evict,
	.statfs = tmpfs_statfs,
	.show_options = tmpfs_show_options,
	.reconfigure = tmpfs_reconfigure,
	.kill = tmpfs_kill,
};

static int tmpfs_get_super(const struct fs_type *t, const struct fs_params *p, struct super **ret)
{
	struct tmpfs_sb *ts = calloc(1, sizeof(*ts));
	struct super *sb = ts ? super_new(t, &tmpfs_sops, TMPFS_MAGIC) : NULL;
	struct inode *root;
	int r;

	if (!sb) {
		free(ts);
		return -ENOMEM;
	}
	sb->priv = ts;
	sb->flags = p->flags & (MS_RDONLY | MS_NOATIME | MS_SYNCHRONOUS);
	sb->source = strdup(p->source ? p->source : "tmpfs");
	r = sb->source ? sb_init(ts, p) : -ENOMEM;
	if (r == 0)
		r = tmpfs_inode_new(sb, NULL, S_IFDIR | ts->mode, &root);
	if (r == 0) {
		sb->root = dentry_make_root(sb, root);
		r = sb->root ? 0 : -ENOMEM;
	}
	if (r < 0)
		super_put(sb);
	else
		*ret = sb;
	return r;
}

extern const struct fs_type tmpfs_fs_type;
const struct fs_type tmpfs_fs_type = {
	.name = "tmpfs", .flags = FS_NODEV | FS_USERNS_MOUNT, .get_super = tmpfs_get_super, .option = tmpfs_option};
