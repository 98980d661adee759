/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's FUSE client on top of the real server, both in this process, with a small stand-in for the
 * VFS; and the client against gofers that lie. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>
#include "gofer_fakevfs.h"
#include "gofer/server.h"
#include "../tap.h"

static struct gofer g;
static char top[] = "/tmp/gofer-client-XXXXXX";
static int dirfd_;
static volatile int exit_status = -1;
static struct fuse_conn *conn;
static struct super *sb;

static void on_exit_(struct gofer *gg __unused, int status)
{
	exit_status = status;
}
static void *serve(void *arg)
{
	gofer_serve(&g, (int)(intptr_t)arg, true);
	return NULL;
}

static void start(bool exclusive)
{
	pthread_t t;
	int s[2];

	REQUIRE(mkdtemp(top) != NULL);
	umask(0);
	dirfd_ = open(top, O_RDONLY | O_DIRECTORY);
	REQUIRE(gofer_init(&g, 64) == 0);
	g.on_exit = on_exit_;
	REQUIRE(node_table_export(&g.nodes, AT_FDCWD, top, 0) == 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
	REQUIRE(pthread_create(&t, NULL, serve, (void *)(intptr_t)s[1]) == 0);
	REQUIRE(fuse_conn_new(s[0], &conn) == 0);
	REQUIRE(fuse_super_new(conn, 0, exclusive, 0, "test", &sb) == 0);
}

static void stop(void)
{
	char cmd[64];

	super_put(sb);
	CHECK_EQ(fake_inodes, 0);
	CHECK_EQ(fake_hostfds, 0);
	fuse_conn_exit(conn, 5 << 8);
	for (int i = 0; i < 300 && exit_status < 0; i++)
		usleep(10000);
	CHECK_EQ(exit_status, 5 << 8);
	CHECK(fuse_conn_broken(conn));
	fuse_conn_put(conn);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	CHECK_EQ(system(cmd), 0);
}

static struct dentry *dent(struct dentry *parent, const char *name)
{
	struct dentry *d = calloc(1, sizeof(*d));

	d->parent = parent;
	d->name = strdup(name);
	d->name_len = (uint32_t)strlen(name);
	return d;
}
static void dent_free(struct dentry *d)
{
	inode_put(d->inode);
	free(d->name);
	free(d);
}
/* A dentry after lookup. */
static struct dentry *look(struct dentry *parent, const char *name, int want)
{
	struct dentry *d = dent(parent, name);
	struct inode *dir = parent->inode;

	CHECK_EQ(dir->op->lookup(dir, d, &d->inode), want);
	return d;
}
static void put_file(const char *name, const char *text)
{
	int fd = openat(dirfd_, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	REQUIRE(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}
static struct file *open_file(struct inode *i, bool wr, uint32_t flags)
{
	struct file *f = calloc(1, sizeof(*f));

	f->inode = i;
	f->op = i->fop;
	f->can_read = true;
	f->can_write = wr;
	f->flags = flags;
	REQUIRE(f->op->open(i, f) == 0);
	return f;
}
static void close_file(struct file *f)
{
	f->op->release(f);
	free(f);
}

TEST(lookup_and_guard)
{
	struct dentry *f, *n, *d, *in;

	start(true);
	REQUIRE(mkdirat(dirfd_, "d", 0755) == 0);
	put_file("f", "hello");
	put_file("d/x", "hello");
	f = look(sb->root, "f", 0);
	REQUIRE(f->inode);
	CHECK_EQ(f->inode->size, 5);
	n = look(sb->root, "none", 0);
	CHECK(!n->inode);
	d = look(sb->root, "d", 0);
	in = look(d, "x", 0);
	CHECK_EQ(f->op->revalidate(f), 1);
	CHECK_EQ(n->op->revalidate(n), 1);
	CHECK_EQ(in->op->revalidate(in), 1);
	/* The host adds a name: what was a miss is asked for again, what was there is found anew. */
	usleep(20000);
	put_file("none", "x");
	CHECK_EQ(n->op->revalidate(n), 0);
	CHECK_EQ(f->op->revalidate(f), 1);
	usleep(20000);
	REQUIRE(unlinkat(dirfd_, "f", 0) == 0);
	CHECK_EQ(f->op->revalidate(f), 0);
	CHECK_EQ(in->op->revalidate(in), 1);
	dent_free(f);
	dent_free(n);
	dent_free(in);
	dent_free(d);
	stop();
}

TEST(shared_is_always_asked)
{
	struct dentry *f, *n;
	struct kstat st;

	start(false);
	put_file("f", "hello");
	f = look(sb->root, "f", 0);
	n = look(sb->root, "none", 0);
	CHECK_EQ(f->op->revalidate(f), 1);
	CHECK_EQ(n->op->revalidate(n), 0);
	put_file("f", "hello world");
	CHECK_EQ(f->inode->op->getattr(f->inode, &st), 0);
	CHECK_EQ(st.size, 11);
	unlinkat(dirfd_, "f", 0);
	CHECK_EQ(f->op->revalidate(f), 0);
	dent_free(f);
	dent_free(n);
	stop();
}

TEST(create_write_read)
{
	struct dentry *d;
	struct file *f, *r;
	struct uio u;
	char buf[100];
	uint64_t pos = 0;
	struct kstat st;
	struct stat hst;
	struct iattr a = {.valid = ATTR_SIZE, .size = 3};

	start(true);
	d = dent(sb->root, "new");
	CHECK_EQ(sb->root->inode->op->create(sb->root->inode, d, S_IFREG | 0640), 0);
	REQUIRE(d->inode);
	CHECK_EQ(d->inode->mode, S_IFREG | 0640);
	CHECK_EQ(d->op->revalidate(d), 1); /* our own change costs nothing */
	f = open_file(d->inode, true, O_RDWR);
	uio_init_kernel(&u, (void *)(uintptr_t) "hello world", 11);
	CHECK_EQ(f->op->write(f, &u, &pos, 0), 11);
	CHECK_EQ(pos, 11);
	CHECK_EQ(d->inode->size, 11);
	f->flags |= O_APPEND;
	pos = 2;
	uio_init_kernel(&u, (void *)(uintptr_t) "!!", 2);
	CHECK_EQ(f->op->write(f, &u, &pos, 0), 2);
	CHECK_EQ(pos, 13);
	r = open_file(d->inode, false, O_RDONLY);
	pos = 6;
	uio_init_kernel(&u, buf, sizeof(buf));
	CHECK_EQ(r->op->read(r, &u, &pos, 0), 7);
	CHECK(memcmp(buf, "world!!", 7) == 0);
	CHECK_EQ(r->op->llseek(r, 0, SEEK_END), 13);
	CHECK_EQ(r->op->llseek(r, 0, SEEK_DATA), 0);
	CHECK_EQ(r->op->llseek(r, 0, SEEK_HOLE), 13);
	CHECK_EQ(r->op->llseek(r, 50, SEEK_DATA), -ENXIO);
	CHECK_EQ(d->inode->op->getattr(d->inode, &st), 0);
	CHECK_EQ(st.size, 13);
	CHECK_EQ(fstatat(dirfd_, "new", &hst, 0), 0);
	CHECK_EQ(st.mtime.tv_nsec, hst.st_mtim.tv_nsec);
	mutex_lock(&d->inode->lock);
	CHECK_EQ(d->inode->op->setattr(d->inode, &a), 0);
	mutex_unlock(&d->inode->lock);
	CHECK_EQ(d->inode->op->getattr(d->inode, &st), 0);
	CHECK_EQ(st.size, 3);
	CHECK_EQ(f->op->fsync(f, true), 0);
	CHECK_EQ(f->op->fallocate(f, 0, 0, 8192), 0);
	CHECK_EQ(d->inode->size, 8192);
	close_file(f);
	CHECK(FI(d->inode)->rw == NULL);
	close_file(r);
	dent_free(d);
	stop();
}

TEST(names)
{
	struct inode *root;
	struct dentry *d, *l, *f, *h, *m;
	char buf[100];
	struct stat st;

	start(true);
	root = sb->root->inode;
	d = dent(sb->root, "d");
	CHECK_EQ(root->op->mkdir(root, d, 0750), 0);
	l = dent(sb->root, "l");
	CHECK_EQ(root->op->symlink(root, l, "d/f"), 0);
	CHECK_EQ(l->inode->op->readlink(l->inode, buf, sizeof(buf)), 3);
	CHECK_STR(buf, "d/f");
	CHECK_EQ(l->inode->op->readlink(l->inode, buf, 3), -ENAMETOOLONG);
	f = dent(d, "f");
	CHECK_EQ(d->inode->op->create(d->inode, f, 0600), 0);
	h = dent(sb->root, "h");
	CHECK_EQ(root->op->link(f, root, h), 0);
	CHECK(h->inode == f->inode);
	CHECK_EQ(root->op->rmdir(root, d), -ENOTEMPTY);
	m = dent(sb->root, "moved");
	CHECK_EQ(root->op->rename(d->inode, f, root, m, 0), 0);
	CHECK_EQ(fstatat(dirfd_, "moved", &st, 0), 0);
	CHECK_EQ(st.st_nlink, 2);
	CHECK_EQ(root->op->unlink(root, h), 0);
	CHECK_EQ(root->op->rmdir(root, d), 0);
	CHECK_EQ(d->inode->nlink, 0);
	CHECK_EQ(fstatat(dirfd_, "d", &st, 0), -1);
	dent_free(f);
	dent_free(h);
	dent_free(m);
	dent_free(l);
	dent_free(d);
	stop();
}

struct lister {
	struct dir_context c;
	int n, stop_at;
};
static bool emit(struct dir_context *c, const char *name __unused, size_t len __unused,
		 uint64_t ino __unused, unsigned type __unused, uint64_t off __unused)
{
	struct lister *l = container_of(c, struct lister, c);

	if (l->n == l->stop_at)
		return false;
	l->n++;
	return true;
}

TEST(listing_serves_lookups)
{
	struct lister l = {.c = {.emit = emit}, .stop_at = 100};
	char name[20];
	struct dentry *d;
	struct file *f;
	uint64_t nodes;

	start(true);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		put_file(name, "x");
	}
	f = open_file(sb->root->inode, false, O_RDONLY);
	for (; l.n < 1002; l.stop_at += 100) {
		int before = l.n;

		CHECK_EQ(f->op->iterate(f, &l.c), 0);
		REQUIRE(l.n > before);
	}
	CHECK_EQ(f->op->iterate(f, &l.c), 0);
	CHECK_EQ(l.n, 1002);
	close_file(f);
	nodes = g.nodes.nused;
	CHECK_EQ(nodes, 1001);
	/* The gofer's node count does not change by these: they come from the listing. */
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		d = look(sb->root, name, 0);
		REQUIRE(d->inode);
		CHECK_EQ(FI(d->inode)->nlookup, 1);
		dent_free(d);
	}
	d = look(sb->root, "none", 0); /* lets the forgets go out */
	dent_free(d);
	CHECK(g.nodes.nused < 200);
	l = (struct lister){.c = {.emit = emit, .pos = 0}, .stop_at = 5000};
	f = open_file(sb->root->inode, false, O_RDONLY);
	CHECK_EQ(f->op->iterate(f, &l.c), 0);
	CHECK_EQ(l.n, 1002);
	close_file(f);
	stop();
}

TEST(few_descriptors)
{
	char name[20];
	struct dentry *d[50];

	start(true);
	fake_hostfd_max = 8;
	for (int i = 0; i < 50; i++) {
		struct file *f;

		snprintf(name, sizeof(name), "f%d", i);
		put_file(name, "x");
		d[i] = look(sb->root, name, 0);
		f = open_file(d[i]->inode, false, O_RDONLY);
		close_file(f);
	}
	for (int i = 0; i < 50; i++)
		dent_free(d[i]);
	stop();
}

static void *hammer(void *arg)
{
	for (int i = 0; i < 300; i++) {
		struct dentry *d = look(sb->root, i & 1 ? "a" : "b", 0);

		if (!d->inode)
			__atomic_store_n((int *)arg, 1, __ATOMIC_RELAXED);
		dent_free(d);
	}
	return NULL;
}

TEST(many_threads)
{
	pthread_t t[16];
	int bad = 0;

	start(true);
	put_file("a", "x");
	put_file("b", "x");
	for (int i = 0; i < 16; i++)
		REQUIRE(pthread_create(&t[i], NULL, hammer, &bad) == 0);
	for (int i = 0; i < 16; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(bad, 0);
	CHECK(g.nchannels <= FW_CHANNEL_MAX - 1);
	stop();
}

TEST(killed_while_waiting)
{
	struct dentry *d = NULL;

	start(true);
	put_file("a", "x");
	for (int i = 0; i < 50; i++) {
		d = dent(sb->root, "a");
		fake_kill = 1;
		(void)sb->root->inode->op->lookup(sb->root->inode, d, &d->inode);
		fake_kill = 0;
		dent_free(d);
	}
	d = look(sb->root, "a", 0);
	CHECK(d->inode);
	dent_free(d);
	CHECK(!fuse_conn_broken(conn));
	stop();
}

/* --- gofers that lie ------------------------------------------------------------------------------------ */

static int liar_mode;
static void *liar(void *arg)
{
	int s = (int)(intptr_t)arg;
	uint8_t in[FW_MSG_MAX], out[512];

	for (;;) {
		struct fuse_out_header o = {.len = sizeof(o)};
		struct fuse_in_header h;
		size_t n = sizeof(o);
		int fd = -1, pair[2];

		if (fw_recv(s, in, sizeof(in), NULL, 0) < (ssize_t)sizeof(h))
			return NULL;
		memcpy(&h, in, sizeof(h));
		o.unique = h.unique;
		memset(out, 0, sizeof(out));
		if (h.opcode == FUSE_INIT) {
			struct fuse_init_out io = {.major = 7, .minor = FW_MINOR};

			memcpy(out + n, &io, sizeof(io));
			n += sizeof(io);
		} else if (h.opcode == FW_CHANNEL) {
			pthread_t t;

			REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
			pthread_create(&t, NULL, liar, (void *)(intptr_t)pair[0]);
			fd = pair[1];
		} else {
			struct fuse_attr_out a = {.attr = {.mode = S_IFDIR | 0755}};

			switch (liar_mode) {
			case 0: /* another unique */
				o.unique++;
				break;
			case 1: /* restart code of the kernel */
				o.error = -512;
				break;
			case 2: /* a positive error */
				o.error = 2;
				break;
			case 3: /* too short */
				n += 8;
				break;
			case 4: /* a descriptor nobody asked for */
				memcpy(out + n, &a, sizeof(a));
				n += sizeof(a);
				fd = 0;
				break;
			case 5: /* no such type */
				a.attr.mode = 0;
				memcpy(out + n, &a, sizeof(a));
				n += sizeof(a);
				break;
			case 6: /* a length that lies */
				o.len = 7;
				break;
			case 7: /* less than a header */
				n = 4;
				break;
			default:
				close(s);
				return NULL;
			}
		}
		if (o.len == sizeof(o))
			o.len = (uint32_t)n;
		memcpy(out, &o, sizeof(o));
		(void)!fw_send(s, out, n, fd, 0);
		if (h.opcode == FW_CHANNEL)
			close(fd);
	}
}

TEST(lying_gofers)
{
	for (liar_mode = 0; liar_mode <= 8; liar_mode++) {
		struct fuse_conn *c;
		struct super *s;
		pthread_t t;
		int p[2];

		REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p) == 0);
		REQUIRE(pthread_create(&t, NULL, liar, (void *)(intptr_t)p[1]) == 0);
		REQUIRE(fuse_conn_new(p[0], &c) == 0);
		CHECK_EQ(fuse_super_new(c, 0, true, 0, "liar", &s), -EIO);
		fuse_conn_put(c);
		pthread_join(t, NULL);
	}
	CHECK_EQ(fake_inodes, 0);
}

/* Not a check: the cost of one request, for whoever changes the hand-over. */
TEST(round_trip_cost)
{
	struct fuse_attr a;
	struct timespec t0, t1;

	static struct task task;
	cpu_set_t one;

	start(false);
	/* A kernel's thread stays where its guest thread is. */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	for (int k = 0; k < 8; k++) {
		int mode = k & 1;

		if (k == 4)
			CHECK_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
		current = &task;
		g.follow_cpu = mode;
		clock_gettime(CLOCK_MONOTONIC, &t0);
		for (int i = 0; i < 2000; i++)
			CHECK_EQ(fuse_ask_attr(sb->root->inode, &a), 0);
		clock_gettime(CLOCK_MONOTONIC, &t1);
		printf("# GETATTR, requester %s, gofer %s the CPU: %ld ns\n",
		       k < 4 ? "free" : "pinned", mode ? "follows" : "ignores",
		       ((t1.tv_sec - t0.tv_sec) * 1000000000L + t1.tv_nsec - t0.tv_nsec) / 2000);
	}
	current = NULL;
	stop();
}

TAP_MAIN()
