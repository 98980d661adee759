/* SPDX-License-Identifier: Apache-2.0 */
/* Options in Go's style, signal names, ids. */
#include "../tap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include "base/log.h"
#include "cli/cli.h"
#include "oci/json.h"

static struct {
	const char *text, *optional;
	struct str_list list;
	int number;
	bool a, b;
} v;
static const struct opt opts[] = {
	{"text", 't', OPT_STRING, &v.text, NULL, NULL},
	{"trace", 0, OPT_OPTIONAL, &v.optional, NULL, NULL},
	{"env", 'e', OPT_LIST, &v.list, NULL, NULL},
	{"number", 'n', OPT_INT, &v.number, NULL, NULL},
	{"aa", 'a', OPT_BOOL, &v.a, NULL, NULL},
	{"bb", 'b', OPT_BOOL, &v.b, NULL, NULL},
	{"old", 0, OPT_IGNORED, NULL, NULL, NULL},
	{NULL},
};
static const struct command cmd = {"test", "", "", NULL, NULL};
static int log_file = -1;

/* Arguments separated by blanks; the rest, joined by '|', in out. */
static int parse(const char *line, bool permute, char *out)
{
	static char text[512];
	char *argv[32] = {(char *)"test"}, **rest = argv;
	int argc = 1, r;

	memset(&v, 0, sizeof(v));
	snprintf(text, sizeof(text), "%s", line);
	for (char *p = strtok(text, " "); p; p = strtok(NULL, " "))
		argv[argc++] = p;
	argv[argc] = NULL;
	r = opts_parse(&cmd, opts, permute, &argc, &rest);
	out[0] = '\0';
	for (int i = 0; r == 0 && i < argc; i++)
		sprintf(out + strlen(out), "%s%s", i ? "|" : "", rest[i]);
	if (r == 0)
		CHECK(!rest[argc]);
	return r;
}

