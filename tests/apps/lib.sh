# SPDX-License-Identifier: Apache-2.0
# Real programs of Debian, with more packages than tests/programs has. The same functions as there; both sides write to an overlay
# in memory and have a loopback network of their own. /mnt holds tests/apps/files. Sourced.
ROOTFS=$NACRE_CACHE/rootfs-apps SHARE=$NACRE_TOP/tests/apps/files
OVER=1 UNSHARE=-muipfn TIMES=1
export LO=1
. "$NACRE_TOP/tests/programs/lib.sh"
