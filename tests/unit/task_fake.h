/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A platform without guests: the "program" of a fake thread is a C function that is asked, at each
 * pt_run, what the instruction at rip does. rip = FAKE_TEXT + 256 * function + 2 * step, so that a system
 * call is two bytes long and restarting one by rip -= 2 works as on the machine. Guest memory is one arena
 * at a fixed address, shared by all address spaces. Around it stand fakes of memory, files and loader.
 */
#ifndef NACRE_TESTS_TASK_FAKE_H
#define NACRE_TESTS_TASK_FAKE_H

#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "kernel/container.h"
#include "kernel/ipc/ipc.h"
#include "kernel/fs/anon/anon.h"
#include "kernel/kernel.h"
#include "kernel/loader/loader.h"
#include "kernel/mm/mm.h"
#include "kernel/signal/signal.h"
#include "kernel/task/coredump.h"
#include "kernel/fs/cgroup/cgroup.h"
#include "kernel/task/cgroup.h"
#include "kernel/task/task.h"
#include "kernel/time/vclock.h"
#include "kernel/tty/tty.h"
#include "kernel/usercopy.h"
#include "kernel/vfs/vfs.h"
#include "platform/platform.h"
#include "../tap.h"

#define FAKE_TEXT 0x400000ULL
#define FAKE_ARENA 0x10000000ULL
#define FAKE_ARENA_LEN 0x100000ULL
#define FAKE_STACK (FAKE_ARENA + FAKE_ARENA_LEN - 4096)
#define FAKE_RIP(fn) (FAKE_TEXT + 256ULL * (fn))

struct pt_as {
	struct ref ref;
	int dead;
};
struct pt_thread {
	struct user_regs_struct regs;
	struct pt_as *as;
	uint32_t kicked;
};
static int fake_threads, fake_spaces, fake_mms, fake_files, fake_fss; /* atomic: leaks show here */
#define FAKE_INC(x) __atomic_add_fetch(&(x), 1, __ATOMIC_SEQ_CST)
#define FAKE_DEC(x) __atomic_sub_fetch(&(x), 1, __ATOMIC_SEQ_CST)

/* What the instruction of a program does. */
typedef enum pt_event (*fake_fn)(struct pt_thread *pt, struct user_regs_struct *r, unsigned step,
				 struct pt_exit *x);
extern const fake_fn fake_programs[];

/* Results of a program's step. */
static inline enum pt_event fake_call(struct user_regs_struct *r, long nr, uint64_t a, uint64_t b,
				      uint64_t c, uint64_t d)
{
	r->orig_rax = (unsigned long long)nr;
	r->rax = (unsigned long long)-ENOSYS;
	r->rdi = a;
	r->rsi = b;
	r->rdx = c;
	r->r10 = d;
	r->r8 = r->r9 = 0;
	r->rip += 2;
	return PT_EV_SYSCALL;
}
#define CALL(nr, ...) fake_call_(r, nr, __VA_ARGS__, 0, 0, 0, 0)
#define fake_call_(r, nr, a, b, c, d, ...)                                                         \
	fake_call(r, nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d))
/* A computation that never ends by itself. */
static inline enum pt_event fake_spin(struct pt_thread *pt)
{
	while (!__atomic_exchange_n(&pt->kicked, 0, __ATOMIC_SEQ_CST))
		usleep(200);
	return PT_EV_INTERRUPT;
}

static char *fake_mem(uint64_t a, size_t n)
{
	return a >= FAKE_ARENA && n <= FAKE_ARENA_LEN && a - FAKE_ARENA <= FAKE_ARENA_LEN - n
		       ? (char *)(uintptr_t)a
		       : NULL;
}

/* --- descriptors: a fake task has none to give --- */
struct file *file_get(struct file *f)
{
	return f;
}
int fd_room(struct task *t)
{
	return -EMFILE;
}
int fd_install_at(struct task *t, struct file *f, int fd, bool cloexec)
{
	return -EBADF;
}
int anon_file_new(const char *name, const struct file_ops *op, void *priv, uint32_t flags, mode_t mode, struct file **ret)
{
	return -ENOMEM;
}

