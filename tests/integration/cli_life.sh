# SPDX-License-Identifier: Apache-2.0
# A container's life through real calls: states, wrong states, signals, pause, exec, descriptors, terminals, statuses.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
id=life-$$
at_exit='nacre delete --force $id >/dev/null 2>&1; nacre delete --force $id-2 >/dev/null 2>&1'
before=$(traces "$id")
mkdir "$work/shared"
N="--overlay=memory --log $work/log"
status() { nacre state "$id" >"$work/state" && json "$work/state" 'c["status"]'; }
await() { for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; return 1; }
stopped() { [ "$(status)" = stopped ]; }
make() { bundle "$work/b" --bind "$work/shared:/shared" -- "$@"; }

make sh -c 'trap "echo term >>/shared/got" TERM; trap "echo usr1 >>/shared/got" USR1; echo up >/shared/got; while :; do sleep 0.1; done'
passes "create" $N create --bundle "$work/b" --pid-file "$work/pid" "$id"
is "stdout stays empty" "$(cat "$work/out")" ""
is "created" "$(status)" created
is "nothing runs before start" "$(ls "$work/shared")" ""
fails "create twice" 1 "container with given ID already exists: $id" $N create --bundle "$work/b" "$id"
is "the first is still there" "$(status)" created
fails "run on its id" 1 "container with given ID already exists" $N run --bundle "$work/b" "$id"
fails "exec before start" 255 "cannot exec in a container that is not running" exec "$id" true
fails "delete before its end" 1 "cannot delete container $id that is not stopped: created" delete "$id"
passes "start" start "$id"
await test -s "$work/shared/got"
is "running" "$(status)" running
fails "start twice" 1 "cannot start a container that is running: $id" start "$id"
fails "delete while it runs" 1 "cannot delete container $id that is not stopped: running" delete "$id"
fails "resume what is not paused" 1 "cannot resume container $id: it is not paused" resume "$id"
passes "kill USR1 by its name" kill "$id" USR1
await grep -q usr1 "$work/shared/got"
passes "kill 15 by number" kill "$id" 15
await grep -q term "$work/shared/got"
is "both arrived" "$(tr '\n' ' ' <"$work/shared/got")" "up usr1 term "
passes "kill 0 asks whether it lives" kill "$id" 0

# list, state and ps of it
passes "list -q" list -q
check "it is listed" grep -qx "$id" "$work/out"
passes "list" list
check "with pid, status and bundle" grep -q "^$id  *$(cat "$work/pid")  *running  *$(readlink -f "$work/b")  *20..-..-..T..:..:..Z  *root$" "$work/out"
passes "list --format json" list --format json
is "its members" "$(json "$work/out" '[sorted(x) for x in c if x["id"] == "'"$id"'"][0]')" \
	"['bundle', 'created', 'id', 'ociVersion', 'pid', 'rootfs', 'status']"
passes "ps" ps "$id"
check "the guest's numbers and command line" grep -q '^0  *1  *0  *[1-9][0-9]* sh -c trap' "$work/out"
passes "ps --format json" ps --format json "$id"
check "numbers of processes of this host" test -d "/proc/$(tr -d '[]' <"$work/out" | cut -d , -f 1)"

# exec
passes "exec" exec "$id" sh -c 'echo $$ >/shared/exec; id -u >>/shared/exec'
is "in the container" "$(sed -n 2p "$work/shared/exec")" 0
run exec "$id" sh -c 'exit 7'
is "exec: its status" "$rc" 7
run exec "$id" sh -c 'kill -KILL $$'
is "exec: 128 + its signal" "$rc" 137
fails "exec: 127" 127 'exec: "/no/such": no such file or directory' exec "$id" /no/such
fails "exec: 127 without a path" 127 'exec: "nothing": executable file not found in $PATH' exec "$id" nothing
fails "exec: 126" 126 'exec: "/etc/passwd": permission denied' exec "$id" /etc/passwd
run exec --user 7:8 --additional-gids 9 --cwd /usr --env A=b "$id" sh -c 'echo $(id -u) $(id -g) $(id -G) $PWD $A'
is "exec: --user, --additional-gids, --cwd, --env" "$(cat "$work/out")" "7 8 8 9 /usr b"
run exec --no-new-privs --cap SYS_TIME "$id" sh -c 'grep -E "NoNewPrivs|CapEff" /proc/self/status | cut -f 2'
is "exec: --cap and --no-new-privs" "$(tr '\n' ' ' <"$work/out")" "00000000aa0425fb 1 "
printf '{"args": ["sh", "-c", "echo $A; exit 4"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin", "A=from-file"]}' >"$work/p.json"
run exec --process "$work/p.json" "$id"
is "exec --process" "$rc $(cat "$work/out")" "4 from-file"
passes "exec --detach" exec --detach --pid-file "$work/e.pid" "$id" sh -c 'while [ ! -e /shared/end ]; do sleep 0.1; done'
check "exec --detach: its pid file names a process that lives" test -d "/proc/$(cat "$work/e.pid")"
touch "$work/shared/end"
await sh -c "! grep -q '^State:.[^Z]' /proc/$(cat "$work/e.pid")/status"
is "and that ends with it" "$?" 0
echo from-stdin >"$work/in"
STDIN=$work/in
run exec "$id" cat
STDIN=
is "exec: stdin" "$(cat "$work/out")" from-stdin
echo three >"$work/three"
nacre exec --preserve-fds 1 "$id" sh -c 'cat <&3' 3<"$work/three" >"$work/out" 2>"$work/err"
is "exec --preserve-fds" "$(cat "$work/out")" three

