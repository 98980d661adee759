/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/hooks.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include "base/log.h"
#include "oci/json.h"

static const char *const kind_names[OCI_HOOK_MAX] = {
	[OCI_HOOK_PRESTART] = "prestart",
	[OCI_HOOK_CREATE_RUNTIME] = "createRuntime",
	[OCI_HOOK_CREATE_CONTAINER] = "createContainer",
	[OCI_HOOK_START_CONTAINER] = "startContainer",
	[OCI_HOOK_POSTSTART] = "poststart",
	[OCI_HOOK_POSTSTOP] = "poststop",
};

const char *oci_hook_kind_name(enum oci_hook_kind kind)
{
	return kind_names[kind];
}

struct output { /* of one stream; what does not fit is read and dropped */
	int fd;
	char text[1024];
	size_t len;
};

/* The state as a file: a hook may read it whenever it likes, or not at all. */
static int state_file(const char *json)
{
	size_t n = strlen(json);
	int fd = memfd_create("state", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, json, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static __noreturn void hook_child(const struct oci_hook *h, pid_t parent, int in, int out, int err, int report,
				 const char *cwd)
{
	char *const own[] = {h->path, NULL};
	char *const none[] = {NULL};
	sigset_t empty;
	int e;

	/* Nobody would end it after us. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(127);
	if (cwd)
		(void)!chdir(cwd);
	setpgid(0, 0); /* a timeout kills the hook's children too */
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&empty);
	sigprocmask(SIG_SETMASK, &empty, NULL);
	if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(err, 2) >= 0) {
		/* All else is close-on-exec or a descriptor of the container's: neither is the
		 * hook's. */
		syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
		execve(h->path, h->args.n ? h->args.v : own, h->env.n ? h->env.v : none);
	}
	e = errno;
	(void)!write(report, &e, sizeof(e));
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void drain(struct output *o)
{
	char buf[4096];
	ssize_t n = read(o->fd, buf, sizeof(buf));

	if (n <= 0 && !(n < 0 && (errno == EINTR || errno == EAGAIN))) {
		close(o->fd);
		o->fd = -1;
		return;
	}
	for (ssize_t i = 0; i < n && o->len + 1 < sizeof(o->text); i++)
		o->text[o->len++] = buf[i];
}

/* Reads both streams until the hook has ended. A background child that keeps them open is not
 * waited for. Returns the wait status, or -ETIME after the kill. */
static int hook_wait(pid_t pid, int pidfd, int timeout, struct output *out, struct output *err)
{
	int64_t deadline = timeout ? now_ms() + (int64_t)timeout * 1000 : INT64_MAX;
	int status = 0, result = 0;

	for (;;) {
		struct pollfd p[3] = {
			{out->fd, POLLIN, 0}, {err->fd, POLLIN, 0}, {pidfd, POLLIN, 0}};
		int64_t left = deadline == INT64_MAX ? -1 : MAX(deadline - now_ms(), 0);
		int n = poll(p, 3, (int)MIN(left, INT_MAX));

		if (n < 0 && errno != EINTR)
			result = -errno;
		if (n == 0 && left == 0)
			result = -ETIME;
		if (result < 0)
			break;
		if (n <= 0)
			continue;
		if (p[0].revents)
			drain(out);
		if (p[1].revents)
			drain(err);
		if (p[2].revents && !(p[0].revents & POLLIN) && !(p[1].revents & POLLIN))
			break;
	}
	if (result < 0)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return result < 0 ? result : status;
}

/* Starts the hook; *ret_pid. -errno if it cannot be executed. */
static int hook_spawn(const struct oci_hook *h, const char *json, const char *cwd, struct output *out,
		      struct output *err, pid_t *ret_pid)
{
	_cleanup_close_ int in = state_file(json), wout = -1, werr = -1, rexec = -1, wexec = -1;
	int p[2], e = 0;
	pid_t pid, parent;

	if (in < 0)
		return in;
	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	out->fd = p[0];
	wout = p[1];
	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	err->fd = p[0];
	werr = p[1];
	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	rexec = p[0];
	wexec = p[1];
	/* dup2 in the child must not hit one of its own sources */
	if (MIN(MIN(in, wout), MIN(werr, wexec)) < 3)
		return -EBADF;
	parent = getpid();
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		hook_child(h, parent, in, wout, werr, wexec, cwd);
	setpgid(pid, pid);
	close(TAKE_FD(wexec));
	if (read(rexec, &e, sizeof(e)) == sizeof(e)) {
		waitpid(pid, NULL, 0);
		return -e;
	}
	*ret_pid = pid;
	return 0;
}

static void report(enum log_level level, enum oci_hook_kind kind, size_t i,
		   const struct oci_hook *h, const char *what, struct output *out,
		   struct output *err)
{
	out->text[out->len] = err->text[err->len] = '\0';
	log_msg(level, "error running %s hook #%zu %s: %s, stdout: %s, stderr: %s",
		kind_names[kind], i, h->path, what, out->text, err->text);
}

static int hook_run(enum oci_hook_kind kind, size_t i, const struct oci_hook *h, const char *json,
		    const char *cwd)
{
	enum log_level level = kind == OCI_HOOK_POSTSTOP ? LOG_WARNING : LOG_ERROR;
	struct output out = {.fd = -1}, err = {.fd = -1};
	_cleanup_close_ int pidfd = -1;
	char what[128];
	pid_t pid = -1;
	int r = hook_spawn(h, json, cwd, &out, &err, &pid);

	if (r < 0) {
		report(level, kind, i, h, strerror(-r), &out, &err);
	} else {
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0u);
		r = hook_wait(pid, pidfd, h->timeout, &out, &err);
		if (r == -ETIME)
			snprintf(what, sizeof(what), "timed out after %d s", h->timeout);
		else if (r < 0)
			snprintf(what, sizeof(what), "%s", strerror(-r));
		else if (WIFSIGNALED(r))
			snprintf(what, sizeof(what), "signal %d", WTERMSIG(r));
		else
			snprintf(what, sizeof(what), "exit status %d", WEXITSTATUS(r));
		if (r != 0) {
			report(level, kind, i, h, what, &out, &err);
			r = -ECANCELED;
		}
	}
	if (out.fd >= 0)
		close(out.fd);
	if (err.fd >= 0)
		close(err.fd);
	return r;
}

