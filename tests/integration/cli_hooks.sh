# SPDX-License-Identifier: Apache-2.0
# Hooks: the order, the state on standard input, the namespaces they run in; one that fails ends create or start.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
id=hooks-$$
at_exit='nacre delete --force $id >/dev/null 2>&1'
before=$(traces "$id")
mkdir "$work/shared"
# A hook notes its kind, the state's status and whether it has a pid, its namespaces and its working directory.
cat >"$work/shared/hook" <<'H'
#!/bin/sh
state=$(cat)
status=$(printf %s "$state" | sed 's/.*"status":"\([a-z]*\)".*/\1/')
case $state in *'"pid":'[1-9]*) pid=pid ;; *) pid=none ;; esac
printf '%s' "$state" >"$(dirname "$0")/state.$1"
echo "$1 $status $pid" >>"$(dirname "$0")/order"
echo "$1 $(readlink /proc/self/ns/mnt) $(readlink /proc/self/ns/net) $(pwd) ${NAME-unset}" >>"$(dirname "$0")/places"
exit "${2:-0}"
H
chmod 755 "$work/shared/hook"
# make [PYTHON]: a bundle with all hooks, the startContainer one by its path inside.
make() {
	bundle "$work/b" --bind "$work/shared:/shared" --annotation "a.b=c" -- sh -c 'echo program >>/shared/order'
	edit "$work/b/config.json" "
h = lambda kind, where, *a: {'path': where + '/hook', 'args': ['hook', kind, *a], 'env': ['NAME=' + kind, 'PATH=/usr/bin:/bin']}
kinds = 'prestart createRuntime createContainer poststart poststop'.split()
c['hooks'] = {k: [h(k, '$work/shared')] for k in kinds}
c['hooks']['startContainer'] = [h('startContainer', '/shared')]
${1:-}"
	rm -f "$work/shared/order" "$work/shared/places"
}
order() { tr '\n' '|' <"$work/shared/order"; }
place() { awk -v k="$1" -v f="$2" '$1 == k {print $f}' "$work/shared/places"; }

make
passes "create" --log "$work/log" create --bundle "$work/b" "$id"
is "create: its hooks, in order" "$(order)" "prestart creating pid|createRuntime creating pid|createContainer creating pid|"
pid=$(nacre state "$id" >"$work/state"; json "$work/state" 'c["pid"]')
is "prestart: the runtime's mount namespace" "$(place prestart 2)" "$(readlink /proc/self/ns/mnt)"
is "createRuntime: the same" "$(place createRuntime 2) $(place createRuntime 3)" \
	"$(readlink /proc/self/ns/mnt) $(readlink /proc/self/ns/net)"
is "createContainer: the container's namespaces" "$(place createContainer 2) $(place createContainer 3)" \
	"$(readlink "/proc/$pid/ns/mnt") $(readlink "/proc/$pid/ns/net")"
isnt() { if [ "$2" != "$3" ]; then ok "$1"; else not_ok "$1"; diag "both are $2"; fi; }
isnt "which are others" "$(place createContainer 2)" "$(readlink /proc/self/ns/mnt)"
is "createRuntime: in the bundle, with its own environment" "$(place createRuntime 4) $(place createRuntime 5)" \
	"$(readlink -f "$work/b") createRuntime"
is "the state: id, bundle, pid and annotations" \
	"$(json "$work/shared/state.createRuntime" '[c["id"] == "'"$id"'", c["bundle"], c["pid"] == '"$pid"', c["annotations"]]')" \
	"[True, '$(readlink -f "$work/b")', True, {'a.b': 'c'}]"
passes "start" --log "$work/log" start "$id"
until_stopped() { for _ in $(seq 100); do nacre state "$id" | grep -q '"stopped"' && return; sleep 0.1; done; }
until_stopped
is "start: its hooks around the program" "$(order | sed 's/.*createContainer creating pid|//; s/program|\(poststart running [a-z]*|\)/\1program|/')" \
	"startContainer created pid|poststart running pid|program|"
