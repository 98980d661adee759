/* SPDX-License-Identifier: Apache-2.0 */
/* Between the one who starts nacre-stub and nacre-stub itself, which is freestanding. */
#ifndef NACRE_BASE_TITLE_H
#define NACRE_BASE_TITLE_H

/* Size of nacre-stub's only argument with its NUL: blanks fill it up. The command lines of guest processes that the
 * host's ps shows have their place there. */
#define STUB_TITLE 256U

#endif
