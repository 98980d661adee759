/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forged frames for the host's rt_sigreturn, which any guest code can reach: it sets all registers, the signal mask and the
 * alternate stack. After each, the code lands in guest text and makes an ordinary call, or computes without end.
 */
#include "esc.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

struct frame {
	ucontext_t uc; /* at rsp when the call is made; the kernel's is shorter, its mask is 8 bytes at the same place */
	char after[1024];
};
static struct frame frame __attribute__((aligned(64)));
static char own_stack[1 << 20] __attribute__((aligned(4096)));
static char fp[16384] __attribute__((aligned(64)));
static uint64_t some_text, some_slot, sysret_site;

static void landed_call(void)
{
	report->state = 4;
	report->result = syscall(SYS_getppid);
	report->state = 5;
	syscall(SYS_exit_group, 0);
}

static void landed_spin(void)
{
	report->state = 4;
	for (;;)
		report->extra++;
}

static void landed_fork(void)
{
	report->state = 4;
	report->result = syscall(SYS_fork);
	if (report->result == 0)
		syscall(SYS_exit_group, 0);
	report->state = 5;
	syscall(SYS_exit_group, 0);
}

#define ALT_SIZE 0x10000UL
#define GREG(r) frame.uc.uc_mcontext.gregs[r]

static void plain_frame(void (*to)(void))
{
	memset(&frame, 0, sizeof(frame));
	GREG(REG_RIP) = (greg_t)(uintptr_t)to;
	GREG(REG_RSP) = (greg_t)(uintptr_t)(own_stack + sizeof(own_stack) / 2 - 8);
	GREG(REG_EFL) = 0x202;
	GREG(REG_CSGSFS) = (greg_t)(0x33ULL | 0x2bULL << 48);
	/* as it is: the first half of the shared area */
	frame.uc.uc_stack = (stack_t){.ss_sp = (void *)(some_slot - ALT_SIZE), .ss_size = ALT_SIZE};
}

static void set_seg(unsigned cs, unsigned ss)
{
	GREG(REG_CSGSFS) = (greg_t)((uint64_t)cs | (uint64_t)ss << 48);
	frame.uc.uc_flags = 6; /* SIGCONTEXT_SS, STRICT_RESTORE_SS */
}

static void set_alt(void *sp, size_t size, int flags)
{
	frame.uc.uc_stack = (stack_t){.ss_sp = sp, .ss_size = size, .ss_flags = flags};
}

/* The mask: the first 8 bytes of what C calls uc_sigmask. */
static void set_mask(uint64_t m)
{
	memcpy(&frame.uc.uc_sigmask, &m, sizeof(m));
}

/* Looks like an XSAVE image as the host would believe it. */
static void forge_fp(uint32_t size, uint64_t features, int fill)
{
	memset(fp, fill, sizeof(fp));
	*(uint32_t *)(fp + 464) = 0x46505853;
	*(uint32_t *)(fp + 468) = size;
	*(uint64_t *)(fp + 472) = features;
	*(uint32_t *)(fp + 480) = size - 4;
	frame.uc.uc_mcontext.fpregs = (void *)fp;
}

static const char *const names[] = {
	"the control: an honest frame", "all signals masked, a call", "all signals masked, no call", "alternate stack moved to own memory",
	"alternate stack off", "alternate stack in hidden text", "alternate stack in the shared pages", "alternate stack nowhere",
	"code segment 32-bit", "code segment of the kernel", "code segment zero", "code segment of any value",
	"stack segment of the kernel", "stack segment zero", "rip not canonical", "rip in the kernel", "rip in hidden text",
	"all flags", "single step and a call", "extended state all ones", "extended state with an honest header",
	"extended state in the kernel", "extended state too large", "stack in the shared pages, a call",
	"stack in the kernel, a call", "masked, moved and a call", "an honest frame, a fork", "masked, a fork", "random frame",
};
#define NFRAMES (sizeof(names) / sizeof(names[0]))

