# SPDX-License-Identifier: Apache-2.0
# Bad words on the command line: what is wrong is named, nothing is left behind.
. "$(dirname "$0")/lib.sh"
before=$(traces errtest)

fails "--platform kvm" 1 "--platform kvm: not supported yet" --platform kvm list
fails "--platform=vm" 1 "--platform vm: not supported yet" --platform=vm list
fails "--platform bogus" 1 '--platform: "bogus" is none of trap, kvm, vm' --platform bogus list
fails "--hypervisor without vm" 1 '--hypervisor: "qemu"' --hypervisor qemu list
fails "--network sandbox" 1 "--network sandbox: not supported yet" --network sandbox list
fails "--network bogus" 1 '--network: "bogus"' --network bogus list
fails "--overlay bogus" 1 '--overlay: "bogus"' --overlay=bogus list
fails "--overlay dir:" 1 "not supported yet" --overlay=dir:/tmp list
fails "--cgroup-manager bogus" 1 '--cgroup-manager: "bogus"' --cgroup-manager=bogus list
fails "--rootless bogus" 1 '--rootless: "bogus"' --rootless bogus list
fails "--log-format bogus" 1 '--log-format: "bogus" is neither text nor json' --log-format bogus list
fails "--log in a missing directory" 1 "--log /no/such/dir/log: No such file" --log /no/such/dir/log list
fails "--debug=maybe" 1 '--debug: "maybe" is neither true nor false' --debug=maybe list
for id in '' . .. a/b '../x' 'a b' "$(printf 'a\tb')" "$(printf '%01025d' 0)"; do
	fails "id \"$(printf %.12s "$id")\"" 1 "invalid container ID format" state "$id"
done
fails "state of a missing container" 1 "container does not exist" state errtest
fails "start of a missing container" 1 "container does not exist" start errtest
fails "kill of a missing container" 1 "container does not exist" kill errtest 9
fails "delete of a missing container" 1 "container does not exist" delete errtest
passes "delete --force of a missing container" delete --force errtest
fails "ps of a missing container" 1 "container does not exist" ps errtest
fails "pause of a missing container" 1 "container does not exist" pause errtest
fails "exec in a missing container" 255 "container does not exist" exec errtest true
fails "unknown signal" 1 'unknown signal "NOPE"' kill errtest NOPE
fails "bad format" 1 'invalid format option "xml"' list --format xml
fails "missing bundle" 1 "bundle /no/such: No such file" create --bundle /no/such errtest
fails "bundle without config.json" 1 "config.json not found" create --bundle "$work" errtest
fails "--preserve-fds without descriptors" 1 '--preserve-fds: "x"' create --preserve-fds x errtest
passes "list of nothing" list
is "its table" "$(cat "$work/out" | tr -s ' ')" "ID PID STATUS BUNDLE CREATED OWNER"
passes "list --format json of nothing" list --format=json
is "is null" "$(cat "$work/out")" null
passes "list -q of nothing" list -q
is "is empty" "$(cat "$work/out")" ""

# What engines read: the last error line of the log.
run --log "$work/log" --log-format json state errtest
is "log line: level" "$(tail -1 "$work/log" >"$work/line"; json "$work/line" 'c["level"]')" error
is "log line: message" "$(json "$work/line" 'c["msg"].startswith("container does not exist")')" True
check "log line: time" json "$work/line" '__import__("datetime").datetime.strptime(c["time"][:19], "%Y-%m-%dT%H:%M:%S")'
check "stderr has it too" grep -q "container does not exist" "$work/err"
run --log "$work/log" --log-format json state errtest
is "the log is appended to" "$(wc -l <"$work/log")" 2
run --log="$work/text" --log-format=text state errtest
check "text log" grep -q 'error: container does not exist' "$work/text"

if [ "$(id -u)" -eq 0 ] && [ ! -d /run/systemd/system ]; then
	mkdir -p "$work/b/rootfs" && run spec --bundle "$work/b"
	edit "$work/b/config.json" 'c["process"]["terminal"] = False; c["process"]["args"] = ["true"]'
	fails "--systemd-cgroup without systemd" 1 "systemd" --systemd-cgroup run --bundle "$work/b" errtest
else
	skip "--systemd-cgroup without systemd" "systemd runs here, or no root"
fi

# Without rights: said, never an empty list.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	mkdir -p "$work/priv/c1" && chmod 700 "$work/priv" && chmod 755 "$work"
	cp "$NACRE" "$work/nacre"
	as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$work/nacre" --root "$work/priv" "$@" >"$work/out" 2>"$work/err"; }
	for c in list "state c1" "ps c1"; do
		as_nobody $c
		rc=$?
		if [ $rc -eq 1 ] && grep -q "permission denied: $work/priv" "$work/err"; then ok "$c without rights"; else not_ok "$c without rights" "$work/err" "$work/out"; fi
	done
fi
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	# says NAME TEXT COMMAND...: status 1 and TEXT.
	says() {
		name=$1 text=$2
		shift 2
		timeout 20 "$@" >"$work/out" 2>"$work/err" </dev/null
		rc=$?
		if [ $rc -eq 1 ] && grep -qF -e "$text" "$work/err"; then ok "$name"; else not_ok "$name" "$work/err"; diag "status $rc"; fi
	}
	nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
	says "list without root and without a place" "--root is needed: XDG_RUNTIME_DIR is not set" \
		env -u XDG_RUNTIME_DIR $nobody "$work/nacre" list
	# An unreadable state is no absent one.
	mkdir "$work/half" "$work/half/c1" && echo '{}' >"$work/half/c1/state.json" && chmod 600 "$work/half/c1/state.json"
	for c in list "list -q" "list --format json" "state c1" "ps c1" "kill c1 9" "delete c1" "start c1" "pause c1" "update --pids-limit 5 c1" "events --stats c1"; do
		says "$c of an unreadable state" "permission denied: $work/half/c1" $nobody "$work/nacre" --root "$work/half" $c
	done
	chmod 700 "$work/half"
	says "delete --force of an unreadable one" "$work/half/c1" $nobody "$work/nacre" --root "$work/half" delete --force c1
fi
is "nothing is left behind" "$(traces errtest)" "$before"
done_testing
