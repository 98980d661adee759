/* SPDX-License-Identifier: Apache-2.0 */
/* The gofer's server over a socket pair in this process, on a temporary tree: every request, and what a
 * hostile client or a hostile host tree could try. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include "gofer/server.h"
#include "../tap.h"

static struct gofer g;
static int sock = -1, dirfd_;
static char top[] = "/tmp/gofer-test-XXXXXX";
static atomic_int exit_status = -1;
static uint64_t unique;
#define ROOT 1ULL

static void on_exit_(struct gofer *gg __attribute__((unused)), int status)
{
	exit_status = status;
}

static void *serve(void *arg)
{
	gofer_serve(&g, (int)(intptr_t)arg, true);
	return NULL;
}

/* One request. Returns the length of the reply's body, or -errno. */
static ssize_t call_on(int s, uint32_t op, uint64_t node, const void *body, size_t n, void *out,
		       size_t cap, int *fd)
{
	static uint8_t buf[FW_MSG_MAX];
	struct fuse_in_header h = {.len = (uint32_t)(sizeof(h) + n), .opcode = op, .unique = ++unique,
				   .nodeid = node, .uid = getuid(), .gid = getgid()};
	struct iovec iov[2] = {{&h, sizeof(h)}, {(void *)(uintptr_t)body, n}};
	struct fuse_out_header *o = (void *)buf;
	int got = -1;
	ssize_t r;

	if (fw_sendv(s, iov, 2, -1, 0) < 0)
		return -EPIPE;
	r = fw_recv(s, buf, sizeof(buf), &got, 0);
	if (r < (ssize_t)sizeof(*o) || o->unique != unique || o->len != (uint32_t)r)
		return -EPROTO;
	if (fd)
		*fd = got;
	else if (got >= 0)
		close(got);
	if (o->error)
		return o->error;
	r -= (ssize_t)sizeof(*o);
	if (out)
		memcpy(out, buf + sizeof(*o), MIN((size_t)r, cap));
	return r;
}

static ssize_t call(uint32_t op, uint64_t node, const void *body, size_t n, void *out, size_t cap)
{
	return call_on(sock, op, node, body, n, out, cap, NULL);
}

/* head, then name and its NUL, then tail. */
static ssize_t named(uint32_t op, uint64_t node, const void *head, size_t hn, const char *name,
		     const char *tail, void *out, size_t cap, int *fd)
{
	char b[9000];
	size_t n = 0;

	if (hn)
		memcpy(b, head, hn);
	n = hn;
	n += (size_t)sprintf(b + n, "%s", name) + 1;
	if (tail)
		n += (size_t)sprintf(b + n, "%s", tail) + 1;
	return call_on(sock, op, node, b, n, out, cap, fd);
}

static int lookup(uint64_t dir, const char *name, uint64_t *id)
{
	struct fuse_entry_out e;
	ssize_t r = named(FUSE_LOOKUP, dir, NULL, 0, name, NULL, &e, sizeof(e), NULL);

	if (r < 0)
		return (int)r;
	*id = e.nodeid;
	return fw_entry_ok(&e) ? 0 : -EIO;
}

