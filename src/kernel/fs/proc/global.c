/* SPDX-License-Identifier: Apache-2.0 */
/* Files of /proc about the whole system, as the container sees it. */
#include <fcntl.h>
#include <linux/capability.h>
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
#include "kernel/vfs/fown.h"
#include "kernel/vfs/lock.h"

/* fs/anon/inotify.c */
extern int inotify_max_events, inotify_max_watches, inotify_max_instances;

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

static int show_version(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "Linux version " GUEST_RELEASE " (nacre) " GUEST_VERSION "\n");
	return 0;
}

SYNTH_TEXT(show_cmdline, "")

static int show_devices(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n"
			"  5 /dev/ptmx\n136 pts\n\nBlock devices:\n");
	return 0;
}

SYNTH_TEXT(show_partitions, "major minor  #blocks  name\n")
SYNTH_TEXT(show_swaps, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority")

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

SYNTH_TEXT(show_osrelease, GUEST_RELEASE)
SYNTH_TEXT(show_ostype, "Linux")
SYNTH_TEXT(show_osversion, GUEST_VERSION)
SYNTH_TEXT(show_pid_max, "4194304")
SYNTH_TEXT(show_entropy, "256")
SYNTH_TEXT(show_ngroups, "65536")
SYNTH_TEXT(show_cap_last, "40")
SYNTH_TEXT(show_threads_max, "127000")
SYNTH_TEXT(show_overflow, "65534")
SYNTH_TEXT(show_zero, "0")
SYNTH_TEXT(show_core_pattern, "core")
SYNTH_TEXT(show_one, "1")
SYNTH_TEXT(show_map_count, "65530")
SYNTH_TEXT(show_min_addr, "65536")
SYNTH_TEXT(show_file_max, "9223372036854775807")
SYNTH_TEXT(show_nr_open, "1048576")
SYNTH_TEXT(show_somaxconn, "4096")
SYNTH_TEXT(show_dgram_qlen, "10")
SYNTH_TEXT(show_ping_range, "0\t2147483647")
SYNTH_TEXT(show_aio_max, "65536")

static int show_port_start(struct synth_inode *i, struct synth_buf *b)
{
	synth_printf(b, "%u\n", kernel.port_start);
	return 0;
}

/* A number that root may change. */
static ssize_t write_int(char *buf, size_t n, int *to, long min, long max)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(buf, &end, 10);
	while (*end == ' ' || *end == '\t' || *end == '\n')
		end++;
	if (end == buf || *end || errno || v < min || v > max)
		return -EINVAL;
	__atomic_store_n(to, (int)v, __ATOMIC_RELAXED);
	return (ssize_t)n;
}
#define NUMBER(id, var, min, max)                                                                  \
	static int show_##id(struct synth_inode *i, struct synth_buf *b)                           \
	{                                                                                          \
		synth_printf(b, "%d\n", __atomic_load_n(&var, __ATOMIC_RELAXED));                  \
		return 0;                                                                          \
	}                                                                                          \
	static ssize_t write_##id(struct synth_inode *i, char *buf, size_t n)                      \
	{                                                                                          \
		return write_int(buf, n, &var, min, max);                                          \
	}
NUMBER(protected_symlinks, protected_symlinks, 0, 1)
NUMBER(protected_hardlinks, protected_hardlinks, 0, 1)
NUMBER(protected_fifos, protected_fifos, 0, 2)
NUMBER(protected_regular, protected_regular, 0, 2)
NUMBER(lease_break_time, lease_break_time, 0, INT32_MAX)
NUMBER(pipe_max_size, pipe_max_size, 4096, 1 << 30)
NUMBER(pipe_soft, pipe_user_pages_soft, 0, INT32_MAX)
NUMBER(pipe_hard, pipe_user_pages_hard, 0, INT32_MAX)
NUMBER(inotify_events, inotify_max_events, 1, 1 << 20)
NUMBER(inotify_watches, inotify_max_watches, 0, 1 << 20)
NUMBER(inotify_instances, inotify_max_instances, 0, 1 << 16)

