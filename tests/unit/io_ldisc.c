/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/tty/ldisc.h"
#include "../tap.h"

static struct ldisc l;
static int last_sig;

static void on_signal(struct ldisc *x, int sig)
{
	(void)x;
	last_sig = sig;
}

static void type(const char *s)
{
	CHECK_EQ(ldisc_receive(&l, (const uint8_t *)s, strlen(s)), strlen(s));
	ldisc_echo(&l);
}

static const char *got(size_t n)
{
	static char b[8192];
	bool eof;
	size_t k = ldisc_read(&l, (uint8_t *)b, n, &eof);

	b[k] = '\0';
	return b;
}

static const char *shown(void)
{
	static char b[8192];

	b[ldisc_take_output(&l, (uint8_t *)b, sizeof(b) - 1)] = '\0';
	return b;
}

static void start(void)
{
	ldisc_init(&l);
	l.signal = on_signal;
}

TEST(canonical_line)
{
	start();
	type("hel");
	CHECK(!ldisc_readable(&l));
	type("lo\r");
	CHECK(ldisc_readable(&l));
	CHECK_EQ(ldisc_pending(&l), 6);
	CHECK_STR(got(100), "hello\n");
	CHECK_STR(shown(), "hello\r\n");
	CHECK(!ldisc_readable(&l));
}

TEST(erase_kill_word)
{
	start();
	type("ab\x7f" "c\n");
	CHECK_STR(got(100), "ac\n");
	CHECK_STR(shown(), "ab\b \bc\r\n");
	type("one two\x17" "x\n");
	CHECK_STR(got(100), "one x\n");
	(void)shown();
	type("gone\x15kept\n");
	CHECK_STR(got(100), "kept\n");
	type("\x7f\x7f\n");
	CHECK_STR(got(100), "\n");
}

TEST(eof)
{
	bool eof;
	uint8_t b[8];

	start();
	type("\x04");
	CHECK(ldisc_readable(&l));
	CHECK_EQ(ldisc_read(&l, b, 8, &eof), 0);
	CHECK(eof);
	type("ab\x04");
	CHECK_STR(got(100), "ab");
}

TEST(literal_next)
{
	start();
	type("\x16\x03\n");
	CHECK_STR(got(100), "\x03\n");
	CHECK_EQ(last_sig, 0);
}

TEST(signals_flush)
{
	start();
	type("junk\x03");
	CHECK_EQ(last_sig, SIGINT);
	CHECK(!ldisc_pending(&l));
	type("\x1a");
	CHECK_EQ(last_sig, SIGTSTP);
	type("\x1c");
	CHECK_EQ(last_sig, SIGQUIT);
	type("ok\n");
	CHECK_STR(got(100), "ok\n");
}

TEST(raw)
{
	struct termios2 t;

	start();
	t = l.tio;
	t.c_lflag = 0;
	t.c_iflag = 0;
	t.c_oflag = 0;
	ldisc_set_termios(&l, &t);
	type("a\r\x03\x04");
	CHECK_EQ(ldisc_pending(&l), 4);
	CHECK_STR(got(2), "a\r");
	CHECK_STR(got(9), "\x03\x04");
	CHECK_STR(shown(), "");
	CHECK_EQ(ldisc_write(&l, (const uint8_t *)"x\n", 2), 2);
	CHECK_STR(shown(), "x\n");
}

TEST(flow_control)
{
	start();
	ldisc_write(&l, (const uint8_t *)"before", 6);
	type("\x13");
	CHECK_EQ(ldisc_write(&l, (const uint8_t *)"no", 2), 0);
	CHECK(!ldisc_writable(&l));
	type("e");
	CHECK_STR(shown(), "before");
	CHECK_STR(shown(), "");
	type("\x11");
	CHECK_STR(shown(), "e");
	CHECK_EQ(ldisc_write(&l, (const uint8_t *)"no", 2), 2);
	CHECK_STR(shown(), "no");
	ldisc_hold(&l, true);
	type("\x11");
	CHECK_EQ(ldisc_write(&l, (const uint8_t *)"no", 2), 0);
	ldisc_hold(&l, false);
	CHECK(ldisc_writable(&l));
}

TEST(mode_switch_keeps_data)
{
	struct termios2 t;

	start();
	type("half");
	t = l.tio;
	t.c_lflag &= ~(tcflag_t)ICANON;
	ldisc_set_termios(&l, &t);
	CHECK_STR(got(100), "half");
	type("x");
	t.c_lflag |= ICANON;
	ldisc_set_termios(&l, &t);
	CHECK(ldisc_readable(&l));
	CHECK_STR(got(100), "x");
	type("y\n");
	CHECK_STR(got(100), "y\n");
}

TEST(full_line_still_ends)
{
	start();
	for (int i = 0; i < 6000; i++)
		type("z");
	CHECK(!ldisc_readable(&l));
	type("\n");
	CHECK(ldisc_readable(&l));
	CHECK_EQ(ldisc_pending(&l), LDISC_IN);
	CHECK_EQ(strlen(got(8000)), LDISC_IN);
}

TEST(full_line_is_interrupted)
{
	start();
	for (int i = 0; i < 6000; i++)
		type("z");
	type("\x03");
	CHECK_EQ(last_sig, SIGINT);
	CHECK_EQ(ldisc_room(&l), LDISC_IN);
}

TEST(tabs)
{
	struct termios2 t;

	start();
	t = l.tio;
	t.c_oflag |= XTABS;
	ldisc_set_termios(&l, &t);
	ldisc_write(&l, (const uint8_t *)"ab\tc", 4);
	CHECK_STR(shown(), "ab      c");
}

TAP_MAIN()
