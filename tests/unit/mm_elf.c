/* SPDX-License-Identifier: Apache-2.0 */
/* The ELF parser on programs of the host, on headers broken by hand, and on 200,000 broken by chance. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "kernel/loader/elf.h"
#include "tap.h"
#include "../fuzz/elf_fuzz.c"

static uint8_t head[4096];
static uint64_t size;

static size_t load(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		SKIP(path);
	REQUIRE(fstat(fd, &st) == 0);
	size = (uint64_t)st.st_size;
	n = read(fd, head, sizeof(head));
	close(fd);
	REQUIRE(n > 64);
	return (size_t)n;
}

TEST(real_programs)
{
	struct elf_info e;
	size_t n = load("/bin/bash");

	CHECK_EQ(elf_parse(head, n, NULL, size, &e), 0);
	CHECK(e.dynamic);
	CHECK_STR(e.interp, "/lib64/ld-linux-x86-64.so.2");
	CHECK(e.nseg >= 2 && e.phdr_vaddr == 64);
	CHECK(!e.exec_stack);
	check(&e);
}

TEST(static_program)
{
	struct elf_info e;
	size_t n = load("/bin/busybox");

	CHECK_EQ(elf_parse(head, n, NULL, size, &e), 0);
	check(&e);
}

static Elf64_Phdr *phdr_of(uint32_t type)
{
	Elf64_Ehdr *h = (void *)head;
	Elf64_Phdr *p = (void *)(head + h->e_phoff);

	for (unsigned i = 0; i < h->e_phnum; i++)
		if (p[i].p_type == type)
			return &p[i];
	REQUIRE(!"segment");
	return NULL;
}

#define BROKEN(change, err)                                  \
	do {                                                 \
		n = load("/bin/bash");                       \
		h = (void *)head;                            \
		p = phdr_of(PT_LOAD);                        \
		change;                                      \
		CHECK_EQ(elf_parse(head, n, NULL, size, &e), err); \
	} while (0)

TEST(broken_headers)
{
	struct elf_info e;
	Elf64_Ehdr *h;
	Elf64_Phdr *p;
	size_t n;

	BROKEN(h->e_ident[0] = 0, -ENOEXEC);
	BROKEN(h->e_ident[EI_CLASS] = ELFCLASS32, -ENOEXEC);
	BROKEN(h->e_machine = EM_ARM, -ENOEXEC);
	BROKEN(h->e_type = ET_REL, -ENOEXEC);
	BROKEN(h->e_phnum = 0, -ENOEXEC);
	BROKEN(h->e_phnum = 0xffff, -ENOEXEC);
	BROKEN(h->e_phoff = ~0ULL, -ENOEXEC);
	BROKEN(h->e_phentsize = 32, -ENOEXEC);
	BROKEN(n = 63, -ENOEXEC);
	BROKEN(p->p_filesz = p->p_memsz + 1, -EINVAL);
	BROKEN(p->p_memsz = ~0ULL, -EINVAL);
	BROKEN(p->p_vaddr = PT_GUEST_END, -EINVAL);
	BROKEN(p->p_offset = ~0ULL & ~4095ULL, -EINVAL);
	BROKEN(p->p_vaddr += 1, -EINVAL);
	BROKEN(p[1].p_vaddr = p[0].p_vaddr, -EINVAL);
	BROKEN(p->p_align = 3, -ENOEXEC);
	BROKEN(phdr_of(PT_INTERP)->p_filesz = 1, -ENOEXEC);
	BROKEN(phdr_of(PT_INTERP)->p_filesz = 100000, -ENOEXEC);
	BROKEN(phdr_of(PT_INTERP)->p_filesz -= 1, -ENOEXEC);
}

TEST(broken_by_chance)
{
	unsigned state = 20261124;

	printf("# seed %u\n", state);
	for (unsigned i = 0; i < 200000; i++) {
		size_t n = 1024;

		if (i % 64 == 0)
			load("/bin/bash");
		for (unsigned k = 0; k < 1 + i % 4; k++) {
			state = state * 1103515245U + 12345U;
			head[(state >> 8) % 900] = (uint8_t)(state >> 24);
		}
		if (i % 16 == 0)
			n = (state >> 10) % 1024;
		LLVMFuzzerTestOneInput(head, n);
	}
}

TAP_MAIN()
