# SPDX-License-Identifier: Apache-2.0
# What each process of a sandbox has and may, seen from outside: see rights.py.
. "$(dirname "$0")/lib.sh"
export NACRE NACRE_ROOT NACRE_TOP
ROOTFS=${ROOTFS:-$NACRE_CACHE/rootfs-bookworm} WORK=$work timeout 120 python3 "$NACRE_TOP/tests/integration/rights.py"
