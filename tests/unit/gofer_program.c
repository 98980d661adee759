/* SPDX-License-Identifier: Apache-2.0 */
/* nacre-gofer as a process: its start, its filter in use, its end. NACRE_GOFER names the program. */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "proto/fuse_wire.h"
#include "../tap.h"

static uint64_t unique;
static char top[] = "/tmp/gofer-prog-XXXXXX";

static ssize_t call(int s, uint32_t op, uint64_t node, const void *body, size_t n, void *out,
		    size_t cap, int *fd)
{
	static uint8_t buf[FW_MSG_MAX];
	struct fuse_in_header h = {.len = (uint32_t)(sizeof(h) + n), .opcode = op, .unique = ++unique,
				   .nodeid = node, .uid = 1, .gid = 2, .fw_cpu = 1};
	struct iovec iov[2] = {{&h, sizeof(h)}, {(void *)(uintptr_t)body, n}};
	struct fuse_out_header *o = (void *)buf;
	int got = -1;
	ssize_t r;

	if (fw_sendv(s, iov, 2, -1, 0) < 0)
		return -EPIPE;
	if (op == FW_EXIT)
		return 0;
	r = fw_recv(s, buf, sizeof(buf), &got, 0);
	if (r < (ssize_t)sizeof(*o))
		return -EPROTO;
	if (fd)
		*fd = got;
	else if (got >= 0)
		close(got);
	r -= (ssize_t)sizeof(*o);
	if (!o->error && out)
		memcpy(out, buf + sizeof(*o), MIN((size_t)r, cap));
	return o->error ? o->error : r;
}

static void child(int s)
{
	const char *prog = getenv("NACRE_GOFER");
	char number[12], dir[100];
	int exe = open(prog, O_PATH | O_CLOEXEC);
	char *argv[] = {"nacre-gofer", "--socket-fd", number, "--log-fd", "2", "--exports", "2",
			"--export-flags", "1:ro", NULL};

	snprintf(number, sizeof(number), "%d", s);
	snprintf(dir, sizeof(dir), "%s/0", top);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", top, "tmpfs", 0, NULL) < 0 || mkdir(dir, 0755) < 0)
		_exit(120);
	snprintf(dir, sizeof(dir), "%s/1", top);
	close(open(dir, O_CREAT | O_RDONLY, 0644));
	if (chroot(top) < 0 || chdir("/") < 0)
		_exit(121);
	fexecve(exe, argv, (char *[]){NULL});
	_exit(122);
}

static pid_t start(int *ret_sock)
{
	struct fuse_init_in in = {.major = FUSE_KERNEL_VERSION, .minor = FW_MINOR};
	int s[2];
	pid_t p;

	if (getuid() != 0 || !getenv("NACRE_GOFER"))
		SKIP("needs root and NACRE_GOFER");
	REQUIRE(mkdtemp(top) != NULL);
	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
	p = fork();
	if (p == 0) {
		close(s[0]);
		child(s[1]);
	}
	close(s[1]);
	*ret_sock = s[0];
	CHECK_EQ(call(s[0], FUSE_INIT, 0, &in, sizeof(in), NULL, 0, NULL),
		 sizeof(struct fuse_init_out));
	rmdir(top);
	return p;
}

static int status_of(pid_t p)
{
	int st = -1;

	CHECK_EQ(waitpid(p, &st, 0), p);
	return st;
}

TEST(exit_code)
{
	struct fw_exit_in in = {.status = 3 << 8};
	int s;
	pid_t p = start(&s);

	call(s, FW_EXIT, 0, &in, sizeof(in), NULL, 0, NULL);
	CHECK_EQ(status_of(p), 3 << 8);
}

