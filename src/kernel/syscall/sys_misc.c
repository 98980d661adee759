/* SPDX-License-Identifier: Apache-2.0 */
/* Calls about the system as a whole: uname, sysinfo, getrandom, host and domain names, arch_prctl. */
#include <asm/prctl.h>
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include "kernel/mm/mm.h"
#include "kernel/syscall/syscall.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "platform/platform.h"

#ifndef GRND_INSECURE
#define GRND_INSECURE 4
#endif

long sys_uname(struct task *t, const struct sysargs *a)
{
	struct uts_namespace *uts = t->nsproxy->uts;
	struct utsname u;

	memset(&u, 0, sizeof(u));
	strcpy(u.sysname, "Linux");
	strcpy(u.release, GUEST_RELEASE);
	strcpy(u.version, GUEST_VERSION);
	strcpy(u.machine, "x86_64");
	mutex_lock(&uts->lock);
	memcpy(u.nodename, uts->nodename, sizeof(u.nodename));
	memcpy(u.domainname, uts->domainname, sizeof(u.domainname));
	mutex_unlock(&uts->lock);
	return copy_out(t, arg_uaddr(a, 0), &u, sizeof(u));
}

static long set_name(struct task *t, const struct sysargs *a, bool domain)
{
	struct uts_namespace *uts = t->nsproxy->uts;
	int len = arg_int(a, 1);
	char name[65] = "";

	if (!ns_capable(t->cred, ns_owner(&uts->ns), CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > 64)
		return -EINVAL;
	if (copy_in(t, name, arg_uaddr(a, 0), (size_t)len) < 0)
		return -EFAULT;
	mutex_lock(&uts->lock);
	memcpy(domain ? uts->domainname : uts->nodename, name, sizeof(name));
	mutex_unlock(&uts->lock);
	return 0;
}

long sys_sethostname(struct task *t, const struct sysargs *a)
{
	return set_name(t, a, false);
}

long sys_setdomainname(struct task *t, const struct sysargs *a)
{
	return set_name(t, a, true);
}

/* Thread groups that t can see: sysinfo counts what /proc lists. */
static unsigned short count_processes(struct task *t)
{
	unsigned short n = 0;
	int nr = 1;

	while (n < USHRT_MAX) {
		_cleanup_(task_putp) struct task *o = task_next_get(task_pid_ns(t), &nr);

		if (!o)
			break;
		n++;
		nr++;
	}
	return n;
}

long sys_sysinfo(struct task *t, const struct sysargs *a)
{
	uint64_t total, used;
	struct sysinfo s;
	struct timespec now;

	memset(&s, 0, sizeof(s));
	mm_container_use(t, &total, &used);
	clock_gettime(CLOCK_BOOTTIME, &now);
	s.uptime = now.tv_sec - (long)(kernel.boot_ns / NSEC_PER_SEC);
	s.totalram = total;
	s.freeram = total - used;
	s.mem_unit = 1;
	s.procs = count_processes(t);
	return copy_out(t, arg_uaddr(a, 0), &s, sizeof(s));
}

long sys_getrandom(struct task *t, const struct sysargs *a)
{
	uaddr_t to = arg_uaddr(a, 0);
	size_t n = MIN(a->v[1], (size_t)MAX_RW_COUNT), done = 0;
	unsigned flags = arg_u32(a, 2);
	char buf[4096];

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	while (done < n) {
		size_t chunk = MIN(n - done, sizeof(buf)), k;
		ssize_t r = getrandom(buf, chunk, 0);

		if (r < 0)
			return done ? (long)done : -errno;
		k = pt_copy_out(t->pt, uaddr_add(to, done), buf, (size_t)r);
		done += k;
		if (k < (size_t)r)
			return done ? (long)done : -EFAULT;
		if (signal_pending(t))
			break;
	}
	return (long)done;
}

long sys_arch_prctl(struct task *t, const struct sysargs *a)
{
	struct user_regs_struct *r = pt_regs(t->pt);

	switch (arg_int(a, 0)) {
	case ARCH_SET_FS:
		if (a->v[1] >= PT_GUEST_END)
			return -EPERM;
		r->fs_base = a->v[1];
		return 0;
	case ARCH_SET_GS:
		if (a->v[1] >= PT_GUEST_END)
			return -EPERM;
		r->gs_base = a->v[1];
		return 0;
	case ARCH_GET_FS:
		return put_u64(t, arg_uaddr(a, 1), r->fs_base);
	case ARCH_GET_GS:
		return put_u64(t, arg_uaddr(a, 1), r->gs_base);
	case ARCH_GET_CPUID: /* cpuid is not trapped, and cannot be */
		return 1;
	case ARCH_SET_CPUID:
		return -ENODEV;
	default:
		return -EINVAL;
	}
}
