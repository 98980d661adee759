/* SPDX-License-Identifier: Apache-2.0 */
/* execve, execveat: what a program finds, what it keeps, errors. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "../tap.h"

static char self[4096];

static int run(char *const argv[], char *const envp[])
{
	pid_t p = fork();
	int s = -1;

	if (p == 0) {
		execve(self, argv, envp);
		_exit(98);
	}
	CHECK_EQ(waitpid(p, &s, 0), p);
	return WIFEXITED(s) ? WEXITSTATUS(s) : -s;
}

static void find_self(void)
{
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		SKIP("no /proc");
	self[n] = 0;
}

/* The second life of this program: argv[1] says what to check, the exit status is the answer. */
static int second(char **argv, char **envp)
{
	struct sigaction sa;
	sigset_t m;

	if (!strcmp(argv[1], "+env"))
		return envp[0] && !strcmp(envp[0], "A=1") && !envp[1] ? 10 : 1;
	if (!strcmp(argv[1], "+fd"))
		return fcntl(100, F_GETFD) == 0 && fcntl(101, F_GETFD) == -1 ? 11 : 1;
	if (!strcmp(argv[1], "+sig")) {
		sigprocmask(SIG_BLOCK, NULL, &m);
		sigaction(SIGUSR1, NULL, &sa);
		if (sa.sa_handler != SIG_DFL || !sigismember(&m, SIGHUP))
			return 1;
		sigaction(SIGUSR2, NULL, &sa);
		return sa.sa_handler == SIG_IGN ? 12 : 2;
	}
	return 3;
}

__attribute__((constructor)) static void start(int argc, char **argv, char **envp)
{
	if (argc > 1 && argv[1][0] == '+')
		_exit(second(argv, envp));
}

TEST(environment)
{
	char *argv[] = {self, (char *)"+env", NULL}, *envp[] = {(char *)"A=1", NULL};

	find_self();
	CHECK_EQ(run(argv, envp), 10);
}

TEST(close_on_exec)
{
	char *argv[] = {self, (char *)"+fd", NULL}, *envp[] = {NULL};

	find_self();
	dup2(1, 100);
	dup3(1, 101, O_CLOEXEC);
	CHECK_EQ(run(argv, envp), 11);
}

static void nothing(int s)
{
	(void)s;
}

TEST(signals)
{
	char *argv[] = {self, (char *)"+sig", NULL}, *envp[] = {NULL};
	sigset_t m;

	find_self();
	signal(SIGUSR1, nothing);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&m);
	sigaddset(&m, SIGHUP);
	sigprocmask(SIG_BLOCK, &m, NULL);
	CHECK_EQ(run(argv, envp), 12);
}

TEST(errors)
{
	char *argv[] = {(char *)"x", NULL}, *envp[] = {NULL};
	int fd;

	CHECK_ERR(execve("/nonexistent", argv, envp), ENOENT);
	CHECK_ERR(execve("/", argv, envp), EACCES);
	CHECK_ERR(execve("", argv, envp), ENOENT);
	CHECK_ERR(syscall(SYS_execve, 8, argv, envp), EFAULT);
	CHECK_ERR(syscall(SYS_execveat, AT_FDCWD, "/", argv, envp, 0x40), EINVAL);
	CHECK_ERR(syscall(SYS_execveat, 999, "", argv, envp, AT_EMPTY_PATH), EBADF);
	fd = open("/tmp/abi-exec-text", O_CREAT | O_WRONLY | O_TRUNC, 0755);
	if (fd < 0)
		SKIP("no /tmp");
	CHECK_EQ(write(fd, "just text\n", 10), 10);
	close(fd);
	CHECK_ERR(execve("/tmp/abi-exec-text", argv, envp), ENOEXEC);
	chmod("/tmp/abi-exec-text", 0644);
	CHECK_ERR(execve("/tmp/abi-exec-text", argv, envp), EACCES);
	unlink("/tmp/abi-exec-text");
}

TEST(script)
{
	char *argv[] = {(char *)"s", NULL}, *envp[] = {NULL};
	int fd = open("/tmp/abi-exec-script", O_CREAT | O_WRONLY | O_TRUNC, 0755), s;
	pid_t p;

	if (fd < 0 || access("/bin/sh", X_OK) != 0)
		SKIP("no /tmp or no shell");
	CHECK_EQ(write(fd, "#!/bin/sh\nexit 21\n", 18), 18);
	close(fd);
	p = fork();
	if (p == 0) {
		execve("/tmp/abi-exec-script", argv, envp);
		_exit(98);
	}
	CHECK_EQ(waitpid(p, &s, 0), p);
	CHECK_EQ(s, 21 << 8);
	unlink("/tmp/abi-exec-script");
}

TAP_MAIN()
