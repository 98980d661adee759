# SPDX-License-Identifier: Apache-2.0
# The users' host: what it is, the demo, containers and their cgroups (v2 alone), what is left when a process is killed.
. "$NACRE_TOP/tests/integration/lib.sh"
rootfs=$NACRE_CACHE/rootfs-bookworm
id=life
group=/sys/fs/cgroup/nacre-life/box
wait_for() { # COMMAND...: until it succeeds
	until=$(($(date +%s) + 90))
	while [ "$(date +%s)" -lt "$until" ]; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	return 1
}
is_state() { [ "$(nacre state "$id" 2>/dev/null | sed -n 's/.*"status": *"\([a-z]*\)".*/\1/p')" = "$1" ]; }

check "this is systemd's machine" [ "$(cat /proc/1/comm)" = systemd ]
is "cgroup v2 alone" "$(stat -fc %T /sys/fs/cgroup)" cgroup2fs
is "Yama restricts tracing" "$(cat /proc/sys/kernel/yama/ptrace_scope)" 1
is "AppArmor is on" "$(cat /sys/module/apparmor/parameters/enabled)" Y
check "nacre doctor finds nothing missing" nacre doctor
diag "$(nacre doctor 2>&1 | grep -v '^ok' | tr '\n' ';')"

passes "nacre do over this machine" do -- true
run do -- uname -r
is "another kernel answers" "$(cut -d. -f1,2 "$work/out")" 6.12
run do --user user --workdir / -- id -un
is "a user of this machine's" "$(cat "$work/out")" user
if NACRE_CACHE=$NACRE_CACHE ./demo tour >"$work/demo" 2>&1; then ok "the demo"; else not_ok "the demo" "$work/demo"; fi
check "the demo reaches a host process from a chroot" grep -q '^reached host process' "$work/demo"
check "and none from a sandbox" grep -q '^no host process' "$work/demo"

# A container's life.
bundle "$work/b" --cgroup /nacre-life/box -- sh -c 'sleep 1000 & sleep 1000 & wait'
passes "run -d" run -d --bundle "$work/b" --pid-file "$work/pid" $id
wait_for sh -c "\"$NACRE\" --root $NACRE_ROOT ps $id | grep -c ' sleep 1000\$' | grep -qx 2"
nacre ps $id >"$work/ps" 2>&1
is "ps shows its processes" "$(grep -c ' sleep 1000$' "$work/ps")" 2
check "they are in their cgroup" grep -q "^0::/nacre-life/box$" "/proc/$(cat "$work/pid")/cgroup"
passes "exec" exec $id true
passes "pause" pause $id
is "frozen" "$(sed -n 's/^frozen //p' $group/cgroup.events)" 1
check "state says so" is_state paused
passes "resume" resume $id
passes "kill" kill $id KILL
check "stopped" wait_for is_state stopped
passes "delete" delete $id
check "its cgroups are gone" [ ! -e $group ]

# Limits that the host enforces.
bundle "$work/m" --cgroup /nacre-life/box -- python3 -c 'import os
b = bytearray(1 << 20)
pid = os.fork()
if pid == 0:
    x = bytearray(256 << 20)
    os._exit(0)
print(os.WTERMSIG(os.waitpid(pid, 0)[1]))'
edit "$work/m/config.json" 'c["linux"]["resources"]["memory"] = {"limit": 96 << 20, "swap": 96 << 20}'
cat >"$work/hook" <<H
#!/bin/sh
cat $group/memory.max $group/memory.swap.max $group/pids.max $group/cpu.max $group/cpu.weight >$work/limits
H
chmod +x "$work/hook"
edit "$work/m/config.json" "c['hooks'] = {'poststart': [{'path': '$work/hook'}]}"
run run --bundle "$work/m" $id
is "memory.max kills the process that is over it, and no other" "$rc $(cat "$work/out")" "0 9"
is "memory.max and memory.swap.max" "$(sed -n 1,2p "$work/limits" | tr '\n' ' ')" "100663296 0 "
bundle "$work/p" --cgroup /nacre-life/box -- python3 -c 'import os, time
n = 0
try:
    while n < 100:
        if os.fork() == 0:
            time.sleep(1000)
        n += 1
