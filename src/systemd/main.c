/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nacre-systemd: asks systemd for a container's cgroups. A program of its own, because it alone needs libsystemd: nacre works on
 * hosts without it. It answers one line a request, on a socket that is its stdin:
 *
 *   hello                            -> ok GROUP          the manager's own control group
 *   start UNIT SLICE [NAME=VALUE]... -> ok GROUP          makes a scope; what it holds at first is a process of ours
 *   attach UNIT PID                  -> ok                moves a process into the scope
 *   stop UNIT                        -> ok                a unit that is gone already, too
 *
 * Failures: "error TEXT". At the end of its input the scopes' first processes end: a scope that holds nothing else goes with
 * them. With --user it talks to the caller's own manager. It reads what nacre writes, and has the caller's rights.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>
#include "base/compiler.h"

#define SERVICE "org.freedesktop.systemd1"
#define PATH	"/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define WORDS_MAX 32
#define HOLDERS_MAX 8
#define JOB_SECONDS 30

static sd_bus *bus;
static pid_t holders[HOLDERS_MAX];
static unsigned n_holders;

static void answer(const char *verdict, const char *text)
{
	printf("%s%s%s\n", verdict, *text ? " " : "", text);
	fflush(stdout);
}

static int fail(int r, const char *what, const sd_bus_error *e)
{
	char text[512];

	snprintf(text, sizeof(text), "%s: %s", what, e && e->message ? e->message : strerror(-r));
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
	answer("error", text);
	return r;
}

/* A process that does nothing, for a scope needs one; it dies with us. */
static pid_t make_holder(void)
{
	pid_t parent = getpid(), pid;

	if (n_holders == HOLDERS_MAX)
		return -E2BIG;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		close(0);
		close(1);
		for (;;)
			pause();
	}
	if (pid > 0)
		holders[n_holders++] = pid;
	return pid < 0 ? -errno : pid;
}

struct job {
	char path[256], result[32];
};

static int job_removed(sd_bus_message *m, void *data, sd_bus_error *e)
{
	const char *path, *unit, *result;
	struct job *job = data;
	uint32_t id;

	(void)e;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 && !strcmp(path, job->path))
		snprintf(job->result, sizeof(job->result), "%s", result);
	return 0;
}

/* Waits for the job that the reply names. Signals that come first stay in the bus's queue until we read them. */
static int await_job(sd_bus_message *reply, struct job *job, const char *what)
{
	const char *path;
	int r = sd_bus_message_read(reply, "o", &path);

	if (r < 0)
		return fail(r, what, NULL);
	snprintf(job->path, sizeof(job->path), "%s", path);
	for (int left = JOB_SECONDS * 10; !*job->result;) {
		r = sd_bus_process(bus, NULL);
		if (r < 0)
			return fail(r, what, NULL);
		if (r > 0)
			continue;
		if (!left--)
			return fail(-ETIMEDOUT, what, NULL);
		r = sd_bus_wait(bus, 100000);
		if (r < 0 && r != -EINTR)
			return fail(r, what, NULL);
	}
	if (strcmp(job->result, "done")) {
		answer("error", job->result);
		return -EIO;
	}
	return 0;
}

static int manager_group(const char **ret)
{
	static char *group;
	sd_bus_error e = SD_BUS_ERROR_NULL;
	int r;

	if (!group) {
		r = sd_bus_get_property_string(bus, SERVICE, PATH, MANAGER, "ControlGroup", &e, &group);
		if (r < 0)
			return fail(r, "systemd's control group", &e);
	}
	*ret = group;
	return 0;
}

/* Properties of type t (numbers), ay (sets of CPUs or nodes, as hexadecimal bytes) or s. */
static int append_property(sd_bus_message *m, char *word)
{
	static const char *const bytes[] = {"AllowedCPUs", "AllowedMemoryNodes"};
	char *value = strchr(word, '=');
	uint8_t set[256];
	size_t n = 0;

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	if (!strcmp(word, "Description"))
		return sd_bus_message_append(m, "(sv)", word, "s", value);
	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
		int r;

		if (strcmp(word, bytes[i]))
			continue;
		for (; value[2 * n] && value[2 * n + 1] && n < sizeof(set); n++)
			if (sscanf(value + 2 * n, "%2hhx", &set[n]) != 1)
				return -EINVAL;
		r = sd_bus_message_open_container(m, 'r', "sv");
		if (r >= 0)
			r = sd_bus_message_append(m, "s", word);
		if (r >= 0)
			r = sd_bus_message_open_container(m, 'v', "ay");
		if (r >= 0)
			r = sd_bus_message_append_array(m, 'y', set, n);
		if (r >= 0)
			r = sd_bus_message_close_container(m);
		return r < 0 ? r : sd_bus_message_close_container(m);
	}
	return sd_bus_message_append(m, "(sv)", word, "t", (uint64_t)strtoull(value, NULL, 10));
}

