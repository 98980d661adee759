/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile replies against the kernel's FUSE client. Input: bodies of replies; the first byte of each
 * says what is made plausible. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include "base/log.h"
#include "standalone.h"
#include "gofer_fakevfs.h"

static struct {
	const uint8_t *p;
	size_t n;
} input;

/* The next n bytes of the input, or fewer. */
static size_t take(void *to, size_t n)
{
	n = MIN(n, input.n);
	memcpy(to, input.p, n);
	input.p += n;
	input.n -= n;
	return n;
}

static void good_attr(struct fuse_attr *a, uint8_t kind)
{
	static const uint32_t types[] = {S_IFDIR, S_IFREG, S_IFLNK, S_IFIFO};

	a->mode = types[kind & 3] | 0755;
	a->atimensec = a->mtimensec = a->ctimensec = 0;
	a->size &= INT32_MAX;
	a->blocks &= INT32_MAX;
	a->blksize = 4096;
}

static size_t body_for(uint32_t opcode, uint8_t kind, uint8_t *out, size_t cap)
{
	size_t n = take(out, kind & 0x40 ? cap : (size_t)(kind & 0x3f) * 8);

	if (kind & 0x80)
		return n;
	switch (opcode) {
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		n = sizeof(struct fuse_attr_out);
		good_attr(&((struct fuse_attr_out *)(void *)out)->attr, kind);
		break;
	case FUSE_LOOKUP:
	case FUSE_MKDIR:
		n = sizeof(struct fuse_entry_out);
		good_attr(&((struct fuse_entry_out *)(void *)out)->attr, kind);
		break;
	case FUSE_OPENDIR:
		n = sizeof(struct fuse_open_out);
		break;
	case FUSE_STATFS:
		n = sizeof(struct fuse_statfs_out);
		break;
	default:
		break;
	}
	return n;
}

static void *lie(void *arg)
{
	int s = (int)(intptr_t)arg, pair[2];
	static uint8_t in[FW_MSG_MAX];
	_Alignas(8) uint8_t out[4096 + 16];

	for (;;) {
		struct fuse_out_header o = {0};
		struct fuse_in_header h;
		size_t n = 0;
		uint8_t kind = 0x80;
		int fd = -1;

		if (fw_recv(s, in, sizeof(in), NULL, 0) < (ssize_t)sizeof(h))
			break;
		memcpy(&h, in, sizeof(h));
		memset(out, 0, sizeof(out));
		if (h.opcode == FUSE_BATCH_FORGET || h.opcode == FUSE_RELEASEDIR)
			continue;
		if (h.opcode == FUSE_INIT) {
			struct fuse_init_out io = {.major = 7, .minor = FW_MINOR};

			memcpy(out + 16, &io, sizeof(io));
			n = sizeof(io);
		} else if (h.opcode == FW_CHANNEL) {
			/* One more end of this very loop: served after this one's next request. */
			pthread_t t;

			if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0 ||
			    pthread_create(&t, NULL, lie, (void *)(intptr_t)pair[0]) != 0)
				abort();
			pthread_detach(t);
			fd = pair[1];
		} else {
			take(&kind, 1);
			if (h.opcode == FW_GUARD && (kind & 1))
				fd = open("/", O_PATH);
			n = body_for(h.opcode, kind, out + 16, 4096);
			if (kind == 0xff)
				o.error = (int32_t)out[20] - 200;
		}
		o.unique = h.unique;
		o.len = (uint32_t)(16 + n);
		memcpy(out, &o, sizeof(o));
		(void)!fw_send(s, out, 16 + n, fd, 0);
		if (fd >= 0)
			close(fd);
	}
	close(s);
	return NULL;
}

static bool emit(struct dir_context *c __unused, const char *name, size_t len, uint64_t ino __unused,
		 unsigned type __unused, uint64_t off __unused)
{
	static volatile char sum;

	for (size_t i = 0; i < len; i++)
		sum ^= name[i];
	(void)sum;
	return true;
}

static void use(struct inode *i, int depth)
{
	char name[] = "name", buf[300];
	struct dentry d = {.parent = i->sb->root, .name = name, .name_len = 4};
	struct kstat st;
	struct file f = {.inode = i, .op = i->fop};
	struct dir_context c = {.emit = emit};
	struct inode *child = NULL;

	(void)i->op->getattr(i, &st);
	(void)!i->op->listxattr(i, buf, sizeof(buf));
	if (i->op->readlink)
		(void)!i->op->readlink(i, buf, sizeof(buf));
	if (!i->op->lookup || depth > 3)
		return;
	if (f.op->open(i, &f) == 0) {
		for (int k = 0; k < 3; k++)
			(void)f.op->iterate(&f, &c);
		f.op->release(&f);
	}
	if (i->op->lookup(i, &d, &child) == 0 && child) {
		use(child, depth + 1);
		inode_put(child);
	}
	d.inode = NULL;
	if (i->op->mkdir(i, &d, 0755) == 0)
		inode_put(d.inode);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuse_conn *c;
	struct super *sb;
	struct statfs st;
	pthread_t t;
	int s[2];

	log_set_stderr(false);
	input.p = data;
	input.n = size;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) < 0 ||
	    pthread_create(&t, NULL, lie, (void *)(intptr_t)s[1]) != 0)
		abort();
	if (fuse_conn_new(s[0], &c) == 0) {
		if (fuse_super_new(c, 0, true, 0, "fuzz", &sb) == 0) {
			use(sb->root->inode, 0);
			(void)sb->op->statfs(sb, &st);
			super_put(sb);
		}
		fuse_conn_put(c);
	}
	pthread_join(t, NULL);
	if (fake_inodes || fake_hostfds)
		abort();
	return 0;
}