static char *logged(void)
{
	static char text[4096];
	ssize_t n = pread(log_file, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void setup(void)
{
	log_file = memfd_create("log", 0);
	log_set_stderr(false);
	log_setup(log_file, LOG_TEXT, LOG_INFO, "test");
}

TEST(spellings)
{
	char rest[512];

	CHECK_EQ(parse("--text x y", false, rest), 0);
	CHECK_STR(v.text, "x");
	CHECK_STR(rest, "y");
	CHECK_EQ(parse("--text=x=1 -text=z", false, rest), 0);
	CHECK_STR(v.text, "z");
	CHECK_EQ(parse("-t x -n=5 -number 7", false, rest), 0);
	CHECK_STR(v.text, "x");
	CHECK_EQ(v.number, 7);
	CHECK_EQ(parse("--text=", false, rest), 0);
	CHECK_STR(v.text, "");
	CHECK_EQ(parse("-e A=1 --env B=2", false, rest), 0);
	CHECK_EQ(v.list.n, 2);
	CHECK_STR(v.list.v[1], "B=2");
	CHECK_EQ(parse("-ab", false, rest), 0);
	CHECK(v.a && v.b);
	CHECK_EQ(parse("--aa=false --bb=true", false, rest), 0);
	CHECK(!v.a && v.b);
	CHECK_EQ(parse("--trace x", false, rest), 0);
	CHECK_STR(v.optional, "");
	CHECK_STR(rest, "x");
	CHECK_EQ(parse("--trace=open,read x", false, rest), 0);
	CHECK_STR(v.optional, "open,read");
	CHECK_EQ(parse("--old whatever --text -", false, rest), 0);
	CHECK_STR(v.text, "-");
}

TEST(where_options_end)
{
	char rest[512];

	CHECK_EQ(parse("id -a --text x", false, rest), 0);
	CHECK_STR(rest, "id|-a|--text|x");
	CHECK(!v.a);
	CHECK_EQ(parse("id -a --text x 9", true, rest), 0);
	CHECK_STR(rest, "id|9");
	CHECK(v.a);
	CHECK_STR(v.text, "x");
	CHECK_EQ(parse("-a -- -b id", true, rest), 0);
	CHECK_STR(rest, "-b|id");
	CHECK_EQ(parse("id -- -b", true, rest), 0);
	CHECK_STR(rest, "id|-b");
	CHECK_EQ(parse("- id", false, rest), 0);
	CHECK_STR(rest, "-|id");
	CHECK_EQ(parse("", false, rest), 0);
	CHECK_STR(rest, "");
}

TEST(refused)
{
	static const char *const cases[][2] = {
		{"--frob", "flag provided but not defined: --frob"},
		{"-frob", "not defined: -frob"},
		{"--frob=1", "not defined: --frob"},
		{"-x", "not defined: -x"},
		{"-ax", "not defined: -ax"},
		{"--text", "flag needs an argument: --text"},
		{"-n x", "--number: \"x\" is not a number"},
		{"-n -1", "\"-1\""},
		{"-n 99999999999", "99999999999"},
		{"--aa=maybe", "\"maybe\" is neither"},
		{"-at x", "not defined: -at"},
	};
	char rest[512];

	setup();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_EQ(parse(cases[i][0], true, rest), -EINVAL);
		if (!strstr(logged(), cases[i][1]))
			TAP_FAIL("%s: %s", cases[i][0], logged());
	}
}

TEST(signals)
{
	CHECK_EQ(signal_by_name("9"), 9);
	CHECK_EQ(signal_by_name("KILL"), 9);
	CHECK_EQ(signal_by_name("SIGKILL"), 9);
	CHECK_EQ(signal_by_name("sigterm"), 15);
	CHECK_EQ(signal_by_name("hup"), 1);
	CHECK_EQ(signal_by_name("SIGCLD"), 17);
	CHECK_EQ(signal_by_name("RTMIN"), 34);
	CHECK_EQ(signal_by_name("SIGRTMIN+3"), 37);
	CHECK_EQ(signal_by_name("RTMAX-1"), 63);
	CHECK_EQ(signal_by_name("RTMAX+1"), -1);
	CHECK_EQ(signal_by_name("0"), 0);
	CHECK_EQ(signal_by_name("65"), -1);
	CHECK_EQ(signal_by_name("-9"), -1);
	CHECK_EQ(signal_by_name(""), -1);
	CHECK_EQ(signal_by_name("SIG"), -1);
	CHECK_EQ(signal_by_name("NOPE"), -1);
}

TEST(ids)
{
	char longest[1026];

	setup();
	memset(longest, 'a', sizeof(longest));
	longest[1024] = '\0';
	CHECK_EQ(check_id("a"), 0);
	CHECK_EQ(check_id("A_b+c-d.9"), 0);
	CHECK_EQ(check_id("..."), 0);
	CHECK_EQ(check_id(longest), 0);
	longest[1024] = 'a';
	longest[1025] = '\0';
	CHECK_EQ(check_id(longest), -EINVAL);
	CHECK_EQ(check_id(""), -EINVAL);
	CHECK_EQ(check_id("."), -EINVAL);
	CHECK_EQ(check_id(".."), -EINVAL);
	CHECK_EQ(check_id("a/b"), -EINVAL);
	CHECK_EQ(check_id("a b"), -EINVAL);
	CHECK_EQ(check_id("\xc3\xa9"), -EINVAL);
	CHECK(strstr(logged(), "invalid container ID format"));
}

TEST(exit_codes)
{
	CHECK_EQ(exit_code(0), 0);
	CHECK_EQ(exit_code(3 << 8), 3);
	CHECK_EQ(exit_code(9), 137);
	CHECK_EQ(exit_code(11 | 0x80), 139);
}

TEST(listen)
{
	struct str_list env = {NULL, 0};
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setup();
	unsetenv("LISTEN_FDS");
	CHECK_EQ(listen_fds(), 0);
	REQUIRE(dup2(fd, 3) == 3 && dup2(fd, 4) == 4);
	setenv("LISTEN_FDS", "2", 1);
	CHECK_EQ(listen_fds(), 2);
	setenv("LISTEN_FDS", "2x", 1);
	CHECK_EQ(listen_fds(), 0);
	setenv("LISTEN_FDS", "4000", 1);
	CHECK_EQ(listen_fds(), 0);
	CHECK_EQ(str_list_add(&env, "A=1"), 0);
	CHECK_EQ(str_list_add(&env, "LISTEN_FDS=9"), 0);
	CHECK_EQ(str_list_add(&env, "B=2"), 0);
	CHECK_EQ(add_listen_env(&env, 2), 0);
	CHECK_EQ(env.n, 4);
	CHECK_STR(env.v[1], "B=2");
	CHECK_STR(env.v[2], "LISTEN_FDS=2");
	CHECK_STR(env.v[3], "LISTEN_PID=1");
	CHECK_EQ(check_preserved(2), 0);
	CHECK_EQ(check_preserved(4000), -EBADF);
	str_list_free(&env);
}

TAP_MAIN()