/* --- platform.h --- */
struct user_regs_struct *pt_regs(struct pt_thread *pt)
{
	return &pt->regs;
}
void pt_run(struct pt_thread *pt, struct pt_exit *ret)
{
	uint64_t off = pt->regs.rip - FAKE_TEXT;

	memset(ret, 0, sizeof(*ret));
	if (__atomic_load_n(&pt->as->dead, __ATOMIC_SEQ_CST)) {
		ret->event = PT_EV_DEAD;
		return;
	}
	if (__atomic_exchange_n(&pt->kicked, 0, __ATOMIC_SEQ_CST)) {
		ret->event = PT_EV_INTERRUPT;
		return;
	}
	if (off >= 256 * 64) { /* no such program: as a jump to unmapped memory */
		*ret = (struct pt_exit){.event = PT_EV_EXCEPTION, .signo = SIGSEGV, .code = SEGV_MAPERR,
					.trapno = 14, .addr = pt->regs.rip, .err = 0x14};
		return;
	}
	ret->event = fake_programs[off / 256](pt, &pt->regs, (unsigned)(off % 256 / 2), ret);
}
void pt_answer(struct pt_thread *pt, enum pt_answer call, uint32_t value)
{
}
void pt_answer_withdraw(struct pt_thread *pt, enum pt_answer call)
{
}
void core_dump(struct task *t, int sig, const siginfo_t *info)
{
	(void)t;
	(void)sig;
	(void)info;
}
void core_wait(struct task *t)
{
	(void)t;
}
void pt_doom(struct pt_thread *pt)
{
	(void)pt;
}

void pt_interrupt(struct pt_thread *pt)
{
	__atomic_store_n(&pt->kicked, 1, __ATOMIC_SEQ_CST);
}
void pt_adopt(struct pt_thread *pt)
{
	(void)pt;
}
struct pt_as *pt_as(struct pt_thread *pt)
{
	return pt->as;
}
struct pt_as *pt_as_get(struct pt_as *as)
{
	ref_get(&as->ref);
	return as;
}
void pt_as_put(struct pt_as *as)
{
	if (ref_put(&as->ref)) {
		FAKE_DEC(fake_spaces);
		free(as);
	}
}
void pt_as_kill(struct pt_as *as)
{
	__atomic_store_n(&as->dead, 1, __ATOMIC_SEQ_CST);
}
void pt_release(struct pt_thread *pt)
{
	pt_as_put(pt->as);
	FAKE_DEC(fake_threads);
	free(pt);
}
static struct pt_as *fake_as_new(void)
{
	struct pt_as *as = calloc(1, sizeof(*as));

