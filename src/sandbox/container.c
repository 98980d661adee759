/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with a container that exists: start, signal, wait, delete, pause, ps, resize. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include "base/log.h"
#include "oci/hooks.h"
#include "oci/parse.h"
#include "sandbox/kuid.h"
#include "sandbox/request.h"
#include "sandbox/start_hooks.h"
#include "sandbox/state.h"

static int connect_to(const struct runtime_opts *r, const struct state *s)
{
	_cleanup_free_ char *dir = NULL;
	int fd = state_dir(r, s->sandbox_id ? s->sandbox_id : s->id, &dir);

	if (fd == 0)
		fd = control_connect(dir);
	return fd < 0 ? log_errno(fd, "container %s: its sandbox cannot be reached", s->id) : fd;
}

static int run_hooks(const struct runtime_opts *r, const struct state *s, enum oci_hook_kind kind, const char *status)
{
	_cleanup_(oci_spec_freep) struct oci_spec *spec = state_spec(r, s);
	_cleanup_free_ char *text = NULL;

	if (!spec)
		return kind == OCI_HOOK_POSTSTOP ? 0 : -ENOENT;
	text = state_document(s, spec, status);
	return text ? hooks_run(spec, kind, text, spec->bundle) : -ENOMEM;
}

/* After a hook that failed, as runc does: the container is stopped, and there to be deleted. */
static void stop(struct state *s)
{
	if (s->cgroup && cgroup_kill(s->cgroup, false) < 0)
		log_error("container %s: not all of it could be stopped", s->id);
	proc_strike(&s->gofer, 0);
}

static int start_hooks(const struct runtime_opts *r, struct state *s)
{
	_cleanup_(oci_spec_freep) struct oci_spec *spec = state_spec(r, s);
	_cleanup_free_ char *text = NULL, *dir = NULL;
	int err;

	if (!spec)
		return log_errno(-ENOENT, "container %s: its config.json", s->id);
	text = state_document(s, spec, "created");
	if (!text || state_dir(r, s->sandbox_id ? s->sandbox_id : s->id, &dir) < 0)
		return -ENOMEM;
	err = start_hooks_run(spec, dir, s->id, text);
	if (err < 0)
		stop(s);
	return err;
}

int container_start(const struct runtime_opts *r, const char *id)
{
	Nacre__Sandbox__V1__ContainerRequest q = NACRE__SANDBOX__V1__CONTAINER_REQUEST__INIT;
	_cleanup_(state_freep) struct state *s = NULL;
	_cleanup_close_ int fd = -1;
	int err = state_find(r, id, &s);

	if (err < 0)
		return err;
	if (strcmp(state_status(s), "created")) {
		log_error("cannot start a container that is %s: %s", state_status(s), id);
		return -EINVAL;
	}
	err = start_hooks(r, s);
	if (err < 0)
		return err;
	fd = connect_to(r, s);
	if (fd < 0)
		return fd;
	q.id = s->id;
	err = control_call(fd, "StartContainer", &q.base, NULL, 0, NULL, NULL);
	if (err < 0)
		return err;
	s->started = true;
	err = state_save(r, s);
	if (err == 0)
		err = run_hooks(r, s, OCI_HOOK_POSTSTART, "running");
	if (err < 0)
		stop(s);
	return err;
}

static int signal_process(const struct runtime_opts *r, const char *id, const char *exec_id, int sig, bool all)
{
	Nacre__Sandbox__V1__SignalRequest q = NACRE__SANDBOX__V1__SIGNAL_REQUEST__INIT;
	_cleanup_(state_freep) struct state *s = NULL;
	_cleanup_close_ int fd = -1;
	int err = state_find(r, id, &s);
	bool frozen;

	if (err < 0)
		return err;
	if (!s->ready || !proc_alive(&s->gofer)) {
		log_error("container not running: %s", id);
		return -ESRCH;
	}
	fd = connect_to(r, s);
	if (fd < 0)
		return fd;
	q.id = s->id;
	q.exec_id = (char *)(uintptr_t)(exec_id ? exec_id : "");
	q.signal = (uint32_t)sig;
	q.all = all;
	/* What is frozen cannot die, and the gofer could not tell: as runc does, thaw what is already dead. Asked before,
	 * for a v2 group counts as thawed while one of its processes is dying. */
	frozen = sig == SIGKILL && !exec_id && s->cgroup && cgroup_is_frozen(s->cgroup);
	err = control_call(fd, "Signal", &q.base, NULL, 0, NULL, NULL);
	if (err == 0 && frozen)
		err = cgroup_freeze(s->cgroup, false);
	return err;
}

