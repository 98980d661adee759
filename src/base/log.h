/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging. One line per message, to stderr and, if set, to a log descriptor as text or JSON in the
 * form engines parse: {"level":"error","msg":"...","time":"RFC3339"}. Thread-safe; async-signal-unsafe.
 */
#ifndef NACRE_BASE_LOG_H
#define NACRE_BASE_LOG_H

#include "base/compiler.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/* fd: where log lines go besides stderr (errors and warnings go to stderr too), -1 for none; not
 * closed. prefix: program name shown in text lines; a string constant. */
void log_setup(int fd, enum log_format format, enum log_level max, const char *prefix);
/* Whether messages are copied to stderr (default true). */
void log_set_stderr(bool on);
/* With a log descriptor: the least important level that is copied to stderr (default LOG_WARNING). */
void log_set_stderr_level(enum log_level max);
enum log_level log_max_level(void);
void log_msg(enum log_level level, const char *fmt, ...) __printf(2, 3);
/* Logs "fmt: strerror(-err)" at error level and returns err (a negative errno). */
int log_errno(int err, const char *fmt, ...) __printf(2, 3);

/* Says at debug level that a point of a start was reached, with CLOCK_BOOTTIME in seconds: lines of several processes can be
 * put in order (bench/start-phases does). name: a word, unique in the program. */
void log_phase(const char *name);

#define log_error(...) log_msg(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_msg(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (unlikely(log_max_level() >= LOG_DEBUG))                                        \
			log_msg(LOG_DEBUG, __VA_ARGS__);                                           \
	} while (0)

#endif
