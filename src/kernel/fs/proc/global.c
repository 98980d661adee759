/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /proc about the whole system, as the container sees it. */
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <time.h>
#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/proc/proc.h"
#include "kernel/kernel.h"
#include "kernel/mm/mm.h"
#include "kernel/task/task.h"
#include "kernel/vfs/lock.h"

static ssize_t self_link(struct synth_inode *i, char *buf, size_t cap)
{
	int nr = pid_nr_ns(current->tgid_pid, synth_of(i)->priv);

	return nr ? snprintf(buf, cap, "%d", nr) : -ENOENT;
}

static ssize_t thread_self_link(struct synth_inode *i, char *buf, size_t cap)
{
	const struct pid_namespace *ns = synth_of(i)->priv;
	int nr = pid_nr_ns(current->tgid_pid, ns);

	return nr ? snprintf(buf, cap, "%d/task/%d", nr, pid_nr_ns(current->pid, ns)) : -ENOENT;
}

static ssize_t mounts_link(struct synth_inode *i, char *buf, size_t cap)
{
	return snprintf(buf, cap, "self/mounts");
}

static ssize_t net_link(struct synth_inode *i, char *buf, size_t cap)
{
	return snprintf(buf, cap, "self/net");
}

static int show_filesystems(struct synth_inode *i, struct synth_buf *b)
{
	for (unsigned k = 0; fs_types[k]; k++)
		if (!(fs_types[k]->flags & FS_INTERNAL))
			synth_printf(b, "%s\t%s\n", fs_types[k]->flags & FS_NODEV ? "nodev" : "",
				     fs_types[k]->name);
	return 0;
}

/* The CPU itself is no secret (cpuid works inside): the host's lines for the CPUs that the guest has. */
static int show_cpuinfo(struct synth_inode *i, struct synth_buf *b)
{
	for (unsigned k = 0; k < kernel.ncpu; k++) {
		uint32_t v[12] = {0}, a, c, d, x;

		for (uint32_t j = 0; j < 3; j++)
			__asm__("cpuid"
				: "=a"(v[j * 4]), "=b"(v[j * 4 + 1]), "=c"(v[j * 4 + 2]),
				  "=d"(v[j * 4 + 3])
				: "a"(0x80000002U + j), "c"(0));
		__asm__("cpuid" : "=a"(a), "=b"(x), "=c"(c), "=d"(d) : "a"(1), "c"(0));
		x = a >> 8 & 15;
		synth_printf(b,
			     "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n"
			     "model name\t: %.48s\nstepping\t: %u\ncpu MHz\t\t: 2000.000\n"
			     "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n"
			     "fpu\t\t: yes\nflags\t\t: fpu tsc cx8 cmov mmx fxsr sse sse2 syscall nx lm "
			     "constant_tsc%s%s%s%s%s%s%s\nclflush size\t: 64\n"
			     "address sizes\t: 46 bits physical, 48 bits virtual\n\n",
			     k, __builtin_cpu_is("amd") ? "AuthenticAMD" : "GenuineIntel",
			     x == 15 ? x + (a >> 20 & 255) : x, (a >> 4 & 15) | (a >> 12 & 0xf0),
			     (const char *)v, a & 15, kernel.ncpu, k, kernel.ncpu,
			     c & 1 ? " pni" : "", c & 1U << 9 ? " ssse3" : "",
			     c & 1U << 19 ? " sse4_1" : "", c & 1U << 20 ? " sse4_2" : "",
			     c & 1U << 23 ? " popcnt" : "", c & 1U << 25 ? " aes" : "",
			     c & 1U << 28 ? " avx" : "");
		(void)d;
	}
	return 0;
}

static int show_meminfo(struct synth_inode *i, struct synth_buf *b)
{
	uint64_t t, f;

	mm_container_use(current, &t, &f);
	f = (t - f) / 1024;
	t /= 1024;
	synth_printf(b,
		     "MemTotal:       %8lu kB\nMemFree:        %8lu kB\nMemAvailable:   %8lu kB\n"
		     "Buffers:        %8lu kB\nCached:         %8lu kB\nSwapCached:     %8lu kB\n"
		     "Active:         %8lu kB\nInactive:       %8lu kB\nSwapTotal:      %8lu kB\n"
		     "SwapFree:       %8lu kB\nDirty:          %8lu kB\nWriteback:      %8lu kB\n"
		     "AnonPages:      %8lu kB\nMapped:         %8lu kB\nShmem:          %8lu kB\n"
		     "Slab:           %8lu kB\nSReclaimable:   %8lu kB\nSUnreclaim:     %8lu kB\n"
		     "CommitLimit:    %8lu kB\nCommitted_AS:   %8lu kB\nHugePages_Total:   %5d\n"
		     "Hugepagesize:   %8d kB\n",
		     t, f, f, 0UL, 0UL, 0UL, t - f, 0UL, 0UL, 0UL, 0UL, 0UL, t - f, 0UL, 0UL, 0UL,
		     0UL, 0UL, t / 2, t - f, 0, 2048);
	return 0;
}

