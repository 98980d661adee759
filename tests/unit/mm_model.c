/* SPDX-License-Identifier: Apache-2.0 */
/* The memory calls against a model that knows pages only: random operations on a window of 512 pages, after each of which
 * the tree must say what the model says, and now and then the memory itself is read. */
#include "mm_fake.h"
#include "tap.h"

#define BASE 0x200000000000ULL
#define PAGES 512
#define WINDOW (PAGES * GUEST_PAGE_SIZE)
#define SEED 20261124U
#define STEPS 30000

struct page {
	bool mapped;
	int prot;
	uint8_t value; /* first byte of the page */
};
static struct page model[PAGES];
static unsigned rnd_state = SEED;

static unsigned rnd(unsigned n)
{
	rnd_state = rnd_state * 1103515245U + 12345U;
	return (rnd_state >> 12) % n;
}

static uint64_t at(unsigned page)
{
	return BASE + page * GUEST_PAGE_SIZE;
}

static bool in_window(uint64_t addr, unsigned n)
{
	return addr >= BASE && addr + n * GUEST_PAGE_SIZE <= BASE + WINDOW;
}

/* Order, no overlap, sums, and page for page what the model has. */
static bool tree_is_model(struct mm *mm)
{
	uint64_t pages = 0, data = 0, last = 0;
	unsigned count = 0, seen = 0, mapped = 0;

	for (struct vma *v = vma_first(mm); v; v = vma_next(v)) {
		if (v->start < last || v->start >= v->end)
			return false;
		last = v->end;
		count++;
		pages += (v->end - v->start) / GUEST_PAGE_SIZE;
		if (v->prot & PROT_WRITE)
			data += (v->end - v->start) / GUEST_PAGE_SIZE;
		for (uint64_t a = v->start; a < v->end; a += GUEST_PAGE_SIZE) {
			const struct page *p = &model[(a - BASE) / GUEST_PAGE_SIZE];

			if (!in_window(a, 1) || !p->mapped || p->prot != v->prot)
				return false;
			seen++;
		}
	}
	for (unsigned i = 0; i < PAGES; i++)
		mapped += model[i].mapped;
	return seen == mapped && count == mm->map_count && pages == mm->total_pages && data == mm->data_pages;
}

static bool memory_is_model(void)
{
	for (unsigned i = 0; i < PAGES; i++) {
		uint8_t b;

		if (model[i].mapped && (model[i].prot & PROT_READ) &&
		    (fake_copy(&b, at(i), 1, false) != 1 || b != model[i].value))
			return false;
		if (!model[i].mapped && fake_copy(&b, at(i), 1, false))
			return false;
	}
	return true;
}

static void forget(unsigned p, unsigned n)
{
	memset(&model[p], 0, n * sizeof(*model));
}

static void do_mmap(struct task *t, unsigned p, unsigned n, int prot)
{
	const int kind[] = {0, MAP_FIXED, MAP_FIXED_NOREPLACE};
	int how = kind[rnd(3)];
	int64_t r = mm_mmap(t, at(p), n * GUEST_PAGE_SIZE, prot, MAP_PRIVATE | MAP_ANONYMOUS | how, NULL, 0);
	bool busy = false;

	for (unsigned i = 0; i < n; i++)
		busy |= model[p + i].mapped;
	if (how == MAP_FIXED_NOREPLACE && busy) {
		CHECK_EQ(r, -EEXIST);
		return;
	}
	if (how || !busy)
		CHECK_EQ(r, (int64_t)at(p));
	REQUIRE(r > 0);
	if (!in_window((uint64_t)r, n)) { /* the window was full: placed below it */
		CHECK_EQ(mm_munmap(t, (uint64_t)r, n * GUEST_PAGE_SIZE), 0);
		return;
	}
	p = (unsigned)(((uint64_t)r - BASE) / GUEST_PAGE_SIZE);
	for (unsigned i = 0; i < n; i++)
		model[p + i] = (struct page){true, prot, 0};
}

static void do_write(unsigned p)
{
	uint8_t b = (uint8_t)(1 + rnd(255));

	if (model[p].mapped && (model[p].prot & PROT_WRITE)) {
		CHECK_EQ(fake_copy(&b, at(p), 1, true), 1);
		model[p].value = b;
	}
}

static void do_protect(struct task *t, unsigned p, unsigned n, int prot)
{
	int r = mm_mprotect(t, at(p), n * GUEST_PAGE_SIZE, prot);
	unsigned i;

	for (i = 0; i < n && model[p + i].mapped; i++)
		model[p + i].prot = prot;
	CHECK_EQ(r, i == n ? 0 : -ENOMEM);
}

static void do_dontneed(struct task *t, unsigned p, unsigned n)
{
	int r = mm_madvise(t, at(p), n * GUEST_PAGE_SIZE, MADV_DONTNEED);
	bool hole = false;

	for (unsigned i = 0; i < n; i++) {
		hole |= !model[p + i].mapped;
		model[p + i].value = 0;
	}
	CHECK_EQ(r, hole ? -ENOMEM : 0);
}

