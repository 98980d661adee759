/* SPDX-License-Identifier: Apache-2.0 */
/* nacre-kernel: process 1 of a sandbox. It starts with descriptors, no capability, an empty root, and opens nothing. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/netlink.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "confine/kernel_filter.h"
#include "confine/rights.h"
#include "confine/sanitizer.h"
#include "kernel/syscall/strace.h"
#include "kernel/control/control.h"
#include "kernel/kernel.h"
#include "kernel/time/vclock.h"
#include "platform/platform.h"

struct kernel kernel = {.proc_fd = -1, .route_fd = -1, .diag_fd = -1, .port_start = 1024};

struct options {
	int control, factory, proc, log;
	bool debug, strace, log_json;
};

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"control-fd", required_argument, NULL, 'c'}, {"factory-fd", required_argument, NULL, 'f'},
		{"proc-fd", required_argument, NULL, 'p'},    {"log-fd", required_argument, NULL, 'l'},
		{"debug", no_argument, NULL, 'd'},	      {"strace", optional_argument, NULL, 's'},
		{"log-json", no_argument, NULL, 'j'},	      {"network", required_argument, NULL, 'n'},
		{NULL},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->control = atoi(optarg);
			break;
		case 'f':
			o->factory = atoi(optarg);
			break;
		case 'p':
			o->proc = atoi(optarg);
			break;
		case 'l':
			o->log = atoi(optarg);
			break;
		case 'd':
			o->debug = true;
			break;
		case 'j':
			o->log_json = true;
			break;
		case 'n':
			kernel.network = true;
			kernel.port_start = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 's':
			o->strace = true;
			kernel.strace_list = optarg && *optarg ? strdup(optarg) : NULL;
			break;
		default:
			return -EINVAL;
		}
	}
	return o->control < 0 || o->factory < 0 ? -EINVAL : 0;
}

/* The filter knows the procfs descriptor by its number. */
static int move_proc(struct options *o)
{
	if (o->proc < 0)
		return 0;
	if (dup3(o->proc, KERNEL_PROC_FD, O_CLOEXEC) < 0)
		return -errno;
	close(o->proc);
	o->proc = KERNEL_PROC_FD;
	return 0;
}

static int netlink_at(int proto, int at)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, proto);

	if (fd < 0)
		return -errno;
	if (dup3(fd, at, O_CLOEXEC) < 0)
		return -errno;
	close(fd);
	return at;
}

/* What the filter does not let us make later. Without sock_diag (a module) the host's ss has nothing either. */
static int open_netlink(void)
{
	if (!kernel.network)
		return 0;
	kernel.route_fd = netlink_at(NETLINK_ROUTE, KERNEL_ROUTE_FD);
	kernel.diag_fd = netlink_at(NETLINK_SOCK_DIAG, KERNEL_DIAG_FD);
	return kernel.route_fd < 0 ? kernel.route_fd : 0;
}

static int by_byte(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

/* The first sort of more than a kilobyte asks for the machine's memory, by opening a file. */
static void warm_qsort(void)
{
	char buf[4096] = {0};

	qsort(buf, sizeof(buf), 1, by_byte);
}

static int init(const struct options *o)
{
	struct platform_params p = {.factory_fd = o->factory, .proc_fd = o->proc, .slots_fd = KERNEL_SLOTS_FD};
	struct timespec now;
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	int r;

	clock_gettime(CLOCK_BOOTTIME, &now);
	kernel.boot_ns = (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
	kernel.ncpu = n > 0 ? (unsigned)n : 1;
	kernel.proc_fd = o->proc;
	kernel.strace = o->strace;
	if (getrandom(kernel.boot_id, sizeof(kernel.boot_id), 0) != sizeof(kernel.boot_id))
		return -EIO;
	vclock_init(kernel.ncpu);
	r = vfs_init();
	return r < 0 ? r : pt_init(&p);
}

SANITIZER_OPTIONS

int main(int argc, char **argv)
{
	struct options o = {-1, -1, -1, STDERR_FILENO, false, false};
	int r;

	if (parse(argc, argv, &o) < 0) {
		fprintf(stderr, "nacre-kernel is started by nacre\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	/* More arenas would make malloc ask the host for its CPUs, by opening a file. */
	mallopt(M_ARENA_MAX, 2);
	/* Shrinking a thread's arena would open /proc/sys/vm/overcommit_memory, which the filter forbids. */
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	warm_qsort();
	tzset(); /* once, while files may still be opened: log lines carry the time */
	log_setup(o.log, o.log_json ? LOG_JSON : LOG_TEXT, o.debug ? LOG_DEBUG : LOG_INFO, "nacre-kernel");
	log_set_stderr(false);
	sanitizer_report_to(o.log);
	log_phase("kernel-main");
	r = rights_drop();
	if (r == 0)
		r = move_proc(&o);
	if (r == 0)
		r = init(&o);
	if (r == 0)
		r = open_netlink();
	if (r == 0)
		r = kernel_filter_install(o.log, kernel.network);
	if (r < 0) {
		log_errno(r, "starting the kernel");
		return 1;
	}
	strace_check_list();
	log_phase("kernel-ready");
	control_serve(o.control);
}
