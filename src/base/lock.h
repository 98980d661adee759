/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutexes with a rank. The order of ranks is the lock order of the whole program and is explained
 * in docs/LOCKING.md: a thread may take a mutex only if its rank is higher than that of every mutex
 * it holds. Two of one rank need mutex_lock_nested() and a rule for their order at the call site.
 * Debug builds (-DNACRE_LOCK_DEBUG) check this at run time and abort with both names.
 */
#ifndef NACRE_BASE_LOCK_H
#define NACRE_BASE_LOCK_H

#include <pthread.h>
#include "base/compiler.h"

enum lock_rank {
	RANK_NONE = 0,
	RANK_CONTROL,	  /* container table, RPC server */
	RANK_EXEC,	  /* struct thread_group: exec_lock (de-thread, credentials against ptrace) */
	RANK_EPOLL_SET,	  /* one for nested epoll changes */
	RANK_EPOLL,	  /* struct epoll: interest set */
	RANK_FILE_POS,	  /* struct file: position */
	RANK_RENAME,	  /* struct super: rename_lock */
	RANK_INODE_DIR,	  /* inode lock of a directory */
	RANK_INODE,	  /* inode lock of anything else */
	RANK_OVL_COPYUP,  /* overlay: copy-up of one inode; takes the layers' inode locks below */
	RANK_LAYER_RENAME, /* rename_lock of a layer */
	RANK_LAYER_DIR,	  /* inode locks of an overlay's upper and lower file systems */
	RANK_LAYER_INODE,
	RANK_MM,	  /* struct mm: vma tree */
	RANK_IPC,	  /* struct ipc_ids: one kind of System V IPC objects of a namespace */
	RANK_MOUNT,	  /* mount tree */
	RANK_SUPER,	  /* struct super: inode table */
	RANK_DCACHE,	  /* dentry children lists and names */
	RANK_FS_STRUCT,	  /* struct fs_struct: root and cwd */
	RANK_FDTABLE,	  /* struct files */
	RANK_FILE_LOCK,	  /* flock, POSIX and OFD locks */
	RANK_TASKLIST,	  /* pid tables, parent/child links, process groups, sessions */
	RANK_SIGHAND,	  /* struct sighand: actions, pending signals */
	RANK_TASK,	  /* struct task: small fields read by others */
	RANK_FUTEX,	  /* futex hash bucket */
	RANK_FUTEX_PI,	  /* the table of PI futexes */
	RANK_TTY,	  /* struct tty */
	RANK_PIPE,	  /* struct pipe */
	RANK_SOCK_IO,	  /* readers of one unix socket */
	RANK_NETLINK,	  /* the host's netlink sockets: one question at a time */
	RANK_SOCK,	  /* struct sock */
	RANK_TIMER,	  /* timer queue */
	RANK_WAITQ,	  /* struct waitq */
	RANK_EPOLL_READY, /* struct epoll: ready list; taken from wake functions */
	RANK_PLATFORM,	  /* platform tables */
	RANK_HOSTFD,	  /* host descriptor cache */
	RANK_ARENA,	  /* memory arena of small files */
	RANK_CLOCK,	  /* the generations of the clocks (time/vclock.c) */
	RANK_LOG,	  /* last: anybody may log */
};

struct mutex {
	pthread_mutex_t m;
	const char *name;
	uint8_t rank;
};

#define MUTEX_INIT(rank_, name_) {PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP, name_, rank_}

/* name must be a string constant. */
void mutex_init(struct mutex *m, enum lock_rank rank, const char *name);
void mutex_destroy(struct mutex *m);
void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);
bool mutex_trylock(struct mutex *m);
/* Second mutex of a rank already held; the caller documents why the order is safe. */
void mutex_lock_nested(struct mutex *m);
/* Aborts when the calling thread does not hold m (debug builds only). */
void mutex_assert_held(const struct mutex *m);

static inline void mutex_unlockp(struct mutex **m)
{
	if (*m)
		mutex_unlock(*m);
}
/* Holds the mutex to the end of the scope. */
#define MUTEX_GUARD(m)                                                                             \
	__attribute__((cleanup(mutex_unlockp))) struct mutex *CONCAT(_guard_, __LINE__) __unused = \
		({                                                                                 \
			struct mutex *_m = (m);                                                    \
			mutex_lock(_m);                                                            \
			_m;                                                                        \
		})

#endif
