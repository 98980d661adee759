/* SPDX-License-Identifier: Apache-2.0 */
/* container_create: a table of steps; when one fails everything made so far is removed by the same code that
 * `delete --force` uses, driven by the state file. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include "base/log.h"
#include "oci/hooks.h"
#include "sandbox/birth.h"
#include "sandbox/console.h"
#include "sandbox/kuid.h"
#include "sandbox/request.h"
#include "sandbox/state.h"

struct creation {
	const struct runtime_opts *r;
	const struct create_opts *o;
	const struct oci_spec *spec;
	struct state *s;
	struct birth b;
	char *dir;
	int control, tty;
};

/* The state directory with all above it: engines name places that nobody has made yet. */
static int make_root(const char *root)
{
	_cleanup_free_ char *path = strdup(root);

	if (!path)
		return -ENOMEM;
	for (char *p = path + strspn(path, "/"); *p; p += strspn(p, "/")) {
		char c;

		p += strcspn(p, "/");
		c = *p;
		*p = 0;
		if (mkdir(path, 0711) < 0 && errno != EEXIST)
			return -errno;
		*p = c;
	}
	return 0;
}

/* Said before anything is made: further on it would be some call that is not permitted. */
static int step_rights(struct creation *c)
{
	return userns_plan(c->spec, &c->b.maps);
}

static int step_directory(struct creation *c)
{
	_cleanup_free_ char *config = NULL;
	char when[64];
	struct tm tm;
	time_t now = time(NULL);
	int r = make_root(c->r->root);

	if (r < 0)
		return log_errno(r, "--root %s", c->r->root);
	if (state_dir(c->r, c->o->id, &c->dir) < 0)
		return -ENOMEM;
	if (mkdir(c->dir, 0711) < 0) {
		r = -errno;
		if (r == -EEXIST)
			log_error("container with given ID already exists: %s", c->o->id);
		else
			log_errno(r, "%s", c->dir);
		free(TAKE_PTR(c->dir)); /* not ours to remove */
		return r;
	}
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	c->s = calloc(1, sizeof(*c->s));
	if (!c->s)
		return -ENOMEM;
	c->s->id = strdup(c->o->id);
	c->s->bundle = strdup(c->spec->bundle ? c->spec->bundle : "/");
	c->s->rootfs = strdup(c->spec->rootfs);
	c->s->created = strdup(when);
	c->s->sandbox_id = strdup(c->o->id);
	c->s->owner = geteuid();
	if (proc_id_of(getpid(), &c->s->maker) < 0)
		return log_errno(-ESRCH, "/proc/self/stat");
	/* For hooks and annotations later: the bundle may change or go. */
	if (asprintf(&config, "%s/config.json", c->dir) < 0)
		return -ENOMEM;
	if (json_object_to_file_ext(config, c->spec->json, JSON_C_TO_STRING_PLAIN) < 0)
		return log_errno(errno ? -errno : -EIO, "%s", config);
	return 0;
}

/* Whatever is made is in the state file before: this process may be killed at any moment. */
static int save(struct creation *c)
{
	int r = state_save(c->r, c->s);

	return r < 0 ? log_errno(r, "%s/state.json", c->dir) : 0;
}

static int step_cgroup(struct creation *c)
{
	int r = cgroup_plan(c->spec, c->o->id, c->r, &c->s->cgroup);

	if (r == 0)
		r = save(c);
	if (r == 0)
		r = cgroup_make(c->s->cgroup);
	return r < 0 ? r : cgroup_apply(c->s->cgroup, c->spec->resources);
}

static int step_socket(struct creation *c)
{
	_cleanup_close_ int dfd = open(c->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (dfd < 0)
		return log_errno(-errno, "%s", c->dir);
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/sock", dfd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || fchmodat(dfd, "sock", 0600, 0) < 0 ||
	    listen(fd, 64) < 0)
		return log_errno(-errno, "%s/sock", c->dir);
	c->b.listen_fd = fd;
	return 0;
}

static int step_kernel(struct creation *c)
{
	int r;

	c->b.opts = c->r;
	c->b.spec = c->spec;
	c->b.dir = c->dir;
	c->b.cgroup = c->s->cgroup;
	r = kuid_take(c->r, userns_ids(&c->b.maps), c->o->id, &c->s->maker, &c->s->kuid);
	if (r == 0)
		r = save(c);
	if (r < 0)
		return r;
	c->b.kuid = c->s->kuid;
	r = birth_kernel(&c->b);
	if (c->b.kernel > 0 && proc_id_of(c->b.kernel, &c->s->kernel) < 0 && r == 0)
		r = log_errno(-ESRCH, "nacre-kernel ended at once");
	if (r == 0)
		r = save(c);
	if (r == 0)
		r = kuid_pass(c->r, c->s->kuid, &c->s->kernel);
	return r < 0 ? r : birth_go(&c->b);
}

static int step_gofer(struct creation *c)
{
	int r = birth_gofer(&c->b);

	if (c->b.gofer > 0 && proc_id_of(c->b.gofer, &c->s->gofer) < 0 && r == 0)
		r = log_errno(-ESRCH, "nacre-gofer ended at once");
	return r < 0 ? r : save(c);
}

