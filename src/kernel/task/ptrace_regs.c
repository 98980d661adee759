/* SPDX-License-Identifier: Apache-2.0 */
/* ptrace(2): the registers of a stopped task, as struct user and as register sets. */
#include <cpuid.h>
#include <errno.h>
#include <linux/elf.h>
#include <string.h>
#include "kernel/task/internal.h"
#include "kernel/task/ptrace.h"

#define REG(f) offsetof(struct user_regs_struct, f)
#define USER_CS 0x33
#define USER_SS 0x2b
#define EFLAGS_TF 0x100ULL
/* CF PF AF ZF SF TF DF OF NT RF AC: what a tracer may set. */
#define EFLAGS_MASK 0x54dd5ULL
#define USER_TOP 0x7ffffffff000ULL

/* The kernel's struct user has two words more than the library's. */
#define USER_AREA (sizeof(struct user) + 16)

/* Offsets within an XSAVE image. */
#define FX_SIZE 512U
#define FX_MXCSR 24U
#define FX_MXCSR_MASK 28U
#define FX_SW 464U /* bytes for the system: the frame's magic, or the mask of features */
#define XS_HEADER 512U
#define XS_AREAS 576U
#define FRAME_MAGIC1 0x46505853U
#define FRAME_MAGIC2_SIZE 4U
#define FEATURES_FPSSE 3ULL

static uint64_t get_reg(struct task *o, size_t at)
{
	struct user_regs_struct *r = pt_regs(o->pt);
	uint64_t v;

	if (at == REG(eflags))
		return __atomic_load_n(&o->trace.mode, __ATOMIC_SEQ_CST) & PT_FORCED_TF ? r->eflags & ~EFLAGS_TF :
											  r->eflags;
	memcpy(&v, (char *)r + at, sizeof(v));
	return v;
}

static void set_flags(struct task *o, uint64_t v)
{
	struct user_regs_struct *r = pt_regs(o->pt);

	/* A program that wants traps keeps them when the steps end. */
	if (v & EFLAGS_TF)
		__atomic_and_fetch(&o->trace.mode, ~PT_FORCED_TF, __ATOMIC_SEQ_CST);
	else if (__atomic_load_n(&o->trace.mode, __ATOMIC_SEQ_CST) & PT_FORCED_TF)
		v |= EFLAGS_TF;
	r->eflags = (r->eflags & ~EFLAGS_MASK) | (v & EFLAGS_MASK);
}

static int set_reg(struct task *o, size_t at, uint64_t v)
{
	switch (at) {
	case REG(cs):
		return (v & 0xffff) == USER_CS ? 0 : -EIO;
	case REG(ss):
		return (v & 0xffff) == USER_SS ? 0 : -EIO;
	case REG(ds):
	case REG(es):
	case REG(fs):
	case REG(gs):
		return v & 0xffff ? -EIO : 0;
	case REG(eflags):
		set_flags(o, v);
		return 0;
	case REG(fs_base):
	case REG(gs_base):
		if (v >= USER_TOP)
			return -EIO;
		break;
	}
	memcpy((char *)pt_regs(o->pt) + at, &v, sizeof(v));
	return 0;
}

static bool is_debugreg(uint64_t addr)
{
	return addr >= offsetof(struct user, u_debugreg) &&
	       addr < offsetof(struct user, u_debugreg) + sizeof(((struct user *)NULL)->u_debugreg);
}

int ptrace_peek_user(struct task *o, uint64_t addr, uint64_t *ret)
{
	if (addr % sizeof(uint64_t) || addr >= USER_AREA)
		return -EIO;
	*ret = addr < sizeof(struct user_regs_struct) ? get_reg(o, addr) : 0;
	return 0;
}

int ptrace_poke_user(struct task *o, uint64_t addr, uint64_t value)
{
	unsigned n;

	if (addr % sizeof(uint64_t) || addr >= USER_AREA)
		return -EIO;
	if (addr < sizeof(struct user_regs_struct))
		return set_reg(o, addr, value);
	if (!is_debugreg(addr))
		return -EIO;
	/* There are no hardware breakpoints: addresses and enabling are refused, clearing what is clear is not. */
	n = (unsigned)((addr - offsetof(struct user, u_debugreg)) / sizeof(uint64_t));
	if (n == 4 || n == 5)
		return -EIO;
	if (!value || n == 6)
		return 0;
	return n == 7 && !(value & 0xff) ? 0 : -ENODEV;
}

/* --- extended state --- */

static size_t xstate_size(void)
{
	size_t n = pt_fpstate_size();

	return n > FX_SIZE ? (n - FRAME_MAGIC2_SIZE) & ~(size_t)7 : 0;
}

int ptrace_regset_size(unsigned type, size_t *ret_elem, size_t *ret_size)
{
	*ret_elem = sizeof(uint64_t);
	switch (type) {
	case NT_PRSTATUS:
		*ret_size = sizeof(struct user_regs_struct);
		return 0;
	case NT_PRFPREG:
		*ret_size = FX_SIZE;
		return 0;
	case NT_X86_XSTATE:
		*ret_size = xstate_size();
		return 0;
	}
	return -EINVAL;
}

