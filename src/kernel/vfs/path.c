/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path resolution, path_resolution(7). A walk holds references and no lock: directories are asked through
 * dentry_lookup, mounts through the mount table. Links put their text in front of what is left.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include "kernel/task/task.h"
#include "kernel/vfs/vfs_priv.h"

void path_get(const struct path *p)
{
	if (p->mnt)
		mount_get(p->mnt);
	if (p->dentry)
		dentry_get(p->dentry);
}

void path_put(struct path *p)
{
	struct path old = *p;

	*p = (struct path){0};
	dentry_put(old.dentry);
	if (old.mnt)
		mount_put(old.mnt);
}

static void path_copy(struct path *to, const struct path *from)
{
	path_get(from);
	*to = *from;
}

static bool path_equal(const struct path *a, const struct path *b)
{
	return a->mnt == b->mnt && a->dentry == b->dentry;
}

static bool is_dir(const struct path *p)
{
	const struct inode *i = dentry_inode(p->dentry);

	return i && S_ISDIR(i->mode);
}

/* --- beginning and end --- */

/* Where a relative name starts. */
static int start_at(struct walk *w, int dfd, const char *name)
{
	_cleanup_(file_putp) struct file *f = NULL;

	if (dfd == AT_FDCWD) {
		fs_get_cwd(w->t, &w->cur);
		return 0;
	}
	f = fd_get_path(w->t, dfd);
	if (!f)
		return -EBADF;
	path_copy(&w->cur, &f->path);
	return *name && !is_dir(&w->cur) ? -ENOTDIR : 0;
}

int walk_begin(struct walk *w, struct task *t, const struct cred *cred, int dfd, const char *name,
	       unsigned flags)
{
	int r = 0;

	memset(w, 0, offsetof(struct walk, stack));
	w->t = t;
	w->cred = cred;
	w->flags = flags;
	w->rest = name;
	w->text = NULL;
	if (!*name && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	fs_get_root(t, &w->root);
	if (*name == '/' && !(flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)))
		path_copy(&w->cur, &w->root);
	else if (*name == '/' && (flags & LOOKUP_BENEATH))
		r = -EXDEV;
	else
		r = start_at(w, dfd, *name == '/' ? "" : name);
	if (r == 0 && (flags & LOOKUP_IN_ROOT)) {
		path_put(&w->root);
		path_copy(&w->root, &w->cur);
	}
	if (r == 0)
		path_copy(&w->base, &w->cur);
	if (r < 0)
		walk_done(w);
	return r;
}

void walk_done(struct walk *w)
{
	free(w->text);
	w->text = NULL;
	while (w->depth)
		free(w->stack[--w->depth].buf);
	path_put(&w->cur);
	path_put(&w->root);
	path_put(&w->base);
}

/* --- one step --- */

/* A change of the mount of a walk that may not leave it. */
static int check_xdev(const struct walk *w, const struct mount *from, const struct mount *to)
{
	return (w->flags & LOOKUP_NO_XDEV) && from != to ? -EXDEV : 0;
}

void follow_mount(struct path *p)
{
	while (__atomic_load_n(&p->dentry->mounted, __ATOMIC_ACQUIRE)) {
		struct mount *m = mount_child(p->mnt, p->dentry);

		if (!m)
			return;
		dentry_put(p->dentry);
		mount_put(p->mnt);
		p->mnt = m;
		p->dentry = dentry_get(m->root);
	}
}

bool follow_up(struct path *p)
{
	struct mount *parent;
	struct dentry *at = NULL;

	mutex_lock(&mount_lock);
	parent = p->mnt->parent;
	if (parent) {
		mount_get(parent);
		at = dentry_get(p->mnt->mountpoint);
	}
	mutex_unlock(&mount_lock);
	if (!parent)
		return false;
	path_put(p);
	p->mnt = parent;
	p->dentry = at;
	return true;
}

static int step_up(struct walk *w)
{
	struct mount *from = w->cur.mnt;
	struct dentry *d;
	int r;

	for (;;) {
		if (path_equal(&w->cur, &w->root))
			break;
		if ((w->flags & LOOKUP_BENEATH) && path_equal(&w->cur, &w->base))
			return -EXDEV;
		if (w->cur.dentry != w->cur.mnt->root) {
			d = dentry_parent_get(w->cur.dentry);
			dentry_put(w->cur.dentry);
			w->cur.dentry = d;
			break;
		}
		if (!follow_up(&w->cur))
			break;
		r = check_xdev(w, from, w->cur.mnt);
		if (r < 0)
			return r;
	}
	from = w->cur.mnt;
	follow_mount(&w->cur);
	return check_xdev(w, from, w->cur.mnt);
}

