/* SPDX-License-Identifier: Apache-2.0 */
/* The server on the control socket: one thread for each connection, a table of methods. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/log.h"
#include "kernel/control/control.h"
#include "kernel/mm/mm.h"
#include "platform/platform.h"

#define SERVICE "nacre.sandbox.v1.Sandbox"
#define CONNECTIONS_MAX 64
#define STACK_SIZE (256 << 10)

#define MSG(name) nacre__sandbox__v1__##name

static int pack(const ProtobufCMessage *m, struct rpc_buf *reply)
{
	reply->len = protobuf_c_message_get_packed_size(m);
	reply->data = malloc(reply->len + 1);
	if (!reply->data)
		return RPC_INTERNAL;
	protobuf_c_message_pack(m, reply->data);
	return 0;
}

static int refuse(int code, char **message, const char *text, const char *id)
{
	if (asprintf(message, "%s: %s", text, id) < 0)
		*message = NULL;
	return code;
}

/* Errors of looking the program up keep their kind: 127 and 126 hang on it. */
static int code_of(int err, char **message)
{
	if (!*message)
		*message = strdup(strerror(-err));
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
		return RPC_NOT_FOUND;
	case -EACCES:
	case -ENOEXEC:
	case -ELIBBAD:
		return RPC_FAILED_PRECONDITION;
	case -EEXIST:
		return RPC_ALREADY_EXISTS;
	case -EINVAL:
	case -EBADF:
		return RPC_INVALID_ARGUMENT;
	default:
		return RPC_INTERNAL;
	}
}

static int do_create(const struct rpc_request *req, struct rpc_buf *reply, char **message)
{
	Nacre__Sandbox__V1__CreateContainerResponse resp = NACRE__SANDBOX__V1__CREATE_CONTAINER_RESPONSE__INIT;
	Nacre__Sandbox__V1__CreateContainerRequest *q =
		MSG(create_container_request__unpack)(NULL, req->len, req->payload);
	int r, pidfd = -1;

	if (!q)
		return RPC_INVALID_ARGUMENT;
	r = q->fd_count == req->fds->nfds ? box_create(q, req->fds, &pidfd, message) : -EBADF;
	MSG(create_container_request__free_unpacked)(q, NULL);
	if (r < 0)
		return code_of(r, message);
	resp.fd_count = 1;
	reply->fds[0] = pidfd;
	reply->nfds = 1;
	return pack(&resp.base, reply);
}

/* The process (id, exec_id), + reference; NULL with code and message set. */
static struct process *find(const char *id, const char *exec_id, int *code, char **message)
{
	struct process *p = NULL;
	struct box *b;

	mutex_lock(&control_lock);
	b = box_find(id);
	if (b)
		p = box_process(b, exec_id);
	mutex_unlock(&control_lock);
	if (!p)
		*code = refuse(RPC_NOT_FOUND, message, b ? "no such process" : "container does not exist",
			       b ? exec_id : id);
	return p;
}

static int do_start(const struct rpc_request *req, struct rpc_buf *reply, char **message)
{
	Nacre__Sandbox__V1__ContainerRequest *q = MSG(container_request__unpack)(NULL, req->len, req->payload);
	int code = RPC_INVALID_ARGUMENT;
	struct box *b;

	(void)reply;
	if (!q)
		return code;
	mutex_lock(&control_lock);
	b = box_find(q->id);
	if (!b) {
		code = refuse(RPC_NOT_FOUND, message, "container does not exist", q->id);
	} else if (b->started) {
		code = refuse(RPC_FAILED_PRECONDITION, message, "container was started already", q->id);
	} else {
		b->started = true;
		process_go(b->init);
		code = 0;
	}
	mutex_unlock(&control_lock);
	MSG(container_request__free_unpacked)(q, NULL);
	return code;
}

static int do_delete(const struct rpc_request *req, struct rpc_buf *reply, char **message)
{
	Nacre__Sandbox__V1__ContainerRequest *q = MSG(container_request__unpack)(NULL, req->len, req->payload);
	struct box *b;
	int code = 0;

	(void)reply;
	if (!q)
		return RPC_INVALID_ARGUMENT;
	mutex_lock(&control_lock);
	b = box_find(q->id);
	if (b)
		list_del(&b->node);
	mutex_unlock(&control_lock);
	if (b)
		box_delete(b);
	else
		code = refuse(RPC_NOT_FOUND, message, "container does not exist", q->id);
	MSG(container_request__free_unpacked)(q, NULL);
	return code;
}

