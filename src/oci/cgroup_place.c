/* SPDX-License-Identifier: Apache-2.0 */
/* How processes come into a group: born inside, by themselves, or moved. */
#include "oci/cgroup_priv.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include "base/log.h"

int cgroup_door_open(struct cgroup *cg, bool runtime, struct cgroup_door *ret)
{
	struct cgroup_door d = {.v2 = -1};
	int r = runtime ? cgroup_make_runtime(cg) : 0;

	for (size_t i = 0; r == 0 && i < cg->n; i++) {
		const char *dir = runtime ? cg->dirs[i].runtime : cg->dirs[i].path;
		_cleanup_free_ char *path = NULL;
		int fd;

		if (!dir)
			continue;
		if (asprintf(&path, "%s%s", dir, cg->dirs[i].v2 ? "" : "/tasks") < 0) {
			r = log_errno(-ENOMEM, "cgroup");
			continue;
		}
		fd = open(path, (cg->dirs[i].v2 ? O_PATH | O_DIRECTORY : O_WRONLY) | O_CLOEXEC);
		if (fd < 0)
			r = log_errno(-errno, "enter cgroup %s", dir);
		else if (cg->dirs[i].v2)
			d.v2 = fd;
		else if (d.n == CGROUP_HIERARCHIES_MAX)
			close(fd), r = log_errno(-E2BIG, "cgroup hierarchies");
		else
			d.tasks[d.n++] = fd;
	}
	if (cg->systemd.used && cg->systemd.user) {
		d.cg = cg;
		d.unit = runtime ? cg->systemd.runtime : cg->systemd.unit;
	}
	if (r < 0)
		cgroup_door_close(&d);
	else
		*ret = d;
	return r;
}

void cgroup_door_close(struct cgroup_door *d)
{
	for (size_t i = 0; i < d->n; i++)
		close(d->tasks[i]);
	if (d->v2 >= 0)
		close(d->v2);
	*d = (struct cgroup_door){.v2 = -1};
}

static int write_self(int fd)
{
	ssize_t n;

	do
		n = write(fd, "0", 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -errno;
}

/* The child: what it was not born into. */
static void pass(const struct cgroup_door *d, bool v2_too)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < d->n; i++)
		r = write_self(d->tasks[i]);
	if (r == 0 && v2_too) {
		_cleanup_close_ int fd = openat(d->v2, "cgroup.procs", O_WRONLY | O_CLOEXEC);

		r = fd < 0 ? -errno : write_self(fd);
	}
	if (r < 0) {
		log_errno(r, "enter cgroup");
		_exit(1);
	}
}

/* The child waits until systemd has moved it. */
static pid_t fork_attached(const struct cgroup_door *d, struct clone_args *a)
{
	int p[2], r = pipe2(p, O_CLOEXEC) < 0 ? -errno : 0;
	long pid;
	char c;

	if (r < 0)
		return r;
	pid = syscall(SYS_clone3, a, sizeof(*a));
	if (pid == 0) {
		close(p[1]);
		if (read(p[0], &c, 1) != 1)
			_exit(1);
		close(p[0]);
		return 0;
	}
	r = pid < 0 ? -errno : 0;
	close(p[0]);
	if (r == 0)
		r = cg_systemd_attach(d->cg, d->unit, (pid_t)pid);
	if (r == 0 && write(p[1], "", 1) != 1)
		r = -errno;
	close(p[1]);
	return r < 0 ? r : (pid_t)pid;
}

pid_t cgroup_door_fork(const struct cgroup_door *d, uint64_t flags)
{
	/* A sibling ends with the signal that we would end with. */
	struct clone_args a = {.flags = flags, .exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD};
	bool born_inside = d->v2 >= 0;
	long pid;

	if (d->unit)
		return fork_attached(d, &a);
	if (born_inside) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = (uint64_t)d->v2;
	}
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (pid < 0 && errno == ENOSYS) { /* a filter around us that cannot look into the structure */
		born_inside = false;
		pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
	}
	if (pid == 0)
		pass(d, d->v2 >= 0 && !born_inside);
	return pid < 0 ? -errno : (pid_t)pid;
}

static int move_pid(const char *dir, pid_t pid)
{
	char text[24];
	int r;

	snprintf(text, sizeof(text), "%d", (int)pid);
	r = cg_write(dir, "cgroup.procs", text);
	/* A process that is being born is refused for a moment. */
	for (int i = 0; r == -EINVAL && i < 5; i++) {
		nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
		r = cg_write(dir, "cgroup.procs", text);
	}
	return r < 0 ? log_errno(r, "cgroup %s: process %d", dir, (int)pid) : 0;
}

int cgroup_add_pid(struct cgroup *cg, pid_t pid)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < cg->n; i++)
		if (!cg_is_member(cg->dirs[i].path, pid))
			r = move_pid(cg->dirs[i].path, pid);
	return r;
}