int walk_child(struct walk *w, const char *name, size_t len, struct path *ret)
{
	struct dentry *d;
	int r;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	r = dentry_lookup(w->cur.dentry, name, len, &d);
	if (r < 0)
		return r;
	ret->mnt = mount_get(w->cur.mnt);
	ret->dentry = d;
	if (dentry_inode(d)) {
		follow_mount(ret);
		r = check_xdev(w, w->cur.mnt, ret->mnt);
		if (r < 0)
			path_put(ret);
	}
	return r;
}

static int may_search(struct walk *w)
{
	struct inode *i = dentry_inode(w->cur.dentry);

	if (!i)
		return -ENOENT;
	if (!S_ISDIR(i->mode))
		return -ENOTDIR;
	return inode_permission(i, w->cred, MAY_EXEC);
}

/* --- links --- */

static int jump(struct walk *w, struct inode *i)
{
	struct path to = {0};
	int r;

	if (w->flags & (LOOKUP_NO_MAGICLINKS | LOOKUP_NO_SYMLINKS))
		return -ELOOP;
	if (w->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT))
		return -EXDEV;
	r = i->op->jump_link(i, &to);
	if (r < 0)
		return r;
	r = check_xdev(w, w->cur.mnt, to.mnt);
	if (r < 0) {
		path_put(&to);
		return r;
	}
	path_put(&w->cur);
	w->cur = to;
	return 0;
}

/* Puts text (owned from here on) in front of the rest. */
static int push_text(struct walk *w, char *text)
{
	if (!*text) {
		free(text);
		return -ENOENT;
	}
	if (!*w->rest && w->text) {
		free(w->text); /* nothing left there: no need to come back */
	} else if (*w->rest) {
		w->stack[w->depth].buf = w->text;
		w->stack[w->depth].rest = w->rest;
		w->depth++;
	}
	w->text = text;
	w->rest = text;
	if (*text != '/')
		return 0;
	if (w->flags & LOOKUP_BENEATH)
		return -EXDEV;
	if ((w->flags & LOOKUP_NO_XDEV) && w->cur.mnt != w->root.mnt)
		return -EXDEV;
	path_put(&w->cur);
	path_copy(&w->cur, &w->root);
	return 0;
}

int protected_symlinks = 1, protected_hardlinks = 1, protected_fifos = 1, protected_regular = 2;

/* A link of somebody else's in a directory where everybody makes names is a trap. */
static bool is_trap(const struct walk *w, const struct inode *link)
{
	const struct inode *dir = dentry_inode(w->cur.dentry);

	return __atomic_load_n(&protected_symlinks, __ATOMIC_RELAXED) && w->cred &&
	       w->cred->fsuid.v != link->uid.v && (dir->mode & (S_ISVTX | S_IWOTH)) == (S_ISVTX | S_IWOTH) &&
	       dir->uid.v != link->uid.v;
}

int walk_link(struct walk *w, struct path *p, bool slash)
{
	struct inode *i = dentry_inode(p->dentry);
	unsigned mnt_flags = __atomic_load_n(&p->mnt->flags, __ATOMIC_RELAXED);
	char *text;
	ssize_t n;
	int r = 0;

	if (w->links++ >= MAX_LINKS || (w->flags & LOOKUP_NO_SYMLINKS) ||
	    (mnt_flags & MNT_NOSYMFOLLOW)) {
		path_put(p);
		return -ELOOP;
	}
	if (!*w->rest && !w->depth && is_trap(w, i)) {
		path_put(p);
		return -EACCES;
	}
	if (i->op->jump_link) {
		r = jump(w, i);
		path_put(p);
		return r == 0 && slash && !is_dir(&w->cur) ? -ENOTDIR : r;
	}
	text = malloc(PATH_MAX);
	if (!text)
		r = -ENOMEM;
	if (r == 0 && !i->op->readlink)
		r = -EINVAL;
	if (r == 0) {
		n = i->op->readlink(i, text, PATH_MAX - 1);
		r = n < 0 ? (int)n : 0;
		if (r == 0 && slash && n > 0) { /* "link/": the target must be a directory too */
			text[n] = '/';
			text[n + 1] = '\0';
		}
	}
	path_put(p);
	if (r < 0) {
		free(text);
		return r;
	}
	return push_text(w, text);
}

/* --- many steps --- */

/* Takes the next component of the current text; false at its end. */
static bool next_component(struct walk *w, struct last *c)
{
	const char *s = w->rest, *e;

	while (*s == '/')
		s++;
	if (!*s) {
		w->rest = s;
		return false;
	}
	for (e = s; *e && *e != '/'; e++)
		;
	c->name = s;
	c->len = (size_t)(e - s);
	c->slash = *e == '/';
	while (*e == '/')
		e++;
	w->rest = e;
	c->type = c->len == 1 && s[0] == '.'		      ? LAST_DOT :
		  c->len == 2 && s[0] == '.' && s[1] == '.' ? LAST_DOTDOT :
							      LAST_NORM;
	return true;
}

