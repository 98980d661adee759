/* SPDX-License-Identifier: Apache-2.0 */
/* System V semaphores. */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <time.h>
#include "../tap.h"

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

static int make(int n)
{
	int id = semget(IPC_PRIVATE, n, IPC_CREAT | 0600);

	REQUIRE(id >= 0);
	return id;
}

static void drop(int id)
{
	CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
}

static int op(int id, int num, int v, int flg)
{
	struct sembuf s = {(unsigned short)num, (short)v, (short)flg};

	return semop(id, &s, 1);
}

static int val(int id, int num)
{
	return semctl(id, num, GETVAL);
}

static void until(int id, int num, int cmd, int want)
{
	for (int i = 0; i < 2000 && semctl(id, num, cmd) != want; i++)
		usleep(1000);
	CHECK_EQ(semctl(id, num, cmd), want);
}

static void reap(pid_t p, int want)
{
	int st;

	CHECK_EQ(waitpid(p, &st, 0), p);
	CHECK_EQ(st, want);
}

TEST(values)
{
	int id = make(3);
	unsigned short v[3] = {9, 9, 9};

	CHECK_EQ(semctl(id, 0, GETALL, v), 0);
	CHECK_EQ(v[0] + v[1] + v[2], 0);
	CHECK_EQ(semctl(id, 1, SETVAL, 5), 0);
	CHECK_EQ(val(id, 1), 5);
	CHECK_EQ(semctl(id, 1, GETPID), getpid());
	v[0] = 1, v[1] = 2, v[2] = 3;
	CHECK_EQ(semctl(id, 0, SETALL, v), 0);
	CHECK_EQ(val(id, 2), 3);
	CHECK_ERR(semctl(id, 3, GETVAL), EINVAL);
	CHECK_ERR(semctl(id, -1, GETVAL), EINVAL);
	CHECK_ERR(semctl(id, 0, SETVAL, 32768), ERANGE);
	CHECK_ERR(semctl(id, 0, SETVAL, -1), ERANGE);
	v[1] = 32768;
	CHECK_ERR(semctl(id, 0, SETALL, v), ERANGE);
	CHECK_ERR(semctl(id, 0, 12345), EINVAL);
	drop(id);
	CHECK_ERR(semctl(id, 0, GETVAL), EINVAL);
	CHECK_ERR(op(id, 0, 1, 0), EINVAL);
}

TEST(get)
{
	key_t k = 0x53000000 + (getpid() & 0xffffff);
	int id = semget(k, 2, IPC_CREAT | IPC_EXCL | 0600);

	REQUIRE(id >= 0);
	CHECK_EQ(semget(k, 0, 0), id);
	CHECK_EQ(semget(k, 2, 0), id);
	CHECK_ERR(semget(k, 3, 0), EINVAL);
	CHECK_ERR(semget(k, 2, IPC_CREAT | IPC_EXCL), EEXIST);
	CHECK_ERR(semget(IPC_PRIVATE, 0, 0600), EINVAL);
	CHECK_ERR(semget(IPC_PRIVATE, -1, 0600), EINVAL);
	CHECK_ERR(semget(IPC_PRIVATE, 40000, 0600), EINVAL);
	drop(id);
	CHECK_ERR(semget(k, 2, 0), ENOENT);
}

TEST(operations)
{
	int id = make(2);
	struct sembuf two[2] = {{0, 3, 0}, {1, -1, IPC_NOWAIT}};

	CHECK_EQ(op(id, 0, 2, 0), 0);
	CHECK_EQ(val(id, 0), 2);
	CHECK_EQ(op(id, 0, -2, 0), 0);
	CHECK_EQ(op(id, 0, 0, 0), 0);
	CHECK_ERR(op(id, 0, -1, IPC_NOWAIT), EAGAIN);
	CHECK_ERR(semop(id, two, 2), EAGAIN); /* all or nothing */
	CHECK_EQ(val(id, 0), 0);
	two[1].sem_op = 4;
	CHECK_EQ(semop(id, two, 2), 0);
	CHECK_EQ(val(id, 0), 3);
	CHECK_EQ(val(id, 1), 4);
	CHECK_ERR(op(id, 0, 0, IPC_NOWAIT), EAGAIN);
	CHECK_ERR(op(id, 2, 1, 0), EFBIG);
	CHECK_EQ(op(id, 0, 32764, 0), 0);
	CHECK_ERR(op(id, 0, 1, 0), ERANGE);
	CHECK_ERR(semop(id, two, 0), EINVAL);
	CHECK_ERR(semop(id, two, 100000), E2BIG);
	CHECK_ERR(semop(id, NULL, 1), EFAULT);
	CHECK_ERR(semop(-1, two, 1), EINVAL);
	drop(id);
}

