/* SPDX-License-Identifier: Apache-2.0 */
/* System V message queues. */
#include <limits.h>
#include <sys/msg.h>
#include "../tap.h"

struct msg {
	long type;
	char text[8200];
};

static int make(void)
{
	int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);

	REQUIRE(id >= 0);
	return id;
}

static void drop(int id)
{
	CHECK_EQ(msgctl(id, IPC_RMID, NULL), 0);
}

static int send_text(int id, long type, const char *text, int flg)
{
	struct msg m = {.type = type};

	strcpy(m.text, text);
	return msgsnd(id, &m, strlen(text) + 1, flg);
}

static void expect(int id, long want, int flg, long type, const char *text)
{
	struct msg m = {0};
	ssize_t n = msgrcv(id, &m, sizeof(m.text), want, flg);

	CHECK_EQ(n, strlen(text) + 1);
	CHECK_EQ(m.type, type);
	CHECK_STR(m.text, text);
}

static void reap(pid_t p)
{
	int st;

	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, 0);
}

TEST(order_and_types)
{
	int id = make();
	struct msg m;

	CHECK_EQ(send_text(id, 3, "three", 0), 0);
	CHECK_EQ(send_text(id, 1, "one", 0), 0);
	CHECK_EQ(send_text(id, 2, "two", 0), 0);
	CHECK_EQ(send_text(id, 1, "one more", 0), 0);
	expect(id, 1, 0, 1, "one");
	expect(id, -2, 0, 1, "one more");
	expect(id, -2, 0, 2, "two");
	CHECK_ERR(msgrcv(id, &m, 10, -2, IPC_NOWAIT), ENOMSG);
	CHECK_ERR(msgrcv(id, &m, 10, 7, IPC_NOWAIT), ENOMSG);
	CHECK_EQ(send_text(id, 4, "four", 0), 0);
	expect(id, 3, MSG_EXCEPT, 4, "four");
	expect(id, LONG_MIN, 0, 3, "three");
	CHECK_ERR(msgrcv(id, &m, 10, 0, IPC_NOWAIT), ENOMSG);
	drop(id);
}

TEST(sizes)
{
	int id = make();
	struct msg m = {.type = 1};

	CHECK_ERR(msgsnd(id, &m, 8193, 0), EINVAL);
	CHECK_ERR(msgsnd(id, &m, (size_t)-1, 0), EINVAL);
	m.type = 0;
	CHECK_ERR(msgsnd(id, &m, 1, 0), EINVAL);
	m.type = 1;
	CHECK_EQ(msgsnd(id, &m, 0, 0), 0);
	CHECK_EQ(msgrcv(id, &m, 0, 0, 0), 0);
	CHECK_EQ(send_text(id, 5, "long text", 0), 0);
	CHECK_ERR(msgrcv(id, &m, 4, 0, 0), E2BIG);
	memset(m.text, 0, sizeof(m.text));
	CHECK_EQ(msgrcv(id, &m, 4, 0, MSG_NOERROR), 4);
	CHECK_STR(m.text, "long");
	CHECK_ERR(msgrcv(id, &m, 4, 0, IPC_NOWAIT), ENOMSG);
	CHECK_ERR(msgrcv(id, &m, (size_t)-1, 0, IPC_NOWAIT), EINVAL);
	drop(id);
	CHECK_ERR(msgsnd(id, &m, 1, 0), EINVAL);
	CHECK_ERR(msgrcv(id, &m, 1, 0, 0), EINVAL);
}

TEST(full_queue)
{
	int id = make();
	struct msg m = {.type = 1};
	pid_t p;

	CHECK_EQ(msgsnd(id, &m, 8192, 0), 0);
	CHECK_EQ(msgsnd(id, &m, 8192, 0), 0);
	CHECK_ERR(msgsnd(id, &m, 1, IPC_NOWAIT), EAGAIN);
	p = fork();
	if (p == 0) {
		m.text[0] = 'x';
		_exit(msgsnd(id, &m, 100, 0) == 0 ? 0 : 1);
	}
	usleep(30000);
	CHECK_EQ(msgrcv(id, &m, 8192, 0, 0), 8192);
	reap(p);
	CHECK_EQ(msgrcv(id, &m, 8192, 0, 0), 8192);
	CHECK_EQ(msgrcv(id, &m, 8192, 0, IPC_NOWAIT), 100);
	CHECK_EQ(m.text[0], 'x');
	drop(id);
}

TEST(receiver_waits)
{
	int id = make();
	pid_t p = fork();
	struct msqid_ds d;

	if (p == 0) {
		struct msg m = {0};

		_exit(msgrcv(id, &m, 100, 9, 0) == 5 && !strcmp(m.text, "nine") ? 0 : 1);
	}
	usleep(20000);
	CHECK_EQ(send_text(id, 8, "eight", 0), 0);
	CHECK_EQ(send_text(id, 9, "nine", 0), 0);
	reap(p);
	CHECK_EQ(msgctl(id, IPC_STAT, &d), 0);
	CHECK_EQ(d.msg_qnum, 1);
	CHECK_EQ(d.__msg_cbytes, 6);
	CHECK_EQ(d.msg_lspid, getpid());
	CHECK_EQ(d.msg_lrpid, p);
	CHECK(d.msg_stime && d.msg_rtime && d.msg_ctime);
	drop(id);
}