static bool pop_text(struct walk *w)
{
	if (!w->depth)
		return false;
	free(w->text);
	w->depth--;
	w->text = w->stack[w->depth].buf;
	w->rest = w->stack[w->depth].rest;
	return true;
}

/* One component that is not the last, or whose links are followed: w->cur becomes it. */
static int step(struct walk *w, const struct last *c, bool follow)
{
	struct path next;
	struct inode *i;
	int r;

	r = may_search(w);
	if (r < 0)
		return r;
	if (c->type == LAST_DOT)
		return 0;
	if (c->type == LAST_DOTDOT)
		return step_up(w);
	r = walk_child(w, c->name, c->len, &next);
	if (r < 0)
		return r;
	i = dentry_inode(next.dentry);
	if (!i) {
		path_put(&next);
		return -ENOENT;
	}
	if (S_ISLNK(i->mode) && (follow || c->slash))
		return walk_link(w, &next, c->slash);
	path_put(&w->cur);
	w->cur = next;
	return c->slash && !S_ISDIR(i->mode) ? -ENOTDIR : 0;
}

int walk_parent(struct walk *w, struct last *ret)
{
	int r;

	*ret = (struct last){.type = LAST_ROOT};
	for (;;) {
		struct last c;

		if (!next_component(w, &c)) {
			if (pop_text(w))
				continue;
			return 0; /* "/" alone, or a magic link at the end */
		}
		if (!*w->rest && !w->depth) {
			*ret = c;
			return may_search(w);
		}
		r = step(w, &c, true);
		if (r < 0)
			return r;
	}
}

int walk_rest(struct walk *w)
{
	bool follow = w->flags & LOOKUP_FOLLOW;

	for (;;) {
		struct last c;
		int r;

		if (!next_component(w, &c)) {
			if (pop_text(w))
				continue;
			break;
		}
		r = step(w, &c, *w->rest || w->depth || follow);
		if (r < 0)
			return r;
	}
	if (w->flags & LOOKUP_MOUNTPOINT) /* "." is what is mounted here, too */
		follow_mount(&w->cur);
	return (w->flags & LOOKUP_DIRECTORY) && !is_dir(&w->cur) ? -ENOTDIR : 0;
}

/* --- the public functions --- */

int path_lookup_cred(struct task *t, const struct cred *cred, int dfd, const char *name,
		     unsigned flags, struct path *ret)
{
	struct walk w;
	int r;

	r = walk_begin(&w, t, cred, dfd, name, flags);
	if (r < 0)
		return r;
	r = walk_rest(&w);
	if (r == 0)
		*ret = w.cur;
	if (r == 0)
		w.cur = (struct path){0};
	walk_done(&w);
	return r;
}

int path_lookup_at(struct task *t, int dfd, const char *name, unsigned flags, struct path *ret)
{
	return path_lookup_cred(t, t->cred, dfd, name, flags, ret);
}

int path_parent_last(struct task *t, int dfd, const char *name, unsigned flags, struct path *ret,
		     struct last *ret_last)
{
	struct walk w;
	int r;

	r = walk_begin(&w, t, t->cred, dfd, name, flags & ~LOOKUP_EMPTY);
	if (r < 0)
		return r;
	r = walk_parent(&w, ret_last);
	if (r == 0) {
		*ret = w.cur;
		w.cur = (struct path){0};
	}
	walk_done(&w);
	return r;
}

int path_parent_at(struct task *t, int dfd, const char *name, unsigned flags, struct path *ret,
		   const char **ret_last, size_t *ret_len, bool *ret_dir)
{
	struct last l;
	int r = path_parent_last(t, dfd, name, flags, ret, &l);

	if (r < 0)
		return r;
	*ret_last = l.name;
	*ret_len = l.type == LAST_NORM ? l.len : 0;
	*ret_dir = l.slash;
	return 0;
}

int path_lookup_from(const struct path *root, const char *name, unsigned flags, struct path *ret)
{
	struct walk w;
	int r;

	memset(&w, 0, offsetof(struct walk, stack));
	w.cred = vfs_cred();
	w.flags = flags;
	w.rest = name;
	w.text = NULL;
	path_copy(&w.root, root);
	path_copy(&w.cur, root);
	path_copy(&w.base, root);
	r = walk_rest(&w);
	if (r == 0) {
		*ret = w.cur;
		w.cur = (struct path){0};
	}
	walk_done(&w);
	return r;
}
