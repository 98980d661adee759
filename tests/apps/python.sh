#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# CPython at work: processes, event loops, memory, virtual environments and packages.
. "$(dirname "$0")/lib.sh"
echo 1..7
LIMIT=120

same "start" -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do python3 -c "import json, re, subprocess"; done; python3 -c "import sys, os; print(sys.version, os.uname().machine)"'
same "multiprocessing, futures" -- python3 /mnt/py-multi.py
same "asyncio" -- python3 /mnt/py-asyncio.py
same "mmap, ctypes, sqlite3" -- python3 /mnt/py-memory.py
same "venv, a wheel made and installed by pip" -- sh -c '
	cd /tmp && mkdir -p pkg/hello && printf "def main():\n    print(\"hello from a wheel\")\n" >pkg/hello/__init__.py
	cat >pkg/setup.py <<-END
	from setuptools import setup
	setup(name="hello", version="1.0", packages=["hello"], entry_points={"console_scripts": ["hello=hello:main"]})
	END
	cd pkg && python3 setup.py -q bdist_wheel 2>/dev/null; ls dist
	python3 -m venv /tmp/v && /tmp/v/bin/pip install --no-index --disable-pip-version-check -q dist/hello-1.0-py3-none-any.whl && /tmp/v/bin/hello && /tmp/v/bin/pip list --disable-pip-version-check 2>/dev/null | grep hello
	/tmp/v/bin/pip uninstall -y -q hello && ls /tmp/v/bin/hello 2>&1'
same "compileall, unittest, doctest, tarfile, zipfile, shutil" -- sh -c '
	cd /tmp && cp -r /usr/lib/python3.11/email /usr/lib/python3.11/json . && python3 -m compileall -q -j 2 email json && find . -name "*.pyc" | wc -l
	python3 -m tarfile -c a.tar.gz email && python3 -m tarfile -e a.tar.gz out && diff -r email out/email && python3 -m zipfile -c a.zip json && python3 -m zipfile -l a.zip | wc -l
	python3 -c "import shutil; shutil.copytree(\"email\", \"e2\"); shutil.make_archive(\"z\", \"xztar\", \"e2\"); shutil.rmtree(\"e2\"); print(shutil.which(\"sh\"), shutil.get_terminal_size())"
	python3 -c "import timeit, random, hashlib; random.seed(1); print(hashlib.md5(bytes(random.getrandbits(8) for _ in range(100000))).hexdigest())"'
same "threads, locks, the interpreter switching" -- python3 -c '
import threading, queue, time, sys
sys.setswitchinterval(0.0005)
q, n, lock = queue.Queue(10), [0], threading.Lock()
def work():
    while (x := q.get()) is not None:
        with lock: n[0] += x
ts = [threading.Thread(target=work) for _ in range(20)]
[t.start() for t in ts]
for i in range(5000): q.put(i)
for t in ts: q.put(None)
[t.join() for t in ts]
print(n)
c, ready = threading.Condition(), []
def waiter():
    with c:
        c.wait_for(lambda: ready, 20); ready.append(1)
ts = [threading.Thread(target=waiter) for _ in range(10)]
[t.start() for t in ts]
with c: ready.append(0); c.notify_all()
[t.join() for t in ts]
print(len(ready), threading.active_count(), threading.Barrier(1).wait())
t = threading.Timer(0.05, lambda: print("timer")); t.start(); t.join()'
