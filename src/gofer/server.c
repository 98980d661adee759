/* SPDX-License-Identifier: Apache-2.0 */
/* Channels and dispatch. The table says when a request is legal, how long it may be and what it needs. */
#include "gofer/server.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "base/log.h"

#define ST_NEW 1U   /* nothing heard yet on channel 0 */
#define ST_READY 2U /* after INIT, and every later channel */

#define OP_NODE 1U    /* h.nodeid must name a node */
#define OP_DIR 2U     /* ... that is a directory */
#define OP_WRITE 4U   /* refused on a read-only export */
#define OP_SILENT 8U  /* gets no reply */
#define OP_FIRST 16U  /* on channel 0 only */

struct op {
	uint32_t opcode;
	const char *name;
	handler_fn *fn;
	unsigned states, flags;
	size_t min, max; /* bytes of the body */
};

struct channel {
	struct gofer *g;
	int sock;
	bool first, end;
	unsigned state;
	uint16_t cpu;
	uint8_t *in, *out;
};

static handler_fn op_init, op_channel, op_exit;

#define NAME (NAME_MAX + 1)
#define D (OP_NODE | OP_DIR)
static const struct op ops[] = {
	{FUSE_INIT, "INIT", op_init, ST_NEW, OP_FIRST, sizeof(struct fuse_init_in),
	 sizeof(struct fuse_init_in)},
	{FW_CHANNEL, "CHANNEL", op_channel, ST_READY, OP_FIRST, 0, 0},
	{FW_EXIT, "EXIT", op_exit, ST_READY, OP_FIRST | OP_SILENT, sizeof(struct fw_exit_in),
	 sizeof(struct fw_exit_in)},
	{FUSE_LOOKUP, "LOOKUP", op_lookup, ST_READY, D, 2, NAME},
	{FW_WALK, "WALK", op_walk, ST_READY, D, sizeof(struct fw_walk_in) + 2,
	 sizeof(struct fw_walk_in) + (size_t)FW_WALK_MAX * NAME},
	{FUSE_FORGET, "FORGET", op_forget, ST_READY, OP_SILENT, sizeof(struct fuse_forget_in),
	 sizeof(struct fuse_forget_in)},
	{FUSE_BATCH_FORGET, "BATCH_FORGET", op_batch_forget, ST_READY, OP_SILENT,
	 sizeof(struct fuse_batch_forget_in),
	 sizeof(struct fuse_batch_forget_in) + FW_FORGET_MAX * sizeof(struct fuse_forget_one)},
	{FUSE_GETATTR, "GETATTR", op_getattr, ST_READY, OP_NODE, 0, sizeof(struct fuse_getattr_in)},
	{FUSE_SETATTR, "SETATTR", op_setattr, ST_READY, OP_NODE | OP_WRITE,
	 sizeof(struct fuse_setattr_in), sizeof(struct fuse_setattr_in)},
	{FUSE_READLINK, "READLINK", op_readlink, ST_READY, OP_NODE, 0, 0},
	{FUSE_SYMLINK, "SYMLINK", op_symlink, ST_READY, D | OP_WRITE, 4, NAME + 4096},
	{FUSE_MKNOD, "MKNOD", op_mknod, ST_READY, D | OP_WRITE, sizeof(struct fuse_mknod_in) + 2,
	 sizeof(struct fuse_mknod_in) + NAME},
	{FUSE_MKDIR, "MKDIR", op_mkdir, ST_READY, D | OP_WRITE, sizeof(struct fuse_mkdir_in) + 2,
	 sizeof(struct fuse_mkdir_in) + NAME},
	{FUSE_UNLINK, "UNLINK", op_unlink, ST_READY, D | OP_WRITE, 2, NAME},
	{FUSE_RMDIR, "RMDIR", op_rmdir, ST_READY, D | OP_WRITE, 2, NAME},
	{FUSE_RENAME2, "RENAME2", op_rename2, ST_READY, D | OP_WRITE,
	 sizeof(struct fuse_rename2_in) + 4, sizeof(struct fuse_rename2_in) + 2 * NAME},
	{FUSE_LINK, "LINK", op_link, ST_READY, D | OP_WRITE, sizeof(struct fuse_link_in) + 2,
	 sizeof(struct fuse_link_in) + NAME},
	{FUSE_OPEN, "OPEN", op_open, ST_READY, OP_NODE, sizeof(struct fuse_open_in),
	 sizeof(struct fuse_open_in)},
	{FUSE_CREATE, "CREATE", op_create, ST_READY, D | OP_WRITE, sizeof(struct fuse_create_in) + 2,
	 sizeof(struct fuse_create_in) + NAME},
	{FUSE_TMPFILE, "TMPFILE", op_tmpfile, ST_READY, D | OP_WRITE, sizeof(struct fuse_create_in),
	 sizeof(struct fuse_create_in)},
	{FUSE_OPENDIR, "OPENDIR", op_opendir, ST_READY, D, sizeof(struct fuse_open_in),
	 sizeof(struct fuse_open_in)},
	{FUSE_READDIRPLUS, "READDIRPLUS", op_readdirplus, ST_READY, D, sizeof(struct fuse_read_in),
	 sizeof(struct fuse_read_in)},
	{FUSE_RELEASEDIR, "RELEASEDIR", op_releasedir, ST_READY, OP_NODE | OP_SILENT,
	 sizeof(struct fuse_release_in), sizeof(struct fuse_release_in)},
	{FW_GUARD, "GUARD", op_guard, ST_READY, D, 0, 0},
	{FUSE_STATFS, "STATFS", op_statfs, ST_READY, OP_NODE, 0, 0},
	{FUSE_FSYNC, "FSYNC", op_fsync, ST_READY, OP_NODE, sizeof(struct fuse_fsync_in),
	 sizeof(struct fuse_fsync_in)},
	{FUSE_SETXATTR, "SETXATTR", op_setxattr, ST_READY, OP_NODE | OP_WRITE,
	 sizeof(struct fuse_setxattr_in) + 2, sizeof(struct fuse_setxattr_in) + NAME + FW_VALUE_MAX},
	{FUSE_GETXATTR, "GETXATTR", op_getxattr, ST_READY, OP_NODE,
	 sizeof(struct fuse_getxattr_in) + 2, sizeof(struct fuse_getxattr_in) + NAME},
	{FUSE_LISTXATTR, "LISTXATTR", op_listxattr, ST_READY, OP_NODE,
	 sizeof(struct fuse_getxattr_in), sizeof(struct fuse_getxattr_in)},
	{FUSE_REMOVEXATTR, "REMOVEXATTR", op_removexattr, ST_READY, OP_NODE | OP_WRITE, 2, NAME},
};
#undef D
#undef NAME

