/* SPDX-License-Identifier: Apache-2.0 */
/* The mqueue file system: one flat directory for each IPC namespace. */
#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include "kernel/container.h"
#include "kernel/fs/mqueue/mqueue_priv.h"
#include "kernel/task/task.h"

#define MQUEUE_MAGIC_ 0x19800202
#define HARD_MESSAGES 65536
#define HARD_SIZE (16 << 20)
#define FILE_SIZE 80	 /* what stat shows, as on Linux */
#define POS_FIRST 2U	 /* "." and ".." come before */
#define MESSAGE_COST 48U /* what Linux counts for a message, and for each priority in use */

/* What the mq_open in progress asked for; NULL: the defaults. */
static __thread const struct mq_attr *asked;

static struct mq_sb *sb_of(const struct inode *i)
{
	return i->sb->priv;
}

/* --- limits --- */

static int setting(const int *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static int check_attr(struct ipc_namespace *ns, long max, long size)
{
	bool more = current && ns_capable(current->cred, ns->user_ns, CAP_SYS_RESOURCE);

	if (max <= 0 || size <= 0)
		return -EINVAL;
	if (more ? max > HARD_MESSAGES || size > HARD_SIZE
		 : max > setting(&ns->mq_msg_max) || size > setting(&ns->mq_msgsize_max))
		return -EINVAL;
	return 0;
}

/* Counts n more bytes for user, or gives them back. -EMFILE past RLIMIT_MSGQUEUE. */
static int count_bytes(struct mq_sb *s, kuid_t user, uint64_t n, bool add)
{
	uint64_t limit = current ? task_rlimit(current, RLIMIT_MSGQUEUE) : UINT64_MAX;
	struct mq_user *u, *found = NULL;

	MUTEX_GUARD(&s->lock);
	list_for_each_entry(u, &s->users, node)
		if (u->uid.v == user.v)
			found = u;
	if (!add) {
		found->bytes -= n;
		if (!found->bytes) {
			list_del(&found->node);
			free(found);
		}
		return 0;
	}
	if ((found ? found->bytes : 0) + n > limit)
		return -EMFILE;
	if (!found) {
		found = calloc(1, sizeof(*found));
		if (!found)
			return -ENOMEM;
		found->uid = user;
		list_add_tail(&found->node, &s->users);
	}
	found->bytes += n;
	return 0;
}

/* --- queues --- */

static int queue_new(struct mq_sb *s, kuid_t user, struct mq **ret)
{
	struct ipc_namespace *ns = s->ns;
	long max = MIN(setting(&ns->mq_msg_max), setting(&ns->mq_msg_default));
	long size = MIN(setting(&ns->mq_msgsize_max), setting(&ns->mq_msgsize_default));
	struct mq *q;
	int r;

	if (asked) {
		max = asked->mq_maxmsg;
		size = asked->mq_msgsize;
		r = check_attr(ns, max, size);
		if (r < 0)
			return r;
	}
	q = container_calloc(ns->ct, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->bytes = (uint64_t)max * (MESSAGE_COST + (uint64_t)size) + MIN((uint64_t)max, MQ_PRIORITIES) * MESSAGE_COST;
	r = count_bytes(s, user, q->bytes, true);
	if (r < 0) {
		container_free(ns->ct, q, sizeof(*q));
		return r;
	}
	q->user = user;
	q->ns = ns;
	q->max = max;
	q->max_size = size;
	mutex_init(&q->lock, RANK_PIPE, "mqueue");
	waitq_init(&q->wait);
	list_init(&q->messages);
	*ret = q;
	return 0;
}

/* One more queue, if the limit allows. */
static int take_place(struct mq_sb *s)
{
	bool more = current && ns_capable(current->cred, s->ns->user_ns, CAP_SYS_RESOURCE);

	MUTEX_GUARD(&s->lock);
	if (s->queues >= setting(&s->ns->mq_queues_max) && !more)
		return -ENOSPC;
	s->queues++;
	return 0;
}

static void give_place(struct mq_sb *s)
{
	MUTEX_GUARD(&s->lock);
	s->queues--;
}

static const struct inode_ops file_iops;

static int setattr(struct inode *i, const struct iattr *a)
{
	generic_setattr(i, a); /* a length means nothing here */
	return 0;
}
static const struct inode_ops file_iops = {.setattr = setattr};

static int queue_inode(struct inode *dir, mode_t mode, struct inode **ret)
{
	struct mq_sb *s = sb_of(dir);
	struct inode *i;
	struct mq *q;
	int r = take_place(s);

	if (r < 0)
		return r;
	i = inode_new(dir->sb, mode);
	if (!i) {
		give_place(s);
		return -ENOMEM;
	}
	inode_init_owner(i, dir, mode);
	r = queue_new(s, i->uid, &q);
	if (r < 0) {
		give_place(s);
		inode_put(i);
		return r;
	}
	i->priv = q;
	i->op = &file_iops;
	i->fop = &mq_file_ops;
	i->size = FILE_SIZE;
	*ret = i;
	return 0;
}

/* --- the directory --- */

static struct mq_entry *find(struct mq_sb *s, const struct dentry *d)
{
	struct mq_entry *e;

	list_for_each_entry(e, &s->entries, node)
		if (!strcmp(e->name, d->name))
			return e;
	return NULL;
}

static int lookup(struct inode *dir, struct dentry *d, struct inode **ret)
{
	struct mq_entry *e = find(sb_of(dir), d);

	*ret = e ? inode_get(e->inode) : NULL;
	return 0;
}

static int create(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct mq_sb *s = sb_of(dir);
	struct mq_entry *e = calloc(1, sizeof(*e) + d->name_len + 1);
	struct inode *i;
	int r;

	if (!e)
		return -ENOMEM;
	r = queue_inode(dir, mode, &i);
	if (r < 0) {
		free(e);
		return r;
	}
	memcpy(e->name, d->name, d->name_len);
	e->inode = inode_get(i);
	e->pos = s->next_pos++;
	list_add_tail(&e->node, &s->entries);
	dir->size += 20;
	inode_touch(dir, true, true);
	dentry_instantiate(d, i);
	return 0;
}

static int unlink_queue(struct inode *dir, struct dentry *d)
{
	struct mq_entry *e = find(sb_of(dir), d);

	if (!e)
		return -ENOENT;
	list_del(&e->node);
	dir->size -= 20;
	inode_touch(dir, true, true);
	e->inode->nlink = 0;
	inode_touch(e->inode, false, true);
	inode_put(e->inode); /* d has one more */
	free(e);
	return 0;
}

static int iterate(struct file *f, struct dir_context *c)
{
	struct inode *dir = f->inode;
	struct mq_entry *e;

	MUTEX_GUARD(&dir->lock);
	for (; c->pos < POS_FIRST; c->pos++)
		if (!c->emit(c, "..", c->pos + 1, dir->ino, DT_DIR, c->pos + 1))
			return 0;
	list_for_each_entry(e, &sb_of(dir)->entries, node) {
		if (e->pos < c->pos)
			continue;
		if (!c->emit(c, e->name, strlen(e->name), e->inode->ino, DT_REG, e->pos + 1))
			return 0;
		c->pos = e->pos + 1;
	}
	return 0;
}

static const struct inode_ops dir_iops = {.lookup = lookup, .create = create, .unlink = unlink_queue, .setattr = setattr};
static const struct file_ops dir_fops = {.iterate = iterate, .llseek = no_seek_end_llseek};

/* --- the super --- */

static void evict(struct inode *i)
{
	struct mq_sb *s = sb_of(i);
	struct mq *q = i->priv;

	if (!q)
		return;
	count_bytes(s, q->user, q->bytes, false);
	container_uncharge(s->ns->ct, sizeof(*q));
	give_place(s);
	mq_free(q);
}

static void kill_sb(struct super *sb)
{
	struct mq_sb *s = sb->priv;

	mutex_destroy(&s->lock);
	ipc_life_put(s->ns);
	free(s);
}

static const struct super_ops mq_super_ops = {.evict = evict, .kill = kill_sb};

static int new_super(const struct fs_type *type, struct ipc_namespace *ns, struct super **ret)
{
	struct mq_sb *s = calloc(1, sizeof(*s));
	struct super *sb = s ? super_new(type, &mq_super_ops, MQUEUE_MAGIC_) : NULL;
	struct inode *root;

	if (!sb) {
		free(s);
		return -ENOMEM;
	}
	s->ns = ns;
	ref_get(&ns->life);
	s->next_pos = POS_FIRST;
	mutex_init(&s->lock, RANK_TASK, "mqueue super");
	list_init(&s->entries);
	list_init(&s->users);
	sb->priv = s;
	root = inode_new(sb, S_IFDIR | 01777);
	if (root) {
		root->nlink = 2;
		root->op = &dir_iops;
		root->fop = &dir_fops;
		sb->root = dentry_make_root(sb, root);
	}
	if (!sb->root) {
		super_put(sb);
		return -ENOMEM;
	}
	*ret = sb;
	return 0;
}

extern const struct fs_type mqueue_fs_type;

/* The mount of ns's queues that no path shows; made when first asked for. */
static int mount_of(struct ipc_namespace *ns, struct mount **ret)
{
	struct mount *m = __atomic_load_n(&ns->mq_mnt, __ATOMIC_ACQUIRE), *seen = NULL;
	struct super *sb;
	struct path p;
	int r;

	if (!m) {
		r = new_super(&mqueue_fs_type, ns, &sb);
		if (r < 0)
			return r;
		m = mount_internal(sb, MNT_NOSUID | MNT_NOEXEC | MNT_NODEV);
		if (!m)
			return -ENOMEM;
		if (!__atomic_compare_exchange_n(&ns->mq_mnt, &seen, m, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			p = (struct path){m, dentry_get(m->root)};
			path_put(&p); /* somebody was faster */
			m = seen;
		}
	}
	*ret = m;
	return 0;
}

int mqueue_root(struct task *t, struct path *ret)
{
	struct mount *m;
	int r = mount_of(ipc_ns_of(t), &m);

	if (r < 0)
		return r;
	*ret = (struct path){m, m->root};
	path_get(ret);
	return 0;
}

int mqueue_create(const struct path *root, struct dentry *d, mode_t mode, const struct mq_attr *attr)
{
	int r;

	asked = attr;
	r = vfs_create(root, d, mode);
	asked = NULL;
	return r;
}

/* The entries hold their inodes, and those the super: who drops the namespace empties it. */
void mq_namespace_end(struct ipc_namespace *ns)
{
	struct mount *m = ns->mq_mnt;
	struct mq_entry *e, *x;
	struct path p;
	struct mq_sb *s;

	LIST_HEAD(gone);
	if (!m)
		return;
	s = m->sb->priv;
	mutex_lock(&m->root->inode->lock);
	list_for_each_entry_safe(e, x, &s->entries, node) {
		list_del(&e->node);
		list_add_tail(&e->node, &gone);
	}
	mutex_unlock(&m->root->inode->lock);
	list_for_each_entry_safe(e, x, &gone, node) {
		inode_put(e->inode);
		free(e);
	}
	p = (struct path){m, dentry_get(m->root)};
	path_put(&p);
}

static int get_super(const struct fs_type *t, const struct fs_params *p, struct super **ret)
{
	struct ipc_namespace *ns = current ? ipc_ns_of(current) : p->ct ? p->ct->ipc : NULL;
	struct mount *m;
	int r = ns ? mount_of(ns, &m) : -EINVAL;

	if (r < 0)
		return r;
	*ret = super_get(m->sb);
	return 0;
}

const struct fs_type mqueue_fs_type = {.name = "mqueue", .flags = FS_NODEV | FS_USERNS_MOUNT, .get_super = get_super};
