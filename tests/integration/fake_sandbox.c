/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox library for tests of the command line: writes every call with its arguments to the file
 * FAKE_CALLS, one line each. FAKE_FAIL=CALL makes that call fail, FAKE_STATUS is the wait status,
 * FAKE_BUNDLE the bundle of the one container there is. FAKE_TTY=1: the "container" talks through
 * its terminal. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/log.h"
#include "sandbox/sandbox.h"

static int tty = -1;

static int call(const char *name, const char *fmt, ...) __printf(2, 3);
static int call(const char *name, const char *fmt, ...)
{
	const char *path = getenv("FAKE_CALLS"), *fail = getenv("FAKE_FAIL");
	FILE *f = path ? fopen(path, "ae") : NULL;
	va_list ap;

	if (f) {
		fprintf(f, "%s ", name);
		va_start(ap, fmt);
		vfprintf(f, fmt, ap);
		va_end(ap);
		fprintf(f, "\n");
		fclose(f);
	}
	if (fail && !strcmp(fail, name)) {
		log_error("fake: %s fails", name);
		return -EIO;
	}
	return 0;
}

static const char *text(const char *s)
{
	return s ?: "-";
}

static void join(char *out, size_t cap, const struct str_list *l)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < l->n && n < cap; i++)
		n += (size_t)snprintf(out + n, cap - n, "%s%s", i ? "|" : "", l->v[i]);
}

static void show_process(const char *name, const struct oci_process *p)
{
	char args[4096], env[4096];

	join(args, sizeof(args), &p->args);
	join(env, sizeof(env), &p->env);
	(void)!call(name,
		    "args=%s cwd=%s uid=%u gid=%u groups=%zu terminal=%d caps=%llx nnp=%d env=%s",
		    args, p->cwd, p->uid, p->gid, p->ngroups, p->terminal,
		    (unsigned long long)p->caps.effective, p->no_new_privs, env);
}

int container_create(const struct runtime_opts *r, const struct create_opts *o,
		     const struct oci_spec *spec)
{
	int e = call(
		"create",
		"id=%s bundle=%s pidfile=%s console=%s preserve=%d nopivot=%d nokeyring=%d fg=%d "
		"tty=%d size=%ux%u",
		o->id, o->bundle, text(o->pid_file), text(o->console_socket), o->preserve_fds,
		o->no_pivot, o->no_new_keyring, o->foreground, o->tty_fd >= 0, o->rows, o->columns);

	(void)!call("runtime",
		    "root=%s platform=%s network=%s overlay=%s strace=%s debug=%d manager=%s",
		    r->root, r->platform, text(r->network), r->overlay,
		    r->strace ? *r->strace ? r->strace : "all" : "-", r->debug, r->cgroup_manager);
	show_process("process", &spec->process);
	(void)!call("root", "%s readonly=%d", spec->rootfs, spec->root_readonly);
	for (size_t i = 0; i < spec->nmounts; i++)
		(void)!call("mount", "%s %s %s %lx %s", spec->mounts[i].destination,
			    text(spec->mounts[i].type), text(spec->mounts[i].source),
			    spec->mounts[i].flags, text(spec->mounts[i].data));
	if (o->tty_fd >= 0)
		tty = dup(o->tty_fd);
	if (e < 0 && o->ret_program_error)
		*o->ret_program_error =
			getenv("FAKE_PROGRAM_ERROR") ? atoi(getenv("FAKE_PROGRAM_ERROR")) : 0;
	return e;
}

int container_start(const struct runtime_opts *r, const char *id)
{
	return call("start", "id=%s", id);
}

int container_signal(const struct runtime_opts *r, const char *id, int sig, bool all)
{
	return call("signal", "id=%s sig=%d all=%d", id, sig, all);
}

int container_signal_exec(const struct runtime_opts *r, const char *id, const char *exec_id,
			  int sig)
{
	return call("signal_exec", "id=%s sig=%d", id, sig);
}

int container_delete(const struct runtime_opts *r, const char *id, bool force)
{
	return call("delete", "id=%s force=%d", id, force);
}

/* The container's life: an echo of one line through the terminal, or a nap in which signals can
 * come. */
static void live(void)
{
	char line[256];
	ssize_t n;

	if (getenv("FAKE_NAP"))
		usleep((useconds_t)atoi(getenv("FAKE_NAP")) * 1000);
	if (tty < 0)
		return;
	(void)!write(tty, "prompt> ", 8);
	n = getenv("FAKE_READ") ? read(tty, line, sizeof(line)) : 0;
	if (n > 0)
		dprintf(tty, "got %zd bytes: %.*s\r\n", n, (int)n, line);
	close(tty);
	tty = -1;
}