static int do_exec_process(const struct rpc_request *req, struct rpc_buf *reply, char **message)
{
	Nacre__Sandbox__V1__ExecRequest *q = MSG(exec_request__unpack)(NULL, req->len, req->payload);
	Nacre__Sandbox__V1__ExecResponse resp = NACRE__SANDBOX__V1__EXEC_RESPONSE__INIT;
	struct process *p, *old = NULL;
	struct box *b;
	int r;

	if (!q)
		return RPC_INVALID_ARGUMENT;
	mutex_lock(&control_lock);
	b = box_find(q->id);
	if (b)
		old = box_process(b, q->exec_id);
	mutex_unlock(&control_lock);
	if (old)
		process_put(old);
	/* Before the start, too: hooks. Whether a command may run is the command line's to say. */
	if (!b || old || !*q->exec_id || q->fd_count != req->fds->nfds) {
		r = refuse(RPC_FAILED_PRECONDITION, message,
			   old ? "exec id is in use" : "container is not running", q->id);
		MSG(exec_request__free_unpacked)(q, NULL);
		return r;
	}
	r = process_create(b, q->process, q->exec_id, false, req->fds, &p, message);
	if (r == 0) {
		resp.pid = (uint32_t)pid_nr_ns(p->task->tgid_pid, b->ct.pid_ns);
		mutex_lock(&control_lock);
		list_add_tail(&p->node, &b->processes);
		mutex_unlock(&control_lock);
		process_go(p);
	}
	MSG(exec_request__free_unpacked)(q, NULL);
	return r < 0 ? code_of(r, message) : pack(&resp.base, reply);
}

/* Every process of a pid namespace but none outside. */
static int signal_all(struct box *b, int sig)
{
	int nr = 1, sent = 0;

	for (;;) {
		_cleanup_(task_putp) struct task *t = task_next_get(b->ct.pid_ns, &nr);

		if (!t)
			return sent;
		sent += send_signal_group(t->tg, sig, NULL) == 0;
		nr++;
	}
}

static int do_signal(const struct rpc_request *req, struct rpc_buf *reply, char **message)
{
	Nacre__Sandbox__V1__SignalRequest *q = MSG(signal_request__unpack)(NULL, req->len, req->payload);
	int code = RPC_INVALID_ARGUMENT;
	struct process *p;

	(void)reply;
	if (!q)
		return code;
	p = q->signal <= 64 ? find(q->id, q->exec_id, &code, message) : NULL;
	if (p) {
		code = 0;
		if (__atomic_load_n(&p->exited, __ATOMIC_SEQ_CST))
			code = refuse(RPC_FAILED_PRECONDITION, message, "process already finished", q->id);
		else if (q->all)
			signal_all(p->ct->priv, (int)q->signal);
		else if (q->signal == SIGKILL)
			kill_group(p->task->tg);
		else if (q->signal)
			(void)!send_signal_group(p->task->tg, (int)q->signal, NULL);
		process_put(p);
	}
	MSG(signal_request__free_unpacked)(q, NULL);
	return code;
}

static int do_wait(const struct rpc_request *req, struct rpc_buf *reply, char **message)
{
	Nacre__Sandbox__V1__WaitRequest *q = MSG(wait_request__unpack)(NULL, req->len, req->payload);
	Nacre__Sandbox__V1__WaitResponse resp = NACRE__SANDBOX__V1__WAIT_RESPONSE__INIT;
	int code = RPC_INVALID_ARGUMENT;
	struct process *p;

	if (!q)
		return code;
	p = find(q->id, q->exec_id, &code, message);
	MSG(wait_request__free_unpacked)(q, NULL);
	if (!p)
		return code;
	resp.status = (uint32_t)process_wait(p);
	if (!p->init) { /* an exec session is forgotten once its end is known */
		mutex_lock(&control_lock);
		if (!list_empty(&p->node)) {
			list_del(&p->node);
			process_put(p);
		}
		mutex_unlock(&control_lock);
	}
	process_put(p);
	return pack(&resp.base, reply);
}

