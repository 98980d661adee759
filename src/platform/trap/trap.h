/* SPDX-License-Identifier: Apache-2.0 */
/* The trap platform's own structures. platform_lock guards what names it; it may be taken inside a container's lock,
 * nothing is taken inside it. */
#ifndef NACRE_PLATFORM_TRAP_TRAP_H
#define NACRE_PLATFORM_TRAP_TRAP_H

#include <sched.h>
#include "base/list.h"
#include "base/lock.h"
#include "base/ref.h"
#include "platform/platform.h"
#include "platform/trap/layout.h"

struct pt_as {
	struct ref ref;
	struct pt_container *c;
	struct list_head node GUARDED_BY(platform_lock);    /* platform's list of live ones */
	struct list_head threads GUARDED_BY(platform_lock); /* pt_thread.node */
	struct list_head spare GUARDED_BY(platform_lock);   /* places: slots only this one may reuse */
	unsigned live GUARDED_BY(platform_lock);	    /* threads */
	pid_t pid;		 /* host pid, set at birth; 0 before */
	uint32_t dead;		 /* atomic: set by the reaper, or when it never came to life */
	int status;		 /* wait status, valid when dead */
	uint64_t areas[AREA_COUNT / 64] GUARDED_BY(platform_lock);
};

/* A slot and the area it is mapped at. Slots go back to the sandbox's pool only when the address space is
 * dead: until then its threads can still write them. */
struct place {
	struct list_head node;
	unsigned slot, area;
	struct slot *map; /* the kernel's mapping */
};

/* What the next notification of a thread may be: one shot. */
enum order_kind { ORDER_NONE, ORDER_MMAP, ORDER_CLONE_FORK, ORDER_CLONE_THREAD };
struct order {
	enum order_kind kind;
	uint64_t args[6];
	struct hostfd *file; /* borrowed for the length of the trip */
};

/* How the two threads of a hand-off wait for each other (pace.c); the owning kernel thread's alone. */
struct pace {
	int cpu;     /* affinity of the owning kernel thread, -1 unknown */
	bool pinned; /* the guest thread is held on cpu, since pinned_ns */
	bool spins;  /* the kernel thread polls, since since */
	unsigned shard, weight;		     /* what pace_wait_begin added */
	uint64_t pinned_ns, since, last;     /* last: begin of the latest hand-off */
	uint64_t sum;			     /* ns of the calls of this window */
	unsigned calls, skip, won;	     /* in this window; not to be judged; windows won */
	uint64_t blocking;		     /* mean time of a call when waiting by futex */
	uint64_t next, backoff, retest;	     /* when spinning may be tried again */
};

struct pt_thread {
	struct list_head node GUARDED_BY(platform_lock); /* pt_as.threads */
	struct list_head hash GUARDED_BY(c->lock);	 /* by tid */
	struct pt_as *as;				 /* own reference */
	struct place *place;
	struct slot *slot; /* = place->map */
	pid_t tid;	   /* from the notification */
	uint32_t kick;	   /* atomic: pt_interrupt was called */
	uint32_t in_guest; /* atomic: pt_run has handed over */
	uint64_t doom;	   /* atomic: when the address space is killed, if a hand-off lasts till then; 0 never */
	struct pace pace;
	struct order order GUARDED_BY(c->lock);
	uint32_t token GUARDED_BY(c->lock); /* of a birth in progress, 0 none */
	struct list_head birth GUARDED_BY(c->lock);
	struct user_regs_struct regs;
};

