#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# containerd's own client with nacre behind runc's shim: `ctr run --runc-binary`.
. "$(dirname "$0")/lib.sh"

start_containerd
C="ctr -a $work/cd/sock"
ctr() { command $C "$@"; }
try 60 $C image import "$image"
is "the image is loaded" "$rc" 0
runtime=${RUNTIME:-$NACRE}

run_one() { # run_one NAME STATUS OUTPUT ID [ctr options...] IMAGE ARGS...; the container's cgroup is the test's
	name=$1 status=$2 text=$3 id=$4
	shift 4
	box_args "$id" "$@"
	eval says '"$name" "$status" "$text"' $C run --rm --runc-binary '"$runtime"' --cgroup '"/$tag/$id"' "$boxed"
}
detached() { # detached ID [options...] IMAGE ARGS...
	id=$1
	shift
	box_args "$id" "$@"
	eval try 30 $C run -d --runc-binary '"$runtime"' --cgroup '"/$tag/$id"' "$boxed"
	is "$id: run -d" "$rc" 0
}
# ctr wants IMAGE ID ARGS...: puts the id behind the image; the words, quoted, in $boxed.
box_args() {
	boxed= behind=$1
	shift
	for word; do
		boxed="$boxed '$(printf %s "$word" | sed "s/'/'\\\\''/g")'"
		[ "$word" != "$IMAGE" ] || boxed="$boxed '$behind'"
	done
}
status_of() { ctr task ls | awk -v id="$1" '$1 == id { print $3 }'; }
pid_of() { ctr task ls | awk -v id="$1" '$1 == id { print $2 }'; }
names_of() { for p in $(ctr task ps "$1" | awk 'NR > 1 { print $1 }'); do ps -o args= -p "$p"; done; }

run_one "status 0" 0 hi r1 $IMAGE echo hi
run_one "status 3" 3 "" r2 $IMAGE sh -c 'exit 3'
box_args r4 $IMAGE /bin/none
eval refuses '"not found: said, and no success"' 1 '"no such file"' $C run --rm --runc-binary '"$runtime"' --cgroup '"/$tag/r4"' "$boxed"
box_args r5 $IMAGE /etc/data
eval refuses '"not executable: the same"' 1 '"permission denied"' $C run --rm --runc-binary '"$runtime"' --cgroup '"/$tag/r5"' "$boxed"
run_one "--env and --cwd" 0 "value /home/worker" r6 --env NAME=value --cwd /home/worker $IMAGE sh -c 'echo $NAME $PWD'
run_one "--read-only" 1 "" r7 --read-only $IMAGE touch /file
mkdir "$work/shared" && echo from-host >"$work/shared/in"
run_one "--mount" 0 from-host r8 --mount "type=bind,src=$work/shared,dst=/shared,options=rbind:rw" $IMAGE \
	sh -c 'cat /shared/in; echo from-guest >/shared/out'
is "--mount: the host sees what was written" "$(cat "$work/shared/out")" from-guest
run_one "standard error is apart" 0 out r9 $IMAGE sh -c 'echo out; echo err >&2'
is "and arrives" "$(cat "$work/err")" err
run_one "--annotation and --seccomp are no hindrance" 0 ok r10 --annotation a=b --seccomp $IMAGE echo ok
# ctr closes standard input when its own ends, which may be before the program reads: hold it open until the answer
# is here.
mkfifo "$work/in"
timeout 30 $C run --rm --runc-binary "$runtime" --cgroup "/$tag/r11" $IMAGE r11 head -n 1 <"$work/in" >"$work/out" 2>"$work/err" &
reader=$!
exec 9>"$work/in"
echo abc >&9
wait $reader
is "stdin" "$? $(cat "$work/out")" "0 abc"
exec 9>&-
is "-t" "$(on_tty $C run --rm -t --runc-binary "$runtime" --cgroup "/$tag/r12" $IMAGE r12 \
	sh -c 'tty; test -t 0 && echo terminal')" "/dev/pts/0
terminal"

detached work $IMAGE sh -c 'trap "exit 9" TERM; touch /tmp/ready; while :; do sleep 0.1; done'
is "task ls" "$(status_of work)" RUNNING
pid=$(pid_of work)
is "the pid is a process of this host, in the container's cgroup" "$(sed -n 's/^[0-9]*:pids://p' "/proc/$pid/cgroup")" \
	"/$tag/work"
