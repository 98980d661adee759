#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# coreutils, findutils, diffutils, tar and the compressors on a /usr with compilers and languages.
. "$(dirname "$0")/lib.sh"
echo 1..9
LIMIT=120

same "find /" -- sh -c 'find / -xdev -not -path "/mnt*" -not -path "/tmp*" -not -path "/proc*" -not -path "/dev*" -not -path "/sys*" | sort | md5sum; find /usr -type f | wc -l'
same "find /usr with everything that stat tells" -- sh -c 'find /usr -not -type d -printf "%p %y %m %n %u %g %s %T@ %l\n" | sort | md5sum; du -s --apparent-size /usr/share | cut -f2; find /usr -perm /6000 | sort'
same "tar of /usr to a file and its comparison" -- sh -c 'tar cf /var/tmp/usr.tar --exclude="usr/lib/*-linux-gnu" --exclude=usr/lib/jvm --sort=name -C / usr && tar tf /var/tmp/usr.tar | md5sum && tar df /var/tmp/usr.tar -C / && stat -c %s /var/tmp/usr.tar && md5sum </var/tmp/usr.tar'
same "extraction, diff -r with the original" -- sh -c 'mkdir /var/tmp/x; tar cf - -C /usr include lib/python3.11 share/perl | tar xf - -C /var/tmp/x; cd /var/tmp/x; for d in include lib/python3.11 share/perl; do diff -r --no-dereference $d /usr/$d && echo $d; done; find . -type f | wc -l; find . -mindepth 3 -printf "%p %y %m %u %g %T@ %l\n" | sort | md5sum; echo changed >>include/stdio.h; rm include/stdlib.h; diff -rq include /usr/include; diff -u /usr/include/stdio.h include/stdio.h | tail -2; rm -r /var/tmp/x; ls /var/tmp'
same "cp -a, mv, ln, chmod -R, chown -R" -- sh -c 'cd /var/tmp; cp -a /usr/share/perl a; cp -al a b; chmod -R g+w a; find b -not -type l -not -perm -g+w | wc -l; chown -R 12:34 a; find b -uid 12 -gid 34 | wc -l; mv a c; mv c /tmp/d; find /tmp/d b | wc -l; cp -r --reflink=auto b e; diff -r b e; rm -rf b e /tmp/d'
same "gzip, bzip2, xz, zstd, threads of xz and zstd" -- sh -c 'cd /tmp; tar cf t -C /usr/include --sort=name . ; for z in "gzip -1" "bzip2 -1" "xz -1" "xz -0 -T2" "zstd -q" "zstd -q -T2 -3"; do $z -c t >z && $z -dc z | cmp - t && echo "$z" $(stat -c %s z); done; tar czf - -C /etc . | tar tzf - | wc -l; tar cJf - -C /etc . | tar tJf - | wc -l; tar --zstd -cf - -C /etc . | tar --zstd -tf - | wc -l'
same "sort, split, join, comm, md5sum -c on every file of /usr/share" -- sh -c 'cd /tmp; find /usr/share -type f -print0 | sort -z | xargs -0 md5sum >sums; md5sum -c --quiet sums && echo all; sort -k1,1 sums | uniq -w32 -D | wc -l; split -n l/7 sums s.; cat s.* | cmp - sums && echo split; sort -S 1M -R --random-source=sums sums | sort | md5sum; sort sums | comm -12 - sums 2>/dev/null | wc -l; wc sums | tr -s " "'
same "xargs -P, parallel writers to one pipe" -- sh -c 'find /usr/include -name "*.h" -print0 | xargs -0 -P 4 -n 20 cat | wc -c; seq 400 | xargs -P 8 -I{} sh -c "echo {}" | sort -n | md5sum'
same "file, stat, xattr-free copies, acl-free listings" -- sh -c 'file -b /bin/sh /usr/bin/python3 /usr/share/perl /usr/lib/x86_64-linux-gnu/libc.so.6 | sed "s/BuildID.*//"; stat -f -c %l / ; getfattr -d -m - /usr/bin/ping 2>&1 | tail -1; setfattr -n user.x -v y /etc/passwd; getfattr -n user.x --only-values /etc/passwd 2>&1; echo; df -P /tmp | tail -1 | tr -s " " | cut -d" " -f6'
