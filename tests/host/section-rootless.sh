# SPDX-License-Identifier: Apache-2.0
# Users without root, in login sessions: one with a range in /etc/subuid, one without.
. "$NACRE_TOP/tests/integration/lib.sh"
chmod 755 "$work"
# as USER COMMAND: in a login session of its own
as() { su -l "$1" -c "$2" </dev/null; }
session() { # NAME USER COMMAND WANTED
	got=$(as "$2" "$3" 2>"$work/err")
	if [ "$got" = "$4" ]; then ok "$1"; else
		not_ok "$1" "$work/err"
		diag "got:    $got"
		diag "wanted: $4"
	fi
}
for u in user lonely; do
	loginctl enable-linger $u
	for _ in $(seq 100); do [ -S "/run/user/$(id -u $u)/bus" ] && break; sleep 0.3; done
	check "$u: there is a user manager" [ -S "/run/user/$(id -u $u)/bus" ]
	mkdir -p "$work/$u/rootfs/bin" "$work/$u/rootfs/tmp"
	cp /bin/busybox "$work/$u/rootfs/bin/"
	for a in sh sleep id cat; do ln -s busybox "$work/$u/rootfs/bin/$a"; done
	chown -R $u:$u "$work/$u"
	session "$u: a login session" $u 'echo ${XDG_RUNTIME_DIR:-none}' "/run/user/$(id -u $u)"
	session "$u: do" $u "$NACRE do -- sh -c 'id -u; exit 5'; echo \$?" "0
5"
	as $u "cd $work/$u && $NACRE spec --rootless"
	edit "$work/$u/config.json" "
c['process']['terminal'] = False
c['root']['readonly'] = False
c['process']['args'] = ['sh', '-c', 'sleep 1000']
c['linux'].setdefault('resources', {}).update({'memory': {'limit': 96 << 20}, 'pids': {'limit': 20}})
del c['linux']['uidMappings'], c['linux']['gidMappings']
c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'user']"
	session "$u: run -d with limits" $u "cd $work/$u && $NACRE run -d --pid-file $work/$u/pid c1 </dev/null >$work/$u/log 2>&1; echo \$?" 0
	group=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(cat "$work/$u/pid")/cgroup")
	is "$u: in a scope of the user's manager" "${group#/sys/fs/cgroup}" "/user.slice/user-$(id -u $u).slice/user@$(id -u $u).service/user.slice/nacre-c1.scope"
	is "$u: the kernel beside it" "$(cat "/proc/$(pgrep -x nacre-kernel)/cgroup")" "0::/user.slice/user-$(id -u $u).slice/user@$(id -u $u).service/user.slice/nacre-kernel-c1.scope"
	is "$u: memory.max and pids.max" "$(cat "$group/memory.max" "$group/pids.max" | tr '\n' ' ')" "100663296 104 "
	is "$u: the gofer is the user's" "$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/$(cat "$work/$u/pid")/status")" "$(id -u $u)"
	session "$u: from another session: exec" $u "$NACRE exec c1 id -u" 0
	session "$u: pause and resume" $u "$NACRE pause c1 && $NACRE state c1 | grep -c paused && $NACRE resume c1" 1
	session "$u: delete" $u "$NACRE delete --force c1; echo \$?; ls -A /run/user/$(id -u $u)/nacre" 0
	sleep 2
	is "$u: no scope is left" "$(as $u 'systemctl --user list-units --no-legend --all "nacre*"')$(ls -d "$group" 2>/dev/null)" ""
	loginctl disable-linger $u
done
sysctl -q kernel.unprivileged_userns_clone=0
as user "$NACRE do -- true" >"$work/out" 2>&1
check "a host that forbids user namespaces is named" grep -q 'may not make user namespaces (kernel.unprivileged_userns_clone is 0): run nacre as root' "$work/out"
as user "$NACRE doctor" >"$work/out" 2>&1
rc=$?
is "nacre doctor ends with 1" "$rc" 1
check "and says why" grep -q '^MISSING *user namespaces for user' "$work/out"
sysctl -q kernel.unprivileged_userns_clone=1
done_testing
