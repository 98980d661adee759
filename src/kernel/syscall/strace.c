/* SPDX-License-Identifier: Apache-2.0 */
/* Prints calls with their arguments by the kinds of table.def, one log line per call, before it runs and
 * after it: a call that never returns is seen too. */
#include "kernel/syscall/strace.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "platform/platform.h"

struct line {
	char s[512];
	size_t n;
};

static void put(struct line *l, const char *fmt, ...) __printf(2, 3);
static void put(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int r;

	if (l->n >= sizeof(l->s) - 1)
		return;
	va_start(ap, fmt);
	r = vsnprintf(l->s + l->n, sizeof(l->s) - l->n, fmt, ap);
	va_end(ap);
	if (r > 0)
		l->n = MIN(l->n + (size_t)r, sizeof(l->s) - 1);
}

static void put_bytes(struct line *l, const char *p, size_t n, bool more)
{
	put(l, "\"");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '\n')
			put(l, "\\n");
		else if (c < 32 || c > 126 || c == '"' || c == '\\')
			put(l, "\\x%02x", c);
		else
			put(l, "%c", c);
	}
	put(l, more ? "\"..." : "\"");
}

static void put_string(struct line *l, struct task *t, uint64_t a)
{
	char b[96];
	ssize_t n = a ? copy_in_str(t, b, uaddr(a), sizeof(b)) : -EFAULT;

	if (n >= 0)
		put_bytes(l, b, (size_t)n, false);
	else if (n == -ENAMETOOLONG)
		put_bytes(l, b, sizeof(b), true);
	else
		put(l, "%#llx", (unsigned long long)a);
}

static void put_buffer(struct line *l, struct task *t, uint64_t a, uint64_t len)
{
	char b[32];
	size_t n = (size_t)MIN(len, (uint64_t)sizeof(b));

	if (copy_in(t, b, uaddr(a), n) == 0)
		put_bytes(l, b, n, len > n);
	else
		put(l, "%#llx", (unsigned long long)a);
}

static void put_arg(struct line *l, struct task *t, char kind, const uint64_t *v, bool has_next)
{
	unsigned long long x = *v;

	switch (kind) {
	case 'd':
	case 'f':
	case 'i':
		put(l, "%d", (int)x);
		break;
	case 'D':
		if ((int)x == AT_FDCWD)
			put(l, "AT_FDCWD");
		else
			put(l, "%d", (int)x);
		break;
	case 'u':
		put(l, "%llu", x);
		break;
	case 'o':
		put(l, "%#llo", x);
		break;
	case 's':
		put_string(l, t, x);
		break;
	case 'B':
		put_buffer(l, t, x, has_next ? v[1] : 0);
		break;
	default:
		put(l, "%#llx", x);
	}
}

/* The next name of a list, its length in *n; NULL at the end. */
static const char *next_name(const char *s, size_t *n)
{
	s += strspn(s, ",");
	*n = strcspn(s, ",");
	return *n ? s : NULL;
}

/* Is the call to be printed? Numbers that no call has are, unless a list was given. */
static bool wanted(uint64_t nr)
{
	const char *name = nr < NR_SYSCALLS ? syscall_table[nr].name : NULL, *s = kernel.strace_list;
	size_t n;

	if (!s || !kernel.strace)
		return kernel.strace;
	for (; name && (s = next_name(s, &n)); s += n)
		if (strlen(name) == n && !memcmp(name, s, n))
			return true;
	return false;
}

void strace_check_list(void)
{
	const char *s = kernel.strace_list;
	size_t n;

	for (; s && (s = next_name(s, &n)); s += n) {
		bool found = false;

		for (unsigned i = 0; i < NR_SYSCALLS && !found; i++)
			found = syscall_table[i].name && strlen(syscall_table[i].name) == n &&
				!memcmp(syscall_table[i].name, s, n);
		if (!found)
			log_warning("--strace: no such call: %.*s", (int)n, s);
	}
}

static bool enter(struct task *t, long *ret_result __unused)
{
	const struct user_regs_struct *r = pt_regs(t->pt);
	const uint64_t v[7] = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9, 0};
	struct line l = {.n = 0};
	const char *k;

	if (!wanted(r->orig_rax))
		return false;
	if (r->orig_rax >= NR_SYSCALLS || !syscall_table[r->orig_rax].name) {
		log_info("[%d] syscall_%lld()", task_pid_nr(t, t), (long long)r->orig_rax);
		return false;
	}
	k = syscall_table[r->orig_rax].kinds;
	put(&l, "[%d] %s(", task_pid_nr(t, t), syscall_table[r->orig_rax].name);
	for (size_t i = 0; k[i] && i < 6; i++) {
		if (i)
			put(&l, ", ");
		put_arg(&l, t, k[i], &v[i], k[i + 1] != 0);
	}
	put(&l, ")");
	log_info("%s", l.s);
	return false;
}

static const char *internal_name(long r)
{
	switch (-r) {
	case ERESTARTSYS:
		return "ERESTARTSYS";
	case ERESTARTNOINTR:
		return "ERESTARTNOINTR";
	case ERESTARTNOHAND:
		return "ERESTARTNOHAND";
	case ERESTART_RESTARTBLOCK:
		return "ERESTART_RESTARTBLOCK";
	}
	return NULL;
}

static void leave(struct task *t, long r)
{
	uint64_t nr = pt_regs(t->pt)->orig_rax;
	const char *name = nr < NR_SYSCALLS && syscall_table[nr].name ? syscall_table[nr].name : "syscall";
	const char *e = NULL;

	if (!wanted(nr))
		return;
	if (r < 0 && r >= -4095)
		e = internal_name(r) ? internal_name(r) : strerrorname_np((int)-r);
	if (e)
		log_info("[%d] %s = -1 %s", task_pid_nr(t, t), name, e);
	else
		log_info("[%d] %s = %#lx", task_pid_nr(t, t), name, (unsigned long)r);
}

const struct entry_hook strace_hook = {"strace", enter, leave};