int hooks_run(const struct oci_spec *spec, enum oci_hook_kind kind, const char *state_json,
	      const char *cwd)
{
	for (size_t i = 0; i < spec->nhooks[kind]; i++) {
		int r = hook_run(kind, i, &spec->hooks[kind][i], state_json, cwd);

		if (r < 0 && kind != OCI_HOOK_POSTSTOP)
			return r;
	}
	return 0;
}

static void add_string(struct json_object *o, const char *key, const char *value)
{
	if (value)
		json_object_object_add(o, key, json_object_new_string(value));
}

char *oci_state_json(const struct oci_state *s, bool pretty)
{
	_cleanup_(json_object_putp) struct json_object *o = json_object_new_object();
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
		    (pretty ? JSON_C_TO_STRING_PRETTY : JSON_C_TO_STRING_PLAIN);
	struct json_object *a;
	const char *text;

	if (!o)
		return NULL;
	add_string(o, "ociVersion", s->spec ? s->spec->oci_version : "1.0.2");
	add_string(o, "id", s->id);
	if (s->pid)
		json_object_object_add(o, "pid", json_object_new_int(s->pid));
	else if (pretty) /* as runc prints a stopped one */
		json_object_object_add(o, "pid", json_object_new_int(0));
	add_string(o, "status", s->status);
	add_string(o, "bundle", s->bundle);
	add_string(o, "rootfs", s->rootfs);
	add_string(o, "created", s->created);
	if (s->spec && s->spec->nannotations) {
		a = json_object_new_object();
		for (size_t i = 0; a && i < s->spec->nannotations; i++)
			add_string(a, s->spec->annotations[i].key, s->spec->annotations[i].value);
		json_object_object_add(o, "annotations", a);
	}
	if (s->owner)
		json_object_object_add(o, "owner", json_object_new_string(s->owner));
	text = json_object_to_json_string_ext(o, flags);
	return text ? strdup(text) : NULL;
}
