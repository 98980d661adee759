/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "base/log.h"
#include "oci/hooks.h"
#include "oci/parse.h"

int state_dir(const struct runtime_opts *r, const char *id, char **ret)
{
	return asprintf(ret, "%s/%s", r->root, id) < 0 ? -ENOMEM : 0;
}

/* --- processes ------------------------------------------------------------------------------------------ */

/* ret_zombie: its first thread has ended; others may still run. */
static int read_stat(pid_t pid, struct proc_id *ret, bool *ret_zombie)
{
	char path[64], buf[1024], *p;
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return -ESRCH;
	buf[n] = 0;
	p = strrchr(buf, ')');
	if (!p)
		return -ESRCH;
	*ret_zombie = p[2] == 'Z' || p[2] == 'X';
	for (int i = 0; p && i < 20; i++)
		p = strchr(p + 1, ' ');
	if (!p)
		return -ESRCH;
	ret->pid = pid;
	ret->start = strtoull(p + 1, NULL, 10);
	return 0;
}

int proc_id_of(pid_t pid, struct proc_id *ret)
{
	bool zombie;
	int r = read_stat(pid, ret, &zombie);

	return r == 0 && zombie ? -ESRCH : r;
}

bool proc_alive(const struct proc_id *p)
{
	struct proc_id now;

	return p->pid > 0 && proc_id_of(p->pid, &now) == 0 && now.start == p->start;
}

int proc_open(const struct proc_id *p)
{
	int fd;

	if (p->pid <= 0)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (fd < 0)
		return -errno;
	if (!proc_alive(p)) {
		close(fd);
		return -ESRCH;
	}
	return fd;
}

void proc_strike(const struct proc_id *p, int ms)
{
	_cleanup_close_ int fd = proc_open(p);
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	if (fd >= 0 && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0 && ms)
		(void)poll(&pfd, 1, ms);
}

int proc_kill(const struct proc_id *p)
{
	_cleanup_close_ int fd = p->pid > 0 ? (int)syscall(SYS_pidfd_open, p->pid, 0) : -1;
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	struct proc_id now;
	siginfo_t si;
	bool zombie;

	if (fd < 0 || read_stat(p->pid, &now, &zombie) < 0 || now.start != p->start)
		return 0;
	/* Of a zombie, too, threads may be left; and a pid namespace ends only when all of it is reaped. */
	syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	if (poll(&pfd, 1, 10000) <= 0)
		return -ETIMEDOUT;
	(void)waitid(P_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG); /* our child, when we are its `nacre run` */
	return 0;
}

/* The last number of NSpid, the process's in its own pid namespace; 0 when it is gone. */
static int innermost_pid(int pid)
{
	char path[64], line[256], *last;
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "NSpid:", 6))
			continue;
		last = strrchr(line, '\t');
		return last ? atoi(last) : 0;
	}
	return 0;
}

int proc_of_namespace(const struct proc_id *first, struct pid_pair **ret, size_t *ret_n)
{
	char path[64], ns[64] = "", other[64];
	DIR *dir = opendir("/proc");
	struct dirent *e;
	ssize_t n;

	*ret = NULL;
	*ret_n = 0;
	if (!dir)
		return -errno;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", first->pid);
	n = readlink(path, ns, sizeof(ns) - 1);
	while (n > 0 && (e = readdir(dir))) {
		int pid = atoi(e->d_name), inner;
		struct pid_pair *v;

		if (pid <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
		if (readlink(path, other, sizeof(other)) != n || memcmp(ns, other, (size_t)n) != 0)
			continue;
		inner = innermost_pid(pid);
		v = inner ? reallocarray(*ret, *ret_n + 1, sizeof(*v)) : *ret;
		if (!inner)
			continue;
		if (!v) {
			closedir(dir);
			free(*ret);
			*ret = NULL;
			return -ENOMEM;
		}
		*ret = v;
		v[(*ret_n)++] = (struct pid_pair){pid, inner};
	}
	closedir(dir);
	return n > 0 ? 0 : -ESRCH;
}

/* --- the file -------------------------------------------------------------------------------------------- */

static void add_string(struct json_object *o, const char *key, const char *v)
{
	if (v)
		json_object_object_add(o, key, json_object_new_string(v));
}

static void add_proc(struct json_object *o, const char *key, const struct proc_id *p)
{
	struct json_object *j = json_object_new_object();

	json_object_object_add(j, "pid", json_object_new_int(p->pid));
	json_object_object_add(j, "start", json_object_new_uint64(p->start));
	json_object_object_add(o, key, j);
}

int state_save(const struct runtime_opts *r, const struct state *s)
{
	struct json_object *o = json_object_new_object();
	_cleanup_free_ char *dir = NULL;
	_cleanup_close_ int dfd = -1, fd = -1;
	const char *text;
	size_t n;
	int err = 0;

	json_object_object_add(o, "version", json_object_new_int(STATE_VERSION));
	add_string(o, "id", s->id);
	add_string(o, "bundle", s->bundle);
	add_string(o, "rootfs", s->rootfs);
	add_string(o, "created", s->created);
	add_string(o, "sandbox", s->sandbox_id);
	add_proc(o, "gofer", &s->gofer);
	add_proc(o, "kernel", &s->kernel);
	add_proc(o, "maker", &s->maker);
	json_object_object_add(o, "ready", json_object_new_boolean(s->ready));
	json_object_object_add(o, "started", json_object_new_boolean(s->started));
	json_object_object_add(o, "owner", json_object_new_int64(s->owner));
	json_object_object_add(o, "kuid", json_object_new_int64(s->kuid));
	if (s->cgroup)
		json_object_object_add(o, "cgroup", cgroup_save(s->cgroup));
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	n = strlen(text);
	if (state_dir(r, s->id, &dir) < 0)
		err = -ENOMEM;
	if (!err)
		dfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err && dfd < 0)
		err = -errno;
	if (!err)
		fd = openat(dfd, "state.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (!err && (fd < 0 || write(fd, text, n) != (ssize_t)n ||
		     renameat(dfd, "state.json.new", dfd, "state.json") < 0))
		err = errno ? -errno : -EIO;
	json_object_put(o);
	return err;
}

