/* SPDX-License-Identifier: Apache-2.0 */
/* proc(5): shared by the files of this room. */
#ifndef NACRE_KERNEL_FS_PROC_PROC_H
#define NACRE_KERNEL_FS_PROC_PROC_H

#include "kernel/vfs/synth.h"

struct task;
extern const struct fs_type proc_fs_type;
extern const struct synth_node proc_root_files[], proc_pid_files[], proc_task_files[];
extern const struct synth_node proc_sys_files[];
extern const struct synth_node proc_net_files[]; /* net.c */
extern const struct synth_node proc_fd_node, proc_fdinfo_node;

/* The task that directory i stands for: + reference, NULL when it is gone. */
struct task *proc_task(struct synth_inode *i);
/* May c look into t (descriptors, environment, memory map)? 0 or -EACCES (ptrace(2) access check). */
int proc_may_look(struct task *t, const struct cred *c);
/* Owner of PID directories and their files. */
int proc_pid_valid(struct synth_inode *i);
int proc_look_access(struct synth_inode *i, const struct cred *c, int mask);
/* Directories fd and fdinfo. */
int proc_fd_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child);
bool proc_fd_list(struct synth_inode *dir, long *n, char name[32]);
int proc_fdinfo_lookup(struct synth_inode *dir, const char *name, struct synth_inode *child);
int proc_show_mounts(struct synth_inode *i, struct synth_buf *b);
int proc_show_mountinfo(struct synth_inode *i, struct synth_buf *b);

#endif
