#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docker with nacre as a runtime by path: dockerd, containerd and runc's shim drive the command line.
. "$(dirname "$0")/lib.sh"

docker=/usr/bin/docker # Debian's, of the daemon's age
mkdir "$work/docker"
start_containerd
cat >"$work/daemon.json" <<T
{"containerd": "$work/cd/sock", "data-root": "$work/docker/data", "exec-root": "$work/docker/exec",
 "pidfile": "$work/docker/pid", "hosts": ["unix://$work/docker/sock"], "cgroup-parent": "/$tag",
 "bip": "172.30.0.1/24", "ip6tables": false, "storage-driver": "overlay2", "userland-proxy": false,
 "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 4096}},
 "runtimes": {"nacre": {"path": "${RUNTIME:-$NACRE}"}}, "default-runtime": "nacre"}
T
dockerd --config-file "$work/daemon.json" >"$work/dockerd.log" 2>&1 &
daemons="$! $daemons"
D="$docker -H unix://$work/docker/sock"
docker() { command $D "$@"; }
until_true 30 $D version || diag "$(tail -5 "$work/dockerd.log")"
try 60 $D load -i "$image"
is "the image is loaded" "$rc" 0

run_one() { # run_one NAME STATUS OUTPUT [docker options...] IMAGE ARGS...
	name=$1 status=$2 text=$3
	shift 3
	says "$name" "$status" "$text" $D run --rm --network none "$@"
}
detached() { # detached NAME [options...] IMAGE ARGS...
	name=$1
	shift
	try 30 $D run -d --name "$name" --network none "$@"
	is "$name: run -d" "$rc" 0
}
inspect() { docker inspect --format "$2" "$1"; }

run_one "status 0" 0 hi $IMAGE echo hi
run_one "status 3" 3 "" $IMAGE sh -c 'exit 3'
refuses "status 126" 126 "permission denied" $D run --rm --network none $IMAGE /etc/data
refuses "status 127" 127 "no such file" $D run --rm --network none $IMAGE /bin/none
refuses "status 127 without a path" 127 "executable file not found" $D run --rm --network none $IMAGE none
run_one "--user by name, with its groups" 0 "uid=1000(worker) gid=1000(worker) groups=26(tape),1000(worker)" \
	--user worker $IMAGE id
run_one "-e and -w" 0 "value /home/worker" -e NAME=value -w /home/worker $IMAGE sh -c 'echo $NAME $PWD'
run_one "--hostname" 0 "box7 box7" --hostname box7 $IMAGE sh -c 'echo $(hostname) $(cat /etc/hostname)'
run_one "--read-only with --tmpfs" 1 "/scratch 1777" --read-only --tmpfs /scratch:mode=1777 $IMAGE \
	sh -c 'echo x >/scratch/f; echo /scratch $(stat -c %a /scratch); touch /file'
mkdir "$work/shared" && echo from-host >"$work/shared/in"
run_one "-v" 0 from-host -v "$work/shared:/shared" $IMAGE sh -c 'cat /shared/in; echo from-guest >/shared/out'
is "-v: the host sees what was written" "$(cat "$work/shared/out")" from-guest
run_one "-v :ro" 1 from-host -v "$work/shared:/shared:ro" $IMAGE sh -c 'cat /shared/in; touch /shared/no'
run_one "a volume" 0 "" -v volume:/data $IMAGE sh -c 'echo hi >/data/f'
run_one "a volume keeps what was written" 0 hi -v volume:/data $IMAGE sh -c 'cat /data/f'
is "stdin through a pipe" "$(echo abc | docker run -i --rm --network none $IMAGE cat)" abc
is "-it" "$(on_tty $D run -it --rm --network none $IMAGE sh -c 'tty; test -t 0 && echo terminal')" "/dev/pts/0
terminal"

detached work $IMAGE sh -c 'trap "echo got-term; exit 9" TERM; echo ready; while :; do sleep 0.1; done'
is "ps" "$(docker ps --format '{{.Names}} {{.State}}')" "work running"
pid=$(inspect work '{{.State.Pid}}') id=$(inspect work '{{.Id}}')
is "inspect: the pid is a process of this host, in the container's cgroup" \
	"$(sed -n 's/^[0-9]*:pids://p' "/proc/$pid/cgroup" | sed "s|.*/$tag/||")" "$id"
says "exec" 0 in $D exec work echo in
says "exec: status" 5 "" $D exec work sh -c 'exit 5'
says "exec: --user, -e and -w" 0 "1000 b /tmp" $D exec --user worker -e A=b -w /tmp work sh -c 'echo $(id -u) $A $PWD'
try 20 $D exec work /bin/none
is "exec: not found, which this docker calls 126" "$rc $(grep -c 'no such file' "$work/err" "$work/out" | grep -c ':1')" "126 1"
try 20 $D exec work /etc/data
is "exec: 126" "$rc $(grep -c 'permission denied' "$work/err" "$work/out" | grep -c ':1')" "126 1"
is "exec: stdin" "$(echo abc | docker exec -i work cat)" abc
is "exec -it" "$(on_tty $D exec -it work sh -c 'tty; test -t 1 && echo terminal')" "/dev/pts/0
terminal"
says "exec -d" 0 "" $D exec -d work sh -c 'echo detached >/tmp/done'
until_true 10 $D exec work test -s /tmp/done
is "exec -d: it ran" "$(docker exec work cat /tmp/done)" detached
is "logs" "$(docker logs work)" ready
says "stop" 0 work $D stop -t 10 work
is "stop: SIGTERM arrived, its output is kept" "$(docker logs work)" "ready
got-term"
is "stop: status" "$(inspect work '{{.State.ExitCode}} {{.State.Status}}')" "9 exited"
says "rm" 0 work $D rm work