/* Pages [p, p + n) in one vma? */
static bool one_vma(struct mm *mm, unsigned p, unsigned n)
{
	struct vma *v = vma_find(mm, at(p));

	return v && v->start <= at(p) && v->end >= at(p + n);
}

static void do_remap(struct task *t, unsigned p, unsigned n, unsigned m, unsigned q)
{
	static struct page old[PAGES];
	bool fixed = rnd(2), whole = one_vma(t->mm, p, n), clash = q < p + n && p < q + m;
	int64_t r = mm_mremap(t, at(p), n * GUEST_PAGE_SIZE, m * GUEST_PAGE_SIZE,
			      MREMAP_MAYMOVE | (fixed ? MREMAP_FIXED : 0), at(q));

	if (fixed && clash) {
		CHECK_EQ(r, -EINVAL);
		return;
	}
	if (!whole) {
		CHECK_EQ(r, -EFAULT);
		return;
	}
	/* Neighbours with pages of their own stay apart on the host, as natively: EFAULT, after the unmapping. */
	if (r == -EFAULT) {
		if (fixed) {
			forget(q, m);
			if (m < n)
				forget(p + m, n - m);
		}
		return;
	}
	REQUIRE(r > 0);
	memcpy(old, &model[p], n * sizeof(*old));
	forget(p, n);
	if (fixed)
		forget(q, m);
	if (!in_window((uint64_t)r, m)) {
		CHECK_EQ(mm_munmap(t, (uint64_t)r, m * GUEST_PAGE_SIZE), 0);
		return;
	}
	if (fixed)
		CHECK_EQ(r, (int64_t)at(q));
	q = (unsigned)(((uint64_t)r - BASE) / GUEST_PAGE_SIZE);
	for (unsigned i = 0; i < m; i++)
		model[q + i] = i < n ? old[i] : (struct page){true, old[0].prot, 0};
}

static void step(struct task *t)
{
	const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE};
	unsigned n = 1 + rnd(24), p = rnd(PAGES - n), m = 1 + rnd(24), q = rnd(PAGES - m);

	switch (rnd(8)) {
	case 0:
	case 1:
		do_mmap(t, p, n, prots[rnd(4)]);
		break;
	case 2:
		CHECK_EQ(mm_munmap(t, at(p), n * GUEST_PAGE_SIZE), 0);
		forget(p, n);
		break;
	case 3:
		do_protect(t, p, n, prots[rnd(4)]);
		break;
	case 4:
		do_dontneed(t, p, n);
		break;
	case 5:
		do_remap(t, p, n, m, q);
		break;
	default:
		do_write(p);
	}
}

TEST(random_operations)
{
	struct task *t = fake_task(BASE + WINDOW);

	printf("# seed %u, %d steps\n", SEED, STEPS);
	for (int i = 0; i < STEPS; i++) {
		step(t);
		if (!tree_is_model(t->mm)) {
			printf("# step %d\n", i);
			REQUIRE(!"tree is model");
		}
		if (i % 64 == 0 && !memory_is_model()) {
			printf("# step %d\n", i);
			REQUIRE(!"memory is model");
		}
		if (tap_failures)
			REQUIRE(!"call's result");
	}
	CHECK(memory_is_model());
	mm_put(t->mm);
}

/* The same with a host that refuses one operation in five: the tree must stay what it was. */
TEST(host_refuses)
{
	struct task *t = fake_task(BASE + WINDOW);

	for (int i = 0; i < 5000; i++) {
		unsigned n = 1 + rnd(24), p = rnd(PAGES - n);

		if (rnd(5)) {
			step(t);
			continue;
		}
		fake_fail_at = 0;
		switch (rnd(3)) {
		case 0:
			CHECK_EQ(mm_mmap(t, at(p), n * GUEST_PAGE_SIZE, PROT_READ,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), -ENOMEM);
			break;
		case 1:
			(void)!mm_munmap(t, at(p), n * GUEST_PAGE_SIZE);
			if (fake_fail_at == 0)
				forget(p, n);
			break;
		default:
			if (model[p].mapped)
				CHECK_EQ(mm_mprotect(t, at(p), GUEST_PAGE_SIZE, PROT_READ), -ENOMEM);
		}
		fake_fail_at = -1;
		if (!tree_is_model(t->mm))
			REQUIRE(!"tree is model");
	}
	CHECK(memory_is_model());
}

