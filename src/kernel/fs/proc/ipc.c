/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/sysvipc and the limits of /proc/sys/kernel: those of the reader's IPC namespace. */
#include <errno.h>
#include <linux/capability.h>
#include "kernel/fs/proc/proc.h"
#include "kernel/ipc/ipc.h"
#include "kernel/task/task.h"

static int show_shm(struct synth_inode *i, struct synth_buf *b)
{
	shm_show(ipc_ns_of(current), current, b);
	return 0;
}

static int show_sem(struct synth_inode *i, struct synth_buf *b)
{
	sem_show(ipc_ns_of(current), current, b);
	return 0;
}

static int show_msg(struct synth_inode *i, struct synth_buf *b)
{
	msg_show(ipc_ns_of(current), current, b);
	return 0;
}

int proc_show_ipc_setting(struct synth_inode *i, struct synth_buf *b)
{
	char text[128];
	int r = ipc_sysctl_show(ipc_ns_of(current), i->node->name, text, sizeof(text));

	if (r == 0)
		synth_printf(b, "%s", text);
	return r;
}

ssize_t proc_write_ipc_setting(struct synth_inode *i, char *buf, size_t n)
{
	struct ipc_namespace *ns = ipc_ns_of(current);
	int r;

	if (current->cred->euid.v != 0 && !ns_capable(current->cred, ns_owner(&ns->ns), CAP_SYS_RESOURCE))
		return -EPERM;
	r = ipc_sysctl_set(ns, i->node->name, buf);
	return r < 0 ? r : (ssize_t)n;
}

const struct synth_node proc_sysvipc_files[] = {
	{.name = "msg", .mode = S_IFREG | 0444, .show = show_msg},
	{.name = "sem", .mode = S_IFREG | 0444, .show = show_sem},
	{.name = "shm", .mode = S_IFREG | 0444, .show = show_shm},
	{.name = NULL},
};