static const struct op *find_op(uint32_t opcode)
{
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (ops[i].opcode == opcode)
			return &ops[i];
	return NULL;
}

int gofer_init(struct gofer *g, unsigned open_max)
{
	*g = (struct gofer){.follow_cpu = true, .can_chmod_path = true,
			    .euid = geteuid()};
	mutex_init(&g->lock, RANK_PLATFORM, "gofer");
	return node_table_init(&g->nodes, open_max);
}

void gofer_done(struct gofer *g)
{
	dir_handles_close(g);
	node_table_done(&g->nodes);
	mutex_destroy(&g->lock);
}

/* --- channels ------------------------------------------------------------------------------------------ */

static int op_init(struct request *q)
{
	struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = FW_MINOR,
				    .max_write = FW_MSG_MAX};
	struct fuse_init_in in;

	fw_get(&q->in, &in, sizeof(in));
	if (in.major != FUSE_KERNEL_VERSION || in.minor != FW_MINOR)
		return -EPROTO;
	fw_put(&q->out, &out, sizeof(out));
	return 0;
}

struct channel_start {
	struct gofer *g;
	int sock;
};

static void *channel_thread(void *arg)
{
	struct channel_start s = *(struct channel_start *)arg;

	free(arg);
	gofer_serve(s.g, s.sock, false);
	mutex_lock(&s.g->lock);
	s.g->nchannels--;
	mutex_unlock(&s.g->lock);
	return NULL;
}

static int start_channel(struct gofer *g, int sock)
{
	struct channel_start *s = malloc(sizeof(*s));
	pthread_attr_t a;
	pthread_t t;
	int r;

	if (!s)
		return -ENOMEM;
	*s = (struct channel_start){g, sock};
	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&a, 128 * 1024);
	r = pthread_create(&t, &a, channel_thread, s);
	pthread_attr_destroy(&a);
	if (r)
		free(s);
	return -r;
}