	ref_init(&as->ref);
	FAKE_INC(fake_spaces);
	return as;
}
void pt_set_title(struct pt_thread *pt, char *const *argv)
{
	(void)pt;
	(void)argv;
}
int pt_spawn(struct pt_container *c, struct pt_thread **ret)
{
	struct pt_thread *pt = calloc(1, sizeof(*pt));

	(void)c;
	pt->as = fake_as_new();
	FAKE_INC(fake_threads);
	*ret = pt;
	return 0;
}
int pt_clone(struct pt_thread *parent, bool share_mm, struct pt_thread **ret)
{
	struct pt_thread *pt = calloc(1, sizeof(*pt));

	pt->regs = parent->regs;
	pt->as = share_mm ? pt_as_get(parent->as) : fake_as_new();
	FAKE_INC(fake_threads);
	*ret = pt;
	return 0;
}
size_t pt_fpstate_size(void)
{
	return 832;
}
int pt_fpstate_save(struct pt_thread *pt, uaddr_t to)
{
	char *p = fake_mem(to.a, 832);

	(void)pt;
	if (!p)
		return -EFAULT;
	memset(p, 0, 832);
	return 0;
}
int pt_fpstate_load(struct pt_thread *pt, uaddr_t from)
{
	(void)pt;
	return !from.a || fake_mem(from.a, 832) ? 0 : -EFAULT;
}
size_t pt_copy_in(struct pt_thread *pt, void *to, uaddr_t from, size_t n);
int pt_fpstate_get(struct pt_thread *pt, void *to, size_t n)
{
	(void)pt;
	memset(to, 0, n);
	return 0;
}
int pt_fpstate_put(struct pt_thread *pt, const void *from, size_t n)
{
	(void)pt;
	(void)from;
	return n == 832 ? 0 : -EINVAL;
}
ssize_t mm_force(struct task *t, uint64_t addr, void *buf, size_t len, bool write)
{
	(void)write;
	return pt_copy_in(t->pt, buf, uaddr(addr), len) == len ? (ssize_t)len : -EIO;
}
size_t pt_copy_in(struct pt_thread *pt, void *to, uaddr_t from, size_t n)
{
	char *p = fake_mem(from.a, n);

	(void)pt;
	if (!p)
		return 0;
	memcpy(to, p, n);
	return n;
}
size_t pt_copy_out(struct pt_thread *pt, uaddr_t to, const void *from, size_t n)
{
	char *p = fake_mem(to.a, n);

	(void)pt;
	if (!p)
		return 0;
	memcpy(p, from, n);
	return n;
}
ssize_t pt_copy_in_str(struct pt_thread *pt, char *to, uaddr_t from, size_t n)
{
	char *p = fake_mem(from.a, 1);
	size_t len;

	(void)pt;
	if (!p)
		return -EFAULT;
	len = strnlen(p, n);
	if (len == n)
		return -ENAMETOOLONG;
	memcpy(to, p, len + 1);
	return (ssize_t)len;
}
size_t pt_as_read(struct pt_as *as, void *to, uaddr_t from, size_t n)
{
	(void)as;
	return pt_copy_in(NULL, to, from, n);
}
int pt_cmpxchg32(struct pt_thread *pt, uaddr_t at, uint32_t old, uint32_t new, uint32_t *seen)
{
	uint32_t *p = (uint32_t *)(uintptr_t)at.a;

	(void)pt;
	*seen = old;
	if (!p)
		return -EFAULT;
	__atomic_compare_exchange_n(p, seen, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return 0;
}
bool mm_grow_stack(struct task *t, uint64_t addr)
{
	(void)t;
	(void)addr;
	return false;
}
int exec_set_file(struct exec_image *img, struct file *f)
{
	if (img->file)
		file_put(img->file);
	img->file = f;
	return 0;
}
/* No IPC room here: a task has no adjustments of semaphores. */
int sem_share_undo(struct task *t, struct task *c)
{
	(void)t;
	(void)c;
	return 0;
}
void sem_exit(struct task *t)
{
	(void)t;
}
static void fake_ipc_free(struct ns_common *n)
{
	free(n);
}
int ipc_namespace_new(struct container *ct, struct user_namespace *owner, struct ipc_namespace **ret)
{
	struct ipc_namespace *ns = calloc(1, sizeof(*ns));

	if (!ns || ns_init(&ns->ns, NS_IPC, owner, fake_ipc_free) < 0)
		return -ENOMEM;
	ns->ct = ct;
	*ret = ns;
	return 0;
}
size_t pt_as_write(struct pt_as *as, uaddr_t to, const void *from, size_t n)
{
	(void)as;
	return pt_copy_out(NULL, to, from, n);
}
void *pt_staging(struct pt_thread *pt, size_t *len)
{
	static char buf[4096];

	(void)pt;
	*len = sizeof(buf);
	return buf;
}

/* --- usercopy.h --- */
int copy_in(struct task *t, void *to, uaddr_t from, size_t n)
{
	return pt_copy_in(t->pt, to, from, n) == n ? 0 : -EFAULT;
}
int copy_out(struct task *t, uaddr_t to, const void *from, size_t n)
{
	return pt_copy_out(t->pt, to, from, n) == n ? 0 : -EFAULT;
}
int clear_user(struct task *t, uaddr_t to, size_t n)
{
	char *p = fake_mem(to.a, n);

	(void)t;
	if (p)
		memset(p, 0, n);
	return p ? 0 : -EFAULT;
}
ssize_t copy_in_str(struct task *t, char *to, uaddr_t from, size_t n)
{
	return pt_copy_in_str(t->pt, to, from, n);
}
int copy_in_path(struct task *t, uaddr_t from, char **ret)
{
	char *p = fake_mem(from.a, 1);

	(void)t;
	if (!p)
		return -EFAULT;
	*ret = strdup(p);
	return *ret ? 0 : -ENOMEM;
}
int copy_in_struct(struct task *t, void *to, size_t know, uaddr_t from, size_t given)
{
	memset(to, 0, know);
	return given > know ? -E2BIG : copy_in(t, to, from, given);
}

/* --- mm.h --- */
struct mm *mm_new(struct pt_as *as)
{
	struct mm *mm = calloc(1, sizeof(*mm));

	ref_init(&mm->ref);
	mm->as = pt_as_get(as);
	FAKE_INC(fake_mms);
	return mm;
}
struct mm *mm_get(struct mm *mm)
{
	ref_get(&mm->ref);
	return mm;
}
void mm_put(struct mm *mm)
{
	if (!ref_put(&mm->ref))
		return;
	pt_as_put(mm->as);
	FAKE_DEC(fake_mms);
	free(mm);
}
int mm_copy(struct mm *from, struct mm *to)
{
	(void)from;
	(void)to;
	return 0;
}
int mm_futex_key(struct mm *mm, uint64_t addr, bool private_key, struct futex_key *ret)
{
	if (!fake_mem(addr, 4))
		return -EFAULT;
	*ret = (struct futex_key){private_key ? (uint64_t)(uintptr_t)mm : 1, addr, !private_key};
	return 0;
}

uint64_t mm_rss_pages(struct mm *mm)
{
	(void)mm;
	return 3;
}

/* --- vfs.h, tty.h, loader.h --- */
struct files {
	struct ref ref;
};
struct files *files_new(void)
{
	struct files *f = calloc(1, sizeof(*f));

	ref_init(&f->ref);
	FAKE_INC(fake_files);
	return f;
}
struct files *files_get(struct files *f)
{
	ref_get(&f->ref);
	return f;
}
void files_put(struct files *f)
{
	if (ref_put(&f->ref)) {
		FAKE_DEC(fake_files);
		free(f);
	}
}
/* No program here has descriptors. */
int fd_install(struct task *t __unused, struct file *f, int min __unused, bool ce __unused)
{
	file_put(f);
	return -EMFILE;
}

int fd_close(struct task *t __unused, int fd __unused)
{
	return -EBADF;
}

struct file *fd_get(struct task *t __unused, int fd __unused)
{
	return NULL;
}

int pidfd_new(struct pid *pid __unused, unsigned flags __unused, struct file **ret __unused)
{
	return -ENOMEM;
}

struct pid *pidfd_pid(struct file *f __unused, bool *ret_thread __unused)
{
	return NULL;
}

int files_copy(struct files *old, struct files **ret)
{
	(void)old;
	*ret = files_new();
	return 0;
}
void files_close_on_exec(struct task *t)
{
	(void)t;
}
struct fs_struct *fs_struct_new(const struct path *root, const struct path *cwd)
{
	struct fs_struct *f = calloc(1, sizeof(*f));

	(void)root;
	(void)cwd;
	ref_init(&f->ref);
	FAKE_INC(fake_fss);
	return f;
}
struct fs_struct *fs_struct_get(struct fs_struct *f)
{
	ref_get(&f->ref);
	return f;
}
struct fs_struct *fs_struct_copy(struct fs_struct *f)
{
	(void)f;
	return fs_struct_new(NULL, NULL);
}
void fs_struct_put(struct fs_struct *f)
{
	if (ref_put(&f->ref)) {
		FAKE_DEC(fake_fss);
		free(f);
	}
}
void mnt_namespace_put(struct mnt_namespace *ns)
{
	(void)ns;
}
struct mnt_namespace *mnt_namespace_get(struct mnt_namespace *ns)
{
	return ns;
}
struct cgroup *cgroup_of_file(struct file *f __unused)
{
	return NULL;
}
static struct cgroup *fake_cgroup;
/* Clocks are the host's calls. */
bool vclock_get(int clock __unused, struct timespec *ret __unused)
{
	return false;
}
bool vclock_files(bool own __unused, struct hostfd **p __unused, struct hostfd **i __unused, uint64_t *n __unused)
{
	return false;
}
int mm_change_vvar(struct task *t __unused, struct hostfd *page __unused)
{
	return 0;
}
int mnt_namespace_copy(struct mnt_namespace *old __unused, struct user_namespace *owner __unused,
		       struct fs_struct *fix __unused, struct mnt_namespace **ret __unused)
{
	return -ENOMEM;
}
struct ns_common *mnt_namespace_ns(struct mnt_namespace *ns __unused)
{
	return NULL;
}
struct mnt_namespace *mnt_namespace_of(struct ns_common *ns __unused)
{
	return NULL;
}
bool mnt_may_suid(const struct mount *m __unused, const struct cred *c __unused)
{
	return true;
}
struct fs_struct *fs_struct_join(struct fs_struct *f)
{
	return fs_struct_get(f);
}
void fs_struct_leave(struct fs_struct *f)
{
	if (f)
		fs_struct_put(f);
}
void fs_enter(struct task *t __unused, struct mnt_namespace *ns __unused)
{
}
bool fs_chrooted(struct task *t __unused)
{
	return false;
}
struct ns_common *ns_of_file(struct file *f __unused)
{
	return NULL;
}
static struct inode fake_inode = {.mode = S_IFREG | 0755};
static struct dentry fake_dentry = {.inode = &fake_inode};
static struct mount fake_mount;
int path_lookup_at(struct task *t, int dfd, const char *name, unsigned flags, struct path *ret)
{
	(void)t;
	(void)dfd;
	(void)flags;
	*ret = (struct path){&fake_mount, &fake_dentry};
	return strcmp(name, "/missing") ? 0 : -ENOENT;
}
void path_put(struct path *p)
{
	*p = (struct path){NULL, NULL};
}
int inode_permission(struct inode *i, const struct cred *cred, int mask)
{
	(void)i;
	(void)cred;
	(void)mask;
	return 0;
}
int file_open_path(const struct path *p, uint32_t flags, const struct cred *cred, struct file **ret)
{
	struct file *f = calloc(1, sizeof(*f));

	(void)cred;
	ref_init(&f->ref);
	f->flags = flags;
	f->inode = &fake_inode;
	f->path = *p;
	*ret = f;
	return 0;
}
int file_open_at(struct task *t, int dfd, const char *name, uint32_t flags, mode_t mode,
		 unsigned lookup, struct file **ret)
{
	struct path p;
	int r = path_lookup_at(t, dfd, name, lookup, &p);

	(void)mode;
	return r < 0 ? r : file_open_path(&p, flags, t->cred, ret);
}
void file_put(struct file *f)
{
	if (f && ref_put(&f->ref))
		free(f);
}
struct file *fd_get_path(struct task *t, int fd)
{
	(void)t;
	(void)fd;
	return NULL;
}
struct tty *tty_get(struct tty *t)
{
	return t;
}
void tty_disassociate(struct task *t)
{
	(void)t;
}
/* The program /N is number N of fake_programs. "/bad" fails past the point of no return. */
int exec_probe(struct task *t, struct exec_image *img)
{
	(void)t;
	return strcmp(img->filename, "/noexec") ? 0 : -ENOEXEC;
}
int exec_load(struct task *t, struct exec_image *img)
{
	struct user_regs_struct *r = pt_regs(t->pt);

	if (!strcmp(img->filename, "/bad"))
		return -EFAULT;
	r->rip = FAKE_RIP((unsigned)atoi(img->filename + 1));
	r->rsp = FAKE_STACK;
	return 0;
}
void exec_image_done(struct exec_image *img)
{
	file_put(img->file);
	free(img->filename);
	for (unsigned i = 0; img->argv && img->argv[i]; i++)
		free(img->argv[i]);
	for (unsigned i = 0; img->envp && img->envp[i]; i++)
		free(img->envp[i]);
	free(img->argv);
	free(img->envp);
	*img = (struct exec_image){.file = NULL};
}
struct kernel kernel = {.ncpu = 2};

/* --- running a program as process 1 --- */
static struct container fake_ct = {.ref = {1}};
int container_charge(struct container *ct, uint64_t n)
{
	return 0;
}
void *container_calloc(struct container *ct, size_t n)
{
	(void)ct;
	return calloc(1, n);
}
void container_uncharge(struct container *ct, uint64_t n)
{
}
void container_get(struct container *ct)
{
	ref_get(&ct->ref);
}
void container_put(struct container *ct)
{
	(void)!ref_put(&ct->ref);
}
static struct pid_namespace *fake_ns;
static uint32_t fake_done;
static int fake_status;

static void fake_on_exit(void *priv, int status)
{
	(void)priv;
	fake_status = status;
	__atomic_store_n(&fake_done, 1, __ATOMIC_SEQ_CST);
}
static int fake_start(struct task *t, void *arg)
{
	struct pt_thread *pt;

	if (pt_spawn(NULL, &pt))
		return SIGKILL;
	pt->regs.rip = FAKE_RIP((uintptr_t)arg);
	pt->regs.rsp = FAKE_STACK;
	mutex_lock(&t->lock);
	t->mm = mm_new(pt->as);
	t->pt = pt;
	mutex_unlock(&t->lock);
	return 0;
}
/* Makes process 1 of a new namespace run program fn. */
static struct task *fake_boot(unsigned fn)
{
	struct ipc_namespace *ipc;
	static struct rlimit rlim[RLIM_NLIMITS];
	struct task_params p = {.ct = &fake_ct, .init = true, .rlim = rlim};
	struct task *t = NULL;

	mmap((void *)(uintptr_t)FAKE_ARENA, FAKE_ARENA_LEN, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (int i = 0; i < RLIM_NLIMITS; i++)
		rlim[i] = (struct rlimit){1000, 1000};
	ref_init(&fake_ct.ref);
	if (pid_namespace_new(NULL, NULL, &fake_ns) < 0)
		abort();
	p.pid_ns = fake_ns;
	p.cred = cred_new();
	p.files = files_new();
	p.fs = fs_struct_new(NULL, NULL);
	REQUIRE(ipc_namespace_new(&fake_ct, NULL, &ipc) == 0);
	fake_cgroup = cgroup_new_root();
	p.nsproxy = nsproxy_new(uts_namespace_new("fake", ""), (struct mnt_namespace *)(uintptr_t)&fake_ct,
				pid_namespace_get(fake_ns), ipc, fake_cgroup);
	REQUIRE(p.nsproxy);
	p.start = fake_start;
	p.arg = (void *)(uintptr_t)fn;
	p.on_exit = fake_on_exit;
	fake_done = 0;
	REQUIRE(task_create(&p, &t) == 0);
	task_start(t);
	return t;
}
/* Waits for process 1; its wait status. Every object must be gone then. */
static int fake_finish(struct task *t)
{
	for (int i = 0; i < 50000 && !__atomic_load_n(&fake_done, __ATOMIC_SEQ_CST); i++)
		usleep(200);
	REQUIRE(fake_done);
	task_put(t);
	for (int i = 0; i < 5000 && __atomic_load_n(&fake_ct.pids, __ATOMIC_SEQ_CST); i++)
		usleep(200);
	CHECK_EQ(__atomic_load_n(&fake_ct.pids, __ATOMIC_SEQ_CST), 0);
	CHECK_EQ(__atomic_load_n(&fake_threads, __ATOMIC_SEQ_CST), 0);
	CHECK_EQ(__atomic_load_n(&fake_mms, __ATOMIC_SEQ_CST), 0);
	CHECK_EQ(__atomic_load_n(&fake_spaces, __ATOMIC_SEQ_CST), 0);
	CHECK_EQ(__atomic_load_n(&fake_files, __ATOMIC_SEQ_CST), 0);
	CHECK_EQ(__atomic_load_n(&fake_fss, __ATOMIC_SEQ_CST), 0);
	return fake_status;
}
static int fake_run(unsigned fn)
{
	return fake_finish(fake_boot(fn));
}

#endif
