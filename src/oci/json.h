/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON values of a known shape, with error messages that name the field by its path and
 * show its value. Private to oci/ and cli/. */
#ifndef NACRE_OCI_JSON_H
#define NACRE_OCI_JSON_H

#include <json-c/json.h>
#include "base/cleanup.h"
#include "oci/spec.h"

/* A value and the way to it. up points to the caller's object and must outlive this one. o is NULL
 * when the field is absent or null. */
struct jval {
	struct json_object *o;
	const struct jval *up;
	const char *key; /* NULL: element index of up */
	size_t index;
	const char *document; /* of the root: its file's name */
};
#define JVAL_ROOT(obj, name) ((struct jval){.o = (obj), .document = (name)})

DEFINE_CLEANUP(struct json_object *, json_object_put)

/* Reads a whole JSON document of at most 16 MiB; logs one line on failure. path "-": stdin. name:
 * what messages call it. An absent file is -ENOENT with runc's wording. */
int json_read_file(const char *path, const char *name, struct json_object **ret) __must_check;
/* The same from memory. */
int json_read_text(const char *text, size_t len, const char *name,
		   struct json_object **ret) __must_check;

/* Logs `DOCUMENT: FIELD.PATH: VALUE: MESSAGE` and returns -EINVAL. */
int jval_error(const struct jval *v, const char *fmt, ...) __printf(2, 3) __must_check;
/* Field path of v: "linux.namespaces[2].type"; *ret freed by the caller. */
char *jval_path(const struct jval *v);

/* Member of an object (or nothing); its type is not looked at. */
struct jval jval_get(const struct jval *obj, const char *key);
/* Member that must be an object or array if it is there; with required it must be there. */
int jval_object(const struct jval *obj, const char *key, bool required,
		struct jval *ret) __must_check;
int jval_array(const struct jval *obj, const char *key, bool required,
	       struct jval *ret) __must_check;
size_t jval_len(const struct jval *array); /* 0 for an absent one */
struct jval jval_at(const struct jval *array, size_t i);

/* Scalars: an absent field leaves *ret alone (required: is an error). Strings hold no NUL byte;
 * *ret is a copy. */
int jval_string(const struct jval *obj, const char *key, bool required, char **ret) __must_check;
int jval_bool(const struct jval *obj, const char *key, bool *ret) __must_check;
/* min..max both included. found may be NULL. */
int jval_int(const struct jval *obj, const char *key, int64_t min, int64_t max, bool required,
	     int64_t *ret, bool *found) __must_check;
int jval_uint(const struct jval *obj, const char *key, uint64_t max, bool required, uint64_t *ret,
	      bool *found) __must_check;
int jval_strings(const struct jval *obj, const char *key, struct str_list *ret) __must_check;
/* The string inside a value that must be one; owned by the document. */
int jval_as_string(const struct jval *v, const char **ret) __must_check;

/* str_list: NULL-terminated. add copies. */
int str_list_add(struct str_list *l, const char *s) __must_check;
void str_list_free(struct str_list *l);
int str_list_copy(struct str_list *to, const struct str_list *from) __must_check;

#endif
