# SPDX-License-Identifier: Apache-2.0
# No space where the state lies, where the log goes, where the pid file goes, where a bundle is written: the message names it, the
# status is 1, nothing is left behind; and when there is space again all works.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
id=full-$$
small=$work/small
mkdir "$small" && mount -t tmpfs -o size=64k,nr_inodes=64 none "$small" || { echo "1..0 # SKIP cannot mount"; exit 0; }
NACRE_ROOT=$small/root
mkdir "$NACRE_ROOT"
at_exit='nacre delete --force $id >/dev/null 2>&1; umount "$small"'
traces_of() { traces "$id" | grep -v -F "$small"; ls -A "$NACRE_ROOT"; }
before=$(traces_of)
bundle "$work/b" -- sh -c 'echo ran'
N=--overlay=memory
fill() { dd if=/dev/zero of="$small/filler" bs=4096 count=100 2>"$work/dd"; [ -s "$work/dd" ]; }
unfill() { rm -rf "$small/filler" "$small"/inode*; }

fill
fails "no space for the state" 1 "No space left on device" $N create --bundle "$work/b" --pid-file "$work/pid" "$id"
check "the file is named" grep -q "$NACRE_ROOT/$id" "$work/err"
is "nothing is left behind" "$(traces_of)" "$before"
[ ! -e "$work/pid" ] || not_ok "no pid file"
fails "run says the same" 1 "No space left on device" $N run --bundle "$work/b" "$id"
is "nothing is left behind by run" "$(traces_of)" "$before"
# Nearly full: each further page lets creation come one step further before it fails.
for free in 1 2 3; do
	unfill
	fill
	truncate -s "-$((free * 4096))" "$small/filler"
	run $N run --bundle "$work/b" "$id"
	case $rc:$(cat "$work/out") in
	0:ran | 1:) ok "$free pages free: all or nothing" ;;
	*) not_ok "$free pages free: all or nothing" "$work/out" "$work/err" ;;
	esac
	[ "$rc" -eq 0 ] || check "$free pages free: the reason is said" grep -q "No space left on device" "$work/err"
	is "$free pages free: nothing is left behind" "$(traces_of)" "$before"
done
unfill
for i in $(seq 100); do touch "$small/inode$i" 2>/dev/null; done
fails "no inode for the state" 1 "No space left on device" $N create --bundle "$work/b" "$id"
is "nothing is left behind by that" "$(traces_of)" "$before"
unfill
fill
run --log "$small/log" --log-format json $N --root "$work/root" run --bundle "$work/b" "$id"
is "a log without space does not stop a container" "$rc $(cat "$work/out")" "0 ran"
mkdir "$work/root" 2>/dev/null
fails "no space for the pid file" 1 "--pid-file $small/pid: No space left on device" --root "$work/root" $N create --bundle "$work/b" --pid-file "$small/pid" "$id"
is "the container is not there then" "$(ls -A "$work/root")" ""
check "and no pid file" test ! -e "$small/pid"
mkdir "$small/bundle" 2>/dev/null
fails "spec" 1 "$small/bundle/config.json: No space left on device" spec --bundle "$small/bundle"
check "writes all or nothing" test ! -e "$small/bundle/config.json"
unfill
run $N run --bundle "$work/b" "$id"
is "with space it runs" "$rc $(cat "$work/out")" "0 ran"
# The state of a running container survives a full disk: it can still be stopped.
bundle "$work/b" -- sleep 1000
passes "one that runs" --log "$work/log" $N run -d --bundle "$work/b" "$id"
fill
passes "kill it when the disk is full" kill "$id" KILL
passes "delete it when the disk is full" delete --force "$id"
unfill
is "nothing is left behind at the end" "$(traces_of)" "$before"
done_testing
