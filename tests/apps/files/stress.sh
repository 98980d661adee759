# Stressors of stress-ng, one after the other, each for $1 seconds. Prints name and exit status. Usage: stress.sh SECONDS NAME...
seconds=$1
shift
cd /tmp || exit 1
for s; do
	timeout -k 2 $((seconds + 20)) stress-ng --$s 1 --timeout "${seconds}s" --temp-path /tmp >/tmp/log 2>&1
	rc=$?
	echo "$s $rc"
	[ $rc -eq 0 ] || sed -n 's/^stress-ng: \(fail\|error\|warn\): *\[[0-9]*\]/# /p' /tmp/log | head -${LINES_SHOWN:-3}
done