static int op_channel(struct request *q)
{
	int pair[2], r;

	mutex_lock(&q->g->lock);
	r = q->g->nchannels < FW_CHANNEL_MAX - 1 ? 0 : -EMFILE;
	if (r == 0)
		q->g->nchannels++;
	mutex_unlock(&q->g->lock);
	if (r < 0)
		return r;
	r = RET_NERRNO(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	if (r == 0) {
		r = start_channel(q->g, pair[0]);
		if (r == 0) {
			q->reply_fd = pair[1];
			return 0;
		}
		close(pair[0]);
		close(pair[1]);
	}
	mutex_lock(&q->g->lock);
	q->g->nchannels--;
	mutex_unlock(&q->g->lock);
	return r;
}

static int op_exit(struct request *q)
{
	struct fw_exit_in in;

	fw_get(&q->in, &in, sizeof(in));
	if (!fw_done(&q->in) || (!WIFEXITED(in.status) && !WIFSIGNALED(in.status)))
		return -EINVAL;
	*q->end = true;
	q->g->on_exit(q->g, in.status);
	return 0;
}

/* --- dispatch ------------------------------------------------------------------------------------------ */

static int run(struct channel *c, const struct op *op, struct request *q)
{
	int r;

	if (q->in.left < op->min || q->in.left > op->max)
		return -EINVAL;
	if (!(op->states & c->state) || ((op->flags & OP_FIRST) && !c->first))
		return -EPROTO;
	if (op->flags & OP_NODE) {
		q->node = node_get(&c->g->nodes, q->h.nodeid);
		if (!q->node)
			return -ESTALE;
		if ((op->flags & OP_DIR) && !S_ISDIR(q->node->id.type))
			return -ENOTDIR;
		if ((op->flags & OP_WRITE) &&
		    (c->g->nodes.export[q->node->export].flags & EXPORT_RO))
			return -EROFS;
	}
	r = op->fn(q);
	if (r == 0 && op->opcode == FUSE_INIT)
		c->state = ST_READY;
	if (r == 0 && q->out.bad)
		r = -EOVERFLOW;
	return r;
}

/* The kernel's thread waits for this one: be where it is, so that the hand-over stays on one CPU. */
static void follow_cpu(struct channel *c, uint16_t cpu)
{
	cpu_set_t set;

	if (cpu == 0 || cpu == c->cpu || cpu > CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu - 1U, &set);
	(void)!sched_setaffinity(0, sizeof(set), &set);
	c->cpu = cpu;
}

/* One request of n bytes. Returns 0, or -errno when the channel cannot go on. */
static int serve_one(struct channel *c, size_t n)
{
	struct request q = {.g = c->g, .reply_fd = -1, .end = &c->end};
	struct fuse_out_header oh = {0};
	const struct op *op;
	int r;

	fw_reader_init(&q.in, c->in, n);
	fw_get(&q.in, &q.h, sizeof(q.h));
	if (q.in.bad || q.h.len != n || q.h.total_extlen != 0)
		return -EPROTO;
	if (c->g->follow_cpu)
		follow_cpu(c, q.h.fw_cpu);
	fw_writer_init(&q.out, c->out, FW_MSG_MAX);
	fw_put_space(&q.out, sizeof(oh));
	op = find_op(q.h.opcode);
	r = op ? run(c, op, &q) : -ENOSYS;
	if (q.node)
		node_put(&c->g->nodes, q.node);
	if (op && (op->flags & OP_SILENT))
		return 0;
	if (r < 0) {
		q.out.len = sizeof(oh);
		if (q.reply_fd >= 0)
			close(TAKE_FD(q.reply_fd));
	}
	oh.len = (uint32_t)q.out.len;
	oh.error = r;
	oh.unique = q.h.unique;
	memcpy(c->out, &oh, sizeof(oh));
	r = fw_send(c->sock, c->out, q.out.len, q.reply_fd, 0);
	if (q.reply_fd >= 0)
		close(q.reply_fd);
	return r;
}

void gofer_serve(struct gofer *g, int sock, bool first)
{
	struct channel c = {.g = g, .sock = sock, .first = first,
			    .state = first ? ST_NEW : ST_READY};
	_cleanup_free_ uint8_t *in = malloc(FW_MSG_MAX), *out = malloc(FW_MSG_MAX);

	c.in = in;
	c.out = out;
	while (in && out && !c.end) {
		/* Without room for control messages the host drops descriptors sent to us. */
		ssize_t n = fw_recv(sock, in, FW_MSG_MAX, NULL, 0);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			break;
		if (serve_one(&c, (size_t)n) < 0)
			break;
	}
	close(sock);
	if (first && !c.end)
		g->on_exit(g, GOFER_ORPHAN_STATUS);
}
