/* SPDX-License-Identifier: Apache-2.0 */
/* Root, working directory and umask of a task; shared with CLONE_FS. */
#include "kernel/task/task.h"
#include "kernel/vfs/vfs_priv.h"

struct fs_struct *fs_struct_new(const struct path *root, const struct path *cwd)
{
	struct fs_struct *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return NULL;
	ref_init(&fs->ref);
	mutex_init(&fs->lock, RANK_FS_STRUCT, "fs_struct");
	path_get(root);
	path_get(cwd);
	fs->root = *root;
	fs->cwd = *cwd;
	fs->umask = 022;
	return fs;
}

struct fs_struct *fs_struct_get(struct fs_struct *fs)
{
	ref_get(&fs->ref);
	return fs;
}

struct fs_struct *fs_struct_copy(struct fs_struct *fs)
{
	struct fs_struct *c;

	MUTEX_GUARD(&fs->lock);
	c = fs_struct_new(&fs->root, &fs->cwd);
	if (c)
		c->umask = __atomic_load_n(&fs->umask, __ATOMIC_RELAXED);
	return c;
}

void fs_struct_put(struct fs_struct *fs)
{
	if (!fs || !ref_put(&fs->ref))
		return;
	path_put(&fs->root);
	path_put(&fs->cwd);
	mutex_destroy(&fs->lock);
	free(fs);
}

static void get_path(struct task *t, bool cwd, struct path *ret)
{
	struct fs_struct *fs = t->fs, *own = NULL;

	if (t != current) { /* another task's may go away */
		mutex_lock(&t->lock);
		fs = own = t->fs ? fs_struct_get(t->fs) : NULL;
		mutex_unlock(&t->lock);
	}
	if (!fs) {
		*ret = (struct path){0};
		return;
	}
	mutex_lock(&fs->lock);
	*ret = cwd ? fs->cwd : fs->root;
	path_get(ret);
	mutex_unlock(&fs->lock);
	fs_struct_put(own);
}

void fs_get_root(struct task *t, struct path *ret)
{
	get_path(t, false, ret);
}

void fs_get_cwd(struct task *t, struct path *ret)
{
	get_path(t, true, ret);
}