static char *get_string(struct json_object *o, const char *key)
{
	struct json_object *j;

	return json_object_object_get_ex(o, key, &j) ? strdup(json_object_get_string(j)) : NULL;
}

static void get_proc(struct json_object *o, const char *key, struct proc_id *p)
{
	struct json_object *j, *v;

	if (!json_object_object_get_ex(o, key, &j))
		return;
	if (json_object_object_get_ex(j, "pid", &v))
		p->pid = json_object_get_int(v);
	if (json_object_object_get_ex(j, "start", &v))
		p->start = json_object_get_uint64(v);
}

int state_load(const struct runtime_opts *r, const char *id, struct state **ret)
{
	_cleanup_free_ char *dir = NULL, *path = NULL;
	_cleanup_(state_freep) struct state *s = NULL;
	struct json_object *o, *j;

	if (state_dir(r, id, &dir) < 0 || asprintf(&path, "%s/state.json", dir) < 0)
		return -ENOMEM;
	if (access(path, R_OK) < 0)
		return -errno;
	o = json_object_from_file(path);
	if (!o)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s) {
		json_object_put(o);
		return -ENOMEM;
	}
	s->id = get_string(o, "id");
	s->bundle = get_string(o, "bundle");
	s->rootfs = get_string(o, "rootfs");
	s->created = get_string(o, "created");
	s->sandbox_id = get_string(o, "sandbox");
	get_proc(o, "gofer", &s->gofer);
	get_proc(o, "kernel", &s->kernel);
	get_proc(o, "maker", &s->maker);
	if (json_object_object_get_ex(o, "ready", &j))
		s->ready = json_object_get_boolean(j);
	if (json_object_object_get_ex(o, "started", &j))
		s->started = json_object_get_boolean(j);
	if (json_object_object_get_ex(o, "owner", &j))
		s->owner = (uid_t)json_object_get_int64(j);
	if (json_object_object_get_ex(o, "kuid", &j))
		s->kuid = (uid_t)json_object_get_int64(j);
	if (json_object_object_get_ex(o, "cgroup", &j) && cgroup_open(j, &s->cgroup) < 0)
		s->cgroup = NULL;
	json_object_put(o);
	if (!s->id || !s->bundle)
		return -EINVAL;
	*ret = TAKE_PTR(s);
	return 0;
}

int state_find(const struct runtime_opts *r, const char *id, struct state **ret)
{
	int err = state_load(r, id, ret);

	if (err == -ENOENT)
		log_error("container does not exist: %s", id);
	else if (err < 0)
		log_error("%s: %s/%s", err == -EACCES ? "permission denied" : strerror(-err), r->root, id);
	return err;
}

void state_free(struct state *s)
{
	free(s->id);
	free(s->bundle);
	free(s->rootfs);
	free(s->created);
	free(s->sandbox_id);
	if (s->cgroup)
		cgroup_free(s->cgroup);
	free(s);
}

struct oci_spec *state_spec(const struct runtime_opts *r, const struct state *s)
{
	_cleanup_free_ char *dir = NULL, *file = NULL;
	struct oci_spec *spec = NULL;

	if (state_dir(r, s->id, &dir) < 0 || asprintf(&file, "%s/config.json", dir) < 0 || access(file, R_OK) < 0 ||
	    oci_spec_load_kept(s->bundle, file, &spec) < 0)
		return NULL;
	return spec;
}

const char *state_status(const struct state *s)
{
	if (!s->ready) /* without its maker it will never be more */
		return proc_alive(&s->maker) ? "creating" : "stopped";
	if (!proc_alive(&s->gofer))
		return "stopped";
	if (s->cgroup && cgroup_is_frozen(s->cgroup))
		return "paused";
	return s->started ? "running" : "created";
}

char *state_document(const struct state *s, const struct oci_spec *spec, const char *status)
{
	struct oci_state doc = {.id = s->id, .bundle = s->bundle, .status = status,
				.pid = strcmp(status, "stopped") ? s->gofer.pid : 0, .rootfs = s->rootfs,
				.created = s->created, .spec = spec};

	return oci_state_json(&doc, false);
}

