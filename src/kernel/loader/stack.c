/* SPDX-License-Identifier: Apache-2.0 */
/* The initial stack: from the top down file name, environment, arguments, "x86_64", random bytes, auxiliary vector,
 * pointers, argc; as Linux lays it out. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include "kernel/loader/loader_priv.h"
#include "kernel/mm/mm.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

struct builder { /* the strings' block, built in kernel memory, copied once */
	char *buf;
	size_t cap, len; /* len bytes at the end of buf are used */
	uint64_t top;	 /* guest address of the end of buf */
};

static uint64_t push(struct builder *b, const void *p, size_t n)
{
	b->len += n;
	memcpy(b->buf + b->cap - b->len, p, n);
	return b->top - b->len;
}

static size_t strings_size(char **v, unsigned n)
{
	size_t total = 0;

	for (unsigned i = 0; i < n; i++)
		total += strlen(v[i]) + 1;
	return total;
}

static uint64_t push_strings(struct builder *b, char **v, unsigned n, uint64_t *at)
{
	for (unsigned i = n; i-- > 0;)
		at[i] = push(b, v[i], strlen(v[i]) + 1);
	return b->top - b->len;
}

static unsigned fill_auxv(uint64_t *a, const struct exec_image *img, const struct aux_info *aux,
			  uint64_t random, uint64_t platform, uint64_t execfn)
{
	const uint64_t pairs[][2] = {
		{aux->vdso ? AT_SYSINFO_EHDR : AT_IGNORE, aux->vdso},
		{AT_HWCAP, getauxval(AT_HWCAP)},
		{AT_PAGESZ, GUEST_PAGE_SIZE},
		{AT_CLKTCK, 100},
		{AT_PHDR, aux->phdr},
		{AT_PHENT, sizeof(Elf64_Phdr)},
		{AT_PHNUM, aux->phnum},
		{AT_BASE, aux->base},
		{AT_FLAGS, 0},
		{AT_ENTRY, aux->entry},
		{AT_UID, img->uid.v},
		{AT_EUID, img->euid.v},
		{AT_GID, img->gid.v},
		{AT_EGID, img->egid.v},
		{AT_SECURE, img->secure},
		{AT_RANDOM, random},
		{AT_HWCAP2, getauxval(AT_HWCAP2)},
		{AT_MINSIGSTKSZ, getauxval(AT_MINSIGSTKSZ)},
		{AT_EXECFN, execfn},
		{AT_PLATFORM, platform},
		{AT_NULL, 0},
	};

	memcpy(a, pairs, sizeof(pairs));
	return sizeof(pairs) / sizeof(a[0]);
}

int stack_build(struct task *t, struct exec_image *img, const struct aux_info *aux, uint64_t *ret_sp)
{
	struct mm *mm = t->mm;
	size_t strings = strings_size(img->argv, img->argc) + strings_size(img->envp, img->envc) +
			 strlen(img->filename) + 1;
	struct builder b = {.cap = strings + 64, .top = mm->stack_top - 8};
	_cleanup_free_ uint64_t *words = NULL;
	_cleanup_free_ char *buf = NULL;
	uint64_t execfn, random, platform, sp, *w;
	unsigned nwords = 1 + img->argc + 1 + img->envc + 1 + 48, naux;

	words = calloc(nwords, sizeof(*words));
	b.buf = buf = calloc(1, b.cap);
	if (!words || !buf)
		return -ENOMEM;
	mutex_lock(&mm->lock);
	w = words;
	*w++ = img->argc;
	execfn = push(&b, img->filename, strlen(img->filename) + 1);
	mm->env_end = b.top - b.len;
	mm->env_start = push_strings(&b, img->envp, img->envc, w + img->argc + 1);
	mm->arg_end = b.top - b.len;
	mm->arg_start = push_strings(&b, img->argv, img->argc, w);
	platform = push(&b, "x86_64", 7);
	random = push(&b, img->random, sizeof(img->random));
	w += img->argc + 1 + img->envc + 1;
	naux = fill_auxv(w, img, aux, random, platform, execfn);
	memcpy(mm->auxv, w, naux * 8);
	mm->auxv_len = naux * 8;
	mutex_unlock(&mm->lock);
	w += naux;
	sp = ALIGN_DOWN(b.top - b.len - (uint64_t)(w - words) * 8, 16);
	if (copy_out(t, uaddr(b.top - b.len), b.buf + b.cap - b.len, b.len) < 0 ||
	    copy_out(t, uaddr(sp), words, (size_t)(w - words) * 8) < 0)
		return -EFAULT;
	*ret_sp = sp;
	return 0;
}
