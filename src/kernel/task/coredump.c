/* SPDX-License-Identifier: Apache-2.0 */
/* core(5): gathering the threads of a dying process, and its memory into an ELF file. */
#include "kernel/task/coredump.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "base/hostio.h"
#include "kernel/mm/mm.h"
#include "kernel/signal/internal.h"
#include "kernel/task/internal.h"
#include "kernel/task/ptrace.h"
#include "kernel/usercopy.h"

#define CORE_MIN GUEST_PAGE_SIZE /* below that limit nothing is written */
#define PAGES 16U		 /* read at a time */
/* Bits of a word of the host's pagemap. */
#define PM_PRESENT (1ULL << 63)
#define PM_SWAPPED (1ULL << 62)
#define PM_FILE (1ULL << 61)

struct writer {
	struct task *t;
	struct file *f;
	uint64_t pos, limit;
	int pagemap; /* of the host's process, -1 */
};

/* --- threads --- */

static struct core_thread *snapshot(struct task *t)
{
	size_t fp = t->pt ? pt_fpstate_size() : 0;
	struct core_thread *c = calloc(1, sizeof(*c) + fp);

	if (!c)
		return NULL;
	if (t->pt) {
		c->regs = *pt_regs(t->pt);
		c->fp_size = pt_fpstate_get(t->pt, c->fp, fp) == 0 ? fp : 0;
	}
	c->tid = task_pid_nr(t, t);
	mutex_lock(&tasklist_lock);
	c->ppid = task_ppid_nr(t);
	c->pgrp = pid_nr_ns(t->tg->pgrp, task_pid_ns(t));
	c->session = pid_nr_ns(t->tg->session, task_pid_ns(t));
	mutex_unlock(&tasklist_lock);
	mutex_lock(&t->sighand->lock);
	c->pending = t->pending.set;
	c->blocked = t->blocked;
	mutex_unlock(&t->sighand->lock);
	return c;
}

static bool dump_goes_on(struct task *t, const struct core_dump *d)
{
	MUTEX_GUARD(&t->sighand->lock);
	return t->tg->core == d;
}

void core_wait(struct task *t)
{
	struct core_thread *c;
	struct core_dump *d;

	mutex_lock(&t->sighand->lock);
	d = t->tg->core;
	/* From here on nobody waits for it. */
	if (!d || d->dumper == t)
		t->jobctl |= JOBCTL_LATE;
	mutex_unlock(&t->sighand->lock);
	if (!d || d->dumper == t)
		return;
	c = snapshot(t);
	mutex_lock(&t->sighand->lock);
	if (c)
		list_add_tail(&c->node, &d->threads);
	t->jobctl |= JOBCTL_LATE;
	d->waiting--;
	sleeper_wake(&d->dumper->sleeper);
	mutex_unlock(&t->sighand->lock);
	for (;;) {
		sleeper_prepare(&t->sleeper);
		if (!dump_goes_on(t, d))
			break;
		(void)!sleeper_sleep(&t->sleeper, TIME_FOREVER, SLEEP_UNINTERRUPTIBLE);
	}
}

/* Ends all other threads, which come to core_wait. False: the group ends or changes otherwise already. */
static bool begin(struct task *t, int sig, struct core_dump *d)
{
	struct thread_group *tg = t->tg;
	struct task *x;

	MUTEX_GUARD(&tasklist_lock);
	MUTEX_GUARD(&t->sighand->lock);
	if ((tg->flags & TG_GROUP_EXIT) || tg->group_exec_task || (t->pending.set & KSIGMASK(SIGKILL)))
		return false;
	tg->flags = (tg->flags & ~(TG_STOPPED | TG_CONTINUED)) | TG_GROUP_EXIT;
	tg->group_exit_code = sig;
	tg->core = d;
	list_for_each_entry(x, &tg->threads, thread_node)
		if (x != t && !__atomic_load_n(&x->exiting, __ATOMIC_RELAXED) && !(x->jobctl & JOBCTL_LATE))
			d->waiting++;
	kill_other_threads(t);
	return true;
}

static int still_waiting(struct task *t, const struct core_dump *d)
{
	MUTEX_GUARD(&t->sighand->lock);
	return d->waiting;
}

