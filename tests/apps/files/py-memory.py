# mmap, ctypes, sqlite3 from several processes.
import ctypes, mmap, os, sqlite3, struct, sys, tempfile, threading

fd, path = tempfile.mkstemp()
os.ftruncate(fd, 1 << 20)
m = mmap.mmap(fd, 1 << 20)
m[5:10] = b"hello"
m.flush()
print(os.pread(fd, 5, 5), m.find(b"llo"), m.rfind(b"h"))
m.resize(1 << 21)
m[-1] = 7
print(os.fstat(fd).st_size, len(m))
ro = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
m[0:4] = b"seen"
print(ro[:4])
cow = mmap.mmap(fd, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
cow[0:4] = b"mine"
print(m[:4], cow[:4])
m.madvise(mmap.MADV_DONTNEED)
print(m[:4])
m.move(100, 0, 10)
print(m[100:110])
pid = os.fork()
if not pid:
    m[200:205] = b"child"
    os._exit(0)
os.waitpid(pid, 0)
print(m[200:205])

libc = ctypes.CDLL(None, use_errno=True)
libc.strtod.restype = ctypes.c_double
print(libc.strtod(b"2.5", None), libc.close(-1), ctypes.get_errno())
CB = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
arr = (ctypes.c_int * 1000)(*[(i * 7919) % 1000 for i in range(1000)])
libc.qsort(arr, 1000, 4, CB(lambda a, b: a[0] - b[0]))
print(list(arr) == sorted(arr))
libm = ctypes.CDLL("libm.so.6")
libm.cos.restype, libm.cos.argtypes = ctypes.c_double, [ctypes.c_double]
print(libm.cos(0.0))

db = tempfile.mktemp()
for mode in ("delete", "wal"):
    c = sqlite3.connect(db)
    print(c.execute(f"pragma journal_mode={mode}").fetchone())
    c.execute("create table if not exists t(k integer primary key, v text)")
    c.execute("delete from t")
    c.commit()
    c.close()
    pids = []
    for p in range(4):
        pid = os.fork()
        if not pid:
            c = sqlite3.connect(db, timeout=60)
            for i in range(25):
                with c:
                    c.execute("insert into t(v) values(?)", (f"{p}.{i}",))
            c.close()
            os._exit(0)
        pids.append(pid)
    print([os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]) for p in pids])
    c = sqlite3.connect(db)
    print(c.execute("select count(*), count(distinct v) from t").fetchone(), c.execute("pragma integrity_check").fetchone())
    c.close()

big = sqlite3.connect(":memory:")
big.execute("create table n(i)")
big.executemany("insert into n values(?)", ((i,) for i in range(50000)))
print(big.execute("select sum(i), avg(i) from n where i % 3 = 0").fetchone())
