/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that the API starts. The task looks its program up in its own root and with its own rights, says what it
 * found, waits for the word to go, and executes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "base/log.h"
#include "kernel/control/control.h"
#include "kernel/fs/devpts/devpts.h"
#include "kernel/fs/host/hostfile.h"
#include "kernel/task/seccomp.h"

struct process *process_get(struct process *p)
{
	ref_get(&p->ref);
	return p;
}

static void free_strings(char **v)
{
	for (char **s = v; s && *s; s++)
		free(*s);
	free(v);
}

void process_put(struct process *p)
{
	if (!ref_put(&p->ref))
		return;
	for (unsigned i = 0; i < p->nstdio; i++)
		if (p->stdio[i])
			file_put(p->stdio[i]);
	free(p->stdio);
	free_strings(p->argv);
	free_strings(p->envp);
	free(p->cwd);
	free(p->exec_id);
	if (p->tty)
		tty_put(p->tty);
	if (p->task)
		task_put(p->task);
	waitq_done(&p->wait);
	free(p);
}

static char **copy_strings(char **v, size_t n)
{
	char **c = calloc(n + 1, sizeof(*c));

	for (size_t i = 0; c && i < n; i++) {
		c[i] = strdup(v[i]);
		if (!c[i]) {
			free_strings(c);
			return NULL;
		}
	}
	return c;
}

/* --- in the task ------------------------------------------------------------------------------------------ */

static int try_program(struct task *t, const char *name, struct exec_image *img)
{
	struct file *f = NULL;
	int r = file_open_at(t, AT_FDCWD, name, O_RDONLY | O_CLOEXEC, 0, 0, &f);

	if (r < 0)
		return r;
	r = S_ISREG(f->inode->mode) ? inode_permission(f->inode, t->cred, MAY_EXEC) : -EACCES;
	if (r < 0) {
		file_put(f);
		return r;
	}
	r = exec_set_file(img, f);
	if (r < 0)
		return r;
	img->filename = strdup(name);
	return img->filename ? 0 : -ENOMEM;
}

/* execvp's search, with the process's own PATH. -ENOENT when nothing was found, -EACCES when something was that may not
 * be executed. */
static int search_program(struct task *t, struct process *p, struct exec_image *img)
{
	const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *e;
	int r = -ENOENT;

	if (strchr(p->argv[0], '/'))
		return try_program(t, p->argv[0], img);
	for (char **v = p->envp; *v; v++)
		if (!strncmp(*v, "PATH=", 5))
			path = *v + 5;
	for (; *path; path = *e ? e + 1 : e) {
		char name[PATH_MAX];
		int k;

		e = strchrnul(path, ':');
		if ((size_t)(e - path) + strlen(p->argv[0]) + 2 > sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s/%s", (int)(e - path), path, p->argv[0]);
		k = try_program(t, name, img);
		if (k != -ENOENT && k != -ENOTDIR && k != -EACCES)
			return k;
		if (k == -EACCES)
			r = k;
	}
	return r;
}

static int enter_cwd(struct task *t, struct process *p)
{
	struct path root, cwd, old;
	int r;

	fs_get_root(t, &root);
	r = path_lookup_from(&root, p->cwd, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &cwd);
	path_put(&root);
	if (r < 0)
		return r;
	mutex_lock(&t->fs->lock);
	old = t->fs->cwd;
	t->fs->cwd = cwd;
	mutex_unlock(&t->fs->lock);
	path_put(&old);
	return 0;
}

/* The terminal gets a name in the container's devpts, where ttyname() looks for it, and becomes 0, 1 and 2. */
static int open_terminal(struct task *t, struct process *p)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct path root, pts;
	int r;

	fs_get_root(t, &root);
	r = path_lookup_from(&root, "/dev/pts", LOOKUP_DIRECTORY, &pts);
	path_put(&root);
	if (r == 0) {
		r = devpts_add_host(&pts, p->tty, &f);
		path_put(&pts);
	}
	if (r < 0)
		r = tty_anon_file(p->tty, &f);
	if (r == 0)
		r = tty_host_start(p->tty);
	for (int i = 0; r >= 0 && i < 3; i++)
		r = fd_install(t, file_get(f), i, false);
	return r < 0 ? r : 0;
}

static int prepare(struct task *t, struct process *p, struct exec_image *img)
{
	int r = p->tty ? open_terminal(t, p) : 0;

	for (unsigned i = 0; r >= 0 && i < p->nstdio; i++) {
		if (!p->stdio[i])
			continue; /* the terminal's */
		r = fd_install(t, TAKE_PTR(p->stdio[i]), (int)i, false);
	}
	if (r >= 0)
		r = enter_cwd(t, p);
	if (r >= 0)
		r = search_program(t, p, img);
	if (r < 0)
		return r;
	img->argv = TAKE_PTR(p->argv);
	img->argc = p->argc;
	img->envp = TAKE_PTR(p->envp);
	img->envc = p->envc;
	return exec_probe(t, img);
}

