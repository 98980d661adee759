#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"
echo 1..24
STDIN=/dev/null

expect "exit status" 42 "" -- /bin/sh -c 'exit 42'
expect "killed by a signal" 137 "Killed" -- /bin/sh -c 'sh -c "kill -KILL \$\$"'
expect "uname says nacre's kernel" 0 "Linux 6.12.0-nacre" -- uname -sr
same "dash: ordinary work" -- /bin/sh /mnt/shell-work.txt
same "bash: ordinary work" -- /bin/bash /mnt/shell-work.txt
same "static busybox: ordinary work" -- /mnt/busybox ash /mnt/shell-work.txt
same "bash: arrays, process substitution, here-strings" -- /bin/bash -c 'a=(x y "z w"); echo ${#a[@]} ${a[2]}; cat <(echo one) <(echo two); cat <<<"three"; diff <(seq 3) <(seq 4); declare -A m=([k]=v); echo ${m[k]}; printf "%(%Y)T\n" 0; coproc C { cat; }; echo hi >&${C[1]}; read -r l <&${C[0]}; echo $l; exec {C[1]}>&-'
same "bash: traps" -- /bin/bash -c 'trap "echo usr1" USR1; trap "echo exit" EXIT; kill -USR1 $$; (sleep 0.1; kill -USR1 $$) & wait; wait; echo end'
same "ls -lR /usr" -- /bin/sh -c 'ls -lR --time-style=+%s /usr | grep -v "^total" | md5sum; ls -lR /usr | wc -l'
same "find, sort, uniq" -- /bin/sh -c 'find /usr /etc -printf "%y %m %n %u %s %p %l\n" | grep -v __pycache__ | grep -v "^d" | sort | md5sum; find / -xdev -type d -not -path "/proc*" -not -path "/mnt*" -not -path "/tmp*" | sort | md5sum'
same "grep, sed, awk" -- /bin/sh -c 'grep -c root /etc/passwd; grep -rl bookworm /etc | sort; sed -n "1,3s/:.*//p" /etc/passwd; awk -F: "{ n[\$7]++ } END { for (s in n) print s, n[s] }" /etc/passwd | sort'
same "tar to a pipe and back" -- /bin/sh -c 'mkdir /tmp/t; tar cf - /usr/share/perl5 /etc 2>/dev/null | tar xf - -C /tmp/t; cd /tmp/t; find . -type f | sort | xargs cat | md5sum; find . | wc -l'
same "cp -a, rm -r" -- /bin/sh -c 'cp -a /usr/share/doc /tmp/doc; (cd /usr/share/doc; find . -printf "%p %m %s %u %g %y %T@ %l\n" | sort) >/tmp/1; (cd /tmp/doc; find . -printf "%p %m %s %u %g %y %T@ %l\n" | sort) >/tmp/2; grep -v "^\. \|^[^ ]* [0-9]* [0-9]* [a-z]* [a-z]* d" /tmp/1 >/tmp/3;  grep -v "^\. \|^[^ ]* [0-9]* [0-9]* [a-z]* [a-z]* d" /tmp/2 | cmp - /tmp/3 && echo same; rm -r /tmp/doc; ls /tmp/doc 2>&1'
same "perl" -- perl -e 'use strict; my %h; $h{$_ % 7}++ for 1..1000; print join(",", map { "$_=$h{$_}" } sort keys %h), "\n"; open(my $p, "-|", "echo from a pipe") or die; print <$p>; close $p; my $pid = fork(); if (!$pid) { exit 3 } waitpid($pid, 0); print $? >> 8, "\n"; local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select(undef, undef, undef, 5); }; print $@; print sprintf("%vd", $^V) ne "" ? "ok\n" : "no\n"; my @s = stat("/etc/passwd"); print "$s[7]\n"; system("exit 4"); print $? >> 8, "\n"'
same "python3: threads, subprocess, json, tempfile" -- python3 /mnt/threads64.py
same "python3: hashing, sockets of a pair, signals" -- python3 -c 'import hashlib,socket,signal,os,time,select,mmap; print(hashlib.sha256(open("/bin/bash","rb").read()).hexdigest()); a,b=socket.socketpair(); a.send(b"x"*10); print(b.recv(100)); got=[]; signal.signal(signal.SIGUSR1, lambda s,f: got.append(s)); os.kill(os.getpid(), signal.SIGUSR1); print(got); e=select.epoll(); r,w=os.pipe(); e.register(r, select.EPOLLIN); print(e.poll(0)); os.write(w,b"1"); print(len(e.poll(1))); m=mmap.mmap(-1, 8192); m[5000]=7; print(m[5000]); signal.setitimer(signal.ITIMER_REAL, 0.05); signal.signal(signal.SIGALRM, lambda s,f: got.append(s)); time.sleep(0.2); print(got)'
same "dd both ways" -- /bin/sh -c 'dd if=/dev/zero of=/tmp/z bs=64k count=256 2>/dev/null; dd if=/tmp/z bs=1M 2>/dev/null | md5sum; dd if=/dev/urandom bs=1000 count=777 2>/dev/null | wc -c'
head -c 300000 /dev/urandom >"$work/in"
STDIN=$work/in
same "stdin to stdout" -- /bin/sh -c 'md5sum; wc -c </dev/null'
STDIN=/dev/null
expect "id inside" 0 "uid=0(root) gid=0(root) groups=0(root)" -- id
same "set-user-ID and users" -- /bin/sh -c 'su -s /bin/sh nobody -c "id -u; id -g; cat /etc/shadow 2>&1; touch /etc/x 2>&1"'
inside -- /nonexistent
report "$([ "$rc" -eq 127 ] && grep -q 'no such file or directory' "$work/out"; echo $?)" "no such program: wording"
inside -- /etc/passwd
report "$([ "$rc" -eq 126 ] && grep -q 'permission denied' "$work/out"; echo $?)" "not executable: wording"
cid=prog-$$-strace
"$NACRE_TOP/tests/mkbundle" "$work/bundle" "$rootfs" -- /bin/sh -c 'echo shown; cat /etc/hostname >/dev/null'
"$NACRE" --root "$NACRE_ROOT" --log "$work/log" --strace=openat,uname,nosuchcall --overlay=memory run --bundle "$work/bundle" "$cid" >"$work/out" 2>&1
rc=$?
report "$([ $rc -eq 0 ] && grep -q 'openat(.*hostname' "$work/log" && grep -q 'no such call: nosuchcall' "$work/log" && ! grep -Eq '\] (write|execve|mmap|close|syscall)' "$work/log"; echo $?)" "--strace=LIST logs those calls only"
same "ps sees only the container" -- /bin/sh -c 'ls /proc | grep -c "^[0-9][0-9]*$" >/dev/null; cat /proc/1/comm | sed "s/.*/one/"; test -e /proc/2147 || echo none'