TEST(one_semaphore_twice)
{
	int id = make(1);
	struct sembuf s[2] = {{0, 1, 0}, {0, -1, IPC_NOWAIT}};

	CHECK_EQ(semop(id, s, 2), 0);
	CHECK_EQ(val(id, 0), 0);
	s[0].sem_op = -1;
	s[0].sem_flg = IPC_NOWAIT;
	s[1].sem_op = 1;
	CHECK_ERR(semop(id, s, 2), EAGAIN);
	CHECK_EQ(val(id, 0), 0);
	drop(id);
}

TEST(wait_and_wake)
{
	int id = make(1);
	pid_t p = fork();

	if (p == 0)
		_exit(op(id, 0, -2, 0) == 0 ? 0 : 1);
	until(id, 0, GETNCNT, 1);
	CHECK_EQ(semctl(id, 0, GETZCNT), 0);
	CHECK_EQ(op(id, 0, 1, 0), 0);
	usleep(20000);
	CHECK_EQ(semctl(id, 0, GETNCNT), 1);
	CHECK_EQ(op(id, 0, 1, 0), 0);
	reap(p, 0);
	CHECK_EQ(val(id, 0), 0);
	CHECK_EQ(semctl(id, 0, GETPID), p);
	drop(id);
}

TEST(wait_for_zero)
{
	int id = make(1);
	pid_t p;

	CHECK_EQ(semctl(id, 0, SETVAL, 2), 0);
	p = fork();
	if (p == 0)
		_exit(op(id, 0, 0, 0) == 0 ? 0 : 1);
	until(id, 0, GETZCNT, 1);
	CHECK_EQ(op(id, 0, -1, 0), 0);
	CHECK_EQ(semctl(id, 0, GETZCNT), 1);
	CHECK_EQ(op(id, 0, -1, 0), 0);
	reap(p, 0);
	drop(id);
}

TEST(setval_and_setall_wake)
{
	int id = make(1);
	unsigned short one = 1;
	pid_t p = fork();

	if (p == 0)
		_exit(op(id, 0, -1, 0) == 0 && op(id, 0, -1, 0) == 0 ? 0 : 1);
	until(id, 0, GETNCNT, 1);
	CHECK_EQ(semctl(id, 0, SETVAL, 1), 0);
	for (int i = 0; i < 1000 && val(id, 0); i++)
		usleep(1000);
	until(id, 0, GETNCNT, 1);
	CHECK_EQ(semctl(id, 0, SETALL, &one), 0);
	reap(p, 0);
	drop(id);
}

TEST(removal_ends_waiters)
{
	int id = make(1);
	pid_t p = fork();

	if (p == 0)
		_exit(op(id, 0, -1, 0) == -1 && errno == EIDRM ? 0 : 1);
	until(id, 0, GETNCNT, 1);
	drop(id);
	reap(p, 0);
}

TEST(timeout)
{
	int id = make(1);
	struct sembuf s = {0, -1, 0};
	struct timespec ts = {0, 30000000}, bad = {0, 1000000000}, a, b;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &a);
	CHECK_ERR(semtimedop(id, &s, 1, &ts), EAGAIN);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
	CHECK(ms >= 29 && ms < 3000);
	CHECK_ERR(semtimedop(id, &s, 1, &bad), EINVAL);
	s.sem_op = 1;
	CHECK_EQ(semtimedop(id, &s, 1, &ts), 0);
	drop(id);
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST(signal_interrupts_even_with_restart)
{
	int id = make(1);
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

	sigaction(SIGALRM, &sa, NULL);
	ualarm(30000, 0);
	CHECK_ERR(op(id, 0, -1, 0), EINTR);
	CHECK_EQ(semctl(id, 0, GETNCNT), 0);
	drop(id);
}

