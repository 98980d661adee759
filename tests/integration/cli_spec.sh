# SPDX-License-Identifier: Apache-2.0
# spec and features: documents that others read.
. "$(dirname "$0")/lib.sh"

mkdir -p "$work/b/rootfs"
passes "spec" spec --bundle "$work/b"
f=$work/b/config.json
is "version" "$(json "$f" 'c["ociVersion"]')" 1.3.0
is "a shell" "$(json "$f" 'c["process"]["args"]')" "['sh']"
is "with a terminal" "$(json "$f" 'c["process"]["terminal"]')" True
is "root" "$(json "$f" 'c["root"]')" "{'path': 'rootfs', 'readonly': True}"
is "namespaces" "$(json "$f" '" ".join(sorted(n["type"] for n in c["linux"]["namespaces"]))')" "cgroup ipc mount network pid uts"
fails "it is not overwritten" 1 "config.json exists. Remove it first" spec --bundle "$work/b"
fails "a missing bundle" 1 "/no/such" spec --bundle /no/such
mkdir -p "$work/r/rootfs"
passes "spec --rootless" spec --bundle "$work/r" --rootless
f=$work/r/config.json
is "a user namespace" "$(json "$f" '"user" in [n["type"] for n in c["linux"]["namespaces"]]')" True
is "no network namespace" "$(json "$f" '"network" in [n["type"] for n in c["linux"]["namespaces"]]')" False
is "the caller is root inside" "$(json "$f" 'c["linux"]["uidMappings"]')" "[{'containerID': 0, 'hostID': $(id -u), 'size': 1}]"
mkdir "$work/d" && (cd "$work/d" && run spec && [ "$rc" -eq 0 ] && [ -s config.json ])
is "spec in the working directory" $? 0

# runc's template has the same content, but for names and versions.
if command -v runc >/dev/null; then
	mkdir "$work/runc" && (cd "$work/runc" && runc spec)
	is "the same mounts as runc's" "$(json "$work/b/config.json" 'sorted(m["destination"] for m in c["mounts"])')" \
		"$(json "$work/runc/config.json" 'sorted(m["destination"] for m in c["mounts"])')"
	is "the same fields as runc's" "$(json "$work/b/config.json" 'sorted(c["process"]) + sorted(c["linux"])')" \
		"$(json "$work/runc/config.json" 'sorted(c["process"]) + sorted(c["linux"])')"
	edit "$work/runc/config.json" 'c["process"]["terminal"] = True'
	mkdir -p "$work/runc/rootfs"
	fails "runc's template is read" 1 "process.terminal: true: cannot allocate tty" create --bundle "$work/runc" spectest
else
	skip "runc's template" "no runc here"
fi

passes "features" features
f=$work/out
is "lowest version" "$(json "$f" 'c["ociVersionMin"]')" 1.0.0
is "highest version" "$(json "$f" 'c["ociVersionMax"]')" 1.3.0
is "hooks" "$(json "$f" '" ".join(c["hooks"])')" "prestart createRuntime createContainer startContainer poststart poststop"
is "mount options" "$(json "$f" 'all(o in c["mountOptions"] for o in "ro rw rbind nosuid tmpcopyup rprivate".split())')" True
is "none that is refused" "$(json "$f" '[o for o in ("idmap", "ridmap") if o in c["mountOptions"]]')" "[]"
is "cgroups" "$(json "$f" '[c["linux"]["cgroup"][k] for k in ("v1", "v2", "systemd")]')" "[True, True, $([ -x "$NACRE-systemd" ] && echo True || echo False)]"
is "seccomp" "$(json "$f" '(lambda s: (s["enabled"], "SCMP_ACT_TRACE" in s["actions"], "SCMP_ACT_NOTIFY" in s["actions"], len(s["operators"])))(c["linux"]["seccomp"])')" "(True, True, False, 7)"
is "capabilities" "$(json "$f" 'len(c["linux"]["capabilities"])')" 41
is "no user or time namespace" "$(json "$f" '[n for n in ("user", "time") if n in c["linux"]["namespaces"]]')" "[]"
done_testing
