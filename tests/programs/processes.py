# Processes as Python programs use them: pools, queues, shared memory, locks, pipes.
import multiprocessing as mp
import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import shared_memory


def square(x):
    return x * x


def add(counter, lock, n):
    for _ in range(n):
        with lock:
            counter.value += 1


def produce(q, n):
    for i in range(n):
        q.put(i)
    q.put(None)


def fill(name):
    m = shared_memory.SharedMemory(name=name)
    m.buf[:5] = b"hello"
    m.close()


if __name__ == "__main__":
    with mp.Pool(4) as pool:
        print(sum(pool.map(square, range(1000))))
    with ProcessPoolExecutor(3) as ex:
        print(list(ex.map(square, range(5))))
    counter, lock = mp.Value("i", 0, lock=False), mp.Lock()
    ps = [mp.Process(target=add, args=(counter, lock, 500)) for _ in range(4)]
    [p.start() for p in ps]
    [p.join() for p in ps]
    print(counter.value, [p.exitcode for p in ps])
    q = mp.Queue()
    p = mp.Process(target=produce, args=(q, 2000))
    p.start()
    print(sum(iter(q.get, None)))
    p.join()
    m = shared_memory.SharedMemory(create=True, size=4096)
    p = mp.Process(target=fill, args=(m.name,))
    p.start()
    p.join()
    print(bytes(m.buf[:5]))
    m.close()
    m.unlink()
    a, b = mp.Pipe()
    p = mp.Process(target=lambda: b.send({"from": "child"}))
    p.start()
    print(a.recv())
    p.join()
    ctx = mp.get_context("spawn")
    with ctx.Pool(2) as pool:
        print(pool.map(square, [7, 8]))
    p = mp.Process(target=os.abort)
    p.start()
    p.join()
    print(p.exitcode)
    with ThreadPoolExecutor(32) as ex:
        print(sum(ex.map(square, range(2000))))
