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

#define SCRIPT_LEVELS 4
#define SCRIPT_LINE 256

static void free_strings(char **v)
{
	for (char **s = v; s && *s; s++)
		free(*s);
	free(v);
}

void exec_image_done(struct exec_image *img)
{
	if (img->file)
		file_put(img->file);
	if (img->interp)
		file_put(img->interp);
	free(img->filename);
	free_strings(img->argv);
	free_strings(img->envp);
	memset(img, 0, sizeof(*img));
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

/* "#! interp [one argument]": argv becomes interp, argument, script name, old argv[1..]. */
static int follow_script(struct task *t, struct exec_image *img, char *line, size_t n)
{
	char *end, *name, *arg = NULL, **argv;
	struct file *f = NULL;
	unsigned k = 0;
	int r;

	end = memchr(line, '\n', n);
	if (!end && n == SCRIPT_LINE && !strpbrk(line + 2 + strspn(line + 2, " \t"), " \t"))
		return -ENOEXEC; /* the interpreter's name was cut off */
	if (!end)
		end = line + n;
	while (end > line + 2 && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r') && end[-1] != '\r')
		end--;
	*end = 0;
	name = line + 2 + strspn(line + 2, " \t");
	if (!*name)
		return -ENOEXEC;
	end = strpbrk(name, " \t");
	if (end) {
		*end = 0;
		arg = end + 1 + strspn(end + 1, " \t");
		if (!*arg)
			arg = NULL;
	}
	r = open_exec(t, name, &f);
	if (r < 0)
		return r;
	argv = calloc(img->argc + 4, sizeof(*argv));
	if (!argv) {
		file_put(f);
		return -ENOMEM;
	}
	argv[k++] = strdup(name);
	if (arg)
		argv[k++] = strdup(arg);
	argv[k++] = strdup(img->filename);
	for (unsigned i = 1; i < img->argc; i++)
		argv[k++] = img->argv[i];
	if (img->argc)
		free(img->argv[0]);
	free(img->argv);
	img->argv = argv;
	img->argc = k;
	for (unsigned i = 0; i < k; i++)
		if (!argv[i]) {
			file_put(f);
			return -ENOMEM;
		}
	file_put(img->file);
	img->file = f;
	free(img->filename);
	img->filename = strdup(name);
	return img->filename ? 0 : -ENOMEM;
}

int loader_read_elf(struct file *f, struct elf_info *ret)
{
	uint8_t head[4096];
	ssize_t n = file_read_kernel(f, head, sizeof(head), 0);
	struct kstat st;
	int r;

	if (n < 0)
		return (int)n;
	r = vfs_getattr(&f->path, &st);
	if (r < 0)
		return r;
	r = elf_parse(head, (size_t)n, st.size, ret);
	if (r == 0 && ret->interp_len && !ret->interp[0]) {
		n = file_read_kernel(f, ret->interp, ret->interp_len, ret->interp_off);
		if (n != (ssize_t)ret->interp_len || ret->interp[n - 1])
			return -ENOEXEC;
	}
	return r;
}

int exec_probe(struct task *t, struct exec_image *img)
{
	struct elf_info info;
	int r;

	for (int level = 0;; level++) {
		char line[SCRIPT_LINE + 1] = "";
		ssize_t n = file_read_kernel(img->file, line, SCRIPT_LINE, 0);

		if (n < 0)
			return (int)n;
		if (n < 2 || line[0] != '#' || line[1] != '!')
			break;
		if (level == SCRIPT_LEVELS)
			return -ELOOP;
		r = follow_script(t, img, line, (size_t)n);
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
