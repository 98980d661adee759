/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings. A READDIRPLUS reply brings the attributes and node of every entry; those of exclusive
 * directories wait beside the directory (a look) for the look-ups that mostly follow, so that `ls -l`
 * or `find` needs no further request. They hold for the directory's generation only.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include "kernel/fs/fuse/fuse_priv.h"

#define READ_SIZE FW_VALUE_MAX
#define LOOK_BATCHES 16 /* replies kept per directory */

struct look_slot {
	uint32_t hash;
	uint32_t at; /* offset in data of the entry; 0 with used false */
	bool used, taken;
};
struct fuse_look {
	struct fuse_look *next; /* earlier replies */
	uint64_t gen;
	unsigned depth;
	size_t nslots; /* a power of two */
	struct look_slot *slots;
	uint8_t *data; /* the reply */
	size_t len;
};

/* An open directory. */
struct dir_file {
	uint64_t fh;
	bool busy; /* atomic: one reader at a time; the position's lock sees to that */
	bool opened, end;
	bool plain; /* names without attributes, decided when the listing begins */
	uint64_t gen;
	uint64_t next;	/* position of the first entry in rest */
	size_t at, len; /* of buf that is left */
	uint8_t *buf;
};

static uint32_t name_hash(const char *s, size_t n)
{
	uint32_t h = 2166136261U;

	while (n--)
		h = (h ^ (uint8_t)*s++) * 16777619U;
	return h;
}

void fuse_look_free(struct fuse_conn *c, struct fuse_look *l)
{
	while (l) {
		struct fuse_look *next = l->next;

		for (size_t i = 0; i < l->nslots; i++) {
			struct fuse_entry_out e;

			if (!l->slots[i].used || l->slots[i].taken)
				continue;
			memcpy(&e, l->data + l->slots[i].at, sizeof(e));
			fuse_forget(c, e.nodeid, 1);
		}
		free(l->slots);
		free(l->data);
		free(l);
		l = next;
	}
}

/* Indexes the entries with nodes; the reply was checked already. */
static void look_index(struct fuse_look *l)
{
	struct fw_reader r;
	struct fuse_entry_out e;
	struct fuse_dirent d;
	const char *name;

	fw_reader_init(&r, l->data, l->len);
	for (;;) {
		uint32_t at = (uint32_t)(l->len - r.left);
		size_t i;

		if (fw_next_direntplus(&r, &e, &d, &name) <= 0)
			return;
		if (!e.nodeid)
			continue;
		i = name_hash(name, d.namelen);
		for (size_t k = i & (l->nslots - 1);; k = (k + 1) & (l->nslots - 1)) {
			if (l->slots[k].used)
				continue;
			l->slots[k] = (struct look_slot){(uint32_t)i, at, true, false};
			break;
		}
	}
}

/* Keeps the reply for look-ups; when that cannot be, its nodes are forgotten. */
static void look_add(struct inode *dir, uint64_t gen, const uint8_t *data, size_t len, size_t n)
{
	struct fuse_conn *c = fuse_conn_of(dir);
	struct fuse_inode *fi = FI(dir);
	struct fuse_look *l = calloc(1, sizeof(*l)), *drop = NULL;

	if (!l || !n)
		goto out;
	for (l->nslots = 4; l->nslots < n * 2;)
		l->nslots *= 2;
	l->slots = calloc(l->nslots, sizeof(*l->slots));
	l->data = malloc(len);
	if (!l->slots || !l->data) {
		l->nslots = 0;
		goto out; /* nodes stay counted at the gofer: it merely remembers them longer */
	}
	memcpy(l->data, data, len);
	l->len = len;
	l->gen = gen;
	look_index(l);
	mutex_lock(fuse_lock(c));
	if (!gen || fi->gen != gen) {
		drop = TAKE_PTR(l);
	} else {
		if (fi->look && fi->look->depth + 1 >= LOOK_BATCHES)
			drop = TAKE_PTR(fi->look);
		l->next = fi->look;
		l->depth = l->next ? l->next->depth + 1 : 0;
		fi->look = TAKE_PTR(l);
	}
	mutex_unlock(fuse_lock(c));
	fuse_look_free(c, drop);
out:
	fuse_look_free(c, l);
}

