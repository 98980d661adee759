/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to the processes of a group: freeze, list, kill. */
#include "oci/cgroup_priv.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include "base/log.h"

#define PATIENCE_MS 10000

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* 1 frozen, 0 not, -1 unknown */
static int v2_frozen(const char *dir)
{
	_cleanup_free_ char *events = cg_read(dir, "cgroup.events");
	const char *p = events ? strstr(events, "frozen ") : NULL;

	return p ? p[7] == '1' : -1;
}

static int freeze_v2(const char *dir, bool freeze)
{
	int64_t deadline = now_ms() + PATIENCE_MS;
	int r = cg_write(dir, "cgroup.freeze", freeze ? "1" : "0");

	for (long ms = 1; r == 0 && v2_frozen(dir) != freeze; ms = MIN(ms * 2, 50)) {
		if (now_ms() > deadline) {
			(void)!cg_write(dir, "cgroup.freeze", "0");
			return -ETIMEDOUT;
		}
		pause_ms(ms);
	}
	return r;
}

static int freeze_v1(const char *dir, bool freeze)
{
	int64_t deadline = now_ms() + PATIENCE_MS;

	for (long ms = 1;; ms = MIN(ms * 2, 50)) {
		_cleanup_free_ char *state = NULL;
		/* FREEZING sticks when a process forks meanwhile: the write is repeated. */
		int r = cg_write(dir, "freezer.state", freeze ? "FROZEN" : "THAWED");

		if (r < 0)
			return r;
		state = cg_read(dir, "freezer.state");
		if (state && !strcmp(state, freeze ? "FROZEN" : "THAWED"))
			return 0;
		if (now_ms() > deadline) {
			(void)!cg_write(dir, "freezer.state", "THAWED");
			return -ETIMEDOUT;
		}
		pause_ms(ms);
	}
}

/* The v1 freezer if there is one, else v2. */
static const struct cg_dir *freezer(const struct cgroup *cg)
{
	struct cgroup *c = (struct cgroup *)cg;

	return cg_find(c, "freezer") ?: cg_find(c, "");
}

int cgroup_freeze(struct cgroup *cg, bool freeze)
{
	const struct cg_dir *d = freezer(cg);
	int r;

	if (!cg->n)
		return log_errno(-ENOTSUP, "%s: without a cgroup", freeze ? "pause" : "resume");
	if (!d)
		return log_errno(-ENOTSUP, "this host has no cgroup freezer");
	r = d->v2 ? freeze_v2(d->path, freeze) : freeze_v1(d->path, freeze);
	return r < 0 ? log_errno(r, "%s %s", freeze ? "freeze" : "thaw", d->path) : 0;
}

bool cgroup_is_frozen(const struct cgroup *cg)
{
	const struct cg_dir *d = freezer(cg);
	_cleanup_free_ char *state = NULL;

	if (!d)
		return false;
	if (d->v2)
		return v2_frozen(d->path) == 1;
	state = cg_read(d->path, "freezer.state");
	return state && !strcmp(state, "FROZEN");
}

/* The hierarchy whose cgroup.procs is read: any, but the ones that hold every process first. */
static const struct cg_dir *census(const struct cgroup *cg)
{
	struct cgroup *c = (struct cgroup *)cg;

	return cg_find(c, "pids") ?: cg_find(c, "memory") ?: cg_find(c, "") ?: cg->n ? &cg->dirs[0] : NULL;
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static int read_pids(const char *dir, pid_t **ret, size_t *ret_n)
{
	_cleanup_free_ char *text = cg_read(dir, "cgroup.procs");
	size_t lines = 1, n = 0;
	pid_t *pids;

	*ret = NULL;
	*ret_n = 0;
	if (!text)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	for (char *p = text; *p; p++)
		lines += *p == '\n';
	pids = calloc(lines, sizeof(*pids));
	if (!pids)
		return -ENOMEM;
	for (char *p = text, *end; *p; p = end) {
		long pid = strtol(p, &end, 10);

		if (end == p)
			break;
		if (pid > 0) /* 0: a process of an outer pid namespace */
			pids[n++] = (pid_t)pid;
		end += strspn(end, "\n");
	}
	qsort(pids, n, sizeof(*pids), by_pid);
	*ret = pids;
	*ret_n = n;
	return 0;
}

int cgroup_pids(const struct cgroup *cg, pid_t **ret, size_t *ret_n)
{
	const struct cg_dir *d = census(cg);
	int r;

	*ret = NULL;
	*ret_n = 0;
	if (!d)
		return 0;
	r = read_pids(d->path, ret, ret_n);
	return r < 0 ? log_errno(r, "%s/cgroup.procs", d->path) : 0;
}

bool cg_is_member(const char *dir, pid_t pid)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n;

	return read_pids(dir, &pids, &n) == 0 && n && bsearch(&pid, pids, n, sizeof(*pids), by_pid);
}

/* One round of SIGKILL; *ret_left: how many were there. A pid is looked up again after its pidfd
 * was opened, so that a number used anew meanwhile is not hit. */
static int kill_round(const char *dir, size_t *ret_left)
{
	_cleanup_free_ pid_t *pids = NULL;
	int r = read_pids(dir, &pids, ret_left);

	for (size_t i = 0; r == 0 && i < *ret_left; i++) {
		_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pids[i], 0u);

		if (fd >= 0 && cg_is_member(dir, pids[i]))
			syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0u);
	}
	return r;
}

static int kill_dir(const char *dir, const char *freezer_v1)
{
	int64_t deadline = now_ms() + PATIENCE_MS;
	size_t left;
	int r;

	for (long ms = 1;; ms = MIN(ms * 2, 50)) {
		_cleanup_free_ pid_t *pids = NULL;

		r = cg_write(dir, "cgroup.kill", "1") == 0 ? read_pids(dir, &pids, &left)
							   : kill_round(dir, &left);
		/* A frozen v1 process dies when it thaws. */
		if (freezer_v1)
			(void)!cg_write(freezer_v1, "freezer.state", "THAWED");
		if (r < 0 || !left)
			return r;
		if (now_ms() > deadline)
			return -ETIMEDOUT;
		pause_ms(ms);
	}
}

int cgroup_kill(struct cgroup *cg, bool runtime)
{
	const struct cg_dir *f = cg_find(cg, "freezer"), *d = census(cg);
	int r = 0, e;

	if (!d)
		return 0;
	if (cg_find(cg, "") && !d->v2 && access(cg_find(cg, "")->path, F_OK) == 0)
		d = cg_find(cg, ""); /* hybrid: cgroup.kill */
	r = kill_dir(d->path, f ? f->path : NULL);
	if (runtime && d->runtime) {
		e = kill_dir(d->runtime, NULL);
		r = r < 0 ? r : e;
	}
	return r < 0 ? log_errno(r, "kill the processes of %s", d->path) : 0;
}

uint64_t cgroup_oom_kills(const struct cgroup *cg)
{
	const struct cg_dir *d = cg_find((struct cgroup *)cg, "memory");
	_cleanup_free_ char *text =
		d ? cg_read(d->path, d->v2 ? "memory.events" : "memory.oom_control") : NULL;
	const char *p = text ? strstr(text, "oom_kill ") : NULL;

	return p ? strtoull(p + 9, NULL, 10) : 0;
}
