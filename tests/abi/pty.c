/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include "../tap.h"

static int m, s;

static void start(void)
{
	m = posix_openpt(O_RDWR | O_NOCTTY);
	REQUIRE(m >= 0);
	REQUIRE(grantpt(m) == 0 && unlockpt(m) == 0);
	s = open(ptsname(m), O_RDWR | O_NOCTTY);
	REQUIRE(s >= 0);
}

TEST(line_and_echo)
{
	char b[64];

	start();
	CHECK_EQ(write(m, "hi\r", 3), 3);
	CHECK_EQ(read(s, b, 64), 3);
	CHECK(!memcmp(b, "hi\n", 3));
	CHECK_EQ(read(m, b, 64), 4);
	CHECK(!memcmp(b, "hi\r\n", 4));
	CHECK_EQ(write(s, "a\n", 2), 2);
	CHECK_EQ(read(m, b, 64), 3);
}

TEST(old_terminal_calls)
{
	struct {
		unsigned short iflag, oflag, cflag, lflag;
		unsigned char line, cc[8];
	} io;
	struct termios t;
	int d = 7;

	start();
	CHECK_EQ(ioctl(s, TCGETA, &io), 0);
	CHECK_EQ(tcgetattr(s, &t), 0);
	CHECK_EQ(io.lflag, t.c_lflag & 0xffff);
	CHECK_EQ(io.cc[VINTR], t.c_cc[VINTR]);
	io.lflag &= (unsigned short)~ECHO;
	io.cc[VINTR] = 5;
	CHECK_EQ(ioctl(s, TCSETAW, &io), 0);
	CHECK_EQ(tcgetattr(s, &t), 0);
	CHECK_EQ(t.c_lflag & ECHO, 0);
	CHECK_EQ(t.c_cc[VINTR], 5);
	CHECK_ERR(ioctl(s, TCGETA, NULL), EFAULT);
	CHECK_ERR(ioctl(s, TCSETA, NULL), EFAULT);
	CHECK_EQ(ioctl(s, TIOCGETD, &d), 0);
	CHECK_EQ(d, 0);
	CHECK_EQ(ioctl(s, TIOCSETD, &d), 0);
	d = 29;
	CHECK_ERR(ioctl(s, TIOCSETD, &d), EINVAL);
}

TEST(locked_slave)
{
	m = posix_openpt(O_RDWR | O_NOCTTY);
	REQUIRE(m >= 0);
	CHECK_ERR(open(ptsname(m), O_RDWR | O_NOCTTY), EIO);
}

TEST(hangups)
{
	struct pollfd f;
	char b;

	start();
	close(s);
	CHECK_ERR(read(m, &b, 1), EIO);
	start();
	close(m);
	CHECK_EQ(read(s, &b, 1), 0);
	CHECK_ERR(write(s, "x", 1), EIO);
	f = (struct pollfd){s, POLLIN, 0};
	CHECK_EQ(poll(&f, 1, 0), 1);
	CHECK(f.revents & POLLHUP);
}

TEST(raw_vmin_vtime)
{
	struct termios t;
	char b[8];

	start();
	CHECK_EQ(tcgetattr(s, &t), 0);
	cfmakeraw(&t);
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 1;
	CHECK_EQ(tcsetattr(s, TCSANOW, &t), 0);
	CHECK_EQ(read(s, b, 8), 0);
	CHECK_EQ(write(m, "\x03", 1), 1);
	CHECK_EQ(read(s, b, 8), 1);
}

TEST(window_size)
{
	struct winsize w = {.ws_row = 30, .ws_col = 90};

	start();
	CHECK_EQ(ioctl(m, TIOCSWINSZ, &w), 0);
	memset(&w, 0, sizeof(w));
	CHECK_EQ(ioctl(s, TIOCGWINSZ, &w), 0);
	CHECK_EQ(w.ws_row, 30);
	CHECK_EQ(w.ws_col, 90);
}

TEST(job_control)
{
	int st;
	char b[16];
	pid_t p;

	start();
	p = fork();
	if (p == 0) {
		setsid();
		if (ioctl(s, TIOCSCTTY, 0) < 0 || tcgetpgrp(s) != getpid() || tcgetsid(s) != getpid())
			_exit(1);
		if (write(s, "r", 1) != 1)
			_exit(2);
		pause();
		_exit(3);
	}
	CHECK_EQ(read(m, b, 1), 1);
	CHECK_EQ(write(m, "\x03", 1), 1);
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGINT);
}

TEST(background_read_stops)
{
	int st;
	pid_t p;

	start();
	p = fork();
	if (p == 0) {
		pid_t c;

		setsid();
		ioctl(s, TIOCSCTTY, 0);
		c = fork();
		if (c == 0) {
			char b;

			setpgid(0, 0);
			_exit(read(s, &b, 1) == 1);
		}
		_exit(waitpid(c, &st, WUNTRACED) != c || !WIFSTOPPED(st) || WSTOPSIG(st) != SIGTTIN ||
		      kill(c, SIGKILL) != 0);
	}
	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
}

/* The other end opened by TIOCGPTPEER has its name, as ttyname() needs it. */
TEST(peer_has_its_name)
{
	int n = -1, fd, m2 = posix_openpt(O_RDWR | O_NOCTTY);
	char want[32];

	REQUIRE(m2 >= 0);
	CHECK_EQ(ioctl(m2, TIOCGPTN, &n), 0);
	CHECK_ERR(ioctl(m2, TIOCGPTPEER, O_RDWR | O_NOCTTY), EIO); /* locked */
	CHECK_EQ(unlockpt(m2), 0);
	fd = ioctl(m2, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	REQUIRE(fd >= 0);
	snprintf(want, sizeof(want), "/dev/pts/%d", n);
	REQUIRE(ttyname(fd));
	CHECK_STR(ttyname(fd), want);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

TAP_MAIN()
