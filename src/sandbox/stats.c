/* SPDX-License-Identifier: Apache-2.0 */
/* What a container uses of the host, for `events`. */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "sandbox/request.h"
#include "sandbox/state.h"

#define LOOKS 40
#define LOOK_MS 50

struct container_monitor {
	struct state *s;
	int sandbox; /* to its control socket */
	int gofer;   /* pidfd: the container's end */
	int oom;     /* -1: the host cannot tell */
	uint64_t oom_kills;
	unsigned looks; /* at the count of kills that are still to be taken */
};

void container_monitor_close(struct container_monitor *m)
{
	if (!m)
		return;
	if (m->sandbox >= 0)
		close(m->sandbox);
	if (m->gofer >= 0)
		close(m->gofer);
	if (m->oom >= 0)
		close(m->oom);
	if (m->s)
		state_free(m->s);
	free(m);
}

static int open_parts(struct container_monitor *m, const struct runtime_opts *r, const char *id)
{
	_cleanup_free_ char *dir = NULL;
	int err = state_find(r, id, &m->s);

	if (err < 0)
		return err;
	m->gofer = m->s->ready ? proc_open(&m->s->gofer) : -ESRCH;
	if (m->gofer < 0) {
		log_error("container with id %s is not running", id);
		return -ESRCH;
	}
	if (!m->s->cgroup) {
		log_error("container %s has no cgroup: nothing counts what it uses", id);
		return -ENOTSUP;
	}
	if (state_dir(r, m->s->sandbox_id ? m->s->sandbox_id : m->s->id, &dir) < 0)
		return -ENOMEM;
	m->sandbox = control_connect(dir);
	if (m->sandbox < 0)
		return log_errno(m->sandbox, "container %s: its sandbox cannot be reached", id);
	m->oom_kills = cgroup_oom_kills(m->s->cgroup);
	m->oom = cgroup_oom_watch(m->s->cgroup);
	if (m->oom < 0 && m->oom != -ENOTSUP)
		log_warning("container %s: ends of memory are not told: %s", id, strerror(-m->oom));
	return 0;
}

int container_monitor_open(const struct runtime_opts *r, const char *id, struct container_monitor **ret)
{
	struct container_monitor *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->sandbox = m->gofer = m->oom = -1;
	err = open_parts(m, r, id);
	if (err < 0)
		container_monitor_close(m);
	else
		*ret = m;
	return err;
}

/* The guest's own processes: on the host each is more than one. */
static int guest_pids(struct container_monitor *m, struct json_object *stats)
{
	Nacre__Sandbox__V1__ContainerRequest q = NACRE__SANDBOX__V1__CONTAINER_REQUEST__INIT;
	Nacre__Sandbox__V1__StatsResponse *resp;
	struct json_object *pids = json_object_new_object();
	struct rpc_buf reply;
	int r;

	json_object_object_add(stats, "pids", pids);
	q.id = m->s->id;
	r = control_call(m->sandbox, "Stats", &q.base, NULL, 0, &reply, NULL);
	if (r < 0)
		return r;
	resp = nacre__sandbox__v1__stats_response__unpack(NULL, reply.len, reply.data);
	rpc_buf_done(&reply);
	if (!resp)
		return log_errno(-EPROTO, "Stats");
	if (resp->tasks)
		json_object_object_add(pids, "current", json_object_new_uint64(resp->tasks));
	if (resp->pids_limit)
		json_object_object_add(pids, "limit", json_object_new_uint64(resp->pids_limit));
	nacre__sandbox__v1__stats_response__free_unpacked(resp, NULL);
	return 0;
}

struct json_object *container_monitor_stats(struct container_monitor *m)
{
	struct json_object *stats = cgroup_stats(m->s->cgroup);

	if (stats && guest_pids(m, stats) < 0) {
		json_object_put(stats);
		return NULL;
	}
	return stats;
}

/* Has the OOM killer struck since the last look? */
static bool oom_news(struct container_monitor *m)
{
	uint64_t kills = cgroup_oom_kills(m->s->cgroup);
	bool news = kills > m->oom_kills;

	m->oom_kills = MAX(kills, m->oom_kills);
	return news;
}

int container_monitor_wait(struct container_monitor *m, int64_t ms)
{
	struct pollfd p[2] = {{m->gofer, POLLIN, 0}, {m->oom, POLLIN, 0}};
	char drain[4096];
	int n;

	/* v1 tells that memory is at an end before it counts the kill: some looks are taken afterwards. */
	if (m->looks) {
		m->looks--;
		ms = MIN(ms, (int64_t)LOOK_MS);
	}
	n = poll(p, 2, (int)MIN(ms, (int64_t)INT32_MAX));
	if (n < 0)
		return errno == EINTR ? MONITOR_TIMEOUT : -errno;
	if (m->oom >= 0 && p[1].revents) {
		(void)!read(m->oom, drain, sizeof(drain));
		m->looks = LOOKS;
	}
	if ((m->looks || p[0].revents) && oom_news(m))
		return MONITOR_OOM;
	return p[0].revents ? MONITOR_END : MONITOR_TIMEOUT;
}
