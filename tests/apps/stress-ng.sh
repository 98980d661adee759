#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each stressor of stress-ng.list for 2 seconds, or for SECONDS_EACH; two sandboxes share the list.
. "$(dirname "$0")/lib.sh"
names=$(sed 's/#.*//' "$NACRE_TOP/tests/apps/stress-ng.list")
total=$(echo $names | wc -w)
echo "1..$total"
LIMIT=1100

half() { # 0 or 1: every second stressor
	"$NACRE_TOP/tests/mkbundle" "$work/b$1" "$rootfs" --ro --memory 2147483648 --bind "$work/share:/mnt:ro" -- \
		sh /mnt/stress.sh "${SECONDS_EACH:-2}" $(echo $names | tr ' ' '\n' | awk -v k="$1" 'NR % 2 == k')
	timeout -k 5 $LIMIT "$NACRE" --root "$NACRE_ROOT" --log "$work/log$1" run --bundle "$work/b$1" "stress-$$-$1" \
		>"$work/out$1" 2>&1 </dev/null || echo "# the sandbox ended with $?" >>"$work/out$1"
	"$NACRE" --root "$NACRE_ROOT" delete --force "stress-$$-$1" >/dev/null 2>&1
}
half 0 &
half 1
wait
cat "$work/out0" "$work/out1" >"$work/out"
for s in $names; do
	n=$((n + 1))
	case $(awk -v s="$s" '$1 == s && NF == 2 { print $2 }' "$work/out") in
	0) echo "ok $n - $s" ;;
	*)
		echo "not ok $n - $s"
		awk -v s="$s" 'NF == 2 && $2 ~ /^[0-9]+$/ { on = $1 == s } on { print (/^#/ ? "" : "# ") $0 }' "$work/out"
		;;
	esac
done
grep "^# the sandbox" "$work/out"
