# 64 threads, subprocesses, json, temporary files: what a Python program does in a container.
import json
import os
import subprocess
import sys
import tempfile
import threading
import queue

q = queue.Queue()
lock = threading.Lock()
total = 0


def work(k):
    global total
    for i in range(200):
        with lock:
            total += 1
    q.put(k)


threads = [threading.Thread(target=work, args=(k,)) for k in range(64)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("total", total, "threads", len({q.get() for _ in range(64)}))
print(subprocess.run(["/bin/echo", "from a child"], capture_output=True, text=True, check=True).stdout.strip())
p = subprocess.Popen([sys.executable, "-c", "import sys; print(sys.stdin.read().upper())"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(p.communicate("lower")[0].strip())
print(subprocess.run(["/bin/sh", "-c", "exit 9"]).returncode)
with tempfile.TemporaryDirectory() as d:
    name = os.path.join(d, "x.json")
    with open(name, "w") as f:
        json.dump({"a": [1, 2, {"b": None}]}, f)
    with open(name) as f:
        print(json.load(f))
    print(sorted(os.listdir(d)))
print(os.path.exists(d))
try:
    subprocess.run(["/bin/sleep", "5"], timeout=0.2)
except subprocess.TimeoutExpired:
    print("timeout")
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    os.write(w, b"forked")
    os._exit(5)
print(os.read(r, 100), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