TEST(sixty_thousand)
{
	struct task *t = fake_task(BASE + (1ULL << 32));
	struct mm *mm = t->mm;
	unsigned n = 0;

	/* In the tree alone: the host's own limit counts the test's mappings too. */
	for (; n < 60000; n++) {
		struct vma *v = vma_new(BASE + n * 8192ULL, BASE + n * 8192ULL + 4096, PROT_READ, MAP_PRIVATE);

		REQUIRE(v);
		vma_insert(mm, v);
	}
	CHECK_EQ(vma_count(mm), 60000);
	for (unsigned i = 0; i < 60000; i++) {
		struct vma *v = vma_find(mm, BASE + i * 8192ULL + 4095);

		if (!v || v->start != BASE + i * 8192ULL)
			REQUIRE(!"found");
	}
	CHECK_EQ(vma_gap(mm, 8192, BASE + 60000 * 8192ULL, GUEST_PAGE_SIZE), BASE - 8192);
	mm_forget(mm, BASE, BASE + 60000 * 8192ULL);
	CHECK_EQ(vma_count(mm), 0);
	CHECK_EQ(mm->total_pages, 0);
}

TEST(limits)
{
	struct task *t = fake_task(BASE + WINDOW);
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS;

	fake_limit[RLIMIT_AS] = 16 * GUEST_PAGE_SIZE;
	CHECK_EQ(mm_mmap(t, 0, 17 * GUEST_PAGE_SIZE, PROT_READ, anon, NULL, 0), -ENOMEM);
	CHECK(mm_mmap(t, at(0), 16 * GUEST_PAGE_SIZE, PROT_READ, anon, NULL, 0) > 0);
	/* replacing needs no more room */
	CHECK(mm_mmap(t, at(0), 16 * GUEST_PAGE_SIZE, PROT_READ, anon | MAP_FIXED, NULL, 0) > 0);
	fake_limit[RLIMIT_AS] = RLIM_INFINITY;
	fake_limit[RLIMIT_DATA] = GUEST_PAGE_SIZE;
	CHECK_EQ(mm_mmap(t, 0, 2 * GUEST_PAGE_SIZE, PROT_WRITE, anon, NULL, 0), -ENOMEM);
	fake_limit[RLIMIT_DATA] = RLIM_INFINITY;
	fake_limit[RLIMIT_MEMLOCK] = 0;
	CHECK_EQ(mm_mmap(t, 0, 4096, PROT_READ, anon | MAP_LOCKED, NULL, 0), -EPERM);
	fake_limit[RLIMIT_MEMLOCK] = 4096;
	CHECK_EQ(mm_mmap(t, 0, 8192, PROT_READ, anon | MAP_LOCKED, NULL, 0), -EAGAIN);
	CHECK(mm_mmap(t, 0, 4096, PROT_READ, anon | MAP_LOCKED, NULL, 0) > 0);
	CHECK_EQ(t->mm->locked_pages, 1);
	CHECK_EQ(mm_mmap(t, PT_GUEST_END, 4096, PROT_READ, anon | MAP_FIXED, NULL, 0), -ENOMEM);
	CHECK_EQ(mm_mmap(t, 0, 4096, PROT_READ, anon | MAP_FIXED, NULL, 0), -EPERM);
	CHECK_EQ(mm_munmap(t, PT_GUEST_END - 4096, 8192), -EINVAL);
}

TEST(shared_file)
{
	struct task *t = fake_task(BASE + WINDOW);
	struct file *rw = fake_file(memfd_create("rw", 0), true), *ro;
	int64_t a;

	CHECK_EQ(ftruncate(((struct hostfd *)rw->priv)->fd, 8192), 0);
	ro = fake_file(dup(((struct hostfd *)rw->priv)->fd), false);
	a = mm_mmap(t, 0, 8192, PROT_READ, MAP_SHARED, rw, 0);
	REQUIRE(a > 0);
	CHECK_EQ(rw->inode->shared_maps, 1);
	CHECK_EQ(mm_mprotect(t, (uint64_t)a, 4096, PROT_READ | PROT_WRITE), 0);
	CHECK_EQ(rw->inode->shared_maps, 2); /* cut in two */
	CHECK_EQ(mm_mprotect(t, (uint64_t)a, 4096, PROT_READ), 0);
	CHECK_EQ(vma_count(t->mm), 1);
	CHECK_EQ(rw->inode->shared_maps, 1);
	CHECK_EQ(mm_munmap(t, (uint64_t)a, 8192), 0);
	CHECK_EQ(rw->inode->shared_maps, 0);
	CHECK_EQ(mm_mmap(t, 0, 4096, PROT_WRITE, MAP_SHARED, ro, 0), -EACCES);
	a = mm_mmap(t, 0, 4096, PROT_READ, MAP_SHARED, ro, 0);
	CHECK(a > 0);
	CHECK_EQ(mm_mprotect(t, (uint64_t)a, 4096, PROT_WRITE), -EACCES);
	CHECK_EQ(mm_mmap(t, 0, 4096, PROT_READ, MAP_SHARED, ro, 1), -EINVAL);
}

TAP_MAIN()