says "task exec" 0 in $C task exec --exec-id e1 work echo in
says "task exec: status" 5 "" $C task exec --exec-id e2 work sh -c 'exit 5'
says "task exec: --user and --cwd" 0 "1000 /tmp" $C task exec --exec-id e3 --user 1000 --cwd /tmp work \
	sh -c 'echo $(id -u) $PWD'
refuses "task exec: not found" 1 "no such file" $C task exec --exec-id e4 work /bin/none
is "task exec -t" "$(on_tty $C task exec -t --exec-id e5 work sh -c 'test -t 1 && echo terminal' | grep -v 'resize pty')" terminal
says "task exec -d" 0 "" $C task exec -d --exec-id e6 work sh -c 'echo detached >/tmp/done'
until_true 10 $C task exec --exec-id e7 work test -s /tmp/done
is "task exec -d: it ran" "$?" 0
until_true 10 $C task exec --exec-id e8 work test -e /tmp/ready
refuses "task rm of a running container" 1 "must be stopped before deletion" $C task rm work
says "task kill: SIGTERM" 0 "" $C task kill work
until_true 10 sh -c "$C task ls | grep -q 'work.*STOPPED'"
is "it has stopped" "$(status_of work)" STOPPED
refuses "task rm: the status that the trap gave" 0 "non-zero exit code 9" $C task rm work
says "container rm" 0 "" $C container rm work

detached stubborn $IMAGE sh -c 'trap "" TERM; while :; do sleep 0.1; done'
says "task kill -s SIGKILL" 0 "" $C task kill -s SIGKILL stubborn
until_true 10 sh -c "$C task ls | grep -q 'stubborn.*STOPPED'"
refuses "task rm: 137" 0 "non-zero exit code 137" $C task rm stubborn
says "container rm of it" 0 "" $C container rm stubborn

detached names $IMAGE sh -c 'sleep 1000 & busybox tail -f /dev/null & wait'
want="busybox tail -f /dev/null
sh -c sleep 1000 & busybox tail -f /dev/null & wait
sleep 1000"
has_names() { [ "$(names_of names | sort)" = "$want" ]; } # a child is called as its parent until it has executed
until_true 10 has_names
is "task ps: processes of this host, by their names" "$(names_of names | sort)" "$want"
says "task kill -a" 0 "" $C task kill -a -s SIGKILL names
until_true 10 sh -c "$C task ls | grep -q 'names.*STOPPED'"
refuses "task rm -f" 0 "non-zero exit code 137" $C task rm -f names
says "container rm of that" 0 "" $C container rm names

detached freeze $IMAGE sh -c 'i=0; while :; do echo $i >/tmp/count; i=$((i+1)); done'
until_true 10 $C task exec --exec-id c1 freeze test -s /tmp/count
says "task pause" 0 "" $C task pause freeze
is "task pause: state" "$(status_of freeze)" PAUSED
says "task resume" 0 "" $C task resume freeze
before=$(ctr task exec --exec-id c2 freeze cat /tmp/count)
until_true 10 sh -c "test \"\$($C task exec --exec-id c3 freeze cat /tmp/count)\" != '$before'"
is "task resume: it runs again" "$?" 0
says "task pause again" 0 "" $C task pause freeze
refuses "task rm -f of a paused one" 0 "non-zero exit code 137" $C task rm -f freeze
says "container rm of the last" 0 "" $C container rm freeze

detached limited --memory-limit 67108864 $IMAGE sleep 1000
is "--memory-limit: of the host's cgroup" "$(cat "/sys/fs/cgroup/memory/$tag/limited/memory.limit_in_bytes")" 67108864
try 20 $C task metrics limited
is "task metrics" "$(grep -c 'memory.usage_in_bytes\|memory.usage' "$work/out")" 1
try 20 $C task rm -f limited
says "container rm of the limited" 0 "" $C container rm limited

is "task ls -q is empty" "$(ctr task ls -q)" ""
is "container ls -q is empty" "$(ctr container ls -q)" ""
is "no process of nacre is left" "$(nacre_processes)" ""
is "no shim is left" "$(ps -eo stat=,args= | grep containerd-shim | grep -v -e grep -e '^Z')" ""
is "no state is left" "$(find /run/containerd/runc -name state.json 2>/dev/null)" ""
[ -z "${ENGINE_SHELL:-}" ] || . "$ENGINE_SHELL"
