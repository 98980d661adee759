/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec: a further process in a container. In the foreground the caller waits; detached, a small status process is left
 * behind that ends as the command ends, for conmon and shims to wait on.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "base/log.h"
#include "sandbox/console.h"
#include "sandbox/request.h"
#include "sandbox/state.h"

/* Ends like the command: by its code, or by its signal. */
static _Noreturn void end_as(int status)
{
	const struct rlimit none = {0, 0};
	int sig = WTERMSIG(status);
	sigset_t set;

	if (!WIFSIGNALED(status))
		_exit(WEXITSTATUS(status));
	setrlimit(RLIMIT_CORE, &none);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	_exit(128 + sig);
}

static _Noreturn void status_process(int fd, const struct exec_opts *o)
{
	int status;

	setsid();
	prctl(PR_SET_NAME, "nacre-status");
	if (fd != 3) {
		dup2(fd, 3);
		fd = 3;
	}
	syscall(SYS_close_range, 4U, ~0U, 0);
	syscall(SYS_close_range, 0U, 2U, 0);
	log_set_stderr(false);
	log_setup(-1, LOG_TEXT, LOG_ERROR, "nacre-status");
	if (control_wait(fd, o->id, o->exec_id, &status) < 0)
		_exit(137); /* the sandbox is gone, and the command with it */
	end_as(status);
}

static int start_exec(const struct runtime_opts *r, const struct exec_opts *o, int *ret_fd)
{
	_cleanup_(state_freep) struct state *s = NULL;
	_cleanup_close_ int fd = -1, slave = -1;
	_cleanup_free_ char *dir = NULL;
	int fds[RPC_MAX_FDS], err, pid, tty = o->tty_fd;
	unsigned n = 0;

	err = state_load(r, o->id, &s);
	if (err == -ENOENT)
		log_error("container does not exist: %s", o->id);
	if (err < 0)
		return err;
	if (!proc_alive(&s->gofer) || !s->started) {
		log_error("cannot exec in a container that is not running: %s", o->id);
		return -ESRCH;
	}
	if (s->cgroup && cgroup_is_frozen(s->cgroup) && !o->ignore_paused) {
		log_error("cannot exec in a paused container (use --ignore-paused to override): %s", o->id);
		return -EBUSY;
	}
	if (state_dir(r, s->sandbox_id ? s->sandbox_id : s->id, &dir) < 0)
		return -ENOMEM;
	fd = control_connect(dir);
	if (fd < 0)
		return log_errno(fd, "container %s: its sandbox cannot be reached", o->id);
	if (o->process->terminal && o->console_socket) {
		err = console_socket_slave(o->console_socket, &slave);
		if (err < 0)
			return err;
		tty = slave;
	}
	err = stdio_fds(o->process->terminal, tty, o->preserve_fds, fds, &n);
	if (err < 0)
		return log_errno(err, "--preserve-fds %d", o->preserve_fds);
	err = control_exec(fd, o, fds, n, &pid);
	if (err == 0)
		*ret_fd = TAKE_FD(fd);
	return err;
}

int container_exec(const struct runtime_opts *r, const struct exec_opts *opts, int *ret_status)
{
	struct exec_opts o = *opts;
	_cleanup_close_ int fd = -1;
	char name[32];
	pid_t pid;
	int err;

	if (!o.exec_id) {
		snprintf(name, sizeof(name), "exec-%d", getpid());
		o.exec_id = name;
	}
	err = start_exec(r, &o, &fd);
	if (err < 0)
		return err;
	if (!o.detach) {
		err = pid_file_write(o.pid_file, getpid());
		return err < 0 ? err : control_wait(fd, o.id, o.exec_id, ret_status);
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return log_errno(-errno, "forking the status process");
	if (pid == 0)
		status_process(fd, &o);
	*ret_status = 0;
	return pid_file_write(o.pid_file, pid);
}
