# SPDX-License-Identifier: Apache-2.0
# What the command line asks of a sandbox: a fake one writes it down. Engines' real calls, each flag with its effect.
. "$(dirname "$0")/lib.sh"
NACRE=${NACRE_FAKE:-$NACRE_TOP/build/tests/integration/nacre-fake}
[ -x "$NACRE" ] || { echo "1..0 # SKIP no $NACRE"; exit 0; }
export FAKE_CALLS="$work/calls"

mkdir -p "$work/b/rootfs" && nacre spec --bundle "$work/b"
edit "$work/b/config.json" 'c["process"]["terminal"] = False; c["root"]["readonly"] = False'
mkdir -p "$work/t/rootfs" && nacre spec --bundle "$work/t"
B=$work/b T=$work/t
cat >"$work/p.json" <<'P'
{"args": ["ls", "-l"], "cwd": "/x", "user": {"uid": 5, "gid": 6}, "env": ["A=1"]}
P
sed 's/"args"/"terminal": true, "args"/' "$work/p.json" >"$work/pt.json"

# calls NAME STATUS 'line|line' ARGS...: the calls whose beginnings are given, in order.
calls() {
	name=$1 status=$2 want=$3
	shift 3
	rm -f "$FAKE_CALLS"
	run "$@"
	got=$(cut -d ' ' -f 1 "$FAKE_CALLS" 2>/dev/null | grep -vE '^(runtime|process|root|mount)$' | tr '\n' ' ')
	if [ "$rc" -eq "$status" ] && [ "$got" = "${want:+$want }" ]; then ok "$name"; else
		not_ok "$name" "$work/err"
		diag "status $rc, calls: $got, wanted: $want"
	fi
}
# said NAME TEXT: the calls of the last command hold TEXT.
said() { if grep -qF -e "$2" "$FAKE_CALLS"; then ok "$1"; else not_ok "$1 ($2)" "$FAKE_CALLS"; fi; }

# containerd-shim-runc-v2, conmon, Podman, CRI-O
calls "shim: create" 0 create --root /run/containerd/runc/ns --log "$work/log" --log-format json create --bundle "$B" --pid-file "$B/init.pid" c1
said "bundle, pid file" "id=c1 bundle=$B pidfile=$B/init.pid console=- preserve=0"
said "root" "root=/run/containerd/runc/ns platform=trap network=- overlay=none"
is "create prints nothing" "$(cat "$work/out")" ""
calls "shim: create, terminal" 0 create create --bundle "$T" --pid-file "$work/pid" --console-socket "$work/s" --no-pivot --no-new-keyring c1
said "console socket, no-pivot, no-new-keyring" "console=$work/s preserve=0 nopivot=1 nokeyring=1 fg=0 tty=0"
calls "conmon: create" 0 create create --bundle "$B" --pid-file "$work/pid" --no-pivot --preserve-fds 0 c1
calls "crun's spelling" 0 create --cgroup-manager disabled --log-format=json --log="$work/log" create --bundle="$B" --pid-file="$work/pid" c1
said "cgroup manager" "manager=disabled"
calls "start" 0 start start c1
calls "kill with a number" 0 signal kill c1 15
said "sig" "id=c1 sig=15 all=0"
calls "kill with a name" 0 signal kill c1 TERM
said "sig" "sig=15 all=0"
calls "kill with SIG" 0 signal kill c1 SIGKILL
said "sig" "sig=9 all=0"
calls "kill alone" 0 signal kill c1
said "SIGTERM" "sig=15"
calls "kill --all first" 0 signal kill --all c1 9
said "all" "sig=9 all=1"
calls "kill --all last" 0 signal kill c1 9 --all
said "all" "sig=9 all=1"
calls "delete" 0 delete delete c1
said "force=0" "force=0"
calls "delete --force" 0 delete delete --force c1
said "force=1" "force=1"
calls "pause" 0 pause pause c1
calls "resume" 0 resume resume c1
calls "environment without PATH" 0 delete delete --force c1
env -i FAKE_CALLS="$FAKE_CALLS" XDG_RUNTIME_DIR= "$NACRE" --root /r delete --force c9
said "even an empty one" "delete id=c9 force=1"
calls "exec --process --detach" 0 exec exec --process "$work/p.json" --detach --pid-file "$work/e.pid" c1
said "pid file, detach" "pidfile=$work/e.pid console=- preserve=0 detach=1"
said "process" "args=ls|-l cwd=/x uid=5 gid=6"
calls "exec with a console" 0 exec exec --pid-file "$work/e.pid" --process "$work/pt.json" --detach --console-socket "$work/s" c1
said "socket" "console=$work/s"
said "terminal" "terminal=1"
calls "exec --detach with a terminal and no socket" 255 "" exec --detach --process "$work/pt.json" c1

