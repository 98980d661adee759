/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.seccomp as a program for the guest kernel. libseccomp makes it from the profile, for the one architecture that
 * guests have; rules for others could never match. In front stand a few instructions of ours: a call that is
 * newer than every call the profile names is unknown (ENOSYS), not forbidden, so that a C library tries an older one.
 */
#include "oci/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/log.h"
#include "oci/parse_priv.h"

#define X32_BIT 0x40000000U
#define PROLOGUE 6

/* Calls of the guest's that are younger than some versions of libseccomp. */
static const struct {
	const char *name;
	int nr;
} young[] = {
	{"cachestat", 451},	    {"fchmodat2", 452},		{"map_shadow_stack", 453},  {"futex_wake", 454},
	{"futex_wait", 455},	    {"futex_requeue", 456},	{"statmount", 457},	    {"listmount", 458},
	{"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461},  {"mseal", 462},
};

static int number_of(const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name);

	for (size_t i = 0; nr < 0 && i < ARRAY_SIZE(young); i++)
		if (!strcmp(young[i].name, name))
			nr = young[i].nr;
	return nr;
}

static const char *word(const struct jval *obj, const char *key)
{
	struct jval v = jval_get(obj, key);

	return v.o ? json_object_get_string(v.o) : "";
}

/* The number at key; what is absent is or. Checked before. */
static uint64_t number(const struct jval *obj, const char *key, uint64_t or)
{
	struct jval v = jval_get(obj, key);

	return v.o ? json_object_get_uint64(v.o) : or;
}

