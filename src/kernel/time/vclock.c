/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks by the time-stamp counter. The host's own parameters cannot be shared with a guest, so they are measured:
 * whoever asks for the time after a generation has ended (VALID_NS) compares the counter with the host's clocks and
 * publishes the next one. An idle sandbox does nothing. A generation that was ahead of the host goes on from where it is and
 * slower until the next; one that was behind is put right at once. Guest and kernel read the same generations, so the
 * clock of the vDSO and that of the call are one.
 */
#include "kernel/time/vclock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/lock.h"
#include "base/log.h"
#include "kernel/hostfd.h"
#include "vdso/image.h"
#include "vdso/vvar.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define VALID_NS 10000000ULL	     /* how long a generation holds: what the host's clock may be slewed by in it is small */
#define BASELINE_NS 5000000ULL	     /* the least to measure the rate over */
#define ANCHOR_NS 250000000ULL	     /* and the age at which a newer point of reference is taken */
#define NOISE_NS 2000		     /* offsets that differ by less are the same */

/* The counter and the host's clocks at one moment. */
struct sample {
	uint64_t tsc, mono, raw;
	int64_t real, boot, tai; /* against mono */
	uint64_t coarse;
};

static struct mutex lock = MUTEX_INIT(RANK_CLOCK, "vclock");
static struct vvar *page;      /* shared with guests; written with lock held, constant pointer. NULL: none */
static struct vvar cur;	       /* lock: what the page says; never read back from there */
static struct sample from, newer; /* lock: points of reference for the rate; newer.tsc 0: none */
static struct hostfd *page_fd, *own_fd, *image_fd; /* constant after vclock_init */

static uint64_t host_ns(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* The counter in the middle of a reading of clock; the tightest of some tries, for one may be interrupted. */
static uint64_t pair(int clock, uint64_t *ret_ns)
{
	uint64_t best = UINT64_MAX, at = 0;

	for (int i = 0; i < 4; i++) {
		uint64_t a = vvar_tsc(), ns = host_ns(clock), b = vvar_tsc();

		if (b - a < best) {
			best = b - a;
			at = a + (b - a) / 2;
			*ret_ns = ns;
		}
	}
	return at;
}

/* clock - CLOCK_MONOTONIC. */
static int64_t offset(int clock)
{
	uint64_t best = UINT64_MAX;
	int64_t off = 0;

	for (int i = 0; i < 3; i++) {
		uint64_t a = host_ns(CLOCK_MONOTONIC), x = host_ns(clock), b = host_ns(CLOCK_MONOTONIC);

		if (b - a < best) {
			best = b - a;
			off = (int64_t)x - (int64_t)(a + (b - a) / 2);
		}
	}
	return off;
}

static void take_sample(struct sample *s)
{
	uint64_t raw_tsc, raw;

	raw_tsc = pair(CLOCK_MONOTONIC_RAW, &raw);
	s->tsc = pair(CLOCK_MONOTONIC, &s->mono);
	s->raw = raw + (cur.raw_mult ? (s->tsc - raw_tsc) * cur.raw_mult >> 32 : 0);
	s->real = offset(CLOCK_REALTIME);
	s->boot = offset(CLOCK_BOOTTIME);
	s->tai = offset(CLOCK_TAI);
	s->coarse = host_ns(CLOCK_MONOTONIC_COARSE);
}

static uint64_t rate(uint64_t ns, uint64_t ticks)
{
	return (uint64_t)(((unsigned __int128)ns << 32) / ticks);
}

/* Where a clock begins that the generation before had at old, and the host has at now: never behind old; *mult is
 * lowered so that what it is ahead is gone at the end. */
static uint64_t begin(uint64_t old, uint64_t now, uint64_t *mult)
{
	uint64_t ahead = old > now ? old - now : 0;

	if (ahead >= VALID_NS / 2)
		*mult /= 2;
	else
		*mult -= *mult / VALID_NS * ahead;
	return MAX(old, now);
}

static int64_t same_or(int64_t old, int64_t new, bool known)
{
	return known && new - old < NOISE_NS && old - new < NOISE_NS ? old : new;
}

static void publish(void)
{
	uint32_t seq = page->seq;

	__atomic_store_n(&page->seq, seq | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	cur.seq = seq | 1;
	memcpy(page, &cur, sizeof(cur));
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&page->seq, (seq | 1) + 1, __ATOMIC_RELEASE);
}

/* The next generation. */
static void renew(void) REQUIRES(lock)
{
	bool known = cur.span;
	struct sample s;
	struct vvar n = cur;
	uint64_t d;

	take_sample(&s);
	if (s.mono - from.mono < BASELINE_NS)
		return; /* too early to know the rate */
	n.mult = rate(s.mono - from.mono, s.tsc - from.tsc);
	n.raw_mult = rate(s.raw - from.raw, s.tsc - from.tsc);
	n.span = (uint64_t)(((unsigned __int128)VALID_NS << 32) / n.mult);
	d = known ? MIN(s.tsc - cur.tsc, cur.span) : 0;
	n.mono = known ? begin(vvar_at(&cur, VCLOCK_MONO, d), s.mono, &n.mult) : s.mono;
	n.raw = known ? begin(vvar_at(&cur, VCLOCK_RAW, d), s.raw, &n.raw_mult) : s.raw;
	n.real = same_or(cur.real, s.real, known);
	n.boot = same_or(cur.boot, s.boot, known);
	n.tai = same_or(cur.tai, s.tai, known);
	/* The coarse clocks step when the host's do, but not backwards. */
	if (!known || s.coarse >= vvar_at(&cur, VCLOCK_MONO_COARSE, d))
		n.coarse = MIN(s.coarse, n.mono);
	n.tsc = s.tsc;
	cur = n;
	publish();
	if (newer.tsc && s.mono - newer.mono > ANCHOR_NS) {
		from = newer;
		newer = s;
	} else if (!newer.tsc && s.mono - from.mono > ANCHOR_NS) {
		newer = s;
	}
}

bool vclock_get(int clock, struct timespec *ret)
{
	enum vclock c = vclock_of(clock);
	uint64_t ns;

	if (!page || !c)
		return false;
	ns = vvar_read(page, c);
	if (!ns) {
		MUTEX_GUARD(&lock);
		ns = vvar_read(page, c); /* somebody else was here */
		if (!ns) {
			renew();
			ns = vvar_read(page, c);
		}
	}
	if (!ns)
		return false;
	ret->tv_sec = (time_t)(ns / NSEC_PER_SEC);
	ret->tv_nsec = (long)(ns % NSEC_PER_SEC);
	return true;
}

bool vclock_files(bool own, struct hostfd **ret_page, struct hostfd **ret_image, uint64_t *ret_size)
{
	if (!page)
		return false;
	*ret_page = own ? own_fd : page_fd;
	*ret_image = image_fd;
	*ret_size = vdso_image_size;
	return true;
}

/* --- the beginning --- */

static bool invariant_tsc(void)
{
	uint32_t a, b, c, d;

	__asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(0x80000000U), "c"(0));
	if (a < 0x80000007U)
		return false;
	__asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(0x80000007U), "c"(0));
	return d >> 8 & 1;
}