/* A name of the uts namespace, up to the end of the line. */
static ssize_t write_uts(char *buf, size_t n, bool domain)
{
	struct uts_namespace *u = current->nsproxy->uts;
	size_t len = strcspn(buf, "\n");

	if (!ns_capable(current->cred, ns_owner(&u->ns), CAP_SYS_ADMIN))
		return -EPERM;
	len = MIN(len, sizeof(u->nodename) - 1);
	MUTEX_GUARD(&u->lock);
	memset(domain ? u->domainname : u->nodename, 0, sizeof(u->nodename));
	memcpy(domain ? u->domainname : u->nodename, buf, len);
	return (ssize_t)n;
}

static ssize_t write_hostname(struct synth_inode *i, char *buf, size_t n)
{
	return write_uts(buf, n, false);
}

static ssize_t write_domainname(struct synth_inode *i, char *buf, size_t n)
{
	return write_uts(buf, n, true);
}

#define FW(n, id) {.name = n, .mode = S_IFREG | 0644, .show = show_##id, .write = write_##id}
#define F(n, fn) {.name = n, .mode = S_IFREG | 0444, .show = fn}
#define D(n, c) {.name = n, .mode = S_IFDIR | 0555, .children = c}
#define END {.name = NULL}
#define IPC(n) {.name = n, .mode = S_IFREG | 0644, .show = proc_show_ipc_setting, .write = proc_write_ipc_setting}
static const struct synth_node sys_random[] = {
	F("uuid", show_uuid), F("boot_id", show_boot_id), F("entropy_avail", show_entropy),
	F("poolsize", show_entropy), END};
static const struct synth_node sys_kernel[] = {
	F("core_pattern", show_core_pattern), F("core_uses_pid", show_zero), F("core_pipe_limit", show_zero),
	F("tainted", show_zero),
	FW("hostname", hostname), FW("domainname", domainname),
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
static const struct synth_node sys_inotify[] = {FW("max_queued_events", inotify_events),
						FW("max_user_instances", inotify_instances),
						FW("max_user_watches", inotify_watches), END};
static const struct synth_node sys_fs[] = {D("mqueue", sys_mqueue), F("aio-max-nr", show_aio_max),
					   F("aio-nr", show_aio_nr), F("file-max", show_file_max), F("nr_open", show_nr_open),
					   FW("pipe-max-size", pipe_max_size),
					   FW("pipe-user-pages-soft", pipe_soft),
					   FW("pipe-user-pages-hard", pipe_hard), D("inotify", sys_inotify),
					   FW("protected_symlinks", protected_symlinks),
					   FW("protected_hardlinks", protected_hardlinks),
					   FW("protected_fifos", protected_fifos),
					   FW("protected_regular", protected_regular),
					   FW("lease-break-time", lease_break_time),
					   F("leases-enable", show_one), F("dir-notify-enable", show_one),
					   F("suid_dumpable", show_zero),
					   F("overflowuid", show_overflow),
					   F("overflowgid", show_overflow), END};
static const struct synth_node sys_core[] = {F("somaxconn", show_somaxconn), END};
static const struct synth_node sys_net_unix[] = {F("max_dgram_qlen", show_dgram_qlen), END};
static const struct synth_node sys_ipv4[] = {F("ip_unprivileged_port_start", show_port_start),
					     F("ping_group_range", show_ping_range), END};
static const struct synth_node sys_net[] = {D("core", sys_core), D("ipv4", sys_ipv4), D("unix", sys_net_unix), END};
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
	F("filesystems", show_filesystems), F("cpuinfo", proc_show_cpuinfo), F("meminfo", show_meminfo),
	F("stat", proc_show_stat), F("uptime", proc_show_uptime), F("loadavg", proc_show_loadavg),
	F("version", show_version), F("cmdline", show_cmdline), F("devices", show_devices),
	F("partitions", show_partitions), F("swaps", show_swaps), F("vmstat", show_vmstat),
	F("locks", show_locks), F("diskstats", proc_show_nothing), F("modules", proc_show_nothing),
	F("interrupts", proc_show_interrupts), F("softirqs", proc_show_softirqs), F("misc", proc_show_misc),
	F("execdomains", proc_show_execdomains), F("consoles", proc_show_nothing), F("fb", proc_show_nothing),
	D("sysvipc", proc_sysvipc_files), D("sys", sys_dirs), END};
