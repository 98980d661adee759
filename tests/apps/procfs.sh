#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Programs that read /proc and /sys, and those that mount: ps, top, vmstat, lsof, fuser, pgrep, lscpu, findmnt, df.
. "$(dirname "$0")/lib.sh"
echo 1..8

inside -- /bin/sh -c 'sleep 77 & ps -ef; ps -eo pid,ppid,stat,ni,etimes,comm --no-headers; top -b -n 1 | head -8; uptime; w | head -1; free -m; vmstat 1 2; pmap $$ | tail -1; kill $!'
report "$([ "$rc" -eq 0 ] && grep -q 'sleep 77' "$work/out" && grep -q '^%Cpu(s):' "$work/out" && grep -q 'load average' "$work/out" &&
	grep -q '^procs ---' "$work/out" && grep -q '^Mem:' "$work/out"; echo $?)" "ps, top, uptime, free, vmstat"
inside -- /bin/sh -c 'sleep 78 & sleep 0.2; pgrep -x sleep; pidof sleep; pgrep -c -P 1; pkill -x sleep; wait; echo status $?'
report "$([ "$rc" -eq 0 ] && grep -q 'status' "$work/out" && [ "$(head -1 "$work/out")" = "$(sed -n 2p "$work/out")" ]; echo $?)" "pgrep, pidof, pkill"
inside -- /bin/sh -c 'cd /tmp; sleep 79 >held & sleep 0.2; lsof -n /tmp/held; fuser /tmp/held 2>&1; lsof -n -p $! | grep -c sleep; kill $!'
report "$(grep -q 'sleep.* 1w .* /tmp/held' "$work/out" && grep -Eq '^/tmp/held: +[0-9]+' "$work/out"; echo $?)" "lsof, fuser"
same "nproc, getconf" -- /bin/sh -c 'nproc; getconf _NPROCESSORS_CONF; ls -d /sys/devices/system/cpu/cpu[0-9]* | wc -l; cat /sys/devices/system/cpu/online'
inside -- /bin/sh -c 'lscpu; cat /proc/interrupts /proc/softirqs /proc/diskstats /proc/modules /proc/locks | wc -l'
report "$([ "$rc" -eq 0 ] && grep -q "^CPU(s): *$(nproc)$" "$work/out" && grep -q '^NUMA node' "$work/out" && grep -q '^Flags:.*sse2' "$work/out"; echo $?)" "lscpu"
same "df -a, findmnt, mountpoint" -- /bin/sh -c 'df -a /proc | tail -1 | cut -d" " -f1; findmnt -n -o TARGET,FSTYPE /proc; findmnt -n -o FSTYPE -T /tmp; mountpoint -q /tmp; echo $?; mountpoint -q /usr; echo $?; lsblk >/dev/null 2>&1; stat -f -c %T /proc /tmp'
inside --caps all -- unshare -m --propagation private /bin/sh -ec '
	cd /mnt 2>/dev/null; mkdir -p /tmp/a /tmp/b; mount -t tmpfs -o size=1m,mode=700 x /tmp/a; mount --bind /tmp/a /tmp/b; mount -o remount,ro,bind /tmp/b
	touch /tmp/a/f; touch /tmp/b/g 2>&1 || echo read-only; mount --make-shared /tmp/a; findmnt -n -o PROPAGATION /tmp/a; mount --move /tmp/b /tmp/a; umount /tmp/a; umount /tmp/a; findmnt /tmp/a || echo gone; grep -c . /proc/self/mountstats >/dev/null'
report "$([ "$rc" -eq 0 ] && grep -q 'Read-only file system' "$work/out" && grep -qx shared "$work/out" && grep -qx gone "$work/out"; echo $?)" "mount, umount, findmnt"
inside --caps all -- /bin/sh -ec 'cd /tmp; : >f; chattr +i f; lsattr f | cut -c5; rm f 2>&1 || echo kept; chattr -i f; rm f; flock lock sh -c "lslocks -n -o COMMAND,TYPE,PATH" | grep -c FLOCK'
report "$([ "$rc" -eq 0 ] && grep -q 'Operation not permitted' "$work/out" && grep -qx kept "$work/out" && [ "$(tail -1 "$work/out")" -ge 1 ]; echo $?)" "chattr, lsattr, lslocks"
