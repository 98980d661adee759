# SPDX-License-Identifier: Apache-2.0
"""What bench/run measures. how: start = wall time of the whole `run`; micro, pinned = an item of guest/micro.c, pinned to one
core with its runtime; program = a program that prints its own figure; app = a shell script of guest/apps in the tree with servers and
compilers (tools/mkapps), which prints nanoseconds; idle = sleeping sandboxes."""
from collections import namedtuple

Row = namedtuple("Row", "name label unit how args count seconds", defaults=((), 0, 0))


def micro(name, label, unit, item, how="micro"):
    return Row(name, label, unit, how, [item])


def cmd(name, label, unit, line):
    return micro(name, label, unit, "cmd=" + line)


def app(name, label, unit):
    return Row(name, label, unit, "app", ["sh", "/mnt/apps/" + name])


FILE = "/usr/lib/os-release"
ROWS = [
    Row("start", "run + exit of true", "ms", "start", ["/bin/true"]),
    micro("getpid", "getpid", "us", "getpid"),
    micro("getpgid", "getpgid (nacre: a trip to the kernel)", "us", "getpgid"),
    micro("getpgid1", "getpgid, one core for all", "us", "getpgid", "pinned"),
    micro("getpid1", "getpid, one core for all", "us", "getpid", "pinned"),
    Row("threads64", "getppid, 64 threads: time / calls", "us", "program", ["/mnt/threads64", "1000"]),
    micro("anon", "anonymous page fault", "us", "anon_fault"),
    micro("cow", "copy-on-write fault", "us", "cow_fault"),
    micro("filefault", "file page fault, mmap shared by 64", "us", "file_fault=/bin/bash"),
    micro("mmap", "mmap + munmap", "us", "mmap_munmap"),
    micro("fork", "fork + exit + wait", "us", "fork_wait"),
    micro("exec", "fork + exec + wait", "us", "fork_exec"),
    micro("exec1", "fork + exec + wait, one core for all", "us", "fork_exec", "pinned"),
    micro("pipe", "pipe ping-pong, two processes", "us", "pipe"),
    micro("open", "open + read + close, small file", "us", "open_read_close=" + FILE),
    micro("stat", "stat", "us", "stat=" + FILE),
    micro("enoent", "open of a missing file", "us", "enoent=/usr/lib/missing"),
    micro("getdents", "getdents of all of /usr", "ms", "getdents=/usr"),
    micro("read", "read 1 GiB in 64 KiB", "ms", "read=/srv/big"),
    micro("write", "write 1 GiB in 64 KiB", "ms", "write=/srv/out"),
    cmd("tar", "tar /usr to /dev/null", "ms", "tar cf - /usr | cat >/dev/null"),
    cmd("python", "python3 -c pass", "ms", "python3 -c pass"),
    cmd("sh", "sh: 100 times /bin/true", "ms", "i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done"),
    cmd("find", "find /", "ms", "find / -xdev >/dev/null"),
    cmd("tarfile", "tar /usr to a file", "ms", "tar cf /tmp/usr.tar /usr"),
    app("sqlite", "sqlite: 300 transactions", "ms"),
    app("make", "make -j2 of 40 C files", "ms"),
    app("redis", "redis: a SET or GET of 50 clients", "us"),
    app("nginx", "nginx: a request of 32 clients", "us"),
    Row("pss", "idle sandbox, PSS", "MiB", "idle", [], 1, 1),
    Row("cpu50", "50 sleeping sandboxes, CPU of a core", "%", "idle", [], 50, 10),
]
