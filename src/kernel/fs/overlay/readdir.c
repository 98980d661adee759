/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading directories of an overlay. One with a single layer is that layer's. A merged one is read as a whole
 * when a reader is at its start; the list stays with the open file, a position is an index in it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include "kernel/fs/overlay/ovl_priv.h"

struct entry {
	uint64_t ino;
	uint32_t name, hash_next; /* offset of the name in the text; 1 + index, 0 ends a chain */
	uint16_t len;
	uint8_t type;
	bool hidden; /* a whiteout: hides the lower's, is not shown */
};
struct list {
	struct dir_context c;
	struct entry *e;
	uint32_t n, cap, *hash, hash_size;
	char *text;
	size_t text_len, text_cap;
	bool lower; /* now reading the lower: skip what the upper has */
	int err;
};
/* An open directory. */
struct ovl_dir_file {
	struct file *real; /* single layer */
	struct list *list; /* merged */
};

static void list_free(struct list *l)
{
	if (!l)
		return;
	free(l->e);
	free(l->hash);
	free(l->text);
	free(l);
}

static uint32_t name_hash(const char *p, size_t n)
{
	uint32_t h = 2166136261U;

	while (n--)
		h = (h ^ (uint8_t)*p++) * 16777619U;
	return h;
}

static bool list_has(const struct list *l, const char *name, size_t len)
{
	uint32_t k = l->hash_size ? l->hash[name_hash(name, len) % l->hash_size] : 0;

	for (; k; k = l->e[k - 1].hash_next)
		if (l->e[k - 1].len == len && !memcmp(l->text + l->e[k - 1].name, name, len))
			return true;
	return false;
}

static bool list_grow(struct list *l, size_t len)
{
	if (l->n == l->cap) {
		uint32_t cap = l->cap ? l->cap * 2 : 64;
		struct entry *e = cap < 1U << 27 ? realloc(l->e, cap * sizeof(*e)) : NULL;

		if (!e)
			return false;
		l->e = e;
		l->cap = cap;
	}
	if (l->text_cap - l->text_len < len) {
		size_t cap = l->text_cap ? l->text_cap * 2 : 4096;
		char *t = cap <= UINT32_MAX ? realloc(l->text, cap) : NULL;

		if (!t)
			return false;
		l->text = t;
		l->text_cap = cap;
	}
	return true;
}

/* Chains for list_has, made once the upper's names are known. */
static int list_index(struct list *l)
{
	l->hash_size = l->n * 2 + 1;
	l->hash = calloc(l->hash_size, sizeof(*l->hash));
	if (!l->hash)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->n; i++) {
		uint32_t *b = &l->hash[name_hash(l->text + l->e[i].name, l->e[i].len) % l->hash_size];

		l->e[i].hash_next = *b;
		*b = i + 1;
	}
	return 0;
}

static bool add(struct dir_context *c, const char *name, size_t len, uint64_t ino, unsigned type,
		uint64_t next)
{
	struct list *l = container_of(c, struct list, c);

	if (l->lower && list_has(l, name, len))
		return true;
	if (!list_grow(l, len)) {
		l->err = -ENOMEM;
		return false;
	}
	l->e[l->n] = (struct entry){
		.ino = ino,
		.name = (uint32_t)l->text_len,
		.len = (uint16_t)len,
		.type = (uint8_t)type,
	};
	memcpy(l->text + l->text_len, name, len);
	l->text_len += len;
	l->n++;
	return true;
}

static int read_layer(struct list *l, const struct path *dir)
{
	_cleanup_(file_putp) struct file *f = NULL;
	uint32_t before;
	int r;

	r = file_open_path(dir, O_RDONLY | O_DIRECTORY, NULL, &f);
	if (r < 0)
		return r;
	l->c.pos = 0;
	do {
		before = l->n;
		r = f->op->iterate(f, &l->c);
		r = r < 0 ? r : l->err;
	} while (r == 0 && l->n != before && !l->lower);
	return r;
}

/* Finds the whiteouts among the upper's names. Only once its reading is over: a look-up takes the lock that the
 * layer holds while it emits. The overlay directory's lock keeps the upper as it was read. */
