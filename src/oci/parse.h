/* SPDX-License-Identifier: Apache-2.0 */
/* Other ways into the parser than oci_spec_load. */
#ifndef NACRE_OCI_PARSE_H
#define NACRE_OCI_PARSE_H

#include "oci/json.h"

#define OCI_VERSION_MIN "1.0.0"
#define OCI_VERSION_MAX "1.3.0"

/* Like oci_spec_load with another file name: relative to the bundle, or absolute. */
int oci_spec_load_file(const char *bundle, const char *file, struct oci_spec **ret) __must_check;
/* From a document in memory, which the spec takes over even on failure; name is what messages call
 * it. */
int oci_spec_parse(struct json_object *doc, const char *bundle, const char *name,
		   struct oci_spec **ret) __must_check;
/* A config.json that was accepted before, for what comes after create: version, annotations and
 * hooks alone are read and nothing else is checked (sources and namespaces may be gone by now), so
 * nothing is warned of twice either. file: absolute, or in the bundle, which itself may be gone. */
int oci_spec_load_kept(const char *bundle, const char *file, struct oci_spec **ret) __must_check;
/* The process object of a config.json alone. */
int oci_process_of_config(const char *file, struct oci_process **ret) __must_check;
DEFINE_CLEANUP(struct oci_spec *, oci_spec_free)
DEFINE_CLEANUP(struct oci_process *, oci_process_free)

/* Is res, a linux.resources object, one that oci_spec_load would take? name is what messages call it. */
int oci_resources_check(struct json_object *res, const char *name) __must_check;
/* linux.resources.GROUP.KEY when it is a positive number, else 0: no limit. */
int64_t oci_resource(const struct oci_spec *s, const char *group, const char *key);

#endif
