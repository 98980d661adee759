/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/maps, smaps, smaps_rollup, pagemap, and the figures of memory in status. What is mapped says the tree; what is
 * resident says the host, which does the paging. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "kernel/fs/proc/proc.h"
#include "kernel/mm/vma.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "platform/platform.h"

/* Figures of a range, in kB, under the names of the host's smaps and in the order in which they are shown. */
static const char *const names[] = {"Rss",	      "Pss",	      "Pss_Dirty",     "Shared_Clean", "Shared_Dirty",
				    "Private_Clean", "Private_Dirty", "Referenced",    "Anonymous",    "KSM",
				    "LazyFree",	      "AnonHugePages", "ShmemPmdMapped", "FilePmdMapped", "Shared_Hugetlb",
				    "Private_Hugetlb", "Swap",	      "SwapPss"};
#define NFIGURES ARRAY_SIZE(names)
enum { RSS = 0, PSS = 1, SWAP = 16 };

#define COUNTED_MAX (32ULL << 20) /* pages looked at for one reading */

struct range { /* of the host's, with something in it */
	uint64_t start, end;
	uint32_t kb[NFIGURES];
};
struct ranges {
	struct range *v;
	size_t n, cap;
	int fd;		 /* the host's pagemap */
	uint64_t budget; /* pages that may still be counted in it */
};

static struct mm *mm_of(struct task *t)
{
	MUTEX_GUARD(&t->lock);
	return t->mm ? mm_get(t->mm) : NULL;
}

/* --- the host's smaps --- */

static int add_range(struct ranges *r, const struct range *x)
{
	struct range *v;

	if (!x->kb[RSS] && !x->kb[SWAP])
		return 0;
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 64;

		v = reallocarray(r->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		r->v = v;
		r->cap = cap;
	}
	r->v[r->n++] = *x;
	return 0;
}

/* One line: a header begins the next range. */
static int take_line(struct ranges *r, struct range *x, const char *line)
{
	unsigned long long start, end;
	const char *colon;
	int err = 0;

	if (sscanf(line, "%llx-%llx ", &start, &end) == 2) {
		err = add_range(r, x);
		memset(x, 0, sizeof(*x));
		x->start = start;
		x->end = end;
		return err;
	}
	colon = strchr(line, ':');
	for (size_t i = 0; colon && i < NFIGURES; i++)
		if (!strncmp(line, names[i], (size_t)(colon - line)) && !names[i][colon - line]) {
			x->kb[i] = (uint32_t)strtoul(colon + 1, NULL, 10);
			break;
		}
	return 0;
}

static int read_host(struct mm *mm, struct ranges *r)
{
	_cleanup_close_ int fd = mm_host_file(mm, "smaps");
	_cleanup_free_ char *buf = malloc(65537);
	struct range x = {0};
	size_t have = 0;
	int err = 0;

	if (!buf)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	while (err == 0) {
		ssize_t n = read(fd, buf + have, 65536 - have);
		char *line = buf, *nl;

		if (n <= 0)
			break;
		have += (size_t)n;
		buf[have] = '\0';
		while (err == 0 && (nl = strchr(line, '\n'))) {
			*nl = '\0';
			err = take_line(r, &x, line);
			line = nl + 1;
		}
		have = (size_t)(buf + have - line);
		memmove(buf, line, have);
		if (have == 65536)
			have = 0; /* no line is that long */
	}
	return err < 0 ? err : add_range(r, &x);
}

/* Pages of [start, end) that are present. */
static uint64_t present(int fd, uint64_t start, uint64_t end)
{
	uint64_t map[512], pages = 0;

	while (start < end) {
		size_t n = MIN((end - start) / GUEST_PAGE_SIZE, ARRAY_SIZE(map));

		if (mm_pagemap(fd, start, n, map) < 0)
			break;
		for (size_t i = 0; i < n; i++)
			pages += map[i] >> 63;
		start += n * GUEST_PAGE_SIZE;
	}
	return pages;
}

/* Adds what of r lies in [start, end). A range of the host's that is larger (it joins what we keep apart) counts by
 * its present pages, as long as not too many have to be looked at, else by its length. */
static void add_figures(struct ranges *r, uint64_t start, uint64_t end, uint64_t sum[NFIGURES])
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (r->v[mid].end <= start)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < r->n && r->v[lo].start < end; lo++) {
		const struct range *x = &r->v[lo];
		uint64_t part = 1, all = 1;

		if (x->start < start || x->end > end) {
			part = MIN(x->end, end) - MAX(x->start, start);
			all = x->end - x->start;
			if ((part + all) / GUEST_PAGE_SIZE <= r->budget) {
				r->budget -= (part + all) / GUEST_PAGE_SIZE;
				part = present(r->fd, MAX(x->start, start), MIN(x->end, end));
				all = MAX(present(r->fd, x->start, x->end), MAX(part, 1UL));
			}
		}
		for (size_t i = 0; i < NFIGURES; i++)
			sum[i] += (uint64_t)((unsigned __int128)x->kb[i] * part / all);
	}
}

