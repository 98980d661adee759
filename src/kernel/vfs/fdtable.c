/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptor tables. Which numbers are taken is a bitmap with a summary bitmap (a bit for each full word), so
 * the lowest free number is found in two steps whatever the size.
 */
#include <string.h>
#include "kernel/task/task.h"
#include "kernel/vfs/vfs_priv.h"

#define FD_MAX (1U << 20) /* as the host's nr_open */
#define FD_FIRST 64U
#define BITS 64U

struct files {
	struct ref ref;
	struct mutex lock; /* RANK_FDTABLE */
	unsigned cap;	   /* multiple of BITS */
	struct file **fd;
	uint64_t *open, *cloexec, *full; /* full: one bit per word of open */
};

static bool test_bit(const uint64_t *m, unsigned i)
{
	return m[i / BITS] >> (i % BITS) & 1;
}

static void set_bit(uint64_t *m, unsigned i, bool on)
{
	if (on)
		m[i / BITS] |= 1ULL << (i % BITS);
	else
		m[i / BITS] &= ~(1ULL << (i % BITS));
}

static size_t full_words(unsigned cap)
{
	return (cap / BITS + BITS - 1) / BITS;
}

static int grow_map(uint64_t **m, size_t old, size_t new)
{
	uint64_t *p = realloc(*m, new * sizeof(*p));

	if (!p)
		return -ENOMEM;
	memset(p + old, 0, (new - old) * sizeof(*p));
	*m = p;
	return 0;
}

/* Makes room for number need. After a failure the old size holds. */
static int grow(struct files *fs, unsigned need) REQUIRES(fs->lock)
{
	unsigned cap = fs->cap ? fs->cap : FD_FIRST;
	struct file **p;

	if (need >= FD_MAX)
		return -EMFILE;
	while (cap <= need)
		cap *= 2;
	if (cap == fs->cap)
		return 0;
	p = realloc(fs->fd, cap * sizeof(struct file *));
	if (!p)
		return -ENOMEM;
	memset(p + fs->cap, 0, (cap - fs->cap) * sizeof(struct file *));
	fs->fd = p;
	if (grow_map(&fs->open, fs->cap / BITS, cap / BITS) < 0 ||
	    grow_map(&fs->cloexec, fs->cap / BITS, cap / BITS) < 0 ||
	    grow_map(&fs->full, full_words(fs->cap), full_words(cap)) < 0)
		return -ENOMEM;
	fs->cap = cap;
	return 0;
}

/* Lowest free number ≥ min; may be cap or more. */
static unsigned find_free(const struct files *fs, unsigned min) REQUIRES(fs->lock)
{
	unsigned w = min / BITS, words = fs->cap / BITS;
	uint64_t free_bits;

	if (min >= fs->cap)
		return min;
	free_bits = ~fs->open[w] & (~0ULL << (min % BITS));
	if (free_bits)
		return w * BITS + (unsigned)__builtin_ctzll(free_bits);
	for (w++; w < words; w = (w / BITS + 1) * BITS) {
		uint64_t s = ~fs->full[w / BITS] & (~0ULL << (w % BITS));

		if (s) {
			w = w / BITS * BITS + (unsigned)__builtin_ctzll(s);
			if (w >= words)
				break;
			return w * BITS + (unsigned)__builtin_ctzll(~fs->open[w]);
		}
	}
	return fs->cap;
}

static void take(struct files *fs, unsigned fd, struct file *f, bool cloexec) REQUIRES(fs->lock)
{
	fs->fd[fd] = f;
	set_bit(fs->open, fd, true);
	set_bit(fs->cloexec, fd, cloexec);
	set_bit(fs->full, fd / BITS, fs->open[fd / BITS] == ~0ULL);
}

static struct file *release(struct files *fs, unsigned fd) REQUIRES(fs->lock)
{
	struct file *f = fd < fs->cap ? TAKE_PTR(fs->fd[fd]) : NULL;

	if (!f)
		return NULL;
	set_bit(fs->open, fd, false);
	set_bit(fs->cloexec, fd, false);
	set_bit(fs->full, fd / BITS, false);
	return f;
}

/* A descriptor of f in fs is gone. */
static int close_file(struct files *fs, struct file *f)
{
	int r = 0;

	if (!f->is_path) {
		if (f->op->flush)
			r = f->op->flush(f);
		locks_close(f, fs);
	}
	file_put(f);
	return r;
}

/* --- tables --- */

struct files *files_new(void)
{
	struct files *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return NULL;
	ref_init(&fs->ref);
	mutex_init(&fs->lock, RANK_FDTABLE, "files");
	return fs;
}

struct files *files_get(struct files *fs)
{
	ref_get(&fs->ref);
	return fs;
}

void files_put(struct files *fs)
{
	if (!fs || !ref_put(&fs->ref))
		return;
	for (unsigned w = 0; w < fs->cap / BITS; w++) {
		while (fs->open[w]) {
			unsigned fd = w * BITS + (unsigned)__builtin_ctzll(fs->open[w]);

			close_file(fs, release(fs, fd));
		}
	}
	mutex_destroy(&fs->lock);
	free(fs->fd);
	free(fs->open);
	free(fs->cloexec);
	free(fs->full);
	free(fs);
}