#define TID_BUCKETS 64
#define TABLE_MAX 1024
struct pt_container {
	struct mutex lock; /* RANK_PLATFORM: orders, births, tids, table */
	struct mutex zygote_lock; /* RANK_EXEC: one order to the zygote at a time */
	int listener;
	pthread_t receiver;
	bool closing; /* atomic */
	struct pt_thread *zygote;
	void (*on_dead)(void *priv, struct pt_as *lost);
	void *priv;
	bool zygote_closing GUARDED_BY(lock); /* its close_range is expected */
	bool has_slot_fd GUARDED_BY(lock);
	struct list_head tids[TID_BUCKETS] GUARDED_BY(lock);
	struct list_head births GUARDED_BY(lock);
	/* The mapping table: which hostfd id sits at which descriptor of the stubs; index 0 is the slots'. */
	uint64_t table[TABLE_MAX] GUARDED_BY(lock);
	uint16_t busy[TABLE_MAX] GUARDED_BY(lock); /* orders that name the entry */
	unsigned table_hand GUARDED_BY(lock);
};

struct trap {
	int factory_fd, proc_fd, slots_fd;
	struct mutex factory_lock; /* RANK_EXEC */
	struct list_head spaces GUARDED_BY(platform_lock);
	pthread_t reaper;
	bool stopping; /* atomic */
	uint64_t fp_size;
	unsigned ncpu;
	cpu_set_t cpus; /* that the sandbox may use, usable many */
	unsigned usable;
	uint64_t title; /* of every stub: where its command line lies (struct factory_reply) */
	bool no_process_vm; /* forced or found: copy through slots */
};
extern struct trap trap;
extern struct mutex platform_lock;

/* slots.c */
int slots_init(void) __must_check;
int place_new(struct pt_as *as, bool first, struct place **ret) __must_check;
void place_retire(struct pt_as *as, struct place *p);	 /* thread ended, address space lives */
void places_free(struct pt_as *as) REQUIRES(platform_lock); /* address space is dead */

/* notify.c */
int receiver_start(struct pt_container *c) __must_check;
void receiver_stop(struct pt_container *c);
/* Entry for file, kept from eviction until table_release; -EMFILE when every entry is in use. */
int table_reserve(struct pt_container *c, struct hostfd *file) REQUIRES(c->lock);
void table_release(struct pt_container *c, int index) REQUIRES(c->lock);
struct list_head *tid_bucket(struct pt_container *c, pid_t tid);

/* reaper.c */
int reaper_start(void) __must_check;
void reaper_stop(void);

/* handoff.c */
/* Gives the stub its turn and waits until it comes back. deadline: absolute monotonic ns or TIME_FOREVER.
 * 0, -ESRCH when the address space died, -ETIMEDOUT. */
int handoff(struct pt_thread *pt, uint64_t deadline) __must_check;
int handoff_wait(struct pt_thread *pt, uint64_t deadline) __must_check;
/* Runs n operations (copied into the slot) and copies the results back. */
int run_slot_ops(struct pt_thread *pt, struct slot_op *ops, unsigned n) __must_check;
uint64_t monotonic_ns(void);

/* pace.c */
#define BUSY_SHARDS 64U
/* At the begin of a hand-off: places the two threads and decides how to wait. */
void pace_handoff(struct pt_thread *pt, uint64_t now);
/* Around the wait. */
void pace_wait_begin(struct pt_thread *pt);
void pace_wait_end(struct pt_thread *pt);
/* Polls for the end of the stub's turn. False: not any more, wait by futex. */
bool pace_poll(struct pt_thread *pt);
/* When a guest that is held on a CPU must be let go, and doing so. */
uint64_t pace_hold_end(struct pt_thread *pt);
void pace_let_go(struct pt_thread *pt);
/* Another kernel thread owns pt from now on. */
void pace_adopt(struct pt_thread *pt);
void pace_init(struct pt_thread *pt);

/* thread.c */
/* Affinity of the guest's host thread, if that still exists. */
void thread_affinity(struct pt_thread *pt, const cpu_set_t *set);
struct pt_as *as_new(struct pt_container *c);
struct pt_thread *thread_alloc(struct pt_as *as);
int thread_birth(struct pt_thread *parent, struct pt_thread *child, bool share_mm) __must_check;
void thread_free(struct pt_thread *pt);
void as_mark_dead(struct pt_as *as, int status); /* no lock held */

#endif
