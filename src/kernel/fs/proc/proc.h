/* SPDX-License-Identifier: Apache-2.0 */
/* proc(5): shared by the files of this room. */
#ifndef NACRE_KERNEL_FS_PROC_PROC_H
#define NACRE_KERNEL_FS_PROC_PROC_H

#include "kernel/vfs/synth.h"

struct pid;
struct task;
extern const struct fs_type proc_fs_type;
extern const struct synth_node proc_root_files[], proc_pid_files[], proc_task_files[];
/* vm.c */
struct mm;
int proc_show_maps(struct synth_inode *i, struct synth_buf *b);
int proc_show_smaps(struct synth_inode *i, struct synth_buf *b);
int proc_show_smaps_rollup(struct synth_inode *i, struct synth_buf *b);
void proc_show_vm_status(struct mm *mm, struct synth_buf *b); /* the Vm lines of status */
int proc_pagemap_open(struct synth_inode *i, struct file *f);
extern const struct synth_node proc_sys_files[], proc_self_links[];
/* ipc.c: limits of the reader's IPC namespace, by the node's name. */
extern const struct synth_node proc_sysvipc_files[];
int proc_show_ipc_setting(struct synth_inode *i, struct synth_buf *b);
ssize_t proc_write_ipc_setting(struct synth_inode *i, char *buf, size_t n);
extern const struct synth_node proc_net_files[]; /* net.c */
/* ns.c: the table of ns/, the files beside it, and /proc/sys/user. */
extern const struct synth_node proc_ns_files[], proc_sys_user[];
#define PROC_NS_DECLARE(name)                                                                      \
	int proc_show_##name(struct synth_inode *i, struct synth_buf *b);                          \
	ssize_t proc_write_##name(struct synth_inode *i, struct file *f, char *buf, size_t n);
PROC_NS_DECLARE(uid_map)
PROC_NS_DECLARE(gid_map)
PROC_NS_DECLARE(projid_map)
PROC_NS_DECLARE(setgroups)
PROC_NS_DECLARE(timens)
#define PROC_NS_FILE(n, fn)                                                                        \
	{.name = n, .mode = S_IFREG | 0644, .show = proc_show_##fn, .write_file = proc_write_##fn, \
	 .valid = proc_pid_valid}
#define PROC_NS_FILES                                                                              \
	PROC_NS_FILE("uid_map", uid_map), PROC_NS_FILE("gid_map", gid_map),                        \
		PROC_NS_FILE("projid_map", projid_map), PROC_NS_FILE("setgroups", setgroups),      \
		PROC_NS_FILE("timens_offsets", timens)
extern const struct synth_node proc_fd_node, proc_fdinfo_node;

/* The task that directory i stands for: + reference, NULL when it is gone. */
struct task *proc_task(struct synth_inode *i);
/* The process or thread that an open directory of /proc stands for: + reference, NULL when f is none. */
struct pid *proc_dir_pid(struct file *f);
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
int proc_show_mountstats(struct synth_inode *i, struct synth_buf *b);
uint32_t proc_poll_mounts(struct synth_inode *i, uint64_t *seen, struct poll_table *pt);
int proc_mem_open(struct synth_inode *i, struct file *f);
int proc_show_syscall(struct synth_inode *i, struct synth_buf *b);

/* system.c */
int proc_show_uptime(struct synth_inode *i, struct synth_buf *b);
int proc_show_stat(struct synth_inode *i, struct synth_buf *b);
int proc_show_loadavg(struct synth_inode *i, struct synth_buf *b);
int proc_show_cpuinfo(struct synth_inode *i, struct synth_buf *b);
int proc_show_nothing(struct synth_inode *i, struct synth_buf *b);
int proc_show_interrupts(struct synth_inode *i, struct synth_buf *b);
int proc_show_softirqs(struct synth_inode *i, struct synth_buf *b);
int proc_show_misc(struct synth_inode *i, struct synth_buf *b);
int proc_show_execdomains(struct synth_inode *i, struct synth_buf *b);
/* pid_more.c. CPU time in ns of what directory i stands for. */
void proc_cputime(struct synth_inode *i, struct task *t, uint64_t *user, uint64_t *sys);
int proc_show_personality(struct synth_inode *i, struct synth_buf *b);
int proc_show_schedstat(struct synth_inode *i, struct synth_buf *b);
int proc_show_sched(struct synth_inode *i, struct synth_buf *b);
int proc_show_sessionid(struct synth_inode *i, struct synth_buf *b);
int proc_show_cpuset(struct synth_inode *i, struct synth_buf *b);
int proc_show_slack(struct synth_inode *i, struct synth_buf *b);
ssize_t proc_write_slack(struct synth_inode *i, char *buf, size_t n);

#endif
