/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "base/log.h"
#include "oci/parse.h"
#include "oci/seccomp.h"

#define SERVICE "nacre.sandbox.v1.Sandbox"

int control_connect(const char *dir)
{
	_cleanup_close_ int dfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (dfd < 0)
		return -errno;
	/* sun_path is short: reach the socket through the directory's descriptor. */
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/sock", dfd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int control_call(int fd, const char *method, const ProtobufCMessage *req, const int *fds, unsigned nfds,
		 struct rpc_buf *reply, int *ret_program_error)
{
	size_t n = protobuf_c_message_get_packed_size(req);
	_cleanup_free_ uint8_t *buf = malloc(n ? n : 1);
	_cleanup_free_ char *message = NULL;
	struct rpc_buf unused;
	int code, r;

	if (!buf)
		return -ENOMEM;
	protobuf_c_message_pack(req, buf);
	r = rpc_call(fd, SERVICE, method, buf, n, fds, nfds, reply ? reply : &unused, &code, &message);
	if (r == 0 && !reply)
		rpc_buf_done(&unused);
	if (r == -EREMOTEIO) {
		log_error("%s", message);
		if (ret_program_error && code == RPC_NOT_FOUND)
			*ret_program_error = 127;
		else if (ret_program_error && code == RPC_FAILED_PRECONDITION)
			*ret_program_error = 126;
	} else if (r < 0) {
		log_errno(r, "%s: the sandbox does not answer", method);
	}
	return r;
}

int stdio_fds(bool terminal, int tty_fd, int preserve, int *fds, unsigned *n)
{
	if (preserve < 0 || preserve > RPC_MAX_FDS - 8)
		return -E2BIG;
	if (terminal) {
		fds[(*n)++] = tty_fd;
	} else {
		for (int i = 0; i < 3; i++)
			fds[(*n)++] = i;
	}
	for (int i = 0; i < preserve; i++)
		fds[(*n)++] = 3 + i;
	return 0;
}

struct process_parts { /* storage behind a Process message */
	Nacre__Sandbox__V1__Process p;
	Nacre__Sandbox__V1__Capabilities caps;
	Nacre__Sandbox__V1__Stdio stdio;
	Nacre__Sandbox__V1__Rlimit *rlim, **rlims;
	uint32_t fd[RPC_MAX_FDS];
};

static int fill_process(struct process_parts *x, const struct oci_process *p, unsigned rows, unsigned columns,
			unsigned first_fd, unsigned nfds)
{
	nacre__sandbox__v1__process__init(&x->p);
	nacre__sandbox__v1__capabilities__init(&x->caps);
	nacre__sandbox__v1__stdio__init(&x->stdio);
	x->p.args = p->args.v;
	x->p.n_args = p->args.n;
	x->p.env = p->env.v;
	x->p.n_env = p->env.n;
	x->p.cwd = p->cwd;
	x->p.uid = p->uid;
	x->p.gid = p->gid;
	x->p.groups = p->groups;
	x->p.n_groups = p->ngroups;
	x->p.umask = p->umask < 0 ? UINT32_MAX : (uint32_t)p->umask;
	x->p.no_new_privs = p->no_new_privs;
	x->p.oom_score_adj = p->has_oom_score_adj ? p->oom_score_adj : 0;
	x->caps.bounding = p->caps.bounding;
	x->caps.effective = p->caps.effective;
	x->caps.inheritable = p->caps.inheritable;
	x->caps.permitted = p->caps.permitted;
	x->caps.ambient = p->caps.ambient;
	x->p.caps = &x->caps;
	x->rlim = calloc(p->nrlimits + 1, sizeof(*x->rlim));
	x->rlims = calloc(p->nrlimits + 1, sizeof(*x->rlims));
	if (!x->rlim || !x->rlims)
		return -ENOMEM;
	for (size_t i = 0; i < p->nrlimits; i++) {
		nacre__sandbox__v1__rlimit__init(&x->rlim[i]);
		x->rlim[i].type = (uint32_t)p->rlimits[i].type;
		x->rlim[i].soft = p->rlimits[i].soft;
		x->rlim[i].hard = p->rlimits[i].hard;
		x->rlims[i] = &x->rlim[i];
	}
	x->p.rlimits = x->rlims;
	x->p.n_rlimits = p->nrlimits;
	for (unsigned i = first_fd; i < nfds; i++)
		x->fd[i - first_fd] = i;
	x->stdio.fd = x->fd;
	x->stdio.n_fd = nfds - first_fd;
	x->stdio.terminal = p->terminal;
	x->stdio.rows = rows;
	x->stdio.columns = columns;
	x->p.stdio = &x->stdio;
	return 0;
}

static void process_parts_done(struct process_parts *x)
{
	free(x->rlim);
	free(x->rlims);
}

typedef Nacre__Sandbox__V1__Mount Mount;

