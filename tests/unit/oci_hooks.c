/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks: what they get, in which order they run, and what a failing one says. */
#include "../tap.h"

#include <sys/mman.h>
#include <time.h>
#include "base/log.h"
#include "oci/hooks.h"
#include "oci/json.h"

static int log_file = -1;

static char *logged(void)
{
	static char text[8192];
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

/* A hook that is `sh -c SCRIPT`, with one variable. */
static struct oci_hook shell(const char *script, int timeout)
{
	struct oci_hook h = {.path = (char *)"/bin/sh", .timeout = timeout};

	REQUIRE(str_list_add(&h.args, "sh") == 0 && str_list_add(&h.args, "-c") == 0 &&
		str_list_add(&h.args, script) == 0 && str_list_add(&h.env, "OUT=/dev/null") == 0);
	return h;
}

static int run(enum oci_hook_kind kind, struct oci_hook *hooks, size_t n)
{
	struct oci_spec s = {0};

	s.hooks[kind] = hooks;
	s.nhooks[kind] = n;
	return hooks_run(&s, kind, "{\"id\":\"c1\",\"pid\":42}", NULL);
}

static char *slurp(const char *path)
{
	static char text[1024];
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

TEST(order_state_and_environment)
{
	char path[64], script[256];
	struct oci_hook h[2];

	setup();
	snprintf(path, sizeof(path), "/tmp/oci-hooks-%d", getpid());
	snprintf(script, sizeof(script),
		 "cat >> %s; echo \" $OUT ${HOME-none} $(ls /proc/self/fd | wc -l)\" >> %s", path,
		 path);
	h[0] = shell(script, 0);
	snprintf(script, sizeof(script), "echo second >> %s", path);
	h[1] = shell(script, 5);
	setenv("HOME", "/root", 1);
	CHECK_EQ(run(OCI_HOOK_PRESTART, h, 2), 0);
	/* 0, 1, 2 and the directory that ls reads */
	CHECK_STR(slurp(path), "{\"id\":\"c1\",\"pid\":42} /dev/null none 4\nsecond\n");
	unlink(path);
}

TEST(failure_names_all)
{
	struct oci_hook h[3] = {shell("true", 0), shell("echo out; echo err >&2; exit 3", 0),
				shell("exit 9", 0)};

	setup();
	CHECK_EQ(run(OCI_HOOK_CREATE_RUNTIME, h, 3), -ECANCELED);
	CHECK(strstr(logged(), "error running createRuntime hook #1 /bin/sh: exit status 3, "
			       "stdout: out\n, stderr: err"));
	CHECK(!strstr(logged(), "#2"));
}

TEST(signal_and_missing)
{
	struct oci_hook h = shell("kill -9 $$", 0), missing = {.path = (char *)"/no/such/hook"};

	setup();
	CHECK_EQ(run(OCI_HOOK_POSTSTART, &h, 1), -ECANCELED);
	CHECK(strstr(logged(), "poststart hook #0 /bin/sh: signal 9"));
	CHECK_EQ(run(OCI_HOOK_START_CONTAINER, &missing, 1), -ENOENT);
	CHECK(strstr(logged(), "startContainer hook #0 /no/such/hook: No such file or directory"));
}

TEST(timeout_kills_the_group)
{
	struct oci_hook h = shell("sleep 30 & sleep 30", 1);
	time_t begin = time(NULL);

	setup();
	CHECK_EQ(run(OCI_HOOK_CREATE_CONTAINER, &h, 1), -ECANCELED);
	CHECK(strstr(logged(), "timed out after 1 s"));
	CHECK_OP(time(NULL) - begin, <, 5);
}

TEST(background_child_is_not_awaited)
{
	struct oci_hook h = shell("sleep 8 & exit 0", 0);
	time_t begin = time(NULL);

	setup();
	CHECK_EQ(run(OCI_HOOK_PRESTART, &h, 1), 0);
	CHECK_OP(time(NULL) - begin, <, 5);
}

TEST(much_output)
{
	struct oci_hook h = shell(
		"head -c 1000000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero >&2; exit 1", 0);

	setup();
	CHECK_EQ(run(OCI_HOOK_PRESTART, &h, 1), -ECANCELED);
	CHECK(strstr(logged(), "stdout: xxxxxxx"));
}

TEST(poststop_goes_on)
{
	char path[64], script[128];
	struct oci_hook h[2];

	setup();
	snprintf(path, sizeof(path), "/tmp/oci-hooks-%d", getpid());
	snprintf(script, sizeof(script), "echo ran > %s", path);
	h[0] = shell("exit 1", 0);
	h[1] = shell(script, 0);
	CHECK_EQ(run(OCI_HOOK_POSTSTOP, h, 2), 0);
	CHECK(strstr(logged(), "warning: error running poststop hook #0"));
	CHECK_STR(slurp(path), "ran\n");
	unlink(path);
}

TEST(state_document)
{
	struct oci_kv kv = {(char *)"a/b", (char *)"1"};
	struct oci_spec s = {.oci_version = (char *)"1.1.0", .annotations = &kv, .nannotations = 1};
	struct oci_state st = {
		.id = "c1", .bundle = "/b", .status = "created", .pid = 7, .spec = &s};
	char *text = oci_state_json(&st, false);

	CHECK_STR(text, "{\"ociVersion\":\"1.1.0\",\"id\":\"c1\",\"pid\":7,\"status\":\"created\","
			"\"bundle\":\"/b\","
			"\"annotations\":{\"a/b\":\"1\"}}");
	free(text);
	st.pid = 0;
	text = oci_state_json(&st, false);
	CHECK(!strstr(text, "pid"));
	free(text);
}

TAP_MAIN()
