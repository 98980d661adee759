/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/loader/elf.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "platform/platform.h"

static int check_header(const Elf64_Ehdr *h, size_t n)
{
	if (n < sizeof(*h) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
	    h->e_machine != EM_X86_64 || (h->e_type != ET_EXEC && h->e_type != ET_DYN) ||
	    h->e_phentsize != sizeof(Elf64_Phdr))
		return -ENOEXEC;
	/* Linux's limit: 64 KiB of program headers. */
	if (!h->e_phnum || h->e_phnum > 65536 / sizeof(Elf64_Phdr))
		return -ENOEXEC;
	return 0;
}

int elf_headers(const void *head, size_t n, uint64_t *ret_off, size_t *ret_len)
{
	Elf64_Ehdr h;
	int r;

	memcpy(&h, head, MIN(n, sizeof(h)));
	r = check_header(&h, n);
	if (r < 0)
		return r;
	*ret_off = h.e_phoff;
	*ret_len = h.e_phnum * sizeof(Elf64_Phdr);
	return 0;
}

static int add_segment(struct elf_info *e, const Elf64_Phdr *p, uint64_t file_size)
{
	struct elf_segment *s;
	uint64_t end;

	if (!p->p_memsz)
		return 0;
	if (p->p_filesz > p->p_memsz || p->p_offset > file_size || p->p_filesz > file_size - p->p_offset ||
	    p->p_vaddr >= PT_GUEST_END || p->p_memsz > PT_GUEST_END - p->p_vaddr ||
	    p->p_vaddr % GUEST_PAGE_SIZE != p->p_offset % GUEST_PAGE_SIZE)
		return -EINVAL;
	if (e->nseg == ELF_MAX_SEGMENTS || (p->p_align & (p->p_align - 1)))
		return -ENOEXEC;
	if (e->nseg && p->p_vaddr < e->seg[e->nseg - 1].vaddr + e->seg[e->nseg - 1].memsz)
		return -EINVAL; /* out of order or overlapping */
	s = &e->seg[e->nseg++];
	*s = (struct elf_segment){.vaddr = p->p_vaddr, .memsz = p->p_memsz, .filesz = p->p_filesz,
				  .off = p->p_offset};
	s->prot = ((p->p_flags & PF_R) ? PROT_READ : 0) | ((p->p_flags & PF_W) ? PROT_WRITE : 0) |
		  ((p->p_flags & PF_X) ? PROT_EXEC : 0);
	if (p->p_align > e->align && p->p_align <= 1ULL << 30)
		e->align = p->p_align;
	end = ALIGN_UP(p->p_vaddr + p->p_memsz, GUEST_PAGE_SIZE);
	if (e->nseg == 1)
		e->low = ALIGN_DOWN(p->p_vaddr, GUEST_PAGE_SIZE);
	e->high = MAX(e->high, end);
	if (p->p_offset <= e->phoff && e->phoff - p->p_offset < p->p_filesz)
		e->phdr_vaddr = p->p_vaddr + (e->phoff - p->p_offset);
	return 0;
}

static int set_interp(struct elf_info *e, const Elf64_Phdr *p, const uint8_t *head, size_t n)
{
	if (p->p_filesz < 2 || p->p_filesz > sizeof(e->interp))
		return -ENOEXEC;
	e->interp_off = p->p_offset;
	e->interp_len = p->p_filesz;
	if (p->p_offset > n || p->p_filesz > n - p->p_offset)
		return 0; /* the caller reads it */
	memcpy(e->interp, head + p->p_offset, p->p_filesz);
	return e->interp[p->p_filesz - 1] ? -ENOEXEC : 0;
}

int elf_parse(const void *head, size_t n, const void *phdrs, uint64_t file_size, struct elf_info *ret)
{
	const uint8_t *bytes = head, *table = phdrs;
	Elf64_Ehdr h;
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->align = GUEST_PAGE_SIZE;
	memcpy(&h, bytes, MIN(n, sizeof(h)));
	r = check_header(&h, n);
	if (r == 0 && !table && (h.e_phoff > n || h.e_phnum * sizeof(Elf64_Phdr) > n - h.e_phoff))
		r = -ENOEXEC;
	if (r < 0)
		return r;
	if (!table)
		table = bytes + h.e_phoff;
	ret->dynamic = h.e_type == ET_DYN;
	ret->entry = h.e_entry;
	ret->phoff = h.e_phoff;
	ret->phnum = h.e_phnum;
	for (unsigned i = 0; i < h.e_phnum; i++) {
		Elf64_Phdr p;

		memcpy(&p, table + i * sizeof(p), sizeof(p));
		if (p.p_type == PT_LOAD)
			r = add_segment(ret, &p, file_size);
		else if (p.p_type == PT_INTERP && !ret->interp_len)
			r = set_interp(ret, &p, bytes, n);
		else if (p.p_type == PT_GNU_STACK)
			ret->exec_stack = p.p_flags & PF_X;
		if (r < 0)
			return r;
	}
	return ret->nseg ? 0 : -ENOEXEC;
}