static uint32_t action(const struct jval *obj, const char *key, const char *errno_key)
{
	static const struct {
		const char *name;
		uint32_t action;
	} actions[] = {
		{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},   {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
		{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD}, {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
		{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},	   {"SCMP_ACT_LOG", SCMP_ACT_LOG},
	};
	const char *w = word(obj, key);
	uint32_t e = (uint32_t)number(obj, errno_key, EPERM);

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (!strcmp(w, actions[i].name))
			return actions[i].action;
	return !strcmp(w, "SCMP_ACT_TRACE") ? SCMP_ACT_TRACE(e) : SCMP_ACT_ERRNO(e);
}

static enum scmp_compare comparison(const char *op)
{
	static const char *const ops[] = {"NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (!strcmp(op + strlen("SCMP_CMP_"), ops[i]))
			return (enum scmp_compare)(SCMP_CMP_NE + (int)i);
	return SCMP_CMP_EQ;
}

/* Conditions on different arguments must all hold; two on the same argument make a rule each, as engines mean it. */
static int add_rule(scmp_filter_ctx ctx, uint32_t act, int nr, const struct jval *args)
{
	struct scmp_arg_cmp c[6];
	bool same = false;
	unsigned used = 0;
	int r = 0;

	for (size_t i = 0; i < jval_len(args); i++) {
		struct jval a = jval_at(args, i);
		unsigned index = (unsigned)number(&a, "index", 0);

		same |= used >> index & 1;
		used |= 1U << index;
	}
	for (size_t i = 0; r == 0 && i < jval_len(args); i++) {
		struct jval a = jval_at(args, i);
		struct scmp_arg_cmp *x = &c[same ? 0 : i];

		x->arg = (unsigned)number(&a, "index", 0);
		x->op = comparison(word(&a, "op"));
		x->datum_a = number(&a, "value", 0);
		x->datum_b = number(&a, "valueTwo", 0);
		if (same)
			r = seccomp_rule_add_array(ctx, act, nr, 1, c);
	}
	return same ? r : seccomp_rule_add_array(ctx, act, nr, (unsigned)jval_len(args), c);
}

/* *last: the greatest number named. */
static int add_rules(scmp_filter_ctx ctx, const struct jval *seccomp, uint32_t def, int *last)
{
	struct jval rules = jval_get(seccomp, "syscalls");

	for (size_t i = 0; i < jval_len(&rules); i++) {
		struct jval rule = jval_at(&rules, i), names = jval_get(&rule, "names"), args = jval_get(&rule, "args");
		uint32_t act = action(&rule, "action", "errnoRet");

		for (size_t k = 0; k < jval_len(&names); k++) {
			struct jval name = jval_at(&names, k);
			int nr = number_of(json_object_get_string(name.o)), r;

			if (nr < 0)
				continue; /* another architecture's, or one that guests do not have */
			*last = MAX(*last, nr);
			r = act == def ? 0 : add_rule(ctx, act, nr, &args);
			if (r < 0)
				return jval_error(&name, "this rule: %s", strerror(-r));
		}
	}
	return 0;
}

/* A call of another architecture kills; one of x32, if the profile has that, is a call that the guest does not have. */
static int set_foreign(scmp_filter_ctx ctx, const struct jval *seccomp)
{
	struct jval archs = jval_get(seccomp, "architectures");
	int r = 0;

	for (size_t i = 0; r == 0 && i < jval_len(&archs); i++) {
		struct jval a = jval_at(&archs, i);

		if (!strcmp(json_object_get_string(a.o), "SCMP_ARCH_X32"))
			r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	}
	return r;
}

static uint32_t flags_of(const struct jval *seccomp)
{
	struct jval flags = jval_get(seccomp, "flags");
	uint32_t f = 0;

	/* Of the others none has a meaning for a program that is about to start. */
	for (size_t i = 0; i < jval_len(&flags); i++) {
		struct jval v = jval_at(&flags, i);

		if (!strcmp(json_object_get_string(v.o), "SECCOMP_FILTER_FLAG_LOG"))
			f |= SECCOMP_FILTER_FLAG_LOG;
	}
	return f;
}

/* The program as libseccomp writes it, behind skip instructions that are the caller's to fill. */
static int export(scmp_filter_ctx ctx, unsigned skip, struct sock_filter **ret, size_t *n)
{
	_cleanup_close_ int fd = memfd_create("seccomp", MFD_CLOEXEC);
	_cleanup_free_ struct sock_filter *p = NULL;
	off_t size;
	int r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return r;
	size = lseek(fd, 0, SEEK_END);
	if (size <= 0 || size % (off_t)sizeof(*p) || size / (off_t)sizeof(*p) + skip > BPF_MAXINSNS)
		return -E2BIG;
	p = calloc((size_t)size / sizeof(*p) + skip, sizeof(*p));
	if (!p)
		return -ENOMEM;
	if (pread(fd, p + skip, (size_t)size, 0) != size)
		return -EIO;
	*n = (size_t)size / sizeof(*p) + skip;
	*ret = TAKE_PTR(p);
	return 0;
}

static void fill_prologue(struct sock_filter *p, int last)
{
	const struct sock_filter unknown[PROLOGUE] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)last, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};

	memcpy(p, unknown, sizeof(unknown));
}

int oci_seccomp_compile(const struct oci_spec *spec, struct oci_seccomp *ret)
{
	const struct jval root = JVAL_ROOT(spec->json, "config.json"), lin = jval_get(&root, "linux"),
			  seccomp = jval_get(&lin, "seccomp");
	uint32_t def = action(&seccomp, "defaultAction", "defaultErrnoRet");
	/* Where the default lets a call pass, or says the same, there is nothing to put in front. */
	bool stub = def != SCMP_ACT_ALLOW && def != SCMP_ACT_LOG && def != SCMP_ACT_ERRNO(ENOSYS);
	scmp_filter_ctx ctx = seccomp_init(def);
	int last = -1, r = ctx ? set_foreign(ctx, &seccomp) : -ENOMEM;

	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree */
	if (r == 0)
		r = add_rules(ctx, &seccomp, def, &last);
	else
		r = log_errno(r, "linux.seccomp");
	stub = stub && last >= 0;
	if (r == 0) {
		r = export(ctx, stub ? PROLOGUE : 0, &ret->filter, &ret->n);
		if (r < 0)
			r = log_errno(r, "linux.seccomp: making the filter");
	}
	if (r == 0 && stub)
		fill_prologue(ret->filter, last);
	ret->flags = flags_of(&seccomp);
	if (ctx)
		seccomp_release(ctx);
	return r;
}
