/* SPDX-License-Identifier: Apache-2.0 */
/* Extended processor state: the XSAVE image in the host's signal frame, moved to and from guest frames. */
#include <asm/errno.h>
#include "sys.h"

#define FP_MAGIC1 0x46505853U
#define LEGACY 512
#define SW_BYTES 464 /* struct _fpx_sw_bytes within the legacy area */

struct sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size, pad[7];
};

static struct sw_bytes *sw_of(uint8_t *fp)
{
	return (struct sw_bytes *)(void *)(fp + SW_BYTES);
}

uint64_t fp_size(const struct ucontext *uc)
{
	uint8_t *fp = (uint8_t *)uc->mc.fpregs;

	if (!fp)
		return 0;
	return sw_of(fp)->magic1 == FP_MAGIC1 ? sw_of(fp)->extended_size : LEGACY;
}

long fp_save(const struct ucontext *uc, uint64_t to)
{
	return stub_copy((void *)to, (void *)uc->mc.fpregs, fp_size(uc)) ? -EFAULT : 0;
}

static void reset(uint8_t *fp)
{
	for (unsigned i = 0; i < SW_BYTES; i++)
		fp[i] = 0;
	*(uint16_t *)(void *)fp = 0x37f;
	*(uint32_t *)(void *)(fp + 24) = 0x1f80;
}

long fp_load(struct ucontext *uc, uint64_t from)
{
	uint8_t tmp[LEGACY], *fp = (uint8_t *)uc->mc.fpregs;
	uint64_t *header = (uint64_t *)(void *)(fp + LEGACY), given;
	uint32_t mask = *(uint32_t *)(void *)(fp + 28);
	struct sw_bytes *sw = sw_of(fp);

	if (!from) {
		reset(fp);
		if (sw->magic1 == FP_MAGIC1)
			header[0] = 0;
		return 0;
	}
	if (stub_copy(tmp, (const void *)from, LEGACY))
		return -EFAULT;
	if (sw->magic1 == FP_MAGIC1) {
		given = 3; /* x87 and SSE: what a frame without the magic holds */
		if (sw_of(tmp)->magic1 == FP_MAGIC1 && sw_of(tmp)->xstate_size >= LEGACY + 64 &&
		    sw_of(tmp)->xstate_size <= sw->xstate_size) {
			if (stub_copy(&given, (const void *)(from + LEGACY), 8) ||
			    stub_copy(fp + LEGACY + 64, (const void *)(from + LEGACY + 64),
				      sw_of(tmp)->xstate_size - LEGACY - 64))
				return -EFAULT;
		}
		header[0] = given & sw->xfeatures;
		for (unsigned i = 1; i < 8; i++)
			header[i] = 0;
	}
	for (unsigned i = 0; i < SW_BYTES; i++)
		fp[i] = tmp[i];
	*(uint32_t *)(void *)(fp + 24) &= mask ? mask : 0xffbf;
	*(uint32_t *)(void *)(fp + 28) = mask;
	return 0;
}
