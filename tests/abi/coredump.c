/* SPDX-License-Identifier: Apache-2.0 */
/* core(5): when a core file is written, and what is in it. */
#include "../tap.h"
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char dir[64];

/* Where the pattern is another one, the file goes elsewhere. */
static void scratch(void)
{
	char p[64] = "";
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY);

	REQUIRE(fd >= 0 && read(fd, p, sizeof(p) - 1) > 0);
	close(fd);
	if (strcmp(p, "core\n") != 0)
		SKIP("core_pattern is not core");
	snprintf(dir, sizeof(dir), "%s/coreXXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	REQUIRE(mkdtemp(dir) && chdir(dir) == 0);
}

static void limit(rlim_t n)
{
	struct rlimit r = {n, RLIM_INFINITY};

	REQUIRE(setrlimit(RLIMIT_CORE, &r) == 0);
}

static int run(void (*fn)(void))
{
	pid_t pid = fork();
	int s = -1;

	REQUIRE(pid >= 0);
	if (pid == 0) {
		fn();
		_exit(0);
	}
	REQUIRE(waitpid(pid, &s, 0) == pid);
	return s;
}

static void do_abort(void)
{
	abort();
}

static void do_segv(void)
{
	*(volatile int *)8 = 1;
}

static void do_term(void)
{
	raise(SIGTERM);
}

TEST(written_for_faults)
{
	struct stat st;
	int s;

	scratch();
	limit(RLIM_INFINITY);
	s = run(do_abort);
	CHECK(WIFSIGNALED(s) && WTERMSIG(s) == SIGABRT && WCOREDUMP(s));
	CHECK_EQ(stat("core", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0600);
	CHECK(st.st_size > 8192);
	unlink("core");
	s = run(do_segv);
	CHECK(WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s));
	CHECK_EQ(unlink("core"), 0);
	s = run(do_term);
	CHECK(WIFSIGNALED(s) && WTERMSIG(s) == SIGTERM && !WCOREDUMP(s));
	CHECK_ERR(unlink("core"), ENOENT);
}

TEST(limit_of_zero)
{
	int s;

	scratch();
	limit(0);
	s = run(do_abort);
	CHECK(WIFSIGNALED(s) && !WCOREDUMP(s));
	CHECK_ERR(unlink("core"), ENOENT);
}

TEST(limit_cuts)
{
	struct stat st;
	int s;

	scratch();
	limit(8192);
	s = run(do_abort);
	CHECK(WIFSIGNALED(s) && WCOREDUMP(s));
	CHECK_EQ(stat("core", &st), 0);
	CHECK(st.st_size <= 8192);
}

static void undumpable(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	abort();
}

TEST(not_dumpable)
{
	int s;

	scratch();
	limit(RLIM_INFINITY);
	s = run(undumpable);
	CHECK(WIFSIGNALED(s) && !WCOREDUMP(s));
	CHECK_ERR(unlink("core"), ENOENT);
}

TEST(no_place)
{
	int s;

	scratch();
	limit(RLIM_INFINITY);
	CHECK_EQ(mkdir("core", 0700), 0);
	s = run(do_abort);
	CHECK(WIFSIGNALED(s) && WTERMSIG(s) == SIGABRT && !WCOREDUMP(s));
}

static char *big;
/* Pages of the data segment that nobody writes to, between others. */
static volatile char quiet[3 * 4096] = "from the file";

static void *other_thread(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void die_with_threads(void)
{
	pthread_t th;

	big = mmap((void *)0x500000000000, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		   -1, 0);
	strcpy(big + (32 << 20), "in the middle");
	for (int i = 0; i < 2; i++)
		pthread_create(&th, NULL, other_thread, NULL);
	usleep(20000);
	__asm__ volatile("mov $0x1234, %%r12\n\tmovl $1, 8" : : : "r12", "memory");
}

static const Elf64_Nhdr *next_note(const Elf64_Nhdr *n)
{
	return (const void *)((const char *)(n + 1) + ((n->n_namesz + 3U) & ~3U) + ((n->n_descsz + 3U) & ~3U));
}

static const void *note_data(const Elf64_Nhdr *n)
{
	return (const char *)(n + 1) + ((n->n_namesz + 3U) & ~3U);
}

TEST(content)
{
	const Elf64_Phdr *p;
	const Elf64_Ehdr *e;
	const Elf64_Nhdr *n, *end;
	int s, fd, threads = 0, seen[3] = {0};
	struct stat st;
	bool found = false, quiet_found = false;
	char *map;

	scratch();
	limit(RLIM_INFINITY);
	s = run(die_with_threads);
	CHECK(WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s));
	fd = open("core", O_RDONLY);
	REQUIRE(fd >= 0 && fstat(fd, &st) == 0);
	CHECK(st.st_size > 64 << 20);
	CHECK(st.st_blocks < (16 << 20) / 512); /* what was never touched is a hole */
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	REQUIRE(map != MAP_FAILED);
	e = (const void *)map;
	CHECK(memcmp(e->e_ident, ELFMAG, SELFMAG) == 0);
	CHECK_EQ(e->e_type, ET_CORE);
	p = (const void *)(map + e->e_phoff);
	CHECK_EQ(p->p_type, PT_NOTE);
	n = (const void *)(map + p->p_offset);
	end = (const void *)(map + p->p_offset + p->p_filesz);
	for (; n < end; n = next_note(n)) {
		if (n->n_type == NT_PRSTATUS) {
			const struct elf_prstatus *r = note_data(n);

			CHECK_EQ(n->n_descsz, sizeof(*r));
			if (threads++ == 0) { /* the one that died comes first */
				CHECK_EQ(r->pr_reg[3], 0x1234); /* r12 */
				CHECK_EQ(r->pr_cursig, SIGSEGV);
			}
		}
		if (n->n_type == NT_PRPSINFO) {
			const struct elf_prpsinfo *i = note_data(n);

			CHECK(strncmp(i->pr_fname, "abi-coredump", 15) == 0);
			CHECK_EQ(i->pr_ppid, getpid());
			seen[0]++;
		}
		if (n->n_type == 0x53494749) { /* SIGINFO */
			const siginfo_t *si = note_data(n);

			CHECK_EQ(si->si_signo, SIGSEGV);
			CHECK_EQ((uintptr_t)si->si_addr, 8);
			seen[1]++;
		}
		if (n->n_type == 0x46494c45) { /* FILE */
			CHECK(*(const long *)note_data(n) > 0);
			seen[2]++;
		}
	}
	CHECK_EQ(threads, 3);
	CHECK(seen[0] == 1 && seen[1] == 1 && seen[2] == 1);
	for (int i = 1; i < e->e_phnum; i++)
		if (p[i].p_vaddr <= (uintptr_t)quiet && (uintptr_t)quiet + sizeof(quiet) <= p[i].p_vaddr + p[i].p_filesz)
			quiet_found = !strcmp(map + p[i].p_offset + ((uintptr_t)quiet - p[i].p_vaddr), "from the file");
	CHECK(quiet_found);
	for (int i = 1; i < e->e_phnum; i++) {
		if (p[i].p_vaddr > 0x500002000000 || p[i].p_vaddr + p[i].p_memsz <= 0x500002000000)
			continue;
		found = !strcmp(map + p[i].p_offset + (0x500002000000 - p[i].p_vaddr), "in the middle");
		CHECK_EQ(p[i].p_filesz, p[i].p_memsz);
	}
	CHECK(found);
}

TAP_MAIN()