static bool look_find(struct fuse_look *l, const char *name, size_t len, struct fuse_entry_out *ret)
{
	uint32_t h = name_hash(name, len);

	for (size_t k = h & (l->nslots - 1); l->slots[k].used; k = (k + 1) & (l->nslots - 1)) {
		struct look_slot *s = &l->slots[k];
		struct fuse_dirent d;

		memcpy(&d, l->data + s->at + sizeof(*ret), sizeof(d));
		if (s->taken || s->hash != h || d.namelen != len ||
		    memcmp(l->data + s->at + sizeof(*ret) + sizeof(d), name, len) != 0)
			continue;
		memcpy(ret, l->data + s->at, sizeof(*ret));
		s->taken = true;
		return true;
	}
	return false;
}

bool fuse_look_take(struct inode *dir, uint64_t gen, const char *name, size_t len,
		    struct fuse_entry_out *ret)
{
	MUTEX_GUARD(fuse_lock(fuse_conn_of(dir)));

	FS(dir->sb)->names_used += FI(dir)->listed;
	for (struct fuse_look *l = FI(dir)->look; l; l = l->next)
		if (l->gen == gen && look_find(l, name, len, ret))
			return true;
	return false;
}

/* --- reading ------------------------------------------------------------------------------------------------ */

static int dir_open(struct inode *i, struct file *f)
{
	f->priv = calloc(1, sizeof(struct dir_file));
	return f->priv ? 0 : -ENOMEM;
}

static void dir_release(struct file *f)
{
	struct dir_file *df = f->priv;
	struct fuse_release_in in = {0};

	if (!df)
		return;
	if (df->opened) {
		in.fh = df->fh;
		fuse_cast(fuse_conn_of(f->inode), FUSE_RELEASEDIR, FI(f->inode)->nodeid, &in,
			  sizeof(in));
	}
	free(df->buf);
	free(df);
}

static int ensure_open(struct inode *i, struct dir_file *df)
{
	struct fuse_open_in in = {0};
	struct fuse_open_out out;
	struct fuse_call call = {.opcode = FUSE_OPENDIR, .nodeid = FI(i)->nodeid,
				 .in = {{&in, sizeof(in)}},
				 .out = &out, .out_min = sizeof(out), .out_cap = sizeof(out)};
	int r;

	if (df->opened)
		return 0;
	if (!df->buf)
		df->buf = malloc(READ_SIZE);
	if (!df->buf)
		return -ENOMEM;
	r = fuse_call(fuse_conn_of(i), &call);
	if (r < 0)
		return r;
	df->fh = out.fh;
	df->opened = true;
	return 0;
}

/* Attributes with the names cost the gofer a look at each file. They are asked for while a third of the names that were listed
 * lately was looked up after (ls -l, find, tar do; ls -R and shell patterns do not). */
static bool wants_attributes(struct inode *i)
{
	struct fuse_super *s = FS(i->sb);

	MUTEX_GUARD(fuse_lock(s->conn));
	return s->names_listed < 64 || s->names_used * 3 >= s->names_listed;
}

static void count_names(struct inode *i, unsigned n)
{
	struct fuse_super *s = FS(i->sb);

	MUTEX_GUARD(fuse_lock(s->conn));
	FI(i)->listed = true;
	s->names_listed += n;
	if (s->names_listed > 1024) {
		s->names_listed /= 2;
		s->names_used /= 2;
	}
}

