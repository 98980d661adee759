# SPDX-License-Identifier: Apache-2.0
# update and events: limits that change while a container runs, and what it is said to use.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
id=update-$$
at_exit='nacre delete --force $id >/dev/null 2>&1; kill $events 2>/dev/null'
events=

fails "update: no such container" 1 "does not exist" update --memory 64m $id
fails "events: no such container" 1 "does not exist" events --stats $id
bundle "$work/b" --cgroup "/nacre-test-$id/box" -- sleep 1000
edit "$work/b/config.json" 'c["linux"]["resources"].update(memory={"limit": 256 << 20, "swap": 256 << 20}, pids={"limit": 50}, cpu={"shares": 512})'
run --overlay=memory create --bundle "$work/b" $id
run start $id

# limit CONTROLLER V1FILE V2FILE: what the host holds the container to.
limit() {
	for f in "/sys/fs/cgroup/$1/nacre-test-$id/box/$2" "/sys/fs/cgroup/nacre-test-$id/box/$3"; do
		[ ! -r "$f" ] || cat "$f"
	done
}
stats() { # stats EXPRESSION: of the data of one stats event
	nacre events --stats $id >"$work/stats" 2>&1
	json "$work/stats" "(lambda d: $1)(c['data'])"
}
is "events --stats: type and id" "$(nacre events --stats $id >"$work/stats" && json "$work/stats" '(c["type"], c["id"])')" "('stats', '$id')"
is "the parts" "$(stats 'sorted(d)')" "['blkio', 'cpu', 'cpuset', 'hugetlb', 'intel_rdt', 'memory', 'network_interfaces', 'pids']"
is "memory" "$(stats '(d["memory"]["usage"]["limit"], d["memory"]["usage"]["usage"] > 100000, d["memory"]["usage"]["failcnt"], len(d["memory"]["raw"]) > 10)')" "(268435456, True, 0, True)"
is "pids are the guest's" "$(stats '(d["pids"]["current"], d["pids"]["limit"])')" "(1, 50)"
is "CPU time" "$(stats '(d["cpu"]["usage"]["total"] > 0, sorted(d["cpu"]["throttling"]))')" "(True, ['periods', 'throttledPeriods', 'throttledTime'])"
is "CPU set" "$(stats 'd["cpuset"]["cpus"][0]')" 0

passes "update --memory, a size with a letter" update --memory 128m --memory-swap 192M $id
is "memory on the host" "$(limit memory memory.limit_in_bytes memory.max)" 134217728
is "and in the stats" "$(stats 'd["memory"]["usage"]["limit"]')" 134217728
passes "update --pids-limit" update --pids-limit 7 $id
is "pids on the host" "$(limit pids pids.max pids.max)" 78
is "pids inside" "$(stats 'd["pids"]["limit"]')" 7
nacre exec $id sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 5 & done 2>&1' >"$work/out" 2>&1
check "and they hold" grep -qi 'cannot fork\|resource temporarily' "$work/out"
passes "update --cpu-share" update --cpu-share 256 $id
is "shares on the host" "$(limit cpu cpu.shares cpu.weight | grep -x '256\|10')" "$(limit cpu cpu.shares cpu.weight)"
passes "update --cpu-quota and --cpu-period" update --cpu-quota 50000 --cpu-period 100000 $id
is "quota on the host" "$(limit cpu cpu.cfs_quota_us cpu.max | cut -d' ' -f1)" 50000
passes "update --cpuset-cpus" update --cpuset-cpus 0 $id
is "CPUs in the stats" "$(stats 'd["cpuset"]["cpus"]')" "[0]"

echo '{"memory": {"limit": 67108864, "swap": 0, "reservation": 0}, "pids": {"limit": 20}, "cpu": {"shares": 0, "cpus": ""}}' >"$work/r.json"
passes "update --resources FILE" update --resources "$work/r.json" $id
is "memory is the file's" "$(limit memory memory.limit_in_bytes memory.max)" 67108864
is "what is 0 stays" "$(stats 'd["cpuset"]["cpus"]') $(limit cpu cpu.shares cpu.weight | grep -c '256\|10')" "[0] 1"
is "pids are the file's" "$(stats 'd["pids"]["limit"]')" 20
STDIN=$work/r2.json
echo '{"pids": {"limit": 30}}' >"$STDIN"
passes "update -r -" update -r - $id
STDIN=
is "pids are standard input's" "$(stats 'd["pids"]["limit"]')" 30
passes "no limit" update --pids-limit -1 --memory -1 $id
is "pids without" "$(limit pids pids.max pids.max) $(stats '"limit" in d["pids"]')" "max False"

# The kept config follows, so that a change of one limit goes with the others.
is "kept" "$(json "$NACRE_ROOT/$id/config.json" '(lambda r: (r["memory"]["limit"], r["pids"]["limit"], r["cpu"]["shares"], r["cpu"]["quota"]))(c["linux"]["resources"])')" "(-1, -1, 256, 50000)"
passes "it still works" exec $id true

fails "no number" 1 "invalid value for cpu-period" update --cpu-period x $id
fails "no size" 1 "invalid value for memory" update --memory 12q $id
fails "below itself" 1 "below the memory limit" update --memory 64m --memory-swap 32m $id
echo '{"memory": {"limit": "much"}}' >"$work/r.json"
fails "bad JSON value" 1 "memory.limit" update -r "$work/r.json" $id
echo '[]' >"$work/r.json"
fails "no object" 1 "is not an object" update -r "$work/r.json" $id
fails "no file" 1 "nofile" update -r "$work/nofile" $id
fails "a cache schema" 1 "not supported" update --l3-cache-schema L3:0=f $id
fails "--interval 0s" 1 "greater than 0" events --interval 0s $id
fails "--interval x" 1 "greater than 0" events --interval x $id
echo '{"memory": {"limit": 4096, "swap": 8192, "checkBeforeUpdate": true}}' >"$work/r.json"
fails "less than is in use" 1 "below the current usage" update -r "$work/r.json" $id
is "nothing has changed" "$(json "$NACRE_ROOT/$id/config.json" 'c["linux"]["resources"]["memory"]["limit"]')" -1

# events goes on, tells of the OOM killer, and ends with the container.
nacre events --interval 100ms $id >"$work/events" 2>"$work/err" &
events=$!
sleep 1
passes "memory for an end" update --memory 24m --memory-swap 24m $id
nacre exec $id python3 -c 'x = bytearray(100 << 20)' >"$work/out" 2>&1
is "the hungry one was killed" $? 137
sleep 1
nacre kill $id KILL
wait $events
is "events ends with the container" $? 0
events=
is "lines of both kinds" "$(python3 - "$work/events" <<'P'
import json
import sys
lines = [json.loads(line) for line in open(sys.argv[1])]
print(sum(e["type"] == "stats" for e in lines) >= 5, sum(e["type"] == "oom" for e in lines) >= 1, {e["id"] for e in lines} == {lines[0]["id"]})
P
)" "True True True"
for _ in $(seq 50); do nacre state $id 2>/dev/null | grep -q '"stopped"' && break; sleep 0.1; done
fails "update: stopped" 1 "not running" update --memory 64m $id
fails "events: stopped" 1 "is not running" events --stats $id
nacre delete --force $id
rmdir /sys/fs/cgroup/*/nacre-test-$id /sys/fs/cgroup/nacre-test-$id 2>/dev/null
done_testing
