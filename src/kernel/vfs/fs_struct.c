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
	fs->users = 1;
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

struct fs_struct *fs_struct_join(struct fs_struct *fs)
{
	__atomic_add_fetch(&fs->users, 1, __ATOMIC_RELAXED);
	return fs_struct_get(fs);
}

void fs_struct_leave(struct fs_struct *fs)
{
	if (fs)
		__atomic_sub_fetch(&fs->users, 1, __ATOMIC_RELAXED);
	fs_struct_put(fs);
}

void fs_enter(struct task *t, struct mnt_namespace *ns)
{
	struct path root, old[2];

	mnt_namespace_root(ns, &root);
	path_get(&root); /* twice: for root and cwd */
	mutex_lock(&t->fs->lock);
	old[0] = t->fs->root;
	old[1] = t->fs->cwd;
	t->fs->root = t->fs->cwd = root;
	mutex_unlock(&t->fs->lock);
	path_put(&old[0]);
	path_put(&old[1]);
}

bool fs_chrooted(struct task *t)
{
	struct path root, own;
	bool r;

	mnt_namespace_root(t->nsproxy->mnt, &root);
	fs_get_root(t, &own);
	r = own.mnt != root.mnt || own.dentry != root.dentry;
	path_put(&root);
	path_put(&own);
	return r;
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