except OSError as e:
    print(n, e.errno)'
edit "$work/p/config.json" "c['linux']['resources']['pids'] = {'limit': 12}; c['hooks'] = {'poststart': [{'path': '$work/hook'}]}"
run run --bundle "$work/p" $id
is "pids.limit: EAGAIN inside" "$rc $(cat "$work/out")" "0 11 11"
is "pids.max" "$(sed -n 3p "$work/limits")" 88
bundle "$work/c" --cgroup /nacre-life/box -- sh -c 'while :; do :; done'
edit "$work/c/config.json" "c['linux']['resources']['cpu'] = {'quota': 20000, 'period': 100000, 'shares': 512}; c['hooks'] = {'poststart': [{'path': '$work/hook'}]}"
passes "run under a CPU quota" run -d --bundle "$work/c" $id
usage() { sed -n 's/^usage_usec //p' $group/cpu.stat; }
sleep 2
before=$(usage) begin=$(cut -d' ' -f1 /proc/uptime)
sleep 5
after=$(usage) end=$(cut -d' ' -f1 /proc/uptime)
percent=$(awk "BEGIN { print int(($after - $before) / (($end - $begin) * 10000)) }")
diag "a busy program took $percent % of a CPU"
check "a CPU quota holds" [ "$percent" -ge 3 -a "$percent" -le 30 ]
passes "delete it" delete --force $id
is "cpu.max and cpu.weight" "$(sed -n 4,5p "$work/limits" | tr '\n' ' ')" "20000 100000 20 "

# Every process killed: what the next command finds, and what delete leaves.
bundle "$work/k" --cgroup /nacre-life/box -- sh -c 'sleep 1000 & wait'
stubs() { for p in $(cat $group/cgroup.procs); do [ "$(cat /proc/$p/comm)" != nacre-stub ] || echo "$p"; done | sort -n; }
for victim in nacre-kernel nacre-gofer "sleep 1000" factory zygote; do
	id=killed
	run run -d --bundle "$work/k" --pid-file "$work/pid" $id
	wait_for sh -c "\"$NACRE\" --root $NACRE_ROOT ps $id | grep -q ' sleep 1000\$'"
	case $victim in
	nacre-*) pid=$(pgrep -x "$victim") ;;
	# The first of the container's host processes is the factory, the next its zygote.
	factory) pid=$(stubs | sed -n 1p) ;;
	zygote) pid=$(stubs | sed -n 2p) ;;
	*) pid=$(nacre ps $id | sed -n "s/^[0-9]* *[0-9]* *[0-9]* *\([0-9]*\) $victim$/\1/p") ;;
	esac
	kill -KILL "$pid" || diag "no $victim: $pid"
	case $victim in
	sleep*) check "$victim killed: the container ends as its program does" wait_for is_state stopped ;;
	factory) check "$victim killed: the container runs on or has stopped" wait_for sh -c "\"$NACRE\" --root $NACRE_ROOT state $id | grep -q -e running -e stopped" ;;
	*) check "$victim killed: the container has stopped" wait_for is_state stopped ;;
	esac
	passes "$victim killed: delete --force" delete --force $id
	is "$victim killed: nothing is left" "$(pgrep -c '^nacre-')$(ls -d $group /sys/fs/cgroup/nacre-life/nacre-$id 2>/dev/null)" 0
done
id=life

# What this host has and others lack.
bundle "$work/a" -- true
edit "$work/a/config.json" 'c["process"]["apparmorProfile"] = "docker-default"; c["process"]["selinuxLabel"] = "system_u:system_r:x_t:s0"'
run --log "$work/log" run --bundle "$work/a" $id
is "labels: accepted" "$rc" 0
is "and a warning for each" "$(grep -c -e apparmorProfile -e selinuxLabel "$work/log")" 2
rm -f "$work/log"
done_testing
