# asyncio: tasks, subprocesses, streams over unix sockets, signals, timeouts, executors.
import asyncio, os, signal, sys, tempfile


async def echo(r, w):
    while line := await r.readline():
        w.write(line.upper())
        await w.drain()
    w.close()


async def client(path, i):
    r, w = await asyncio.open_unix_connection(path)
    total = 0
    for k in range(20):
        w.write(b"line %d of %d\n" % (k, i))
        await w.drain()
        total += len(await r.readline())
    w.close()
    await w.wait_closed()
    return total


async def main():
    with tempfile.TemporaryDirectory() as d:
        path = d + "/sock"
        server = await asyncio.start_unix_server(echo, path)
        print(sum(await asyncio.gather(*(client(path, i) for i in range(30)))))
        server.close()
        await server.wait_closed()
    p = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    out, _ = await p.communicate(b"x" * 300000)
    print(len(out), p.returncode)
    ps = await asyncio.gather(*(asyncio.create_subprocess_shell(f"exit {i}") for i in range(8)))
    print([await p.wait() for p in ps])
    got = []
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: got.append("usr1"))
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.sleep(0.05)
    print(got)
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.05)
    except asyncio.TimeoutError:
        print("timeout")
    print(await loop.run_in_executor(None, sum, range(1000)))
    p = await asyncio.create_subprocess_exec("sleep", "100")
    p.kill()
    print(await p.wait())
    r, w = os.pipe()
    fut = loop.create_future()
    loop.add_reader(r, lambda: fut.set_result(os.read(r, 10)))
    loop.call_later(0.02, os.write, w, b"later")
    print(await fut)
    q = asyncio.Queue(3)
    async def producer():
        for i in range(100):
            await q.put(i)
        await q.put(None)
    t = asyncio.create_task(producer())
    n = 0
    while (x := await q.get()) is not None:
        n += x
    print(n)


asyncio.run(main())
