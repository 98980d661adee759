/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared memory segments. A segment is a host memfd; each attachment maps it through a file of its own, whose mappings
 * are the segment's attach count. Its pages are the container's, as those of every shared memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/sysinfo.h>
#include "base/hostio.h"
#include "kernel/container.h"
#include "kernel/hostfd.h"
#include "kernel/ipc/ipc.h"
#include "kernel/mm/mm_priv.h"
#include "kernel/task/task.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/synth.h"
#include "kernel/vfs/vfs.h"

#define HUGE_SHIFT(flg) ((unsigned)(flg) >> 26 & 63) /* SHM_HUGE_2MB and its like */

struct shm {
	struct ref ref; /* the table while it is there, each attached file, calls in progress */
	struct ipc_head h;
	struct ipc_namespace *ns; /* its life */
	uint64_t size;		  /* as asked; constant */
	struct hostfd *host;	  /* constant */
	uint64_t map_key;	  /* constant */
	/* below: ns->shm.lock */
	uint64_t nattch, atime, dtime, ctime;
	struct pid *cpid, *lpid;
};

static uint64_t pages_of(const struct shm *s)
{
	return (s->size + GUEST_PAGE_SIZE - 1) / GUEST_PAGE_SIZE;
}

static struct shm *shm_of(struct ipc_head *h)
{
	return container_of(h, struct shm, h);
}

static void shm_put(struct shm *s)
{
	if (!ref_put(&s->ref))
		return;
	hostfd_put(s->host);
	pid_put(s->cpid);
	pid_put(s->lpid);
	container_uncharge(s->ns->ct, sizeof(*s));
	ipc_life_put(s->ns);
	free(s);
}

/* Takes s out of the table; its reference is the caller's to put once the lock is released. */
static void take_out(struct shm *s) REQUIRES(s->ns->shm.lock)
{
	ipc_remove(&s->ns->shm, &s->h);
	s->ns->shm_pages -= pages_of(s);
}

static void set_last(struct shm *s) REQUIRES(s->ns->shm.lock)
{
	struct pid *old = s->lpid;

	if (!current || !current->tgid_pid)
		return;
	s->lpid = pid_get(current->tgid_pid);
	pid_put(old);
}

/* --- attachments --- */

static void seg_mapped(struct file *f, bool on)
{
	struct shm *s = f->priv;
	bool gone = false;

	mutex_lock(&s->ns->shm.lock);
	set_last(s);
	if (on) {
		s->nattch++;
		s->atime = ipc_now();
	} else {
		s->nattch--;
		s->dtime = ipc_now();
		gone = !s->nattch && (s->h.mode & SHM_DEST) && !s->h.removed;
		if (gone)
			take_out(s);
	}
	mutex_unlock(&s->ns->shm.lock);
	if (gone)
		shm_put(s); /* f keeps one more */
}

static void seg_release(struct file *f)
{
	shm_put(f->priv);
}

static int seg_map(struct file *f, bool writable __unused, struct hostfd **ret)
{
	struct shm *s = f->priv;

	*ret = hostfd_get(s->host);
	return 0;
}

static const struct file_ops seg_ops = {.release = seg_release, .map = seg_map, .mapped = seg_mapped};

/* --- shmget --- */

/* As Linux's default overcommit: no more at once than the machine has. */
static bool machine_has(uint64_t size)
{
	struct sysinfo si;

	return sysinfo(&si) == 0 && size <= (uint64_t)(si.totalram + si.totalswap) * si.mem_unit;
}

static int check_huge(struct task *t, int flg)
{
	unsigned shift = HUGE_SHIFT(flg);

	if (shift && shift != 21 && shift != 30)
		return -EINVAL;
	return capable(t->cred, CAP_IPC_LOCK) ? -ENOMEM : -EPERM; /* no pool of huge pages */
}

