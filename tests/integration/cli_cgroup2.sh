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
# A real sandbox: all of its processes are in the groups that v2 shows, its freezer stops them, and both groups go.
id=cg2-$$
bundle "$work/b" --cgroup "/nacre-test-$id/box" -- sh -c 'sleep 1000 & sleep 1000 & wait'
cat >"$work/in" <<'S'
n() { "$NACRE" --root "$NACRE_ROOT" --overlay=memory --log "$work/log" "$@"; }
trap 'n delete --force $id >/dev/null 2>&1' EXIT
top=/sys/fs/cgroup/nacre-test-$id
n run -d --bundle "$work/b" --pid-file "$work/pid" $id </dev/null >/dev/null || exit 1
pid=$(cat "$work/pid")
for _ in $(seq 100); do [ "$(n ps $id | grep -c ' sleep 1000$')" -eq 2 ] && break; sleep 0.1; done
guests=$(n ps --format json $id | tr -d '[]' | tr , ' ')
echo guests $(echo $guests | wc -w)
group_of() { sed -n 's/^0:://p' /proc/$1/cgroup; }
for p in $pid $guests; do echo in $(group_of $p); done | sort | uniq -c | tr -s ' '
kernel=$(for p in $(cat $top/nacre-$id/cgroup.procs); do cat /proc/$p/comm; done)
echo runtime $kernel
n pause $id && echo frozen $(sed -n 's/^frozen //p' $top/box/cgroup.events) $(n state $id | grep -c '"paused"')
n kill $id KILL && for _ in $(seq 100); do n state $id | grep -q '"stopped"' && break; sleep 0.1; done
echo status $(n state $id | sed -n 's/.*"status": *"\([a-z]*\)".*/\1/p')
n delete $id && echo left $(ls -d $top/*/ 2>/dev/null)
rmdir $top
S
export work id
in_v2 sh "$work/in" >"$work/out" 2>"$work/err"
if [ "$(cat "$work/out")" = "guests 3
 4 in /nacre-test-$id/box
runtime nacre-kernel
frozen 1 1
status stopped
left" ]; then ok "a sandbox in v2 alone"; else not_ok "a sandbox in v2 alone" "$work/out" "$work/err"; fi
in_v2 "$NACRE" doctor >"$work/out" 2>/dev/null
check "doctor sees v2 alone" grep -q 'cgroup hierarchies: v2$' "$work/out"
done_testing