# exec by flags: the container's process object changed
export FAKE_BUNDLE="$B"
calls "exec COMMAND" 0 "state exec" exec c1 ls -l --color
said "args, of the container's process" "args=ls|-l|--color cwd=/ uid=0 gid=0 groups=0 terminal=0"
calls "exec with all" 0 "state exec" exec --cwd /tmp --env A=2 -e PATH=/x --user 7:8 -g 9 --additional-gids 10 --cap SYS_ADMIN --no-new-privs --cgroup sub --ignore-paused --apparmor p --process-label l c1 id
said "cwd, user, groups" "args=id cwd=/tmp uid=7 gid=8 groups=2 terminal=0"
said "capability added" "caps=20200420"
said "environment" "env=PATH=/x|TERM=xterm|A=2"
said "paused" "paused=1"
calls "exec --user bad" 255 "state" exec --user bob c1 id
calls "exec --cwd relative" 255 "state" exec --cwd tmp c1 id
calls "exec --env bad" 255 "state" exec --env A c1 id
calls "exec --cap bad" 255 "state" exec --cap FLY c1 id
FAKE_STATUS=768 calls "exec: status" 3 "state exec" exec c1 false
FAKE_STATUS=15 calls "exec: signal" 143 "state exec" exec c1 x
FAKE_FAIL=exec calls "exec: failure" 255 "state exec" exec c1 x
FAKE_FAIL=exec FAKE_PROGRAM_ERROR=127 calls "exec: not found" 127 "state exec" exec c1 x

# run
calls "run" 0 "create start wait delete" run --bundle "$B" c1
said "foreground" "fg=1 tty=0"
said "deleted for good" "delete id=c1 force=1"
calls "run --keep" 0 "create start wait" run --bundle "$B" --keep c1
calls "run --detach" 0 "create start" run --detach --bundle "$B" c1
FAKE_STATUS=1792 calls "run: status 7" 7 "create start wait delete" run --bundle "$B" c1
FAKE_STATUS=9 calls "run: killed" 137 "create start wait delete" run --bundle "$B" c1
FAKE_FAIL=create calls "run: create fails" 1 "create" run --bundle "$B" c1
FAKE_FAIL=create FAKE_PROGRAM_ERROR=126 calls "run: cannot execute" 126 "create" run --bundle "$B" c1
FAKE_FAIL=start calls "run: start fails" 1 "create start delete" run --bundle "$B" c1
FAKE_FAIL=start calls "run -d: start fails" 1 "create start delete" run -d --bundle "$B" c1
FAKE_FAIL=wait calls "run: wait fails" 1 "create start wait delete" run --bundle "$B" c1
calls "run -d with a terminal" 1 "" run -d --bundle "$T" c1
calls "run: console socket without a terminal" 1 "" run --bundle "$B" --console-socket "$work/s" c1
(cd "$B" && calls "bundle: the working directory" 0 "create start wait delete" run c1) && n=$((n + 1))
said "its path" "bundle=$B"

# signals reach the container
rm -f "$FAKE_CALLS"
FAKE_NAP=1500 "$NACRE" --root "$work/r" run --bundle "$B" c1 &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do grep -q wait "$FAKE_CALLS" 2>/dev/null && break; sleep 0.1; done
sleep 0.1
kill -TERM $pid
kill -USR1 $pid
wait $pid
said "SIGTERM is passed on" "signal id=c1 sig=15 all=0"
said "SIGUSR1 too" "signal id=c1 sig=10 all=0"

# a terminal of our own
cat >"$work/outer.py" <<'P'
import fcntl, os, pty, struct, sys, termios, time, signal
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
out = b""
while b"prompt> " not in out:
    out += os.read(fd, 1000)
raw = termios.tcgetattr(fd)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 90, 0, 0))
os.kill(pid, signal.SIGWINCH)
time.sleep(0.3)
os.write(fd, b"a\x03b\r")
try:
    while True:
        d = os.read(fd, 1000)
        if not d:
            break
        out += d
except OSError:
    pass