TEST(too_long_for_a_waiting_receiver)
{
	int id = make();
	pid_t p = fork();

	if (p == 0) {
		struct msg m;

		_exit(msgrcv(id, &m, 2, 0, 0) == -1 && errno == E2BIG ? 0 : 1);
	}
	usleep(20000);
	CHECK_EQ(send_text(id, 1, "longer", 0), 0);
	reap(p);
	expect(id, 0, IPC_NOWAIT, 1, "longer");
	drop(id);
}

TEST(removal_ends_both)
{
	int id = make();
	struct msg m = {.type = 1};
	pid_t p, q;

	p = fork();
	if (p == 0)
		_exit(msgrcv(id, &m, 10, 77, 0) == -1 && errno == EIDRM ? 0 : 1);
	CHECK_EQ(msgsnd(id, &m, 8192, 0), 0);
	CHECK_EQ(msgsnd(id, &m, 8192, 0), 0);
	q = fork();
	if (q == 0)
		_exit(msgsnd(id, &m, 10, 0) == -1 && errno == EIDRM ? 0 : 1);
	usleep(30000);
	drop(id);
	reap(p);
	reap(q);
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST(signals)
{
	int id = make();
	struct msg m;
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

	sigaction(SIGALRM, &sa, NULL);
	ualarm(30000, 0);
	CHECK_ERR(msgrcv(id, &m, 10, 0, 0), EINTR);
	drop(id);
}

TEST(copy)
{
	int id = make();
	struct msg m = {0};

	CHECK_EQ(send_text(id, 4, "a", 0), 0);
	CHECK_EQ(send_text(id, 5, "bb", 0), 0);
	if (msgrcv(id, &m, 100, 1, MSG_COPY | IPC_NOWAIT) == -1 && errno == ENOSYS) {
		drop(id);
		SKIP("no MSG_COPY here");
	}
	CHECK_EQ(m.type, 5);
	CHECK_STR(m.text, "bb");
	CHECK_EQ(msgrcv(id, &m, 100, 0, MSG_COPY | IPC_NOWAIT), 2);
	CHECK_EQ(m.type, 4);
	CHECK_ERR(msgrcv(id, &m, 100, 2, MSG_COPY | IPC_NOWAIT), ENOMSG);
	CHECK_ERR(msgrcv(id, &m, 100, 0, MSG_COPY), EINVAL);
	CHECK_ERR(msgrcv(id, &m, 100, 0, MSG_COPY | IPC_NOWAIT | MSG_EXCEPT), EINVAL);
	expect(id, 0, 0, 4, "a");
	expect(id, 0, 0, 5, "bb");
	drop(id);
}

TEST(keys)
{
	key_t k = 0x4d000000 + (getpid() & 0xffffff);
	int id = msgget(k, IPC_CREAT | IPC_EXCL | 0620);

	REQUIRE(id >= 0);
	CHECK_EQ(msgget(k, 0), id);
	CHECK_ERR(msgget(k, IPC_CREAT | IPC_EXCL), EEXIST);
	drop(id);
	CHECK_ERR(msgget(k, 0), ENOENT);
	CHECK_ERR(msgctl(id, 99, NULL), EINVAL);
}

TEST(set_and_info)
{
	int id = make(), max, found = 0;
	struct msqid_ds d;
	struct msginfo i;

	CHECK_EQ(msgctl(id, IPC_STAT, &d), 0);
	CHECK_EQ(d.msg_qbytes, 16384);
	d.msg_qbytes = 5;
	d.msg_perm.mode = 0444;
	CHECK_EQ(msgctl(id, IPC_SET, &d), 0);
	CHECK_EQ(msgctl(id, IPC_STAT, &d), 0);
	CHECK_EQ(d.msg_qbytes, 5);
	CHECK_EQ(d.msg_perm.mode, 0444);
	CHECK(msgctl(0, IPC_INFO, (struct msqid_ds *)&i) >= 0);
	CHECK_EQ(i.msgmax, 8192);
	CHECK_EQ(i.msgmnb, 16384);
	max = msgctl(0, MSG_INFO, (struct msqid_ds *)&i);
	CHECK(i.msgpool >= 1);
	for (int k = 0; k <= max; k++)
		found += msgctl(k, MSG_STAT, &d) == id;
	CHECK_EQ(found, 1);
	drop(id);
}

TEST(permissions)
{
	int id;
	pid_t p;

	if (getuid() != 0)
		SKIP("needs root");
	id = msgget(IPC_PRIVATE, 0604);
	REQUIRE(id >= 0);
	p = fork();
	if (p == 0) {
		struct msg m;
		struct msqid_ds d;

		REQUIRE(setgid(4321) == 0 && setuid(4321) == 0);
		CHECK_ERR(send_text(id, 1, "x", IPC_NOWAIT), EACCES);
		CHECK_ERR(msgrcv(id, &m, 10, 0, IPC_NOWAIT), ENOMSG);
		CHECK_EQ(msgctl(id, IPC_STAT, &d), 0);
		CHECK_ERR(msgctl(id, IPC_SET, &d), EPERM);
		CHECK_ERR(msgctl(id, IPC_RMID, NULL), EPERM);
		fflush(stdout);
		_exit(tap_failures);
	}
	reap(p);
	drop(id);
}

TEST(proc_lists_it)
{
	int id = make(), key, got, seen = 0;
	unsigned mode;
	char line[512];
	FILE *f = fopen("/proc/sysvipc/msg", "r");

	REQUIRE(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%d %d %o", &key, &got, &mode) == 3 && got == id)
			seen += mode == 0600;
	fclose(f);
	CHECK_EQ(seen, 1);
	drop(id);
}

TAP_MAIN()
