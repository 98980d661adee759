/* SPDX-License-Identifier: Apache-2.0 */
/* execve and execveat: what survives, what is reset, errors. The program executes itself. */
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <pthread.h>
#include "../tap.h"

extern char **environ;
static int helper(int argc, char **argv);

/* Runs this program as a helper with arguments; returns its status. */
static int run(const char *what, const char *arg)
{
	int st = -1;
	pid_t p = fork();

	if (p == 0) {
		execl("/proc/self/exe", "self", "--helper", what, arg, (char *)NULL);
		_exit(99);
	}
	waitpid(p, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 1000 + st;
}

static int helper(int argc, char **argv)
{
	const char *w = argv[2];
	struct sigaction sa;
	sigset_t s;

	(void)argc;
	if (!strcmp(w, "exit"))
		return atoi(argv[3]);
	if (!strcmp(w, "cloexec"))
		return fcntl(atoi(argv[3]), F_GETFD) < 0 && errno == EBADF ? 0 : 1;
	if (!strcmp(w, "open"))
		return fcntl(atoi(argv[3]), F_GETFD) >= 0 ? 0 : 1;
	if (!strcmp(w, "handler")) {
		sigaction(SIGUSR1, NULL, &sa);
		if (sa.sa_handler != SIG_DFL)
			return 1;
		sigaction(SIGUSR2, NULL, &sa);
		return sa.sa_handler == SIG_IGN ? 0 : 2;
	}
	if (!strcmp(w, "mask")) {
		sigprocmask(SIG_BLOCK, NULL, &s);
		return sigismember(&s, SIGUSR1) ? 0 : 1;
	}
	if (!strcmp(w, "pending")) {
		sigpending(&s);
		return sigismember(&s, SIGUSR1) ? 0 : 1;
	}
	if (!strcmp(w, "altstack")) {
		stack_t st;

		sigaltstack(NULL, &st);
		return st.ss_flags == SS_DISABLE ? 0 : 1;
	}
	if (!strcmp(w, "comm")) {
		char c[16];

		prctl(PR_GET_NAME, c);
		return strcmp(c, argv[3]) ? 1 : 0;
	}
	if (!strcmp(w, "pid"))
		return getpid() == atoi(argv[3]) && syscall(SYS_gettid) == getpid() ? 0 : 1;
	if (!strcmp(w, "env"))
		return getenv("ABI_ENV") && !strcmp(getenv("ABI_ENV"), argv[3]) ? 0 : 1;
	if (!strcmp(w, "argc"))
		return argc;
	return 98;
}

TEST(runs)
{
	CHECK_EQ(run("exit", "17"), 17);
}

TEST(close_on_exec)
{
	char n[16];
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), fd2 = open("/dev/null", O_RDONLY);

	snprintf(n, sizeof(n), "%d", fd);
	CHECK_EQ(run("cloexec", n), 0);
	CHECK(fcntl(fd, F_GETFD) >= 0);
	snprintf(n, sizeof(n), "%d", fd2);
	CHECK_EQ(run("open", n), 0);
}

static void nothing(int s)
{
	(void)s;
}

TEST(signals)
{
	sigset_t s;
	static char stk[16384];
	stack_t alt = {.ss_sp = stk, .ss_size = sizeof(stk)};

	signal(SIGUSR1, nothing);
	signal(SIGUSR2, SIG_IGN);
	CHECK_EQ(run("handler", ""), 0);
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	CHECK_EQ(run("mask", ""), 0);
	CHECK_EQ(sigaltstack(&alt, NULL), 0);
	CHECK_EQ(run("altstack", ""), 0);
	pid_t p = fork();
	if (p == 0) {
		kill(getpid(), SIGUSR1);
		execl("/proc/self/exe", "self", "--helper", "pending", (char *)NULL);
		_exit(99);
	}
	int st;
	waitpid(p, &st, 0);
	CHECK_EQ(st, 0);
}

TEST(name_and_environment)
{
	CHECK_EQ(setenv("ABI_ENV", "some value", 1), 0);
	CHECK_EQ(run("env", "some value"), 0);
	CHECK_EQ(run("argc", "x"), 4);
}

