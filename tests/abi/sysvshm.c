/* SPDX-License-Identifier: Apache-2.0 */
/* System V shared memory. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include "../tap.h"

#define PAGE 4096UL

static int make(size_t size)
{
	int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);

	REQUIRE(id >= 0);
	return id;
}

static key_t free_key(void)
{
	return (key_t)(0x4e000000 + (getpid() & 0xffffff));
}

static struct shmid_ds stat_of(int id)
{
	struct shmid_ds d = {0};

	CHECK_EQ(shmctl(id, IPC_STAT, &d), 0);
	return d;
}

TEST(get_attach_write_read)
{
	int id = make(3 * PAGE);
	char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, SHM_RDONLY);

	REQUIRE(a != (void *)-1 && b != (void *)-1);
	CHECK(a != b);
	strcpy(a + 2 * PAGE, "hello");
	CHECK_STR(b + 2 * PAGE, "hello");
	CHECK_EQ(a[0], 0);
	CHECK_EQ(stat_of(id).shm_nattch, 2);
	CHECK_EQ(shmdt(a), 0);
	CHECK_EQ(stat_of(id).shm_nattch, 1);
	CHECK_EQ(shmdt(b), 0);
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
	CHECK_ERR(shmat(id, NULL, 0) == (void *)-1 ? -1 : 0, EINVAL);
}

TEST(keys)
{
	key_t k = free_key();
	int id = shmget(k, PAGE, IPC_CREAT | IPC_EXCL | 0640);
	struct shmid_ds d;

	REQUIRE(id >= 0);
	CHECK_EQ(shmget(k, PAGE, 0), id);
	CHECK_EQ(shmget(k, 1, IPC_CREAT), id);
	CHECK_EQ(shmget(k, 0, 0), id);
	CHECK_ERR(shmget(k, PAGE, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	CHECK_ERR(shmget(k, PAGE + 1, 0), EINVAL);
	d = stat_of(id);
	CHECK_EQ(d.shm_perm.__key, k);
	CHECK_EQ(d.shm_perm.mode, 0640);
	CHECK_EQ(d.shm_perm.uid, getuid());
	CHECK_EQ(d.shm_segsz, PAGE);
	CHECK_EQ(d.shm_cpid, getpid());
	CHECK_EQ(d.shm_lpid, 0);
	CHECK_EQ(d.shm_atime, 0);
	CHECK(d.shm_ctime != 0);
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
	CHECK_ERR(shmget(k, PAGE, 0), ENOENT);
}

TEST(get_errors)
{
	CHECK_ERR(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600), EINVAL);
	CHECK_ERR(shmget(free_key(), PAGE, 0600), ENOENT);
	CHECK_ERR(shmget(IPC_PRIVATE, (size_t)-1, IPC_CREAT | 0600), EINVAL);
	CHECK_ERR(shmctl(-1, IPC_STAT, NULL), EINVAL);
	CHECK_ERR(shmctl(0x7ffffff0, IPC_RMID, NULL), EINVAL);
	CHECK_ERR(shmdt((void *)1), EINVAL);
	CHECK_ERR(shmdt((void *)0x7000000), EINVAL);
}

TEST(attach_addresses)
{
	int id = make(2 * PAGE);
	char *hole = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *p;

	REQUIRE(hole != MAP_FAILED);
	CHECK_ERR((long)shmat(id, hole + 5, 0), EINVAL);
	CHECK_ERR((long)shmat(id, hole + PAGE, 0), EINVAL); /* something is mapped there */
	CHECK_ERR((long)shmat(id, NULL, SHM_REMAP), EINVAL);
	p = shmat(id, hole + PAGE, SHM_REMAP);
	CHECK(p == hole + PAGE);
	p[0] = 1;
	CHECK_EQ(shmdt(p), 0);
	CHECK_EQ(munmap(hole, 8 * PAGE), 0);
	p = shmat(id, hole + PAGE + 77, SHM_RND);
	CHECK(p == hole + PAGE);
	CHECK_EQ(p[0], 1);
	CHECK_ERR(shmdt(p + PAGE), EINVAL);
	CHECK_EQ(shmdt(p), 0);
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

