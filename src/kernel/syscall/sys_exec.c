/* SPDX-License-Identifier: Apache-2.0 */
/* execve, execveat. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "kernel/loader/loader.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/internal.h"
#include "kernel/usercopy.h"

#define ARG_STRING_MAX (32 * 4096)
#define ARG_COUNT_MAX 0x7fffffff

/* What argv and envp may take together: a quarter of the stack limit, at least 128 KiB. */
static size_t arg_budget(struct task *t)
{
	uint64_t n = task_rlimit(t, RLIMIT_STACK) / 4;

	return (size_t)MAX(MIN(n, 6ULL << 20), (uint64_t)ARG_STRING_MAX);
}

/* One string of a vector into malloc'd memory; buf has ARG_STRING_MAX bytes. */
static int get_string(struct task *t, uint64_t a, char *buf, size_t *budget, char **ret)
{
	ssize_t n = copy_in_str(t, buf, uaddr(a), ARG_STRING_MAX);

	if (n == -ENAMETOOLONG)
		return -E2BIG;
	if (n < 0)
		return (int)n;
	if (*budget < (size_t)n + 1 + sizeof(uint64_t))
		return -E2BIG;
	*budget -= (size_t)n + 1 + sizeof(uint64_t);
	*ret = strndup(buf, (size_t)n);
	return *ret ? 0 : -ENOMEM;
}

static int get_vector(struct task *t, uint64_t a, char *buf, size_t *budget, char ***ret_v,
		      unsigned *ret_n)
{
	unsigned n = 0, cap = 8;
	char **v = calloc(cap, sizeof(*v));
	int r = v ? 0 : -ENOMEM;
	uint64_t p;

	while (r == 0 && a) {
		r = copy_in(t, &p, uaddr(a + n * 8ULL), sizeof(p));
		if (r < 0 || !p)
			break;
		if (n + 2 > cap) {
			char **x = reallocarray(v, cap * 2UL, sizeof(*v));

			if (!x) {
				r = -ENOMEM;
				break;
			}
			v = x;
			cap *= 2;
		}
		r = get_string(t, p, buf, budget, &v[n]);
		if (r == 0)
			v[++n] = NULL;
	}
	*ret_v = v; /* on failure too: exec_image_done frees it */
	*ret_n = n;
	return r;
}

static int get_vectors(struct task *t, uint64_t argv, uint64_t envp, struct exec_image *img)
{
	_cleanup_free_ char *buf = malloc(ARG_STRING_MAX);
	size_t budget = arg_budget(t);
	int r;

	if (!buf)
		return -ENOMEM;
	r = get_vector(t, argv, buf, &budget, &img->argv, &img->argc);
	if (r == 0)
		r = get_vector(t, envp, buf, &budget, &img->envp, &img->envc);
	if (r == 0 && img->argc == 0) { /* as Linux: a program always finds argv[0] */
		img->argv[0] = strdup("");
		if (!img->argv[0])
			return -ENOMEM;
		img->argv[1] = NULL;
		img->argc = 1;
	}
	return r;
}

/* The program open for execution: a regular file with the permission, not on a noexec mount. */
static int open_program(struct task *t, int dfd, const char *name, unsigned lookup,
			struct exec_image *img)
{
	_cleanup_(file_putp) struct file *f = NULL;
	struct path p;
	int r = path_lookup_at(t, dfd, name, lookup, &p);

	if (r < 0)
		return r;
	if (S_ISLNK(p.dentry->inode->mode))
		r = -ELOOP; /* not to be followed */
	else if (!S_ISREG(p.dentry->inode->mode) || (p.mnt->flags & MNT_NOEXEC))
		r = -EACCES;
	else
		r = inode_permission(p.dentry->inode, t->cred, MAY_EXEC);
	if (r == 0)
		r = file_open_path(&p, O_RDONLY, t->cred, &f);
	path_put(&p);
	return r < 0 ? r : exec_set_file(img, TAKE_PTR(f));
}

static int exec_name(int dfd, const char *name, char **ret)
{
	int r;

	if (dfd == AT_FDCWD || name[0] == '/')
		r = asprintf(ret, "%s", name);
	else if (!name[0])
		r = asprintf(ret, "/dev/fd/%d", dfd);
	else
		r = asprintf(ret, "/dev/fd/%d/%s", dfd, name);
	if (r < 0)
		*ret = NULL;
	return r < 0 ? -ENOMEM : 0;
}

static long exec_at(struct task *t, int dfd, uaddr_t uname, uint64_t argv, uint64_t envp, int flags)
{
	_cleanup_free_ char *name = NULL;
	struct exec_image img = {0};
	unsigned lookup = LOOKUP_FOLLOW;
	int r;

	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	if (flags & AT_SYMLINK_NOFOLLOW)
		lookup &= ~LOOKUP_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	r = copy_in_path(t, uname, &name);
	if (r < 0)
		return r;
	r = open_program(t, dfd, name, lookup, &img);
	if (r == -ELOOP && (flags & AT_SYMLINK_NOFOLLOW))
		return -ELOOP;
	if (r == 0)
		r = exec_name(dfd, name, &img.filename);
	if (r == 0)
		r = get_vectors(t, argv, envp, &img);
	if (r == 0)
		r = do_exec(t, &img);
	exec_image_done(&img);
	return r;
}

long sys_execve(struct task *t, const struct sysargs *a)
{
	return exec_at(t, AT_FDCWD, arg_uaddr(a, 0), a->v[1], a->v[2], 0);
}

long sys_execveat(struct task *t, const struct sysargs *a)
{
	return exec_at(t, arg_int(a, 0), arg_uaddr(a, 1), a->v[2], a->v[3], arg_int(a, 4));
}