static int mount_kind(const char *type)
{
	static const struct {
		const char *name;
		int kind;
	} kinds[] = {
		{"proc", NACRE__SANDBOX__V1__MOUNT__KIND__PROC},
		{"tmpfs", NACRE__SANDBOX__V1__MOUNT__KIND__TMPFS},
		{"devpts", NACRE__SANDBOX__V1__MOUNT__KIND__DEVPTS},
		{"sysfs", NACRE__SANDBOX__V1__MOUNT__KIND__SYSFS},
		{"mqueue", NACRE__SANDBOX__V1__MOUNT__KIND__MQUEUE},
		{"cgroup", NACRE__SANDBOX__V1__MOUNT__KIND__CGROUP},
		{"cgroup2", NACRE__SANDBOX__V1__MOUNT__KIND__CGROUP},
		{"devtmpfs", NACRE__SANDBOX__V1__MOUNT__KIND__DEVTMPFS},
	};

	for (size_t i = 0; type && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, type))
			return kinds[i].kind;
	return -1;
}

static int fill_mounts(const struct oci_spec *spec, const struct runtime_opts *r, Mount *m, Mount **list)
{
	unsigned index = 1;

	nacre__sandbox__v1__mount__init(&m[0]);
	list[0] = &m[0];
	m[0].kind = NACRE__SANDBOX__V1__MOUNT__KIND__EXPORT;
	m[0].destination = (char *)(uintptr_t)"/";
	m[0].source = (char *)(uintptr_t)"rootfs";
	m[0].flags = spec->root_readonly ? MS_RDONLY : 0;
	m[0].overlay = r->overlay && !strcmp(r->overlay, "memory") ? NACRE__SANDBOX__V1__MOUNT__OVERLAY__MEMORY
								   : NACRE__SANDBOX__V1__MOUNT__OVERLAY__NONE;
	for (size_t i = 0; i < spec->nmounts; i++) {
		const struct oci_mount *o = &spec->mounts[i];
		Mount *x = &m[i + 1];

		nacre__sandbox__v1__mount__init(x);
		list[i + 1] = x;
		x->destination = o->destination;
		x->flags = o->flags;
		x->data = o->data ? o->data : (char *)(uintptr_t)"";
		x->source = o->source ? o->source : (char *)(uintptr_t)"none";
		x->tmpcopyup = o->tmpcopyup;
		if (o->flags & MS_BIND) {
			x->kind = NACRE__SANDBOX__V1__MOUNT__KIND__EXPORT;
			x->export_index = index++;
			x->cache = NACRE__SANDBOX__V1__MOUNT__CACHE__SHARED;
			x->data = (char *)(uintptr_t)"";
			continue;
		}
		if (mount_kind(o->type) < 0) {
			log_error("mounts[%zu].type: %s: not supported", i, o->type ? o->type : "(none)");
			return -EINVAL;
		}
		x->kind = (unsigned)mount_kind(o->type);
	}
	return 0;
}

int control_wait(int fd, const char *id, const char *exec_id, int *ret_status)
{
	Nacre__Sandbox__V1__WaitRequest q = NACRE__SANDBOX__V1__WAIT_REQUEST__INIT;
	Nacre__Sandbox__V1__WaitResponse *resp;
	struct rpc_buf reply;
	int r;

	q.id = (char *)(uintptr_t)id;
	q.exec_id = (char *)(uintptr_t)exec_id;
	r = control_call(fd, "Wait", &q.base, NULL, 0, &reply, NULL);
	if (r < 0)
		return r;
	resp = nacre__sandbox__v1__wait_response__unpack(NULL, reply.len, reply.data);
	rpc_buf_done(&reply);
	if (!resp)
		return log_errno(-EPROTO, "Wait");
	*ret_status = (int)resp->status;
	nacre__sandbox__v1__wait_response__free_unpacked(resp, NULL);
	return 0;
}

struct container_parts { /* storage behind a CreateContainer message */
	Nacre__Sandbox__V1__Device *dev, **devs;
	char **sysctl;
	size_t nsysctl;
	struct oci_seccomp seccomp;
};