static void end(struct task *t, bool written)
{
	struct thread_group *tg = t->tg;
	struct task *x;

	MUTEX_GUARD(&tasklist_lock);
	MUTEX_GUARD(&t->sighand->lock);
	tg->core = NULL;
	if (written)
		tg->group_exit_code |= 0x80;
	list_for_each_entry(x, &tg->threads, thread_node)
		sleeper_wake(&x->sleeper);
}

/* --- memory --- */

struct collect {
	struct core_map *m;
	unsigned n, cap;
	struct path root;
	bool failed;
};

/* What the default filter of Linux takes: anonymous memory, private mappings of files that the process has written to
 * (plan_files), and else the first page of a file, where an ELF header may be. */
static void plan(const struct vma *v, struct core_map *m)
{
	if (!v->file || (v->flags & MAP_ANONYMOUS)) {
		m->dumped = m->end - m->start;
	} else if (!(v->flags & MAP_SHARED)) {
		m->private_file = true;
		m->dumped = v->off == 0 && (v->prot & PROT_READ) ? GUEST_PAGE_SIZE : 0;
	}
}

static void collect_vma(const struct vma *v, void *arg)
{
	struct collect *c = arg;
	char buf[4200], *name;
	struct core_map *m;

	if (c->failed)
		return;
	if (c->n == c->cap) {
		unsigned cap = c->cap ? c->cap * 2 : 64;

		m = reallocarray(c->m, cap, sizeof(*m));
		if (!m) {
			c->failed = true;
			return;
		}
		c->m = m;
		c->cap = cap;
	}
	m = &c->m[c->n++];
	*m = (struct core_map){.start = v->start, .end = v->end, .off = v->off, .prot = v->prot};
	plan(v, m);
	if (!v->file)
		return;
	name = path_name(&v->file->path, &c->root, buf, sizeof(buf));
	m->name = name ? strdup(name) : NULL;
}

static void maps_free(struct collect *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free(c->m[i].name);
	free(c->m);
}

/* --- writing --- */

/* Past the limit the file ends, which is no error; false: no more is written. */
static bool emit(struct writer *w, const void *p, size_t n)
{
	struct uio u;
	ssize_t k;

	while (n) {
		if (w->pos >= w->limit || fatal_signal_pending(w->t))
			return false;
		uio_init_kernel(&u, (void *)(uintptr_t)p, MIN(n, w->limit - w->pos));
		k = file_write(w->f, &u, &w->pos, 0);
		if (k <= 0)
			return false;
		p = (const char *)p + k;
		n -= (size_t)k;
	}
	return true;
}

static int open_pagemap(struct task *t)
{
	pid_t pid = pt_as_host_pid(t->mm->as);
	char name[40];

	if (kernel.proc_fd < 0 || pid <= 0)
		return -1;
	snprintf(name, sizeof(name), "%d/pagemap", pid);
	return openat(kernel.proc_fd, name, O_RDONLY | O_CLOEXEC);
}

/* The host's words about n pages from addr on. False: it does not tell. */
static bool host_pages(const struct writer *w, uint64_t addr, unsigned n, uint64_t word[PAGES])
{
	return w->pagemap >= 0 && hio_pread(w->pagemap, word, n * sizeof(*word),
					    (off_t)(addr / GUEST_PAGE_SIZE * sizeof(*word))) ==
					  (ssize_t)(n * sizeof(*word));
}

/* Has the process changed a page of the private mapping m? Where the host does not tell: all but program text. */
static bool changed(const struct writer *w, const struct core_map *m)
{
	uint64_t word[PAGES];

	for (uint64_t a = m->start; a < m->end && !fatal_signal_pending(w->t);) {
		unsigned n = (unsigned)MIN((m->end - a) / GUEST_PAGE_SIZE, (uint64_t)PAGES);

		if (!host_pages(w, a, n, word))
			return !(m->prot & PROT_EXEC);
		for (unsigned i = 0; i < n; i++)
			if ((word[i] & (PM_PRESENT | PM_SWAPPED)) && !(word[i] & PM_FILE))
				return true;
		a += n * GUEST_PAGE_SIZE;
	}
	return false;
}