TEST(removal_waits_for_the_last)
{
	int id = make(PAGE);
	char *p = shmat(id, NULL, 0), *q;
	struct shmid_ds d;

	REQUIRE(p != (void *)-1);
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
	d = stat_of(id);
	CHECK(d.shm_perm.mode & SHM_DEST);
	CHECK_EQ(d.shm_perm.__key, IPC_PRIVATE);
	q = shmat(id, NULL, 0); /* still there for who knows the number */
	REQUIRE(q != (void *)-1);
	*p = 7;
	CHECK_EQ(*q, 7);
	CHECK_EQ(shmdt(p), 0);
	CHECK_EQ(stat_of(id).shm_nattch, 1);
	CHECK_EQ(shmdt(q), 0);
	CHECK_ERR(shmctl(id, IPC_STAT, &d), EINVAL);
}

TEST(fork_inherits_exit_detaches)
{
	int id = make(PAGE), st;
	volatile char *p = shmat(id, NULL, 0);
	pid_t child;

	REQUIRE(p != (void *)-1);
	child = fork();
	if (child == 0) {
		p[0] = 42;
		_exit(stat_of(id).shm_nattch == 2 ? 0 : 1);
	}
	CHECK_EQ(waitpid(child, &st, 0), child);
	CHECK_EQ(st, 0);
	CHECK_EQ(p[0], 42);
	CHECK_EQ(stat_of(id).shm_nattch, 1);
	CHECK_EQ(stat_of(id).shm_lpid, child);
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

TEST(exec_detaches)
{
	int id = make(PAGE), st;
	void *p = shmat(id, NULL, 0);
	pid_t child = fork();

	if (child == 0) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	CHECK_EQ(waitpid(child, &st, 0), child);
	CHECK_EQ(st, 0);
	CHECK_EQ(stat_of(id).shm_nattch, 1);
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
	CHECK_EQ(shmdt(p), 0);
}

TEST(read_only)
{
	int id = make(PAGE), st;
	char *p = shmat(id, NULL, SHM_RDONLY);
	pid_t child;

	REQUIRE(p != (void *)-1);
	CHECK_ERR(mprotect(p, PAGE, PROT_READ | PROT_WRITE), EACCES);
	child = fork();
	if (child == 0) {
		*(volatile char *)p = 1;
		_exit(0);
	}
	CHECK_EQ(waitpid(child, &st, 0), child);
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV);
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
	CHECK_EQ(shmdt(p), 0);
}

