/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System V IPC: namespaces, the objects' common head, and the three kinds. An object lives in the table of its kind; its
 * number is (seq << 15) + slot, so that a number of a removed object is not soon another's.
 */
#ifndef NACRE_KERNEL_IPC_IPC_H
#define NACRE_KERNEL_IPC_IPC_H

#include "base/list.h"
#include "base/lock.h"
#include "base/ref.h"
#include "kernel/ns.h"

#define IPC_SLOTS 32768
#define IPC_SEQ_MAX 65535U

/* Head of every object. All fields: lock of the kind's table. */
struct ipc_head {
	int id;
	uint32_t key;
	kuid_t uid, cuid;
	kgid_t gid, cgid;
	unsigned mode; /* permission bits, and SHM_DEST and SHM_LOCKED of a segment */
	unsigned seq;
	bool removed; /* no longer in the table */
};

struct ipc_ids {
	struct mutex lock; /* RANK_IPC: the table and every object of this kind */
	struct ipc_head **slots GUARDED_BY(lock);
	unsigned cap, in_use GUARDED_BY(lock);
	int last GUARDED_BY(lock); /* slot given last */
	unsigned seq GUARDED_BY(lock);
	int next_id; /* atomic: number that the next object is to get, -1 any */
};

struct ipc_namespace {
	struct ns_common ns; /* its references are who is in it: the last one's going removes every object */
	struct ref life;     /* and what still points here: attached segments, undo lists */
	struct container *ct; /* charged for the objects; own reference */
	struct user_namespace *user_ns; /* its owner; own reference, constant */
	struct ipc_ids shm, sem, msg;
	/* Limits: atomic, written through /proc/sys/kernel. */
	uint64_t shmmax, shmall;
	int shmmni, semmsl, semmns, semopm, semmni, msgmax, msgmnb, msgmni;
	uint64_t shm_pages GUARDED_BY(shm.lock);
	int used_sems GUARDED_BY(sem.lock);
	uint64_t msg_bytes, msg_count GUARDED_BY(msg.lock);
	int mq_queues_max, mq_msg_max, mq_msgsize_max, mq_msg_default, mq_msgsize_default; /* of POSIX queues; as above */
	struct mount *mq_mnt; /* atomic, set once: the POSIX queues, a mount outside every namespace of mounts */
};

/* A namespace of owner (NULL: the first user namespace) without objects; its charges go to ct. -ENOMEM, -ENOSPC. */
int ipc_namespace_new(struct container *ct, struct user_namespace *owner, struct ipc_namespace **ret) __must_check;
void ipc_life_put(struct ipc_namespace *ns);
/* The current task's. */
struct ipc_namespace *ipc_ns_of(struct task *t);
/* The settings of /proc/sys/kernel that are this room's, by name ("shmmax"): text, or -ENOENT; set: 0, -EINVAL, -ENOENT. */
bool ipc_sysctl_known(const char *name);
int ipc_sysctl_show(struct ipc_namespace *ns, const char *name, char *buf, size_t cap);
int ipc_sysctl_set(struct ipc_namespace *ns, const char *name, const char *text);

/* --- tables: the lock of the kind is held --- */

/* Enters h, whose key, mode and owner (the current task) are set here. flg: mode bits. -ENOSPC past max, -ENOMEM. */
int ipc_enter(struct ipc_ids *ids, struct ipc_head *h, uint32_t key, int flg, int max) REQUIRES(ids->lock) __must_check;
void ipc_remove(struct ipc_ids *ids, struct ipc_head *h) REQUIRES(ids->lock);
/* By number: -EINVAL. */
int ipc_find(struct ipc_ids *ids, int id, struct ipc_head **ret) REQUIRES(ids->lock) __must_check;
/* By slot, for the STAT calls: -EINVAL. */
int ipc_find_slot(struct ipc_ids *ids, int slot, struct ipc_head **ret) REQUIRES(ids->lock) __must_check;
struct ipc_head *ipc_find_key(struct ipc_ids *ids, uint32_t key) REQUIRES(ids->lock);
/* The highest slot in use, 0 when there is none. */
int ipc_max_slot(struct ipc_ids *ids) REQUIRES(ids->lock);

/* May t do what flg's bits (0444, 0222) ask? 0 or -EACCES. */
int ipc_perm_check(struct task *t, struct ipc_namespace *ns, const struct ipc_head *h, int flg);
/* May t change or remove h? 0 or -EPERM. */
int ipc_owner_check(struct task *t, struct ipc_namespace *ns, const struct ipc_head *h);
struct ipc_perm;
void ipc_fill_perm(const struct ipc_head *h, struct ipc_perm *p);
/* IPC_SET: owner and mode from p. -EINVAL for ids that are none. */
int ipc_set_perm(struct ipc_head *h, const struct ipc_perm *p);
uint64_t ipc_now(void); /* seconds of the wall clock */

/* --- kinds: what others call --- */

void shm_namespace_end(struct ipc_namespace *ns);
void sem_namespace_end(struct ipc_namespace *ns);
void msg_namespace_end(struct ipc_namespace *ns);
void mq_namespace_end(struct ipc_namespace *ns); /* fs/mqueue */

/* shm.c. Results or negative errno, as the calls. */
long shm_get(struct task *t, uint32_t key, uint64_t size, int flg);
int64_t shm_attach(struct task *t, int id, uint64_t addr, int flg);
long shm_detach(struct task *t, uint64_t addr);
long shm_control(struct task *t, int id, int cmd, uaddr_t buf);

/* sem.c */
struct sembuf;
struct sem_undo_list;
long sem_get(struct task *t, uint32_t key, int n, int flg);
/* sops: n of them, a copy. deadline: monotonic, TIME_FOREVER. */
long sem_operate(struct task *t, int id, struct sembuf *sops, unsigned n, uint64_t deadline);
long sem_control(struct task *t, int id, int num, int cmd, uint64_t arg);
/* For clone: c shares t's adjustments (which come to be). -ENOMEM. */
int sem_share_undo(struct task *t, struct task *c) __must_check;
/* t leaves its adjustments; the last one who does applies them. */
void sem_exit(struct task *t);

/* msg.c */
long msg_get(struct task *t, uint32_t key, int flg);
long msg_send(struct task *t, int id, uaddr_t buf, uint64_t size, int flg);
long msg_receive(struct task *t, int id, uaddr_t buf, uint64_t size, long type, int flg);
long msg_control(struct task *t, int id, int cmd, uaddr_t buf);

/* /proc/sysvipc: the text of one kind. */
struct synth_buf;
void shm_show(struct ipc_namespace *ns, struct task *viewer, struct synth_buf *b);
void sem_show(struct ipc_namespace *ns, struct task *viewer, struct synth_buf *b);
void msg_show(struct ipc_namespace *ns, struct task *viewer, struct synth_buf *b);

#endif