int container_signal(const struct runtime_opts *r, const char *id, int sig, bool all)
{
	return signal_process(r, id, NULL, sig, all);
}

int container_signal_exec(const struct runtime_opts *r, const char *id, const char *exec_id, int sig)
{
	return signal_process(r, id, exec_id, sig, false);
}

/* The gofer ends with the container's status; it is our child when we made the container. */
int container_wait(const struct runtime_opts *r, const char *id, int *ret_status)
{
	_cleanup_(state_freep) struct state *s = NULL;
	_cleanup_close_ int fd = -1;
	int err = state_find(r, id, &s);

	if (err < 0)
		return err;
	while (waitpid(s->gofer.pid, ret_status, 0) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != ECHILD)
			return log_errno(-errno, "waiting for container %s", id);
		fd = connect_to(r, s);
		if (fd < 0)
			return fd;
		return control_wait(fd, s->id, "", ret_status);
	}
	return 0;
}

static int remove_dir(const char *dir)
{
	/* The state last: a delete that was cut short can be begun anew. */
	static const char *const names[] = {"sock", "config.json", "state.json.new", "state.json"};
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (unlinkat(fd, names[i], 0) < 0 && errno != ENOENT)
			return -errno;
	return rmdir(dir) < 0 && errno != ENOENT ? -errno : 0;
}

/* Everything of the container, from any state. After an error the rest is still done, but the state stays. */
static int destroy(const struct runtime_opts *r, struct state *s)
{
	bool last = !s->sandbox_id || !strcmp(s->sandbox_id, s->id);
	_cleanup_free_ char *dir = NULL;
	int err = 0, e;

	if (!s->ready && s->maker.pid != getpid()) {
		e = proc_kill(&s->maker); /* or it would go on making what is removed here */
		if (e < 0)
			err = log_errno(e, "ending the creation of %s", s->id);
	}
	/* Process 1 takes its pid namespace along, at once as a rule; but what is frozen dies only when cgroup_kill thaws it. */
	proc_strike(&s->gofer, 0);
	if (last)
		proc_strike(&s->kernel, 10);
	if (s->cgroup) {
		e = cgroup_kill(s->cgroup, last);
		if (e < 0 && !err)
			err = log_errno(e, "killing the processes of %s", s->id);
	}
	e = proc_kill(&s->gofer);
	if (e < 0 && !err)
		err = log_errno(e, "killing the gofer of %s", s->id);
	e = last ? proc_kill(&s->kernel) : 0;
	if (e < 0 && !err)
		err = log_errno(e, "killing the sandbox of %s", s->id);
	if (s->cgroup) {
		e = cgroup_destroy(s->cgroup);
		if (e < 0 && !err)
			err = log_errno(e, "removing the cgroups of %s", s->id);
	}
	if (err < 0)
		return err; /* what is left can still be found by its state */
	kuid_release(r, s->kuid, s->kernel.pid ? &s->kernel : &s->maker);
	(void)!run_hooks(r, s, OCI_HOOK_POSTSTOP, "stopped");
	if (state_dir(r, s->id, &dir) < 0)
		return -ENOMEM;
	e = remove_dir(dir);
	return e < 0 ? log_errno(e, "removing %s", dir) : 0;
}