static int append_properties(sd_bus_message *m, const char *slice, pid_t holder, char **words, size_t n)
{
	static const char *const on[] = {"Delegate", "MemoryAccounting", "CPUAccounting", "IOAccounting", "TasksAccounting"};
	int r = sd_bus_message_open_container(m, 'a', "(sv)");

	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)", "Slice", "s", slice, "DefaultDependencies", "b", 0, "CollectMode",
					  "s", "inactive-or-failed", "PIDs", "au", 1, (uint32_t)holder);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(on); i++)
		r = sd_bus_message_append(m, "(sv)", on[i], "b", 1);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = append_property(m, words[i]);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int unit_group(const char *unit, char **ret)
{
	char *path = NULL;
	int r = sd_bus_path_encode(PATH "/unit", unit, &path);

	if (r >= 0)
		r = sd_bus_get_property_string(bus, SERVICE, path, "org.freedesktop.systemd1.Scope", "ControlGroup", NULL, ret);
	free(path);
	return r;
}

static int start(char **words, size_t n)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL, *reply = NULL;
	sd_bus_slot *slot = NULL;
	struct job job = {"", ""};
	char *group = NULL;
	pid_t holder;
	int r;

	if (n < 2)
		return fail(-EINVAL, "start", NULL);
	holder = make_holder();
	if (holder < 0)
		return fail(holder, "start", NULL);
	r = sd_bus_match_signal(bus, &slot, SERVICE, PATH, MANAGER, "JobRemoved", job_removed, &job);
	if (r >= 0)
		r = sd_bus_message_new_method_call(bus, &m, SERVICE, PATH, MANAGER, "StartTransientUnit");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", words[0], "fail");
	if (r >= 0)
		r = append_properties(m, words[1], holder, words + 2, n - 2);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r >= 0)
		r = sd_bus_call(bus, m, 0, &e, &reply);
	r = r < 0 ? fail(r, words[0], &e) : await_job(reply, &job, words[0]);
	if (r == 0) {
		r = unit_group(words[0], &group);
		if (r < 0)
			fail(r, words[0], NULL);
		else
			answer("ok", group);
	}
	free(group);
	sd_bus_error_free(&e);
	sd_bus_message_unref(reply);
	sd_bus_message_unref(m);
	sd_bus_slot_unref(slot);
	return r;
}

static int attach(char **words, size_t n)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	int r;

	if (n != 2)
		return fail(-EINVAL, "attach", NULL);
	r = sd_bus_call_method(bus, SERVICE, PATH, MANAGER, "AttachProcessesToUnit", &e, NULL, "ssau", words[0], "", 1,
			       (uint32_t)strtoul(words[1], NULL, 10));
	if (r < 0)
		r = fail(r, words[0], &e);
	else
		answer("ok", "");
	sd_bus_error_free(&e);
	return r;
}

static int stop(char **words, size_t n)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	sd_bus_slot *slot = NULL;
	struct job job = {"", ""};
	int r;

	if (n != 1)
		return fail(-EINVAL, "stop", NULL);
	r = sd_bus_match_signal(bus, &slot, SERVICE, PATH, MANAGER, "JobRemoved", job_removed, &job);
	if (r >= 0)
		r = sd_bus_call_method(bus, SERVICE, PATH, MANAGER, "StopUnit", &e, &reply, "ss", words[0], "replace");
	if (r < 0 && sd_bus_error_has_name(&e, "org.freedesktop.systemd1.NoSuchUnit"))
		answer("ok", ""), r = 0;
	else if (r < 0)
		fail(r, words[0], &e);
	else if ((r = await_job(reply, &job, words[0])) == 0)
		answer("ok", "");
	sd_bus_error_free(&e);
	sd_bus_message_unref(reply);
	sd_bus_slot_unref(slot);
	return r;
}

static void serve(char *line)
{
	char *words[WORDS_MAX], *save = NULL;
	const char *group;
	size_t n = 0;

	for (char *w = strtok_r(line, " \n", &save); w && n < WORDS_MAX; w = strtok_r(NULL, " \n", &save))
		words[n++] = w;
	if (n == 1 && !strcmp(words[0], "hello")) {
		if (manager_group(&group) == 0)
			answer("ok", group);
	} else if (n && !strcmp(words[0], "start")) {
		(void)start(words + 1, n - 1);
	} else if (n && !strcmp(words[0], "attach")) {
		(void)attach(words + 1, n - 1);
	} else if (n && !strcmp(words[0], "stop")) {
		(void)stop(words + 1, n - 1);
	} else {
		answer("error", "unknown request");
	}
}

int main(int argc, char **argv)
{
	bool user = argc == 2 && !strcmp(argv[1], "--user");
	char *line = NULL;
	size_t cap = 0;
	int r;

	signal(SIGPIPE, SIG_IGN);
	r = user ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus);
	if (r < 0) {
		fail(r, user ? "the user's bus" : "the system's bus", NULL);
		return 1;
	}
	while (getline(&line, &cap, stdin) > 0)
		serve(line);
	for (unsigned i = 0; i < n_holders; i++) {
		kill(holders[i], SIGKILL);
		waitpid(holders[i], NULL, 0);
	}
	free(line);
	sd_bus_flush_close_unref(bus);
	return 0;
}
