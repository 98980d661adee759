/* SPDX-License-Identifier: Apache-2.0 */
/* A new program: execve(2) from the point where the file is open. */
#include <errno.h>
#include <linux/ptrace.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "kernel/loader/loader.h"
#include "kernel/signal/internal.h"
#include "kernel/task/internal.h"
#include "kernel/task/ptrace.h"

/* Set-id bits count unless the mount or no_new_privs says otherwise. */
static void set_ids(struct task *t, const struct exec_image *img, struct cred *n)
{
	const struct mount *m = img->file->path.mnt;
	struct inode *i = img->file->inode;
	mode_t mode;
	kuid_t uid;
	kgid_t gid;

	/* Bits and owner of one moment: a chown drops the bits and names the new owner. */
	mutex_lock(&i->lock);
	mode = i->mode;
	uid = i->uid;
	gid = i->gid;
	mutex_unlock(&i->lock);
	if (__atomic_load_n(&t->no_new_privs, __ATOMIC_RELAXED) || (m && !mnt_may_suid(m, n)) ||
	    !kuid_mapped(n->user_ns, uid) || !kgid_mapped(n->user_ns, gid))
		return;
	if (mode & S_ISUID)
		n->euid = uid;
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		n->egid = gid;
}

static int exec_cred(struct task *t, struct exec_image *img, struct cred **ret)
{
	struct cred *n = *ret = cred_dup(t->cred);
	const struct mount *m = img->file->path.mnt;
	struct file_caps caps = {0};
	int r = n ? 0 : -ENOMEM;

	if (r == 0 && !(m && (m->flags & MNT_NOSUID)))
		r = file_caps_read(img->file->inode, &caps);
	if (r < 0)
		return r;
	set_ids(t, img, n);
	r = cred_fix_exec(t->cred, n, &caps, __atomic_load_n(&t->no_new_privs, __ATOMIC_RELAXED), &img->secure);
	/* What the program reads in its auxiliary vector. */
	img->uid = KUID(from_kuid(n->user_ns, n->uid));
	img->euid = KUID(from_kuid(n->user_ns, n->euid));
	img->gid = KGID(from_kgid(n->user_ns, n->gid));
	img->egid = KGID(from_kgid(n->user_ns, n->egid));
	return r;
}

/* Is t the only thread but for a leader that is a zombie? tasklist lock taken. */
static bool alone(struct task *t)
{
	struct thread_group *tg = t->tg;

	MUTEX_GUARD(&tasklist_lock);
	if (tg->leader == t)
		return tg->nthreads == 1;
	return tg->nthreads == 2 && task_state(tg->leader) == TASK_ZOMBIE;
}

/* t takes the place, number and identity of its dead leader. tasklist lock held. */
static void replace_leader(struct task *t)
{
	struct thread_group *tg = t->tg;
	struct task *l = tg->leader;
	struct pid_namespace *ns = task_pid_ns(l);

	if (l->trace.tracer) /* it vanishes without a word */
		wake_up_all(&l->trace.tracer->tg->child_wait, 0);
	ptrace_release(l);
	pid_attach(t, PIDTYPE_TGID, l->pid);
	pid_attach(t, PIDTYPE_PGID, tg->pgrp);
	pid_attach(t, PIDTYPE_SID, tg->session);
	pid_detach(t, PIDTYPE_PID, t->pid);
	pid_put(t->old_pid);
	t->old_pid = t->pid; /* somebody may be looking at it */
	t->pid = pid_get(l->pid);
	pid_attach(t, PIDTYPE_PID, t->pid);
	pid_detach(l, PIDTYPE_PID, l->pid);
	pid_detach(l, PIDTYPE_TGID, l->tgid_pid);
	pid_detach(l, PIDTYPE_PGID, tg->pgrp);
	pid_detach(l, PIDTYPE_SID, tg->session);
	list_del(&l->thread_node);
	tg->nthreads--;
	tg->leader = t;
	if (ns->init == l)
		ns->init = t;
	t->start_ns = l->start_ns;
	t->exit_code = 0;
	__atomic_store_n(&l->state, TASK_DEAD, __ATOMIC_RELAXED);
	task_put(l);
}

/* Ends all other threads. -EAGAIN when t is being killed itself. */
static int de_thread(struct task *t)
{
	struct thread_group *tg = t->tg;
	int r = 0;

	mutex_lock(&tasklist_lock);
	mutex_lock(&t->sighand->lock);
	if ((tg->flags & TG_GROUP_EXIT) || tg->group_exec_task)
		r = -EAGAIN;
	if (r == 0 && tg->nthreads > 1) {
		tg->group_exec_task = t;
		tg->flags |= TG_EXEC;
		kill_other_threads(t);
	}
	mutex_unlock(&t->sighand->lock);
	mutex_unlock(&tasklist_lock);
	if (r < 0)
		return r;
	r = wait_event(&tg->exit_wait, &t->sleeper, alone(t), TIME_FOREVER, SLEEP_KILLABLE);
	mutex_lock(&tasklist_lock);
	mutex_lock(&t->sighand->lock);
	tg->group_exec_task = NULL;
	tg->flags &= ~TG_EXEC;
	mutex_unlock(&t->sighand->lock);
	if (r == 0 && tg->leader != t)
		replace_leader(t);
	mutex_unlock(&tasklist_lock);
	return r < 0 ? -EAGAIN : 0;
}

