/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of this room. */
#ifndef NACRE_KERNEL_FS_MQUEUE_MQUEUE_PRIV_H
#define NACRE_KERNEL_FS_MQUEUE_MQUEUE_PRIV_H

#include "base/list.h"
#include "kernel/fs/mqueue/mqueue.h"
#include "kernel/ipc/ipc.h"
#include "kernel/vfs/vfs.h"

struct mq_message {
	struct list_head node;
	unsigned prio;
	size_t size;
	char text[];
};

struct mq {
	struct mutex lock; /* RANK_PIPE */
	struct waitq wait; /* senders, receivers, pollers */
	struct ipc_namespace *ns; /* the super's */
	long max, max_size;	  /* constant */
	kuid_t user;		  /* whose RLIMIT_MSGQUEUE counts bytes */
	uint64_t bytes;
	long count GUARDED_BY(lock);
	uint64_t size GUARDED_BY(lock); /* of all texts */
	struct list_head messages GUARDED_BY(lock); /* highest priority first, then as they came */
	unsigned receivers GUARDED_BY(lock);	    /* that sleep */
	struct thread_group *notify GUARDED_BY(lock); /* reference; NULL: nobody */
	struct sigevent event GUARDED_BY(lock);
	struct file *socket GUARDED_BY(lock); /* SIGEV_THREAD: the netlink socket that gets the cookie; reference */
	uint8_t cookie[MQ_COOKIE] GUARDED_BY(lock);
};

struct mq_user { /* sb lock: queues' bytes of one user */
	struct list_head node;
	kuid_t uid;
	uint64_t bytes;
};

struct mq_entry {
	struct list_head node;
	struct inode *inode; /* reference */
	uint64_t pos;	     /* in the directory: rises */
	char name[];
};

struct mq_sb {
	struct ipc_namespace *ns; /* its life */
	struct list_head entries GUARDED_BY(root lock);
	uint64_t next_pos GUARDED_BY(root lock);
	int queues GUARDED_BY(lock); /* inodes that are queues */
	struct mutex lock;	     /* RANK_TASK */
	struct list_head users GUARDED_BY(lock);
};

extern const struct file_ops mq_file_ops;
void mq_free(struct mq *q);

#endif
