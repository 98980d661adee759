# SPDX-License-Identifier: Apache-2.0
# Bad bundles through create and run: exit 1, field and value in the message and in the JSON log, nothing left behind.
. "$(dirname "$0")/lib.sh"
before=$(traces cfgtest)

fresh() { # a good bundle to spoil
	rm -rf "$work/b" && mkdir -p "$work/b/rootfs/bin" && nacre spec --bundle "$work/b" &&
		edit "$work/b/config.json" 'c["process"]["terminal"] = False; c["process"]["args"] = ["/bin/true"]'
}
# bad NAME PYTHON TEXT
bad() {
	fresh
	edit "$work/b/config.json" "$2"
	rm -f "$work/log"
	run --log "$work/log" --log-format json create --bundle "$work/b" --pid-file "$work/pid" cfgtest
	msg=$(tail -1 "$work/log" >"$work/line" && json "$work/line" 'c["msg"] if c["level"] == "error" else ""')
	case $msg in *"$3"*) said=1 ;; *) said= ;; esac
	if [ "$rc" -eq 1 ] && [ -n "$said" ] && grep -qF -e "$3" "$work/err" && [ ! -e "$work/pid" ] && [ ! -s "$work/out" ]; then
		ok "$1"
	else
		not_ok "$1" "$work/err"
		diag "status $rc, wanted: $3"
	fi
}
bad "version" 'c["ociVersion"] = "3.0.0"' 'ociVersion: "3.0.0"'
bad "no root" 'del c["root"]' 'root: is required'
bad "missing rootfs" 'c["root"]["path"] = "gone"' 'root.path: "gone"'
bad "rootfs is a file" 'c["root"]["path"] = "config.json"' 'root.path: "config.json"'
bad "no process" 'del c["process"]' 'process: is required'
bad "no arguments" 'c["process"]["args"] = []' 'process.args: []'
bad "relative cwd" 'c["process"]["cwd"] = "tmp"' 'process.cwd: "tmp"'
bad "empty cwd" 'c["process"]["cwd"] = ""' 'process.cwd: ""'
bad "uid" 'c["process"]["user"]["uid"] = -1' 'process.user.uid: -1'
bad "capability" 'c["process"]["capabilities"]["bounding"].append("CAP_FLY")' 'process.capabilities.bounding[3]: "CAP_FLY"'
bad "duplicate limit" 'c["process"]["rlimits"] *= 2' 'process.rlimits[1].type: "RLIMIT_NOFILE"'
bad "unknown limit" 'c["process"]["rlimits"][0]["type"] = "RLIMIT_X"' 'process.rlimits[0].type: "RLIMIT_X"'
bad "terminal without a socket" 'c["process"]["terminal"] = True' 'process.terminal: true'
bad "console size" 'c["process"]["terminal"] = True; c["process"]["consoleSize"] = {"height": -1, "width": 1}' 'process.consoleSize.height: -1'
bad "duplicate namespace" 'c["linux"]["namespaces"].append({"type": "pid"})' 'linux.namespaces[6].type: "pid"'
bad "unknown namespace" 'c["linux"]["namespaces"][0]["type"] = "x"' 'linux.namespaces[0].type: "x"'
bad "namespace path of another type" 'c["linux"]["namespaces"][1]["path"] = "/proc/self/ns/uts"' 'linux.namespaces[1].path: "/proc/self/ns/uts"'
bad "namespace path that is gone" 'c["linux"]["namespaces"][1]["path"] = "/run/netns/cfgtest-gone"' 'linux.namespaces[1].path: "/run/netns/cfgtest-gone"'
bad "mount source" 'c["mounts"].append({"destination": "/x", "type": "bind", "source": "/gone", "options": ["rbind"]})' 'mounts[7].source: "/gone"'
bad "mount type" 'c["mounts"][0]["type"] = "nfs"' 'mounts[0].type: "nfs"'
bad "idmap" 'c["mounts"][1]["options"].append("idmap")' 'mounts[1].options[4]: "idmap"'
bad "hook path" 'c["hooks"] = {"prestart": [{"path": "x"}]}' 'hooks.prestart[0].path: "x"'
bad "seccomp action" 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_X"}' 'linux.seccomp.defaultAction: "SCMP_ACT_X"'
bad "memory limit" 'c["linux"]["resources"]["memory"] = {"limit": "1G"}' 'linux.resources.memory.limit: "1G"'
bad "sysctl" 'c["linux"]["sysctl"] = {"vm.overcommit_memory": "1"}' 'linux.sysctl.vm.overcommit_memory: "1"'
bad "propagation" 'c["linux"]["rootfsPropagation"] = "x"' 'linux.rootfsPropagation: "x"'
bad "time offsets" 'c["linux"]["timeOffsets"] = {"boottime": {"secs": 1}}' 'linux.timeOffsets'
bad "hostname without its namespace" 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "uts"]' 'hostname: "nacre"'
bad "user namespace without mappings" 'c["linux"]["namespaces"].append({"type": "user"})' 'linux.uidMappings: is required'
bad "other ids" 'c["linux"]["namespaces"].append({"type": "user"}); c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]' 'not supported yet'

for text in '' '{' '[]' '{"a" 1}' 'null' '{"ociVersion":"1.0.0"} x'; do
	fresh
	printf '%s' "$text" >"$work/b/config.json"
	fails "not a document: $text" 1 "config.json: " create --bundle "$work/b" cfgtest
done
fresh
printf '{\n"ociVersion": "1.0.0",\n"root": ,\n' >"$work/b/config.json"
fails "the line is named" 1 "config.json: line 3" create --bundle "$work/b" cfgtest
fresh && rm "$work/b/config.json" && mkdir "$work/b/config.json"
fails "config.json is a directory" 1 "Is a directory" create --bundle "$work/b" cfgtest
fresh
cp "$work/b/config.json" "$work/b/other.json" && edit "$work/b/other.json" 'c["process"]["cwd"] = "tmp"'
fails "run says the same, of another file" 1 'other.json: process.cwd: "tmp"' run --bundle "$work/b" --config other.json cfgtest
fails "and by its full name" 1 'process.cwd: "tmp"' run --bundle "$work/b" --config "$work/b/other.json" cfgtest
is "nothing is left behind" "$(traces cfgtest)" "$before"
done_testing
