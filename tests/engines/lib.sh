# SPDX-License-Identifier: Apache-2.0
# What the engine tests share. Sourced first by a test, which it starts again in mount, network and pid namespaces of its
# own with an empty /run: engines find no other engine there, and all ends with the namespace. Afterwards the outer half
# looks for what was left on the host. Gives $work, $image (an archive), $IMAGE (its name), $tag (a word in every cgroup).
. "$NACRE_TOP/tests/integration/lib.sh"
IMAGE=localhost/box:latest

# The cgroups of this test's containers. Their parent, named by the test, is the test's to remove, and conmon's podman's.
cgroups() { find /sys/fs/cgroup -depth -type d -path "*/$tag/*" ! -name conmon 2>/dev/null; }

# The tree of the image: busybox, two users, a script or two.
make_image() {
	mkdir -p "$1/bin" "$1/etc" "$1/tmp" "$1/proc" "$1/sys" "$1/dev" "$1/root" "$1/home/worker"
	chmod 1777 "$1/tmp"
	cp /bin/busybox "$1/bin/busybox"
	for applet in $(/bin/busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox "$1/bin/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\nworker:x:1000:1000::/home/worker:/bin/sh\n' >"$1/etc/passwd"
	printf 'root:x:0:\nworker:x:1000:\ntape:x:26:worker\n' >"$1/etc/group"
	echo "not a program" >"$1/etc/data"
	chown 1000:1000 "$1/home/worker"
	"$NACRE_TOP/tests/engines/mkimage" "$1" "$2" "$IMAGE"
}

if [ -z "${ENGINES_INSIDE:-}" ]; then
	tag=nacre-engines-$$
	make_image "$work/tree" "$work/image.tar" || exit 1
	env ENGINES_INSIDE="$work" ENGINES_TAG="$tag" \
		unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private sh "$0"
	rc=$?
	read -r n 2>/dev/null <"$work/n" || n=0
	is "the test came to its end" "$rc" 0
	is "no mount is left" "$(grep -F "$work" /proc/self/mountinfo)" ""
	left=$(ps -eo pid=,stat=,args= | grep -F "$work" | grep -v -e grep -e ' Z')
	is "no process is left" "$left" ""
	is "no cgroup is left" "$(cgroups)" ""
	find /sys/fs/cgroup -depth -type d -path "*/$tag*" -exec rmdir {} + 2>/dev/null
	done_testing
	exit 0
fi
rm -rf "$work"
work=$ENGINES_INSIDE/in tag=$ENGINES_TAG image=$ENGINES_INSIDE/image.tar
mkdir "$work"
mount -t tmpfs -o mode=755 run /run
ip link set lo up
daemons=
at_exit=end_inside
end_inside() {
	echo "$n" >"$ENGINES_INSIDE/n"
	# What is frozen outlives its namespace's end, which would wait for it for ever.
	for d in $(cgroups); do
		[ ! -e "$d/freezer.state" ] || echo THAWED >"$d/freezer.state"
		[ ! -e "$d/cgroup.freeze" ] || echo 0 >"$d/cgroup.freeze"
	done
	for p in $daemons; do
		kill "$p" && wait "$p"
	done
	awk -v w="$work/" 'index($5, w) == 1 {print $5}' /proc/self/mountinfo | sort -r | xargs -r umount -l
}

# try SECONDS COMMAND...: status in $rc, output in $work/out and $work/err.
try() {
	limit=$1
	shift
	rc=0
	timeout "$limit" "$@" >"$work/out" 2>"$work/err" </dev/null || rc=$?
}
out() { cat "$work/out"; }
# says NAME STATUS OUTPUT ENGINE ARGS...: the command ends with STATUS and its stdout is OUTPUT.
says() {
	name=$1 status=$2 text=$3
	shift 3
	try 30 "$@"
	if [ "$rc" -eq "$status" ] && [ "$(out)" = "$text" ]; then ok "$name"; else
		not_ok "$name" "$work/out" "$work/err"
		diag "status $rc, wanted $status; wanted \"$text\"; $*"
	fi
}
# refuses NAME STATUS TEXT ENGINE ARGS...: the command ends with STATUS and its stderr holds TEXT.
refuses() {
	name=$1 status=$2 text=$3
	shift 3
	try 30 "$@"
	if [ "$rc" -eq "$status" ] && grep -qiF -e "$text" "$work/err"; then ok "$name"; else
		not_ok "$name" "$work/out" "$work/err"
		diag "status $rc, wanted $status and \"$text\": $*"
	fi
}
# until_true SECONDS COMMAND...: waits for a condition.
until_true() {
	left=$(($1 * 10))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$left" -gt 0 ] || return 1
		left=$((left - 1))
		sleep 0.1
	done
}
# on_tty COMMAND...: runs it on a pty; output with carriage returns removed.
on_tty() { timeout 30 python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' "$@" </dev/null 2>&1 | tr -d '\r'; }
# nacre_processes: those of this test's sandboxes.
nacre_processes() { ps -eo pid=,stat=,comm= | grep -e nacre- | grep -v ' Z'; }
# start_containerd: Debian's, with root, state and socket ($work/cd/sock) of its own.
start_containerd() {
	mkdir "$work/cd"
	cat >"$work/containerd.toml" <<T
version = 2
root = "$work/cd/root"
state = "$work/cd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$work/cd/sock"
[ttrpc]
  address = "$work/cd/sock.ttrpc"
T
	containerd --config "$work/containerd.toml" >"$work/containerd.log" 2>&1 &
	daemons="$! $daemons"
	until_true 20 test -S "$work/cd/sock" || diag "$(tail -5 "$work/containerd.log")"
}
