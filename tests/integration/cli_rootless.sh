# SPDX-License-Identifier: Apache-2.0
# nacre without root: as a user with a range in /etc/subuid, as one without, and as the root of a user namespace. The users exist in a
# mount namespace of this test only.
. "$(dirname "$0")/lib.sh"
if [ -z "${ROOTLESS_INSIDE:-}" ]; then
	[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
	ROOTLESS_INSIDE=1 exec unshare --mount --propagation private sh "$0"
fi
many=54301 lone=54302
for f in passwd group subuid subgid; do
	cat /etc/$f >"$work/$f" 2>/dev/null
done
for u in many:$many lone:$lone; do
	echo "nacre-${u%:*}:x:${u#*:}:${u#*:}::$work/home:/bin/sh" >>"$work/passwd"
	echo "nacre-${u%:*}:x:${u#*:}:" >>"$work/group"
done
echo "nacre-many:3000000:65536" | tee -a "$work/subuid" >>"$work/subgid"
for f in passwd group subuid subgid; do
	touch /etc/$f && mount --bind "$work/$f" /etc/$f || exit 1
done
# Everything where these users may come.
chmod 755 "$work"
mkdir -p "$work/bin" "$work/home" "$work/rootfs/bin" "$work/rootfs/tmp" "$work/rootfs/etc"
for p in nacre nacre-kernel nacre-gofer nacre-stub; do cp "$(dirname "$NACRE")/$p" "$work/bin/"; done
cp /bin/busybox "$work/rootfs/bin/"
for a in sh id touch chown ls sleep cat; do ln -s busybox "$work/rootfs/bin/$a"; done
for u in $many $lone; do
	mkdir -p "$work/$u/run" "$work/$u/b"
	cp -a "$work/rootfs" "$work/$u/b/"
	chown -R $u:$u "$work/$u"
done
# as UID COMMAND...
as() {
	who=$1
	shift
	setpriv --reuid "$who" --regid "$who" --clear-groups env -i PATH="$PATH" HOME="$work/home" XDG_RUNTIME_DIR="$work/$who/run" "$@"
}
# user UID ARGS...: nacre as that user; status in $rc, output in $work/out and $work/err.
user() {
	who=$1 rc=0
	shift
	(cd "$work/$who/b" && as "$who" timeout "${LIMIT:-60}" "$work/bin/nacre" "$@") >"$work/out" 2>"$work/err" </dev/null || rc=$?
}
# user_is NAME STATUS OUTPUT: of the last user().
user_is() {
	if [ "$rc" -eq "$2" ] && [ "$(cat "$work/out")" = "$3" ]; then ok "$1"; else
		not_ok "$1" "$work/out" "$work/err"
		diag "status $rc"
	fi
}
config() { # UID COMMAND: a config.json of `nacre spec --rootless` for it, without mappings unless $3 is mapped
	rm -f "$work/$1/b/config.json"
	user "$1" spec --rootless
	edit "$work/$1/b/config.json" "
c['process']['terminal'] = False
c['root']['readonly'] = False
c['process']['args'] = ['sh', '-c', '''$2''']
caps = c['process']['capabilities']
for k in caps: caps[k] = caps[k] + ['CAP_CHOWN']
if '${3:-}' != 'mapped':
    del c['linux']['uidMappings'], c['linux']['gidMappings']
    c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'user']"
	chown "$1:$1" "$work/$1/b/config.json"
}
life_of() { # UID LABEL
	u=$1 label=$2
	user "$u" --log "$work/$u/log" do -- sh -c 'id -u; uname -r | cut -d. -f1,2; exit 7'
	user_is "$label: do" 7 "0
6.12"
	is "$label: one warning that there is no cgroup" "$(grep -c 'no cgroup for container' "$work/$u/log")" "$expect_warnings"
	config "$u" 'touch /tmp/made; sleep 1000'
	user "$u" run -d c1
	user_is "$label: run -d" 0 ""
	pid=$(as "$u" "$work/bin/nacre" state c1 | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
	is "$label: the gofer is the caller" "$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/$pid/status")" "$u"
	user "$u" exec c1 id -u
	user_is "$label: exec" 0 0
	user "$u" exec -d --pid-file "$work/$u/pid" c1 sleep 1000
	user_is "$label: exec -d" 0 ""
	for _ in $(seq 50); do grep -q '^Name:.nacre-status' "/proc/$(cat "$work/$u/pid")/status" && grep -q '^Seccomp:.2' "/proc/$(cat "$work/$u/pid")/status" && break; sleep 0.1; done
	is "$label: its status process has no rights" "$(sed -n 's/^\(CapPrm\|CapEff\|CapBnd\|Seccomp\):\t//p' "/proc/$(cat "$work/$u/pid")/status" | tr '\n' ' ')" \
		"0000000000000000 0000000000000000 0000000000000000 2 "
	user "$u" ps c1
	check "$label: ps" grep -q 'sleep 1000' "$work/out"
	is "$label: a file that it makes is the caller's" "$(stat -c %u "$work/$u/b/rootfs/tmp/made")" "$u"
	user "$u" kill c1 KILL
	user_is "$label: kill" 0 ""
	for _ in $(seq 100); do as "$u" "$work/bin/nacre" state c1 | grep -q '"stopped"' && break; sleep 0.1; done
	user "$u" delete c1
	user_is "$label: delete" 0 ""
	for _ in $(seq 50); do pgrep -u "$u" >/dev/null || break; sleep 0.1; done
	is "$label: nothing is left" "$(ls -A "$work/$u/run/nacre" "$work/$u/run/nacre-users" 2>/dev/null | grep -v -e : -e '^$')$(pgrep -u "$u")" ""
}
# A user may make cgroups where somebody has delegated him some: not here, for this test is root's.
expect_warnings=$([ -d /sys/fs/cgroup ] && echo 1 || echo 0)
life_of $lone "one id"
config $lone 'chown 5 /tmp/made; echo $?'
user $lone run c2
check "one id: there is no other to give a file to" grep -qx 1 "$work/out"
config $lone 'id -u' mapped
user $lone run c3
user_is "one id: the mapping of nacre spec --rootless" 0 0
if command -v newuidmap >/dev/null; then
	life_of $many "many ids"
	config $many 'chown 5:6 /tmp/made; ls -ln /tmp/made'
	user $many run c2
	check "many ids: a file given away inside" grep -q ' 5  *6 ' "$work/out"
	is "many ids: is a subordinate id's outside" "$(stat -c %u:%g "$work/$many/b/rootfs/tmp/made")" 3000004:3000005
	config $many 'sleep 1000'
	user $many run -d c4
	pid=$(as $many "$work/bin/nacre" state c4 | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
	kernel=$(for p in $(pgrep -x nacre-kernel); do [ "$(readlink /proc/$p/ns/user)" = "$(readlink /proc/$pid/ns/user)" ] && echo $p; done)
	uid=$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/$kernel/status")
	check "many ids: the kernel's user is none of the container's" [ "$uid" -ge 3032767 ]
	user $many delete --force c4
	user_is "many ids: delete --force" 0 ""
else
	skip "many ids" "newuidmap is not installed"
fi
config $lone true
edit "$work/$lone/b/config.json" 'c["linux"]["resources"] = {"memory": {"limit": 100000000}}'
user $lone run c5
if [ "$rc" -eq 1 ] && grep -q 'linux.resources.memory: cannot set limit' "$work/err"; then ok "a limit without a cgroup is refused"; else not_ok "a limit without a cgroup is refused" "$work/err"; fi
is "and leaves nothing" "$(ls -A "$work/$lone/run/nacre")" ""
# As podman calls it: root of a user namespace that maps little.
rc=0
as $lone unshare --user --map-root-user "$work/bin/nacre" do -- sh -c 'id -u; exit 9' >"$work/out" 2>"$work/err" || rc=$?
user_is "the root of a user namespace" 9 0
# What this host says when it allows no user namespaces.
if (echo 0 >"$work/zero" && mount --bind "$work/zero" /proc/sys/user/max_user_namespaces) 2>/dev/null; then
	user $lone do -- true
	if [ "$rc" -eq 1 ] && grep -q "user $lone may not make user namespaces (user.max_user_namespaces is 0): run nacre as root" "$work/err"; then
		ok "a host without user namespaces is named"
	else
		not_ok "a host without user namespaces is named" "$work/err"
	fi
	umount /proc/sys/user/max_user_namespaces
fi
done_testing
