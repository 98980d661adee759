/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User namespaces: user_namespaces(7). kuid_t and kgid_t are numbers of the first namespace; each further one has maps
 * between its own numbers and those. What a guest reads or passes is translated at the edge by the functions below.
 */
#ifndef NACRE_KERNEL_TASK_USER_NS_H
#define NACRE_KERNEL_TASK_USER_NS_H

#include "base/lock.h"
#include "kernel/ns.h"

#define ID_NONE 0xffffffffU
#define ID_OVERFLOW 65534U
#define ID_EXTENTS_MAX 340U

struct id_extent {
	uint32_t first, kfirst, count; /* first: in the namespace; kfirst: in the first one */
};
/* Written once; n is stored last (release) and read first (acquire), so readers take no lock. */
struct id_map {
	unsigned n;
	struct id_extent *e;
};
enum id_kind { ID_UID, ID_GID, ID_PROJ, ID_KINDS };

struct user_namespace {
	struct ns_common ns; /* ns.owner is the parent */
	kuid_t owner;	     /* constant: who made it */
	kgid_t group;
	int level;
	bool parent_could_setfcap; /* constant: for maps of the parent's root */
	struct mutex lock; /* RANK_TASK */
	bool setgroups_denied GUARDED_BY(lock);
	struct id_map map[ID_KINDS]; /* written with lock held */
	int count[NS_TYPES];	     /* atomic: namespaces owned here and below */
	int max[NS_TYPES];	     /* atomic: /proc/sys/user/max_*_namespaces */
};
extern struct user_namespace init_user_ns;
#define USER_NS_LEVEL_MAX 32

static inline struct user_namespace *user_ns_get(struct user_namespace *ns)
{
	(void)ns_get(&ns->ns);
	return ns;
}
static inline void user_ns_put(struct user_namespace *ns)
{
	if (ns)
		ns_put(&ns->ns);
}
static inline struct user_namespace *ns_owner(const struct ns_common *ns)
{
	return ns->owner ? ns->owner : &init_user_ns;
}
/* The current task's, or the first one for threads that are no tasks. */
struct user_namespace *current_user_ns(void);
/* Is ns child, or above it? */
bool user_ns_is_ancestor(const struct user_namespace *ns, const struct user_namespace *child);

/* A new namespace below c's, owned by c, into c (whose capabilities become full in it). c: not shared yet. -EPERM, -ENOSPC,
 * -ENOMEM. chrooted: the caller's root is not that of its mounts. */
int create_user_ns(struct cred *c, bool chrooted) __must_check;
/* c (not shared yet) enters ns: a reference is taken, capabilities become full. */
void cred_enter_user_ns(struct cred *c, struct user_namespace *ns);

/* Numbers in and out; ID_NONE where there is no mapping. */
uint32_t id_to_kernel(const struct user_namespace *ns, enum id_kind kind, uint32_t id);
uint32_t id_from_kernel(const struct user_namespace *ns, enum id_kind kind, uint32_t kid);
static inline kuid_t make_kuid(const struct user_namespace *ns, uint32_t uid)
{
	return (kuid_t){ns == &init_user_ns ? uid : id_to_kernel(ns, ID_UID, uid)};
}
static inline kgid_t make_kgid(const struct user_namespace *ns, uint32_t gid)
{
	return (kgid_t){ns == &init_user_ns ? gid : id_to_kernel(ns, ID_GID, gid)};
}
static inline bool kuid_mapped(const struct user_namespace *ns, kuid_t k)
{
	return ns == &init_user_ns || id_from_kernel(ns, ID_UID, k.v) != ID_NONE;
}
static inline bool kgid_mapped(const struct user_namespace *ns, kgid_t k)
{
	return ns == &init_user_ns || id_from_kernel(ns, ID_GID, k.v) != ID_NONE;
}
/* For show: the overflow id (65534) where there is no mapping. */
static inline uint32_t from_kuid(const struct user_namespace *ns, kuid_t k)
{
	uint32_t id = ns == &init_user_ns ? k.v : id_from_kernel(ns, ID_UID, k.v);

	return ns != &init_user_ns && id == ID_NONE ? ID_OVERFLOW : id;
}
static inline uint32_t from_kgid(const struct user_namespace *ns, kgid_t k)
{
	uint32_t id = ns == &init_user_ns ? k.v : id_from_kernel(ns, ID_GID, k.v);

	return ns != &init_user_ns && id == ID_NONE ? ID_OVERFLOW : id;
}

/* /proc/PID/{uid_map,gid_map,projid_map}: one write of text by opener, who has it open; n on success. */
ssize_t id_map_write(struct user_namespace *ns, enum id_kind kind, const struct cred *opener, char *text, size_t n);
/* "allow" or "deny" of /proc/PID/setgroups. */
ssize_t setgroups_write(struct user_namespace *ns, const char *text, size_t n);
/* May setgroups(2) be called there at all? */
bool setgroups_allowed(struct user_namespace *ns);
/* Calls fn for each extent as viewer's namespace sees it. */
void id_map_show(struct user_namespace *ns, enum id_kind kind, const struct user_namespace *viewer,
		 void (*fn)(void *arg, uint32_t first, uint32_t lower, uint32_t count), void *arg);

#endif
