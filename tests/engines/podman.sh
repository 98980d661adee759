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
[ -z "${ENGINE_SHELL:-}" ] || . "$ENGINE_SHELL"
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
run_one "death by a signal" 143 "" $IMAGE sh -c 'kill -TERM $$'
refuses "status 126" 126 "permission denied" $P run --rm --network none --cgroup-parent "/$tag" $IMAGE /etc/data
refuses "status 127" 127 "no such file" $P run --rm --network none --cgroup-parent "/$tag" $IMAGE /bin/none
run_one "--user by name, with its groups" 0 "uid=1000(worker) gid=1000(worker) groups=1000(worker),26(tape)" --user worker $IMAGE id
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
is "-it" "$(on_tty $P run -it --rm --network none --cgroup-parent "/$tag" $IMAGE sh -c "'tty; test -t 0 && echo terminal'")" "/dev/pts/0
terminal"