static uint64_t boot_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec - kernel.boot_ns;
}

static int show_uptime(struct synth_inode *i, struct synth_buf *b)
{
	uint64_t cs = (boot_clock() + (uint64_t)current->nsproxy->time->boottime) / 10000000, idle = cs * kernel.ncpu;

	synth_printf(b, "%lu.%02lu %lu.%02lu\n", cs / 100, cs % 100, idle / 100, idle % 100);
	return 0;
}

struct counts {
	unsigned tasks, running;
	int last;
};

static struct counts count_tasks(struct synth_inode *i)
{
	struct counts c = {0, 0, 0};
	struct task *t;
	int nr = 1;

	for (; (t = task_next_get(synth_of(i)->priv, &nr)) != NULL; nr++) {
		c.tasks++;
		c.running += __atomic_load_n(&t->state, __ATOMIC_RELAXED) == TASK_RUNNING;
		c.last = nr;
		task_put(t);
	}
	return c;
}

static int show_stat(struct synth_inode *i, struct synth_buf *b)
{
	uint64_t ticks = boot_clock() / 10000000;
	struct counts c = count_tasks(i);
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	synth_printf(b, "cpu  0 0 0 %lu 0 0 0 0 0 0\n", ticks * kernel.ncpu);
	for (unsigned k = 0; k < kernel.ncpu; k++)
		synth_printf(b, "cpu%u 0 0 0 %lu 0 0 0 0 0 0\n", k, ticks);
	synth_printf(b,
		     "intr 0\nctxt 0\nbtime %lu\nprocesses %d\nprocs_running %u\nprocs_blocked 0\n"
		     "softirq 0 0 0 0 0 0 0 0 0 0 0\n",
		     (uint64_t)ts.tv_sec - ticks / 100, c.last, MAX(c.running, 1U));
	return 0;
}

static int show_loadavg(struct synth_inode *i, struct synth_buf *b)
{
	struct counts c = count_tasks(i);

	synth_printf(b, "0.00 0.00 0.00 %u/%u %d\n", MAX(c.running, 1U), c.tasks, c.last);
	return 0;
}

static int show_version(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "Linux version " GUEST_RELEASE " (nacre) " GUEST_VERSION "\n");
	return 0;
}

static int show_cmdline(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "\n");
	return 0;
}

static int show_devices(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n"
			"  5 /dev/ptmx\n136 pts\n\nBlock devices:\n");
	return 0;
}

static int show_partitions(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "major minor  #blocks  name\n\n");
	return 0;
}

static int show_swaps(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	return 0;
}

static int show_vmstat(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "nr_free_pages 0\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault 0\n"
			"pgmajfault 0\noom_kill 0\n");
	return 0;
}

static void show_lock(const struct lock_info *l, void *arg)
{
	struct synth_buf *b = arg;

	synth_printf(b, "%u: %s%s ADVISORY  %s %d %02x:%02x:%lu ", l->nr, l->blocked ? "-> " : "", l->kind,
		     l->range.type == F_WRLCK ? "WRITE" : "READ", l->pid, major(l->dev), minor(l->dev),
		     l->ino);
	if (l->range.end >= INT64_MAX)
		synth_printf(b, "%lu EOF\n", l->range.start);
	else
		synth_printf(b, "%lu %lu\n", l->range.start, l->range.end);
}

static int show_locks(struct synth_inode *i, struct synth_buf *b)
{
	locks_for_each(synth_of(i)->priv, show_lock, b);
	return 0;
}

/* --- sys/ --- */

static int show_aio_nr(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "%u\n", __atomic_load_n(&kernel.aio_events, __ATOMIC_RELAXED));
	return 0;
}

static int show_hostname(struct synth_inode *i, struct synth_buf *b)
{
	struct uts_namespace *u = current->nsproxy->uts;

	MUTEX_GUARD(&u->lock);
	synth_printf(b, "%s\n", u->nodename);
	return 0;
}

static int show_domainname(struct synth_inode *i, struct synth_buf *b)
{
	struct uts_namespace *u = current->nsproxy->uts;

	MUTEX_GUARD(&u->lock);
	synth_printf(b, "%s\n", u->domainname);
	return 0;
}

static void print_uuid(struct synth_buf *b, const uint8_t *u)
{
	synth_printf(b,
		     "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", u[0],
		     u[1], u[2], u[3], u[4], u[5], (u[6] & 15U) | 64U, u[7], (u[8] & 63U) | 128U, u[9],
		     u[10], u[11], u[12], u[13], u[14], u[15]);
}

static int show_uuid(struct synth_inode *i, struct synth_buf *b)
{
	uint8_t u[16];

	if (getrandom(u, sizeof(u), 0) != sizeof(u))
		return -EIO;
	print_uuid(b, u);
	return 0;
}