static void put_file(const char *name, const char *text)
{
	int fd = openat(dirfd_, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	REQUIRE(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void start(unsigned flags, unsigned open_max)
{
	struct fuse_init_in in = {.major = FUSE_KERNEL_VERSION, .minor = FW_MINOR};
	struct fuse_init_out out;
	pthread_t t;
	int s[2];

	REQUIRE(mkdtemp(top) != NULL);
	umask(0);
	dirfd_ = open(top, O_RDONLY | O_DIRECTORY);
	REQUIRE(gofer_init(&g, open_max) == 0);
	g.on_exit = on_exit_;
	REQUIRE(node_table_export(&g.nodes, AT_FDCWD, top, flags) == 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
	sock = s[0];
	REQUIRE(pthread_create(&t, NULL, serve, (void *)(intptr_t)s[1]) == 0);
	/* Nothing but INIT is legal at first. */
	CHECK_EQ(call(FUSE_GETATTR, ROOT, NULL, 0, NULL, 0), -EPROTO);
	CHECK_EQ(call(FUSE_INIT, 0, &in, sizeof(in), &out, sizeof(out)), sizeof(out));
	CHECK_EQ(call(FUSE_INIT, 0, &in, sizeof(in), &out, sizeof(out)), -EPROTO);
}

static void stop(void)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", top);
	CHECK_EQ(system(cmd), 0);
	close(sock);
}

static ssize_t attr_of(uint64_t id, struct fuse_attr *a)
{
	struct fuse_attr_out o;
	ssize_t r = call(FUSE_GETATTR, id, NULL, 0, &o, sizeof(o));

	*a = o.attr;
	return r;
}

TEST(lookup_getattr)
{
	struct fuse_attr a;
	uint64_t d, f, f2;

	start(0, 64);
	REQUIRE(mkdirat(dirfd_, "d", 0755) == 0);
	put_file("d/f", "hello");
	CHECK_EQ(lookup(ROOT, "d", &d), 0);
	CHECK_EQ(lookup(d, "f", &f), 0);
	CHECK_EQ(lookup(d, "f", &f2), 0);
	CHECK_EQ(f, f2);
	CHECK_EQ(attr_of(f, &a), sizeof(struct fuse_attr_out));
	CHECK_EQ(a.size, 5);
	CHECK_EQ(a.mode, S_IFREG | 0644);
	CHECK_EQ(lookup(d, "none", &f2), -ENOENT);
	CHECK_EQ(lookup(f, "x", &f2), -ENOTDIR);
	/* Links of one file are one node. */
	REQUIRE(linkat(dirfd_, "d/f", dirfd_, "g", 0) == 0);
	CHECK_EQ(lookup(ROOT, "g", &f2), 0);
	CHECK_EQ(f, f2);
	stop();
}

TEST(names_that_escape)
{
	static const char *const bad[] = {"..", ".", "", "a/b", "/", "/etc", "d/../..", "../etc"};
	char huge[NAME_MAX + 10];
	struct fuse_mkdir_in mk = {.mode = 0755};
	uint64_t id;

	start(0, 64);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(lookup(ROOT, bad[i], &id), -EINVAL);
		CHECK_EQ(named(FUSE_MKDIR, ROOT, &mk, sizeof(mk), bad[i], NULL, NULL, 0, NULL), -EINVAL);
		CHECK_EQ(named(FUSE_UNLINK, ROOT, NULL, 0, bad[i], NULL, NULL, 0, NULL), -EINVAL);
		CHECK_EQ(named(FUSE_RMDIR, ROOT, NULL, 0, bad[i], NULL, NULL, 0, NULL), -EINVAL);
		CHECK_EQ(named(FUSE_SYMLINK, ROOT, NULL, 0, bad[i], "target", NULL, 0, NULL), -EINVAL);
	}
	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = 0;
	CHECK_EQ(lookup(ROOT, huge, &id), -EINVAL);
	CHECK_EQ(call(FUSE_LOOKUP, ROOT, "ab", 2, NULL, 0), -EINVAL); /* no NUL */
	CHECK_EQ(call(FUSE_LOOKUP, ROOT, "a\0b", 4, NULL, 0), -EINVAL);
	stop();
}

TEST(planted_links)
{
	struct fuse_open_in o = {.flags = O_RDONLY};
	struct fuse_attr a;
	char buf[100];
	uint64_t id, x;

	start(0, 64);
	REQUIRE(symlinkat("/etc/passwd", dirfd_, "p") == 0);
	REQUIRE(symlinkat("/etc", dirfd_, "e") == 0);
	REQUIRE(symlinkat("..", dirfd_, "up") == 0);
	CHECK_EQ(lookup(ROOT, "p", &id), 0);
	CHECK_EQ(attr_of(id, &a), sizeof(struct fuse_attr_out));
	CHECK(S_ISLNK(a.mode));
	CHECK_EQ(call(FUSE_OPEN, id, &o, sizeof(o), NULL, 0), -EACCES);
	CHECK_EQ(call(FUSE_READLINK, id, NULL, 0, buf, sizeof(buf)), 11);
	CHECK(memcmp(buf, "/etc/passwd", 11) == 0);
	CHECK_EQ(lookup(ROOT, "e", &id), 0);
	CHECK_EQ(lookup(id, "passwd", &x), -ENOTDIR);
	CHECK_EQ(lookup(ROOT, "up", &id), 0);
	CHECK_EQ(lookup(id, "etc", &x), -ENOTDIR);
	CHECK_EQ(call(FUSE_GETXATTR, id, "\10\0\0\0\0\0\0\0user.a", 15, NULL, 0), -EOPNOTSUPP);
	stop();
}

TEST(swapped_after_lookup)
{
	struct fuse_open_in o = {.flags = O_RDONLY};
	uint64_t d, f, x;

	start(0, 2);
	REQUIRE(mkdirat(dirfd_, "d", 0755) == 0);
	put_file("d/f", "hello");
	CHECK_EQ(lookup(ROOT, "d", &d), 0);
	CHECK_EQ(lookup(d, "f", &f), 0);
	/* The file gives way to a link, the directory to another one. */
	REQUIRE(unlinkat(dirfd_, "d/f", 0) == 0 && symlinkat("/etc/passwd", dirfd_, "d/f") == 0);
	CHECK_EQ(call(FUSE_OPEN, f, &o, sizeof(o), NULL, 0), -ELOOP);
	node_shrink(&g.nodes);
	node_shrink(&g.nodes);
	REQUIRE(renameat(dirfd_, "d", dirfd_, "was") == 0 && symlinkat("/etc", dirfd_, "d") == 0);
	CHECK_EQ(lookup(d, "passwd", &x) == 0, 0);
	stop();
}

static atomic_bool racing;
static void *racer(void *arg __attribute__((unused)))
{
	while (racing) {
		(void)!renameat2(dirfd_, "file", dirfd_, "link", RENAME_EXCHANGE);
		(void)!renameat2(dirfd_, "dir", dirfd_, "dirlink", RENAME_EXCHANGE);
	}
	return NULL;
}

TEST(rename_race)
{
	struct fuse_open_in o = {.flags = O_RDONLY};
	struct stat etc, st;
	pthread_t t;
	unsigned opened = 0;

	start(0, 2);
	put_file("file", "inside");
	REQUIRE(symlinkat("/etc/passwd", dirfd_, "link") == 0);
	REQUIRE(mkdirat(dirfd_, "dir", 0755) == 0);
	put_file("dir/passwd", "inside");
	REQUIRE(symlinkat("/etc", dirfd_, "dirlink") == 0);
	REQUIRE(stat("/etc/passwd", &etc) == 0);
	racing = true;
	REQUIRE(pthread_create(&t, NULL, racer, NULL) == 0);
	for (int i = 0; i < 3000; i++) {
		const char *name = i & 1 ? "file" : "dir";
		uint64_t id, in;
		int fd = -1;

		if (lookup(ROOT, name, &id) < 0)
			continue;
		if (!(i & 1) && lookup(id, "passwd", &in) == 0)
			id = in;
		if (call_on(sock, FUSE_OPEN, id, &o, sizeof(o), NULL, 0, &fd) < 0)
			continue;
		REQUIRE(fd >= 0 && fstat(fd, &st) == 0);
		CHECK(st.st_ino != etc.st_ino || st.st_dev != etc.st_dev);
		opened++;
		close(fd);
	}
	racing = false;
	pthread_join(t, NULL);
	CHECK(opened > 0);
	stop();
}

TEST(create_and_write)
{
	struct {
		struct fuse_entry_out e;
		struct fuse_open_out o;
	} out;
	struct fuse_create_in in = {.mode = 04751};
	struct fuse_attr a;
	struct stat st;
	int fd = -1;

	start(0, 64);
	CHECK_EQ(named(FUSE_CREATE, ROOT, &in, sizeof(in), "new", NULL, &out, sizeof(out), &fd),
		 sizeof(out));
	REQUIRE(fd >= 0);
	CHECK_EQ(write(fd, "abc", 3), 3);
	close(fd);
	CHECK_EQ(attr_of(out.e.nodeid, &a), sizeof(struct fuse_attr_out));
	CHECK_EQ(a.mode & 07777, getuid() ? 04751 : a.mode & 07777);
	CHECK_EQ(a.size, 3);
	CHECK_EQ(named(FUSE_CREATE, ROOT, &in, sizeof(in), "new", NULL, NULL, 0, NULL), -EEXIST);
	/* A link that dangles out of the tree is not followed. */
	REQUIRE(symlinkat("/tmp/gofer-must-not-exist", dirfd_, "l") == 0);
	CHECK_EQ(named(FUSE_CREATE, ROOT, &in, sizeof(in), "l", NULL, NULL, 0, NULL), -EEXIST);
	CHECK_EQ(access("/tmp/gofer-must-not-exist", F_OK), -1);
	CHECK_EQ(call_on(sock, FUSE_TMPFILE, ROOT, &in, sizeof(in), &out, sizeof(out), &fd), sizeof(out));
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(attr_of(out.e.nodeid, &a), sizeof(struct fuse_attr_out));
	close(fd);
	stop();
}

TEST(owner_of_request)
{
	struct fuse_in_header h = {.opcode = FUSE_MKDIR, .nodeid = ROOT, .uid = 1234, .gid = 4321,
				   .unique = 77777};
	char msg[200], reply[500];
	struct fuse_mkdir_in in = {.mode = 02755};
	struct stat st;

	if (getuid() != 0)
		SKIP("needs root");
	start(0, 64);
	h.len = sizeof(h) + sizeof(in) + 2;
	memcpy(msg, &h, sizeof(h));
	memcpy(msg + sizeof(h), &in, sizeof(in));
	memcpy(msg + sizeof(h) + sizeof(in), "m", 2);
	CHECK_EQ(fw_send(sock, msg, h.len, -1, 0), 0);
	CHECK(fw_recv(sock, reply, sizeof(reply), NULL, 0) > 16);
	CHECK_EQ(fstatat(dirfd_, "m", &st, 0), 0);
	CHECK_EQ(st.st_uid, 1234);
	CHECK_EQ(st.st_gid, 4321);
	CHECK_EQ(st.st_mode & 07777, 02755);
	stop();
}

TEST(make_and_remove)
{
	struct fuse_mkdir_in mk = {.mode = 0700};
	struct fuse_mknod_in fifo = {.mode = S_IFIFO | 0640};
	struct fuse_entry_out e;
	struct fuse_open_in o = {.flags = O_RDONLY};
	struct fuse_link_in l;
	struct fuse_attr a;
	struct stat st;
	uint64_t id;

	start(0, 64);
	CHECK_EQ(named(FUSE_MKDIR, ROOT, &mk, sizeof(mk), "d", NULL, &e, sizeof(e), NULL), sizeof(e));
	CHECK_EQ(named(FUSE_MKDIR, ROOT, &mk, sizeof(mk), "d", NULL, NULL, 0, NULL), -EEXIST);
	CHECK_EQ(named(FUSE_MKNOD, e.nodeid, &fifo, sizeof(fifo), "p", NULL, &e, sizeof(e), NULL),
		 sizeof(e));
	CHECK_EQ(e.attr.mode, S_IFIFO | 0640);
	CHECK_EQ(call(FUSE_OPEN, e.nodeid, &o, sizeof(o), NULL, 0), -EACCES);
	CHECK_EQ(named(FUSE_SYMLINK, ROOT, NULL, 0, "s", "to/there", &e, sizeof(e), NULL), sizeof(e));
	put_file("f", "x");
	CHECK_EQ(lookup(ROOT, "f", &id), 0);
	l.oldnodeid = id;
	CHECK_EQ(named(FUSE_LINK, ROOT, &l, sizeof(l), "f2", NULL, &e, sizeof(e), NULL), sizeof(e));
	CHECK_EQ(e.nodeid, id);
	CHECK_EQ(e.attr.nlink, 2);
	CHECK_EQ(named(FUSE_RMDIR, ROOT, NULL, 0, "d", NULL, NULL, 0, NULL), -ENOTEMPTY);
	CHECK_EQ(named(FUSE_UNLINK, ROOT, NULL, 0, "d", NULL, NULL, 0, NULL), -EISDIR);
	CHECK_EQ(named(FUSE_UNLINK, ROOT, NULL, 0, "f", NULL, NULL, 0, NULL), 0);
	/* Known by the name that went last: still there by the other. */
	CHECK_EQ(named(FUSE_UNLINK, ROOT, NULL, 0, "f2", NULL, NULL, 0, NULL), 0);
	CHECK_EQ(attr_of(id, &a), sizeof(struct fuse_attr_out)); /* held by its node */
	CHECK_EQ(a.nlink, 0);
	CHECK_EQ(fstatat(dirfd_, "f", &st, 0), -1);
	stop();
}

TEST(rename_keeps_nodes)
{
	struct fuse_rename2_in in = {.newdir = ROOT};
	uint64_t d, f, again;
	struct fuse_attr a;

	start(0, 64);
	REQUIRE(mkdirat(dirfd_, "d", 0755) == 0);
	put_file("d/f", "1");
	CHECK_EQ(lookup(ROOT, "d", &d), 0);
	CHECK_EQ(lookup(d, "f", &f), 0);
	CHECK_EQ(named(FUSE_RENAME2, ROOT, &in, sizeof(in), "d", "e", NULL, 0, NULL), 0);
	for (int i = 0; i < 8; i++)
		node_shrink(&g.nodes);
	CHECK_EQ(attr_of(f, &a), sizeof(struct fuse_attr_out));
	CHECK_EQ(lookup(ROOT, "e", &again), 0);
	CHECK_EQ(again, d);
	in.flags = RENAME_NOREPLACE;
	put_file("x", "2");
	CHECK_EQ(named(FUSE_RENAME2, ROOT, &in, sizeof(in), "x", "e", NULL, 0, NULL), -EEXIST);
	in.flags = 0x80;
	CHECK_EQ(named(FUSE_RENAME2, ROOT, &in, sizeof(in), "x", "y", NULL, 0, NULL), -EINVAL);
	in.flags = 0;
	in.newdir = 99;
	CHECK_EQ(named(FUSE_RENAME2, ROOT, &in, sizeof(in), "x", "y", NULL, 0, NULL), -ESTALE);
	in.newdir = f;
	CHECK_EQ(named(FUSE_RENAME2, ROOT, &in, sizeof(in), "x", "y", NULL, 0, NULL), -ENOTDIR);
	stop();
}

TEST(setattr)
{
	struct fuse_setattr_in in = {.valid = FATTR_MODE | FATTR_SIZE | FATTR_MTIME, .mode = 0600,
				     .size = 100, .mtime = 1000, .mtimensec = 5};
	struct fuse_attr_out o;
	uint64_t id;

	start(0, 64);
	put_file("f", "x");
	CHECK_EQ(lookup(ROOT, "f", &id), 0);
	CHECK_EQ(call(FUSE_SETATTR, id, &in, sizeof(in), &o, sizeof(o)), sizeof(o));
	CHECK_EQ(o.attr.size, 100);
	CHECK_EQ(o.attr.mode & 07777, 0600);
	CHECK_EQ(o.attr.mtime, 1000);
	CHECK_EQ(o.attr.mtimensec, 5);
	in.valid = 1 << 30;
	CHECK_EQ(call(FUSE_SETATTR, id, &in, sizeof(in), NULL, 0), -EINVAL);
	in.valid = FATTR_SIZE;
	in.size = UINT64_MAX;
	CHECK_EQ(call(FUSE_SETATTR, id, &in, sizeof(in), NULL, 0), -EFBIG);
	CHECK_EQ(call(FUSE_SETATTR, ROOT, &in, sizeof(in), NULL, 0), -EISDIR);
	stop();
}

TEST(xattrs)
{
	struct fuse_setxattr_in sx = {.size = 3};
	struct fuse_getxattr_in gx = {.size = 100};
	char b[200], v[200];
	uint64_t id;
	size_t n;
	ssize_t r;

	start(0, 64);
	put_file("f", "x");
	CHECK_EQ(lookup(ROOT, "f", &id), 0);
	memcpy(b, &sx, sizeof(sx));
	n = sizeof(sx) + (size_t)sprintf(b + sizeof(sx), "user.k") + 1;
	memcpy(b + n, "val", 3);
	r = call(FUSE_SETXATTR, id, b, n + 3, NULL, 0);
	if (r == -EOPNOTSUPP)
		SKIP("no user attributes in /tmp");
	CHECK_EQ(r, 0);
	CHECK_EQ(named(FUSE_GETXATTR, id, &gx, sizeof(gx), "user.k", NULL, v, sizeof(v), NULL), 3);
	CHECK(memcmp(v, "val", 3) == 0);
	CHECK_EQ(call(FUSE_LISTXATTR, id, &gx, sizeof(gx), v, sizeof(v)), 7);
	CHECK_EQ(named(FUSE_REMOVEXATTR, id, NULL, 0, "user.k", NULL, NULL, 0, NULL), 0);
	CHECK_EQ(named(FUSE_GETXATTR, id, &gx, sizeof(gx), "user.k", NULL, v, sizeof(v), NULL), -ENODATA);
	CHECK_EQ(named(FUSE_GETXATTR, id, &gx, sizeof(gx), "security.selinux", NULL, v, sizeof(v), NULL),
		 -EOPNOTSUPP);
	CHECK_EQ(named(FUSE_REMOVEXATTR, id, NULL, 0, "system.posix_acl_access", NULL, NULL, 0, NULL),
		 -EOPNOTSUPP);
	CHECK_EQ(call(FUSE_SETXATTR, id, b, n + 2, NULL, 0), -EINVAL); /* value cut short */
	stop();
}

TEST(read_only_export)
{
	struct fuse_mkdir_in mk = {0};
	struct fuse_open_in o = {.flags = O_RDWR};
	struct fuse_setattr_in sa = {.valid = FATTR_MODE};
	struct fuse_rename2_in rn = {.newdir = ROOT};
	struct fuse_create_in c = {0};
	uint64_t id;

	start(EXPORT_RO, 64);
	put_file("f", "x");
	CHECK_EQ(lookup(ROOT, "f", &id), 0);
	CHECK_EQ(named(FUSE_MKDIR, ROOT, &mk, sizeof(mk), "d", NULL, NULL, 0, NULL), -EROFS);
	CHECK_EQ(named(FUSE_UNLINK, ROOT, NULL, 0, "f", NULL, NULL, 0, NULL), -EROFS);
	CHECK_EQ(named(FUSE_RENAME2, ROOT, &rn, sizeof(rn), "f", "g", NULL, 0, NULL), -EROFS);
	CHECK_EQ(named(FUSE_CREATE, ROOT, &c, sizeof(c), "g", NULL, NULL, 0, NULL), -EROFS);
	CHECK_EQ(call(FUSE_TMPFILE, ROOT, &c, sizeof(c), NULL, 0), -EROFS);
	CHECK_EQ(call(FUSE_OPEN, id, &o, sizeof(o), NULL, 0), -EROFS);
	CHECK_EQ(call(FUSE_SETATTR, id, &sa, sizeof(sa), NULL, 0), -EROFS);
	o.flags = O_RDONLY;
	CHECK_EQ(call(FUSE_OPEN, id, &o, sizeof(o), NULL, 0), sizeof(struct fuse_open_out));
	o.flags = O_RDONLY | O_TRUNC;
	CHECK_EQ(call(FUSE_OPEN, id, &o, sizeof(o), NULL, 0), -EINVAL);
	stop();
}

TEST(forget_and_stale_ids)
{
	struct fuse_forget_in fg = {.nlookup = 1};
	struct fuse_in_header h = {.len = sizeof(h) + sizeof(fg), .opcode = FUSE_FORGET};
	uint64_t id, id2;
	struct fuse_attr a;
	char msg[sizeof(h) + sizeof(fg)];

	start(0, 64);
	put_file("f", "x");
	CHECK_EQ(lookup(ROOT, "f", &id), 0);
	h.nodeid = id;
	memcpy(msg, &h, sizeof(h));
	memcpy(msg + sizeof(h), &fg, sizeof(fg));
	CHECK_EQ(fw_send(sock, msg, sizeof(msg), -1, 0), 0);
	CHECK_EQ(attr_of(id, &a), -ESTALE);
	CHECK_EQ(lookup(ROOT, "f", &id2), 0);
	CHECK(id2 != id); /* same slot, next generation */
	CHECK_EQ((uint32_t)id2, (uint32_t)id);
	CHECK_EQ(attr_of(0, &a), -ESTALE);
	CHECK_EQ(attr_of(UINT64_MAX, &a), -ESTALE);
	h.nodeid = ROOT; /* a root is never forgotten */
	memcpy(msg, &h, sizeof(h));
	CHECK_EQ(fw_send(sock, msg, sizeof(msg), -1, 0), 0);
	CHECK_EQ(attr_of(ROOT, &a), sizeof(struct fuse_attr_out));
	CHECK_EQ(g.nodes.nused, 2);
	stop();
}

TEST(sizes_and_opcodes)
{
	struct fuse_in_header h = {.len = sizeof(h), .opcode = FUSE_GETATTR, .nodeid = ROOT};
	char big[FW_MSG_MAX / 2];
	uint8_t reply[100];

	start(0, 64);
	memset(big, 'a', sizeof(big));
	CHECK_EQ(call(FUSE_LOOKUP, ROOT, big, sizeof(big), NULL, 0), -EINVAL);
	CHECK_EQ(call(FUSE_SETATTR, ROOT, big, 4, NULL, 0), -EINVAL);
	CHECK_EQ(call(FUSE_READLINK, ROOT, "x", 1, NULL, 0), -EINVAL);
	CHECK_EQ(call(FUSE_WRITE, ROOT, NULL, 0, NULL, 0), -ENOSYS);
	CHECK_EQ(call(0xffffffff, ROOT, NULL, 0, NULL, 0), -ENOSYS);
	/* A length that lies ends the channel, and channel 0 the gofer. */
	h.len = 4000;
	CHECK_EQ(fw_send(sock, &h, sizeof(h), -1, 0), 0);
	CHECK_EQ(fw_recv(sock, reply, sizeof(reply), NULL, 0), 0);
	for (int i = 0; i < 200 && exit_status < 0; i++)
		usleep(10000);
	CHECK_EQ(exit_status, GOFER_ORPHAN_STATUS);
	stop();
}

TEST(walk)
{
	char b[100], out[2000];
	struct fw_walk_in in = {.count = 3};
	struct fw_walk_out o;
	size_t n = sizeof(in);

	start(0, 64);
	REQUIRE(mkdirat(dirfd_, "a", 0755) == 0 && mkdirat(dirfd_, "a/b", 0755) == 0);
	put_file("a/b/c", "x");
	REQUIRE(symlinkat("b", dirfd_, "a/l") == 0);
	memcpy(b, &in, sizeof(in));
	memcpy(b + n, "a\0b\0c", 6);
	CHECK_EQ(call(FW_WALK, ROOT, b, n + 6, out, sizeof(out)),
		 sizeof(o) + 3 * sizeof(struct fuse_entry_out));
	memcpy(&o, out, sizeof(o));
	CHECK_EQ(o.count, 3);
	CHECK_EQ(o.error, 0);
	memcpy(b + n, "a\0l\0c", 6); /* stops at the link */
	CHECK_EQ(call(FW_WALK, ROOT, b, n + 6, out, sizeof(out)),
		 sizeof(o) + 2 * sizeof(struct fuse_entry_out));
	memcpy(b + n, "a\0x\0c", 6); /* stops at the miss */
	CHECK(call(FW_WALK, ROOT, b, n + 6, out, sizeof(out)) > 0);
	memcpy(&o, out, sizeof(o));
	CHECK_EQ(o.count, 1);
	CHECK_EQ(o.error, -ENOENT);
	memcpy(b + n, "a\0..\0c", 7);
	CHECK_EQ(call(FW_WALK, ROOT, b, n + 7, out, sizeof(out)), -EINVAL);
	in.count = 1000000;
	memcpy(b, &in, sizeof(in));
	CHECK_EQ(call(FW_WALK, ROOT, b, n + 6, out, sizeof(out)), -EINVAL);
	stop();
}

static unsigned list(uint64_t dir, uint64_t fh, uint32_t size, unsigned *with_node)
{
	static uint8_t buf[FW_MSG_MAX];
	struct fuse_read_in in = {.fh = fh, .size = size};
	unsigned n = 0;

	*with_node = 0;
	for (;;) {
		ssize_t r = call(FUSE_READDIRPLUS, dir, &in, sizeof(in), buf, sizeof(buf));
		struct fuse_entry_out e;
		struct fuse_dirent d;
		struct fw_reader rd;
		const char *name;

		REQUIRE(r >= 0);
		if (r == 0)
			return n;
		fw_reader_init(&rd, buf, (size_t)r);
		while ((r = fw_next_direntplus(&rd, &e, &d, &name)) > 0) {
			n++;
			*with_node += e.nodeid != 0;
			in.offset = d.off;
		}
		CHECK_EQ(r, 0);
	}
}

TEST(readdirplus)
{
	struct fuse_open_in oi = {0};
	struct fuse_open_out o, first;
	char name[20];
	unsigned nodes;

	start(0, 16);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		put_file(name, "x");
	}
	CHECK_EQ(call(FUSE_OPENDIR, ROOT, &oi, sizeof(oi), &first, sizeof(first)), sizeof(first));
	CHECK_EQ(list(ROOT, first.fh, 65536, &nodes), 502);
	CHECK_EQ(nodes, 500);
	CHECK_EQ(list(ROOT, first.fh, 1000, &nodes), 502); /* rewound, in small pieces */
	/* A handle that gave way, and one that never was. */
	for (int i = 0; i < DIR_HANDLE_MAX + 5; i++)
		CHECK_EQ(call(FUSE_OPENDIR, ROOT, &oi, sizeof(oi), &o, sizeof(o)), sizeof(o));
	CHECK_EQ(list(ROOT, first.fh, 4096, &nodes), 502);
	CHECK_EQ(list(ROOT, 12345678, 65536, &nodes), 502);
	stop();
}

TEST(tiny_cache)
{
	char name[40];
	uint64_t id[300], d[30];
	struct fuse_attr a;
	struct rlimit l = {64, 64};

	start(0, 4);
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		REQUIRE(mkdirat(dirfd_, name, 0755) == 0);
		for (int k = 0; k < 10; k++) {
			snprintf(name, sizeof(name), "d%d/f%d", i, k);
			put_file(name, "x");
		}
	}
	REQUIRE(setrlimit(RLIMIT_NOFILE, &l) == 0);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d%d", i / 10);
		if (i % 10 == 0)
			CHECK_EQ(lookup(ROOT, name, &d[i / 10]), 0);
		snprintf(name, sizeof(name), "f%d", i % 10);
		CHECK_EQ(lookup(d[i / 10], name, &id[i]), 0);
	}
	for (int i = 299; i >= 0; i--)
		CHECK_EQ(attr_of(id[i * 7 % 300], &a), sizeof(struct fuse_attr_out));
	CHECK(g.nodes.nopen <= 4);
	CHECK_EQ(g.nodes.nused, 331);
	stop();
}