/* The next reply, from pos. Checked completely: what is in buf afterwards is well-formed. */
static int fill(struct inode *i, struct dir_file *df, uint64_t pos)
{
	struct fuse_read_in in = {.fh = df->fh, .offset = pos, .size = READ_SIZE};
	struct fuse_call call = {.opcode = FUSE_READDIRPLUS, .nodeid = FI(i)->nodeid,
				 .in = {{&in, sizeof(in)}}, .out = df->buf, .out_cap = READ_SIZE};
	uint64_t gen = fuse_dir_gen(i);
	struct fuse_entry_out e;
	struct fuse_dirent d;
	struct fw_reader rd;
	const char *name;
	size_t n = 0;
	unsigned names = 0;
	int r;

	if (!pos)
		df->plain = !wants_attributes(i);
	if (!gen || df->plain)
		in.flags = FW_READDIR_PLAIN;
	df->at = df->len = 0;
	df->next = pos;
	r = fuse_call(fuse_conn_of(i), &call);
	if (r < 0)
		return r;
	fw_reader_init(&rd, df->buf, call.out_len);
	while ((r = fw_next_direntplus(&rd, &e, &d, &name)) > 0) {
		n += e.nodeid != 0;
		names++;
	}
	if (r < 0)
		return fuse_break(fuse_conn_of(i), "a listing is malformed");
	if (gen)
		count_names(i, names);
	if (n)
		look_add(i, gen, df->buf, call.out_len, n);
	df->len = call.out_len;
	return 0;
}

/* Nothing is above an export: its root is its own parent, whatever the host has there. */
static uint64_t shown_ino(const struct inode *dir, const char *name, const struct fuse_dirent *d)
{
	bool dotdot = d->namelen == 2 && name[0] == '.' && name[1] == '.';
	const struct dentry *root = dir->sb->root;

	return dotdot && root && dentry_inode(root) == dir ? dir->ino : d->ino;
}

/* Emits what is in buf. Returns 1 when all went, 0 when the reader is full. */
static int drain(struct inode *i, struct dir_file *df, struct dir_context *c)
{
	while (df->at < df->len) {
		struct fuse_entry_out e;
		struct fuse_dirent d;
		struct fw_reader rd;
		const char *name;

		fw_reader_init(&rd, df->buf + df->at, df->len - df->at);
		if (fw_next_direntplus(&rd, &e, &d, &name) <= 0)
			return -EIO;
		if (!c->emit(c, name, d.namelen, shown_ino(i, name, &d), d.type, d.off))
			return 0;
		c->pos = df->next = d.off;
		df->at = df->len - rd.left;
	}
	return 1;
}

static int iterate_once(struct inode *i, struct dir_file *df, struct dir_context *c)
{
	int r;

	r = ensure_open(i, df);
	if (r < 0)
		return r;
	if (c->pos != df->next || c->pos == 0)
		df->at = df->len = 0; /* moved: read again from there */
	for (;;) {
		r = drain(i, df, c);
		if (r <= 0)
			return r;
		r = fill(i, df, c->pos);
		if (r < 0)
			return r;
		if (!df->len)
			return 0;
	}
}

static int dir_iterate(struct file *f, struct dir_context *c)
{
	struct dir_file *df = f->priv;
	int r;

	if (__atomic_exchange_n(&df->busy, true, __ATOMIC_ACQUIRE))
		return -EAGAIN;
	r = iterate_once(f->inode, df, c);
	__atomic_store_n(&df->busy, false, __ATOMIC_RELEASE);
	return r;
}

static int dir_fsync(struct file *f, bool datasync)
{
	struct fuse_fsync_in in = {.fsync_flags = datasync ? FUSE_FSYNC_FDATASYNC : 0};
	struct fuse_call call = {.opcode = FUSE_FSYNC, .nodeid = FI(f->inode)->nodeid,
				 .in = {{&in, sizeof(in)}}};

	return fuse_call(fuse_conn_of(f->inode), &call);
}

const struct file_ops fuse_dir_fops = {
	.open = dir_open,
	.release = dir_release,
	.iterate = dir_iterate,
	.llseek = no_seek_end_llseek, /* positions are the host's cookies: any that was given out, and 0 */
	.fsync = dir_fsync,
};