static int show_boot_id(struct synth_inode *i, struct synth_buf *b)
{
	print_uuid(b, kernel.boot_id);
	return 0;
}

#define TEXT(fn, text)                                                                             \
	static int fn(struct synth_inode *i, struct synth_buf *b)                                  \
	{                                                                                          \
		synth_printf(b, "%s\n", text);                                                     \
		return 0;                                                                          \
	}
TEXT(show_osrelease, GUEST_RELEASE)
TEXT(show_ostype, "Linux")
TEXT(show_osversion, GUEST_VERSION)
TEXT(show_pid_max, "4194304")
TEXT(show_entropy, "256")
TEXT(show_ngroups, "65536")
TEXT(show_cap_last, "40")
TEXT(show_threads_max, "127000")
TEXT(show_overflow, "65534")
TEXT(show_zero, "0")
TEXT(show_one, "1")
TEXT(show_map_count, "65530")
TEXT(show_min_addr, "65536")
TEXT(show_file_max, "9223372036854775807")
TEXT(show_nr_open, "1048576")
TEXT(show_pipe_max, "1048576")
TEXT(show_somaxconn, "4096")
TEXT(show_aio_max, "65536")

#define F(n, fn) {.name = n, .mode = S_IFREG | 0444, .show = fn}
#define D(n, c) {.name = n, .mode = S_IFDIR | 0555, .children = c}
#define END {.name = NULL}
#define IPC(n) {.name = n, .mode = S_IFREG | 0644, .show = proc_show_ipc_setting, .write = proc_write_ipc_setting}
static const struct synth_node sys_random[] = {
	F("uuid", show_uuid), F("boot_id", show_boot_id), F("entropy_avail", show_entropy),
	F("poolsize", show_entropy), END};
static const struct synth_node sys_kernel[] = {
	F("hostname", show_hostname), F("domainname", show_domainname),
	F("osrelease", show_osrelease), F("ostype", show_ostype), F("version", show_osversion),
	F("pid_max", show_pid_max), F("ngroups_max", show_ngroups), F("cap_last_cap", show_cap_last),
	F("threads-max", show_threads_max), F("overflowuid", show_overflow),
	F("overflowgid", show_overflow), D("random", sys_random),
	IPC("shmmax"), IPC("shmall"), IPC("shmmni"), IPC("sem"), IPC("msgmax"), IPC("msgmnb"), IPC("msgmni"),
	IPC("shm_next_id"), IPC("sem_next_id"), IPC("msg_next_id"), END};
static const struct synth_node sys_vm[] = {F("overcommit_memory", show_one),
					   F("max_map_count", show_map_count),
					   F("mmap_min_addr", show_min_addr), END};
static const struct synth_node sys_mqueue[] = {IPC("queues_max"), IPC("msg_max"), IPC("msgsize_max"),
					       IPC("msg_default"), IPC("msgsize_default"), END};
static const struct synth_node sys_fs[] = {D("mqueue", sys_mqueue), F("aio-max-nr", show_aio_max),
					   F("aio-nr", show_aio_nr), F("file-max", show_file_max), F("nr_open", show_nr_open),
					   F("pipe-max-size", show_pipe_max),
					   F("suid_dumpable", show_zero),
					   F("overflowuid", show_overflow),
					   F("overflowgid", show_overflow), END};
static const struct synth_node sys_core[] = {F("somaxconn", show_somaxconn), END};
static const struct synth_node sys_net[] = {D("core", sys_core), END};
static const struct synth_node sys_dirs[] = {D("kernel", sys_kernel), D("vm", sys_vm),
					     D("fs", sys_fs), D("net", sys_net), D("user", proc_sys_user), END};

const struct synth_node proc_self_links[] = {
	{.name = "self", .mode = S_IFLNK | 0777, .link = self_link},
	{.name = "thread-self", .mode = S_IFLNK | 0777, .link = thread_self_link}, END};

const struct synth_node proc_root_files[] = {
	{.name = "self", .mode = S_IFLNK | 0777, .link = self_link},
	{.name = "thread-self", .mode = S_IFLNK | 0777, .link = thread_self_link},
	{.name = "mounts", .mode = S_IFLNK | 0777, .link = mounts_link},
	{.name = "net", .mode = S_IFLNK | 0777, .link = net_link},
	F("filesystems", show_filesystems), F("cpuinfo", show_cpuinfo), F("meminfo", show_meminfo),
	F("stat", show_stat), F("uptime", show_uptime), F("loadavg", show_loadavg),
	F("version", show_version), F("cmdline", show_cmdline), F("devices", show_devices),
	F("partitions", show_partitions), F("swaps", show_swaps), F("vmstat", show_vmstat),
	F("locks", show_locks),
	D("sysvipc", proc_sysvipc_files), D("sys", sys_dirs), END};