static int fill_container(struct container_parts *x, const struct oci_spec *spec,
			  Nacre__Sandbox__V1__CreateContainerRequest *q)
{
	x->dev = calloc(spec->ndevices + 1, sizeof(*x->dev));
	x->devs = calloc(spec->ndevices + 1, sizeof(*x->devs));
	x->sysctl = calloc(spec->nsysctl + 1, sizeof(*x->sysctl));
	if (!x->dev || !x->devs || !x->sysctl)
		return -ENOMEM;
	for (size_t i = 0; i < spec->ndevices; i++) {
		const struct oci_device *d = &spec->devices[i];
		mode_t type = d->type == 'b' ? S_IFBLK : d->type == 'p' ? S_IFIFO : S_IFCHR;

		nacre__sandbox__v1__device__init(&x->dev[i]);
		x->dev[i].path = d->path;
		x->dev[i].type = type;
		x->dev[i].major = d->type == 'p' ? 0 : (uint32_t)d->major;
		x->dev[i].minor = d->type == 'p' ? 0 : (uint32_t)d->minor;
		x->dev[i].mode = d->mode;
		x->dev[i].uid = d->uid;
		x->dev[i].gid = d->gid;
		x->devs[i] = &x->dev[i];
	}
	q->devices = x->devs;
	q->n_devices = spec->ndevices;
	for (; x->nsysctl < spec->nsysctl; x->nsysctl++)
		if (asprintf(&x->sysctl[x->nsysctl], "%s=%s", spec->sysctl[x->nsysctl].key,
			     spec->sysctl[x->nsysctl].value) < 0)
			return -ENOMEM;
	q->sysctl = x->sysctl;
	q->n_sysctl = x->nsysctl;
	/* The host's limits count host processes and pages; inside, what the guest sees is exact. */
	q->pids_limit = (uint32_t)MIN(oci_resource(spec, "pids", "limit"), (int64_t)INT32_MAX);
	q->memory_limit = (uint64_t)oci_resource(spec, "memory", "limit");
	if (spec->has_seccomp) {
		int r = oci_seccomp_compile(spec, &x->seccomp);

		if (r < 0)
			return r;
		q->seccomp_filter.data = (uint8_t *)x->seccomp.filter;
		q->seccomp_filter.len = x->seccomp.n * 8;
		q->seccomp_flags = x->seccomp.flags;
	}
	return 0;
}

static void container_parts_done(struct container_parts *x)
{
	for (size_t i = 0; i < x->nsysctl; i++)
		free(x->sysctl[i]);
	free(x->sysctl);
	free(x->seccomp.filter);
	free(x->dev);
	free(x->devs);
}

int control_create(int fd, const struct oci_spec *spec, const struct create_opts *o,
		   const struct runtime_opts *r, const int *fds, unsigned nfds, struct rpc_buf *reply)
{
	Nacre__Sandbox__V1__CreateContainerRequest q = NACRE__SANDBOX__V1__CREATE_CONTAINER_REQUEST__INIT;
	_cleanup_free_ Mount *m = calloc(spec->nmounts + 1, sizeof(Mount));
	_cleanup_free_ Mount **list = calloc(spec->nmounts + 1, sizeof(Mount *));
	struct container_parts parts = {0};
	struct process_parts x = {0};
	int err = m && list ? fill_container(&parts, spec, &q) : -ENOMEM;

	if (err == 0)
		err = fill_mounts(spec, r, m, list);
	if (err == 0)
		err = fill_process(&x, &spec->process, o->rows, o->columns, 1, nfds);
	if (err == 0) {
		q.id = (char *)(uintptr_t)o->id;
		q.fd_count = nfds;
		q.gofer_fd = 0;
		q.process = &x.p;
		q.mounts = list;
		q.n_mounts = spec->nmounts + 1;
		q.masked_paths = spec->masked_paths.v;
		q.n_masked_paths = spec->masked_paths.n;
		q.readonly_paths = spec->readonly_paths.v;
		q.n_readonly_paths = spec->readonly_paths.n;
		q.hostname = spec->hostname ? spec->hostname : (char *)(uintptr_t)"";
		q.domainname = spec->domainname ? spec->domainname : (char *)(uintptr_t)"";
		q.root_readonly = spec->root_readonly;
		err = control_call(fd, "CreateContainer", &q.base, fds, nfds, reply, o->ret_program_error);
	}
	process_parts_done(&x);
	container_parts_done(&parts);
	return err;
}

int control_exec(int fd, const struct exec_opts *o, const int *fds, unsigned nfds, int *ret_pid)
{
	Nacre__Sandbox__V1__ExecRequest q = NACRE__SANDBOX__V1__EXEC_REQUEST__INIT;
	Nacre__Sandbox__V1__ExecResponse *resp;
	struct process_parts x = {0};
	struct rpc_buf reply;
	int r = fill_process(&x, o->process, o->rows, o->columns, 0, nfds);

	if (r == 0) {
		q.id = (char *)(uintptr_t)o->id;
		q.exec_id = (char *)(uintptr_t)o->exec_id;
		q.process = &x.p;
		q.fd_count = nfds;
		r = control_call(fd, "Exec", &q.base, fds, nfds, &reply, o->ret_program_error);
	}
	process_parts_done(&x);
	if (r < 0)
		return r;
	resp = nacre__sandbox__v1__exec_response__unpack(NULL, reply.len, reply.data);
	*ret_pid = resp ? (int)resp->pid : 0;
	if (resp)
		nacre__sandbox__v1__exec_response__free_unpacked(resp, NULL);
	rpc_buf_done(&reply);
	return 0;
}