/* A file without a name, in the directory of file: a death before it is whole leaves nothing behind. */
static int open_unnamed(const char *file)
{
	_cleanup_free_ char *dir = strdup(file);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int fd;

	if (!dir)
		return -ENOMEM;
	if (slash)
		slash[slash == dir] = 0;
	fd = open(slash ? dir : ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : fd;
}

/* Where the file system has no unnamed files. */
static int pid_file_renamed(const char *file, pid_t pid)
{
	_cleanup_free_ char *tmp = NULL;
	_cleanup_fclose_ FILE *f = NULL;

	if (asprintf(&tmp, "%s.%d", file, getpid()) < 0)
		return -ENOMEM;
	f = fopen(tmp, "we");
	if (!f || fprintf(f, "%d", pid) < 0 || fflush(f) != 0 || rename(tmp, file) < 0) {
		int r = -errno;

		unlink(tmp);
		return log_errno(r, "--pid-file %s", file);
	}
	return 0;
}

int pid_file_write(const char *file, pid_t pid)
{
	char text[16], self[32];
	int fd, r = 0;

	if (!file)
		return 0;
	fd = open_unnamed(file);
	if (fd == -EOPNOTSUPP || fd == -EISDIR)
		return pid_file_renamed(file, pid);
	snprintf(text, sizeof(text), "%d", pid);
	if (fd >= 0)
		snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		r = fd < 0 ? fd : errno ? -errno : -EIO;
	while (r == 0 && linkat(AT_FDCWD, self, AT_FDCWD, file, AT_SYMLINK_FOLLOW) < 0)
		if (errno != EEXIST || unlink(file) < 0)
			r = -errno;
	if (fd >= 0)
		close(fd);
	return r < 0 ? log_errno(r, "--pid-file %s", file) : 0;
}

/* --- for state and list ------------------------------------------------------------------------------------- */

void container_info_free(struct container_info *i)
{
	free(i->id);
	free(i->bundle);
	free(i->rootfs);
	free(i->created);
	free(i->state_json);
	free(i->config);
	free(i);
}

static int fill_info(const struct runtime_opts *r, struct state *s, struct container_info **ret)
{
	_cleanup_(oci_spec_freep) struct oci_spec *spec = state_spec(r, s);
	struct container_info *i = calloc(1, sizeof(*i));
	struct oci_state doc;

	if (!i)
		return -ENOMEM;
	i->status = state_status(s);
	i->pid = strcmp(i->status, "stopped") ? s->gofer.pid : 0;
	i->owner = s->owner;
	doc = (struct oci_state){.id = s->id, .bundle = s->bundle, .status = i->status, .pid = i->pid,
				 .rootfs = s->rootfs, .created = s->created, .spec = spec};
	i->state_json = oci_state_json(&doc, true);
	if (asprintf(&i->config, "%s/%s/config.json", r->root, s->id) < 0)
		i->config = NULL;
	i->id = TAKE_PTR(s->id);
	i->bundle = TAKE_PTR(s->bundle);
	i->rootfs = TAKE_PTR(s->rootfs);
	i->created = TAKE_PTR(s->created);
	if (!i->state_json || !i->config) {
		container_info_free(i);
		return -ENOMEM;
	}
	*ret = i;
	return 0;
}

int container_state(const struct runtime_opts *r, const char *id, struct container_info **ret)
{
	_cleanup_(state_freep) struct state *s = NULL;
	int err = state_load(r, id, &s);

	if (err == -ENOENT)
		log_error("container does not exist: %s", id);
	else if (err == -EACCES)
		log_error("permission denied: %s/%s/state.json", r->root, id);
	else if (err < 0)
		log_error("state of container %s: %s", id, strerror(-err));
	return err < 0 ? err : fill_info(r, s, ret);
}

int container_list(const struct runtime_opts *r, struct container_info ***ret, size_t *ret_n)
{
	struct container_info **v = NULL;
	struct dirent **names;
	size_t n = 0;
	int count = scandir(r->root, &names, NULL, alphasort), err = 0;

	*ret = NULL;
	*ret_n = 0;
	if (count < 0) {
		if (errno == ENOENT)
			return 0;
		err = -errno;
		log_error("%s: %s", errno == EACCES ? "permission denied" : strerror(errno), r->root);
		return err;
	}
	v = calloc((size_t)count + 1, sizeof(struct container_info *));
	for (int i = 0; i < count; i++) {
		_cleanup_(state_freep) struct state *s = NULL;
		int e = names[i]->d_name[0] == '.' ? -ENOENT : state_load(r, names[i]->d_name, &s);

		if (e == -EACCES && !err) {
			err = e;
			log_error("permission denied: %s/%s/state.json", r->root, names[i]->d_name);
		}
		if (e == 0 && v && fill_info(r, s, &v[n]) == 0)
			n++;
		free(names[i]);
	}
	free(names);
	if (!v)
		return -ENOMEM;
	if (err < 0) {
		for (size_t i = 0; i < n; i++)
			container_info_free(v[i]);
		free(v);
		return err;
	}
	*ret = v;
	*ret_n = n;
	return 0;
}
