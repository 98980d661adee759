/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The platform: how guest code runs without reaching the host kernel. The kernel above sees address
 * spaces (pt_as) and threads of execution (pt_thread); it never assumes that they are host processes
 * or host threads.
 *
 * A pt_thread belongs to exactly one kernel thread, which alone may call the functions that take a
 * pt_thread, save those marked "any thread". While that kernel thread is not inside pt_run() the
 * guest thread is stopped at the user boundary, its registers are in pt_regs(), and operations
 * (pt_batch_run, pt_copy_*) act on its address space.
 */
#ifndef NACRE_PLATFORM_PLATFORM_H
#define NACRE_PLATFORM_PLATFORM_H

#include <signal.h>
#include <sys/user.h>
#include "kernel/types.h"

/* The guest owns [PT_GUEST_MIN, PT_GUEST_END); everything above is the platform's. */
#define PT_GUEST_MIN 0x1000ULL
#define PT_GUEST_END 0x7e0000000000ULL

struct pt_as;

enum pt_event {
	PT_EV_SYSCALL,	 /* regs.orig_rax = number; rip is after the instruction */
	PT_EV_EXCEPTION, /* a fault or trap of guest code: see pt_exit */
	PT_EV_INTERRUPT, /* pt_interrupt() was called; regs are those of the interrupted code */
	PT_EV_DEAD,	 /* the address space is gone (killed by the host or by pt_as_kill) */
};

struct pt_exit {
	enum pt_event event;
	/* For PT_EV_EXCEPTION, as the host reported them (hints: the guest could have forged them,
	 * so they may decide nothing but which signal this same guest thread gets). */
	int signo, code, trapno;
	uint64_t addr, err;
	/* For PT_EV_DEAD: wait status of the host process, 0 when unknown. */
	int status;
};

/* Parameters of a sandbox's platform, filled from descriptors made at birth (sandbox/birth.h). */
struct platform_params {
	int factory_fd; /* SOCK_SEQPACKET to the factory; owned by the platform from here on */
	int proc_fd;	/* O_PATH descriptor of the sandbox's procfs (subset=pid), or -1 */
	int slots_fd;	/* the number that the slots' memory is to have, for the filter; 0: any */
};

/* Once per process, before any other call. Returns 0 or -errno. */
int pt_init(const struct platform_params *p) __must_check;
/* Ends the factory and every container's zygote and waits for them. */
void pt_fini(void);

/* Makes the host side of a container: one zygote with the container's filter and listener.
 * ret_pidfd receives a pidfd of the zygote (owned by the caller): the runtime puts that process
 * into the container's cgroup before the first pt_spawn. on_dead is called from a platform thread before
 * pt_container_free: with lost NULL once, if the zygote dies, else for an address space whose host process died
 * (somebody on the host killed it) while it had threads: these may be asleep in the kernel. Returns 0 or -errno. */
int pt_container_new(void (*on_dead)(void *priv, struct pt_as *lost), void *priv, struct pt_container **ret,
		     int *ret_pidfd) __must_check;
/* Kills every stub of the container and the zygote, waits for them and frees. */
void pt_container_free(struct pt_container *c);

/* Keeps the calling thread on the CPU where it is, or lets it go again. Speed only: errors are ignored. */
void pt_stay_on_cpu(bool stay);

/* --- threads and address spaces --------------------------------------------------------------- */

/* A fresh, empty address space with one thread, all registers zero (rip must be set before
 * pt_run). Any thread; the calling kernel thread becomes the owner. Returns 0, -EAGAIN, -ENOMEM. */
int pt_spawn(struct pt_container *c, struct pt_thread **ret) __must_check;
/* The command line that the host's ps shows of pt's process: argv until its NULL, truncated. For people
 * only: the guest may change it, and a failure is nobody's business. */
void pt_set_title(struct pt_thread *pt, char *const *argv);
/* A second thread with the same registers: in a copy of the address space (share_mm false: the
 * host's fork), or in the same one (true). The new thread is stopped at the user boundary; the
 * caller changes its registers and hands it to its own kernel thread with pt_adopt.
 * Returns 0, -EAGAIN, -ENOMEM, or -ESRCH when the parent died meanwhile. */
int pt_clone(struct pt_thread *parent, bool share_mm, struct pt_thread **ret) __must_check;
/* Called first by the kernel thread that is to own pt from now on. */
void pt_adopt(struct pt_thread *pt);
/* Ends the guest thread and frees pt; the last thread of an address space ends that. Never waits
 * for guest code longer than the platform's deadline: past it the address space is killed. */
void pt_release(struct pt_thread *pt);

/* Resumes the guest until the next event. */
void pt_run(struct pt_thread *pt, struct pt_exit *ret);
/* Makes a pt_run in progress, or the next one, return PT_EV_INTERRUPT soon (it may also return
 * another event that happened first; then no separate PT_EV_INTERRUPT needs to follow). Any thread. */
void pt_interrupt(struct pt_thread *pt);
/* The thread is to end for good: if it is not at the user boundary within some seconds (guest code can hold back every
 * interruption), its address space is killed. Comes with a pt_interrupt. Any thread. */
void pt_doom(struct pt_thread *pt);

/* Calls without arguments that the guest's side answers itself, without an event, once the kernel has said what: their
 * answers change seldom, and only by what the kernel does. A thread starts with none. */
