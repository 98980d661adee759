/* SPDX-License-Identifier: Apache-2.0 */
/* linux.seccomp: every word of it is checked. seccomp_compile.c makes the filter. */
#include "oci/parse_priv.h"

#include <string.h>
#include "oci/seccomp_names.h"

const char *const seccomp_actions[] = {
	"SCMP_ACT_KILL",	"SCMP_ACT_KILL_PROCESS",
	"SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",
	"SCMP_ACT_ERRNO",	"SCMP_ACT_TRACE",
	"SCMP_ACT_ALLOW",	"SCMP_ACT_LOG",
	"SCMP_ACT_NOTIFY",	NULL,
};
const char *const seccomp_operators[] = {
	"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",	    "SCMP_CMP_EQ",
	"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ", NULL,
};
const char *const seccomp_archs[] = {
	"SCMP_ARCH_X86",     "SCMP_ARCH_X86_64",   "SCMP_ARCH_X32",	    "SCMP_ARCH_ARM",
	"SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS",	   "SCMP_ARCH_MIPS64",	    "SCMP_ARCH_MIPS64N32",
	"SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
	"SCMP_ARCH_PPC64",   "SCMP_ARCH_PPC64LE",  "SCMP_ARCH_S390",	    "SCMP_ARCH_S390X",
	"SCMP_ARCH_PARISC",  "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64",	    "SCMP_ARCH_LOONGARCH64",
	"SCMP_ARCH_M68K",    "SCMP_ARCH_SH",	   "SCMP_ARCH_SHEB",	    NULL,
};
const char *const seccomp_flags[] = {
	"SECCOMP_FILTER_FLAG_TSYNC",
	"SECCOMP_FILTER_FLAG_LOG",
	"SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
	NULL,
};

/* A string member out of a list of words. */
static int check_word(const struct jval *obj, const char *key, const char *const *words,
		      bool required, const char **ret)
{
	struct jval v = obj->o && key ? jval_get(obj, key) : *obj;
	const char *s;
	int r;

	if (!v.o)
		return required ? jval_error(&v, "is required") : 0;
	r = jval_as_string(&v, &s);
	if (r < 0)
		return r;
	for (; *words; words++)
		if (!strcmp(*words, s)) {
			if (ret)
				*ret = *words;
			return 0;
		}
	return jval_error(&v, "is not a known name");
}

static int check_words(const struct jval *obj, const char *key, const char *const *words)
{
	struct jval a;
	int r = jval_array(obj, key, false, &a);

	for (size_t i = 0; r == 0 && i < jval_len(&a); i++) {
		struct jval v = jval_at(&a, i);

		r = check_word(&v, NULL, words, true, NULL);
	}
	return r;
}

static int check_arg(const struct jval *v)
{
	uint64_t n;
	int r;

	if (!json_object_is_type(v->o, json_type_object))
		return jval_error(v, "is not an object");
	r = jval_uint(v, "index", 5, true, &n, NULL);
	if (r == 0)
		r = jval_uint(v, "value", UINT64_MAX, true, &n, NULL);
	if (r == 0)
		r = jval_uint(v, "valueTwo", UINT64_MAX, false, &n, NULL);
	if (r == 0)
		r = check_word(v, "op", seccomp_operators, true, NULL);
	return r;
}

static int check_rule(const struct jval *v)
{
	const char *action = "";
	struct jval names, args;
	uint64_t n;
	int r;

	if (!json_object_is_type(v->o, json_type_object))
		return jval_error(v, "is not an object");
	r = jval_array(v, "names", true, &names);
	if (r == 0 && !jval_len(&names))
		return jval_error(&names, "must not be empty");
	for (size_t i = 0; r == 0 && i < jval_len(&names); i++) {
		struct jval name = jval_at(&names, i);
		const char *s;

		r = jval_as_string(&name, &s);
		if (r == 0 && !*s)
			return jval_error(&name, "must not be empty");
	}
	if (r == 0)
		r = check_word(v, "action", seccomp_actions, true, &action);
	/* A listener of the host's would be asked about calls of processes that the host does not have. */
	if (r == 0 && !strcmp(action, "SCMP_ACT_NOTIFY")) {
		struct jval a = jval_get(v, "action");

		return jval_error(&a, "not supported: only programs inside can listen to the calls of others");
	}
	if (r == 0)
		r = jval_uint(v, "errnoRet", 4095, false, &n, NULL);
	if (r == 0)
		r = jval_array(v, "args", false, &args);
	for (size_t i = 0; r == 0 && i < jval_len(&args); i++) {
		struct jval a = jval_at(&args, i);

		r = check_arg(&a);
	}
	return r;
}

int check_seccomp(const struct jval *v)
{
	_cleanup_free_ char *listener = NULL, *metadata = NULL;
	const char *action = NULL;
	struct jval rules, f;
	uint64_t n;
	int r = check_word(v, "defaultAction", seccomp_actions, true, &action);

	if (r == 0)
		r = jval_uint(v, "defaultErrnoRet", 4095, false, &n, NULL);
	if (r == 0)
		r = check_words(v, "architectures", seccomp_archs);
	if (r == 0)
		r = check_words(v, "flags", seccomp_flags);
	if (r == 0)
		r = jval_string(v, "listenerPath", false, &listener);
	if (r == 0)
		r = jval_string(v, "listenerMetadata", false, &metadata);
	if (r == 0 && metadata && *metadata && !(listener && *listener)) {
		f = jval_get(v, "listenerMetadata");
		return jval_error(&f, "is set without listenerPath");
	}
	if (r == 0 && !strcmp(action, "SCMP_ACT_NOTIFY")) {
		f = jval_get(v, "defaultAction");
		return jval_error(&f, "cannot be the default");
	}
	if (r == 0)
		r = jval_array(v, "syscalls", false, &rules);
	for (size_t i = 0; r == 0 && i < jval_len(&rules); i++) {
		struct jval rule = jval_at(&rules, i);

		r = check_rule(&rule);
	}
	return r;
}
