/* SPDX-License-Identifier: Apache-2.0 */
/* Mount options of config.json: the words of the specification become MS_* flags, the rest is data.
 */
#include "oci/names.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include "oci/json.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MS_LAZYTIME
#define MS_LAZYTIME (1 << 25)
#endif

enum special { FLAG, PROPAGATION, TMPCOPYUP, UNSUPPORTED };
static const struct option {
	const char *name;
	unsigned long set, clear;
	enum special special;
} options[] = {
	{"async", 0, MS_SYNCHRONOUS, FLAG},
	{"atime", 0, MS_NOATIME, FLAG},
	{"bind", MS_BIND, 0, FLAG},
	{"defaults", 0, 0, FLAG},
	{"dev", 0, MS_NODEV, FLAG},
	{"diratime", 0, MS_NODIRATIME, FLAG},
	{"dirsync", MS_DIRSYNC, 0, FLAG},
	{"exec", 0, MS_NOEXEC, FLAG},
	{"iversion", MS_I_VERSION, 0, FLAG},
	{"lazytime", MS_LAZYTIME, 0, FLAG},
	{"loud", 0, MS_SILENT, FLAG},
	{"mand", MS_MANDLOCK, 0, FLAG},
	{"noatime", MS_NOATIME, 0, FLAG},
	{"nodev", MS_NODEV, 0, FLAG},
	{"nodiratime", MS_NODIRATIME, 0, FLAG},
	{"noexec", MS_NOEXEC, 0, FLAG},
	{"noiversion", 0, MS_I_VERSION, FLAG},
	{"nolazytime", 0, MS_LAZYTIME, FLAG},
	{"nomand", 0, MS_MANDLOCK, FLAG},
	{"norelatime", 0, MS_RELATIME, FLAG},
	{"nostrictatime", 0, MS_STRICTATIME, FLAG},
	{"nosuid", MS_NOSUID, 0, FLAG},
	{"nosymfollow", MS_NOSYMFOLLOW, 0, FLAG},
	{"rbind", MS_BIND | MS_REC, 0, FLAG},
	{"relatime", MS_RELATIME, 0, FLAG},
	{"remount", MS_REMOUNT, 0, FLAG},
	{"ro", MS_RDONLY, 0, FLAG},
	{"rw", 0, MS_RDONLY, FLAG},
	{"silent", MS_SILENT, 0, FLAG},
	{"strictatime", MS_STRICTATIME, 0, FLAG},
	{"suid", 0, MS_NOSUID, FLAG},
	{"symfollow", 0, MS_NOSYMFOLLOW, FLAG},
	{"sync", MS_SYNCHRONOUS, 0, FLAG},
	{"private", MS_PRIVATE, 0, PROPAGATION},
	{"rprivate", MS_PRIVATE | MS_REC, 0, PROPAGATION},
	{"rshared", MS_SHARED | MS_REC, 0, PROPAGATION},
	{"rslave", MS_SLAVE | MS_REC, 0, PROPAGATION},
	{"runbindable", MS_UNBINDABLE | MS_REC, 0, PROPAGATION},
	{"shared", MS_SHARED, 0, PROPAGATION},
	{"slave", MS_SLAVE, 0, PROPAGATION},
	{"unbindable", MS_UNBINDABLE, 0, PROPAGATION},
	/* A bind and what is mounted below it on the host is one mount inside: these equal the
	   plain words. */
	{"ratime", 0, MS_NOATIME, FLAG},
	{"rdev", 0, MS_NODEV, FLAG},
	{"rdiratime", 0, MS_NODIRATIME, FLAG},
	{"rexec", 0, MS_NOEXEC, FLAG},
	{"rnoatime", MS_NOATIME, 0, FLAG},
	{"rnodev", MS_NODEV, 0, FLAG},
	{"rnodiratime", MS_NODIRATIME, 0, FLAG},
	{"rnoexec", MS_NOEXEC, 0, FLAG},
	{"rnorelatime", 0, MS_RELATIME, FLAG},
	{"rnostrictatime", 0, MS_STRICTATIME, FLAG},
	{"rnosuid", MS_NOSUID, 0, FLAG},
	{"rnosymfollow", MS_NOSYMFOLLOW, 0, FLAG},
	{"rrelatime", MS_RELATIME, 0, FLAG},
	{"rro", MS_RDONLY, 0, FLAG},
	{"rrw", 0, MS_RDONLY, FLAG},
	{"rstrictatime", MS_STRICTATIME, 0, FLAG},
	{"rsuid", 0, MS_NOSUID, FLAG},
	{"rsymfollow", 0, MS_NOSYMFOLLOW, FLAG},
	{"tmpcopyup", 0, 0, TMPCOPYUP},
	{"idmap", 0, 0, UNSUPPORTED},
	{"ridmap", 0, 0, UNSUPPORTED},
};

static const struct option *option_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(options[i].name, name))
			return &options[i];
	return NULL;
}

const char *mount_option_name(size_t i)
{
	return i < ARRAY_SIZE(options) && options[i].special != UNSUPPORTED ? options[i].name
									    : NULL;
}

static int append_data(struct oci_mount *m, const char *s)
{
	char *data = NULL;

	if (asprintf(&data, "%s%s%s", m->data ?: "", m->data ? "," : "", s) < 0)
		return -ENOMEM;
	free(m->data);
	m->data = data;
	return 0;
}

int oci_mount_options(struct oci_mount *m, size_t *ret_bad)
{
	for (size_t i = 0; i < m->options.n; i++) {
		const struct option *o = option_find(m->options.v[i]);
		int r = 0;

		*ret_bad = i;
		if (!o)
			r = append_data(m, m->options.v[i]);
		else if (o->special == UNSUPPORTED)
			r = -ENOTSUP;
		else if (o->special == PROPAGATION)
			m->propagation = o->set;
		else if (o->special == TMPCOPYUP)
			m->tmpcopyup = true;
		else
			m->flags = (m->flags & ~o->clear) | o->set;
		if (r < 0)
			return r;
	}
	if (m->type && !strcmp(m->type, "bind") && !(m->flags & MS_BIND))
		m->flags |= MS_BIND;
	return 0;
}
