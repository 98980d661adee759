/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gofer's server: channels, the table of requests, replies. One thread per channel; a request is
 * decoded completely before anything is done for it.
 */
#ifndef NACRE_GOFER_SERVER_H
#define NACRE_GOFER_SERVER_H

#include "gofer/node.h"

struct dir_handle; /* dir.c */
#define DIR_HANDLE_MAX 128

/* wait(2) status when the kernel vanished without an EXIT: the container counts as killed. */
#define GOFER_ORPHAN_STATUS (137 << 8)

struct gofer {
	struct node_table nodes;
	/* Called for EXIT and, with GOFER_ORPHAN_STATUS, at the end of channel 0. Never returns in
	 * the program; a test's may. */
	void (*on_exit)(struct gofer *g, int status);
	void *priv;
	bool follow_cpu; /* move to the CPU that the requester names */
	bool can_chmod_path; /* fchmodat2 works here */
	uid_t euid;	     /* who we are: what we make belongs to it at first */
	struct mutex lock; /* RANK_PLATFORM: below */
	int nchannels;
	struct dir_handle *dirs[DIR_HANDLE_MAX];
	uint32_t dir_gen;
	uint64_t dir_clock;
};

/* open_max: descriptors that the node cache may keep. */
int gofer_init(struct gofer *g, unsigned open_max) __must_check;
void gofer_done(struct gofer *g); /* no channel may be running */
/* Serves channel sock in the calling thread until its end; sock is closed. first: channel 0. */
void gofer_serve(struct gofer *g, int sock, bool first);

/* --- for the handlers --------------------------------------------------------------------------------- */

struct request {
	struct gofer *g;
	struct fuse_in_header h;
	struct node *node; /* of h.nodeid, referenced; NULL for requests without node */
	struct fw_reader in;
	struct fw_writer out;
	int reply_fd; /* sent with the reply and closed */
	bool *end;    /* set: this channel ends after the reply */
};

typedef int handler_fn(struct request *q);
handler_fn op_lookup, op_walk, op_forget, op_batch_forget, op_getattr, op_readlink, op_statfs,
	op_guard;				      /* look.c */
handler_fn op_setattr, op_fsync, op_setxattr, op_getxattr, op_listxattr, op_removexattr; /* attr.c */
handler_fn op_symlink, op_mknod, op_mkdir, op_unlink, op_rmdir, op_rename2, op_link; /* name.c */
handler_fn op_open, op_create, op_tmpfile;	      /* open.c */
handler_fn op_opendir, op_readdirplus, op_releasedir; /* dir.c */

/* Enters the file of st, found as name in q->node, and writes its entry. */
int reply_entry(struct request *q, struct node *dir, const char *name, const struct gstat *st)
	__must_check;
void dir_handles_close(struct gofer *g);

#endif
