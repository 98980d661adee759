/* SPDX-License-Identifier: Apache-2.0 */
/*
 * startContainer hooks. They are programs of the container's own root file system and run in its namespaces: so they
 * run where all of its programs do, in the guest, with the rights of its first process, before that begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "base/log.h"
#include "oci/json.h"
#include "oci/parse.h"
#include "sandbox/request.h"
#include "sandbox/start_hooks.h"

/* What the hook reads on its standard input. */
static int state_file(const char *json)
{
	int fd = memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t n = strlen(json);

	if (fd < 0)
		return -errno;
	if (write(fd, json, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* Of the container's first process, with the hook's program and environment. */
static int hook_process(const char *config, const struct oci_hook *h, struct oci_process **ret)
{
	_cleanup_(oci_process_freep) struct oci_process *p = NULL;
	int r = oci_process_of_config(config, &p);

	if (r < 0)
		return r;
	str_list_free(&p->args);
	str_list_free(&p->env);
	r = str_list_add(&p->args, h->path);
	for (size_t i = 1; r == 0 && i < h->args.n; i++)
		r = str_list_add(&p->args, h->args.v[i]);
	if (r == 0)
		r = str_list_copy(&p->env, &h->env);
	p->terminal = false;
	if (r == 0)
		*ret = TAKE_PTR(p);
	return r;
}

/* *ret_status: wait status; -ETIME after the hook was killed. */
static int run_one(int sock, const char *id, size_t index, const struct oci_hook *h, const struct oci_process *p,
		   int in, int out, int *ret_status)
{
	struct exec_opts o = {.id = id, .process = p, .tty_fd = -1};
	const struct timeval limit = {.tv_sec = h->timeout}, none = {0};
	const int fds[] = {in, out, out};
	char name[48];
	int pid, r;

	snprintf(name, sizeof(name), "hook-startContainer-%zu", index);
	o.exec_id = name;
	r = control_exec(sock, &o, fds, 3, &pid);
	if (r < 0)
		return r;
	if (h->timeout && setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	r = control_wait(sock, id, name, ret_status);
	(void)setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
	return r == -EAGAIN ? -ETIME : r;
}

int start_hooks_run(const struct oci_spec *spec, const char *dir, const char *id, const char *state_json)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	_cleanup_free_ char *config = NULL;

	if (!spec->nhooks[OCI_HOOK_START_CONTAINER])
		return 0;
	if (null < 0 || asprintf(&config, "%s/config.json", dir) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < spec->nhooks[OCI_HOOK_START_CONTAINER]; i++) {
		const struct oci_hook *h = &spec->hooks[OCI_HOOK_START_CONTAINER][i];
		_cleanup_(oci_process_freep) struct oci_process *p = NULL;
		_cleanup_close_ int in = state_file(state_json), sock = -1;
		int status = 0, r = in < 0 ? in : hook_process(config, h, &p);

		if (r == 0)
			r = sock = control_connect(dir);
		if (r >= 0)
			r = run_one(sock, id, i, h, p, in, null, &status);
		if (r == 0 && status == 0)
			continue;
		if (r == -ETIME)
			log_error("error running startContainer hook #%zu %s: timed out after %d s", i, h->path, h->timeout);
		else if (r < 0)
			log_error("error running startContainer hook #%zu %s: %s", i, h->path, strerror(-r));
		else
			log_error("error running startContainer hook #%zu %s: %s %d", i, h->path,
				  WIFSIGNALED(status) ? "signal" : "exit status",
				  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		return r < 0 ? r : -ECANCELED;
	}
	return 0;
}
