/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a file executable: its program headers wherever they lie, and nobody who writes it. */
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include "../tap.h"

static char name[300];

/* The program that runs here, copied; it exits with 7 when called with an argument. */
static int copy_self(void)
{
	int from = open("/proc/self/exe", O_RDONLY), to;
	char buf[65536];
	ssize_t n;

	snprintf(name, sizeof(name), "%s/execfile-%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", getpid());
	to = open(name, O_RDWR | O_CREAT | O_TRUNC, 0700);
	REQUIRE(from >= 0 && to >= 0);
	while ((n = read(from, buf, sizeof(buf))) > 0)
		REQUIRE(write(to, buf, (size_t)n) == n);
	close(from);
	return to;
}

/* Exit status of the copy, or -errno of its exec. */
static int run(void)
{
	int st, p[2];
	pid_t pid;
	int err = 0;

	REQUIRE(pipe2(p, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		execl(name, name, "-x", (char *)NULL);
		err = errno;
		_exit(write(p[1], &err, sizeof(err)) == sizeof(err) ? 99 : 98);
	}
	close(p[1]);
	if (read(p[0], &err, sizeof(err)) != sizeof(err))
		err = 0;
	close(p[0]);
	CHECK_EQ(waitpid(pid, &st, 0), pid);
	return err ? -err : st;
}

TEST(plain)
{
	close(copy_self());
	CHECK_EQ(run(), 7 << 8);
	unlink(name);
}

TEST(headers_at_the_end)
{
	int fd = copy_self();
	struct stat st;
	Elf64_Ehdr h;
	Elf64_Phdr ph[64];
	off_t at;

	CHECK_EQ(pread(fd, &h, sizeof(h), 0), sizeof(h));
	REQUIRE(h.e_phnum <= 64);
	CHECK_EQ(pread(fd, ph, h.e_phnum * sizeof(ph[0]), (off_t)h.e_phoff), h.e_phnum * sizeof(ph[0]));
	CHECK_EQ(fstat(fd, &st), 0);
	at = (st.st_size + 4095) & ~4095L;
	CHECK_EQ(pwrite(fd, ph, h.e_phnum * sizeof(ph[0]), at), h.e_phnum * sizeof(ph[0]));
	h.e_phoff = (Elf64_Off)at;
	CHECK_EQ(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	close(fd);
	CHECK(run() >= 0); /* it is executed; a C library that wants to read them in its memory then fails */
	unlink(name);
}

TEST(headers_beyond_the_file)
{
	int fd = copy_self();
	Elf64_Ehdr h;

	CHECK_EQ(pread(fd, &h, sizeof(h), 0), sizeof(h));
	h.e_phoff = 1UL << 40;
	CHECK_EQ(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	close(fd);
	CHECK(run() < 0);
	unlink(name);
}

TEST(busy_while_written)
{
	int fd = copy_self();

	CHECK_EQ(run(), -ETXTBSY);
	close(fd);
	CHECK_EQ(run(), 7 << 8);
	unlink(name);
}

TEST(not_written_while_it_runs)
{
	int p[2], st;
	char c;
	pid_t pid;

	close(copy_self());
	REQUIRE(pipe(p) == 0);
	pid = fork();
	if (pid == 0) {
		dup2(p[1], 1);
		close(p[0]);
		close(p[1]);
		execl(name, name, "-sleep", (char *)NULL);
		_exit(99);
	}
	close(p[1]);
	CHECK_EQ(read(p[0], &c, 1), 1);
	CHECK_ERR(open(name, O_WRONLY), ETXTBSY);
	CHECK_ERR(open(name, O_RDWR | O_TRUNC), ETXTBSY);
	CHECK(open(name, O_RDONLY) >= 0);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, &st, 0), pid);
	CHECK(open(name, O_WRONLY) >= 0);
	unlink(name);
}

int tap_main(int argc, char **argv);
#define main tap_main
TAP_MAIN()
#undef main

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "-x"))
		return 7;
	if (argc == 2 && !strcmp(argv[1], "-sleep")) {
		if (write(1, "x", 1) == 1)
			pause();
		return 1;
	}
	return tap_main(argc, argv);
}
