# SPDX-License-Identifier: Apache-2.0
# cgroup v2 alone: the group's life in a mount namespace that shows nothing else. The host's controllers may be
# v1's, so limits are tested elsewhere on files; placement, freezer and kill are the host's own here.
. "$(dirname "$0")/lib.sh"
test=$NACRE_TOP/build/tests/unit/oci_cgroup_live
[ "$(id -u)" -eq 0 ] && [ -x "$test" ] || { echo "1..0 # SKIP needs root and $test"; exit 0; }
in_v2() { # COMMAND...
	unshare -m --propagation private sh -c 'umount -R -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' - "$@"
}
in_v2 true 2>/dev/null || { echo "1..0 # SKIP no cgroup2 here"; exit 0; }
for t in life_of_a_group door; do
	in_v2 "$test" "$t" >"$work/out" 2>&1
	if grep -q '^ok' "$work/out" && ! grep -q '^not ok' "$work/out"; then ok "$t"; else not_ok "$t" "$work/out"; fi
done
in_v2 "$NACRE" doctor >"$work/out" 2>/dev/null
check "doctor sees v2 alone" grep -q 'cgroup hierarchies: v2$' "$work/out"
done_testing