int container_wait(const struct runtime_opts *r, const char *id, int *ret_status)
{
	int e = call("wait", "id=%s", id);

	live();
	*ret_status = getenv("FAKE_STATUS") ? atoi(getenv("FAKE_STATUS")) : 0;
	return e;
}

int container_exec(const struct runtime_opts *r, const struct exec_opts *o, int *ret_status)
{
	int e = call("exec",
		     "id=%s pidfile=%s console=%s preserve=%d detach=%d tty=%d paused=%d",
		     o->id, text(o->pid_file), text(o->console_socket), o->preserve_fds, o->detach,
		     o->tty_fd >= 0, o->ignore_paused);

	show_process("process", o->process);
	if (o->tty_fd >= 0)
		tty = dup(o->tty_fd);
	if (e == 0 && !o->detach)
		live();
	if (e < 0 && o->ret_program_error)
		*o->ret_program_error =
			getenv("FAKE_PROGRAM_ERROR") ? atoi(getenv("FAKE_PROGRAM_ERROR")) : 0;
	*ret_status = getenv("FAKE_STATUS") ? atoi(getenv("FAKE_STATUS")) : 0;
	return e;
}

int container_resize(const struct runtime_opts *r, const char *id, const char *exec_id,
		     unsigned rows, unsigned columns)
{
	return call("resize", "id=%s %ux%u", id, rows, columns);
}

int container_pause(const struct runtime_opts *r, const char *id, bool pause)
{
	return call(pause ? "pause" : "resume", "id=%s", id);
}

int container_state(const struct runtime_opts *r, const char *id, struct container_info **ret)
{
	struct container_info *i;
	const char *bundle = getenv("FAKE_BUNDLE");
	int e = call("state", "id=%s", id);

	if (e < 0 || !bundle) {
		log_error("container does not exist");
		return -ENOENT;
	}
	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	*i = (struct container_info){
		strdup(id), strdup(bundle), strdup("/"), strdup("2026-01-02T03:04:05Z"),
		"running",  4711,	    0,		 strdup("{\"id\": \"x\", \"pid\": 4711}")};
	*ret = i;
	return 0;
}

int container_list(const struct runtime_opts *r, struct container_info ***ret, size_t *ret_n)
{
	int e = call("list", "root=%s", r->root);

	*ret_n = 0;
	*ret = calloc(2, sizeof(**ret));
	if (e < 0 || !*ret || !getenv("FAKE_BUNDLE"))
		return e;
	if (container_state(r, "one", &(*ret)[0]) == 0 &&
	    container_state(r, "two", &(*ret)[1]) == 0)
		*ret_n = 2;
	return 0;
}

void container_info_free(struct container_info *i)
{
	free(i->id);
	free(i->bundle);
	free(i->rootfs);
	free(i->created);
	free(i->state_json);
	free(i);
}

int container_ps(const struct runtime_opts *r, const char *id, struct container_process **ret,
		 size_t *ret_n)
{
	int e = call("ps", "id=%s", id);

	*ret_n = 0;
	if (e < 0)
		return e;
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	**ret = (struct container_process){1, 0, 0, getpid(), strdup("sh\x1b[2J")};
	*ret_n = 1;
	return 0;
}

int container_update(const struct runtime_opts *r, const char *id, struct json_object *resources)
{
	return call("update", "id=%s resources=%s", id, json_object_to_json_string_ext(resources, JSON_C_TO_STRING_PLAIN));
}

struct container_monitor {
	int waits;
};

int container_monitor_open(const struct runtime_opts *r, const char *id, struct container_monitor **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return call("monitor", "id=%s", id);
}

void container_monitor_close(struct container_monitor *m)
{
	free(m);
}

struct json_object *container_monitor_stats(struct container_monitor *m)
{
	return call("stats", "%d", m->waits) < 0 ? NULL : json_object_new_object();
}

int container_monitor_wait(struct container_monitor *m, int64_t ms)
{
	static const enum monitor_event events[] = {MONITOR_OOM, MONITOR_TIMEOUT, MONITOR_END};

	usleep((useconds_t)(ms > 0 ? ms : 0) * 1000);
	return (int)events[m->waits++ % 3];
}