static int start(struct task *t, void *arg)
{
	struct process *p = arg;
	struct exec_image img = {0};
	int r = prepare(t, p, &img);

	__atomic_store_n(&p->prepared, r, __ATOMIC_SEQ_CST);
	wake_up_all(&p->wait, 0);
	if (r == 0)
		r = wait_event(&p->wait, &t->sleeper, __atomic_load_n(&p->go, __ATOMIC_SEQ_CST), TIME_FOREVER,
			       SLEEP_KILLABLE);
	log_phase("task-go");
	if (r == 0 && ((struct box *)p->ct->priv)->seccomp)
		seccomp_begin(t, ((struct box *)p->ct->priv)->seccomp);
	if (r == 0)
		r = do_exec(t, &img);
	log_phase("task-exec");
	exec_image_done(&img);
	return r < 0 ? 127 << 8 : 0;
}

static void on_exit_(void *priv, int status)
{
	struct process *p = priv;
	struct box *b = p->ct->priv;

	log_phase("task-exit");
	p->status = status;
	__atomic_store_n(&p->exited, true, __ATOMIC_SEQ_CST);
	wake_up_all(&p->wait, 0);
	if (p->tty)
		tty_host_end(p->tty);
	if (p->init)
		fuse_conn_exit(b->gofer, status);
	process_put(p); /* the task's */
}

/* --- in the server ------------------------------------------------------------------------------------------ */

static const struct cred *make_cred(const Nacre__Sandbox__V1__Process *s)
{
	struct cred *c = cred_new();

	if (!c)
		return NULL;
	c->uid = c->euid = c->suid = c->fsuid = KUID(s->uid);
	c->gid = c->egid = c->sgid = c->fsgid = KGID(s->gid);
	if (s->caps) {
		c->cap_bounding = s->caps->bounding;
		c->cap_effective = s->caps->effective;
		c->cap_permitted = s->caps->permitted;
		c->cap_inheritable = s->caps->inheritable;
		c->cap_ambient = s->caps->ambient;
	}
	if (s->n_groups) {
		kgid_t *g = calloc(s->n_groups, sizeof(*g));

		if (!g) {
			cred_put(c);
			return NULL;
		}
		for (size_t i = 0; i < s->n_groups; i++)
			g[i] = KGID(s->groups[i]);
		cred_set_groups(c, g, (unsigned)s->n_groups);
	}
	return c;
}

static int make_rlimits(const Nacre__Sandbox__V1__Process *s, struct rlimit *lim)
{
	for (int i = 0; i < RLIM_NLIMITS; i++)
		lim[i] = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
	lim[RLIMIT_STACK].rlim_cur = 8 << 20;
	lim[RLIMIT_NOFILE] = (struct rlimit){1024, 4096};
	lim[RLIMIT_MEMLOCK] = (struct rlimit){8 << 20, 8 << 20};
	lim[RLIMIT_CORE].rlim_cur = 0;
	lim[RLIMIT_NICE] = lim[RLIMIT_RTPRIO] = (struct rlimit){0, 0};
	lim[RLIMIT_MSGQUEUE] = (struct rlimit){819200, 819200};
	for (size_t i = 0; i < s->n_rlimits; i++) {
		if (s->rlimits[i]->type >= RLIM_NLIMITS || s->rlimits[i]->soft > s->rlimits[i]->hard)
			return -EINVAL;
		lim[s->rlimits[i]->type] = (struct rlimit){s->rlimits[i]->soft, s->rlimits[i]->hard};
	}
	return 0;
}

/* Descriptors of the request become files: a terminal on 0, 1, 2, or one file each. */
static int make_stdio(struct process *p, const Nacre__Sandbox__V1__Stdio *io, struct rpc_buf *fds)
{
	size_t n = io ? io->n_fd : 0, at = 0;
	int r = 0;

	p->stdio = calloc(n + 3, sizeof(*p->stdio));
	if (!p->stdio)
		return -ENOMEM;
	if (io && io->terminal) {
		int fd = n ? rpc_buf_take_fd(fds, io->fd[0]) : -1;

		if (fd < 0)
			return -EBADF;
		r = tty_host_new(fd, io->rows, io->columns, &p->tty);
		if (r < 0)
			return r;
		p->nstdio = 3; /* the task opens them */
		at = 1;
	}
	for (; at < n; at++) {
		int fd = rpc_buf_take_fd(fds, io->fd[at]), mode;

		if (fd < 0)
			return -EBADF;
		mode = fcntl(fd, F_GETFL);
		r = hostfile_new(fd, mode < 0 ? O_RDWR : (uint32_t)mode & (O_ACCMODE | O_APPEND | O_NONBLOCK),
				 &p->stdio[p->nstdio]);
		if (r < 0) {
			close(fd);
			return r;
		}
		p->nstdio++;
	}
	return 0;
}

