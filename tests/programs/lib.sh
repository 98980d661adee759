# SPDX-License-Identifier: Apache-2.0
# Programs of a Debian root file system, unmodified, inside a sandbox; results are compared with a chroot of the
# same tree where that makes sense. Sourced; needs NACRE, NACRE_ROOT, NACRE_CACHE, NACRE_TOP. ROOTFS: another tree; SHARE: another
# folder of scripts; TIMES=1: say how long each took on both sides.
set -u
rootfs=${ROOTFS:-$NACRE_CACHE/rootfs-bookworm}
work=$(mktemp -d "${TMPDIR:-/tmp}/nacre-prog.XXXXXX")
n=0
cid=
cleanup() {
	[ -z "$cid" ] || "$NACRE" --root "$NACRE_ROOT" delete --force "$cid" >/dev/null 2>&1
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# What both sides find as /mnt: the scripts of this folder and a static busybox under its own name.
mkdir "$work/share"
cp -r "${SHARE:-$NACRE_TOP/tests/programs}"/* /bin/busybox "$work/share"

# inside [mkbundle options] -- COMMAND...: runs it in a new container over the root file system, kept unchanged by
# an in-memory overlay; stdout and stderr in $work/out, status in $rc.
inside() {
	cid=prog-$$-$n
	"$NACRE_TOP/tests/mkbundle" "$work/bundle" "$rootfs" --bind "$work/share:/mnt:ro" "$@"
	rc=0 began=$(date +%s%3N)
	timeout -k 5 "${LIMIT:-60}" "$NACRE" --root "$NACRE_ROOT" --overlay=memory run --bundle "$work/bundle" "$cid" \
		>"$work/out" 2>&1 <"${STDIN:-/dev/null}" || rc=$?
	inside_ms=$(($(date +%s%3N) - began))
}
# The same command in a chroot on the host: the oracle. Output in $work/want. OVER=1 puts an overlay in memory over the
# tree, for commands that write to it; without, directories show the link counts that they have.
native() {
	want_rc=0 began=$(date +%s%3N)
	rm -rf "$work/native"
	mkdir -p "$work/native/over" "$work/native/vartmp"
	timeout -k 5 "${LIMIT:-60}" unshare ${UNSHARE:--muipf} --kill-child --propagation private sh -c '
		root=$0 at=$2/over vartmp=$2/vartmp
		if [ "$3" = 1 ]; then
			mount -t tmpfs tmpfs "$at" && mkdir "$at/up" "$at/work" "$at/root" || exit 99
			mount -t overlay overlay -o "lowerdir=$root,upperdir=$at/up,workdir=$at/work" "$at/root" || exit 99
			root=$at/root
		fi
		mount -t proc proc "$root/proc" && mount --bind -o ro "$1" "$root/mnt" && mount -t tmpfs tmpfs "$root/tmp" &&
			mount --bind "$vartmp" "$root/var/tmp" &&
			mount --rbind /dev "$root/dev" && mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts "$root/dev/pts" &&
			mount -t sysfs sysfs "$root/sys" && hostname nacre-test || exit 99
		[ -z "${LO:-}" ] || ip link set lo up || exit 99
		shift 3
		ulimit -Sn 1024 && ulimit -Hn 4096
		enter="chroot $root"
		# A root of its own kind: user namespaces are refused in a chroot.
		[ "$at/root" != "$root" ] || { cd "$root" && pivot_root . . && umount -l . || exit 99; enter=; }
		exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=xterm $enter "$@"' \
		"$rootfs" "$work/share" "$work/native" "${OVER:-0}" "$@" >"$work/want" 2>&1 <"${STDIN:-/dev/null}" || want_rc=$?
	native_ms=$(($(date +%s%3N) - began))
}
report() { # report OK NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		echo "# status ${rc:-?}"
		head -c 2000 "$work/out" | tail -25 | sed 's/^/# /'
	fi
}
# same NAME -- COMMAND...: inside and chroot give the same output and status.
same() {
	name=$1
	shift 2
	native "$@"
	inside -- "$@"
	[ "$native_ms" -lt $((${LIMIT:-60} * 1000)) ] && [ "$rc" -eq "$want_rc" ] && cmp -s "$work/out" "$work/want"
	ok=$?
	[ -z "${VERBOSE:-}" ] || sed 's/^/# > /' "$work/out"
	report $ok "$name"
	[ -z "${TIMES:-}" ] || echo "# $name: $inside_ms ms inside, $native_ms ms natively"
	[ $ok -eq 0 ] || diff "$work/want" "$work/out" | head -20 | sed 's/^/# /'
}
# expect NAME STATUS TEXT -- COMMAND...: status and the last line of output.
expect() {
	name=$1 want_status=$2 text=$3
	shift 4
	inside -- "$@"
	[ "$rc" -eq "$want_status" ] && [ "$(tail -1 "$work/out" | tr -d '\r')" = "$text" ]
	report $? "$name"
}
