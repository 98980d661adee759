/* SPDX-License-Identifier: Apache-2.0 */
/* The notes of a core file: registers of each thread, the process, its signal, vector and mapped files. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/procfs.h>
#include "kernel/mm/mm.h"
#include "kernel/task/coredump.h"
#include "kernel/task/internal.h"
#include "kernel/time/clock.h"

#ifndef NT_SIGINFO
#define NT_SIGINFO 0x53494749
#endif
#ifndef NT_FILE
#define NT_FILE 0x46494c45
#endif
#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif
#define FX_SIZE 512U
#define FX_SW 464U
#define PER_THREAD 3U
#define PER_PROCESS 4U

static int add(struct core_note *n, unsigned *count, const char *name, uint32_t type, const void *data, size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		return -ENOMEM;
	memcpy(p, data, size);
	n[(*count)++] = (struct core_note){type, name, p, size};
	return 0;
}

static struct timeval tv_of(uint64_t ns)
{
	return (struct timeval){(time_t)(ns / NSEC_PER_SEC), (suseconds_t)(ns % NSEC_PER_SEC / 1000)};
}

static int thread_notes(struct task *t, int sig, const siginfo_t *info, const struct core_thread *c, struct core_note *n,
			unsigned *count)
{
	struct elf_prstatus s;
	uint64_t features, user, sys;
	int r;

	memset(&s, 0, sizeof(s));
	s.pr_info.si_signo = sig;
	s.pr_info.si_code = info->si_code;
	s.pr_info.si_errno = info->si_errno;
	s.pr_cursig = (short)sig;
	s.pr_sigpend = c->pending;
	s.pr_sighold = c->blocked;
	s.pr_pid = c->tid;
	s.pr_ppid = c->ppid;
	s.pr_pgrp = c->pgrp;
	s.pr_sid = c->session;
	task_cputime(t, &user, &sys);
	s.pr_utime = tv_of(user);
	s.pr_stime = tv_of(sys);
	memcpy(&s.pr_reg, &c->regs, sizeof(s.pr_reg));
	s.pr_fpvalid = c->fp_size > 0;
	r = add(n, count, "CORE", NT_PRSTATUS, &s, sizeof(s));
	if (r < 0 || !c->fp_size)
		return r;
	r = add(n, count, "CORE", NT_PRFPREG, c->fp, FX_SIZE);
	if (r < 0)
		return r;
	memset((char *)n[*count - 1].data + FX_SW, 0, FX_SIZE - FX_SW);
	if (c->fp_size <= FX_SIZE)
		return 0;
	r = add(n, count, "LINUX", NT_X86_XSTATE, c->fp, (c->fp_size - 4) & ~(size_t)7);
	if (r < 0)
		return r;
	/* Where the signal frame has its magic, readers of a core file expect the mask of features. */
	memcpy(&features, c->fp + FX_SW + 8, sizeof(features));
	memset((char *)n[*count - 1].data + FX_SW, 0, FX_SIZE - FX_SW);
	memcpy((char *)n[*count - 1].data + FX_SW, &features, sizeof(features));
	return 0;
}

static int process_note(struct task *t, const struct core_thread *c, struct core_note *n, unsigned *count)
{
	struct elf_prpsinfo p;
	uint64_t from, to;
	size_t len;

	memset(&p, 0, sizeof(p));
	p.pr_sname = 'R';
	p.pr_nice = (char)t->nice;
	p.pr_uid = t->cred->uid.v;
	p.pr_gid = t->cred->gid.v;
	p.pr_pid = task_tgid_nr(t, t);
	p.pr_ppid = c->ppid;
	p.pr_pgrp = c->pgrp;
	p.pr_sid = c->session;
	memcpy(p.pr_fname, t->comm, MIN(sizeof(p.pr_fname), sizeof(t->comm)));
	mutex_lock(&t->mm->lock);
	from = t->mm->arg_start;
	to = t->mm->arg_end;
	mutex_unlock(&t->mm->lock);
	len = to > from ? MIN(to - from, sizeof(p.pr_psargs) - 1) : 0;
	len = pt_copy_in(t->pt, p.pr_psargs, uaddr(from), len);
	for (size_t i = 0; i + 1 < len; i++)
		if (!p.pr_psargs[i])
			p.pr_psargs[i] = ' ';
	p.pr_psargs[sizeof(p.pr_psargs) - 1] = 0;
	return add(n, count, "CORE", NT_PRPSINFO, &p, sizeof(p));
}

/* Count, page size, {start, end, page offset} of each, then the names. */
static int files_note(const struct core_map *m, unsigned nmaps, struct core_note *n, unsigned *count)
{
	size_t files = 0, names = 0, size;
	char *buf, *p;
	uint64_t *w;
	int r;

	for (unsigned i = 0; i < nmaps; i++) {
		size_t len = m[i].name ? strlen(m[i].name) + 1 : 0;

		if (!len || names + len + (files + 1) * 24 > CORE_MAPS_MAX)
			continue;
		files++;
		names += len;
	}
	size = 16 + files * 24 + names;
	buf = calloc(1, size);
	if (!buf)
		return -ENOMEM;
	w = (uint64_t *)(void *)buf;
	*w++ = files;
	*w++ = GUEST_PAGE_SIZE;
	p = buf + 16 + files * 24;
	for (unsigned i = 0; i < nmaps && files; i++) {
		size_t len = m[i].name ? strlen(m[i].name) + 1 : 0;

		if (!len || (size_t)(p - buf) + len > size)
			continue;
		*w++ = m[i].start;
		*w++ = m[i].end;
		*w++ = m[i].off / GUEST_PAGE_SIZE;
		memcpy(p, m[i].name, len);
		p += len;
		files--;
	}
	r = add(n, count, "CORE", NT_FILE, buf, size);
	free(buf);
	return r;
}

static int auxv_note(struct task *t, struct core_note *n, unsigned *count)
{
	MUTEX_GUARD(&t->mm->lock);
	return add(n, count, "CORE", NT_AUXV, t->mm->auxv, MIN(t->mm->auxv_len, sizeof(t->mm->auxv)));
}

int core_notes(struct task *t, int sig, const siginfo_t *info, struct list_head *threads, const struct core_map *m,
	       unsigned nmaps, struct core_note **ret, unsigned *ret_n)
{
	struct core_thread *c = list_first_entry(threads, struct core_thread, node), *first = c;
	unsigned count = 0, n = 0;
	int r;

	list_for_each_entry(c, threads, node)
		n++;
	*ret = calloc(n * PER_THREAD + PER_PROCESS, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	/* The first thread's registers, then the process, then the others: the order that readers know. */
	r = thread_notes(t, sig, info, first, *ret, &count);
	if (r == 0)
		r = process_note(t, first, *ret, &count);
	if (r == 0)
		r = add(*ret, &count, "CORE", NT_SIGINFO, info, sizeof(*info));
	if (r == 0)
		r = auxv_note(t, *ret, &count);
	if (r == 0)
		r = files_note(m, nmaps, *ret, &count);
	list_for_each_entry(c, threads, node)
		if (r == 0 && c != first)
			r = thread_notes(t, sig, info, c, *ret, &count);
	*ret_n = count;
	return r;
}

void core_notes_free(struct core_note *n, unsigned count)
{
	for (unsigned i = 0; n && i < count; i++)
		free(n[i].data);
	free(n);
}
