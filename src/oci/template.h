/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that nacre writes itself. */
#ifndef NACRE_OCI_TEMPLATE_H
#define NACRE_OCI_TEMPLATE_H

#include "oci/json.h"

/* The config.json that `nacre spec` writes, equal to runc's: a shell on ./rootfs. rootless: what
 * the caller's own ids allow. Owned by the caller; NULL without memory. */
struct json_object *oci_spec_template(bool rootless);
/* The document of `nacre features`. */
struct json_object *oci_features(const char *version);

#endif
