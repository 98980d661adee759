/* SPDX-License-Identifier: Apache-2.0 */
/* signalfd(2): the object. Reading takes pending signals of the reader, whoever made the file. */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include "kernel/fs/anon/anon.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"

struct sfd {
	uint64_t mask; /* atomic: signalfd(2) on the file replaces it */
};

static ksigset_t mask_of(struct file *f)
{
	struct sfd *s = f->priv;

	return __atomic_load_n(&s->mask, __ATOMIC_RELAXED);
}

static void fill(struct signalfd_siginfo *to, const siginfo_t *si)
{
	*to = (struct signalfd_siginfo){
		.ssi_signo = (uint32_t)si->si_signo,
		.ssi_errno = si->si_errno,
		.ssi_code = si->si_code,
	};
	switch (si->si_signo) {
	case SIGCHLD:
		if (si->si_code <= SI_USER)
			break;
		to->ssi_pid = (uint32_t)si->si_pid;
		to->ssi_uid = si->si_uid;
		to->ssi_status = si->si_status;
		to->ssi_utime = (uint64_t)si->si_utime;
		to->ssi_stime = (uint64_t)si->si_stime;
		return;
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case SIGTRAP:
		if (si->si_code <= SI_USER)
			break;
		to->ssi_addr = (uint64_t)(uintptr_t)si->si_addr;
		return;
	}
	if (si->si_code == SI_TIMER) {
		to->ssi_tid = (uint32_t)si->si_timerid;
		to->ssi_overrun = (uint32_t)si->si_overrun;
	} else {
		to->ssi_pid = (uint32_t)si->si_pid;
		to->ssi_uid = si->si_uid;
	}
	if (si->si_code < 0 && si->si_code != SI_TKILL) {
		to->ssi_ptr = (uint64_t)(uintptr_t)si->si_ptr;
		to->ssi_int = si->si_int;
	}
}

static ssize_t sfd_read(struct file *f, struct uio *u, uint64_t *pos, int flags)
{
	bool wait = !(f->flags & O_NONBLOCK) && !(flags & RWF_NOWAIT);
	struct signalfd_siginfo out;
	ssize_t done = 0;
	siginfo_t si;
	int r;

	if (u->resid < sizeof(out))
		return -EINVAL;
	while (u->resid >= sizeof(out)) {
		if (!dequeue_signal(current, mask_of(f), &si)) {
			if (done)
				break;
			if (!wait)
				return -EAGAIN;
			r = wait_event(&signal_arrivals, &current->sleeper,
				       signals_waiting(current, mask_of(f)), TIME_FOREVER,
				       SLEEP_INTERRUPTIBLE);
			if (r < 0)
				return r;
			continue;
		}
		fill(&out, &si);
		if (uio_copy_to(u, &out, sizeof(out)) != sizeof(out))
			return done ?: -EFAULT;
		done += (ssize_t)sizeof(out);
	}
	return done;
}

static uint32_t sfd_poll(struct file *f, struct poll_table *pt)
{
	poll_wait(pt, &signal_arrivals);
	return signals_waiting(current, mask_of(f)) ? EPOLLIN : 0;
}

static void sfd_release(struct file *f)
{
	signal_arrivals_watch(-1);
	free(f->priv);
}

static void sfd_info(struct file *f, char *buf, size_t cap)
{
	snprintf(buf, cap, "sigmask:\t%016lx\n", mask_of(f));
}

static const struct file_ops signalfd_ops = {
	.release = sfd_release, .read = sfd_read, .poll = sfd_poll, .show_fdinfo = sfd_info};

int signalfd_new(uint64_t mask, int flags, struct file **ret)
{
	struct sfd *s = malloc(sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->mask = mask;
	signal_arrivals_watch(1);
	r = anon_file_new("anon_inode:[signalfd]", &signalfd_ops, s,
			  O_RDWR | ((unsigned)flags & O_NONBLOCK), 0, ret);
	if (r < 0) {
		signal_arrivals_watch(-1);
		free(s);
	}
	return r;
}

int signalfd_set(struct file *f, uint64_t mask)
{
	struct sfd *s = f->priv;

	if (f->op != &signalfd_ops)
		return -EINVAL;
	__atomic_store_n(&s->mask, mask, __ATOMIC_RELAXED);
	wake_up_all(&signal_arrivals, EPOLLIN);
	return 0;
}
