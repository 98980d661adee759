/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec: a further process in a container. In the foreground the caller waits; detached, a small status process is left
 * behind that ends as the command ends, for conmon and shims to wait on.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "base/log.h"
#include "confine/rights.h"
#include "confine/status_filter.h"
#include "sandbox/birth.h"
#include "sandbox/console.h"
#include "sandbox/request.h"
#include "sandbox/state.h"

/* Ends like the command: by its code, or by its signal. */
static _Noreturn void end_as(int status)
{
	int sig = WTERMSIG(status);
	sigset_t set;

	if (!WIFSIGNALED(status))
		_exit(WEXITSTATUS(status));
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)!syscall(SYS_pidfd_send_signal, STATUS_SELF_FD, sig, NULL, 0);
	_exit(128 + sig);
}

struct started {
	int fd;	    /* to the sandbox */
	int kernel; /* pidfd of its process 1 */
	uid_t kuid;
};

/* It reads what the sandbox answers, so it has no more rights than the sandbox: its user, its namespaces with the empty
 * root, two descriptors and a filter for what is left to do. */
static int confine_status(const struct started *s)
{
	_cleanup_close_ int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	int r;

	if (self < 0 || dup3(self, STATUS_SELF_FD, O_CLOEXEC) < 0)
		return log_errno(-errno, "status process: pidfd");
	/* The sandbox may have ended meanwhile: then there is no namespace to enter, and no answer either. */
	if (setns(s->kernel, (geteuid() ? CLONE_NEWUSER : 0) | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return errno == ESRCH ? -ESRCH : log_errno(-errno, "status process: namespaces");
	if (s->fd != STATUS_SOCKET_FD && dup3(s->fd, STATUS_SOCKET_FD, O_CLOEXEC) < 0)
		return log_errno(-errno, "status process: descriptors");
	r = rights_become(s->kuid);
	if (r == 0)
		r = rights_drop();
	return r < 0 ? log_errno(r, "status process: rights") : 0;
}

static _Noreturn void status_process(const struct started *s, const struct exec_opts *o)
{
	int status;

	/* The caller's environment may hold secrets. */
	for (char **e = environ; *e; e++)
		explicit_bzero(*e, strlen(*e));
	setsid();
	prctl(PR_SET_NAME, "nacre-status");
	if (confine_status(s) < 0)
		_exit(137);
	syscall(SYS_close_range, STATUS_SELF_FD + 1U, ~0U, 0);
	syscall(SYS_close_range, STATUS_SOCKET_FD + 1U, STATUS_SELF_FD - 1U, 0);
	log_set_stderr(false);
	log_setup(-1, LOG_TEXT, LOG_ERROR, "nacre-status");
	syscall(SYS_close_range, 0U, STATUS_SOCKET_FD - 1U, 0);
	if (status_filter_install() < 0 || control_wait(STATUS_SOCKET_FD, o->id, o->exec_id, &status) < 0)
		_exit(137); /* the sandbox is gone, and the command with it */
	end_as(status);
}

static int start_exec(const struct runtime_opts *r, const struct exec_opts *o, struct started *ret)
{
	_cleanup_(state_freep) struct state *s = NULL;
	_cleanup_close_ int fd = -1, slave = -1;
	_cleanup_free_ char *dir = NULL;
	int fds[RPC_MAX_FDS], err, pid, tty = o->tty_fd;
	unsigned n = 0;

	err = state_find(r, o->id, &s);
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
	if (err < 0)
		return err;
	ret->kuid = s->kuid;
	ret->kernel = o->detach ? proc_open(&s->kernel) : -1;
	if (o->detach && ret->kernel < 0)
		return log_errno(ret->kernel, "the sandbox of %s", o->id);
	ret->fd = TAKE_FD(fd);
	return 0;
}

int container_exec(const struct runtime_opts *r, const struct exec_opts *opts, int *ret_status)
{
	struct exec_opts o = *opts;
	struct started s = {-1, -1, 0};
	char name[32];
	pid_t pid;
	int err;

	if (!o.exec_id) {
		snprintf(name, sizeof(name), "exec-%d", getpid());
		o.exec_id = name;
	}
	err = start_exec(r, &o, &s);
	if (err < 0)
		return err;
	if (!o.detach) {
		err = pid_file_write(o.pid_file, getpid());
		if (err == 0)
			err = control_wait(s.fd, o.id, o.exec_id, ret_status);
	} else {
		fflush(NULL);
		pid = fork();
		if (pid == 0)
			status_process(&s, &o);
		*ret_status = 0;
		err = pid < 0 ? log_errno(-errno, "forking the status process") : pid_file_write(o.pid_file, pid);
		close(s.kernel);
	}
	close(s.fd);
	return err;
}