/* --- the files --- */

struct maps_ctx {
	struct synth_buf *b;
	struct ranges *smaps; /* NULL: maps */
	bool rollup;
	uint64_t sum[NFIGURES], locked, first, last;
	struct path root;
};

static void show_head(struct maps_ctx *c, const struct vma *v)
{
	const char *name = v->name ? v->name : "";
	uint64_t dev = 0, ino = 0;
	size_t at = c->b->len;
	char buf[4200];

	if (v->file) {
		name = path_name(&v->file->path, &c->root, buf, sizeof(buf));
		dev = v->file->inode->sb->dev;
		ino = v->file->inode->ino;
	}
	synth_printf(c->b, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", v->start, v->end,
		     v->prot & 1 ? 'r' : '-', v->prot & 2 ? 'w' : '-', v->prot & 4 ? 'x' : '-',
		     (v->flags & 15) == 1 ? 's' : 'p', v->off, major(dev), minor(dev), ino);
	if (name && *name) {
		while (c->b->len - at < 73 && !c->b->err)
			synth_write(c->b, " ", 1);
		synth_printf(c->b, "%s", name);
	}
	synth_printf(c->b, "\n");
}

static void show_figures(struct synth_buf *b, const uint64_t sum[NFIGURES], uint64_t locked)
{
	char label[32];

	for (size_t i = 0; i < NFIGURES; i++) {
		snprintf(label, sizeof(label), "%s:", names[i]);
		synth_printf(b, "%-16s%8lu kB\n", label, sum[i]);
	}
	synth_printf(b, "%-16s%8lu kB\n", "Locked:", locked);
}

static void show_flags(struct synth_buf *b, const struct vma *v)
{
	static const struct {
		int bit;
		const char *word;
	} words[] = {{VMA_GROWSDOWN, " gd"}, {VMA_LOCKED, " lo"}, {VMA_DONTFORK, " dc"}, {VMA_WIPEONFORK, " wf"},
		     {VMA_SEALED, " sl"}};

	synth_printf(b, "VmFlags:%s%s%s%s mr mw me", v->prot & 1 ? " rd" : "", v->prot & 2 ? " wr" : "",
		     v->prot & 4 ? " ex" : "", v->flags & MAP_SHARED ? " sh" : "");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (v->flags & words[i].bit)
			synth_printf(b, "%s", words[i].word);
	synth_printf(b, "\n");
}

static void show_vma(const struct vma *v, void *arg)
{
	uint64_t sum[NFIGURES] = {0}, locked;
	struct maps_ctx *c = arg;

	if (!c->rollup)
		show_head(c, v);
	if (!c->smaps)
		return;
	add_figures(c->smaps, v->start, v->end, sum);
	locked = v->flags & VMA_LOCKED ? sum[PSS] : 0;
	if (c->rollup) {
		for (size_t i = 0; i < NFIGURES; i++)
			c->sum[i] += sum[i];
		c->locked += locked;
		c->first = c->first ? c->first : v->start;
		c->last = v->end;
		return;
	}
	synth_printf(c->b, "Size:           %8lu kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n",
		     (v->end - v->start) / 1024);
	show_figures(c->b, sum, locked);
	synth_printf(c->b, "THPeligible:           0\n");
	show_flags(c->b, v);
}

static int show(struct synth_inode *i, struct synth_buf *b, bool smaps, bool rollup)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	_cleanup_(mm_putp) struct mm *mm = t ? mm_of(t) : NULL;
	struct ranges host = {.fd = -1, .budget = COUNTED_MAX};
	struct maps_ctx c = {.b = b, .smaps = smaps ? &host : NULL, .rollup = rollup};
	int r;

	if (!t)
		return -ESRCH;
	r = proc_may_look(t, current->cred);
	if (r < 0 || !mm)
		return r;
	if (smaps) {
		host.fd = mm_host_file(mm, "pagemap");
		r = read_host(mm, &host);
	}
	if (r == 0) {
		fs_get_root(current, &c.root);
		mm_for_each(mm, show_vma, &c);
		path_put(&c.root);
	}
	if (r == 0 && rollup) {
		synth_printf(b, "%08lx-%08lx ---p 00000000 00:00 0%*s[rollup]\n", c.first, c.last, 26, "");
		show_figures(b, c.sum, c.locked);
	}
	if (host.fd >= 0)
		close(host.fd);
	free(host.v);
	return r;
}

int proc_show_maps(struct synth_inode *i, struct synth_buf *b)
{
	return show(i, b, false, false);
}

int proc_show_smaps(struct synth_inode *i, struct synth_buf *b)
{
	return show(i, b, true, false);
}

int proc_show_smaps_rollup(struct synth_inode *i, struct synth_buf *b)
{
	return show(i, b, true, true);
}

