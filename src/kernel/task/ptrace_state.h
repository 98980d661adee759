/* SPDX-License-Identifier: Apache-2.0 */
/* What a task carries for ptrace(2) and job control. */
#ifndef NACRE_KERNEL_TASK_PTRACE_STATE_H
#define NACRE_KERNEL_TASK_PTRACE_STATE_H

#include <signal.h>
#include "base/list.h"
#include "kernel/types.h"

struct task;

/* Bits of task.jobctl; the names are Linux's. */
#define JOBCTL_STOP_DEQUEUED 0x001U /* a stop signal was taken and no SIGCONT came since */
#define JOBCTL_STOP_PENDING 0x002U  /* is to take part in a group stop */
#define JOBCTL_STOP_CONSUME 0x004U  /* and is counted in tg->stop_count */
#define JOBCTL_TRAP_STOP 0x008U	    /* is to trap for its tracer */
#define JOBCTL_TRAP_NOTIFY 0x010U   /* dito: the group's stop state changed */
#define JOBCTL_TRAPPING 0x020U	    /* an attach waits for stopped to become traced */
#define JOBCTL_LISTENING 0x040U	    /* PTRACE_LISTEN */
#define JOBCTL_STOPPED 0x080U	    /* sleeps in a group stop until this goes */
#define JOBCTL_TRACED 0x100U	    /* sleeps in a stop for its tracer until this goes */
#define JOBCTL_LATE 0x400U	    /* exits: nobody who gathers threads waits for it */
#define JOBCTL_FROZEN 0x200U	    /* the tracer works on it: even a kill does not wake it */
#define JOBCTL_TRAP_MASK (JOBCTL_TRAP_STOP | JOBCTL_TRAP_NOTIFY)
#define JOBCTL_PENDING_MASK (JOBCTL_STOP_PENDING | JOBCTL_TRAP_MASK)

/* Bits of ptrace.flags: traced at all, and how; options of PTRACE_SETOPTIONS above PT_OPT_SHIFT. */
#define PT_PTRACED 1U
#define PT_SEIZED 2U
#define PT_OPT_SHIFT 3
#define PT_SUSPEND_SECCOMP (1U << 24)
#define PT_EVENT(ev) (1U << (PT_OPT_SHIFT + (ev)))

/* Bits of ptrace.mode: how the tracer let the task go on. */
#define PT_TRACE_SYSCALL 1U
#define PT_TRACE_EMU 2U
#define PT_STEP 4U
#define PT_STEP_CALL 8U	  /* a step out of a call: a trap before the next instruction */
#define PT_FORCED_TF 16U  /* the trap flag in the registers is the tracer's, not the program's */

struct ptrace {
	struct task *tracer GUARDED_BY(tasklist_lock); /* who takes its tracees off when it goes: no reference */
	struct list_head tracees GUARDED_BY(tasklist_lock), node GUARDED_BY(tasklist_lock);
	uint32_t flags; /* PT_*: atomic, written with the tasklist lock */
	uint32_t mode;	/* atomic */
	/* Of the stop in progress: */
	int code GUARDED_BY(sighand->lock); /* wait status, then the signal to go on with */
	uint64_t message GUARDED_BY(sighand->lock);
	siginfo_t *info GUARDED_BY(sighand->lock); /* on the tracee's stack; NULL outside */
	struct list_head work GUARDED_BY(sighand->lock); /* struct ptrace_work for it to do */
};

#endif