static int do_state(const struct rpc_request *req, struct rpc_buf *reply, char **message)
{
	Nacre__Sandbox__V1__ContainerRequest *q = MSG(container_request__unpack)(NULL, req->len, req->payload);
	Nacre__Sandbox__V1__StateResponse resp = NACRE__SANDBOX__V1__STATE_RESPONSE__INIT;
	int code = RPC_INVALID_ARGUMENT;
	struct process *p;

	if (!q)
		return code;
	p = find(q->id, "", &code, message);
	MSG(container_request__free_unpacked)(q, NULL);
	if (!p)
		return code;
	resp.status = __atomic_load_n(&p->exited, __ATOMIC_SEQ_CST)
			      ? NACRE__SANDBOX__V1__STATE_RESPONSE__STATUS__STOPPED
		      : __atomic_load_n(&p->go, __ATOMIC_SEQ_CST)
			      ? NACRE__SANDBOX__V1__STATE_RESPONSE__STATUS__RUNNING
			      : NACRE__SANDBOX__V1__STATE_RESPONSE__STATUS__CREATED;
	resp.pid = 1;
	resp.exit_status = (uint32_t)p->status;
	process_put(p);
	return pack(&resp.base, reply);
}

static void fill_info(struct task *t, struct box *b, Nacre__Sandbox__V1__ProcessInfo *i)
{
	char line[512] = "";
	struct mm *mm = NULL;
	size_t n = 0;

	MSG(process_info__init)(i);
	i->pid = (uint32_t)pid_nr_ns(t->tgid_pid, b->ct.pid_ns);
	mutex_lock(&tasklist_lock);
	if (t->tg->parent && t->tg->parent->leader)
		i->ppid = (uint32_t)pid_nr_ns(t->tg->parent->leader->tgid_pid, b->ct.pid_ns);
	mutex_unlock(&tasklist_lock);
	mutex_lock(&t->lock);
	i->uid = t->cred->euid.v;
	if (t->mm)
		mm = mm_get(t->mm);
	snprintf(line, sizeof(line), "[%s]", t->comm);
	mutex_unlock(&t->lock);
	if (mm) {
		char args[sizeof(line)];

		n = pt_as_read(mm->as, args, uaddr(mm->arg_start),
			       MIN(mm->arg_end - mm->arg_start, sizeof(args) - 1));
		if (n) {
			for (size_t k = 0; k + 1 < n; k++)
				if (!args[k])
					args[k] = ' ';
			args[n] = 0;
			memcpy(line, args, n + 1);
		}
		i->host_pid = (uint32_t)pt_as_host_pid(mm->as);
		mm_put(mm);
	}
	i->command = strdup(line);
}

static int do_pids(const struct rpc_request *req, struct rpc_buf *reply, char **message)
{
	Nacre__Sandbox__V1__ContainerRequest *q = MSG(container_request__unpack)(NULL, req->len, req->payload);
	Nacre__Sandbox__V1__PidsResponse *resp;
	int code, nr = 1;
	struct box *b;

	if (!q)
		return RPC_INVALID_ARGUMENT;
	mutex_lock(&control_lock);
	b = box_find(q->id);
	mutex_unlock(&control_lock);
	if (!b) {
		code = refuse(RPC_NOT_FOUND, message, "container does not exist", q->id);
		MSG(container_request__free_unpacked)(q, NULL);
		return code;
	}
	MSG(container_request__free_unpacked)(q, NULL);
	resp = calloc(1, sizeof(*resp));
	if (!resp)
		return RPC_INTERNAL;
	MSG(pids_response__init)(resp);
	for (;;) {
		_cleanup_(task_putp) struct task *t = task_next_get(b->ct.pid_ns, &nr);
		Nacre__Sandbox__V1__ProcessInfo **v, *i;

		if (!t)
			break;
		v = realloc(resp->processes, (resp->n_processes + 1) * sizeof(*v));
		i = malloc(sizeof(*i));
		if (v)
			resp->processes = v;
		if (!v || !i) {
			free(i);
			break;
		}
		fill_info(t, b, i);
		v[resp->n_processes++] = i;
		nr++;
	}
	code = pack(&resp->base, reply);
	MSG(pids_response__free_unpacked)(resp, NULL);
	return code;
}

static int do_resize(const struct rpc_request *req, struct rpc_buf *reply, char **message)
{
	Nacre__Sandbox__V1__ResizeRequest *q = MSG(resize_request__unpack)(NULL, req->len, req->payload);
	int code = RPC_INVALID_ARGUMENT;
	struct process *p;

	(void)reply;
	if (!q)
		return code;
	p = find(q->id, q->exec_id, &code, message);
	if (p) {
		code = 0;
		if (p->tty)
			tty_resize(p->tty, q->rows, q->columns);
		else
			code = refuse(RPC_FAILED_PRECONDITION, message, "process has no terminal", q->id);
		process_put(p);
	}
	MSG(resize_request__free_unpacked)(q, NULL);
	return code;
}

