# Event loops, mapped files, a database, signals in an event loop.
import asyncio
import ctypes
import mmap
import os
import signal
import socket
import tempfile

try:
    import sqlite3
except ImportError:  # its library is not in every root file system
    sqlite3 = None


async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def client(path, n):
    reader, writer = await asyncio.open_unix_connection(path)
    got = []
    for i in range(20):
        writer.write(b"client %d line %d\n" % (n, i))
        got.append((await reader.readline()).decode().strip())
    writer.close()
    return got[-1]


async def main(d):
    server = await asyncio.start_unix_server(serve, d + "/s")
    print(await asyncio.gather(*(client(d + "/s", n) for n in range(10))))
    server.close()
    p = await asyncio.create_subprocess_exec("sh", "-c", "cat; exit 3", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    print(await p.communicate(b"through a child"), p.returncode)
    ps = [await asyncio.create_subprocess_shell("sleep 0.0%d; exit %d" % (i, i)) for i in range(8)]
    print([await p.wait() for p in ps])
    loop, got = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, got.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await got.wait()
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.05)
    except asyncio.TimeoutError:
        print("timeout")
    print(await loop.run_in_executor(None, os.getppid) >= 0)


with tempfile.TemporaryDirectory() as d:
    asyncio.run(main(d))
    with open(d + "/m", "w+b") as f:
        f.truncate(1 << 20)
        m = mmap.mmap(f.fileno(), 0)
        m[4096:4101] = b"paged"
        m.flush()
        f.seek(4096)
        print(f.read(5), m.find(b"paged"))
        f.write(b"written")
        f.flush()
        print(m[4101:4108])
        m.close()
    anon = mmap.mmap(-1, 1 << 16)
    if os.fork() == 0:
        anon[:6] = b"shared"
        os._exit(0)
    os.wait()
    print(anon[:6])
    if sqlite3:
        db = sqlite3.connect(d + "/db")
        db.execute("pragma journal_mode=wal")
        db.execute("create table t (k integer primary key, v text)")
        with db:
            db.executemany("insert into t (v) values (?)", (("row %d" % i,) for i in range(2000)))
        print(db.execute("select count(*), max(v) from t").fetchone(), db.execute("pragma integrity_check").fetchone())
        db.close()
    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    socket.send_fds(a, [b"fd"], [os.open("/etc/hostname" if os.path.exists("/etc/hostname") else "/etc/passwd", os.O_RDONLY)])
    msg, fds, _, _ = socket.recv_fds(b, 10, 4)
    print(msg, len(fds), len(os.read(fds[0], 10)) > 0)
    libc = ctypes.CDLL(None)
    print(libc.abs(-5))
