/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars of the guest boundary, and forward declarations shared by all rooms of the kernel. */
#ifndef NACRE_KERNEL_TYPES_H
#define NACRE_KERNEL_TYPES_H

#include <sys/types.h>
#include "base/compiler.h"

/* An address in guest memory. Only usercopy.c and the platform open it; nobody can dereference it. */
typedef struct {
	uint64_t a;
} uaddr_t;

static inline uaddr_t uaddr(uint64_t a)
{
	return (uaddr_t){a};
}
static inline uaddr_t uaddr_add(uaddr_t u, uint64_t n)
{
	return (uaddr_t){u.a + n};
}
static inline bool uaddr_null(uaddr_t u)
{
	return u.a == 0;
}

/* A kernel-internal user or group id (what inodes and credentials hold). With one user namespace
 * per sandbox kuid == uid; a distinct type keeps the place where namespaces translate visible. */
typedef struct {
	uint32_t v;
} kuid_t;
typedef struct {
	uint32_t v;
} kgid_t;
#define KUID(x) ((kuid_t){(uint32_t)(x)})
#define KGID(x) ((kgid_t){(uint32_t)(x)})

#define GUEST_PAGE_SIZE 4096ULL
#define NSEC_PER_SEC 1000000000ULL
#define TIME_FOREVER UINT64_MAX

/* Internal results, never seen by the guest (as in Linux's errno.h). */
#define ERESTARTSYS 512		  /* restart if SA_RESTART or no handler, else EINTR */
#define ERESTARTNOINTR 513	  /* always restart */
#define ERESTARTNOHAND 514	  /* restart if no handler, else EINTR */
#define ERESTART_RESTARTBLOCK 516 /* restart by sys_restart_syscall, else EINTR */

struct kernel;
struct cgroup;
struct container;
struct task;
struct thread_group;
struct cred;
struct user_namespace;
struct mm;
struct files;
struct fs_struct;
struct sighand;
struct nsproxy;
struct ipc_namespace;
struct mnt_namespace;
struct file;
struct inode;
struct dentry;
struct super;
struct mount;
struct path;
struct pt_thread;
struct pt_as;
struct pt_container;
struct hostfd;
struct uio;
struct tty;
struct poll_table;
struct waitq;

#endif
