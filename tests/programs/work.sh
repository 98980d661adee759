#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Real work in short: coreutils and tar on a tree, python3, git, gcc with make, sqlite3. tests/apps has more of each.
. "$(dirname "$0")/lib.sh"
echo 1..5
OVER=1

same "coreutils, find, diff, tar on /usr/include" -- sh -c 'cp -a /usr/include /var/tmp/i && cd /var/tmp && diff -r --no-dereference i /usr/include && tar cf t.tar i && mkdir x && tar xf t.tar -C x && diff -r i x/i && echo same; find i -type f | sort | xargs md5sum | md5sum; find i -printf "%p %y %m %u %T@\n" | sort | md5sum; sed -i s/include/INCLUDE/ i/*.h; diff -rq i x/i | wc -l; chmod -R u-w x; chown -R 1:2 x; find x -uid 1 -gid 2 | wc -l; rm -rf i x t.tar; ls'
same "python3: processes, sqlite3, event loop, archives" -- python3 -c '
import asyncio, json, multiprocessing as mp, os, sqlite3, subprocess, tarfile, tempfile, threading
with mp.Pool(3) as p: print(sum(p.map(abs, range(-500, 500))))
d = tempfile.mkdtemp()
c = sqlite3.connect(d + "/db"); c.execute("create table t(i)"); c.executemany("insert into t values(?)", ((i,) for i in range(10000))); c.commit()
print(c.execute("select sum(i) from t").fetchone(), c.execute("pragma integrity_check").fetchone())
async def main():
    p = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1); print(len((await p.communicate(b"x" * 200000))[0]))
    r, w = os.pipe(); f = asyncio.get_running_loop().create_future(); asyncio.get_running_loop().add_reader(r, lambda: f.set_result(os.read(r, 9))); os.write(w, b"seen"); print(await f)
asyncio.run(main())
with tarfile.open(d + "/t.gz", "w:gz") as t: t.add("/etc/apt")
with tarfile.open(d + "/t.gz") as t: print(sorted(t.getnames())[:3])
print(subprocess.run(["sh", "-c", "exit 3"]).returncode, len(os.listdir(d)))
n, l = [0], threading.Lock()
def add():
    for _ in range(2000):
        with l: n[0] += 1
ts = [threading.Thread(target=add) for _ in range(8)]; [t.start() for t in ts]; [t.join() for t in ts]; print(n)'
same "git: 1,000 files, commits, merge, gc, fsck, clone" -- sh -c 'export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b GIT_AUTHOR_DATE="1000000000 +0000" GIT_COMMITTER_DATE="1000000000 +0000"; git config --global init.defaultBranch main
	mkdir /var/tmp/r && cd /var/tmp/r && git init -q && for d in 1 2 3 4 5 6 7 8 9 10; do mkdir $d; seq 100 | (cd $d && split -l 1 -a 2 - f); done; git add . && git commit -qm all && git checkout -qb side && echo x >1/faa && git commit -qam x && git checkout -q main && echo y >2/faa && git commit -qam y && git merge -q -m m side && git log --oneline --graph && git gc -q && git fsck && git clone -q . ../c && git -C ../c ls-files | wc -l && diff -r -x .git . ../c && echo equal'
same "gcc and make -j" -- sh -c '
	cd /tmp; for i in $(seq 12); do echo "int f$i(int x) { return x * $i; }" >f$i.c; done; { for i in $(seq 12); do echo "int f$i(int);"; done; echo "#include <stdio.h>"; echo "int main(void) { puts(\"built\"); return f1(2) + f12(3); }"; } >main.c
	printf "prog: \$(patsubst %%.c,%%.o,\$(wildcard *.c))\n\t@gcc -o \$@ \$^\n%%.o: %%.c\n\t@gcc -O1 -c -o \$@ \$<\n" >Makefile; make -j3 && ./prog; echo $?; touch f3.c; make -n | wc -l; make; ls *.o | wc -l; gcc -O2 -static -o s main.c f*.c && ./s; nm prog | grep -c " T f"'
same "sqlite3: 100 transactions, an index, writers in parallel" -- sh -c 'cd /var/tmp; { echo "CREATE TABLE t(i, s);"; for i in $(seq 100); do echo "BEGIN; INSERT INTO t VALUES($i, hex($i)); COMMIT;"; done; echo "CREATE INDEX x ON t(s); SELECT count(*), sum(i) FROM t WHERE s > 30;"; } | sqlite3 db; sqlite3 db "PRAGMA journal_mode=wal"; for p in 1 2 3; do { echo ".timeout 30000"; for i in $(seq 20); do echo "INSERT INTO t VALUES($p, $i);"; done; } | sqlite3 db & done; wait; sqlite3 db "SELECT count(*) FROM t; PRAGMA integrity_check;"'