/* A segment that is in no table yet. */
static int shm_new(struct task *t, struct ipc_namespace *ns, uint64_t size, struct shm **ret)
{
	struct shm *s = container_calloc(ns->ct, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	ref_init(&s->ref);
	ref_get(&ns->life);
	s->ns = ns;
	s->size = size;
	s->map_key = mm_new_map_key();
	s->cpid = pid_get(t->tgid_pid);
	s->ctime = ipc_now();
	r = hostfd_memfd("sysv", ALIGN_UP(size, GUEST_PAGE_SIZE), &s->host);
	if (r < 0) {
		shm_put(s);
		return r;
	}
	*ret = s;
	return 0;
}

static long make_segment(struct task *t, struct ipc_namespace *ns, uint32_t key, uint64_t size, int flg)
{
	uint64_t pages = size / GUEST_PAGE_SIZE + (size % GUEST_PAGE_SIZE != 0);
	struct ipc_head *other = NULL;
	struct shm *s = NULL;
	long r;

	if (!size || size > __atomic_load_n(&ns->shmmax, __ATOMIC_RELAXED))
		return -EINVAL;
	if (pages > UINT64_MAX / GUEST_PAGE_SIZE)
		return -ENOSPC;
	if (flg & SHM_HUGETLB)
		return check_huge(t, flg);
	if (!(flg & SHM_NORESERVE) && !machine_has(size))
		return -ENOMEM;
	if (size > INT64_MAX - GUEST_PAGE_SIZE)
		return -EINVAL;
	r = shm_new(t, ns, size, &s);
	if (r < 0)
		return r;
	mutex_lock(&ns->shm.lock);
	if (key != IPC_PRIVATE)
		other = ipc_find_key(&ns->shm, key);
	if (other)
		r = -EAGAIN; /* somebody was faster: look again */
	else if (ns->shm_pages + pages < pages || ns->shm_pages + pages > __atomic_load_n(&ns->shmall, __ATOMIC_RELAXED))
		r = -ENOSPC;
	else
		r = ipc_enter(&ns->shm, &s->h, key, flg, __atomic_load_n(&ns->shmmni, __ATOMIC_RELAXED));
	if (r == 0) {
		ns->shm_pages += pages;
		r = s->h.id;
	}
	mutex_unlock(&ns->shm.lock);
	if (r < 0)
		shm_put(s);
	return r;
}

long shm_get(struct task *t, uint32_t key, uint64_t size, int flg)
{
	struct ipc_namespace *ns = ipc_ns_of(t);
	long r = -EAGAIN;

	if (key == IPC_PRIVATE)
		return make_segment(t, ns, key, size, flg);
	while (r == -EAGAIN) {
		struct ipc_head *h;

		mutex_lock(&ns->shm.lock);
		h = ipc_find_key(&ns->shm, key);
		if (!h)
			r = flg & IPC_CREAT ? -EAGAIN : -ENOENT;
		else if ((flg & IPC_CREAT) && (flg & IPC_EXCL))
			r = -EEXIST;
		else if (shm_of(h)->size < size)
			r = -EINVAL;
		else
			r = ipc_perm_check(t, ns, h, flg);
		if (h && r == 0)
			r = h->id;
		mutex_unlock(&ns->shm.lock);
		if (!h && r == -EAGAIN)
			r = make_segment(t, ns, key, size, flg);
	}
	return r;
}

/* --- shmat, shmdt --- */

static int find_for_attach(struct task *t, int id, int flg, struct shm **ret)
{
	struct ipc_namespace *ns = ipc_ns_of(t);
	int acc = (flg & SHM_RDONLY ? 0444 : 0666) | (flg & SHM_EXEC ? 0111 : 0), r;
	struct ipc_head *h;

	if (id < 0)
		return -EINVAL;
	MUTEX_GUARD(&ns->shm.lock);
	r = ipc_find(&ns->shm, id, &h);
	if (r == 0)
		r = ipc_perm_check(t, ns, h, acc);
	if (r < 0)
		return r;
	*ret = shm_of(h);
	ref_get(&(*ret)->ref);
	(*ret)->nattch++; /* so that it is not removed between here and the mapping */
	return 0;
}

/* The end of what find_for_attach began. */
static void attach_done(struct shm *s)
{
	bool gone;

	mutex_lock(&s->ns->shm.lock);
	s->nattch--;
	gone = !s->nattch && (s->h.mode & SHM_DEST) && !s->h.removed;
	if (gone)
		take_out(s);
	mutex_unlock(&s->ns->shm.lock);
	if (gone)
		shm_put(s);
	shm_put(s);
}

static int64_t map_segment(struct task *t, struct shm *s, uint64_t addr, int flg)
{
	int prot = PROT_READ | (flg & SHM_RDONLY ? 0 : PROT_WRITE) | (flg & SHM_EXEC ? PROT_EXEC : 0);
	int how = MAP_SHARED | (!addr ? 0 : flg & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE);
	_cleanup_(file_putp) struct file *f = NULL;
	char name[32];
	int64_t r;

	snprintf(name, sizeof(name), "/SYSV%08x", s->h.key);
	ref_get(&s->ref);
	r = anon_file_new(name, &seg_ops, s, flg & SHM_RDONLY ? O_RDONLY : O_RDWR, S_IFREG | (s->h.mode & 0777), &f);
	if (r < 0) {
		shm_put(s);
		return r;
	}
	f->inode->ino = (uint64_t)s->h.id;
	f->inode->map_key = s->map_key;
	r = mm_mmap(t, addr, s->size, prot, how, f, 0);
	return r == -EEXIST ? -EINVAL : r;
}

int64_t shm_attach(struct task *t, int id, uint64_t addr, int flg)
{
	struct shm *s;
	int64_t r;

	if (addr % GUEST_PAGE_SIZE) {
		if (!(flg & SHM_RND))
			return -EINVAL;
		addr = ALIGN_DOWN(addr, GUEST_PAGE_SIZE);
		if (!addr && (flg & SHM_REMAP))
			return -EINVAL;
	} else if (!addr && (flg & SHM_REMAP)) {
		return -EINVAL;
	}
	r = find_for_attach(t, id, flg, &s);
	if (r < 0)
		return r;
	if (addr && !(flg & SHM_REMAP) && addr + s->size < addr)
		r = -EINVAL;
	else
		r = map_segment(t, s, addr, flg);
	attach_done(s);
	return r;
}

/* The vma that an attachment at addr began with, or what is left of it. */
static struct vma *find_attached(struct mm *mm, uint64_t addr) REQUIRES(mm->lock)
{
	struct vma *v;

	for (v = vma_find(mm, addr); v; v = vma_next(v))
		if (v->file && v->file->op == &seg_ops && v->start >= addr && v->start - addr == v->off)
			return v;
	return NULL;
}

long shm_detach(struct task *t, uint64_t addr)
{
	struct mm *mm = t->mm;
	const struct file *f;
	struct vma *v;
	uint64_t end;
	long r = 0;

	if (addr % GUEST_PAGE_SIZE || addr >= PT_GUEST_END)
		return -EINVAL;
	mutex_lock(&mm->lock);
	v = find_attached(mm, addr);
	if (!v) {
		mutex_unlock(&mm->lock);
		return -EINVAL;
	}
	f = v->file;
	end = addr + pages_of(f->priv) * GUEST_PAGE_SIZE;
	while (v && r == 0 && v->start < end) {
		struct vma *next = vma_next(v);
		struct pt_op op = {.kind = PT_OP_MUNMAP, .addr = v->start, .len = v->end - v->start};

		if (v->file == f && v->start - addr == v->off) {
			r = pt_batch_run(t->pt, &op, 1);
			if (r == 0)
				mm_forget(mm, op.addr, op.addr + op.len);
		}
		v = next;
	}
	mm_unlock(mm);
	return r;
}

/* --- shmctl --- */

static void fill(struct shm *s, struct task *viewer, struct shmid_ds *d) REQUIRES(s->ns->shm.lock)
{
	struct pid_namespace *pns = task_pid_ns(viewer);

	*d = (struct shmid_ds){.shm_segsz = s->size, .shm_atime = (time_t)s->atime, .shm_dtime = (time_t)s->dtime,
			       .shm_ctime = (time_t)s->ctime, .shm_nattch = s->nattch};
	ipc_fill_perm(&s->h, &d->shm_perm);
	d->shm_cpid = pid_nr_ns(s->cpid, pns);
	d->shm_lpid = s->lpid ? pid_nr_ns(s->lpid, pns) : 0;
}

static long control_stat(struct task *t, struct ipc_namespace *ns, int id, int cmd, uaddr_t buf)
{
	struct shmid_ds d;
	struct ipc_head *h;
	long r;

	mutex_lock(&ns->shm.lock);
	r = cmd == IPC_STAT ? ipc_find(&ns->shm, id, &h) : ipc_find_slot(&ns->shm, id, &h);
	if (r == 0 && cmd != SHM_STAT_ANY)
		r = ipc_perm_check(t, ns, h, 0444);
	if (r == 0) {
		fill(shm_of(h), t, &d);
		r = cmd == IPC_STAT ? 0 : h->id;
	}
	mutex_unlock(&ns->shm.lock);
	if (r >= 0 && copy_out(t, buf, &d, sizeof(d)) < 0)
		return -EFAULT;
	return r;
}

static uint64_t resident(const struct shm *s)
{
	struct stat st;

	return hio_fstat(s->host->fd, &st) < 0 ? 0 : (uint64_t)st.st_blocks * 512 / GUEST_PAGE_SIZE;
}

static long control_info(struct task *t, struct ipc_namespace *ns, int cmd, uaddr_t buf)
{
	struct shminfo lim = {.shmmax = __atomic_load_n(&ns->shmmax, __ATOMIC_RELAXED), .shmmin = 1,
			      .shmmni = (unsigned long)__atomic_load_n(&ns->shmmni, __ATOMIC_RELAXED),
			      .shmseg = (unsigned long)__atomic_load_n(&ns->shmmni, __ATOMIC_RELAXED),
			      .shmall = __atomic_load_n(&ns->shmall, __ATOMIC_RELAXED)};
	struct shm_info now = {0};
	long r;

	mutex_lock(&ns->shm.lock);
	r = ipc_max_slot(&ns->shm);
	now.used_ids = (int)ns->shm.in_use;
	now.shm_tot = ns->shm_pages;
	for (unsigned i = 0; i < ns->shm.cap && cmd == SHM_INFO; i++)
		if (ns->shm.slots[i])
			now.shm_rss += resident(shm_of(ns->shm.slots[i]));
	mutex_unlock(&ns->shm.lock);
	if (cmd == IPC_INFO ? copy_out(t, buf, &lim, sizeof(lim)) : copy_out(t, buf, &now, sizeof(now)))
		return -EFAULT;
	return r;
}

/* IPC_RMID: at once, or with the last detachment. */
static void mark_removed(struct shm *s, bool *ret_gone) REQUIRES(s->ns->shm.lock)
{
	*ret_gone = !s->nattch;
	if (*ret_gone) {
		take_out(s);
	} else {
		s->h.mode |= SHM_DEST;
		s->h.key = IPC_PRIVATE;
	}
}

static int lock_segment(struct task *t, struct ipc_namespace *ns, struct shm *s, bool lock) REQUIRES(ns->shm.lock)
{
	uint64_t limit = task_rlimit(t, RLIMIT_MEMLOCK), locked = pages_of(s);

	if (!ns_capable(t->cred, ns->user_ns, CAP_IPC_LOCK)) {
		if (t->cred->euid.v != s->h.uid.v && t->cred->euid.v != s->h.cuid.v)
			return -EPERM;
		if (lock && !limit)
			return -EPERM;
	}
	if (lock && !(s->h.mode & SHM_LOCKED) && !capable(t->cred, CAP_IPC_LOCK)) {
		for (unsigned i = 0; i < ns->shm.cap; i++)
			if (ns->shm.slots[i] && (ns->shm.slots[i]->mode & SHM_LOCKED))
				locked += pages_of(shm_of(ns->shm.slots[i]));
		if (locked > limit / GUEST_PAGE_SIZE)
			return -ENOMEM;
	}
	s->h.mode = lock ? s->h.mode | SHM_LOCKED : s->h.mode & ~(unsigned)SHM_LOCKED;
	return 0;
}

static long control_change(struct task *t, struct ipc_namespace *ns, int id, int cmd, const struct shmid_ds *d)
{
	struct shm *s = NULL;
	struct ipc_head *h;
	bool gone = false;
	long r;

	mutex_lock(&ns->shm.lock);
	r = ipc_find(&ns->shm, id, &h);
	if (r == 0) {
		s = shm_of(h);
		switch (cmd) {
		case SHM_LOCK:
		case SHM_UNLOCK:
			r = lock_segment(t, ns, s, cmd == SHM_LOCK);
			break;
		case IPC_RMID:
			r = ipc_owner_check(t, ns, h);
			if (r == 0)
				mark_removed(s, &gone);
			break;
		default:
			r = ipc_owner_check(t, ns, h);
			if (r == 0)
				r = ipc_set_perm(h, &d->shm_perm);
			if (r == 0)
				s->ctime = ipc_now();
		}
	}
	mutex_unlock(&ns->shm.lock);
	if (gone)
		shm_put(s);
	return r;
}

long shm_control(struct task *t, int id, int cmd, uaddr_t buf)
{
	struct ipc_namespace *ns = ipc_ns_of(t);
	struct shmid_ds d = {0};

	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SHM_INFO:
		return control_info(t, ns, cmd, buf);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return control_stat(t, ns, id, cmd, buf);
	case IPC_SET:
		if (copy_in(t, &d, buf, sizeof(d)) < 0)
			return -EFAULT;
		fallthrough;
	case IPC_RMID:
	case SHM_LOCK:
	case SHM_UNLOCK:
		return control_change(t, ns, id, cmd, &d);
	}
	return -EINVAL;
}