print(raw, repr(out), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
P
rm -f "$FAKE_CALLS"
got=$(FAKE_READ=1 FAKE_STATUS=1280 timeout 30 python3 "$work/outer.py" "$NACRE" --root "$work/r" run --bundle "$T" c1)
is "terminal: raw outside, bytes pass both ways, status" "$got" "0 b'prompt> got 4 bytes: a\\x03b\\r\\r\\n' 5"
said "terminal: a slave is given" "fg=1 tty=1"
said "terminal: its new size is told" "resize id=c1 40x90"
rm -f "$FAKE_CALLS"
got=$(FAKE_READ=1 timeout 30 python3 "$work/outer.py" "$NACRE" --root "$work/r" exec -t c1 sh)
is "exec -t the same" "$got" "0 b'prompt> got 4 bytes: a\\x03b\\r\\r\\n' 0"
said "terminal of exec" "detach=0 tty=1"

# descriptors
rm -f "$FAKE_CALLS"
"$NACRE" --root "$work/r" create --bundle "$B" --preserve-fds 2 c1 3</dev/null 4</dev/null
said "--preserve-fds" "preserve=2"
if "$NACRE" --root "$work/r" create --bundle "$B" --preserve-fds 2 c1 3</dev/null 4<&- 2>"$work/err"; then not_ok "a closed one"; else ok "a closed one"; fi
check "is named" grep -q -- "--preserve-fds: descriptor 4 (of 2) is not open" "$work/err"
rm -f "$FAKE_CALLS"
LISTEN_FDS=1 "$NACRE" --root "$work/r" create --bundle "$B" --preserve-fds 1 c1 3</dev/null 4</dev/null
said "LISTEN_FDS: descriptors" "preserve=2"
said "LISTEN_FDS: environment" "TERM=xterm|LISTEN_FDS=1|LISTEN_PID=1"

# global flags
calls "--debug --strace" 0 "create start wait delete" --debug --strace --platform trap --network none --overlay memory run --bundle "$B" c1
said "all calls" "platform=trap network=none overlay=memory strace=all debug=1"
calls "--strace=calls" 0 create --strace=openat,read create --bundle "$B" c1
said "these calls" "strace=openat,read debug=0"
calls "--systemd-cgroup" 1 "" --systemd-cgroup create --bundle "$B" c1
calls "--cgroup-manager systemd" 1 "" --cgroup-manager=systemd run --bundle "$B" c1
calls "delete works with it" 0 delete --systemd-cgroup delete --force c1
(cd "$work" && "$NACRE" --root rel list >/dev/null) && said "a relative root becomes absolute" "list root=$work/rel"

# list, ps, state
passes "list" list
is "two rows" "$(tail -n +2 "$work/out" | tr -s ' ' | head -1)" "one 4711 running $B 2026-01-02T03:04:05Z $(awk -F: '$3 == 0 { print $1; exit }' /etc/passwd)"
passes "list --format json" list --format json
is "an array" "$(json "$work/out" 'len(c)')" 2
passes "list -q" list -q
is "ids" "$(tr '\n' ' ' <"$work/out")" "one two "
passes "state" state c1
is "its document" "$(json "$work/out" 'c["pid"]')" 4711
passes "ps --format json" ps --format json c1
check "host pids" grep -qE '^\[[0-9]+\]$' "$work/out"
passes "ps" ps c1
is "control characters do not reach the terminal" "$(tail -1 "$work/out" | sed 's/.* //')" "sh?[2J"
passes "ps with options" ps c1 -o pid,comm
is "one process" "$(tail -n +2 "$work/out" | awk '{ print $2 }')" nacre-fake
fails "ps without the column" 1 "leave out the column PID" ps c1 -o comm

# do
unset FAKE_BUNDLE
mkdir -p "$work/dir/sub" "$work/shared"
cd "$work/dir"
calls "do" 0 "create start wait delete" do -- ls -l
said "program, root, all capabilities" "args=ls|-l cwd=$work/dir uid=0 gid=0 groups=0 terminal=0 caps=1ffffffffff"
said "this machine's root" "root / readonly=0"
said "in memory" "overlay=memory"
for d in "/root" /home /run /tmp /var/tmp /mnt; do said "$d is empty" "mount $d tmpfs tmpfs"; done
said "the working directory, read-only" "mount $work/dir bind $work/dir 5007"
FAKE_STATUS=1024 calls "do: status" 4 "create start wait delete" do false
FAKE_FAIL=create FAKE_PROGRAM_ERROR=127 calls "do: not found" 127 create do nothing
SECRET=1 TZ=UTC LC_ALL=C calls "do: environment" 0 "create start wait delete" do --env A=b --env SECRET -- env
said "short, and what was asked for" "HOME=/root|A=b|SECRET=1"
SECRET=1 TZ=UTC LC_ALL=C calls "do: no secrets" 0 "create start wait delete" do env
if grep -q SECRET "$FAKE_CALLS"; then not_ok "the rest stays outside" "$FAKE_CALLS"; else ok "the rest stays outside"; fi
said "TZ and LC_* are kept" "LC_ALL=C"
calls "do --share" 0 "create start wait delete" do --share "$work/shared" --share ../shared:rw x
said "read-only" "mount $work/shared bind $work/shared 5007"
said "writable" "mount $work/shared bind $work/shared 5006"
calls "do --share .:rw" 0 "create start wait delete" do --share .:rw x
said "writable working directory" "mount $work/dir bind $work/dir 5006"
is "only once" "$(grep -c "mount $work/dir " "$FAKE_CALLS")" 1
calls "do --rootfs" 0 "create start wait delete" do --rootfs "$B/rootfs" --workdir / --hostname box -- x
said "another root" "root $B/rootfs readonly=0"
if grep -q "mount /home" "$FAKE_CALLS"; then not_ok "nothing of it is hidden"; else ok "nothing of it is hidden"; fi
said "its working directory" "args=x cwd=/ "
calls "do --workdir relative" 0 "create start wait delete" do --workdir sub x
said "below the caller's" "cwd=$work/dir/sub"
calls "update" 0 update update --memory 64m --memory-swap=128MiB --memory-reservation 1.5k --pids-limit -1 --cpu-share 5 --cpuset-cpus 0-1 c1
said "as linux.resources" 'resources={"cpu":{"shares":5,"cpus":"0-1"},"memory":{"limit":67108864,"reservation":1536,"swap":134217728},"pids":{"limit":-1}}'
calls "update: the options in front of the container or behind" 0 update update c1 --blkio-weight 100 --cpu-quota -1 --cpu-idle 1
said "in order" 'resources={"blockIO":{"weight":100},"cpu":{"quota":-1,"idle":1}}'
calls "update --memory -1" 0 update update --memory -1 c1
said "swap without limit, too" 'resources={"memory":{"limit":-1,"swap":-1}}'
echo '{"memory":{"limit":5}}' >"$work/r.json"
calls "update --resources" 0 update update --resources "$work/r.json" c1
said "the file's" 'id=c1 resources={"memory":{"limit":5}}'
for v in 1x 1.2.3q -2 "" k 99999999999t; do
	[ -z "$v" ] && want=0 || want=1
	calls "update --memory '$v'" $want "$([ $want = 1 ] || echo update)" update --memory "$v" c1
done
calls "events --stats" 0 "monitor stats" events --stats c1
is "one line" "$(cat "$work/out")" '{"type":"stats","id":"c1","data":{}}'
calls "events" 0 "monitor stats" events --interval 100ms c1
is "in order, until the end" "$(tr '\n' ' ' <"$work/out")" '{"type":"oom","id":"c1"} {"type":"stats","id":"c1","data":{}} '
for v in 0s -1s 5 5x "" 1h1; do
	calls "events --interval '$v'" 1 "" events --interval "$v" c1
done
calls "do --user" 0 "create start wait delete" do --user 12:34 x
said "ids, no capabilities" "uid=12 gid=34 groups=0 terminal=0 caps=0"
calls "do --user name" 0 "create start wait delete" do --user "$(awk -F: '$3 == 1 { print $1; exit }' /etc/passwd)" x
said "from passwd" "uid=1 "
calls "do --user unknown" 1 "" do --user nobody-at-all x
calls "do --share missing" 1 "" do --share /no/such x
calls "do --rootfs missing" 1 "" do --rootfs /no/such x
calls "do --env unknown" 1 "" do --env NOT_SET_AT_ALL x
calls "do without a command" 1 "" do
cd /tmp
calls "do in /tmp" 0 "create start wait delete" --log "$work/do.log" do x
if grep -q "mount /tmp bind" "$FAKE_CALLS"; then not_ok "does not show it"; else ok "does not show it"; fi
check "says so" grep -q "/tmp is not shown inside" "$work/do.log"
done_testing