static void forge(unsigned k)
{
	plain_frame(landed_call);
	switch (k) {
	case 1: set_mask(~0ULL); break;
	case 2: plain_frame(landed_spin); set_mask(~0ULL); break;
	case 3: set_alt(own_stack, sizeof(own_stack) / 4, 0); break;
	case 4: set_alt(NULL, 0, SS_DISABLE); break;
	case 5: set_alt((void *)some_text, 65536, 0); break;
	case 6: set_alt((void *)some_slot, 0x20000, 0); break;
	case 7: set_alt((void *)0x123456000, 65536, 0); break;
	case 8: set_seg(0x23, 0x2b); break;
	case 9: set_seg(0x10, 0x18); break;
	case 10: set_seg(0, 0); break;
	case 11: set_seg(rnd() & 0xffff, rnd() & 0xffff); break;
	case 12: set_seg(0x33, 0x18); break;
	case 13: set_seg(0x33, 0); break;
	case 14: GREG(REG_RIP) = (greg_t)0x8000000000000000ULL; break;
	case 15: GREG(REG_RIP) = (greg_t)0xffffffff81000000ULL; break;
	case 16: GREG(REG_RIP) = (greg_t)(some_text + rnd() % 8192); break;
	case 17: GREG(REG_EFL) = (greg_t)~0ULL; break;
	case 18: GREG(REG_EFL) = 0x302; break;
	case 19: forge_fp(2696, ~0ULL, 0xff); break;
	case 20: forge_fp(832, 7, 0); break;
	case 21: frame.uc.uc_mcontext.fpregs = (void *)0xffff888000000000ULL; break;
	case 22: forge_fp(0xfffffff0U, 7, 0); break;
	case 23: GREG(REG_RSP) = (greg_t)(some_slot + 0x18000); break;
	case 24: GREG(REG_RSP) = (greg_t)0xffffffff81000000ULL; break;
	case 25: set_mask(~(1ULL << (SIGSYS - 1))); set_alt(own_stack, 0x40000, 0); break;
	case 26: plain_frame(landed_fork); break;
	case 27: plain_frame(landed_fork); set_mask(~(1ULL << (SIGSYS - 1))); break;
	case 28:
		for (unsigned i = 0; i < sizeof(frame) / 4; i++)
			((uint32_t *)&frame)[i] = rnd() << 16 ^ rnd();
		if (rnd() % 2)
			plain_frame(landed_call), ((uint32_t *)&frame)[rnd() % 64] ^= 1U << (rnd() % 32);
		break;
	default: break;
	}
}

static void child(void *arg)
{
	unsigned k = *(unsigned *)arg;
	struct jump j = {.rax = SYS_rt_sigreturn, .target = sysret_site, .rsp = (uint64_t)&frame};

	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	seed += k * 7919;
	rnd();
	forge(k < NFRAMES ? k : NFRAMES - 1);
	report->state = 1;
	jump_plain(&j);
}

void attack_frames(int deep)
{
	unsigned landed = 0, died = 0, late = 0, total = (unsigned)NFRAMES + (deep ? 1000 : 60);
	struct result *res;
	int bad = 0;

	for (unsigned i = 0; !sysret_site && i < nsites; i++)
		if (sites[i].insn == INSN_SYSCALL)
			sysret_site = sites[i].addr;
	some_text = sysret_site & ~4095ULL;
	for (unsigned i = 0; i < nhidden; i++)
		if (hidden[i].write)
			some_slot = hidden[i].start + ALT_SIZE;
	res = in_children(child, total, 24, 500);
	for (unsigned k = 0; k < total; k++) {
		const struct result *r = &res[k];

		landed += r->state == 5;
		late += (unsigned)r->late;
		died += WIFSIGNALED(r->status);
		bad += r->status == -1;
		if (k < NFRAMES)
			note("%s: state %ld, status %#x%s", names[k], r->state, (unsigned)r->status,
			     r->late ? ", had to be killed" : "");
	}
	say(res[0].state == 5 && res[0].status == 0, "an honest frame lands, so that forged ones mean something");
	say(res[2].state == 4 && res[2].late && WIFSIGNALED(res[2].status),
	    "a process with every host signal masked can be killed");
	say(bad == 0, "%u forged frames: %u landed and made a call, %u died, %u had to be killed", total, landed, died, late);
}
