#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the tools of a Debian minbase ask of a kernel beyond files and pipes.
. "$(dirname "$0")/lib.sh"
echo 1..17

OVER=1
same "dpkg -l, apt list" -- /bin/sh -c 'dpkg -l | grep -c ^ii; apt list --installed 2>/dev/null | wc -l; dpkg -S /bin/bash; apt-config dump | grep -c APT'
same "dpkg-deb --build, dpkg -i, dpkg -r" -- /bin/sh -c '
	mkdir -p /tmp/p/DEBIAN /tmp/p/usr/share/hello /tmp/p/etc && cd /tmp
	printf "Package: hello-local\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: local\n" >p/DEBIAN/control
	printf "#!/bin/sh\necho configured \$1\n" >p/DEBIAN/postinst && chmod 755 p/DEBIAN/postinst
	echo hello >p/usr/share/hello/text
	dpkg-deb --build p hello.deb 2>&1 && dpkg -i hello.deb 2>&1 | grep -v Reading && cat /usr/share/hello/text && dpkg -s hello-local | grep Status && dpkg -r hello-local 2>&1 | grep -v Reading && ls /usr/share/hello 2>&1'
same "useradd, passwd, su, getent, id" -- /bin/sh -c '
	useradd -m -s /bin/sh worker && echo worker:secret | chpasswd && getent passwd worker && id worker && groupadd team && usermod -aG team worker && id worker
	su worker -c "id; pwd; touch ~/mine; stat -c %U ~/mine; cat /etc/shadow 2>&1; test -w /etc || echo cannot write"
	su - worker -c "echo \$HOME \$USER"; setpriv --reuid=worker --regid=worker --clear-groups id; chage -l worker | head -1; userdel -r worker 2>/dev/null; id worker 2>&1'
OVER=0
same "getent, hostname, nproc" -- /bin/sh -c 'getent hosts localhost; getent group root; hostname; hostname -s; arch; getconf PAGESIZE; tty; logname 2>&1; getconf OPEN_MAX; ulimit -n'
same "mktemp, install, truncate, shred, sync" -- /bin/sh -c 'd=$(mktemp -d); f=$(mktemp -p $d x.XXXX); stat -c "%a %s" $d $f; echo text | install -m 640 /dev/stdin $d/i; stat -c %a $d/i; truncate -s 1M $f; stat -c "%s %b" $f; shred -u $d/i; fallocate -l 64K $d/fa; stat -c %s $d/fa; sync; sync $f; ls $d | wc -l; rm -r $d; mktemp -u | wc -c'
same "tail -f, timeout" -- /bin/sh -c 'cd /tmp; : >log; (for i in 1 2 3 4; do echo line $i; sleep 0.05; done >>log; sleep 0.2) & timeout 2 tail -f -n +1 --pid=$! log; timeout 0.1 sleep 5; echo $?; timeout -s KILL 0.1 sleep 5; echo $?; timeout 5 sh -c "exit 3"; echo $?; timeout --preserve-status 0.1 sleep 5; echo $?'
same "nice, nohup, setsid, stdbuf, env" -- /bin/sh -c 'nice -n 5 nice; nice -n 19 sh -c nice; renice -n 3 -p $$ >/dev/null; nice; nohup sh -c "echo kept" 2>/dev/null; setsid -w sh -c "cut -d\" \" -f5,6 /proc/self/stat | awk \"{ print (\\\$1 == \\\$2) }\""; stdbuf -oL echo buffered; chrt -p 1 2>&1 | head -1 | cut -c1-3; ionice -c 3 true; echo $?; taskset -c 0 nproc; env -i X=1 env'
same "flock" -- /bin/sh -c 'cd /tmp; for i in 1 2 3 4 5; do (flock 9; n=$(cat n 2>/dev/null || echo 0); sleep 0.01; echo $((n + 1)) >n) 9>lock & done; wait; cat n; flock -n lock sh -c "flock -n lock true || echo busy"; flock -s lock flock -s -n lock echo shared; (flock -w 0.1 lock true; echo $?) 2>&1'
same "script, scriptreplay" -- /bin/sh -c 'cd /tmp; script -qec "echo typed; tty | sed s/[0-9]*$/N/; exit 4" log </dev/null; echo $?; grep -c typed log'
inside -- /bin/sh -c 'sleep 100 & cd /mnt; ./busybox ps -o pid,ppid,stat,args; ./busybox top -b -n 1; ./busybox free; ./busybox uptime; ./busybox pidof sleep; kill $!'
report "$([ "$rc" -eq 0 ] && grep -Eq '^ +2 +1 [DRS] +sleep 100$' "$work/out" && grep -Eq '^ +1 +0 [RS] +/bin/sh' "$work/out" && grep -q '^Load average:' "$work/out" &&
	grep -Eq '^Mem: +[0-9]+' "$work/out" && grep -q 'load average' "$work/out" && grep -qx 2 "$work/out"; echo $?)" "busybox: ps, top, free, uptime, pidof"