# pause
make sh -c 'i=0; while :; do i=$((i+1)); echo $i >/shared/count; done'
passes "a busy one" $N run -d --bundle "$work/b" "$id-2"
await test -s "$work/shared/count"
host_pids() { nacre ps --format json "$id-2" | tr -d '[]' | tr , ' '; }
pids=$(host_pids)
passes "pause" pause "$id-2"
is "paused" "$(nacre state "$id-2" >"$work/state"; json "$work/state" 'c["status"]')" paused
# Not by the clock: its processes may do nothing at all, so what the host counts for them stands still.
used() { for p in $pids; do awk '{print $14, $15}' "/proc/$p/stat"; grep ctxt "/proc/$p/status"; done; }
one=$(cat "$work/shared/count") before_work=$(used)
nacre exec "$id" sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'
is "paused: no progress while another works" "$(cat "$work/shared/count") $(used)" "$one $before_work"
fails "pause twice" 1 "cannot pause container $id-2: it is paused" pause "$id-2"
fails "exec while paused" 255 "cannot exec in a paused container (use --ignore-paused to override)" exec "$id-2" true
fails "start while paused" 1 "cannot start a container that is paused" start "$id-2"
passes "resume" resume "$id-2"
progress() { [ "$(cat "$work/shared/count")" != "$one" ]; }
await progress
is "resumed: it goes on" "$?" 0
passes "pause again" pause "$id-2"
passes "kill KILL while paused" kill "$id-2" KILL
await sh -c "$NACRE --root $NACRE_ROOT state $id-2 | grep -q stopped"
is "ends it" "$?" 0
passes "delete it" delete "$id-2"
passes "a busy one again" $N run -d --bundle "$work/b" "$id-2"
passes "pause it" pause "$id-2"
passes "delete --force while paused" delete --force "$id-2"
fails "it is gone" 1 "container does not exist" state "$id-2"

# kill --all
make sh -c 'sleep 1000 & sleep 1000 & echo up >/shared/all; wait'
passes "three processes" $N run -d --bundle "$work/b" "$id-2"
await test -s "$work/shared/all"
passes "kill --all" kill --all "$id-2" KILL
await sh -c "$NACRE --root $NACRE_ROOT state $id-2 | grep -q stopped"
is "ends it too" "$?" 0
fails "kill what has stopped" 1 "container not running" kill "$id-2" TERM
fails "exec in what has stopped" 255 "cannot exec in a container that is not running" exec "$id-2" true
fails "pause what has stopped" 1 "it is not running" pause "$id-2"
fails "start what has stopped" 1 "cannot start a container that is stopped" start "$id-2"
passes "state of what has stopped" state "$id-2"
is "it has no pid" "$(json "$work/out" 'c.get("pid", 0)')" 0
passes "delete what has stopped" delete "$id-2"
fails "delete it twice" 1 "container does not exist" delete "$id-2"
passes "delete --force of an unknown one" delete --force "$id-2"
passes "delete --force of the running one" delete --force "$id"

# statuses of run
for c in 0 1 3 255; do
	make sh -c "exit $c"
	run $N run --bundle "$work/b" "$id"
	is "run: status $c" "$rc" $c
done
make /no/such
fails "run: 127" 127 'unable to start container process: exec: "/no/such": no such file or directory' $N run --bundle "$work/b" "$id"
make nothing
fails "run: 127 without a path" 127 'exec: "nothing": executable file not found in $PATH' $N run --bundle "$work/b" "$id"
make /etc/passwd
fails "run: 126" 126 'exec: "/etc/passwd": permission denied' $N run --bundle "$work/b" "$id"
fails "create: 1, as runc's" 1 'exec: "/etc/passwd": permission denied' $N create --bundle "$work/b" "$id"

