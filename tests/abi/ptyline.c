/* SPDX-License-Identifier: Apache-2.0 */
/* The line discipline as a pty shows it: echo, editing, flow, packet mode. */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include "../tap.h"

#ifndef EXTPROC
#define EXTPROC 0200000
#endif

static int m, s;

static void start(void)
{
	m = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	REQUIRE(m >= 0);
	REQUIRE(grantpt(m) == 0 && unlockpt(m) == 0);
	s = open(ptsname(m), O_RDWR | O_NOCTTY | O_NONBLOCK);
	REQUIRE(s >= 0);
}

/* A pty of Linux hands over what is written on another thread. */
static void settle(void)
{
	usleep(20000);
}

static void type(const char *t)
{
	CHECK_EQ(write(m, t, strlen(t)), strlen(t));
	settle();
}

static const char *text(int fd)
{
	static char b[5000];
	ssize_t n = read(fd, b, sizeof(b) - 1);

	if (n < 0)
		return errno == EAGAIN ? "-" : "error";
	b[n] = '\0';
	return b;
}

static short events(int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void mode(tcflag_t iset, tcflag_t iclear, tcflag_t lset, tcflag_t lclear)
{
	struct termios t;

	REQUIRE(tcgetattr(s, &t) == 0);
	t.c_iflag = (t.c_iflag & ~iclear) | iset;
	t.c_lflag = (t.c_lflag & ~lclear) | lset;
	CHECK_EQ(tcsetattr(s, TCSANOW, &t), 0);
}

/* What is written is the master's: nothing waits for a master that does not read. */
TEST(draining_does_not_wait)
{
	struct termios t;
	int n = -1;

	start();
	CHECK_EQ(write(s, "out\n", 4), 4);
	CHECK_EQ(ioctl(s, TIOCOUTQ, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(tcdrain(s), 0);
	CHECK_EQ(tcgetattr(s, &t), 0);
	CHECK_EQ(tcsetattr(s, TCSADRAIN, &t), 0);
	CHECK_EQ(tcsetattr(s, TCSAFLUSH, &t), 0);
	settle();
	CHECK_EQ(tcflush(s, TCOFLUSH), 0);
	CHECK_STR(text(m), "out\r\n");
}

/* Stopped output does not take more; what went before can be read; echo waits. */
TEST(stopped_by_a_key)
{
	start();
	CHECK_EQ(write(s, "a", 1), 1);
	settle();
	type("\x13");
	CHECK_ERR(write(s, "b", 1), EAGAIN);
	CHECK_EQ(events(s), 0);
	type("k");
	CHECK_STR(text(m), "a");
	CHECK_STR(text(m), "-");
	type("\x11");
	CHECK_STR(text(m), "k");
	CHECK_EQ(events(s), POLLOUT);
	CHECK_EQ(write(s, "b", 1), 1);
	settle();
	CHECK_STR(text(m), "b");
	mode(IXANY, 0, 0, 0);
	type("\x13");
	CHECK_EQ(events(s), 0);
	type("x");
	CHECK_STR(text(m), "x");
}

TEST(stopped_by_the_program)
{
	start();
	CHECK_EQ(tcflow(s, TCOOFF), 0);
	CHECK_ERR(write(s, "b", 1), EAGAIN);
	type("\x11"); /* no key starts it */
	CHECK_ERR(write(s, "b", 1), EAGAIN);
	CHECK_EQ(tcflow(s, TCOON), 0);
	CHECK_EQ(write(s, "b", 1), 1);
	settle();
	CHECK_STR(text(m), "b");
	CHECK_EQ(tcflow(s, TCIOFF), 0);
	CHECK_EQ(tcflow(s, TCION), 0);
	settle();
	CHECK_STR(text(m), "\x13\x11");
}

TEST(what_there_is_without_waiting)
{
	struct termios t;

	start();
	REQUIRE(tcgetattr(s, &t) == 0);
	cfmakeraw(&t);
	t.c_cc[VMIN] = 3;
	CHECK_EQ(tcsetattr(s, TCSANOW, &t), 0);
	type("a");
	CHECK_EQ(events(s) & POLLIN, 0);
	CHECK_STR(text(s), "a");
	CHECK_STR(text(s), "-");
	type("abc");
	CHECK_EQ(events(s) & POLLIN, POLLIN);
	CHECK_STR(text(s), "abc");
}

TEST(editing_as_shown)
{
	start();
	type("ab\177");
	CHECK_STR(text(m), "ab\b \b");
	type("\x01\177");
	CHECK_STR(text(m), "^A\b \b\b \b");
	type("\tb\177\177");
	CHECK_STR(text(m), "\tb\b \b\b\b\b\b\b\b\b");
	type("\025");
	CHECK_STR(text(m), "\b \b");
	type("one two.x\027\027");
	CHECK_STR(text(m), "one two.x\b \b\b \b\b \b\b \b\b \b");
	type("\022");
	CHECK_STR(text(m), "^R\r\none ");
	type("\026\003\026\n\n");
	CHECK_STR(text(m), "^\b^C^\b^J\r\n");
	CHECK_STR(text(s), "one \003\n\n");
	mode(0, 0, 0, ECHOE | ECHOKE);
	type("ab\177\025");
	CHECK_STR(text(m), "ab^?^U\r\n");
	mode(0, 0, 0, ECHOK);
	type("ab\025c\n");
	CHECK_STR(text(m), "ab^Uc\r\n");
	CHECK_STR(text(s), "c\n");
}

TEST(erasing_between_slashes)
{
	start();
	mode(0, 0, ECHOPRT, 0);
	type("abc\177\177d\177\177");
	CHECK_STR(text(m), "abc\\cb/d\\da/");
	type("x\n");
	CHECK_STR(text(s), "x\n");
}

TEST(wide_characters)
{
	start();
	mode(IUTF8, 0, 0, 0);
	type("a\303\251\177b\n");
	CHECK_STR(text(m), "a\303\251\b \bb\r\n");
	CHECK_STR(text(s), "ab\n");
	mode(0, IUTF8, 0, 0);
	type("\303\251\177\n");
	CHECK_STR(text(s), "\303\n");
}

TEST(input_translated)
{
	start();
	mode(IUCLC, 0, 0, 0);
	type("AbC\n");
	CHECK_STR(text(s), "abc\n");
	mode(INLCR, IUCLC | ICRNL, 0, ICANON);
	type("a\nb\r");
	CHECK_STR(text(s), "a\rb\r");
	mode(IGNCR | PARMRK, INLCR, 0, 0);
	type("a\r\377b");
	CHECK_STR(text(s), "a\377\377b");
	mode(ISTRIP, PARMRK, 0, 0);
	type("\341\262");
	CHECK_STR(text(s), "a2");
}

/* The far side edits and echoes: nothing is done here. */
TEST(external_processing)
{
	start();
	mode(0, 0, EXTPROC, 0);
	type("ab\177\003");
	CHECK_STR(text(m), "-");
	CHECK_STR(text(s), "ab\177\003");
}

TEST(signals_flush)
{
	start();
	type("half");
	CHECK_STR(text(m), "half");
	type("abc\003");
	CHECK_STR(text(m), "^C");
	type("x\n");
	CHECK_STR(text(s), "x\n");
	mode(0, 0, NOFLSH, 0);
	type("abc\003\n");
	CHECK_STR(text(s), "abc\n");
}

TEST(mode_changes_keep_input)
{
	start();
	type("ab\004c");
	mode(0, 0, 0, ICANON);
	CHECK_EQ(read(s, (char[8]){0}, 8), 4); /* the mark is a NUL now */
	type("de");
	mode(0, 0, ICANON, 0);
	CHECK_EQ(events(s) & POLLIN, POLLIN);
	CHECK_STR(text(s), "de");
}

static int packet(char *data)
{
	char b[100];
	ssize_t n = read(m, b, sizeof(b) - 1);

	*data = '\0';
	if (n < 1)
		return -1;
	memcpy(data, b + 1, (size_t)n - 1);
	data[n - 1] = '\0';
	return (unsigned char)b[0];
}

TEST(packet_mode)
{
	char d[100];
	int on = 1;
	struct termios t;

	start();
	CHECK_EQ(ioctl(m, TIOCPKT, &on), 0);
	CHECK_EQ(write(s, "x", 1), 1);
	settle();
	CHECK_EQ(packet(d), TIOCPKT_DATA);
	CHECK_STR(d, "x");
	CHECK_EQ(packet(d), -1);
	type("\x13");
	CHECK_EQ(events(m) & (POLLIN | POLLPRI), POLLIN | POLLPRI);
	CHECK_EQ(packet(d), TIOCPKT_STOP);
	type("\x11");
	CHECK_EQ(packet(d), TIOCPKT_START);
	CHECK_EQ(tcflush(s, TCIFLUSH), 0);
	CHECK_EQ(packet(d), TIOCPKT_FLUSHREAD);
	CHECK_EQ(tcflush(s, TCOFLUSH), 0);
	CHECK_EQ(packet(d), TIOCPKT_FLUSHWRITE);
	mode(0, IXON, 0, 0);
	CHECK_EQ(packet(d), TIOCPKT_NOSTOP);
	mode(IXON, 0, 0, 0);
	CHECK_EQ(packet(d), TIOCPKT_DOSTOP);
	mode(0, 0, EXTPROC, 0);
	CHECK_EQ(packet(d), TIOCPKT_IOCTL);
	REQUIRE(tcgetattr(s, &t) == 0);
	CHECK_EQ(tcsetattr(s, TCSANOW, &t), 0);
	CHECK_EQ(packet(d), TIOCPKT_IOCTL);
	CHECK_EQ(packet(d), -1);
}

TAP_MAIN()