inside -- /bin/sh -c 'cd /proc/1; cat status stat statm cmdline environ maps limits mountinfo mounts cgroup comm oom_score_adj loginuid >/dev/null && readlink exe root cwd && for n in ns/*; do readlink $n | sed "s/[0-9]*//g"; done; ls /proc/1/task /proc/1/fd'
report "$([ "$rc" -eq 0 ] && grep -q '^mnt:\[\]$' "$work/out" && grep -q '^pid:\[\]$' "$work/out" && grep -q '^net:\[\]$' "$work/out"; echo $?)" "/proc/1: files, links, namespaces"
inside -- /bin/sh -c 'awk "/^MemTotal|^MemFree|^MemAvailable|^SwapTotal|^Cached/ { print \$1 }" /proc/meminfo; head -1 /proc/stat | cut -c1-3; grep -c processor /proc/cpuinfo; cat /proc/loadavg /proc/uptime | wc -w; cat /proc/filesystems | wc -l; cat /proc/version'
report "$([ "$rc" -eq 0 ] && grep -q MemAvailable "$work/out" && grep -q 6.12.0-nacre "$work/out"; echo $?)" "/proc: memory, processors, load"
same "df, mount, findmnt" -- /bin/sh -c 'df / | wc -l; df -T /tmp | tail -1 | cut -d" " -f1; df -i / >/dev/null; echo $?; mount | grep -c " on /tmp type tmpfs"; findmnt -n -o FSTYPE /tmp; findmnt -n -o FSTYPE /proc; mountpoint /proc; mountpoint /usr; stat -f -c %T /tmp /proc; lsblk >/dev/null 2>&1; du -s /usr/share/perl5 | cut -f2'
same "who, last, uptime's files" -- /bin/sh -c 'who; users; last 2>&1 | wc -l; lslogins -u 2>&1 | head -1; date +%Y >/dev/null; TZ=Europe/Paris date -d @0; hwclock 2>&1 | wc -l'
same "perl: POSIX, sockets, files" -- perl -MPOSIX -MSocket -MIO::Socket::UNIX -MFile::Temp=tempdir -MFile::Find -MTime::HiRes=usleep -e '
	my $d = tempdir(CLEANUP => 1); my ($r, $w) = POSIX::pipe(); POSIX::write($w, "abc", 3); my $b; print POSIX::read($r, $b, 10), $b, "\n";
	print join(",", (POSIX::uname())[0,4]), "\n"; print strftime("%Y-%m-%d", gmtime(0)), " ", floor(3.7), " ", POSIX::ttyname(0) // "none", "\n";
	my $s = IO::Socket::UNIX->new(Local => "$d/s", Listen => 5) or die $!;
	if (!fork) { my $c = IO::Socket::UNIX->new(Peer => "$d/s") or die $!; print $c "hello\n"; print scalar <$c>; exit 0 }
	my $c = $s->accept; my $l = <$c>; print $c uc $l; close $c; wait; print "status $?\n";
	socketpair(my $x, my $y, AF_UNIX, SOCK_STREAM, PF_UNSPEC); syswrite $x, "pair"; sysread $y, my $z, 9; print "$z\n";
	for my $i (1..200) { open my $f, ">", "$d/$i" or die; print $f $i x $i; } my ($n, $t) = (0, 0); find(sub { -f and ++$n and $t += -s _ }, $d); print "$n $t\n";
	my @k; for my $i (1..20) { my $p = fork; exit $i unless $p; push @k, $p } print join(" ", map { waitpid($_, 0); $? >> 8 } @k), "\n";
	open my $p, "-|", "sort", "-r", "/etc/passwd"; my @l = <$p>; print scalar @l, "\n"; close $p; local $SIG{CHLD} = sub { print "child\n" }; system("true"); unless (fork) { exit } usleep 100000; wait;
	sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR1)); kill USR1 => $$; my $q = POSIX::SigSet->new; sigpending($q); print $q->ismember(SIGUSR1), "\n"; truncate "$d/9", 3; print -s "$d/9", "\n"; rename "$d/9", "$d/z"; print -e "$d/z" ? "moved\n" : "no\n"; link "$d/z", "$d/y"; print +(stat "$d/y")[3], "\n"; symlink "z", "$d/l"; print readlink "$d/l", "\n"; utime 5, 6, "$d/z"; print +(stat _)[9] // "", (stat "$d/z")[9], "\n"; flock(DATA // *STDIN, 2) if 0; print POSIX::sysconf(_SC_PAGESIZE), "\n"; print POSIX::dup2(1, 9), "\n"'
same "python3: multiprocessing" -- python3 /mnt/processes.py
same "python3: asyncio, selectors, mmap, sqlite3" -- python3 /mnt/events.py