static void plan_files(const struct writer *w, struct collect *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->m[i].private_file && changed(w, &c->m[i]))
			c->m[i].dumped = c->m[i].end - c->m[i].start;
}

/* Which of n pages from addr on have something in them? Without the host's word: all. */
static void look(const struct writer *w, const struct core_map *m, uint64_t addr, unsigned n, bool has[PAGES])
{
	uint64_t word[PAGES];
	bool known = !m->private_file && host_pages(w, addr, n, word);

	for (unsigned i = 0; i < n; i++)
		has[i] = !known || (word[i] & (PM_PRESENT | PM_SWAPPED));
}

static bool emit_pages(struct writer *w, const struct core_map *m, uint64_t addr, unsigned n)
{
	static const char zeros[GUEST_PAGE_SIZE];
	char buf[GUEST_PAGE_SIZE];
	bool has[PAGES];

	look(w, m, addr, n, has);
	for (unsigned i = 0; i < n; i++) {
		uint64_t a = addr + i * GUEST_PAGE_SIZE;
		size_t k = 0;

		if (has[i] && (m->prot & PROT_READ))
			k = pt_copy_in(w->t->pt, buf, uaddr(a), sizeof(buf));
		if (k < sizeof(buf) || !memcmp(buf, zeros, sizeof(buf))) {
			/* A hole, but for the last page, so that the file has its length. */
			if (a + GUEST_PAGE_SIZE < m->start + m->dumped) {
				w->pos += GUEST_PAGE_SIZE;
				continue;
			}
			memset(buf, 0, sizeof(buf));
		}
		if (!emit(w, buf, sizeof(buf)))
			return false;
	}
	return true;
}

static bool emit_memory(struct writer *w, const struct collect *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct core_map *m = &c->m[i];

		for (uint64_t a = m->start; a < m->start + m->dumped;) {
			unsigned n = (unsigned)MIN((m->start + m->dumped - a) / GUEST_PAGE_SIZE, (uint64_t)PAGES);

			if (w->pos >= w->limit || fatal_signal_pending(w->t) || !emit_pages(w, m, a, n))
				return false;
			a += n * GUEST_PAGE_SIZE;
		}
	}
	return true;
}

static size_t note_size(const struct core_note *n)
{
	return sizeof(Elf64_Nhdr) + ALIGN_UP(strlen(n->name) + 1, 4UL) + ALIGN_UP(n->size, 4UL);
}

static bool emit_note(struct writer *w, const struct core_note *n)
{
	static const char pad[4];
	size_t len = strlen(n->name) + 1;
	Elf64_Nhdr h = {(Elf64_Word)len, (Elf64_Word)n->size, n->type};

	return emit(w, &h, sizeof(h)) && emit(w, n->name, len) && emit(w, pad, ALIGN_UP(len, 4UL) - len) &&
	       emit(w, n->data, n->size) && emit(w, pad, ALIGN_UP(n->size, 4UL) - n->size);
}

static bool emit_headers(struct writer *w, const struct collect *c, size_t notes, uint64_t *data)
{
	Elf64_Ehdr e = {.e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_phoff = sizeof(e),
			.e_ehsize = sizeof(e), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = (Elf64_Half)(c->n + 1)};
	uint64_t at = sizeof(e) + (c->n + 1) * sizeof(Elf64_Phdr);
	Elf64_Phdr p = {.p_type = PT_NOTE, .p_offset = at, .p_filesz = notes, .p_align = 4};

	memcpy(e.e_ident, ELFMAG, SELFMAG);
	e.e_ident[EI_CLASS] = ELFCLASS64;
	e.e_ident[EI_DATA] = ELFDATA2LSB;
	e.e_ident[EI_VERSION] = EV_CURRENT;
	if (!emit(w, &e, sizeof(e)) || !emit(w, &p, sizeof(p)))
		return false;
	at = ALIGN_UP(at + notes, (uint64_t)GUEST_PAGE_SIZE);
	*data = at;
	for (unsigned i = 0; i < c->n; i++) {
		const struct core_map *m = &c->m[i];

		p = (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = at, .p_vaddr = m->start, .p_filesz = m->dumped,
				 .p_memsz = m->end - m->start, .p_align = GUEST_PAGE_SIZE};
		p.p_flags = (m->prot & PROT_READ ? PF_R : 0U) | (m->prot & PROT_WRITE ? PF_W : 0U) |
			    (m->prot & PROT_EXEC ? PF_X : 0U);
		at += m->dumped;
		if (!emit(w, &p, sizeof(p)))
			return false;
	}
	return true;
}