/* The frame image, whole, in a work that the caller puts. */
static int get_image(struct task *o, struct ptrace_work **ret)
{
	struct ptrace_work *w = ptrace_work_new(PTRACE_WORK_FP, false, 0, pt_fpstate_size());
	ssize_t r;

	if (!w)
		return -ENOMEM;
	r = ptrace_work_run(o, w);
	if (r < 0) {
		ptrace_work_put(w);
		return (int)r;
	}
	*ret = w;
	return 0;
}

static int put_image(struct task *o, struct ptrace_work *from)
{
	_cleanup_(ptrace_work_putp) struct ptrace_work *w = ptrace_work_new(PTRACE_WORK_FP, true, 0, from->len);

	if (!w)
		return -ENOMEM;
	memcpy(w->data, from->data, from->len);
	return (int)ptrace_work_run(o, w);
}

static uint64_t word(const unsigned char *p, size_t at)
{
	uint64_t v;

	memcpy(&v, p + at, sizeof(v));
	return v;
}

/* A component in its initial state is zeros, whatever lies in its place. */
static void clear_unused(unsigned char *p, size_t n, uint64_t used)
{
	unsigned size, off, c, d;

	for (unsigned i = 2; i < 63; i++) {
		if (used & 1ULL << i || !__get_cpuid_count(0xd, i, &size, &off, &c, &d) || !size || (c & 1))
			continue;
		if (off >= XS_AREAS && off < n)
			memset(p + off, 0, MIN((size_t)size, n - off));
	}
}

int ptrace_regset_get(struct task *o, unsigned type, void *buf, size_t n)
{
	_cleanup_(ptrace_work_putp) struct ptrace_work *w = NULL;
	uint64_t features;
	int r;

	if (type == NT_PRSTATUS) {
		for (size_t at = 0; at + sizeof(uint64_t) <= n; at += sizeof(uint64_t)) {
			uint64_t v = get_reg(o, at);

			memcpy((char *)buf + at, &v, sizeof(v));
		}
		return 0;
	}
	if (type == NT_X86_XSTATE && !xstate_size())
		return -ENODEV;
	r = get_image(o, &w);
	if (r < 0)
		return r;
	features = word(w->data, FX_SW + 8);
	memset(w->data + FX_SW, 0, FX_SIZE - FX_SW);
	if (type == NT_X86_XSTATE) {
		memcpy(w->data + FX_SW, &features, sizeof(features));
		clear_unused(w->data, w->len, word(w->data, XS_HEADER));
	}
	memcpy(buf, w->data, MIN(n, w->len));
	return 0;
}

static int set_general(struct task *o, const char *buf, size_t n)
{
	uint64_t v;
	int r = 0;

	for (size_t at = 0; r == 0 && at + sizeof(v) <= n; at += sizeof(v)) {
		memcpy(&v, buf + at, sizeof(v));
		r = set_reg(o, at, v);
	}
	return r;
}

static bool mxcsr_ok(const unsigned char *have, const unsigned char *given)
{
	uint32_t v, mask;

	memcpy(&v, given + FX_MXCSR, sizeof(v));
	memcpy(&mask, have + FX_MXCSR_MASK, sizeof(mask));
	return !(v & ~(mask ? mask : 0xffbfU));
}

/* The header of a whole image: only components that exist, none of the compacted form. */
static bool header_ok(const unsigned char *p, uint64_t features)
{
	if (word(p, XS_HEADER) & ~features)
		return false;
	for (size_t at = XS_HEADER + 8; at < XS_AREAS; at += 8)
		if (word(p, at))
			return false;
	return true;
}

int ptrace_regset_set(struct task *o, unsigned type, const void *buf, size_t n)
{
	_cleanup_(ptrace_work_putp) struct ptrace_work *w = NULL;
	const unsigned char *p = buf;
	uint64_t used;
	int r;

	if (type == NT_PRSTATUS)
		return set_general(o, buf, n);
	if (type == NT_X86_XSTATE && !xstate_size())
		return -ENODEV;
	if (type == NT_X86_XSTATE && n != xstate_size())
		return -EFAULT;
	if (type == NT_PRFPREG && n != FX_SIZE)
		return -EINVAL;
	r = get_image(o, &w);
	if (r < 0)
		return r;
	if (!mxcsr_ok(w->data, p))
		return -EINVAL;
	memcpy(w->data, p, FX_SW);
	if (type == NT_X86_XSTATE) {
		if (!header_ok(p, word(w->data, FX_SW + 8)))
			return -EINVAL;
		memcpy(w->data + XS_HEADER, p + XS_HEADER, n - XS_HEADER);
	} else if (w->len > XS_AREAS) {
		used = word(w->data, XS_HEADER) | FEATURES_FPSSE;
		memcpy(w->data + XS_HEADER, &used, sizeof(used));
	}
	return put_image(o, w);
}
