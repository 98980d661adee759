#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# CPython's own tests, case by case as in a chroot. What may differ is in cpython.exceptions, with the reason.
# CPYTHON="test_os test_pty": only these.
. "$(dirname "$0")/lib.sh"
modules=${CPYTHON:-test_os test_posix test_subprocess test_socket test_signal test_threading test_mmap test_select test_epoll test_fcntl test_time
test_tempfile test_shutil test_pty test_resource test_multiprocessing_fork test_asyncio}
echo "1..$(echo $modules | wc -w)"
LIMIT=400
for m in $modules; do
	# The clock of the host is nobody's to set.
	set -- setpriv --bounding-set=-sys_time --inh-caps=-sys_time sh /mnt/cpython.sh "$m"
	native "$@"
	inside -- "$@"
	sort "$work/want" >"$work/w"
	sort "$work/out" >"$work/o"
	diff "$work/w" "$work/o" | sed -n 's/^[<>] //p' | sed 's/ [a-z ]*$//' | sort -u >"$work/differ"
	sed -n 's/^\([^#:]*\): .*/\1/p' "$NACRE_TOP/tests/apps/cpython.exceptions" | sort >"$work/known"
	comm -23 "$work/differ" "$work/known" >"$work/new"
	count=$(grep -c completed "$work/o")
	n=$((n + 1))
	if [ "$count" -gt 0 ] && [ ! -s "$work/new" ]; then
		echo "ok $n - $m ($count cases)"
	else
		echo "not ok $n - $m ($count cases)"
		diff "$work/w" "$work/o" | grep -F -f "$work/new" | head -40 | sed 's/^/# /'
		[ "$count" -gt 0 ] || tail -20 "$work/out" | sed 's/^/# /'
	fi
	echo "# $m: $inside_ms ms inside, $native_ms ms natively"
done