TEST(undo_at_exit)
{
	int id = make(2);
	pid_t p;

	CHECK_EQ(semctl(id, 0, SETVAL, 5), 0);
	p = fork();
	if (p == 0) {
		if (op(id, 0, -3, SEM_UNDO) < 0 || op(id, 1, 2, SEM_UNDO) < 0 || op(id, 1, 7, 0) < 0)
			_exit(1);
		_exit(val(id, 0) == 2 && val(id, 1) == 9 ? 0 : 2);
	}
	reap(p, 0);
	CHECK_EQ(val(id, 0), 5);
	CHECK_EQ(val(id, 1), 7);
	CHECK_EQ(semctl(id, 0, GETPID), p);
	drop(id);
}

TEST(undo_at_kill_wakes)
{
	int id = make(1);
	pid_t p;

	CHECK_EQ(semctl(id, 0, SETVAL, 1), 0);
	p = fork();
	if (p == 0) {
		if (op(id, 0, -1, SEM_UNDO) < 0)
			_exit(1);
		pause();
	}
	for (int i = 0; i < 2000 && val(id, 0); i++)
		usleep(1000);
	CHECK_EQ(kill(p, SIGKILL), 0);
	CHECK_EQ(op(id, 0, -1, 0), 0);
	reap(p, SIGKILL);
	drop(id);
}

TEST(setval_clears_undo)
{
	int id = make(1);
	pid_t p = fork();

	if (p == 0)
		_exit(op(id, 0, 3, SEM_UNDO) == 0 && semctl(id, 0, SETVAL, 4) == 0 ? 0 : 1);
	reap(p, 0);
	CHECK_EQ(val(id, 0), 4);
	drop(id);
}