int container_delete(const struct runtime_opts *r, const char *id, bool force)
{
	_cleanup_(state_freep) struct state *s = NULL;
	_cleanup_free_ char *dir = NULL;
	int err = state_load(r, id, &s);

	if (err < 0 && force) {
		/* Nothing durable: a directory at most, made before the state was. */
		if (err != -ENOENT && err != -EINVAL)
			return log_errno(err, "%s/%s", r->root, id);
		return state_dir(r, id, &dir) < 0 ? -ENOMEM : remove_dir(dir);
	}
	if (err < 0)
		return state_find(r, id, &s);
	if (!force && strcmp(state_status(s), "stopped")) {
		log_error("cannot delete container %s that is not stopped: %s", id, state_status(s));
		return -EBUSY;
	}
	return destroy(r, s);
}

int container_pause(const struct runtime_opts *r, const char *id, bool pause)
{
	_cleanup_(state_freep) struct state *s = NULL;
	int err = state_find(r, id, &s);

	if (err < 0)
		return err;
	if (!proc_alive(&s->gofer) || !s->cgroup || cgroup_is_frozen(s->cgroup) == pause) {
		log_error("cannot %s container %s: it is %s", pause ? "pause" : "resume", id,
			  !proc_alive(&s->gofer) ? "not running" : pause ? "paused" : "not paused");
		return -EINVAL;
	}
	return cgroup_freeze(s->cgroup, pause);
}

int container_resize(const struct runtime_opts *r, const char *id, const char *exec_id, unsigned rows,
		     unsigned columns)
{
	Nacre__Sandbox__V1__ResizeRequest q = NACRE__SANDBOX__V1__RESIZE_REQUEST__INIT;
	_cleanup_(state_freep) struct state *s = NULL;
	_cleanup_close_ int fd = -1;
	int err = state_find(r, id, &s);

	if (err < 0)
		return err;
	fd = connect_to(r, s);
	if (fd < 0)
		return fd;
	q.id = s->id;
	q.exec_id = (char *)(uintptr_t)(exec_id ? exec_id : "");
	q.rows = rows;
	q.columns = columns;
	return control_call(fd, "Resize", &q.base, NULL, 0, NULL, NULL);
}

int container_ps(const struct runtime_opts *r, const char *id, struct container_process **ret, size_t *ret_n)
{
	Nacre__Sandbox__V1__ContainerRequest q = NACRE__SANDBOX__V1__CONTAINER_REQUEST__INIT;
	_cleanup_(state_freep) struct state *s = NULL;
	Nacre__Sandbox__V1__PidsResponse *resp;
	_cleanup_free_ struct pid_pair *pairs = NULL;
	struct container_process *v;
	_cleanup_close_ int fd = -1;
	struct rpc_buf reply;
	size_t npairs = 0;
	int err = state_find(r, id, &s);

	if (err < 0)
		return err;
	fd = connect_to(r, s);
	if (fd < 0)
		return fd;
	q.id = s->id;
	err = control_call(fd, "Pids", &q.base, NULL, 0, &reply, NULL);
	if (err < 0)
		return err;
	resp = nacre__sandbox__v1__pids_response__unpack(NULL, reply.len, reply.data);
	rpc_buf_done(&reply);
	if (!resp)
		return log_errno(-EPROTO, "the sandbox's list of processes");
	/* The kernel knows its processes by their numbers in the sandbox's pid namespace. */
	err = proc_of_namespace(&s->kernel, &pairs, &npairs);
	if (err < 0) {
		nacre__sandbox__v1__pids_response__free_unpacked(resp, NULL);
		return log_errno(err, "the processes of container %s", id);
	}
	v = calloc(resp->n_processes + 1, sizeof(*v));
	for (size_t i = 0; v && i < resp->n_processes; i++) {
		const Nacre__Sandbox__V1__ProcessInfo *p = resp->processes[i];

		v[i] = (struct container_process){.pid = (int)p->pid, .ppid = (int)p->ppid, .uid = (int)p->uid,
						  .command = strdup(p->command)};
		for (size_t k = 0; k < npairs; k++)
			if (pairs[k].inner == (int)p->host_pid)
				v[i].host_pid = pairs[k].outer;
	}
	*ret_n = resp->n_processes;
	nacre__sandbox__v1__pids_response__free_unpacked(resp, NULL);
	*ret = v;
	return v ? 0 : -ENOMEM;
}
