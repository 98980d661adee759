# multiprocessing with every start method, shared memory, queues, pools, managers; futures.
import ctypes, multiprocessing as mp, os, sys, time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import shared_memory


def square(x):
    return x * x


def worker(q, out, lock, value):
    while True:
        item = q.get()
        if item is None:
            break
        with lock:
            value.value += item
        out.put(item * 2)


def touch(name):
    shm = shared_memory.SharedMemory(name=name)
    shm.buf[0] += 1
    shm.close()


def main():
    for method in ("fork", "spawn", "forkserver"):
        ctx = mp.get_context(method)
        q, out, lock, value = ctx.Queue(), ctx.Queue(), ctx.Lock(), ctx.Value(ctypes.c_long, 0, lock=False)
        ps = [ctx.Process(target=worker, args=(q, out, lock, value)) for _ in range(3)]
        for p in ps:
            p.start()
        for i in range(50):
            q.put(i)
        for p in ps:
            q.put(None)
        got = sorted(out.get() for _ in range(50))
        for p in ps:
            p.join()
        print(method, sum(got), value.value, [p.exitcode for p in ps])
        with ctx.Pool(3) as pool:
            print(sum(pool.map(square, range(300), chunksize=7)), pool.apply_async(square, (9,)).get(10))
        shm = shared_memory.SharedMemory(create=True, size=8192)
        p = ctx.Process(target=touch, args=(shm.name,))
        p.start()
        p.join()
        print("shared", shm.buf[0], p.exitcode)
        shm.close()
        shm.unlink()
    with mp.Manager() as m:
        d = m.dict()
        ps = [mp.Process(target=d.__setitem__, args=(i, i * i)) for i in range(4)]
        [p.start() for p in ps]
        [p.join() for p in ps]
        print(sorted(d.items()))
    a, b = mp.Pipe()
    p = mp.Process(target=lambda c: c.send(c.recv()[::-1]), args=(b,))
    p.start()
    a.send("olleh")
    print(a.recv())
    p.join()
    ev, sem, bar = mp.Event(), mp.BoundedSemaphore(2), mp.Barrier(3)
    ps = [mp.Process(target=lambda: (ev.wait(), sem.acquire(), sem.release(), bar.wait())) for _ in range(3)]
    [p.start() for p in ps]
    ev.set()
    [p.join(20) for p in ps]
    print([p.exitcode for p in ps])
    p = mp.Process(target=time.sleep, args=(100,))
    p.start()
    p.terminate()
    p.join()
    print(p.exitcode)
    with ProcessPoolExecutor(2) as ex:
        print(sum(ex.map(square, range(40))))
    with ThreadPoolExecutor(16) as ex:
        print(sum(ex.map(square, range(400))))


if __name__ == "__main__":
    main()