static void write_core(struct writer *w, const struct collect *c, const struct core_note *n, unsigned count)
{
	size_t notes = 0;
	uint64_t data;

	for (unsigned i = 0; i < count; i++)
		notes += note_size(&n[i]);
	if (!emit_headers(w, c, notes, &data))
		return;
	for (unsigned i = 0; i < count; i++)
		if (!emit_note(w, &n[i]))
			return;
	w->pos = data;
	(void)emit_memory(w, c);
}

/* A fresh file "core" in the working directory; an old one that may be removed is. */
static int open_core(struct task *t, struct file **ret)
{
	_cleanup_(dentry_putp) struct dentry *d = NULL;
	struct path cwd;
	int r;

	fs_get_cwd(t, &cwd);
	if (!cwd.dentry)
		return -ENOENT;
	r = mnt_want_write(cwd.mnt);
	if (r == 0)
		r = dentry_lookup(cwd.dentry, "core", 4, &d);
	if (r == 0 && dentry_inode(d))
		r = vfs_unlink(&cwd, d);
	path_put(&cwd);
	if (r < 0)
		return r;
	return file_open_at(t, AT_FDCWD, "core", O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0600, 0, ret);
}

static bool dump(struct task *t, int sig, const siginfo_t *info, struct core_dump *d)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct core_thread *own = snapshot(t);
	struct core_note *notes = NULL;
	struct collect c = {.n = 0};
	struct writer w = {.t = t, .limit = task_rlimit(t, RLIMIT_CORE), .pagemap = -1};
	unsigned count = 0;
	bool ok = false;

	if (!own)
		return false;
	mutex_lock(&t->sighand->lock);
	list_add(&own->node, &d->threads);
	mutex_unlock(&t->sighand->lock);
	fs_get_root(t, &c.root);
	mm_for_each(t->mm, collect_vma, &c);
	path_put(&c.root);
	w.pagemap = open_pagemap(t);
	plan_files(&w, &c);
	if (!c.failed && c.n < PN_XNUM - 1 &&
	    core_notes(t, sig, info, &d->threads, c.m, c.n, &notes, &count) == 0 && open_core(t, &f) == 0) {
		w.f = f;
		write_core(&w, &c, notes, count);
		ok = !fatal_signal_pending(t);
	}
	if (w.pagemap >= 0)
		close(w.pagemap);
	core_notes_free(notes, count);
	maps_free(&c);
	return ok;
}

void core_dump(struct task *t, int sig, const siginfo_t *info)
{
	struct core_dump d = {.dumper = t};
	struct core_thread *c, *n;
	bool ok = false;
	int r;

	if (task_rlimit(t, RLIMIT_CORE) < CORE_MIN || !t->mm || !t->pt || !__atomic_load_n(&t->mm->dumpable, __ATOMIC_RELAXED))
		return;
	list_init(&d.threads);
	if (!begin(t, sig, &d))
		return;
	for (;;) {
		sleeper_prepare(&t->sleeper);
		if (!still_waiting(t, &d))
			break;
		r = sleeper_sleep(&t->sleeper, TIME_FOREVER, SLEEP_KILLABLE);
		if (r < 0)
			break;
	}
	if (!still_waiting(t, &d))
		ok = dump(t, sig, info, &d);
	else
		/* Killed: those who have not come yet still will, to what lies on this stack. */
		while (still_waiting(t, &d)) {
			sleeper_prepare(&t->sleeper);
			if (still_waiting(t, &d))
				(void)!sleeper_sleep(&t->sleeper, now_ns() + NSEC_PER_SEC / 10, SLEEP_UNINTERRUPTIBLE);
		}
	end(t, ok);
	list_for_each_entry_safe(c, n, &d.threads, node)
		free(c);
}
