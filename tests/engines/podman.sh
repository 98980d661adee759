#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# podman with nacre as its runtime.
. "$(dirname "$0")/lib.sh"

cat >"$work/containers.conf" <<T
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "${RUNTIME:-$NACRE}"
[network]
network_backend = "cni"
T
cat >"$work/storage.conf" <<T
[storage]
driver = "overlay"
runroot = "$work/run"
graphroot = "$work/root"
T
printf '{"default": [{"type": "insecureAcceptAnything"}]}' >"$work/policy.json"
export CONTAINERS_CONF="$work/containers.conf" CONTAINERS_STORAGE_CONF="$work/storage.conf"
unset XDG_RUNTIME_DIR
P="podman --root $work/root --runroot $work/run --tmpdir $work/tmp"
podman() { command $P "$@"; }

try 60 $P load --signature-policy "$work/policy.json" -i "$image"
is "the image is loaded" "$rc" 0
run_one() { # run_one NAME STATUS OUTPUT [podman options...] IMAGE ARGS...
	name=$1 status=$2 text=$3
	shift 3
	says "$name" "$status" "$text" $P run --rm --network none --cgroup-parent "/$tag" "$@"
}
detached() { # detached NAME [options...] IMAGE ARGS...
	name=$1
	shift
	try 30 $P run -d --name "$name" --network none --cgroup-parent "/$tag" "$@"
	is "$name: run -d" "$rc" 0
}

run_one "status 0" 0 hi $IMAGE echo hi
run_one "status 3" 3 "" $IMAGE sh -c 'exit 3'
refuses "status 126" 126 "permission denied" $P run --rm --network none --cgroup-parent "/$tag" $IMAGE /etc/data
refuses "status 127" 127 "no such file" $P run --rm --network none --cgroup-parent "/$tag" $IMAGE /bin/none
run_one "--user by name, with its groups" 0 "uid=1000(worker) gid=1000(worker) groups=26(tape),1000(worker)" --user worker $IMAGE id
run_one "--user by numbers" 0 "7 8" --user 7:8 $IMAGE sh -c 'echo $(id -u) $(id -g)'
run_one "-e and -w" 0 "value /home/worker" -e NAME=value -w /home/worker $IMAGE sh -c 'echo $NAME $PWD'
run_one "--hostname" 0 box7 --hostname box7 $IMAGE hostname
run_one "--read-only" 1 "" --read-only $IMAGE touch /file
run_one "--tmpfs" 0 "tmpfs /scratch 1777" --tmpfs /scratch $IMAGE sh -c 'echo x >/scratch/f && echo $(awk "\$2==\"/scratch\" {print \$3,\$2}" /proc/mounts) $(stat -c %a /scratch)'
mkdir "$work/shared" && echo from-host >"$work/shared/in"
run_one "-v" 0 from-host -v "$work/shared:/shared" $IMAGE sh -c 'cat /shared/in; echo from-guest >/shared/out'
is "-v: the host sees what was written" "$(cat "$work/shared/out")" from-guest
run_one "-v :ro" 1 from-host -v "$work/shared:/shared:ro" $IMAGE sh -c 'cat /shared/in; touch /shared/no'
run_one "stdin" 0 "" -i $IMAGE cat
is "stdin through a pipe" "$(echo abc | podman run -i --rm --network none --cgroup-parent "/$tag" $IMAGE cat)" abc
is "-it" "$(on_tty $P run -it --rm --network none --cgroup-parent "/$tag" $IMAGE sh -c 'tty; test -t 0 && echo terminal')" "/dev/pts/0
terminal"

inspect() { podman inspect --format "$2" "$1"; }
detached work $IMAGE sh -c 'trap "echo got-term; exit 9" TERM; echo ready; i=0; while :; do sleep 0.1; done'
is "ps" "$(podman ps --format '{{.Names}}' --filter status=running)" work
pid=$(inspect work '{{.State.Pid}}')
is "inspect: the pid is a process of this host, in the container's cgroup" \
	"$(grep -c "/$tag/libpod-$(inspect work '{{.Id}}')" "/proc/$pid/cgroup" | sed 's/^[1-9][0-9]*$/some/')" some
