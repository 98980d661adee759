/* SPDX-License-Identifier: Apache-2.0 */
/* The option parser of the command line: arguments separated by NUL bytes. */
#include <string.h>
#include "base/log.h"
#include "cli/cli.h"
#include "oci/json.h"
#include "standalone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct {
		const char *text, *optional;
		struct str_list list;
		int number;
		bool a, b;
	} v;
	static const struct opt opts[] = {
		{"text", 't', OPT_STRING, &v.text, NULL, NULL},	     {"trace", 0, OPT_OPTIONAL, &v.optional, NULL, NULL},
		{"env", 'e', OPT_LIST, &v.list, NULL, NULL},	     {"number", 'n', OPT_INT, &v.number, NULL, NULL},
		{"aa", 'a', OPT_BOOL, &v.a, NULL, NULL},	     {"bb", 'b', OPT_BOOL, &v.b, NULL, NULL},
		{"old", 0, OPT_IGNORED, NULL, NULL, NULL},	     {"older", 0, OPT_IGNORED_BOOL, NULL, NULL, NULL},
		{NULL},
	};
	static const struct command cmd = {"test", "", "", NULL, NULL};
	char *copy[66] = {(char *)(uintptr_t)"test"}, *argv[66], **rest = argv;
	int n = 1, argc, r;

	if (!size)
		return 0;
	log_set_stderr(false);
	memset(&v, 0, sizeof(v));
	for (size_t at = 1; at < size && n < 64;) {
		size_t len = strnlen((const char *)data + at, size - at);
		char *s = strndup((const char *)data + at, len);

		if (!s)
			abort();
		/* Help goes to stdout: not here. */
		if (!strcmp(s, "--help") || !strcmp(s, "-h") || !strcmp(s, "-help"))
			s[0] = 'x';
		copy[n++] = s;
		at += len + 1;
	}
	memcpy(argv, copy, sizeof(argv));
	argv[n] = NULL;
	argc = n;
	r = opts_parse(&cmd, opts, data[0] & 1, &argc, &rest);
	/* What is left is some of the arguments and ends with NULL; numbers are in range. */
	if (r == 0) {
		if (argc < 0 || argc >= n || rest[argc] || v.number < 0)
			abort();
		for (int i = 0; i < argc; i++) {
			bool ours = false;

			for (int k = 1; k < n; k++)
				ours |= rest[i] == copy[k];
			if (!ours)
				abort();
		}
	}
	str_list_free(&v.list);
	while (--n > 0)
		free(copy[n]);
	return 0;
}
