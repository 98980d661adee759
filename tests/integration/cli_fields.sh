# SPDX-License-Identifier: Apache-2.0
# The fields of config.json, each by the effect that a program in a real sandbox sees.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
id=fields-$$
at_exit='nacre delete --force $id >/dev/null 2>&1'
before=$(traces "$id")
mkdir "$work/dir" && echo text >"$work/dir/file" && chmod 755 "$work" "$work/dir"

# gives NAME OUTPUT PYTHON SCRIPT: a program with the config changed says OUTPUT.
gives() {
	bundle "$work/b" -- sh -c "$4"
	edit "$work/b/config.json" "p = c['process']; l = c['linux']; $3"
	run --log "$work/log" --overlay=memory run --bundle "$work/b" "$id"
	if [ "$rc" -eq 0 ] && [ "$(cat "$work/out")" = "$2" ]; then ok "$1"; else
		not_ok "$1" "$work/out" "$work/err"
		diag "status $rc, wanted: $2"
	fi
}
gives "root.readonly" "denied" 'c["root"]["readonly"] = True' 'touch /file 2>/dev/null || echo denied'
gives "hostname" "box.example" 'c["hostname"] = "box.example"' hostname
gives "domainname" "example.org" 'c["domainname"] = "example.org"' 'cat /proc/sys/kernel/domainname'
gives "sysctl kernel.domainname" "by.sysctl" 'l["sysctl"] = {"kernel.domainname": "by.sysctl"}' 'cat /proc/sys/kernel/domainname'
gives "process.user" "5 6 6 7 8" 'p["user"] = {"uid": 5, "gid": 6, "additionalGids": [7, 8]}' 'echo $(id -u) $(id -g) $(id -G)'
gives "process.user.umask" "0077" 'p["user"]["umask"] = 0o77' 'umask'
gives "process.cwd" "/usr/lib" 'p["cwd"] = "/usr/lib"' 'pwd'
gives "process.env" "value" 'p["env"].append("NAME=value")' 'echo $NAME'
gives "process.env: PATH finds the program" "found" 'p["env"] = ["PATH=/usr/bin"]; p["args"] = ["echo", "found"]' ''
gives "process.capabilities" "0000000000000001" 'p["capabilities"] = {k: ["CAP_CHOWN"] for k in ("bounding", "effective", "permitted")}' \
	"sed -n 's/^CapEff:\t//p' /proc/self/status"
gives "process.capabilities.bounding" "0000000000000020" 'p["capabilities"]["bounding"] = ["CAP_KILL"]' \
	"sed -n 's/^CapBnd:\t//p' /proc/self/status"
mkdir "$work/caps" && chmod 755 "$work/caps"
cat_with_caps() { cp /bin/cat "$work/caps/cat" && python3 -c 'import os, struct, sys; os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x02000001, 1, 0, 0, 0))' "$work/caps/cat"; }
cat_with_caps
gives "capabilities of the host's files" "0000000000000001" \
	'c["mounts"].append({"destination": "/a", "type": "bind", "source": "'"$work/caps"'", "options": ["bind"]}); p["user"] = {"uid": 1000, "gid": 1000}' \
	"/a/cat /proc/self/status | sed -n 's/^CapEff:\t//p'"
gives "but not on a nosuid mount" "0000000000000000" \
	'c["mounts"].append({"destination": "/a", "type": "bind", "source": "'"$work/caps"'", "options": ["bind", "nosuid"]}); p["user"] = {"uid": 1000, "gid": 1000}' \
	"/a/cat /proc/self/status | sed -n 's/^CapEff:\t//p'"
gives "process.rlimits" "77 88" 'p["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}]' 'echo $(ulimit -Sn) $(ulimit -Hn)'
gives "process.noNewPrivileges" "1" 'p["noNewPrivileges"] = True' "sed -n 's/^NoNewPrivs:\t//p' /proc/self/status"
gives "process.oomScoreAdj: inside" "300" 'p["oomScoreAdj"] = 300' 'cat /proc/self/oom_score_adj'
gives "mounts: tmpfs with its options" "tmpfs 1777" \
	'c["mounts"].append({"destination": "/x", "type": "tmpfs", "source": "t", "options": ["mode=1777", "size=64k"]})' \
	'echo $(stat -f -c %T /x) $(stat -c %a /x)'