static int step_hooks(struct creation *c)
{
	_cleanup_free_ char *text = state_document(c->s, c->spec, "creating");
	int r = text ? hooks_run(c->spec, OCI_HOOK_PRESTART, text, c->spec->bundle) : -ENOMEM;

	if (r == 0)
		r = hooks_run(c->spec, OCI_HOOK_CREATE_RUNTIME, text, c->spec->bundle);
	return r == 0 ? birth_gofer_hooks(&c->b, text) : r;
}

/* Of what runs for the container: its stubs have it from the zygote. Below the present value it takes a right that root
 * may lack: that is an error, as it is runc's. */
static int set_oom_score(const struct oci_process *p, pid_t pid)
{
	char path[64], now[32] = "";
	_cleanup_close_ int fd = -1;
	int n;

	if (!p->has_oom_score_adj)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return log_errno(-errno, "%s", path);
	if (read(fd, now, sizeof(now) - 1) > 0 && atoi(now) == p->oom_score_adj)
		return 0;
	n = snprintf(now, sizeof(now), "%d", p->oom_score_adj);
	return pwrite(fd, now, (size_t)n, 0) == n ? 0 : log_errno(-errno, "process.oomScoreAdj: %d: %s", p->oom_score_adj, path);
}

/* The zygote joins the container's cgroup; all stubs inherit it. Its pid comes from the kernel, so it must be shown to
 * be a process of this sandbox. */
static int place_zygote(struct creation *c, int pidfd)
{
	char path[64], line[256], a[64] = "", b[64] = "";
	_cleanup_fclose_ FILE *f = NULL;
	int pid = 0, r;

	if (pidfd < 0)
		return -EPROTO;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Pid: %d", &pid);
	if (pid <= 0)
		return log_errno(-EPROTO, "the zygote's pid");
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	if (readlink(path, a, sizeof(a) - 1) < 0)
		return log_errno(-errno, "%s", path);
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", c->s->kernel.pid);
	if (readlink(path, b, sizeof(b) - 1) < 0)
		return log_errno(-errno, "%s", path);
	if (strcmp(a, b) != 0)
		return log_errno(-EPERM, "process %d is not of this sandbox", pid);
	r = set_oom_score(&c->spec->process, pid);
	if (r == 0)
		r = set_oom_score(&c->spec->process, c->s->gofer.pid);
	return r < 0 ? r : cgroup_add_pid(c->s->cgroup, pid);
}

static int step_container(struct creation *c)
{
	int fds[RPC_MAX_FDS], r, tty = c->o->tty_fd, pidfd;
	struct rpc_buf reply;
	unsigned n = 0;

	if (c->spec->process.terminal && c->o->console_socket) {
		r = console_socket_slave(c->o->console_socket, &c->tty);
		if (r < 0)
			return r;
		tty = c->tty;
	}
	fds[n++] = c->b.gofer_sock;
	r = stdio_fds(c->spec->process.terminal, tty, c->o->preserve_fds, fds, &n);
	if (r < 0)
		return log_errno(r, "--preserve-fds %d", c->o->preserve_fds);
	c->control = control_connect(c->dir);
	if (c->control < 0)
		return log_errno(c->control, "connecting to the sandbox");
	r = control_create(c->control, c->spec, c->o, c->r, fds, n, &reply);
	if (r < 0)
		return r;
	pidfd = rpc_buf_take_fd(&reply, 0);
	r = place_zygote(c, pidfd);
	if (pidfd >= 0)
		close(pidfd);
	rpc_buf_done(&reply);
	return r;
}

static int step_created(struct creation *c)
{
	c->s->ready = true;
	return save(c);
}

static int step_pid_file(struct creation *c)
{
	return pid_file_write(c->o->pid_file, c->s->gofer.pid);
}

static void reap(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int container_create(const struct runtime_opts *r, const struct create_opts *o, const struct oci_spec *spec)
{
	static const struct {
		const char *name;
		int (*run)(struct creation *c);
	} steps[] = {
		{"rights", step_rights},
		{"directory", step_directory}, {"cgroup", step_cgroup}, {"socket", step_socket},
		{"kernel", step_kernel},       {"gofer", step_gofer},	{"hooks", step_hooks},
		{"container", step_container}, {"created", step_created}, {"pid-file", step_pid_file},
	};
	struct creation c = {.r = r, .o = o, .spec = spec, .control = -1, .tty = -1,
			     .b = {.listen_fd = -1, .net_sock = -1, .gofer_sock = -1, .hooks_sock = -1, .go = -1}};
	int *fds[] = {&c.control, &c.tty, &c.b.listen_fd, &c.b.net_sock, &c.b.gofer_sock, &c.b.hooks_sock, &c.b.go};
	int err = 0;

	for (size_t i = 0; err == 0 && i < ARRAY_SIZE(steps); i++) {
		err = steps[i].run(&c);
		log_phase(steps[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (*fds[i] >= 0)
			close(*fds[i]);
	/* A child that died before it was written down; unreaped it would keep its pid namespace, too. */
	if (err < 0 && c.b.gofer > 0 && !c.s->gofer.pid)
		reap(c.b.gofer);
	if (err < 0 && c.b.kernel > 0 && !c.s->kernel.pid)
		reap(c.b.kernel);
	if (err < 0 && c.dir) {
		/* What a step could not yet write down is still known here. */
		if (c.s && (c.b.kernel > 0 || c.b.gofer > 0))
			(void)!state_save(r, c.s);
		(void)!container_delete(r, o->id, true);
	}
	if (c.s)
		state_free(c.s);
	free(c.dir);
	return err;
}