# the bundle may go once the container is there
make sh -c 'while :; do sleep 0.1; done'
passes "run -d" $N run -d --bundle "$work/b" "$id"
rm -rf "$work/b"
run exec "$id" sh -c 'echo still here'
is "exec without the bundle" "$(cat "$work/out" "$work/err")" "still here"
passes "delete --force without the bundle" delete --force "$id"

# Two ids whose first choice of a host user is the same one: each gets its own.
twins=$(python3 - "$id" <<'P'
import sys
seen = {}
for n in range(100000):
    name, h = f"{sys.argv[1]}-{n}", 1469598103934665603
    for b in name.encode():
        h = ((h ^ b) * 1099511628211) % 2**64
    h = (h ^ (h >> 32)) % 2**24
    if h in seen:
        print(seen[h], name, 0x7a000000 + h)
        break
    seen[h] = name
P
)
one=${twins%% *} two=$(echo $twins | cut -d ' ' -f 2) user=${twins##* }
at_exit="$at_exit; nacre delete --force $one >/dev/null 2>&1; nacre delete --force $two >/dev/null 2>&1"
make sleep 1000
users() { for p in $(nacre ps --format json "$1" | tr -d '[]' | tr , ' '); do stat -c %u "/proc/$p"; done; }
passes "one of two" $N run -d --bundle "$work/b" "$one"
passes "two of two" $N run -d --bundle "$work/b" "$two"
await sh -c "$NACRE --root $NACRE_ROOT ps --format json $one | grep -q '[0-9]'"
await sh -c "$NACRE --root $NACRE_ROOT ps --format json $two | grep -q '[0-9]'"
is "each has a user of its own" "$(users "$one") $(users "$two")" "$user $((user + 1))"
passes "delete the first" delete --force "$one"
passes "again" $N run -d --bundle "$work/b" "$one"
await sh -c "$NACRE --root $NACRE_ROOT ps --format json $one | grep -q '[0-9]'"
is "a user that was given back is taken again" "$(users "$one")" "$user"
passes "delete both" delete --force "$one"
passes "delete both: the other" delete --force "$two"
check "no user is kept" test ! -e "/run/nacre-users/$user"

# console socket
cat >"$work/console.py" <<'P'
import array, os, socket, subprocess, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
p = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
c, _ = s.accept()
name, anc, _, _ = c.recvmsg(4096, socket.CMSG_SPACE(16))
fds = array.array("i")
for level, kind, data in anc:
    fds.frombytes(data)
code = p.wait()
out = b""
try:
    while d := os.read(fds[0], 1000):
        out += d
except OSError:
    pass
print(code, len(fds), os.isatty(fds[0]), out.replace(b"\r\n", b" ").decode())
P
bundle "$work/t" --tty -- sh -c 'tty; stty size; echo end'
edit "$work/t/config.json" 'c["process"]["consoleSize"] = {"height": 11, "width": 22}'
got=$(timeout 60 python3 "$work/console.py" "$work/console" "$NACRE" --root "$NACRE_ROOT" $N run -d --console-socket "$work/console" --bundle "$work/t" "$id")
is "run -d --console-socket: one master of a terminal, its output" "$got" "0 1 True /dev/pts/0 11 22 end "
passes "delete the one with the terminal" delete --force "$id"
is "nothing is left behind" "$(traces "$id")" "$before"
# Somebody on the host kills the host process of one guest process, which sleeps in the guest kernel: its parent hears of it.
bundle "$work/lost" -- sh -c 'sleep 1000 & wait $!; echo $?'
nacre run --bundle "$work/lost" lost >"$work/lost.out" 2>&1 </dev/null &
runner=$!
for _ in $(seq 100); do
	pid=$(nacre ps lost 2>/dev/null | sed -n 's/^[0-9]* *[0-9]* *[0-9]* *\([0-9]*\) sleep 1000$/\1/p')
	[ -z "$pid" ] || break
	sleep 0.1
done
kill -KILL "$pid"
for _ in $(seq 100); do kill -0 $runner 2>/dev/null || break; sleep 0.1; done
kill -0 $runner 2>/dev/null && nacre delete --force lost
wait $runner
is "a host process killed from outside: the guest sees SIGKILL" "$(tail -1 "$work/lost.out")" 137
done_testing