TEST(exit_by_signal)
{
	static const int sigs[] = {SIGKILL, SIGTERM, SIGSEGV, SIGHUP, SIGPIPE};

	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++) {
		struct fw_exit_in in = {.status = sigs[i]};
		int s;
		pid_t p = start(&s);

		call(s, FW_EXIT, 0, &in, sizeof(in), NULL, 0, NULL);
		CHECK_EQ(status_of(p), sigs[i]);
		strcpy(top + strlen(top) - 6, "XXXXXX");
	}
}

TEST(kernel_gone)
{
	int s;
	pid_t p = start(&s);

	close(s);
	CHECK_EQ(status_of(p), 137 << 8);
}

/* Every request goes through the filter. */
TEST(requests_under_filter)
{
	struct {
		struct fuse_entry_out e;
		struct fuse_open_out o;
	} out;
	char b[200] = {0};
	struct fuse_create_in c = {.mode = 0644};
	struct fuse_mkdir_in mk = {.mode = 01777};
	struct fuse_mknod_in mn = {.mode = S_IFCHR | 0600, .rdev = fw_rdev(1, 3)};
	struct fuse_setattr_in sa = {.valid = FATTR_MODE | FATTR_UID | FATTR_SIZE | FATTR_MTIME,
				     .mode = 04755, .uid = 5, .size = 10};
	struct fuse_open_in op = {.flags = O_RDONLY};
	struct fuse_getxattr_in gx = {.size = 100};
	struct fuse_fsync_in fs = {0};
	struct fuse_read_in rd = {.size = 65536};
	struct fuse_rename2_in rn = {.newdir = 1};
	struct fuse_setxattr_in sx = {.size = 1};
	struct fuse_link_in ln;
	struct fuse_attr_out at;
	struct stat st;
	int s, s2, fd;
	uint64_t f;
	pid_t p = start(&s);

	CHECK_EQ(call(s, FW_CHANNEL, 0, NULL, 0, NULL, 0, &s2), 0);
	memcpy(b, &c, sizeof(c));
	memcpy(b + sizeof(c), "f", 2);
	CHECK_EQ(call(s2, FUSE_CREATE, 1, b, sizeof(c) + 2, &out, sizeof(out), &fd), sizeof(out));
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_uid, 1);
	CHECK_EQ(st.st_gid, 2);
	f = out.e.nodeid;
	CHECK_EQ(call(s2, FUSE_SETATTR, f, &sa, sizeof(sa), &at, sizeof(at), NULL), sizeof(at));
	CHECK_EQ(at.attr.uid, 5);
	CHECK_EQ(at.attr.mode, S_IFREG | 04755);
	CHECK_EQ(at.attr.size, 10);
	CHECK_EQ(call(s2, FUSE_OPEN, f, &op, sizeof(op), NULL, 0, NULL), sizeof(struct fuse_open_out));
	CHECK_EQ(call(s2, FUSE_FSYNC, f, &fs, sizeof(fs), NULL, 0, NULL), 0);
	CHECK(call(s2, FUSE_LISTXATTR, f, &gx, sizeof(gx), NULL, 0, NULL) >= 0);
	memcpy(b, &gx, sizeof(gx));
	strcpy(b + sizeof(gx), "user.a");
	CHECK(call(s2, FUSE_GETXATTR, f, b, sizeof(gx) + 7, NULL, 0, NULL) < 0);
	memcpy(b, &sx, sizeof(sx));
	strcpy(b + sizeof(sx), "user.a");
	(void)call(s2, FUSE_SETXATTR, f, b, sizeof(sx) + 8, NULL, 0, NULL);
	(void)call(s2, FUSE_REMOVEXATTR, f, "user.a", 7, NULL, 0, NULL);
	memcpy(b, &mk, sizeof(mk));
	memcpy(b + sizeof(mk), "d", 2);
	CHECK_EQ(call(s2, FUSE_MKDIR, 1, b, sizeof(mk) + 2, &out, sizeof(out.e), NULL), sizeof(out.e));
	CHECK_EQ(out.e.attr.mode, S_IFDIR | 01777);
	memcpy(b, &mn, sizeof(mn));
	memcpy(b + sizeof(mn), "n", 2);
	CHECK_EQ(call(s2, FUSE_MKNOD, 1, b, sizeof(mn) + 2, &out, sizeof(out.e), NULL), sizeof(out.e));
	CHECK_EQ(out.e.attr.rdev, fw_rdev(1, 3));
	CHECK_EQ(call(s2, FUSE_OPEN, out.e.nodeid, &op, sizeof(op), NULL, 0, NULL), -EACCES);
	CHECK_EQ(call(s2, FUSE_SYMLINK, 1, "l\0t", 4, &out, sizeof(out.e), NULL), sizeof(out.e));
	CHECK_EQ(call(s2, FUSE_READLINK, out.e.nodeid, NULL, 0, b, 1, NULL), 1);
	ln.oldnodeid = f;
	memcpy(b, &ln, sizeof(ln));
	memcpy(b + sizeof(ln), "h", 2);
	CHECK_EQ(call(s2, FUSE_LINK, 1, b, sizeof(ln) + 2, &out, sizeof(out.e), NULL), sizeof(out.e));
	memcpy(b, &rn, sizeof(rn));
	memcpy(b + sizeof(rn), "h\0i", 4);
	CHECK_EQ(call(s2, FUSE_RENAME2, 1, b, sizeof(rn) + 4, NULL, 0, NULL), 0);
	CHECK_EQ(call(s2, FUSE_UNLINK, 1, "i", 2, NULL, 0, NULL), 0);
	CHECK_EQ(call(s2, FUSE_RMDIR, 1, "d", 2, NULL, 0, NULL), 0);
	CHECK_EQ(call(s2, FUSE_TMPFILE, 1, &c, sizeof(c), NULL, 0, NULL), sizeof(out));
	CHECK(call(s2, FUSE_READDIRPLUS, 1, &rd, sizeof(rd), NULL, 0, NULL) > 0);
	CHECK_EQ(call(s2, FW_GUARD, 1, NULL, 0, NULL, 0, NULL), 0);
	CHECK_EQ(call(s2, FUSE_STATFS, 1, NULL, 0, NULL, 0, NULL), sizeof(struct fuse_statfs_out));
	/* The second export: one read-only file. */
	CHECK_EQ(call(s2, FUSE_GETATTR, 2, NULL, 0, &at, sizeof(at), NULL), sizeof(at));
	CHECK(S_ISREG(at.attr.mode));
	CHECK_EQ(call(s2, FUSE_OPEN, 2, &op, sizeof(op), NULL, 0, NULL), sizeof(struct fuse_open_out));
	op.flags = O_RDWR;
	CHECK_EQ(call(s2, FUSE_OPEN, 2, &op, sizeof(op), NULL, 0, NULL), -EROFS);
	close(s);
	CHECK_EQ(status_of(p), 137 << 8);
}

/* What /proc says about a gofer that serves. */
TEST(confined)
{
	char path[64], line[256];
	unsigned long long caps = 1, seccomp = 0, nnp = 0, bound = 1;
	int s;
	pid_t p = start(&s);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", p);
	f = fopen(path, "r");
	REQUIRE(f);
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "CapPrm: %llx", &caps);
		sscanf(line, "CapBnd: %llx", &bound);
		sscanf(line, "Seccomp: %llu", &seccomp);
		sscanf(line, "NoNewPrivs: %llu", &nnp);
	}
	fclose(f);
	CHECK_EQ(caps, 0x8800001bULL); /* CHOWN DAC_OVERRIDE FOWNER FSETID MKNOD SETFCAP */
	CHECK_EQ(bound, 0x8800001bULL);
	CHECK_EQ(seccomp, 2);
	CHECK_EQ(nnp, 1);
	close(s);
	CHECK_EQ(status_of(p), 137 << 8);
}

TAP_MAIN()