static int do_stats(const struct rpc_request *req, struct rpc_buf *reply, char **message)
{
	Nacre__Sandbox__V1__ContainerRequest *q = MSG(container_request__unpack)(NULL, req->len, req->payload);
	Nacre__Sandbox__V1__StatsResponse resp = NACRE__SANDBOX__V1__STATS_RESPONSE__INIT;
	struct box *b;
	int code;

	if (!q)
		return RPC_INVALID_ARGUMENT;
	mutex_lock(&control_lock);
	b = box_find(q->id);
	if (b) {
		resp.kernel_bytes = __atomic_load_n(&b->ct.mem_bytes, __ATOMIC_RELAXED);
		resp.tasks = (uint32_t)__atomic_load_n(&b->ct.pids, __ATOMIC_RELAXED);
		resp.pids_limit = (uint32_t)__atomic_load_n(&b->ct.pids_max, __ATOMIC_RELAXED);
	}
	mutex_unlock(&control_lock);
	code = b ? pack(&resp.base, reply) : refuse(RPC_NOT_FOUND, message, "container does not exist", q->id);
	MSG(container_request__free_unpacked)(q, NULL);
	return code;
}

static int do_update(const struct rpc_request *req, struct rpc_buf *reply, char **message)
{
	Nacre__Sandbox__V1__UpdateRequest *q = MSG(update_request__unpack)(NULL, req->len, req->payload);
	struct box *b;
	int code;

	(void)reply;
	if (!q)
		return RPC_INVALID_ARGUMENT;
	mutex_lock(&control_lock);
	b = box_find(q->id);
	if (b && q->set_memory)
		__atomic_store_n(&b->ct.mem_max, q->memory_limit, __ATOMIC_RELAXED);
	if (b && q->set_pids)
		__atomic_store_n(&b->ct.pids_max, (int)MIN(q->pids_limit, (uint32_t)INT32_MAX), __ATOMIC_RELAXED);
	mutex_unlock(&control_lock);
	code = b ? RPC_OK : refuse(RPC_NOT_FOUND, message, "container does not exist", q->id);
	MSG(update_request__free_unpacked)(q, NULL);
	return code;
}

static int do_shutdown(const struct rpc_request *req, struct rpc_buf *reply, char **message)
{
	(void)req;
	(void)reply;
	(void)message;
	_exit(0); /* process 1: its pid namespace ends with it */
}

static const struct {
	const char *name;
	int (*fn)(const struct rpc_request *req, struct rpc_buf *reply, char **message);
} methods[] = {
	{"CreateContainer", do_create}, {"StartContainer", do_start}, {"DeleteContainer", do_delete},
	{"Exec", do_exec_process},	{"Signal", do_signal},	      {"Wait", do_wait},
	{"State", do_state},		{"Pids", do_pids},	      {"Resize", do_resize},
	{"Stats", do_stats},		{"Update", do_update},	      {"Shutdown", do_shutdown},
};

static int handle(void *ctx, const struct rpc_request *req, struct rpc_buf *reply, char **message)
{
	(void)ctx;
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (!strcmp(req->service, SERVICE) && !strcmp(req->method, methods[i].name))
			return methods[i].fn(req, reply, message);
	return refuse(RPC_UNIMPLEMENTED, message, "unknown method", req->method);
}

static int connections; /* atomic */

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;

	rpc_serve(fd, handle, NULL);
	close(fd);
	__atomic_fetch_sub(&connections, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

void control_serve(int listen_fd)
{
	pthread_attr_t attr;
	pthread_t th;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno != EINTR && errno != ECONNABORTED)
				log_errno(-errno, "control socket");
			if (errno == EBADF || errno == EINVAL)
				_exit(1);
			continue;
		}
		if (__atomic_add_fetch(&connections, 1, __ATOMIC_SEQ_CST) > CONNECTIONS_MAX ||
		    pthread_create(&th, &attr, serve, (void *)(intptr_t)fd) != 0) {
			log_error("control socket: too many connections");
			__atomic_fetch_sub(&connections, 1, __ATOMIC_SEQ_CST);
			close(fd);
		}
	}
}