says "exec" 0 in $P exec work sh -c 'echo in'
says "exec: status" 5 "" $P exec work sh -c 'exit 5'
says "exec: --user, -e and -w" 0 "1000 b /tmp" $P exec --user worker -e A=b -w /tmp work sh -c 'echo $(id -u) $A $PWD'
refuses "exec: 127" 127 "no such file" $P exec work /bin/none
refuses "exec: 126" 126 "permission denied" $P exec work /etc/data
is "exec: stdin" "$(echo abc | podman exec -i work cat)" abc
is "exec -it" "$(on_tty $P exec -it work sh -c 'tty; test -t 1 && echo terminal')" "/dev/pts/0
terminal"
try 20 $P exec -d work sh -c 'echo detached >/tmp/done'
is "exec -d: status" "$rc" 0
until_true 10 podman exec work test -s /tmp/done
is "exec -d: it ran" "$(podman exec work cat /tmp/done)" detached
try 20 $P top work
# Its child is one more until it has executed sleep.
is "top: the shell is shown" "$(grep -q 'sh -c trap' "$work/out" && echo yes)" yes
is "logs" "$(podman logs work)" ready
says "stop" 0 work $P stop -t 10 work
is "stop: SIGTERM arrived, its output is kept" "$(podman logs work)" "ready
got-term"
is "stop: status" "$(inspect work '{{.State.ExitCode}} {{.State.Status}}')" "9 exited"
says "rm" 0 work $P rm work
is "ps -a is empty" "$(podman ps -aq)" ""

detached stubborn $IMAGE sh -c 'trap "" TERM; while :; do sleep 0.1; done'
says "stop: SIGKILL when SIGTERM is ignored" 0 stubborn $P stop -t 1 stubborn
is "stop: status after SIGKILL" "$(inspect stubborn '{{.State.ExitCode}}')" 137
says "start: a second time" 0 stubborn $P start stubborn
says "kill -s" 0 stubborn $P kill -s KILL stubborn
says "wait" 0 137 $P wait stubborn
says "rm -f" 0 stubborn $P rm -f stubborn

detached freeze $IMAGE sh -c 'i=0; while :; do echo $i >/tmp/count; i=$((i+1)); done'
until_true 10 podman exec freeze test -s /tmp/count
says "pause" 0 freeze $P pause freeze
is "pause: state" "$(inspect freeze '{{.State.Status}}')" paused
refuses "exec in a paused container" 255 "only create exec sessions on running" $P exec freeze true
says "unpause" 0 freeze $P unpause freeze
before=$(podman exec freeze cat /tmp/count)
until_true 10 sh -c "test \"\$($P exec freeze cat /tmp/count)\" != '$before'"
is "unpause: it runs again" "$?" 0
says "rm -f of a running container" 0 freeze $P rm -f freeze

detached limited --memory 64m $IMAGE sleep 1000
cgroup=$(sed -n 's/^[0-9]*:memory://p' "/proc/$(inspect limited '{{.State.Pid}}')/cgroup")
is "--memory: the limit of the host's cgroup" "$(cat "/sys/fs/cgroup/memory$cgroup/memory.limit_in_bytes")" 67108864
echo text >"$work/file"
says "cp: into a container" 0 "" $P cp "$work/file" limited:/tmp/copied
is "cp: it is there" "$(podman exec limited cat /tmp/copied)" text
says "cp: out of a container" 0 "" $P cp limited:/etc/data "$work/data"
is "cp: it is here" "$(cat "$work/data")" "not a program"
try 20 $P top limited
is "top: the program is shown" "$(grep -c -w sleep "$work/out")" 1
try 20 $P stats --no-stream --no-reset --format '{{.MemLimit}}' limited
is "stats" "$(out)" 67108864
says "rm -f -t 0" 0 limited $P rm -f -t 0 limited

detached talker $IMAGE sh -c 'for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.2; done'
try 30 $P logs -f talker
is "logs -f: standard output" "$(out)" "out 1
out 2
out 3"
is "logs -f: standard error" "$(cat "$work/err")" "err 1
err 2
err 3"
try 20 $P rm talker

detached healthy --health-cmd 'test -f /tmp/well' --health-interval disable $IMAGE sh -c 'touch /tmp/well; sleep 1000'
until_true 10 podman exec healthy test -f /tmp/well
says "healthcheck: healthy" 0 "" $P healthcheck run healthy
podman exec healthy rm /tmp/well
says "healthcheck: unhealthy" 1 unhealthy $P healthcheck run healthy
podman rm -f -t 0 healthy >"$work/out" 2>&1

says "network: on the default bridge it has an interface" 0 "eth0
lo" $P run --rm --cgroup-parent "/$tag" $IMAGE ls /sys/class/net
try 30 $P run -d --name web --cgroup-parent "/$tag" $IMAGE httpd -f -p 80 -h /etc
address=$(podman inspect -f '{{.NetworkSettings.IPAddress}}' web)
until_true 10 busybox wget -qO /dev/null "http://$address/data"
is "a server in the container is reached by its address" "$(busybox wget -qO- "http://$address/data")" "not a program"
podman rm -f -t 0 web >"$work/out" 2>&1
is "ps -a is empty" "$(podman ps -aq)" ""
is "no process of nacre is left" "$(nacre_processes)" ""
is "no state is left" "$(ls /run/nacre 2>/dev/null)" ""
[ -z "${ENGINE_SHELL:-}" ] || . "$ENGINE_SHELL"
