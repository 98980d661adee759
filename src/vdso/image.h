/* SPDX-License-Identifier: Apache-2.0 */
/* The vDSO as it was built: whole pages. */
#ifndef NACRE_VDSO_IMAGE_H
#define NACRE_VDSO_IMAGE_H

extern const unsigned char vdso_image[];
extern const unsigned long vdso_image_size;

#endif
