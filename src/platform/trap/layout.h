/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stub and the kernel's side of the trap platform share: the address layout of a stub, the slot
 * through which they talk, and the exact shapes of the host calls that the filter knows. The stub
 * is freestanding: only constants, fixed-width types and UAPI headers here.
 *
 * Everything in a slot is untrusted: guest code can write it. The kernel copies once, then checks.
 */
#ifndef NACRE_PLATFORM_TRAP_LAYOUT_H
#define NACRE_PLATFORM_TRAP_LAYOUT_H

#include <stdint.h>
#include "base/title.h"

/* The guest's addresses end at 0x7e0000000000 (PT_GUEST_END). 4 GiB stay empty behind them, so that
 * the filter can compare upper halves of addresses alone. */
#define STUB_BASE 0x7e0100000000ULL
#define STUB_SIZE 0x100000ULL
/* One area for each thread: alternate stack, then slot. Aligned to its size: a handler finds its own by
 * masking the stack pointer. */
#define AREA_BASE 0x7e4000000000ULL
#define AREA_SIZE 0x40000ULL
#define AREA_COUNT 4096U /* threads in one address space */
#define AREA_END (AREA_BASE + AREA_COUNT * AREA_SIZE)
#define ALTSTACK_SIZE 0x10000ULL
#define SLOT_OFFSET ALTSTACK_SIZE
#define SLOT_SIZE 0x20000ULL
#define SLOT_DATA_OFFSET 0x2000ULL
#define SLOT_DATA_SIZE (SLOT_SIZE - SLOT_DATA_OFFSET)

/* Number of the slot memfd in the mapping table of a container. */
#define SLOT_FD 0
/* Host signal that interrupts guest code (SIGURG: its default action is to be ignored). */
#define KICK_SIGNAL 23

/* The two clone shapes. */
#define CLONE_FORK_FLAGS 0x00008411ULL	 /* CLONE_PARENT | CLONE_FILES | SIGCHLD */
#define CLONE_THREAD_FLAGS 0x00250f00ULL /* VM FS FILES SIGHAND THREAD SYSVSEM CHILD_CLEARTID */

/* Whose turn it is. The futex word of a slot. */
#define TURN_STUB 0U
#define TURN_KERNEL 1U

enum slot_event {
	SLOT_EV_READY = 1, /* a new thread arrived, or the zygote */
	SLOT_EV_SYSCALL,
	SLOT_EV_EXCEPTION,
	SLOT_EV_KICK,
	SLOT_EV_DONE, /* operations carried out, results in place */
};

enum slot_op_kind {
	SLOT_OP_RESUME = 1,   /* back to guest code with the slot's registers */
	SLOT_OP_SYSCALL,      /* nr, a[6] -> result */
	SLOT_OP_FORK,	      /* a[0] slot offset, a[1] token -> result */
	SLOT_OP_THREAD,	      /* a[0] slot offset, a[1] token, a[2] area address -> result */
	SLOT_OP_COPY_IN,      /* guest a[0], length a[1] -> slot data; result bytes copied */
	SLOT_OP_COPY_OUT,     /* slot data -> guest a[0], length a[1]; result bytes copied */
	SLOT_OP_FP_SAVE,      /* to guest a[0] -> result 0 or -EFAULT */
	SLOT_OP_FP_LOAD,      /* from guest a[0]; 0: initial state */
	SLOT_OP_CMPXCHG,      /* guest word a[0], expects a[1], puts a[2] -> result what was there, or -EFAULT */
	SLOT_OP_EXIT,	      /* this thread */
	SLOT_OP_EXIT_GROUP,   /* the whole address space */
};
#define SLOT_OPS_MAX 32

struct slot_op {
	uint32_t kind, nr;
	uint64_t a[6];
	int64_t result;
};

/* Order of general registers: struct user_regs_struct of ptrace, 27 words. */
#define SLOT_NREGS 27

/* Calls that the stub answers from the slot, in the order of enum pt_answer. */
enum slot_answer {
	SLOT_GETPID,
	SLOT_GETTID,
	SLOT_GETPPID,
	SLOT_GETUID,
	SLOT_GETEUID,
	SLOT_GETGID,
	SLOT_GETEGID,
	SLOT_ANSWERS,
};

struct slot {
	uint32_t turn;
	uint32_t stub_sleeps, kernel_sleeps; /* whether the other side must be woken by futex */
	uint32_t tid_word;		     /* CLONE_CHILD_CLEARTID: 1 while the thread lives */
	uint32_t spin;			     /* the kernel asks the stub to poll that many times before sleeping */
	uint32_t pad[11];
	/* request, written by the stub */
	uint32_t event, cpu;
	int32_t signo, code;
	uint64_t trapno, err, fault_addr;
	uint64_t fp_size; /* of the host's signal frame */
	/* both ways */
	uint64_t regs[SLOT_NREGS];
	/* reply, written by the kernel; results by the stub */
	uint32_t nops, ops_done;
	struct slot_op ops[SLOT_OPS_MAX];
	/* what the stub answers without us: bits and values by enum slot_answer */
	uint32_t answered, answers[SLOT_ANSWERS];
	/* birth of the zygote */
	int32_t listener;
	uint32_t go;
};
_Static_assert(sizeof(struct slot) <= SLOT_DATA_OFFSET, "slot header");

/* Factory protocol, on the sequenced-packet socket at descriptor 3: one request, one reply. */
#define FACTORY_FD 3
struct factory_request { /* with one descriptor: the slot memfd */
	uint32_t magic;	 /* FACTORY_MAGIC */
	uint32_t slot;	 /* index of the zygote's slot */
};
#define FACTORY_MAGIC 0x6e636672U
struct factory_reply { /* with one descriptor, the listener, when error is 0 */
	int32_t error; /* negative errno */
	int32_t pid;
	uint64_t title; /* where every stub of the zygote's has its command line, STUB_TITLE bytes */
};
/* Where the host's stack ends, of which a stub keeps only the pages of its command line, above the areas. */
#define HOST_STACK_END 0x7ffffffff000ULL

#endif