int files_copy(struct files *old, struct files **ret)
{
	struct files *fs = files_new();
	int r = 0;

	if (!fs)
		return -ENOMEM;
	mutex_lock(&old->lock);
	if (old->cap)
		r = grow(fs, old->cap - 1);
	for (unsigned w = 0; r == 0 && w < old->cap / BITS; w++) {
		for (uint64_t m = old->open[w]; m; m &= m - 1) {
			unsigned fd = w * BITS + (unsigned)__builtin_ctzll(m);

			take(fs, fd, file_get(old->fd[fd]), test_bit(old->cloexec, fd));
		}
	}
	mutex_unlock(&old->lock);
	if (r < 0)
		files_put(fs);
	else
		*ret = fs;
	return r;
}

void files_close_on_exec(struct task *t)
{
	struct files *fs = t->files;

	for (unsigned w = 0; w < fs->cap / BITS; w++) {
		for (;;) {
			struct file *f = NULL;

			mutex_lock(&fs->lock);
			if (fs->cloexec[w])
				f = release(fs, w * BITS + (unsigned)__builtin_ctzll(fs->cloexec[w]));
			mutex_unlock(&fs->lock);
			if (!f)
				break;
			close_file(fs, f);
		}
	}
}

/* --- descriptors of a task --- */

static int install(struct files *fs, struct file *f, int min, bool cloexec, uint64_t limit)
{
	unsigned fd;
	int r;

	if (min < 0)
		return -EINVAL;
	MUTEX_GUARD(&fs->lock);
	fd = find_free(fs, (unsigned)min);
	if (fd >= limit)
		return -EMFILE;
	r = fd >= fs->cap ? grow(fs, fd) : 0;
	if (r < 0)
		return r;
	if (f)
		take(fs, fd, f, cloexec);
	return (int)fd;
}

int fd_install(struct task *t, struct file *f, int min, bool cloexec)
{
	int r = install(t->files, f, min, cloexec, task_rlimit(t, RLIMIT_NOFILE));

	if (r < 0)
		file_put(f);
	return r;
}

int fd_room(struct task *t)
{
	int r = install(t->files, NULL, 0, false, task_rlimit(t, RLIMIT_NOFILE));

	return MIN(r, 0);
}

int fd_install_at(struct task *t, struct file *f, int fd, bool cloexec)
{
	struct files *fs = t->files;
	struct file *old;
	int r = 0;

	if (fd < 0 || (uint64_t)fd >= task_rlimit(t, RLIMIT_NOFILE)) {
		file_put(f);
		return -EBADF;
	}
	mutex_lock(&fs->lock);
	if ((unsigned)fd >= fs->cap)
		r = grow(fs, (unsigned)fd);
	if (r < 0) {
		mutex_unlock(&fs->lock);
		file_put(f);
		return r;
	}
	old = release(fs, (unsigned)fd);
	take(fs, (unsigned)fd, f, cloexec);
	mutex_unlock(&fs->lock);
	if (old == f)
		file_put(old); /* only the flag changed: nothing was closed */
	else if (old)
		close_file(fs, old);
	return fd;
}

struct file *files_lookup(struct files *fs, int fd, bool *cloexec)
{
	struct file *f;

	MUTEX_GUARD(&fs->lock);
	if (fd < 0 || (unsigned)fd >= fs->cap || !fs->fd[fd])
		return NULL;
	f = file_get(fs->fd[fd]);
	if (cloexec)
		*cloexec = test_bit(fs->cloexec, (unsigned)fd);
	return f;
}

struct file *fd_get_path(struct task *t, int fd)
{
	return files_lookup(t->files, fd, NULL);
}

struct file *fd_get(struct task *t, int fd)
{
	struct file *f = files_lookup(t->files, fd, NULL);

	if (f && f->is_path) {
		file_put(f);
		return NULL;
	}
	return f;
}

int fd_close(struct task *t, int fd)
{
	struct files *fs = t->files;
	struct file *f;

	if (fd < 0)
		return -EBADF;
	mutex_lock(&fs->lock);
	f = release(fs, (unsigned)fd);
	mutex_unlock(&fs->lock);
	return f ? close_file(fs, f) : -EBADF;
}

int files_next(struct files *fs, int start)
{
	MUTEX_GUARD(&fs->lock);
	for (unsigned fd = (unsigned)MAX(start, 0); fd < fs->cap; fd++) {
		uint64_t m = fs->open[fd / BITS] & (~0ULL << (fd % BITS));

		if (m)
			return (int)(fd / BITS * BITS + (unsigned)__builtin_ctzll(m));
		fd |= BITS - 1;
	}
	return -1;
}

int fd_set_cloexec(struct task *t, int fd, bool on)
{
	struct files *fs = t->files;

	MUTEX_GUARD(&fs->lock);
	if (fd < 0 || (unsigned)fd >= fs->cap || !fs->fd[fd])
		return -EBADF;
	set_bit(fs->cloexec, (unsigned)fd, on);
	return 0;
}