isnt "startContainer: in the guest, whose namespaces have other numbers" "$(place startContainer 2)" "$(readlink "/proc/$pid/ns/mnt")"
is "startContainer: its environment" "$(place startContainer 5)" startContainer
is "poststart: the runtime's" "$(place poststart 2)" "$(readlink /proc/self/ns/mnt)"
passes "delete" delete "$id"
is "delete: poststop, without a pid" "$(order | sed 's/.*|\(poststop\)/\1/')" "poststop stopped none|"
is "poststop: the runtime's" "$(place poststop 2)" "$(readlink /proc/self/ns/mnt)"

# Several of a kind run in the order of the list.
make 'c["hooks"] = {"createRuntime": [h(str(i), "'"$work/shared"'") for i in range(5)]}'
passes "five hooks" run --bundle "$work/b" "$id"
is "in the order of the list" "$(order)" "0 creating pid|1 creating pid|2 creating pid|3 creating pid|4 creating pid|program|"

# Failures.
for kind in prestart createRuntime createContainer; do
	make "c['hooks']['$kind'] = [h('$kind', '$work/shared', '7')]"
	fails "$kind fails: create fails" 1 "error running $kind hook #0 $work/shared/hook: exit status 7" \
		create --bundle "$work/b" --pid-file "$work/pid" "$id"
	is "$kind fails: poststop runs, nothing is left" "$(order | sed 's/.*|\(poststop\)/\1/') $(traces "$id")" \
		"poststop stopped none| $before"
	[ ! -e "$work/pid" ] || not_ok "$kind fails: no pid file"
done
make "c['hooks']['startContainer'] = [h('startContainer', '/shared', '7')]"
passes "startContainer that fails: create" --log "$work/log" create --bundle "$work/b" "$id"
fails "start fails" 1 "error running startContainer hook #0 /shared/hook: exit status 7" start "$id"
is "the program has not run" "$(grep -c program "$work/shared/order")" 0
is "the container is stopped" "$(nacre state "$id" >"$work/state"; json "$work/state" 'c["status"]')" stopped
passes "and can be deleted" delete "$id"
make "c['hooks']['startContainer'] = [{'path': '/no/such'}]"
fails "startContainer that is missing in the container" 1 "startContainer hook #0 /no/such" run --bundle "$work/b" "$id"
make "c['hooks']['startContainer'] = [{'path': '/bin/sleep', 'args': ['sleep', '1000'], 'timeout': 1}]"
fails "startContainer that takes too long" 1 "startContainer hook #0 /bin/sleep: timed out after 1 s" run --bundle "$work/b" "$id"
make "c['hooks']['poststart'] = [h('poststart', '$work/shared', '7')]; c['process']['args'] = ['sleep', '1000']"
passes "poststart that fails: create" --log "$work/log" create --bundle "$work/b" "$id"
fails "start fails" 1 "error running poststart hook #0 $work/shared/hook: exit status 7" start "$id"
until_stopped
is "and the container was stopped" "$(nacre state "$id" >"$work/state"; json "$work/state" 'c["status"]')" stopped
passes "delete it" delete "$id"
make "c['hooks']['poststop'] = [h('poststop', '$work/shared', '7')]"
passes "poststop that fails is a warning" --log "$work/log2" run --bundle "$work/b" "$id"
check "in the log" grep -q "warning.*error running poststop hook #0" "$work/log2"
make "c['hooks']['createRuntime'] = [{'path': '/bin/sleep', 'args': ['sleep', '1000'], 'timeout': 1}]"
fails "a hook beyond its timeout" 1 "timed out after 1 s" create --bundle "$work/b" "$id"
make "c['hooks']['createRuntime'] = [{'path': '/no/such'}]"
fails "a hook that is not there" 1 "error running createRuntime hook #0 /no/such: No such file" create --bundle "$work/b" "$id"
make "c['hooks']['createRuntime'] = [{'path': '/bin/sh', 'args': ['sh', '-c', 'echo out; echo err >&2; exit 1']}]"
fails "its output is in the message" 1 "exit status 1, stdout: out" create --bundle "$work/b" "$id"
is "nothing is left behind" "$(traces "$id")" "$before"
done_testing