/* Handlers are gone with the old program; ignored signals stay ignored. */
static void reset_signals(struct task *t, struct sighand *fresh)
{
	struct sighand *old = t->sighand;

	for (int i = 0; i < NSIG_GUEST; i++)
		if (old->action[i].handler == HANDLER_IGN)
			fresh->action[i].handler = HANDLER_IGN;
	mutex_lock(&tasklist_lock);
	mutex_lock(&old->lock);
	t->sighand = fresh;
	mutex_unlock(&old->lock);
	mutex_unlock(&tasklist_lock);
	sighand_put(old);
	t->altstack = (struct guest_sigstack){0, 0, SS_DISABLE};
}

static void set_comm(struct task *t, const char *filename)
{
	const char *slash = strrchr(filename, '/');

	mutex_lock(&t->lock);
	snprintf(t->comm, sizeof(t->comm), "%.15s", slash ? slash + 1 : filename);
	mutex_unlock(&t->lock);
}

static void switch_memory(struct task *t, struct pt_thread *pt, struct mm *mm)
{
	struct pt_thread *old_pt;
	struct mm *old_mm;

	mutex_lock(&t->lock);
	old_pt = t->pt;
	old_mm = t->mm;
	t->pt = pt;
	t->mm = mm;
	if (old_mm)
		mm->thp_disabled = old_mm->thp_disabled;
	mutex_unlock(&t->lock);
	if (old_pt)
		pt_release(old_pt);
	if (old_mm)
		mm_put(old_mm);
}

/* What a program inherits from its process is reset where exec says so. */
static void reset_task(struct task *t, struct exec_image *img, struct cred *cred,
		       struct sighand *fresh)
{
	reset_signals(t, fresh);
	set_comm(t, img->filename);
	t->clear_child_tid = t->set_child_tid = 0;
	t->robust_list = t->robust_len = 0;
	t->trapno = t->trap_err = t->trap_addr = 0;
	t->restart.fn = NULL;
	t->dispatch.on = false;
	if (img->secure)
		t->pdeath_signal = 0;
	mutex_lock(&tasklist_lock);
	t->tg->exec_done = true;
	t->tg->exit_signal = SIGCHLD;
	mutex_unlock(&tasklist_lock);
	t->mm->dumpable = img->uid.v == img->euid.v && img->gid.v == img->egid.v;
	commit_cred(t, cred);
	files_close_on_exec(t);
}

static int unshare_files(struct task *t)
{
	struct files *n, *old;
	int r = files_copy(t->files, &n);

	if (r < 0)
		return r;
	mutex_lock(&t->lock);
	old = t->files;
	t->files = n;
	mutex_unlock(&t->lock);
	files_put(old);
	return 0;
}

int do_exec(struct task *t, struct exec_image *img)
{
	struct sighand *fresh = NULL;
	struct pt_thread *pt = NULL;
	struct cred *cred = NULL;
	struct mm *mm = NULL;
	unsigned long long nr = t->pt ? pt_regs(t->pt)->orig_rax : (unsigned long long)-1;
	int r = exec_probe(t, img), old_nr;

	if (r < 0)
		return r;
	if (getrandom(img->random, sizeof(img->random), 0) != (ssize_t)sizeof(img->random))
		return -EIO;
	r = exec_cred(t, img, &cred);
	fresh = sighand_new();
	if (r == 0)
		r = fresh ? pt_spawn(t->ct->pt, &pt) : -ENOMEM;
	if (r == 0) {
		pt_set_title(pt, img->argv);
		mm = mm_new(pt_as(pt));
		r = mm ? unshare_files(t) : -ENOMEM;
	}
	old_nr = ptrace_tid(t);
	if (r == 0)
		r = de_thread(t);
	if (r < 0) {
		cred_put(cred);
		sighand_put(fresh);
		if (mm)
			mm_put(mm);
		if (pt)
			pt_release(pt);
		return r;
	}
	/* No way back from here. */
	posix_timers_exit(t->tg);
	if (t->mm)
		futex_exit(t);
	switch_memory(t, pt, mm);
	reset_task(t, img, cred, fresh);
	task_publish(t);
	vfork_complete(t);
	r = exec_load(t, img);
	if (r < 0) {
		exec_image_done(img); /* nobody comes back to the caller */
		do_group_exit(t, SIGKILL);
	}
	/* A debugger finds the call that it saw begin. */
	pt_regs(t->pt)->orig_rax = nr;
	ptrace_event(t, PTRACE_EVENT_EXEC, (uint64_t)old_nr);
	return 0;
}