static int mark_whiteouts(struct list *l, struct dentry *upper)
{
	for (uint32_t i = 0; i < l->n; i++) {
		struct entry *e = &l->e[i];
		struct dentry *d;
		int r;

		if (e->type != DT_CHR)
			continue;
		r = dentry_lookup(upper, l->text + e->name, e->len, &d);
		if (r < 0)
			return r;
		e->hidden = ovl_is_whiteout(d->inode);
		dentry_put(d);
	}
	return 0;
}

/* Everything that dir shows; its lock is held. */
static int read_merged(struct inode *dir, struct list **ret)
{
	struct path up = ovl_upper_path(dir), low = {OS(dir->sb)->lower, OI(dir)->lower};
	struct list *l = calloc(1, sizeof(*l));
	int r = 0;

	if (!l)
		return -ENOMEM;
	l->c.emit = add;
	if (up.dentry)
		r = read_layer(l, &up);
	if (r == 0 && up.dentry)
		r = mark_whiteouts(l, up.dentry);
	if (r == 0)
		r = list_index(l);
	l->lower = true;
	if (r == 0 && low.dentry)
		r = read_layer(l, &low);
	if (r < 0)
		list_free(l);
	else
		*ret = l;
	return r;
}

int ovl_check_empty(struct inode *dir)
{
	struct list *l;
	int r;

	r = read_merged(dir, &l);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < l->n && r == 0; i++) {
		const char *name = l->text + l->e[i].name;
		size_t len = l->e[i].len;

		if (!l->e[i].hidden && !(name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))))
			r = -ENOTEMPTY;
	}
	list_free(l);
	return r;
}

/* --- open directories --- */

static int dir_open(struct inode *i, struct file *f)
{
	f->priv = calloc(1, sizeof(struct ovl_dir_file));
	return f->priv ? 0 : -ENOMEM;
}

static void forget(struct ovl_dir_file *df)
{
	file_put(TAKE_PTR(df->real));
	list_free(TAKE_PTR(df->list));
}

static void dir_release(struct file *f)
{
	struct ovl_dir_file *df = f->priv;

	forget(df);
	free(df);
}

/* At the start of a reading: which form. */
static int begin(struct inode *dir, struct ovl_dir_file *df)
{
	struct path p = ovl_real_path(dir);

	forget(df);
	if (ovl_upper(dir) && OI(dir)->lower)
		return read_merged(dir, &df->list);
	return file_open_path(&p, O_RDONLY | O_DIRECTORY, NULL, &df->real);
}

/* "." and ".." of a list are the layer's: at the root the layer's own parent shows. */
static uint64_t entry_ino(const struct file *f, const struct entry *e, const char *name)
{
	_cleanup_(dentry_putp) struct dentry *parent = NULL;

	if (name[0] != '.' || e->len > 2 || (e->len == 2 && name[1] != '.'))
		return e->ino;
	if (e->len == 1)
		return f->inode->ino;
	parent = dentry_parent_get(f->path.dentry);
	return dentry_inode(parent)->ino;
}

static int iterate(struct file *f, struct dir_context *c)
{
	struct ovl_dir_file *df = f->priv;
	struct inode *dir = f->inode;
	struct list *l;
	int r = 0;

	MUTEX_GUARD(&dir->lock);
	if (dir->dead)
		return 0;
	if (c->pos == 0 || (!df->real && !df->list))
		r = begin(dir, df);
	if (r < 0)
		return r;
	if (df->real)
		return df->real->op->iterate(df->real, c);
	l = df->list;
	for (; c->pos < l->n; c->pos++) {
		struct entry *e = &l->e[c->pos];
		const char *name = l->text + e->name;

		if (!e->hidden &&
		    !c->emit(c, name, e->len, entry_ino(f, e, name), e->type, c->pos + 1))
			return 0;
	}
	return 0;
}

const struct file_ops ovl_dir_fops = {
	.open = dir_open,
	.release = dir_release,
	.iterate = iterate,
	.llseek = no_seek_end_llseek,
};