TEST(parts_count_as_attachments)
{
	int id = make(4 * PAGE);
	char *p = shmat(id, NULL, 0);

	REQUIRE(p != (void *)-1);
	CHECK_EQ(mprotect(p + PAGE, PAGE, PROT_READ), 0);
	CHECK_EQ(stat_of(id).shm_nattch, 3);
	CHECK_EQ(munmap(p + PAGE, PAGE), 0);
	CHECK_EQ(stat_of(id).shm_nattch, 2);
	p[3 * PAGE] = 9;
	CHECK_EQ(shmdt(p), 0);
	CHECK_EQ(stat_of(id).shm_nattch, 0);
	p = shmat(id, NULL, 0);
	CHECK_EQ(p[3 * PAGE], 9);
	CHECK_EQ(shmdt(p), 0);
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

TEST(permissions)
{
	int id, st;
	pid_t child;

	if (getuid() != 0)
		SKIP("needs root");
	id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0604);
	REQUIRE(id >= 0);
	child = fork();
	if (child == 0) {
		struct shmid_ds d;
		void *p;

		REQUIRE(setgid(4321) == 0 && setuid(4321) == 0);
		CHECK_ERR((long)shmat(id, NULL, 0), EACCES);
		p = shmat(id, NULL, SHM_RDONLY);
		CHECK(p != (void *)-1);
		CHECK_EQ(shmctl(id, IPC_STAT, &d), 0);
		CHECK_ERR(shmctl(id, IPC_RMID, NULL), EPERM);
		CHECK_ERR(shmctl(id, IPC_SET, &d), EPERM);
		fflush(stdout);
		_exit(tap_failures);
	}
	CHECK_EQ(waitpid(child, &st, 0), child);
	CHECK_EQ(st, 0);
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

TEST(set)
{
	int id = make(PAGE);
	struct shmid_ds d = stat_of(id);

	d.shm_perm.mode = 0444;
	d.shm_perm.uid = 77;
	CHECK_EQ(shmctl(id, IPC_SET, &d), 0);
	d = stat_of(id);
	CHECK_EQ(d.shm_perm.mode, 0444);
	CHECK_EQ(d.shm_perm.uid, 77);
	CHECK_EQ(d.shm_perm.cuid, getuid());
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

TEST(lock)
{
	int id = make(PAGE);

	CHECK_EQ(shmctl(id, SHM_LOCK, NULL), 0);
	CHECK(stat_of(id).shm_perm.mode & SHM_LOCKED);
	CHECK_EQ(shmctl(id, SHM_UNLOCK, NULL), 0);
	CHECK(!(stat_of(id).shm_perm.mode & SHM_LOCKED));
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

TEST(info)
{
	struct shminfo lim;
	struct shm_info now;
	struct shmid_ds d;
	int id = make(5 * PAGE), max, found = 0;

	CHECK(shmctl(0, IPC_INFO, (struct shmid_ds *)&lim) >= 0);
	CHECK_EQ(lim.shmmin, 1);
	CHECK(lim.shmmni >= 1 && lim.shmmax >= PAGE);
	max = shmctl(0, SHM_INFO, (struct shmid_ds *)&now);
	CHECK(max >= 0);
	CHECK(now.used_ids >= 1);
	CHECK(now.shm_tot >= 5);
	for (int i = 0; i <= max; i++)
		if (shmctl(i, SHM_STAT, &d) == id)
			found++;
	CHECK_EQ(found, 1);
	found = 0;
	for (int i = 0; i <= max; i++)
		if (shmctl(i, SHM_STAT_ANY, &d) == id)
			found++;
	CHECK_EQ(found, 1);
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

TEST(proc_lists_it)
{
	int id = make(3 * PAGE), key, got, seen = 0;
	unsigned mode;
	unsigned long size;
	char line[512];
	FILE *f = fopen("/proc/sysvipc/shm", "r");

	REQUIRE(f);
	REQUIRE(fgets(line, sizeof(line), f));
	CHECK(strstr(line, "shmid") && strstr(line, "nattch") && strstr(line, "swap"));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%d %d %o %lu", &key, &got, &mode, &size) == 4 && got == id) {
			seen++;
			CHECK_EQ(mode, 0600);
			CHECK_EQ(size, 3 * PAGE);
		}
	fclose(f);
	CHECK_EQ(seen, 1);
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

TEST(maps_name)
{
	int id = shmget(free_key(), PAGE, IPC_CREAT | 0600), seen = 0;
	char *p = shmat(id, NULL, 0), line[512], want[32];
	FILE *f;

	REQUIRE(p != (void *)-1);
	snprintf(want, sizeof(want), "/SYSV%08x", (unsigned)free_key());
	f = fopen("/proc/self/maps", "r");
	REQUIRE(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, ino;

		if (!strstr(line, want))
			continue;
		seen++;
		CHECK_EQ(sscanf(line, "%lx-%*x %*s %*s %*s %lu", &start, &ino), 2);
		CHECK_EQ(start, (unsigned long)p);
		CHECK_EQ(ino, id);
		CHECK(strstr(line, "(deleted)"));
	}
	fclose(f);
	CHECK_EQ(seen, 1);
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

TEST(limit_of_bytes_in_proc)
{
	char buf[64] = "";
	int fd = open("/proc/sys/kernel/shmmax", O_RDONLY);

	REQUIRE(fd >= 0);
	CHECK(read(fd, buf, sizeof(buf) - 1) > 1);
	CHECK(strtoul(buf, NULL, 10) > 1UL << 40);
	close(fd);
	fd = open("/proc/sys/kernel/shmmni", O_RDONLY);
	memset(buf, 0, sizeof(buf));
	CHECK(read(fd, buf, sizeof(buf) - 1) > 1);
	CHECK_EQ(atoi(buf), 4096);
	close(fd);
}

TEST(huge_pages_refused)
{
	int id = shmget(IPC_PRIVATE, 2UL << 20, IPC_CREAT | SHM_HUGETLB | 0600);

	if (id >= 0) {
		shmctl(id, IPC_RMID, NULL);
		SKIP("the machine has huge pages");
	}
	CHECK(errno == ENOMEM || errno == EPERM);
}

TAP_MAIN()