detached stubborn $IMAGE sh -c 'trap "" TERM; while :; do sleep 0.1; done'
says "stop: SIGKILL when SIGTERM is ignored" 0 stubborn $D stop -t 1 stubborn
is "stop: status after SIGKILL" "$(inspect stubborn '{{.State.ExitCode}}')" 137
says "start: a second time" 0 stubborn $D start stubborn
says "kill -s" 0 stubborn $D kill -s KILL stubborn
says "wait" 0 137 $D wait stubborn
says "rm -f" 0 stubborn $D rm -f stubborn

detached freeze $IMAGE sh -c 'i=0; while :; do echo $i >/tmp/count; i=$((i+1)); done'
until_true 10 $D exec freeze test -s /tmp/count
says "pause" 0 freeze $D pause freeze
is "pause: state" "$(inspect freeze '{{.State.Status}}')" paused
refuses "exec in a paused container" 1 "is paused" $D exec freeze true
says "unpause" 0 freeze $D unpause freeze
before=$(docker exec freeze cat /tmp/count)
until_true 10 sh -c "test \"\$($D exec freeze cat /tmp/count)\" != '$before'"
is "unpause: it runs again" "$?" 0
says "rm -f of a running container" 0 freeze $D rm -f freeze

detached limited --memory 64m $IMAGE sleep 1000
cgroup=$(sed -n 's/^[0-9]*:memory://p' "/proc/$(inspect limited '{{.State.Pid}}')/cgroup")
is "--memory: the limit of the host's cgroup" "$(cat "/sys/fs/cgroup/memory$cgroup/memory.limit_in_bytes")" 67108864
echo text >"$work/file"
says "cp: into a container" 0 "" $D cp "$work/file" limited:/tmp/copied
is "cp: it is there" "$(docker exec limited cat /tmp/copied)" text
says "cp: out of a container" 0 "" $D cp limited:/etc/data "$work/data"
is "cp: it is here" "$(cat "$work/data")" "not a program"
try 20 $D top limited
is "top: the program is shown" "$(grep -c -w sleep "$work/out")" 1
try 20 $D stats --no-stream --format '{{.MemUsage}}' limited
is "stats" "$(sed 's|.* / ||' "$work/out")" 64MiB
says "rm -f: it sleeps" 0 limited $D rm -f limited

detached talker $IMAGE sh -c 'for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.2; done'
try 30 $D logs -f talker
is "logs -f: standard output" "$(out)" "out 1
out 2
out 3"
is "logs -f: standard error" "$(cat "$work/err")" "err 1
err 2
err 3"
try 20 $D rm talker

detached healthy --health-cmd 'test -f /tmp/well' --health-interval 300ms --health-retries 1 $IMAGE \
	sh -c 'touch /tmp/well; sleep 1000'
until_true 20 sh -c "$D inspect -f '{{.State.Health.Status}}' healthy | grep -qx healthy"
is "health: healthy" "$(inspect healthy '{{.State.Health.Status}}')" healthy
docker exec healthy rm /tmp/well
until_true 20 sh -c "$D inspect -f '{{.State.Health.Status}}' healthy | grep -qx unhealthy"
is "health: unhealthy" "$(inspect healthy '{{.State.Health.Status}}')" unhealthy
docker rm -f healthy >"$work/out" 2>&1

says "--init" 0 "docker-init" $D run --rm --init --network none $IMAGE sh -c 'cat /proc/1/comm'
says "network: on the default bridge it has an interface" 0 "eth0
lo" $D run --rm $IMAGE ls /sys/class/net
try 30 $D run -d --name web -p 18080:80 $IMAGE httpd -f -p 80 -h /etc
address=$(inspect web '{{.NetworkSettings.IPAddress}}')
until_true 10 busybox wget -qO /dev/null "http://$address/data"
is "a server in the container is reached by its address" "$(busybox wget -qO- "http://$address/data")" "not a program"
is "and by the published port" "$(busybox wget -qO- http://172.30.0.1:18080/data)" "not a program"
says "one container reaches another" 0 "not a program" $D run --rm $IMAGE wget -qO- "http://$address/data"
docker rm -f web >"$work/out" 2>&1
is "ps -a is empty" "$(docker ps -aq)" ""
is "no process of nacre is left" "$(nacre_processes)" ""
is "no state is left" "$(find "$work/docker/exec" -path '*/moby/*' -name state.json)" ""
[ -z "${ENGINE_SHELL:-}" ] || . "$ENGINE_SHELL"