TEST(unlinked_but_known)
{
	struct fuse_setattr_in in = {.valid = FATTR_MODE, .mode = 0600};
	struct fuse_attr_out o;
	uint64_t id;

	start(0, 2);
	put_file("f", "xyz");
	CHECK_EQ(lookup(ROOT, "f", &id), 0);
	CHECK_EQ(named(FUSE_UNLINK, ROOT, NULL, 0, "f", NULL, NULL, 0, NULL), 0);
	put_file("f", "another");
	for (int i = 0; i < 4; i++)
		node_shrink(&g.nodes);
	CHECK_EQ(call(FUSE_SETATTR, id, &in, sizeof(in), &o, sizeof(o)), sizeof(o));
	CHECK_EQ(o.attr.size, 3);
	CHECK_EQ(o.attr.nlink, 0);
	stop();
}

TEST(channels)
{
	int fd[FW_CHANNEL_MAX], n = 0;
	struct fuse_attr_out o;
	struct fuse_init_in in = {.major = FUSE_KERNEL_VERSION, .minor = FW_MINOR};

	start(0, 64);
	while (n < FW_CHANNEL_MAX && call_on(sock, FW_CHANNEL, 0, NULL, 0, NULL, 0, &fd[n]) == 0)
		n++;
	CHECK_EQ(n, FW_CHANNEL_MAX - 1);
	CHECK_EQ(call(FW_CHANNEL, 0, NULL, 0, NULL, 0), -EMFILE);
	for (int i = 0; i < n; i++)
		CHECK_EQ(call_on(fd[i], FUSE_GETATTR, ROOT, NULL, 0, &o, sizeof(o), NULL), sizeof(o));
	/* Only channel 0 may ask for these. */
	CHECK_EQ(call_on(fd[0], FW_CHANNEL, 0, NULL, 0, NULL, 0, NULL), -EPROTO);
	CHECK_EQ(call_on(fd[0], FUSE_INIT, 0, &in, sizeof(in), NULL, 0, NULL), -EPROTO);
	close(fd[0]);
	for (int i = 0; i < 200 && call_on(sock, FW_CHANNEL, 0, NULL, 0, NULL, 0, &fd[0]) < 0; i++)
		usleep(1000);
	CHECK_EQ(call_on(fd[0], FUSE_GETATTR, ROOT, NULL, 0, &o, sizeof(o), NULL), sizeof(o));
	CHECK_EQ(exit_status, -1);
	stop();
}