gives "mounts: tmpfs size" "full" \
	'c["mounts"].append({"destination": "/x", "type": "tmpfs", "source": "t", "options": ["size=64k"]})' \
	'head -c 100000 /dev/zero 2>/dev/null >/x/f || echo full'
gives "mounts: bind of a directory" "text" \
	'c["mounts"].append({"destination": "/a/b", "type": "bind", "source": "'"$work/dir"'", "options": ["rbind"]})' 'cat /a/b/file'
gives "mounts: bind of a file" "text" \
	'c["mounts"].append({"destination": "/a/f", "type": "none", "source": "'"$work/dir/file"'", "options": ["bind", "ro"]})' 'cat /a/f'
gives "mounts: a source below the bundle" "text" \
	'import shutil; shutil.copytree("'"$work/dir"'", "'"$work/b/rel"'", dirs_exist_ok=True); c["mounts"].append({"destination": "/r", "source": "rel", "options": ["bind"]})' \
	'cat /r/file'
gives "mounts: ro" "denied" \
	'c["mounts"].append({"destination": "/a", "type": "bind", "source": "'"$work/dir"'", "options": ["bind", "ro"]})' \
	'touch /a/no 2>/dev/null || echo denied'
gives "mounts: noexec" "denied" \
	'c["mounts"].append({"destination": "/x", "type": "tmpfs", "source": "t", "options": ["noexec"]})' \
	'cp /bin/true /x/true; /x/true 2>/dev/null || echo denied'
gives "mounts: nodev" "denied" \
	'c["mounts"].append({"destination": "/x", "type": "tmpfs", "source": "t", "options": ["nodev"]})' \
	'mknod /x/n c 1 3 && cat /x/n 2>/dev/null || echo denied'
gives "mounts: in their order" "file" \
	'c["mounts"] += [{"destination": "/x", "type": "tmpfs", "source": "t"}, {"destination": "/x/y", "type": "bind", "source": "'"$work/dir"'", "options": ["bind"]}]' \
	'ls /x/y'
gives "linux.maskedPaths: a file and a directory" "0 0" 'l["maskedPaths"] = ["/etc/passwd", "/etc/security", "/no/such"]' \
	'echo $(wc -c </etc/passwd) $(ls /etc/security | wc -l)'
gives "linux.readonlyPaths" "denied" 'l["readonlyPaths"] = ["/var", "/no/such"]' 'touch /var/x 2>/dev/null || echo denied'
gives "linux.devices: character" "character special file 1:5 640 3 4" \
	'l["devices"] = [{"path": "/dev/sub/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 3, "gid": 4}]' \
	'stat -c "%F %t:%T %a %u %g" /dev/sub/mine'
gives "linux.devices: it works" "8" 'l["devices"] = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 5}]' \
	'head -c 8 /dev/mine | wc -c'
gives "linux.devices: block and fifo" "block special file|fifo" \
	'l["devices"] = [{"path": "/dev/b", "type": "b", "major": 7, "minor": 0}, {"path": "/dev/p", "type": "p"}]' \
	'echo "$(stat -c %F /dev/b)|$(stat -c %F /dev/p)"'
gives "linux.devices: one that is there already stays" "character special file 1:3 666" \
	'l["devices"] = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666}]' \
	'stat -c "%F %t:%T %a" /dev/null'
gives "the standard devices and links" "1:3 1:5 1:7 1:8 1:9 5:0 /proc/self/fd pts/ptmx" '' \
	'echo $(stat -c %t:%T /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty) $(readlink /dev/fd /dev/ptmx)'
gives "linux.resources.pids.limit: exact inside" "refused" 'l["resources"]["pids"] = {"limit": 4}' \
	'exec python3 -c "
import os, time
n = 0
try:
    while n < 9:
        if os.fork() == 0:
            time.sleep(100)
        n += 1
