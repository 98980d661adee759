/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/json.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include "base/log.h"

#define DOCUMENT_MAX (16u << 20)
#define DEPTH_MAX 64

int json_read_text(const char *text, size_t len, const char *name, struct json_object **ret)
{
	struct json_tokener *tok;
	struct json_object *o;
	enum json_tokener_error err;
	size_t end, line = 1;

	if (len > DOCUMENT_MAX) {
		log_error("%s: larger than %u MiB", name, DOCUMENT_MAX >> 20);
		return -EFBIG;
	}
	tok = json_tokener_new_ex(DEPTH_MAX);
	if (!tok)
		return log_errno(-ENOMEM, "%s", name);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tok, text, (int)len);
	err = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);
	if (err == json_tokener_success) {
		while (end < len && strchr(" \t\r\n", text[end]) && text[end])
			end++;
		if (end == len && o) {
			*ret = o;
			return 0;
		}
	}
	json_object_put(o);
	for (size_t i = 0; i < end && i < len; i++)
		line += text[i] == '\n';
	if (err == json_tokener_continue)
		log_error("%s: line %zu: unexpected end of JSON input", name, line);
	else if (err != json_tokener_success)
		log_error("%s: line %zu: %s", name, line, json_tokener_error_desc(err));
	else
		log_error("%s: line %zu: %s", name, line,
			  end < len ? "something follows the document" : "not a JSON object");
	return -EINVAL;
}

int json_read_file(const char *path, const char *name, struct json_object **ret)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t len = 0, cap = 0;
	struct stat st;
	ssize_t n;

	fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
			       : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 && errno == ENOENT) {
		log_error("JSON specification file %s not found", path);
		return -ENOENT;
	}
	if (fd < 0)
		return log_errno(-errno, "open %s", path);
	if (fstat(fd, &st) < 0)
		return log_errno(-errno, "stat %s", path);
	if (S_ISDIR(st.st_mode))
		return log_errno(-EISDIR, "read %s", path);
	for (;;) {
		if (cap - len < 65536) {
			char *p = realloc(text, cap = cap ? cap * 2 : 65536 * 2);

			if (!p)
				return log_errno(-ENOMEM, "read %s", path);
			text = p;
		}
		n = read(fd, text + len, cap - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return log_errno(-errno, "read %s", path);
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > DOCUMENT_MAX)
			break;
	}
	return json_read_text(text, len, name, ret);
}

static void append_path(FILE *f, const struct jval *v)
{
	if (!v->up)
		return;
	append_path(f, v->up);
	if (v->key)
		fprintf(f, "%s%s", v->up->up ? "." : "", v->key);
	else
		fprintf(f, "[%zu]", v->index);
}

char *jval_path(const struct jval *v)
{
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);

	if (!f)
		return NULL;
	append_path(f, v);
	fclose(f);
	return s;
}

