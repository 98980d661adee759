/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
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

/* A terminal's name has the owner that opened the master, and keeps what chown and chmod say. */
TEST(owner_and_mode)
{
	struct stat st;

	start();
	REQUIRE(fstat(s, &st) == 0);
	CHECK_EQ(st.st_uid, 0);
	CHECK_EQ(fchmod(s, 0600), 0);
	CHECK_EQ(chown(ptsname(m), 1000, 1001), 0);
	CHECK_EQ(stat(ptsname(m), &st), 0);
	CHECK_EQ(st.st_mode, S_IFCHR | 0600);
	CHECK_EQ(st.st_uid, 1000);
	CHECK_EQ(st.st_gid, 1001);
	REQUIRE(setgid(1001) == 0 && setuid(1000) == 0);
	CHECK_EQ(chmod(ptsname(m), 0640), 0);
	close(s);
	s = open(ptsname(m), O_RDWR | O_NOCTTY);
	CHECK(s >= 0);
	CHECK_EQ(fstat(s, &st), 0);
	CHECK_EQ(st.st_mode, S_IFCHR | 0640);
	start();
	CHECK_EQ(fstat(s, &st), 0);
	CHECK_EQ(st.st_uid, 1000);
}

/* What is locked stays as it is when a mode is set; the lock itself takes a privilege. */
TEST(locked_modes)
{
	struct termios lock, t, before;

	start();
	memset(&lock, 0xff, sizeof(lock));
	CHECK_EQ(ioctl(s, TIOCGLCKTRMIOS, &lock), 0);
	CHECK_EQ(lock.c_lflag, 0);
	CHECK_EQ(lock.c_cc[VINTR], 0);
	CHECK_EQ(tcgetattr(s, &before), 0);
	lock.c_lflag = ECHO;
	lock.c_cc[VINTR] = 1;
	CHECK_EQ(ioctl(s, TIOCSLCKTRMIOS, &lock), 0);
	t = before;
	t.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	t.c_cc[VINTR] = 9;
	t.c_cc[VQUIT] = 8;
	CHECK_EQ(tcsetattr(s, TCSANOW, &t), 0);
	CHECK_EQ(tcgetattr(s, &t), 0);
	CHECK_EQ(t.c_lflag & (ECHO | ISIG), ECHO);
	CHECK_EQ(t.c_cc[VINTR], before.c_cc[VINTR]);
	CHECK_EQ(t.c_cc[VQUIT], 8);
	CHECK_ERR(ioctl(s, TIOCGLCKTRMIOS, NULL), EFAULT);
	CHECK_ERR(ioctl(s, TIOCSLCKTRMIOS, NULL), EFAULT);
	REQUIRE(setuid(1000) == 0);
	CHECK_ERR(ioctl(s, TIOCSLCKTRMIOS, &lock), EPERM);
	CHECK_EQ(ioctl(s, TIOCGLCKTRMIOS, &lock), 0);
}

TEST(exclusive_mode)
{
	char name[64];
	int x = -1, fd;

	start();
	REQUIRE(snprintf(name, sizeof(name), "%s", ptsname(m)) < 64 && chmod(name, 0666) == 0);
	CHECK_EQ(ioctl(s, TIOCGEXCL, &x), 0);
	CHECK_EQ(x, 0);
	CHECK_EQ(ioctl(s, TIOCEXCL), 0);
	CHECK_EQ(ioctl(s, TIOCGEXCL, &x), 0);
	CHECK_EQ(x, 1);
	CHECK_EQ(ioctl(m, TIOCGEXCL, &x), 0);
	CHECK_EQ(x, 0);
	fd = open(name, O_RDWR | O_NOCTTY);
	CHECK(fd >= 0);
	REQUIRE(setuid(1000) == 0);
	CHECK_ERR(open(name, O_RDWR | O_NOCTTY), EBUSY);
	CHECK_EQ(ioctl(s, TIOCNXCL), 0);
	fd = open(name, O_RDWR | O_NOCTTY);
	CHECK(fd >= 0);
}

TEST(small_questions)
{
	unsigned dev = 0;
	struct termios t;
	struct stat st;
	int x = -1;

	start();
	REQUIRE(fstat(s, &st) == 0);
	CHECK_EQ(ioctl(s, TIOCGDEV, &dev), 0);
	CHECK_EQ(dev, (unsigned)st.st_rdev);
	dev = 0;
	CHECK_EQ(ioctl(m, TIOCGDEV, &dev), 0);
	CHECK_EQ(dev, (unsigned)st.st_rdev);
	CHECK_EQ(ioctl(s, TIOCSBRK), 0);
	CHECK_EQ(ioctl(s, TIOCCBRK), 0);
	CHECK_EQ(tcsendbreak(s, 0), 0);
	CHECK_EQ(ioctl(s, TIOCGSOFTCAR, &x), 0);
	CHECK_EQ(x, 0);
	x = 1;
	CHECK_EQ(ioctl(s, TIOCSSOFTCAR, &x), 0);
	CHECK_EQ(tcgetattr(s, &t), 0);
	CHECK_EQ(t.c_cflag & CLOCAL, CLOCAL);
	x = 0;
	CHECK_EQ(ioctl(s, TIOCGSOFTCAR, &x), 0);
	CHECK_EQ(x, 1);
	CHECK_ERR(ioctl(s, TIOCMGET, &x), ENOTTY);
	CHECK_ERR(ioctl(s, TIOCGEXCL, NULL), EFAULT);
	CHECK_ERR(ioctl(s, TIOCGDEV, NULL), EFAULT);
}

TAP_MAIN()
