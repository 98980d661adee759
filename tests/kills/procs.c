/* SPDX-License-Identifier: Apache-2.0 */
/* Roles are told by what /proc shows: names after exec, the place in the tree and in the pid namespace before. */
#include "killer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
	[ROLE_NACRE] = "nacre",	  [ROLE_KERNEL] = "kernel", [ROLE_FACTORY] = "factory",
	[ROLE_ZYGOTE] = "zygote", [ROLE_STUB] = "stub",	    [ROLE_GOFER] = "gofer",
	[ROLE_STATUS] = "status", [ROLE_HOOK] = "hook",	    [ROLE_OTHER] = "other",
};

const char *role_name(enum role r)
{
	return names[r];
}

int role_by_name(const char *name)
{
	for (int i = 0; i <= ROLE_OTHER; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

struct raw {
	struct proc p;
	int inner;	/* its number in the sandbox's pid namespace, 0 outside */
	bool is_nacre;	/* the program is nacre itself */
	bool is_hook;	/* the program is none of the runtime's */
	bool mine;
};

/* State, parent and the two pids of one process; false when it is gone or dead. */
static bool read_raw(pid_t pid, struct raw *r)
{
	char path[64], line[512], exe[512];
	ssize_t n;
	FILE *f;
	int host, inner;

	*r = (struct raw){.p.pid = pid};
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "Name:\t%31[^\n]", r->p.comm);
		sscanf(line, "State:\t%c", &r->p.state);
		sscanf(line, "PPid:\t%d", &r->p.ppid);
		if (sscanf(line, "NSpid:\t%d\t%d", &host, &inner) == 2)
			r->inner = inner;
	}
	fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n > 0) {
		const char *base;

		exe[n] = 0;
		base = strrchr(exe, '/') ? strrchr(exe, '/') + 1 : exe;
		r->is_nacre = !strcmp(base, "nacre");
		r->is_hook = strncmp(base, "nacre", 5) != 0;
	}
	return r->p.state && r->p.state != 'Z' && r->p.state != 'X';
}

static const struct raw *find(const struct raw *v, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].p.pid == pid)
			return &v[i];
	return NULL;
}

static enum role role_of(const struct raw *v, size_t n, const struct raw *r)
{
	const struct raw *up = find(v, n, r->p.ppid);

	if (!r->inner) {
		if (!strcmp(r->p.comm, "nacre-status"))
			return ROLE_STATUS;
		if (r->is_nacre) /* a fork of nacre is the status process before it takes its name */
			return up && up->is_nacre && !up->inner ? ROLE_STATUS : ROLE_NACRE;
		return up && up->is_nacre && !up->inner ? ROLE_HOOK : ROLE_OTHER;
	}
	if (r->inner == 1)
		return ROLE_KERNEL;
	if (!up || !up->inner) /* entered the namespace from outside */
		return ROLE_GOFER;
	if (r->is_hook)
		return ROLE_HOOK;
	return ROLE_STUB;
}

/* Of the stubs the oldest is the factory, the next the zygote; what they clone are children of process 1 too. */
static void name_oldest(struct proc *out, size_t found, const struct raw *v, size_t n, enum role as)
{
	struct proc *oldest = NULL;
	int least = 0;

	for (size_t i = 0; i < found; i++) {
		int inner = find(v, n, out[i].pid)->inner;

		if (out[i].role == ROLE_STUB && (!oldest || inner < least)) {
			oldest = &out[i];
			least = inner;
		}
	}
	if (oldest)
		oldest->role = as;
}

size_t proc_scan(pid_t root, struct proc *out, size_t cap)
{
	static struct raw v[MAX_PROCS * 4];
	size_t n = 0, found = 0;
	struct dirent *e;
	bool more = true;
	DIR *d = opendir("/proc");

	while (d && (e = readdir(d)) && n < MAX_PROCS * 4) {
		pid_t pid = (pid_t)atoi(e->d_name);

		if (pid > 0 && read_raw(pid, &v[n]))
			n++;
	}
	if (d)
		closedir(d);
	while (more) { /* children may come before their parents */
		more = false;
		for (size_t i = 0; i < n; i++) {
			const struct raw *up;

			if (v[i].mine || v[i].p.pid == root)
				continue;
			up = find(v, n, v[i].p.ppid);
			if (v[i].p.ppid == root || (up && up->mine))
				more = v[i].mine = true;
		}
	}
	for (size_t i = 0; i < n && found < cap; i++) {
		if (!v[i].mine || v[i].p.pid == getpid())
			continue;
		out[found] = v[i].p;
		out[found].role = role_of(v, n, &v[i]);
		found++;
	}
	name_oldest(out, found, v, n, ROLE_FACTORY);
	name_oldest(out, found, v, n, ROLE_ZYGOTE);
	return found;
}

pid_t proc_pick(pid_t root, enum role role, unsigned seed, int patience)
{
	static struct proc v[MAX_PROCS];

	/* It may just be coming. */
	for (int ms = 0; ms <= patience; ms++) {
		size_t n = proc_scan(root, v, MAX_PROCS), k = 0;

		for (size_t i = 0; i < n; i++)
			if (v[i].role == role)
				v[k++] = v[i];
		if (k)
			return v[seed % k].pid;
		if (ms < patience)
			usleep(1000);
	}
	return 0;
}

pid_t trial_root(void)
{
	const char *s = getenv("KILLER_ROOT");

	return s ? (pid_t)atoi(s) : getppid();
}
