/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include "base/cleanup.h"
#include "base/log.h"
#include "sandbox/console.h"

static int send_fd(int sock, int fd)
{
	union {
		struct cmsghdr h;
		char buf[CMSG_SPACE(sizeof(int))];
	} c = {0};
	struct iovec iov = {(void *)(uintptr_t)"/dev/ptmx", 9};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.buf,
			   .msg_controllen = sizeof(c.buf)};

	c.h.cmsg_level = SOL_SOCKET;
	c.h.cmsg_type = SCM_RIGHTS;
	c.h.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	return sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int console_socket_slave(const char *path, int *ret_slave)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	_cleanup_close_ int sock = -1, master = -1, slave = -1;
	struct termios raw;
	int r;

	if (strlen(path) >= sizeof(a.sun_path))
		return log_errno(-ENAMETOOLONG, "--console-socket %s", path);
	strcpy(a.sun_path, path);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || connect(sock, (struct sockaddr *)&a, sizeof(a)) < 0)
		return log_errno(-errno, "--console-socket %s", path);
	if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
		return log_errno(-errno, "openpty");
	fcntl(master, F_SETFD, FD_CLOEXEC);
	fcntl(slave, F_SETFD, FD_CLOEXEC);
	if (tcgetattr(slave, &raw) < 0)
		return log_errno(-errno, "tcgetattr");
	cfmakeraw(&raw);
	if (tcsetattr(slave, TCSANOW, &raw) < 0)
		return log_errno(-errno, "tcsetattr");
	r = send_fd(sock, master);
	if (r < 0)
		return log_errno(r, "--console-socket %s", path);
	*ret_slave = TAKE_FD(slave);
	return 0;
}
