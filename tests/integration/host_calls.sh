# SPDX-License-Identifier: Apache-2.0
# docs/host-calls.md says what the filters in a running sandbox say.
. "$(dirname "$0")/lib.sh"
plan 2
ROOTFS=${ROOTFS:-$NACRE_CACHE/rootfs-bookworm}
check "the filters of a running sandbox can be read" sh -c \
	'timeout 120 "$1/tools/host-calls" "$2" >"$3/now"' sh "$NACRE_TOP" "$ROOTFS" "$work"
if diff -u "$NACRE_TOP/docs/host-calls.md" "$work/now" >"$work/diff"; then
	ok "docs/host-calls.md agrees with them"
else
	not_ok "docs/host-calls.md agrees with them (tools/host-calls ROOTFS makes it)" "$work/diff"
fi