/* --- end, and /proc --- */

void shm_namespace_end(struct ipc_namespace *ns)
{
	for (unsigned i = 0;; i++) {
		struct shm *s = NULL;
		bool gone = false, more;

		mutex_lock(&ns->shm.lock);
		more = i < ns->shm.cap;
		if (more && ns->shm.slots[i]) {
			s = shm_of(ns->shm.slots[i]);
			mark_removed(s, &gone);
		}
		mutex_unlock(&ns->shm.lock);
		if (gone)
			shm_put(s);
		if (!more)
			return;
	}
}

void shm_show(struct ipc_namespace *ns, struct task *viewer, struct synth_buf *b)
{
	synth_printf(b, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
			"      atime      dtime      ctime                   rss                  swap\n");
	MUTEX_GUARD(&ns->shm.lock);
	for (unsigned i = 0; i < ns->shm.cap; i++) {
		struct shmid_ds d;
		struct shm *s;

		if (!ns->shm.slots[i])
			continue;
		s = shm_of(ns->shm.slots[i]);
		fill(s, viewer, &d);
		synth_printf(b,
			     "%10d %10d  %4o %21lu %5d %5d  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu %21lu\n",
			     (int)s->h.key, s->h.id, s->h.mode, s->size, d.shm_cpid, d.shm_lpid, s->nattch,
			     d.shm_perm.uid, d.shm_perm.gid, d.shm_perm.cuid, d.shm_perm.cgid, s->atime, s->dtime, s->ctime,
			     (unsigned long)(resident(s) * GUEST_PAGE_SIZE), 0UL);
	}
}