/* A page that the kernel keeps writable and nobody else can make so. */
static int make_page(struct vvar **ret, struct hostfd **ret_fd)
{
	struct vvar *p;
	int r = hostfd_memfd("vvar", VVAR_SIZE, ret_fd);

	if (r < 0)
		return r;
	p = mmap(NULL, VVAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, (*ret_fd)->fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	if (fcntl((*ret_fd)->fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE) < 0) {
		r = -errno;
		munmap(p, VVAR_SIZE);
		return r;
	}
	*ret = p;
	return 0;
}

static int make_image(struct hostfd **ret)
{
	int fd = memfd_create("vdso", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("vdso", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (write(fd, vdso_image, vdso_image_size) != (ssize_t)vdso_image_size ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
		close(fd);
		return -EIO;
	}
	return hostfd_new(fd, false, ret);
}

void vclock_init(unsigned ncpu)
{
	struct vvar *own = NULL, *p = NULL;
	struct timespec ts;
	int r;

	if (!invariant_tsc())
		return;
	r = make_page(&p, &page_fd);
	if (r == 0)
		r = make_page(&own, &own_fd);
	if (r == 0)
		r = make_image(&image_fd);
	if (r < 0) {
		log_warning("no vDSO: %s", strerror(-r));
		return;
	}
	cur.ncpu = ncpu;
	clock_getres(CLOCK_MONOTONIC, &ts);
	cur.res = (uint64_t)ts.tv_nsec;
	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	cur.tick = ts.tv_nsec > 0 ? (uint64_t)ts.tv_nsec : 4000000;
	*p = cur;
	*own = cur;
	take_sample(&from);
	page = p;
}