int jval_error(const struct jval *v, const char *fmt, ...)
{
	_cleanup_free_ char *path = jval_path(v);
	const struct jval *root = v;
	const char *value = NULL;
	char msg[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	while (root->up)
		root = root->up;
	if (v->o)
		value = json_object_to_json_string_ext(v->o, JSON_C_TO_STRING_NOSLASHESCAPE);
	log_error("%s: %s%s%.200s%s%s: %s", root->document ?: "JSON",
		  path && *path ? path : "(document)", value ? ": " : "", value ?: "",
		  value && strlen(value) > 200 ? "..." : "", "", msg);
	return -EINVAL;
}

struct jval jval_get(const struct jval *obj, const char *key)
{
	struct jval v = {.up = obj, .key = key};

	if (obj->o && json_object_is_type(obj->o, json_type_object))
		json_object_object_get_ex(obj->o, key, &v.o);
	return v;
}

static int jval_container(const struct jval *obj, const char *key, bool required,
			  enum json_type type, struct jval *ret)
{
	*ret = jval_get(obj, key);
	if (!ret->o)
		return required ? jval_error(ret, "is required") : 0;
	if (!json_object_is_type(ret->o, type))
		return jval_error(ret, "is not an %s", json_type_to_name(type));
	return 0;
}

int jval_object(const struct jval *obj, const char *key, bool required, struct jval *ret)
{
	return jval_container(obj, key, required, json_type_object, ret);
}

int jval_array(const struct jval *obj, const char *key, bool required, struct jval *ret)
{
	return jval_container(obj, key, required, json_type_array, ret);
}

size_t jval_len(const struct jval *array)
{
	return array->o ? json_object_array_length(array->o) : 0;
}

struct jval jval_at(const struct jval *array, size_t i)
{
	return (struct jval){.o = json_object_array_get_idx(array->o, i), .up = array, .index = i};
}

int jval_as_string(const struct jval *v, const char **ret)
{
	if (!v->o || !json_object_is_type(v->o, json_type_string))
		return jval_error(v, "is not a string");
	*ret = json_object_get_string(v->o);
	if (strlen(*ret) != (size_t)json_object_get_string_len(v->o))
		return jval_error(v, "holds a NUL character");
	return 0;
}

int jval_string(const struct jval *obj, const char *key, bool required, char **ret)
{
	struct jval v = jval_get(obj, key);
	const char *s;
	int r;

	if (!v.o)
		return required ? jval_error(&v, "is required") : 0;
	r = jval_as_string(&v, &s);
	if (r < 0)
		return r;
	if (required && !*s)
		return jval_error(&v, "must not be empty");
	free(*ret);
	*ret = strdup(s);
	return *ret ? 0 : log_errno(-ENOMEM, "%s", key);
}

int jval_bool(const struct jval *obj, const char *key, bool *ret)
{
	struct jval v = jval_get(obj, key);

	if (!v.o)
		return 0;
	if (!json_object_is_type(v.o, json_type_boolean))
		return jval_error(&v, "is neither true nor false");
	*ret = json_object_get_boolean(v.o);
	return 0;
}

int jval_int(const struct jval *obj, const char *key, int64_t min, int64_t max, bool required,
	     int64_t *ret, bool *found)
{
	struct jval v = jval_get(obj, key);
	int64_t n;

	if (found)
		*found = v.o != NULL;
	if (!v.o)
		return required ? jval_error(&v, "is required") : 0;
	if (!json_object_is_type(v.o, json_type_int))
		return jval_error(&v, "is not an integer");
	n = json_object_get_int64(v.o); /* clamped */
	if (n < min || n > max ||
	    (n == INT64_MAX && json_object_get_uint64(v.o) > (uint64_t)INT64_MAX))
		return jval_error(&v, "is not between %lld and %lld", (long long)min,
				  (long long)max);
	*ret = n;
	return 0;
}

int jval_uint(const struct jval *obj, const char *key, uint64_t max, bool required, uint64_t *ret,
	      bool *found)
{
	struct jval v = jval_get(obj, key);
	uint64_t n;

	if (found)
		*found = v.o != NULL;
	if (!v.o)
		return required ? jval_error(&v, "is required") : 0;
	if (!json_object_is_type(v.o, json_type_int))
		return jval_error(&v, "is not an integer");
	n = json_object_get_uint64(v.o);
	if (json_object_get_int64(v.o) < 0 || n > max)
		return jval_error(&v, "is not between 0 and %llu", (unsigned long long)max);
	*ret = n;
	return 0;
}

int jval_strings(const struct jval *obj, const char *key, struct str_list *ret)
{
	struct jval a;
	int r = jval_array(obj, key, false, &a);

	for (size_t i = 0; r == 0 && i < jval_len(&a); i++) {
		struct jval v = jval_at(&a, i);
		const char *s;

		r = jval_as_string(&v, &s);
		if (r == 0)
			r = str_list_add(ret, s);
	}
	return r;
}

int str_list_add(struct str_list *l, const char *s)
{
	/* Grows by powers of two: n + 1 entries are in use, the last is NULL. */
	if ((l->n & (l->n + 1)) == 0) {
		char **v = reallocarray(l->v, (l->n + 1) * 2, sizeof(*v));

		if (!v)
			return log_errno(-ENOMEM, "list of strings");
		l->v = v;
	}
	l->v[l->n] = strdup(s);
	if (!l->v[l->n])
		return log_errno(-ENOMEM, "list of strings");
	l->v[++l->n] = NULL;
	return 0;
}

void str_list_free(struct str_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct str_list){NULL, 0};
}

int str_list_copy(struct str_list *to, const struct str_list *from)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->n; i++)
		r = str_list_add(to, from->v[i]);
	return r;
}
