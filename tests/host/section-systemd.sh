# SPDX-License-Identifier: Apache-2.0
# systemd as the maker of cgroups: scopes with limits as properties, what they hold, and that nothing stays.
. "$NACRE_TOP/tests/integration/lib.sh"
show() { systemctl show -p "$2" --value "$1"; }
wait_gone() { # UNIT
	for _ in $(seq 50); do
		[ "$(show "$1" LoadState)" = not-found ] && return 0
		sleep 0.2
	done
	return 1
}
top=/sys/fs/cgroup/nacre.slice/nacre-test.slice
bundle "$work/b" --cgroup nacre-test.slice:box:one -- sh -c 'sleep 1000 & wait'
edit "$work/b/config.json" "c['linux']['resources'].update({'memory': {'limit': 128 << 20, 'swap': 160 << 20, 'reservation': 64 << 20}, 'pids': {'limit': 50},
	'cpu': {'shares': 2048, 'quota': 50000, 'period': 100000, 'cpus': '0-1'}})"
passes "run with --systemd-cgroup" --systemd-cgroup run -d --bundle "$work/b" --pid-file "$work/pid" one
is "its scope is active" "$(show box-one.scope ActiveState)" active
is "and the runtime's" "$(show nacre-kernel-one.scope ActiveState)" active
is "its slice" "$(show box-one.scope Slice)" nacre-test.slice
is "MemoryMax" "$(show box-one.scope MemoryMax)" 134217728
is "MemorySwapMax" "$(show box-one.scope MemorySwapMax)" 33554432
is "MemoryLow" "$(show box-one.scope MemoryLow)" 67108864
is "TasksMax" "$(show box-one.scope TasksMax)" 164
is "CPUWeight" "$(show box-one.scope CPUWeight)" 79
is "CPUQuotaPerSecUSec" "$(show box-one.scope CPUQuotaPerSecUSec)" 500ms
is "AllowedCPUs" "$(show box-one.scope AllowedCPUs)" 0-1
is "Delegate" "$(show box-one.scope Delegate)" yes
for w in memory.max:134217728 memory.swap.max:33554432 memory.low:67108864 pids.max:164 cpu.weight:79 cpu.max:"50000 100000"; do
	is "${w%%:*}" "$(cat $top/box-one.scope/${w%%:*})" "${w#*:}"
done
is "the gofer is in it" "$(cat "/proc/$(cat "$work/pid")/cgroup")" "0::/nacre.slice/nacre-test.slice/box-one.scope"
is "the kernel is beside it" "$(cat "/proc/$(pgrep -x nacre-kernel)/cgroup")" "0::/nacre.slice/nacre-test.slice/nacre-kernel-one.scope"
is "nothing of its birth is left" "$(for p in $(cat $top/*.scope/cgroup.procs); do cat /proc/$p/comm; done | sort -u | tr '\n' ' ')" "nacre-gofer nacre-kernel nacre-stub "
systemctl daemon-reload
is "a reload of systemd changes nothing" "$(cat $top/box-one.scope/memory.max) $(cat $top/box-one.scope/cpu.max)" "134217728 50000 100000"
passes "pause" pause one
is "frozen" "$(sed -n 's/^frozen //p' $top/box-one.scope/cgroup.events)" 1
passes "resume" resume one
passes "exec" exec one true
passes "delete --force" delete --force one
check "its scope is gone" wait_gone box-one.scope
check "and the runtime's, too" wait_gone nacre-kernel-one.scope
is "and the groups" "$(ls -d $top/*.scope 2>/dev/null)" ""

bundle "$work/d" -- sh -c 'exit 3'
run --cgroup-manager systemd run --bundle "$work/d" two
is "without a path: the status" "$rc" 3
check "and no unit stays" wait_gone nacre-two.scope
bundle "$work/e" -- sh -c 'cat /proc/self/cgroup >/dev/null; sleep 1000'
passes "run again" --systemd-cgroup run -d --bundle "$work/e" --pid-file "$work/pid" three
is "without a path: system.slice" "$(cat "/proc/$(cat "$work/pid")/cgroup")" "0::/system.slice/nacre-three.scope"
run --systemd-cgroup run -d --bundle "$work/e" three
is "an id that is taken" "$rc" 1
is "leaves the other alone" "$(show nacre-three.scope ActiveState)" active
kill -KILL "$(pgrep -x nacre-kernel)"
check "the kernel killed: its scopes end by themselves" wait_gone nacre-three.scope
passes "delete" delete --force three
bundle "$work/f" --cgroup /not/of/that/form -- true
fails "a path of another form" 1 'expected cgroupsPath to be of format "slice:prefix:name"' --systemd-cgroup run --bundle "$work/f" four
# nacre dies in the middle of a creation.
bundle "$work/g" -- sleep 1000
edit "$work/g/config.json" 'c["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "1000"]}]}'
"$NACRE" --root "$NACRE_ROOT" --systemd-cgroup run --bundle "$work/g" five >/dev/null 2>&1 &
maker=$!
for _ in $(seq 100); do pgrep -f '^sleep 1000$' >/dev/null && break; sleep 0.2; done
kill -KILL $maker
passes "delete --force of what was half made" delete --force five
check "no scope of it is left" wait_gone nacre-five.scope
pkill -f '^sleep 1000$'
done_testing
