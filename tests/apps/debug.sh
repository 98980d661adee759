#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debuggers and tracers: strace, gdb, ltrace, each as natively. Numbers that differ from run to run are taken out.
. "$(dirname "$0")/lib.sh"
echo 1..14
LIMIT=90

# Addresses, process and thread numbers, and where the C library's symbols are missing, its frames.
clean='sed -E -e "s/0x[0-9a-f]{6,}/ADDR/g" -e "s/(LWP|process|PID|pid) [0-9]+/\1 N/g" -e "/debuginfod|^warning: (opening|Error disabling)/d" -e "/ in \?\? \(\) from/d" -e "/libthread_db/d"'
gdb="gdb -batch -nx -ex \"set confirm off\" -ex \"set width 0\""
build="cd /tmp && gcc -g -O0 -o threads /mnt/threads.c -pthread &&"

same "strace: calls of a program, decoded" -- sh -c 'cd /tmp; strace -o log -e trace=openat,read,write,close,exit_group cat /etc/hostname; grep -v ENOENT log | sed -e "s/\"\\\\\\\\177ELF.*/ELF/" | head -30'
same "strace -f: children and their ends" -- sh -c 'cd /tmp; strace -f -qq -o log -e trace=execve,exit_group,wait4 sh -c "true; (exit 3); /bin/false; echo x | cat"; sed -E -e "s/^[0-9]+ +//" -e "s/0x[0-9a-f]+/A/g" -e "s/si_pid=[0-9]+/P/" -e "s/= [0-9]{2,}$/= N/" -e "s/^(wait4|<... wait4).*//" -e "s/si_[us]time=[0-9]+/T/g" log | grep -v "^$\|resumed" | sed "s/ <unfinished.*//; s/) *= [0?]//" | sort'
same "strace -c: a table" -- sh -c 'cd /tmp; strace -c -f -o log sh -c "for i in 1 2 3; do /bin/true; done"; awk "\$NF == \"execve\" || \$NF == \"exit_group\" { print \$4, \$NF }" log; tail -1 log | grep -c total'
same "strace --seccomp-bpf, inject, signals" -- sh -c 'cd /tmp; strace -f --seccomp-bpf -o log -e trace=mkdir mkdir d; grep -c "^[0-9]* *mkdir" log; strace -qq -e trace=getppid -e inject=getppid:retval=77 python3 -c "import os; print(os.getppid())" 2>&1; strace -qq -e trace=mkdir -e inject=mkdir:error=ENOSPC mkdir e 2>&1 | sed "s/‘\|’//g"; strace -qq -e trace=none sh -c "kill -USR1 \$\$" 2>&1 | sed -E "s/pid=[0-9]+/P/" ; strace -qq -e trace=none -e inject=getpid:signal=USR1 true; echo $?'
same "strace -p: attach to what runs, and let go" -- sh -c 'cd /tmp; mkfifo q; sh -c "read x <q; echo got \$x; sleep 0.2; exit 4" & p=$!; sleep 0.3; strace -qq -o log -e trace=exit_group,write -p $p & s=$!; sleep 0.5; grep TracerPid /proc/$p/status | grep -c -w "$s"; echo hello >q; wait $p; echo $?; wait $s; grep -v SIGCHLD log; sleep 5 & p=$!; strace -o l2 -p $p 2>/dev/null & s=$!; sleep 0.5; kill -INT $s; wait $s; grep TracerPid /proc/$p/status; kill $p'
same "strace of python with threads" -- sh -c 'cd /tmp; strace -f -o log -e trace=futex,clone,clone3 python3 -c "
import threading
r = []
t = [threading.Thread(target=r.append, args=(i,)) for i in range(8)]
[x.start() for x in t]; [x.join() for x in t]; print(sorted(r))"; grep -c "clone" log | sed "s/[0-9]*/some/"; grep -c exited log'
same "gdb: breakpoints, backtrace, arguments, finish, calls" -- sh -c "$build $gdb -ex 'break add' -ex run -ex bt -ex 'info args' -ex 'print counter' -ex finish -ex 'delete' -ex 'print add(20, 22)' -ex 'next' -ex 'print ratio' -ex 'set var ratio = 2.0' -ex continue ./threads 2>&1 | grep -v '^\[' | $clean"
same "gdb: single steps and registers" -- sh -c "$build $gdb -ex 'break add' -ex run -ex 'x/i \$pc' -ex stepi -ex stepi -ex 'info registers eflags cs ss' -ex 'print \$xmm0.v4_int32[0] * 0' -ex 'set var \$rax = 5' -ex 'print \$rax' -ex 'step' -ex 'step' -ex 'info symbol \$pc' -ex 'until 37' -ex 'kill' ./threads 2>&1 | grep -v '^\[' | $clean"
same "gdb: watchpoints in software" -- sh -c "$build $gdb -ex 'set can-use-hw-watchpoints 0' -ex 'break main' -ex run -ex 'watch counter' -ex continue -ex continue -ex kill ./threads 2>&1 | grep -E 'Old|New|Watch' | $clean"
same "gdb: threads" -- sh -c "$build $gdb -ex 'break body' -ex run -ex 'thread apply all bt 1' -ex continue -ex 'info threads' -ex delete -ex continue ./threads 2>&1 | grep -E 'hit Breakpoint|exited with code|counter' | $clean | sort"
same "gdb: following forks" -- sh -c "$build $gdb -ex 'set follow-fork-mode child' -ex 'break add' -ex 'run x' -ex continue -ex bt -ex continue ./threads 2>&1 | grep -E '^#|exited with|counter' | $clean; $gdb -ex 'set detach-on-fork off' -ex 'catch fork' -ex 'run x' -ex next -ex 'info inferiors' -ex 'kill inferiors 1 2' ./threads 2>&1 | grep -c native"
same "gdb: signals and catchpoints" -- sh -c "$build $gdb -ex 'handle SIGUSR1 stop print pass' -ex run -ex 'print \$_siginfo.si_signo' -ex 'break on_usr1' -ex continue -ex 'print sig' -ex 'bt 2' -ex 'finish' -ex 'catch syscall exit_group' -ex 'continue' -ex 'kill' ./threads 2>&1 | grep -v '^\[' | $clean"
same "gdb -p: attach, look, change, let go" -- sh -c "$build ./threads x y & p=\$!; sleep 0.6; $gdb -p \$p -ex 'print counter' -ex 'info threads' -ex 'set var go = 1' -ex detach 2>&1 | grep -E '^\\\$|Thread' | $clean; wait \$p; echo \$?"
same "ltrace: library calls" -- sh -c "$build ltrace -f -e raise+printf+pthread_join+usleep ./threads 2>&1 | sed -E -e 's/\[pid [0-9]+\]/[P]/' -e 's/0x[0-9a-f]+/A/g' -e 's/, (A|[0-9-]+)/, N/g' | grep -v 'resumed\|unfinished' | sort"
