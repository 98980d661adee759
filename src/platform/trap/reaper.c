/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for every child of the kernel: stubs, zygotes, the factory, orphans. */
#include <errno.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "platform/trap/trap.h"

static struct pt_as *find(pid_t pid)
{
	struct pt_as *as;

	list_for_each_entry(as, &trap.spaces, node)
		if (as->pid == pid)
			return pt_as_get(as);
	return NULL;
}

static int wait_status(const siginfo_t *si)
{
	if (si->si_code == CLD_EXITED)
		return (si->si_status & 0xff) << 8;
	return si->si_status | (si->si_code == CLD_DUMPED ? 0x80 : 0);
}

static void *reap(void *arg)
{
	static const struct timespec pause_ = {0, 20 * 1000 * 1000};

	while (!__atomic_load_n(&trap.stopping, __ATOMIC_ACQUIRE)) {
		struct pt_as *as;
		siginfo_t si, gone;

		/* Reaped last: nobody may signal or copy by a pid that is no longer ours. */
		si.si_pid = 0;
		if (waitid(P_ALL, 0, &si, WEXITED | WNOWAIT | __WALL) < 0) {
			if (errno == ECHILD)
				nanosleep(&pause_, NULL);
			continue;
		}
		mutex_lock(&platform_lock);
		as = find(si.si_pid);
		mutex_unlock(&platform_lock);
		if (as)
			as_mark_dead(as, wait_status(&si));
		waitid(P_PID, (id_t)si.si_pid, &gone, WEXITED | __WALL);
		if (as)
			pt_as_put(as);
	}
	return arg;
}

int reaper_start(void)
{
	return -pthread_create(&trap.reaper, NULL, reap, NULL);
}

void reaper_stop(void)
{
	__atomic_store_n(&trap.stopping, true, __ATOMIC_RELEASE);
	pthread_join(trap.reaper, NULL);
}