TEST(undo_outlives_exec)
{
	int id = make(1);
	pid_t p = fork();

	if (p == 0) {
		if (op(id, 0, 3, SEM_UNDO) < 0)
			_exit(1);
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	reap(p, 0);
	CHECK_EQ(val(id, 0), 0);
	drop(id);
}

static void *thread_ups(void *arg)
{
	return (void *)(long)op(*(int *)arg, 0, 3, SEM_UNDO);
}

TEST(threads_share_undo)
{
	int id = make(1);
	pid_t p = fork();

	if (p == 0) {
		pthread_t th;
		void *r;

		pthread_create(&th, NULL, thread_ups, &id);
		pthread_join(th, &r);
		_exit(!r && val(id, 0) == 3 ? 0 : 1); /* the thread's end undoes nothing */
	}
	reap(p, 0);
	CHECK_EQ(val(id, 0), 0);
	drop(id);
}

TEST(undo_overflow)
{
	int id = make(1);

	CHECK_EQ(op(id, 0, 32767, SEM_UNDO), 0);
	CHECK_EQ(op(id, 0, -32767, 0), 0);
	CHECK_EQ(op(id, 0, 1, SEM_UNDO), 0); /* -32768 is the last adjustment */
	CHECK_ERR(op(id, 0, 1, SEM_UNDO), ERANGE);
	drop(id);
}

TEST(stat_set_info)
{
	int id = make(4), max, found = 0;
	struct semid_ds d;
	struct seminfo i;
	union semun u = {.buf = &d};

	CHECK_EQ(semctl(id, 0, IPC_STAT, u), 0);
	CHECK_EQ(d.sem_nsems, 4);
	CHECK_EQ(d.sem_otime, 0);
	CHECK(d.sem_ctime != 0);
	CHECK_EQ(d.sem_perm.mode, 0600);
	CHECK_EQ(op(id, 0, 1, 0), 0);
	CHECK_EQ(semctl(id, 0, IPC_STAT, u), 0);
	CHECK(d.sem_otime != 0);
	d.sem_perm.mode = 0660;
	CHECK_EQ(semctl(id, 0, IPC_SET, u), 0);
	CHECK_EQ(semctl(id, 0, IPC_STAT, u), 0);
	CHECK_EQ(d.sem_perm.mode, 0660);
	u.info = &i;
	CHECK(semctl(0, 0, IPC_INFO, u) >= 0);
	CHECK_EQ(i.semvmx, 32767);
	CHECK_EQ(i.semopm, 500);
	max = semctl(0, 0, SEM_INFO, u);
	CHECK(max >= 0 && i.semusz >= 1 && i.semaem >= 4);
	u.buf = &d;
	for (int k = 0; k <= max; k++)
		found += semctl(k, 0, SEM_STAT, u) == id;
	CHECK_EQ(found, 1);
	drop(id);
}

TEST(permissions)
{
	int id;
	pid_t p;

	if (getuid() != 0)
		SKIP("needs root");
	id = semget(IPC_PRIVATE, 1, 0604);
	REQUIRE(id >= 0);
	p = fork();
	if (p == 0) {
		REQUIRE(setgid(4321) == 0 && setuid(4321) == 0);
		CHECK_EQ(op(id, 0, 0, 0), 0);
		CHECK_ERR(op(id, 0, 1, 0), EACCES);
		CHECK_EQ(val(id, 0), 0);
		CHECK_ERR(semctl(id, 0, SETVAL, 1), EACCES);
		CHECK_ERR(semctl(id, 0, IPC_RMID), EPERM);
		fflush(stdout);
		_exit(tap_failures);
	}
	reap(p, 0);
	drop(id);
}

TEST(proc_lists_it)
{
	int id = make(7), key, got, n, seen = 0;
	unsigned mode;
	char line[512];
	FILE *f = fopen("/proc/sysvipc/sem", "r");

	REQUIRE(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%d %d %o %d", &key, &got, &mode, &n) == 4 && got == id)
			seen += n == 7 && mode == 0600;
	fclose(f);
	CHECK_EQ(seen, 1);
	drop(id);
	f = fopen("/proc/sys/kernel/sem", "r");
	REQUIRE(f);
	CHECK_EQ(fscanf(f, "%d %*d %d", &key, &got), 2);
	CHECK_EQ(key, 32000);
	CHECK_EQ(got, 500);
	fclose(f);
}

TEST(namespaces)
{
	key_t k = 0x54000000 + (getpid() & 0xffffff);
	int id;
	pid_t p;

	if (getuid() != 0)
		SKIP("needs root");
	id = semget(k, 1, IPC_CREAT | 0600);
	REQUIRE(id >= 0);
	CHECK_EQ(op(id, 0, 1, SEM_UNDO), 0);
	p = fork();
	if (p == 0) {
		if (op(id, 0, 1, SEM_UNDO) < 0 || unshare(CLONE_NEWIPC) < 0)
			_exit(1);
		if (semget(k, 1, 0) >= 0 || errno != ENOENT)
			_exit(2);
		if (semget(k, 2, IPC_CREAT | 0600) < 0)
			_exit(3);
		_exit(0);
	}
	reap(p, 0);
	CHECK_EQ(val(id, 0), 1); /* leaving the namespace undid the child's */
	CHECK_EQ(semget(k, 1, 0), id);
	drop(id);
}

TEST(many_processes_one_lock)
{
	int id = make(1);
	volatile int *n = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK_EQ(semctl(id, 0, SETVAL, 1), 0);
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			for (int k = 0; k < 200; k++) {
				if (op(id, 0, -1, SEM_UNDO) < 0)
					_exit(1);
				*n = *n + 1;
				if (op(id, 0, 1, SEM_UNDO) < 0)
					_exit(1);
			}
			_exit(0);
		}
	for (int i = 0; i < 4; i++) {
		int st;

		CHECK(wait(&st) > 0);
		CHECK_EQ(st, 0);
	}
	CHECK_EQ(*n, 800);
	CHECK_EQ(val(id, 0), 1);
	drop(id);
}

TAP_MAIN()
