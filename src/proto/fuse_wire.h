/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire between nacre-kernel and nacre-gofer: FUSE messages, one per SOCK_SEQPACKET datagram, with
 * descriptors attached to some replies. Structures are those of <linux/fuse.h>; the decoder is our own,
 * shared by both ends, and takes the peer for hostile: every field is copied out of the buffer once,
 * inside its bounds, and checked before use.
 *
 * A channel is one socket, used in lock-step: one request, one reply (none for FORGET, BATCH_FORGET,
 * RELEASEDIR and EXIT). Node n+1 is the root of export n.
 */
#ifndef NACRE_PROTO_FUSE_WIRE_H
#define NACRE_PROTO_FUSE_WIRE_H

#include <linux/fuse.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "base/compiler.h"

#define FW_MINOR 38	   /* of protocol 7: both ends are built together, so it must match */
#define FW_MSG_MAX 73728   /* any message, header included: a 64 KiB value and room */
#define FW_VALUE_MAX 65536 /* an extended attribute's value or list (XATTR_SIZE_MAX) */
#define FW_WALK_MAX 64	   /* components of one WALK */
#define FW_CHANNEL_MAX 8   /* sockets of one gofer, the first included */
#define FW_FORGET_MAX 256  /* entries of one BATCH_FORGET */
#define FW_EXPORT_MAX 256

/* Private opcodes. */
enum fw_opcode {
	FW_WALK = 0x4e01,    /* many components from a node: fw_walk_in, then NUL-terminated names */
	FW_CHANNEL = 0x4e02, /* no body; the reply carries one end of a new channel */
	FW_GUARD = 0x4e03,   /* no body; the reply carries an O_PATH descriptor of a directory */
	FW_EXIT = 0x4e04,    /* fw_exit_in: end with this status */
};

struct fw_walk_in {
	uint32_t count;
	uint32_t padding;
};
/* Then count entries, one per component found. error: why it stopped before the last component
 * (negative errno), 0 when all were found or the last one found is a symbolic link. */
struct fw_walk_out {
	uint32_t count;
	int32_t error;
};
struct fw_exit_in {
	int32_t status; /* as wait(2) reports it */
	uint32_t padding;
};

/* fuse_read_in.flags of READDIRPLUS: names only, nothing is counted as looked up. */
#define FW_READDIR_PLAIN 1U

/* The request header's last field, unused by Linux: the requester's CPU + 1, 0 for none. */
#define fw_cpu padding

/* --- decoding: a cursor that fails once and stays failed ---------------------------------------------- */

struct fw_reader {
	const uint8_t *p;
	size_t left;
	bool bad;
};
static inline void fw_reader_init(struct fw_reader *r, const void *p, size_t n)
{
	*r = (struct fw_reader){p, n, false};
}
/* Copies n bytes out; zeroes them and marks r bad when fewer are left. */
void fw_get(struct fw_reader *r, void *to, size_t n);
/* n raw bytes in place, NULL (and bad) when fewer are left. */
const void *fw_get_bytes(struct fw_reader *r, size_t n);
/* A NUL-terminated string in place, its length in *len; NULL (and bad) when unterminated or longer
 * than max bytes. */
const char *fw_get_str(struct fw_reader *r, size_t max, size_t *len);
/* fw_get_str, and fw_name_ok too. */
const char *fw_get_name(struct fw_reader *r, size_t *len);
/* All consumed and nothing bad. */
bool fw_done(const struct fw_reader *r);

/* One component of a path: 1..NAME_MAX bytes, no slash, no NUL, neither "." nor "..". */
bool fw_name_ok(const char *name, size_t len);

/* Extended attributes that exist in a sandbox: user.* and file capabilities. Labels and access lists of
 * the host are neither shown nor changed. */
bool fw_xattr_ok(const char *name);

/* --- encoding ------------------------------------------------------------------------------------------ */

struct fw_writer {
	uint8_t *p;
	size_t len, cap;
	bool bad;
};
static inline void fw_writer_init(struct fw_writer *w, void *p, size_t cap)
{
	*w = (struct fw_writer){p, 0, cap, false};
}
void fw_put(struct fw_writer *w, const void *from, size_t n);
/* The string and its NUL. */
void fw_put_str(struct fw_writer *w, const char *s, size_t len);
/* Space for n bytes, NULL (and bad) when there is none. */
void *fw_put_space(struct fw_writer *w, size_t n);

/* --- checks of a reply -------------------------------------------------------------------------------- */

/* The error field of a reply as a negative errno that a guest may see: anything odd is -EIO. */
int fw_error(int32_t error);
/* Type known, sizes and nanoseconds in range. */
bool fw_attr_ok(const struct fuse_attr *a);
/* Attributes and a node id that is not 0. */
bool fw_entry_ok(const struct fuse_entry_out *e);
/* Next entry of a READDIRPLUS reply. Returns 1, 0 at the end, -EIO when malformed. *name points into
 * the reply. e->nodeid is 0 when the entry carries no node ("." and "..", or lost a race). */
int fw_next_direntplus(struct fw_reader *r, struct fuse_entry_out *e, struct fuse_dirent *d,
		       const char **name);
/* Appends one such entry; false when it does not fit (nothing is written then). */
bool fw_put_direntplus(struct fw_writer *w, const struct fuse_entry_out *e, const char *name,
		       size_t len, uint64_t ino, uint64_t off, uint32_t type);

void fw_attr_from_stat(struct fuse_attr *a, const struct stat *st);
/* Device numbers as Linux packs them into 32 bits. */
static inline uint32_t fw_rdev(uint32_t ma, uint32_t mi)
{
	return (mi & 0xff) | (ma << 8) | ((mi & ~0xffU) << 12);
}
static inline uint32_t fw_rdev_major(uint32_t r)
{
	return (r >> 8) & 0xfff;
}
static inline uint32_t fw_rdev_minor(uint32_t r)
{
	return (r & 0xff) | ((r >> 12) & 0xfff00);
}

/* --- transport ----------------------------------------------------------------------------------------- */

/* Sends one message, with a descriptor when fd >= 0. flags: MSG_*. Returns 0 or -errno. */
int fw_send(int sock, const void *msg, size_t n, int fd, int flags) __must_check;
int fw_sendv(int sock, const struct iovec *iov, unsigned n, int fd, int flags) __must_check;
/* Receives one message of at most cap bytes. *ret_fd: the one descriptor attached, or -1 (more than one,
 * or one with ret_fd NULL, are closed); -ENFILE when one came but this process can hold no more. Returns its length, 0 at the end of the stream, -errno,
 * -EMSGSIZE when it was longer than cap. */
ssize_t fw_recv(int sock, void *msg, size_t cap, int *ret_fd, int flags) __must_check;

ssize_t fw_recvv(int sock, const struct iovec *iov, unsigned n, int *ret_fd, int flags) __must_check;

#endif