enum pt_answer {
	PT_ANSWER_GETPID,
	PT_ANSWER_GETTID,
	PT_ANSWER_GETPPID,
	PT_ANSWER_GETUID,
	PT_ANSWER_GETEUID,
	PT_ANSWER_GETGID,
	PT_ANSWER_GETEGID,
	PT_ANSWERS,
};
/* From now on pt's calls are answered with value. Any thread, while pt cannot be released. */
void pt_answer(struct pt_thread *pt, enum pt_answer call, uint32_t value);
/* From now on that call of pt makes the trip again. Any thread, while pt cannot be released. */
void pt_answer_withdraw(struct pt_thread *pt, enum pt_answer call);

/* Registers at the user boundary: user_regs_struct as ptrace shows it, fs_base and gs_base included.
 * Writable; cs, ss and privileged eflags bits are sanitised by pt_run. */
struct user_regs_struct *pt_regs(struct pt_thread *pt);

/* Extended state (x87, SSE, AVX...) as an XSAVE image, standard format with the FP_XSTATE magic that
 * Linux puts into signal frames. Size is constant for a host. save writes it to guest memory,
 * load takes it from there, sanitised; 0 as uaddr in load resets the state to initial.
 * Return 0 or -EFAULT. */
size_t pt_fpstate_size(void);
int pt_fpstate_save(struct pt_thread *pt, uaddr_t to) __must_check;
int pt_fpstate_load(struct pt_thread *pt, uaddr_t from) __must_check;

/* The same image to and from memory of ours, n bytes, at most its size. 0, -EINVAL, -ESRCH, -EFAULT. */
int pt_fpstate_get(struct pt_thread *pt, void *to, size_t n) __must_check;
int pt_fpstate_put(struct pt_thread *pt, const void *from, size_t n) __must_check;

struct pt_as *pt_as(struct pt_thread *pt); /* no reference added */
struct pt_as *pt_as_get(struct pt_as *as);
void pt_as_put(struct pt_as *as);
/* Kills the host side at once; each pt_run in it returns PT_EV_DEAD. Any thread. */
void pt_as_kill(struct pt_as *as);
/* Host pid in the sandbox's pid namespace, for /proc figures (RSS) only; 0 when dead. */
pid_t pt_as_host_pid(struct pt_as *as);

/* --- memory ------------------------------------------------------------------------------------ */

/* Host operations on an address space, carried out in order in one trip. */
enum pt_op_kind { PT_OP_MMAP, PT_OP_MUNMAP, PT_OP_MPROTECT, PT_OP_MREMAP, PT_OP_MADVISE };
struct pt_op {
	enum pt_op_kind kind;
	uint64_t addr, len;
	uint64_t new_addr, new_len; /* MREMAP (always MAYMOVE|FIXED when new_addr != addr) */
	int prot, flags;	    /* MMAP, MPROTECT; MADVISE: flags = advice. MMAP: MAP_* of mmap(2);
				       exactly MAP_FIXED or MAP_FIXED_NOREPLACE must be set */
	struct hostfd *file;	    /* MMAP: what to map, NULL for anonymous; borrowed */
	uint64_t off;
	int result; /* out: 0 or -errno of the host; -ECANCELED after the first failure */
};
#define PT_BATCH_MAX 32
/* n ≤ PT_BATCH_MAX. Stops at the first failure. Returns 0 or the first error, -ESRCH when dead.
 * Results are reported by untrusted code: they may decide nothing outside this address space. */
int pt_batch_run(struct pt_thread *pt, struct pt_op *ops, unsigned n) __must_check;

/* Copies between kernel and guest memory of the calling thread's own address space. Return the
 * number of bytes copied before the first fault (== n on success). pt_copy_in_str stops after the
 * NUL; returns its length without NUL, -ENAMETOOLONG if none within n, -EFAULT. */
size_t pt_copy_in(struct pt_thread *pt, void *to, uaddr_t from, size_t n) __must_check;
size_t pt_copy_out(struct pt_thread *pt, uaddr_t to, const void *from, size_t n) __must_check;
ssize_t pt_copy_in_str(struct pt_thread *pt, char *to, uaddr_t from, size_t n) __must_check;
/* The same on any address space, from any thread (process_vm_*): ptrace, futex, /proc/PID/mem. */
size_t pt_as_read(struct pt_as *as, void *to, uaddr_t from, size_t n) __must_check;
size_t pt_as_write(struct pt_as *as, uaddr_t to, const void *from, size_t n) __must_check;
/* Compares the 32-bit word at at (aligned) of pt's address space with old and, when equal, replaces it by new: atomic
 * against guest code. *seen: what was there. Returns 0, -EFAULT, -ESRCH. What is seen is untrusted: it may decide
 * nothing outside this address space. */
int pt_cmpxchg32(struct pt_thread *pt, uaddr_t at, uint32_t old, uint32_t new, uint32_t *seen) __must_check;
/* A buffer of *len bytes that guest copies to and from are cheapest with (part of the thread's
 * shared slot, or private memory): read into it from a host descriptor, then pt_copy_out.
 * Valid until the next pt_run; contents may change under the kernel: never parse it in place. */
void *pt_staging(struct pt_thread *pt, size_t *len);

#endif