except BlockingIOError:
    print(\"refused\" if n == 3 else n)"'
gives "annotations, unknown fields and foreign platforms are no hindrance" "ok" \
	'c["annotations"] = {"x.y": "z"}; c["unknown"] = {"a": [1]}; l["newThing"] = 1; p["other"] = 2; c["windows"] = c["solaris"] = c["vm"] = c["zos"] = {}' 'echo ok'
gives "rootfsPropagation" "ok" 'l["rootfsPropagation"] = "rslave"' 'echo ok'
rm -f "$work/log"
gives "apparmorProfile, selinuxLabel and mountLabel are accepted" "ok" \
	'p["apparmorProfile"] = "a"; p["selinuxLabel"] = l["mountLabel"] = "b"' 'echo ok'
is "with one warning" "$(grep -c "labels are not applied: process.apparmorProfile a process.selinuxLabel b linux.mountLabel b" "$work/log") $(grep -c -i warning "$work/log")" "1 1"
rm -f "$work/log"
gives "an empty label is none" "ok" 'p["apparmorProfile"] = p["selinuxLabel"] = l["mountLabel"] = ""' 'echo ok'
is "without a warning" "$(grep -c "labels" "$work/log")" 0
gives "personality LINUX" "x86_64" 'l["personality"] = {"domain": "LINUX"}' 'uname -m'
rm -f "$work/log"
gives "seccomp" "denied" 'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}' 'mkdir /tmp/d 2>/dev/null || echo denied'
gives "a sysctl of the network is set in its namespace" "77" 'l["sysctl"] = {"net.ipv4.ip_default_ttl": "77"}' \
	'python3 -c "import socket; print(socket.socket().getsockopt(0, 2))"'
gives "one that the guest kernel has not is accepted" "ok" 'l["sysctl"] = {"kernel.shm_rmid_forced": "0"}' 'echo ok'
rm -f "$work/json"
edit "$work/b/config.json" 'c["process"]["args"] = ["/etc/passwd"]'
fails "with a JSON log" 126 "permission denied" --log "$work/json" --log-format json --debug --overlay=memory run --bundle "$work/b" "$id"
is "all of it is JSON, whoever writes, and the last error is the reason" "$(python3 -c '
import json, sys
v = [json.loads(x) for x in open(sys.argv[1])]
print(any("sysctl" in x["msg"] for x in v), [x["msg"] for x in v if x["level"] == "error"][-1])' "$work/json")" \
	'True unable to start container process: exec: "/etc/passwd": permission denied'
is "and said not to be there" "$(grep -c 'sysctl kernel.shm_rmid_forced=0: the guest kernel has no such setting yet' "$work/log")" 1

# On the host
bundle "$work/b" --annotation "k=v" -- sleep 1000
edit "$work/b/config.json" 'c["process"]["oomScoreAdj"] = 200; c["linux"]["resources"]["memory"] = {"limit": 134217728}'
passes "run -d" --overlay=memory --log "$work/log" run -d --bundle "$work/b" --pid-file "$work/pid" "$id"
passes "state" state "$id"
is "--pid-file: the pid of state" "$(cat "$work/pid")" "$(json "$work/out" 'c["pid"]')"
is "annotations are in the state" "$(json "$work/out" 'c["annotations"]')" "{'k': 'v'}"
pid=$(cat "$work/pid")
for _ in $(seq 100); do nacre ps "$id" | grep -q ' sleep 1000$' && break; sleep 0.1; done
is "oomScoreAdj: on the host, gofer and guest processes" \
	"$(for p in $pid $(nacre ps --format json "$id" | tr -d '[]' | tr , ' '); do cat "/proc/$p/oom_score_adj"; done | sort | uniq -c | tr -s ' ')" " 2 200"
nacre ps "$id" -e -o pid,args >"$work/out"
check "ps: the host shows the guest's command line" grep -q '^ *[0-9]* sleep 1000$' "$work/out"
passes "delete --force" delete --force "$id"
unshare --net sleep 1000 &
sleeper=$!
at_exit="$at_exit; kill $sleeper 2>/dev/null"
until [ "$(readlink "/proc/$sleeper/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
edit "$work/b/config.json" "[n for n in c['linux']['namespaces'] if n['type'] == 'network'][0]['path'] = '/proc/$sleeper/ns/net'"
edit "$work/b/config.json" 'c["process"]["oomScoreAdj"] = 0'
passes "a network namespace given by its path" --overlay=memory --log "$work/log" run -d --bundle "$work/b" --pid-file "$work/pid" "$id"
is "is where the container's pid is" "$(readlink "/proc/$(cat "$work/pid")/ns/net")" "$(readlink "/proc/$sleeper/ns/net")"
passes "delete it too" delete --force "$id"
kill $sleeper
bundle "$work/b" -- true
edit "$work/b/config.json" 'c["linux"]["devices"] = [{"path": "/dev/null", "type": "b", "major": 7, "minor": 0}]'
fails "a device where another kind of file is" 1 "linux.devices /dev/null: File exists" --overlay=memory create --bundle "$work/b" "$id"
is "nothing is left behind" "$(traces "$id")" "$before"
done_testing
