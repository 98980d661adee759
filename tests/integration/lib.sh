# SPDX-License-Identifier: Apache-2.0
# TAP for shell tests. Sourced; needs NACRE (the program), NACRE_ROOT (state directory), NACRE_TOP (this tree). Gives
# $work, an empty directory that is removed at the end, together with every container below NACRE_ROOT that the test
# made through nacre().
set -u
: "${NACRE:?}" "${NACRE_ROOT:?}"
NACRE_TOP=${NACRE_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
work=$(mktemp -d "${TMPDIR:-/tmp}/nacre-test.XXXXXX") || exit 1
n=0 planned=
at_exit=
finish() {
	[ -z "$at_exit" ] || eval "$at_exit"
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

plan() { planned=$1 && echo "1..$1"; }
done_testing() { [ -n "$planned" ] || echo "1..$n"; } # when the number is not known before
ok() { n=$((n + 1)) && echo "ok $n - $*"; }
not_ok() { # not_ok NAME [FILE...]: the files' beginnings explain
	n=$((n + 1))
	echo "not ok $n - $1"
	shift
	[ $# -eq 0 ] || head -c 1500 "$@" 2>/dev/null | sed 's/^/# /'
	return 1
}
skip() { n=$((n + 1)) && echo "ok $n - $1 # SKIP $2"; }
diag() { printf '# %s\n' "$*"; }

# nacre ARGS...: the program with this test's state directory.
nacre() { "$NACRE" --root "$NACRE_ROOT" "$@"; }

# run ARGS...: nacre with a time limit; status in $rc, output in $work/out and $work/err.
run() {
	rc=0
	timeout "${LIMIT:-60}" "$NACRE" --root "$NACRE_ROOT" "$@" >"$work/out" 2>"$work/err" <"${STDIN:-/dev/null}" || rc=$?
}
# check NAME COMMAND...: ok if the command succeeds.
check() {
	name=$1
	shift
	if "$@" >"$work/check" 2>&1; then ok "$name"; else not_ok "$name" "$work/check"; fi
}
# is NAME GOT WANTED
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else
		not_ok "$1"
		diag "got:    $2"
		diag "wanted: $3"
	fi
}
# passes NAME ARGS...: nacre ARGS succeeds.
passes() {
	name=$1
	shift
	run "$@"
	if [ "$rc" -eq 0 ]; then ok "$name"; else
		not_ok "$name" "$work/err"
		diag "status $rc: nacre $*"
	fi
}
# fails NAME STATUS TEXT ARGS...: nacre ARGS ends with STATUS and its stderr holds TEXT.
fails() {
	name=$1 status=$2 text=$3
	shift 3
	run "$@"
	if [ "$rc" -eq "$status" ] && grep -qF -e "$text" "$work/err"; then ok "$name"; else
		not_ok "$name" "$work/err"
		diag "status $rc, wanted $status and \"$text\": nacre $*"
	fi
}
# bundle DIR [mkbundle options] -- ARGS...: a bundle over the Debian root file system.
bundle() {
	dir=$1
	shift
	"$NACRE_TOP/tests/mkbundle" "$dir" "${ROOTFS:-$NACRE_CACHE/rootfs-bookworm}" "$@"
}
# edit FILE PYTHON: changes a JSON file; PYTHON sees it as c.
edit() {
	python3 - "$1" "$2" <<'PY'
import json, sys
c = json.load(open(sys.argv[1]))
exec(sys.argv[2])
json.dump(c, open(sys.argv[1], "w"))
PY
}
# json FILE PYTHON: prints an expression over the document, c.
json() { python3 -c 'import json, sys; c = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"; }
# traces: what a failed command may have left behind, for comparison.
traces() {
	ls "$NACRE_ROOT" 2>/dev/null
	find /sys/fs/cgroup -maxdepth 4 -type d -name "*$1*" 2>/dev/null
	grep -c "$1" /proc/self/mountinfo
	ps -eo args 2>/dev/null | grep -F -e "$1" | grep -v grep
}
