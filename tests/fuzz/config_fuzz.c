/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzer of config.json. With libFuzzer: clang -fsanitize=fuzzer,address. With FUZZ_STANDALONE it
 * brings a generator of its own, which spoils a good document, and says how it went in TAP:
 * config_fuzz [SECONDS [SEED]].
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "kernel/task/bpf.h"
#include "oci/parse.h"
#include "oci/seccomp.h"
#include "oci/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is made of a profile is a filter that the guest kernel takes. */
static void compile(const struct oci_spec *spec)
{
	struct oci_seccomp s = {0};

	if (!spec->has_seccomp)
		return;
	if (oci_seccomp_compile(spec, &s) == 0 && bpf_check(s.filter, (unsigned)s.n) != 0)
		abort();
	free(s.filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *doc = NULL;
	struct oci_spec *spec = NULL;

	log_set_stderr(false);
	log_setup(-1, LOG_TEXT, LOG_DEBUG, "fuzz");
	if (json_read_text((const char *)data, size, "config.json", &doc) == 0 &&
	    oci_spec_parse(doc, "/", "config.json", &spec) == 0) {
		/* what an accepted document promises */
		if (!spec->rootfs || !spec->process.args.n || spec->process.cwd[0] != '/' ||
		    spec->process.args.v[spec->process.args.n])
			abort();
		compile(spec);
		oci_spec_free(spec);
	}
	return 0;
}

#ifdef FUZZ_STANDALONE
static uint64_t state;

static uint32_t rnd(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return n ? (uint32_t)(state >> 32) % n : 0;
}

/* Everything that the specification knows, so that each field can be spoilt. */
/* clang-format off */
static const char rich[] =
	"{\"ociVersion\":\"1.0.2\",\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":24,\"width\":80},"
	"\"user\":{\"uid\":1,\"gid\":2,\"umask\":18,\"additionalGids\":[3,4]},\"args\":[\"sh\",\"-c\"],"
	"\"env\":[\"A=b\"],\"cwd\":\"/\",\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":1,\"hard\":18446744073709551615}],\"oomScoreAdj\":5},"
	"\"root\":{\"path\":\"/\",\"readonly\":false},\"hostname\":\"h\",\"domainname\":\"d\",\"mounts\":["
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"ro\",\"size=5\",\"rshared\"]},"
	"{\"destination\":\"x\",\"source\":\"/etc\",\"options\":[\"rbind\",\"tmpcopyup\"]}],\"hooks\":{\"prestart\":["
	"{\"path\":\"/bin/true\",\"args\":[\"true\"],\"env\":[\"A=1\"],\"timeout\":3}],\"poststop\":[]},"
	"\"annotations\":{\"a\":\"b\"},\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"uts\"},"
	"{\"type\":\"ipc\"},{\"type\":\"network\",\"path\":\"/proc/self/ns/net\"},{\"type\":\"user\"}],"
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}],\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}],"
	"\"devices\":[{\"type\":\"c\",\"path\":\"/dev/f\",\"major\":10,\"minor\":229,\"fileMode\":438,\"uid\":0,\"gid\":0}],"
	"\"sysctl\":{\"kernel.shmmax\":\"1\"},\"maskedPaths\":[\"/a\"],\"readonlyPaths\":[\"/b\"],\"cgroupsPath\":\"/c/d\","
	"\"rootfsPropagation\":\"private\",\"personality\":{\"domain\":\"LINUX\"},\"seccomp\":{\"defaultAction\":"
	"\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X32\"],\"syscalls\":[{\"names\":[\"read\"],\"action\":"
	"\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]},\"resources\":{\"memory\":"
	"{\"limit\":5,\"swap\":7,\"swappiness\":1},\"cpu\":{\"shares\":1,\"quota\":2,\"period\":3,\"cpus\":\"0-1\"},"
	"\"pids\":{\"limit\":3},\"blockIO\":{\"weight\":10,\"weightDevice\":[{\"major\":1,\"minor\":2,\"weight\":3}],"
	"\"throttleReadBpsDevice\":[{\"major\":1,\"minor\":2,\"rate\":3}]},\"hugepageLimits\":[{\"pageSize\":\"2MB\","
	"\"limit\":1}],\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":1,\"access\":\"r\"}],\"network\":{\"classID\":1,"
	"\"priorities\":[{\"name\":\"eth0\",\"priority\":1}]},\"rdma\":{\"mlx\":{\"hcaHandles\":1}},\"unified\":"
	"{\"memory.high\":\"1\"}}}}";
/* clang-format on */

static struct json_object *junk(void)
{
	static const char *const values[] = {"null",
					     "true",
					     "0",
					     "-1",
					     "4294967296",
					     "9223372036854775807",
					     "18446744073709551615",
					     "1e300",
					     "\"\"",
					     "\"/\"",
					     "\"a\\u0000b\"",
					     "[]",
					     "{}",
					     "[null]",
					     "[{}]",
					     "{\"\":{}}",
					     "\"CAP_KILL\"",
					     "\"..\"",
					     "[[[[]]]]"};

	return json_tokener_parse(values[rnd(ARRAY_SIZE(values))]);
}

/* Replaces, removes or doubles one value somewhere below o. */
static void spoil(struct json_object *o)
{
	for (int depth = 0; depth < 12; depth++) {
		struct json_object *child = NULL;
		const char *key = NULL;
		size_t n, i = 0;
		bool array = json_object_is_type(o, json_type_array);

		if (array) {
			n = json_object_array_length(o);
			i = rnd((uint32_t)n + 1);
			child = json_object_array_get_idx(o, i);
		} else if (json_object_is_type(o, json_type_object) &&
			   json_object_object_length(o)) {
			uint32_t k = rnd((uint32_t)json_object_object_length(o));

			json_object_object_foreach(o, name, v)
			{
				if (k-- == 0) {
					key = name;
					child = v;
				}
			}
		} else {
			return;
		}
		if (child && rnd(4) &&
		    (json_object_is_type(child, json_type_object) ||
		     json_object_is_type(child, json_type_array))) {
			o = child;
			continue;
		}
		if (array && rnd(3) == 0 && child)
			json_object_array_add(o, json_object_get(child));
		else if (array)
			json_object_array_put_idx(o, i, junk());
		else if (key && rnd(3) == 0)
			json_object_object_del(o, key);
		else if (key)
			json_object_object_add(o, key, junk());
		return;
	}
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 3);
	unsigned long runs = 0;

	state = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL) | 1;
	printf("1..1\n# seed %llu\n", (unsigned long long)state);
	fflush(stdout);
	while (time(NULL) < end) {
		struct json_object *doc = json_tokener_parse(rich);
		char *text;
		size_t n;

		for (uint32_t k = rnd(4); k > 0; k--)
			spoil(doc);
		text = strdup(json_object_to_json_string(doc));
		json_object_put(doc);
		n = text ? strlen(text) : 0;
		if (text && rnd(3) == 0) /* bytes too */
			for (uint32_t k = 1 + rnd(4); k > 0 && n; k--)
				text[rnd((uint32_t)n)] = (char)rnd(256);
		if (text && rnd(8) == 0)
			n = rnd((uint32_t)n + 1);
		LLVMFuzzerTestOneInput((const uint8_t *)text, n);
		free(text);
		runs++;
	}
	printf("# %lu documents\nok 1 - config.json fuzzer\n", runs);
	return 0;
}
#endif