static char *wording(const struct process *p, const char *name, int err)
{
	char *s;
	const char *why = err == -ENOENT && !strchr(name, '/') ? "executable file not found in $PATH"
			  : err == -EACCES			   ? "permission denied"
			  : err == -ENOENT			   ? "no such file or directory"
								   : strerror(-err);

	(void)p;
	return asprintf(&s, "unable to start container process: exec: \"%s\": %s", name, why) < 0 ? NULL : s;
}

static int make_task(struct box *b, struct process *p, const Nacre__Sandbox__V1__Process *s)
{
	struct task_params tp = {.ct = &b->ct, .pid_ns = b->ct.pid_ns, .init = p->init, .tty = p->tty,
				 .start = start, .arg = p, .on_exit = on_exit_, .priv = p};
	struct rlimit lim[RLIM_NLIMITS];
	struct path root;
	int r = make_rlimits(s, lim);

	if (r < 0)
		return r;
	mnt_namespace_root(b->ct.mnt, &root);
	tp.cred = make_cred(s);
	tp.files = files_new();
	tp.fs = fs_struct_new(&root, &root);
	path_put(&root);
	tp.nsproxy = nsproxy_get(b->ct.nsproxy);
	tp.rlim = lim;
	if (!tp.cred || !tp.files || !tp.fs)
		return -ENOMEM;
	tp.fs->umask = s->umask == UINT32_MAX ? 022 : s->umask & 0777;
	process_get(p); /* dropped by on_exit_ */
	r = task_create(&tp, &p->task);
	if (r < 0)
		process_put(p);
	if (r < 0)
		return r;
	/* It has not begun to run. */
	p->task->tg->oom_score_adj = s->oom_score_adj;
	p->task->no_new_privs = s->no_new_privs;
	return 0;
}

int process_create(struct box *b, const Nacre__Sandbox__V1__Process *spec, const char *exec_id, bool init,
		   struct rpc_buf *fds, struct process **ret, char **message)
{
	_cleanup_(process_putp) struct process *p = calloc(1, sizeof(*p));
	_cleanup_free_ char *name = NULL;
	struct sleeper s;
	int r;

	if (!p)
		return -ENOMEM;
	ref_init(&p->ref);
	list_init(&p->node);
	waitq_init(&p->wait);
	p->ct = &b->ct;
	p->init = init;
	p->prepared = 1;
	if (!spec || !spec->n_args || !spec->cwd || spec->cwd[0] != '/')
		return -EINVAL;
	p->exec_id = strdup(exec_id);
	p->argv = copy_strings(spec->args, spec->n_args);
	p->envp = copy_strings(spec->env, spec->n_env);
	p->cwd = strdup(spec->cwd);
	name = strdup(spec->args[0]);
	p->argc = (unsigned)spec->n_args;
	p->envc = (unsigned)spec->n_env;
	if (!p->exec_id || !p->argv || !p->envp || !p->cwd || !name)
		return -ENOMEM;
	r = make_stdio(p, spec->stdio, fds);
	if (r == 0)
		r = make_task(b, p, spec);
	if (r < 0)
		return r;
	task_start(p->task);
	sleeper_init(&s, NULL);
	r = wait_event(&p->wait, &s, __atomic_load_n(&p->prepared, __ATOMIC_SEQ_CST) <= 0 ||
			       __atomic_load_n(&p->exited, __ATOMIC_SEQ_CST), TIME_FOREVER, SLEEP_UNINTERRUPTIBLE);
	sleeper_done(&s);
	if (r == 0)
		r = __atomic_load_n(&p->prepared, __ATOMIC_SEQ_CST);
	if (r > 0)
		r = -ESRCH;
	if (r < 0) {
		(void)!process_wait(p); /* it ends by itself: start() has returned */
		*message = wording(p, name, r);
		return r;
	}
	*ret = TAKE_PTR(p);
	return 0;
}

void process_go(struct process *p)
{
	__atomic_store_n(&p->go, true, __ATOMIC_SEQ_CST);
	wake_up_all(&p->wait, 0);
}

int process_wait(struct process *p)
{
	struct sleeper s;
	int r;

	sleeper_init(&s, NULL);
	r = wait_event(&p->wait, &s, __atomic_load_n(&p->exited, __ATOMIC_SEQ_CST), TIME_FOREVER,
		       SLEEP_UNINTERRUPTIBLE);
	sleeper_done(&s);
	return r < 0 ? r : p->status;
}