/* --- status --- */

/* Lines of the host's status of the process, in kB; its own few pages are in them. */
struct host_status {
	uint64_t hwm, rss, anon, file, shmem, pte, swap;
};

static void read_status(struct mm *mm, struct host_status *s)
{
	_cleanup_close_ int fd = mm_host_file(mm, "status");
	const struct {
		const char *name;
		uint64_t *to;
	} lines[] = {{"\nVmHWM:", &s->hwm},	 {"\nVmRSS:", &s->rss},	    {"\nRssAnon:", &s->anon}, {"\nRssFile:", &s->file},
		     {"\nRssShmem:", &s->shmem}, {"\nVmPTE:", &s->pte}, {"\nVmSwap:", &s->swap}};
	char buf[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (n <= 0)
		return;
	buf[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const char *at = strstr(buf, lines[i].name);

		if (at)
			*lines[i].to = strtoul(at + strlen(lines[i].name), NULL, 10);
	}
}

void proc_show_vm_status(struct mm *mm, struct synth_buf *b)
{
	uint64_t exe, code, stack = 0, lib = 0;
	struct host_status s = {0};

	read_status(mm, &s);
	MUTEX_GUARD(&mm->lock);
	code = mm->code_end - mm->code_start;
	exe = ALIGN_UP(mm->code_end, GUEST_PAGE_SIZE) - ALIGN_DOWN(mm->code_start, GUEST_PAGE_SIZE);
	for (struct vma *v = vma_first(mm); v; v = vma_next(v)) {
		if (v->name && !strcmp(v->name, "[stack]"))
			stack += v->end - v->start;
		if ((v->prot & PROT_EXEC) && v->file && !(v->prot & PROT_WRITE))
			lib += v->end - v->start;
	}
	synth_printf(b,
		     "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8d kB\nVmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n"
		     "RssAnon:\t%8lu kB\nRssFile:\t%8lu kB\nRssShmem:\t%8lu kB\nVmData:\t%8lu kB\nVmStk:\t%8lu kB\n"
		     "VmExe:\t%8lu kB\nVmLib:\t%8lu kB\nVmPTE:\t%8lu kB\nVmSwap:\t%8lu kB\nHugetlbPages:\t%8d kB\n",
		     mm->peak_pages * 4, mm->total_pages * 4, mm->locked_pages * 4, 0, s.hwm, s.rss, s.anon, s.file, s.shmem,
		     mm->data_pages * 4, stack / 1024, (uint64_t)(code ? exe / 1024 : 0), lib > exe ? (lib - exe) / 1024 : 0,
		     s.pte, s.swap, 0);
}

/* --- pagemap --- */

static struct mm *pagemap_mm(struct file *f)
{
	struct synth_inode *i = f->priv;
	_cleanup_(task_putp) struct task *t = proc_task(i);

	return t ? mm_of(t) : NULL;
}

static ssize_t pagemap_read(struct file *f, struct uio *u, uint64_t *pos, int flags __unused)
{
	_cleanup_(mm_putp) struct mm *mm = pagemap_mm(f);
	_cleanup_close_ int fd = -1;
	uint64_t map[512];
	ssize_t done = 0;
	int r;

	if (*pos % sizeof(map[0]) || u->resid % sizeof(map[0]))
		return -EINVAL;
	if (!mm)
		return 0;
	fd = mm_host_file(mm, "pagemap");
	if (fd < 0)
		return fd;
	while (u->resid) {
		uint64_t page = *pos / sizeof(map[0]);
		size_t n = MIN(u->resid / sizeof(map[0]), ARRAY_SIZE(map));
		ssize_t k;

		if (page >= PT_GUEST_END / GUEST_PAGE_SIZE)
			break;
		n = MIN(n, PT_GUEST_END / GUEST_PAGE_SIZE - page);
		r = mm_pagemap(fd, page * GUEST_PAGE_SIZE, n, map);
		if (r < 0)
			return done ? done : r;
		for (size_t j = 0; j < n; j++) /* where a page lies on the host is nobody's business */
			map[j] &= map[j] >> 63 ? ~((1ULL << 55) - 1) : UINT64_MAX;
		k = uio_copy_to(u, map, n * sizeof(map[0]));
		if (k < 0)
			return done ? done : k;
		*pos += (uint64_t)k;
		done += k;
		if ((size_t)k < n * sizeof(map[0]))
			break;
	}
	return done;
}

static const struct file_ops pagemap_ops = {.read = pagemap_read, .llseek = no_seek_end_llseek};

int proc_pagemap_open(struct synth_inode *i, struct file *f)
{
	_cleanup_(task_putp) struct task *t = proc_task(i);
	int r = t ? proc_may_look(t, current->cred) : -ESRCH;

	if (r < 0)
		return r == -EACCES ? -EPERM : r;
	f->op = &pagemap_ops;
	f->priv = i; /* the file keeps its inode */
	return 0;
}