static void *other(void *a)
{
	execl("/proc/self/exe", "self", "--helper", "pid", (char *)a, (char *)NULL);
	_exit(97);
}
static void *sleeper(void *a)
{
	while (pause() < 0)
		;
	return a;
}

TEST(a_thread_execs)
{
	int st;
	pid_t p = fork();

	if (p == 0) {
		char n[16];
		pthread_t a, b;

		snprintf(n, sizeof(n), "%d", getpid());
		pthread_create(&a, NULL, sleeper, NULL);
		pthread_create(&b, NULL, other, n);
		for (;;)
			pause();
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
}

TEST(errors)
{
	char *a[] = {(char *)"x", NULL};
	char name[] = "/tmp/abi-exec-XXXXXX";
	int fd = mkstemp(name);

	REQUIRE(fd >= 0);
	CHECK_ERR(execve("/nonexistent", a, environ), ENOENT);
	CHECK_ERR(execve("", a, environ), ENOENT);
	CHECK_ERR(execve("/tmp", a, environ), EACCES);
	CHECK_ERR(execve("/dev/null", a, environ), EACCES);
	CHECK_ERR(execve(name, a, environ), EACCES);
	CHECK_EQ(fchmod(fd, 0755), 0);
	CHECK_EQ(write(fd, "junk\n", 5), 5);
	close(fd);
	CHECK_ERR(execve(name, a, environ), ENOEXEC);
	CHECK_ERR(syscall(SYS_execve, (void *)8, a, environ), EFAULT);
	CHECK_ERR(syscall(SYS_execve, name, (void *)8, environ), EFAULT);
	CHECK_ERR(syscall(SYS_execveat, 99, "x", a, environ, 0), EBADF);
	CHECK_ERR(syscall(SYS_execveat, AT_FDCWD, "/x", a, environ, 0x8000), EINVAL);
	unlink(name);
}

TEST(script)
{
	char name[] = "/tmp/abi-script-XXXXXX", line[512], exe[256];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int fd = mkstemp(name), st;
	pid_t p;

	REQUIRE(fd >= 0 && n > 0);
	exe[n] = 0;
	if (n > 200)
		SKIP("name too long for #!");
	CHECK_EQ(fchmod(fd, 0755), 0);
	snprintf(line, sizeof(line), "#!%s --helper\n", exe);
	CHECK_EQ(write(fd, line, strlen(line)), (long)strlen(line));
	close(fd);
	p = fork();
	if (p == 0) {
		/* becomes: exe --helper NAME ... which is no known helper: 98 */
		execl(name, "zero", "exit", (char *)NULL);
		_exit(99);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(WEXITSTATUS(st), 98);
	unlink(name);
}

TEST(by_descriptor)
{
	char *a[] = {(char *)"self", (char *)"--helper", (char *)"exit", (char *)"21", NULL};
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), st;
	pid_t p = fork();

	if (p == 0) {
		syscall(SYS_execveat, fd, "", a, environ, AT_EMPTY_PATH);
		_exit(99);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(WEXITSTATUS(st), 21);
	CHECK_ERR(syscall(SYS_execveat, fd, "", a, environ, 0), ENOENT);
}

TEST(vfork_exec)
{
	int st;
	pid_t p = vfork();

	if (p == 0) {
		execl("/proc/self/exe", "self", "--helper", "exit", "33", (char *)NULL);
		_exit(99);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(WEXITSTATUS(st), 33);
}

TEST(setpgid_after_exec_is_refused)
{
	int p[2], st;
	char c;
	pid_t k;

	REQUIRE(pipe2(p, O_CLOEXEC) == 0);
	k = fork();
	if (k == 0) {
		execl("/bin/sleep", "sleep", "5", (char *)NULL);
		execl("/bin/busybox", "sleep", "5", (char *)NULL);
		_exit(99);
	}
	close(p[1]);
	CHECK_EQ(read(p[0], &c, 1), 0); /* closed by exec */
	if (waitpid(k, &st, WNOHANG) == k)
		SKIP("no sleep program");
	CHECK_ERR(setpgid(k, k), EACCES);
	kill(k, SIGKILL);
	waitpid(k, &st, 0);
}

int tap_main(int argc, char **argv);
#define main tap_main
TAP_MAIN()
#undef main

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "--helper"))
		return helper(argc, argv);
	return tap_main(argc, argv);
}
