/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
	int fd;
	enum log_format format;
	enum log_level max;
	const char *prefix;
	bool to_stderr;
	enum log_level stderr_max;
	int pid; /* of the process that called log_setup */
} log_state = {-1, LOG_TEXT, LOG_INFO, "nacre", true, LOG_WARNING, 0};

static const char *const level_name[] = {"error", "warning", "info", "debug"};

void log_setup(int fd, enum log_format format, enum log_level max, const char *prefix)
{
	log_state.fd = fd;
	log_state.format = format;
	log_state.max = max;
	log_state.prefix = prefix;
	log_state.pid = getpid();
}

void log_set_stderr(bool on)
{
	log_state.to_stderr = on;
}

void log_set_stderr_level(enum log_level max)
{
	log_state.stderr_max = max;
}

enum log_level log_max_level(void)
{
	return log_state.max;
}

static void write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t r = write(fd, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return;
		p += r;
		n -= (size_t)r;
	}
}

/* Appends s as the inside of a JSON string; returns the new length, never past cap - 8. */
static size_t json_escape(char *out, size_t len, size_t cap, const char *s)
{
	for (; *s && len + 16 < cap; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			out[len++] = '\\';
			out[len++] = (char)c;
		} else if (c < 0x20) {
			len += (size_t)snprintf(out + len, cap - len, "\\u%04x", c);
		} else {
			out[len++] = (char)c;
		}
	}
	return len;
}

static void emit(enum log_level level, const char *msg)
{
	char line[4608], when[64];
	struct timespec ts;
	struct tm tm;
	size_t n;

	if (log_state.to_stderr && (level <= log_state.stderr_max || log_state.fd < 0)) {
		n = (size_t)snprintf(line, sizeof(line), "%s: %s%s\n", log_state.prefix,
				     level == LOG_WARNING ? "warning: " : "", msg);
		write_all(STDERR_FILENO, line, MIN(n, sizeof(line) - 1));
	}
	if (log_state.fd < 0)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	if (log_state.format == LOG_JSON) {
		n = (size_t)snprintf(line, sizeof(line), "{\"level\":\"%s\",\"msg\":\"",
				     level_name[level]);
		n = json_escape(line, n, sizeof(line) - 64, msg);
		n += (size_t)snprintf(line + n, sizeof(line) - n, "\",\"time\":\"%s.%09ldZ\"}\n",
				      when, ts.tv_nsec);
	} else {
		n = (size_t)snprintf(line, sizeof(line), "%s.%03ldZ %s[%d] %s: %s\n", when,
				     ts.tv_nsec / 1000000, log_state.prefix, log_state.pid,
				     level_name[level], msg);
	}
	write_all(log_state.fd, line, MIN(n, sizeof(line) - 1));
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	char msg[4096];
	va_list ap;

	if (level > log_state.max)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	emit(level, msg);
	errno = saved;
}

void log_phase(const char *name)
{
	struct timespec ts;

	if (likely(log_state.max < LOG_DEBUG))
		return;
	clock_gettime(CLOCK_BOOTTIME, &ts);
	log_msg(LOG_DEBUG, "phase %s %lld.%06ld", name, (long long)ts.tv_sec, ts.tv_nsec / 1000);
}

int log_errno(int err, const char *fmt, ...)
{
	char msg[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(msg))
		snprintf(msg + n, sizeof(msg) - (size_t)n, ": %s", strerror(-err));
	emit(LOG_ERROR, msg);
	return err;
}
