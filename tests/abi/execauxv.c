/* SPDX-License-Identifier: Apache-2.0 */
/* What exec hands to a program: auxiliary vector, arguments, stack; scripts; what is refused. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../tap.h"

extern char **environ;
extern const ElfW(Ehdr) __ehdr_start;

TEST(auxv)
{
	CHECK_EQ(getauxval(AT_PAGESZ), 4096);
	CHECK_EQ(getauxval(AT_CLKTCK), 100);
	CHECK_EQ(getauxval(AT_PHENT), sizeof(ElfW(Phdr)));
	CHECK_EQ(getauxval(AT_PHNUM), __ehdr_start.e_phnum);
	CHECK_EQ(getauxval(AT_PHDR), (uintptr_t)&__ehdr_start + __ehdr_start.e_phoff);
	CHECK_EQ(getauxval(AT_ENTRY), __ehdr_start.e_entry);
	CHECK_EQ(getauxval(AT_BASE), 0);
	CHECK_EQ(getauxval(AT_UID), getuid());
	CHECK_EQ(getauxval(AT_EGID), getegid());
	CHECK_EQ(getauxval(AT_SECURE), 0);
	CHECK(getauxval(AT_HWCAP) != 0);
	CHECK_STR((const char *)getauxval(AT_PLATFORM), "x86_64");
	REQUIRE(getauxval(AT_RANDOM) && getauxval(AT_EXECFN));
	CHECK_EQ(access((const char *)getauxval(AT_EXECFN), X_OK), 0);
}

/* Strings lie above the pointers, arguments below the environment. */
TEST(layout)
{
	char **e = environ;

	while (*e)
		e++;
	CHECK((char *)e < (char *)getauxval(AT_RANDOM));
	CHECK((char *)environ < *environ);
	CHECK(*environ < (char *)getauxval(AT_EXECFN));
}

static char dir[] = "/tmp/abi-exec-XXXXXX";

static const char *make(const char *name, const char *text, size_t n, mode_t mode)
{
	static char path[8][64];
	static unsigned k;
	char *p = path[k++ % 8];
	int fd;

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	fd = open(p, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	REQUIRE(fd >= 0 && write(fd, text, n) == (ssize_t)n && fchmod(fd, mode) == 0);
	close(fd);
	return p;
}

/* errno of the exec of path with arguments x a, or 0; out receives what it wrote. */
static int run(const char *path, char *out, size_t cap)
{
	int p[2], err[2], e = 0, status;
	size_t n = 0;
	ssize_t k;

	REQUIRE(pipe(p) == 0 && pipe2(err, O_CLOEXEC) == 0);
	if (fork() == 0) {
		dup2(p[1], 1);
		execl(path, "x", "a", (char *)NULL);
		e = errno;
		_exit(write(err[1], &e, sizeof(e)) != sizeof(e));
	}
	close(p[1]);
	close(err[1]);
	while (n < cap - 1 && (k = read(p[0], out + n, cap - 1 - n)) > 0)
		n += (size_t)k;
	out[n] = 0;
	if (read(err[0], &e, sizeof(e)) != sizeof(e))
		e = 0;
	close(p[0]);
	close(err[0]);
	wait(&status);
	return e;
}

TEST(scripts)
{
	char out[512], line[64], want[256], deep[5][64] = {""};
	const char *s;

	REQUIRE(mkdtemp(dir));
	s = make("one", "#! \t/bin/echo  -n  b c \t\nignored\n", 33, 0755);
	CHECK_EQ(run(s, out, sizeof(out)), 0);
	snprintf(want, sizeof(want), "-n  b c %s a\n", s);
	CHECK_STR(out, want);
	for (int i = 0; i < 6; i++) {
		int n = snprintf(line, sizeof(line), "#!%s\n", i ? deep[i - 1] : "/bin/echo");
		char name[8];
		int e;

		snprintf(name, sizeof(name), "d%d", i);
		s = make(name, line, (size_t)n, 0755);
		e = run(s, out, sizeof(out));
		CHECK_EQ(e, i < 5 ? 0 : ELOOP);
		if (i < 5)
			strcpy(deep[i], s);
	}
}

TEST(refused)
{
	char out[64], text[300], elf[sizeof(ElfW(Ehdr)) + sizeof(ElfW(Phdr))] = "";
	ElfW(Ehdr) h = __ehdr_start;

	REQUIRE(mkdtemp(dir));
	CHECK_EQ(run(make("text", "hello\n", 6, 0755), out, sizeof(out)), ENOEXEC);
	CHECK_EQ(run(make("empty", "", 0, 0755), out, sizeof(out)), ENOEXEC);
	CHECK_EQ(run(make("mode", "#!/bin/true\n", 12, 0644), out, sizeof(out)), EACCES);
	CHECK_EQ(run(make("none", "#!/no/such\n", 11, 0755), out, sizeof(out)), ENOENT);
	CHECK_EQ(run(make("bare", "#!\n", 3, 0755), out, sizeof(out)), ENOEXEC);
	CHECK_EQ(run(dir, out, sizeof(out)), EACCES);
	memset(text, 'x', sizeof(text));
	memcpy(text, "#!/", 3);
	CHECK_EQ(run(make("long", text, sizeof(text), 0755), out, sizeof(out)), ENOEXEC);
	h.e_machine = EM_ARM;
	memcpy(elf, &h, sizeof(h));
	CHECK_EQ(run(make("arm", elf, sizeof(elf), 0755), out, sizeof(out)), ENOEXEC);
	h = __ehdr_start;
	h.e_phentsize = 1;
	memcpy(elf, &h, sizeof(h));
	CHECK_EQ(run(make("phent", elf, sizeof(elf), 0755), out, sizeof(out)), ENOEXEC);
	h = __ehdr_start;
	h.e_phoff = 1 << 20;
	memcpy(elf, &h, sizeof(h));
	CHECK_EQ(run(make("phoff", elf, sizeof(elf), 0755), out, sizeof(out)) == 0, 0);
}

TAP_MAIN()
