/* SPDX-License-Identifier: Apache-2.0 */
/* Super blocks: one per mounted file system. */
#include <string.h>
#include <sys/sysmacros.h>
#include "kernel/task/user_ns.h"
#include "kernel/vfs/vfs_priv.h"

static unsigned next_minor = 32; /* atomic */

struct super *super_new(const struct fs_type *t, const struct super_ops *op, uint32_t magic)
{
	struct super *sb = calloc(1, sizeof(*sb));

	if (!sb)
		return NULL;
	ref_init(&sb->ref);
	ref_init(&sb->life);
	sb->type = t;
	sb->op = op;
	sb->magic = magic;
	sb->next_ino = 1;
	sb->time_gran = 1;
	sb->user_ns = user_ns_get(current_user_ns());
	sb->dev = makedev(0, __atomic_fetch_add(&next_minor, 1, __ATOMIC_RELAXED));
	mutex_init(&sb->lock, RANK_SUPER, "super");
	mutex_init(&sb->rename_lock, RANK_RENAME, "rename");
	list_init(&sb->inodes);
	return sb;
}

struct super *super_get(struct super *sb)
{
	ref_get(&sb->ref);
	return sb;
}

/* The last inode, or the super itself, has gone. */
void super_life_put(struct super *sb)
{
	if (!ref_put(&sb->life))
		return;
	if (sb->op->kill)
		sb->op->kill(sb);
	mutex_destroy(&sb->lock);
	mutex_destroy(&sb->rename_lock);
	user_ns_put(sb->user_ns);
	free(sb->source);
	free(sb);
}

void super_put(struct super *sb)
{
	struct dentry *root;

	if (!sb || !ref_put(&sb->ref))
		return;
	root = TAKE_PTR(sb->root);
	if (root) {
		dcache_prune(root);
		dentry_put(root);
	}
	super_life_put(sb);
}

void super_make_layer(struct super *sb)
{
	struct inode *i;

	MUTEX_GUARD(&sb->lock);
	sb->layer = true;
	sb->rename_lock.rank = RANK_LAYER_RENAME;
	list_for_each_entry(i, &sb->inodes, sb_node)
		i->lock.rank = S_ISDIR(i->mode) ? RANK_LAYER_DIR : RANK_LAYER_INODE;
}

struct inode *super_find_inode(struct super *sb, uint64_t ino, uint64_t key)
{
	struct inode *i;

	MUTEX_GUARD(&sb->lock);
	list_for_each_entry(i, &sb->inodes, sb_node)
		if (i->map_key == key && i->ino == ino && ref_get_unless_zero(&i->ref))
			return i;
	return NULL;
}
