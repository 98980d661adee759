/* SPDX-License-Identifier: Apache-2.0 */
/* First half of exec: what kind of program it is, scripts followed, interpreter opened; nothing is changed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/loader/elf.h"
#include "kernel/loader/loader.h"
#include "kernel/loader/loader_priv.h"
#include "kernel/vfs/vfs.h"

#define SCRIPT_LEVELS 5 /* as Linux does, whose comment says four */
#define SCRIPT_LINE 256

static void free_strings(char **v)
{
	for (char **s = v; s && *s; s++)
		free(*s);
	free(v);
}

void exec_image_done(struct exec_image *img)
{
	if (img->file) {
		inode_allow_write(img->file->inode);
		file_put(img->file);
	}
	if (img->interp)
		file_put(img->interp);
	free(img->filename);
	free_strings(img->argv);
	free_strings(img->envp);
	memset(img, 0, sizeof(*img));
}

int exec_set_file(struct exec_image *img, struct file *f)
{
	int r = inode_deny_write(f->inode);

	if (r < 0) {
		file_put(f);
		return r;
	}
	if (img->file) {
		inode_allow_write(img->file->inode);
		file_put(img->file);
	}
	img->file = f;
	return 0;
}

/* Opens a program by name for execution: regular, executable, not on a noexec mount. */
static int open_exec(struct task *t, const char *name, struct file **ret)
{
	_cleanup_(file_putp) struct file *f = NULL;
	int r = file_open_at(t, AT_FDCWD, name, O_RDONLY | O_CLOEXEC, 0, 0, &f);

	if (r < 0)
		return r;
	if (!S_ISREG(f->inode->mode) || (f->path.mnt && (f->path.mnt->flags & MNT_NOEXEC)))
		return -EACCES;
	r = inode_permission(f->inode, f->cred, MAY_EXEC);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(f);
	return 0;
}

/* Splits "#! interp [one argument]". line holds n bytes and a NUL behind them. -ENOEXEC. */
static int parse_script(char *line, size_t n, char **ret_name, char **ret_arg)
{
	char *end = memchr(line, '\n', n), *name;

	name = line + 2 + strspn(line + 2, " \t");
	if (!end && n == SCRIPT_LINE && name + strcspn(name, " \t") == line + n)
		return -ENOEXEC; /* the interpreter's name was cut off */
	if (!end)
		end = line + n;
	*end = 0;
	while (end > line + 2 && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = 0;
	if (name >= end || !*name)
		return -ENOEXEC;
	*ret_name = name;
	*ret_arg = NULL;
	end = strpbrk(name, " \t");
	if (end) {
		*end = 0;
		*ret_arg = end + 1 + strspn(end + 1, " \t");
	}
	return 0;
}

/* argv becomes head[0..k-1], old argv[1..]; takes the strings of head over in every case. */
static int replace_argv0(struct exec_image *img, char **head, unsigned k)
{
	unsigned rest = img->argc ? img->argc - 1 : 0;
	char **argv = calloc(k + rest + 1, sizeof(*argv));
	bool ok = argv;

	for (unsigned i = 0; i < k; i++)
		ok = ok && head[i];
	if (!ok) {
		for (unsigned i = 0; i < k; i++)
			free(head[i]);
		free(argv);
		return -ENOMEM;
	}
	memcpy(argv, head, k * sizeof(*argv));
	if (rest)
		memcpy(argv + k, img->argv + 1, rest * sizeof(*argv));
	if (img->argc)
		free(img->argv[0]);
	free(img->argv);
	img->argv = argv;
	img->argc = k + rest;
	return 0;
}

/* argv becomes interp, argument, script name, old argv[1..]; img->filename stays what was asked for (AT_EXECFN and the
 * task's name), *script follows. */
static int follow_script(struct task *t, struct exec_image *img, char *line, size_t n, char **script)
{
	_cleanup_(file_putp) struct file *f = NULL;
	char *name, *arg, *head[3];
	unsigned k = 0;
	int r = parse_script(line, n, &name, &arg);

	if (r == 0)
		r = open_exec(t, name, &f);
	if (r < 0)
		return r;
	head[k++] = strdup(name);
	if (arg)
		head[k++] = strdup(arg);
	head[k++] = strdup(*script);
	r = replace_argv0(img, head, k);
	if (r < 0)
		return r;
	r = exec_set_file(img, TAKE_PTR(f));
	if (r < 0)
		return r;
	free(*script);
	*script = strdup(name);
	return *script ? 0 : -ENOMEM;
}

int loader_read_elf(struct file *f, struct elf_info *ret)
{
	_cleanup_free_ void *phdrs = NULL;
	uint8_t head[4096];
	ssize_t n = file_read_kernel(f, head, sizeof(head), 0);
	struct kstat st;
	uint64_t off;
	size_t len;
	int r;

	if (n < 0)
		return (int)n;
	r = vfs_getattr(&f->path, &st);
	if (r < 0)
		return r;
	r = elf_headers(head, (size_t)n, &off, &len);
	if (r < 0)
		return r;
	if (off > (uint64_t)n || len > (size_t)n - off) { /* behind the first page */
		phdrs = malloc(len);
		if (!phdrs)
			return -ENOMEM;
		if (off > st.size || len > st.size - off || file_read_kernel(f, phdrs, len, off) != (ssize_t)len)
			return -ENOEXEC;
	}
	r = elf_parse(head, (size_t)n, phdrs, st.size, ret);
	if (r == 0 && ret->interp_len && !ret->interp[0]) {
		n = file_read_kernel(f, ret->interp, ret->interp_len, ret->interp_off);
		if (n != (ssize_t)ret->interp_len || ret->interp[n - 1])
			return -ENOEXEC;
	}
	return r;
}

int exec_probe(struct task *t, struct exec_image *img)
{
	_cleanup_free_ char *script = strdup(img->filename);
	struct elf_info info;
	char *none = NULL;
	int r;

	if (!script)
		return -ENOMEM;
	if (!img->argc) { /* a program always has an argv[0] */
		none = strdup("");
		r = replace_argv0(img, &none, 1);
		if (r < 0)
			return r;
	}
	for (int level = 0;; level++) {
		char line[SCRIPT_LINE + 1] = "";
		ssize_t n = file_read_kernel(img->file, line, SCRIPT_LINE, 0);

		if (n < 0)
			return (int)n;
		if (n < 2 || line[0] != '#' || line[1] != '!')
			break;
		if (level == SCRIPT_LEVELS)
			return -ELOOP;
		r = follow_script(t, img, line, (size_t)n, &script);
		if (r < 0)
			return r;
	}
	r = loader_read_elf(img->file, &info);
	if (r < 0)
		return r;
	if (!info.interp_len)
		return 0;
	r = open_exec(t, info.interp, &img->interp);
	if (r < 0)
		return r;
	r = loader_read_elf(img->interp, &info);
	return r == -ENOEXEC || r == -EINVAL ? -ELIBBAD : r;
}
