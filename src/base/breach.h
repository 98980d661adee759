/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The breach drill, only in builds with -Dbreach=true, which are for tests: what could be done by somebody who has taken
 * over nacre-kernel or nacre-gofer. A guest's call or file name says which host call the confined process makes.
 */
#ifndef NACRE_BASE_BREACH_H
#define NACRE_BASE_BREACH_H

#ifdef NACRE_BREACH
/* A guest's system call of this number, with a name as argument, breaches the kernel. */
#define BREACH_NR 0x2e616372UL
/* A look-up of this prefix and a name breaches the gofer. */
#define BREACH_PREFIX ".nacre-breach-"
/* What the gofer answers when the call succeeded. */
#define BREACH_DONE EUCLEAN

/* Makes the call NAME or NAME:NUMBER of the table. What the host returned, or -errno; -ENOSTR for an unknown name. */
long breach_call(const char *name);
#endif

#endif
