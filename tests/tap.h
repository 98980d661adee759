/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TAP in one header, for static programs that run on the host and inside a sandbox. A program is a list of
 * TEST(name) { ... } functions, each run in a child of its own with a time limit; CHECK* report both sides.
 *
 *   #include "../tap.h"
 *   TEST(pipe_eof) { int p[2]; CHECK_EQ(pipe(p), 0); ... }
 *   TAP_MAIN()
 *
 * Arguments: names of tests to run, none = all. TAP_NOFORK=1 runs them in this process. TAP_TIMEOUT=SECONDS lengthens the limit.
 */
#ifndef NACRE_TESTS_TAP_H
#define NACRE_TESTS_TAP_H

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef TAP_TIMEOUT
#define TAP_TIMEOUT 20 /* seconds; the environment's TAP_TIMEOUT, for slow machines, wins if it is longer */
#endif

struct tap_test {
	const char *name;
	void (*fn)(void);
};
#define TEST(n)                                                                                    \
	static void test_##n(void);                                                                \
	__attribute__((used, section("tap_tests"), aligned(8))) static const struct tap_test       \
		tap_##n = {#n, test_##n};                                                          \
	static void test_##n(void)

static int tap_failures;
static char tap_skip_reason[200];

#define TAP_FAIL(...)                                                                              \
	do {                                                                                       \
		printf("# %s:%d: ", __FILE__, __LINE__);                                           \
		printf(__VA_ARGS__);                                                               \
		printf("\n");                                                                      \
		fflush(stdout);                                                                    \
		tap_failures++;                                                                    \
	} while (0)
#define CHECK(c)                                                                                   \
	do {                                                                                       \
		if (!(c))                                                                          \
			TAP_FAIL("%s is false (errno %d)", #c, errno);                             \
	} while (0)
#define CHECK_OP(a, op, b)                                                                         \
	do {                                                                                       \
		long long _a = (long long)(a), _b = (long long)(b);                                \
		if (!(_a op _b))                                                                   \
			TAP_FAIL("%s " #op " %s: %lld, %lld (errno %d)", #a, #b, _a, _b, errno);   \
	} while (0)
#define CHECK_EQ(a, b) CHECK_OP(a, ==, b)
#define CHECK_STR(a, b)                                                                            \
	do {                                                                                       \
		const char *_a = (a), *_b = (b);                                                   \
		if (strcmp(_a, _b) != 0)                                                           \
			TAP_FAIL("%s: \"%s\", expected \"%s\"", #a, _a, _b);                       \
	} while (0)
/* The call fails with exactly that errno. */
#define CHECK_ERR(call, err)                                                                       \
	do {                                                                                       \
		long long _r;                                                                      \
		errno = 0;                                                                         \
		_r = (long long)(call);                                                            \
		if (_r != -1 || errno != (err))                                                    \
			TAP_FAIL("%s: returned %lld errno %d, expected errno %d", #call, _r,       \
				 errno, err);                                                      \
	} while (0)
/* Stops the test when what follows would make no sense. */
#define REQUIRE(c)                                                                                 \
	do {                                                                                       \
		if (!(c)) {                                                                        \
			TAP_FAIL("required: %s (errno %d)", #c, errno);                            \
			fflush(stdout);                                                            \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)
#define SKIP(why)                                                                                  \
	do {                                                                                       \
		printf("# skip: %s\n", why);                                                       \
		fflush(stdout);                                                                    \
		_exit(77);                                                                         \
	} while (0)

extern const struct tap_test __start_tap_tests[], __stop_tap_tests[];

static unsigned tap_seconds_allowed(void)
{
	const char *text = getenv("TAP_TIMEOUT");
	long asked = text ? atol(text) : 0;

	return asked > TAP_TIMEOUT ? (unsigned)asked : TAP_TIMEOUT;
}

static void tap_run(const struct tap_test *t, int number, int nofork)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	if (nofork) {
		tap_failures = 0;
		t->fn();
		status = tap_failures ? 1 << 8 : 0;
	} else {
		pid = fork();
		if (pid == 0) {
			alarm(tap_seconds_allowed());
			t->fn();
			fflush(stdout);
			_exit(tap_failures ? 1 : 0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid) {
			printf("not ok %d - %s # fork or wait failed\n", number, t->name);
			return;
		}
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		printf("ok %d - %s # SKIP\n", number, t->name);
	else if (status == 0)
		printf("ok %d - %s\n", number, t->name);
	else
		printf("not ok %d - %s # status %#x\n", number, t->name, (unsigned)status);
}

#define TAP_MAIN()                                                                                 \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		int n = 0, k = 0, total = (int)(__stop_tap_tests - __start_tap_tests);             \
		(void)tap_skip_reason;                                                             \
		for (const struct tap_test *t = __start_tap_tests; t < __stop_tap_tests; t++) {    \
			int want = argc < 2;                                                       \
			for (int i = 1; i < argc; i++)                                             \
				want |= !strcmp(argv[i], t->name);                                 \
			n += want;                                                                 \
		}                                                                                  \
		printf("1..%d\n", n);                                                              \
		for (int i = 0; i < total; i++) {                                                  \
			int want = argc < 2;                                                       \
			for (int j = 1; j < argc; j++)                                             \
				want |= !strcmp(argv[j], __start_tap_tests[i].name);               \
			if (want)                                                                  \
				tap_run(&__start_tap_tests[i], ++k, getenv("TAP_NOFORK") != NULL);  \
		}                                                                                  \
		return 0;                                                                          \
	}

#endif