TEST(exit_request)
{
	struct fw_exit_in in = {.status = 7 << 8};
	struct fuse_in_header h = {.len = sizeof(h) + sizeof(in), .opcode = FW_EXIT};
	char msg[sizeof(h) + sizeof(in)];

	start(0, 64);
	memcpy(msg, &h, sizeof(h));
	memcpy(msg + sizeof(h), &in, sizeof(in));
	CHECK_EQ(fw_send(sock, msg, sizeof(msg), -1, 0), 0);
	for (int i = 0; i < 200 && exit_status < 0; i++)
		usleep(10000);
	CHECK_EQ(exit_status, 7 << 8);
	stop();
}

TEST(statfs_fsync_guard)
{
	struct fuse_statfs_out o;
	struct fuse_fsync_in fs = {0};
	struct stat st;
	uint64_t id;
	int fd = -1;

	start(0, 64);
	put_file("f", "x");
	CHECK_EQ(lookup(ROOT, "f", &id), 0);
	CHECK_EQ(call(FUSE_STATFS, id, NULL, 0, &o, sizeof(o)), sizeof(o));
	CHECK(o.st.bsize > 0);
	CHECK_EQ(call(FUSE_FSYNC, id, &fs, sizeof(fs), NULL, 0), 0);
	CHECK_EQ(call_on(sock, FW_GUARD, ROOT, NULL, 0, NULL, 0, &fd), 0);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(call(FW_GUARD, id, NULL, 0, NULL, 0), -ENOTDIR);
	stop();
}

TAP_MAIN()
