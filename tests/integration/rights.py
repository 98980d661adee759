#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TAP: every row of the table of processes in docs/SECURITY-MODEL.md, read from /proc of a running sandbox by root."""
import ctypes
import json
import os
import re
import stat
import subprocess
import sys
import time

NACRE, ROOT, TOP, ROOTFS, WORK = (os.environ[v] for v in ("NACRE", "NACRE_ROOT", "NACRE_TOP", "ROOTFS", "WORK"))
GOFER_CAPS = sum(1 << c for c in (0, 1, 3, 4, 27, 31))  # CHOWN DAC_OVERRIDE FOWNER FSETID MKNOD SETFCAP
NAMESPACES = ("mnt", "net", "ipc", "uts", "pid")
libc = ctypes.CDLL(None, use_errno=True)
count = 0


def is_(name, got, want):
    global count
    count += 1
    print("%s %d - %s" % ("ok" if got == want else "not ok", count, name))
    if got != want:
        print("# got:    %r\n# wanted: %r" % (got, want))


class Proc:
    """A process as /proc shows it."""

    def __init__(self, pid):
        self.pid = pid
        self.status = dict(line.rstrip("\n").split(":\t", 1) for line in self.read("status").splitlines() if ":\t" in line)

    def read(self, name):
        with open("/proc/%d/%s" % (self.pid, name)) as f:
            return f.read()

    def ids(self):
        return {int(n) for k in ("Uid", "Gid") for n in self.status[k].split()}

    def caps(self):
        return [int(self.status["Cap" + s], 16) for s in ("Inh", "Prm", "Eff", "Bnd", "Amb")]

    def threads(self, field):
        """The different values of a field of status over all threads."""
        return {re.search(r"^%s:\s*(.*)$" % field, self.read("task/%s/status" % t), re.M).group(1)
                for t in os.listdir("/proc/%d/task" % self.pid)}

    def ns(self, name):
        return os.readlink("/proc/%d/ns/%s" % (self.pid, name))

    def fds(self):
        d = "/proc/%d/fd" % self.pid
        return {int(n): os.readlink(d + "/" + n) for n in os.listdir(d)}

    def fd_flags(self, fd):
        return int(re.search(r"^flags:\s*([0-7]+)", self.read("fdinfo/%d" % fd), re.M).group(1), 8)

    def mounts(self):
        """[(mount point, {options}, type)]"""
        out = []
        for line in self.read("mountinfo").splitlines():
            left, right = line.split(" - ")
            out.append((left.split()[4], set(left.split()[5].split(",")), right.split()[0]))
        return out

    def session(self):
        return int(self.read("stat").rpartition(")")[2].split()[3])

    def parent(self):
        return int(self.read("stat").rpartition(")")[2].split()[1])

    def core(self):
        return re.search(r"^Max core file size\s+(\S+)\s+(\S+)", self.read("limits"), re.M).groups()

    def executable(self):
        """[(rights, file)] of executable mappings."""
        out = set()
        for line in self.read("maps").splitlines():
            f = line.split(None, 5)
            if "x" in f[1]:
                out.add((f[1], f[5] if len(f) > 5 else ""))
        return out

    def memory_owner(self):
        return os.stat("/proc/%d/mem" % self.pid).st_uid


HOST = Proc(os.getpid())


def fork_with_caps(keep, run):
    """A child of root with the capabilities that keep(old) leaves; run() there. Returns its pid."""
    pid = os.fork()
    if pid == 0:
        class Header(ctypes.Structure):
            _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]
        h, d = Header(0x20080522, 0), (ctypes.c_uint32 * 6)()
        bad = libc.syscall(125, ctypes.byref(h), d)
        for i in (0, 1, 3, 4):
            d[i] &= keep >> 32 * (i // 3) & 0xFFFFFFFF
        os._exit(9 if bad or libc.syscall(126, ctypes.byref(h), d) else run())
    return pid


def reachable(pid):
    """May a process of root that has all but CAP_SYS_PTRACE write to the memory of pid? Then that is dumpable."""
    def attempt():
        try:
            os.close(os.open("/proc/%d/mem" % pid, os.O_RDWR))
            return 0
        except PermissionError:
            return 1
    child = fork_with_caps(~(1 << 19 | 1 << 21), attempt)  # SYS_PTRACE, SYS_ADMIN
    return {0: True, 1: False}[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]


def dumpable_twin():
    """A process with the gofer's capabilities that is dumpable."""
    return fork_with_caps(GOFER_CAPS, lambda: time.sleep(1000))


def nacre(*args):
    # A descriptor that some caller forgot to close-on-exec, below and above the ones that nacre uses itself.
    secret = os.open(WORK + "/secret", os.O_RDWR | os.O_CREAT)
    for n in (40, 333, 905, 1002):
        os.dup2(secret, n)
    subprocess.run([NACRE, "--root", ROOT, "--overlay=memory", *args], check=True, stdin=subprocess.DEVNULL, stdout=out_file,
                   stderr=out_file, close_fds=False)


out_file = open(WORK + "/out", "w")


def start(ident, *opts):
    subprocess.run([TOP + "/tests/mkbundle", WORK + "/" + ident, ROOTFS, *opts, "--", "/bin/sleep", "1000"], check=True)
    nacre("run", "--detach", "--bundle", WORK + "/" + ident, ident)
    with open(os.path.join(ROOT, ident, "state.json")) as f:
        return json.load(f)


def wait_for(what, cond):
    end = time.monotonic() + 20
    while not cond():
        if time.monotonic() > end:
            sys.exit("Bail out! %s" % what)
        time.sleep(0.01)


def children(pid):
    out = []
    for p in os.listdir("/proc"):
        if p.isdigit():
            try:
                proc = Proc(int(p))
                if proc.parent() == pid and proc.status["State"][0] != "Z":
                    out.append(proc)
            except (OSError, KeyError):
                pass
    return sorted(out, key=lambda p: p.pid)


def nothing_in_hand(who, p, uid):
    """What holds for everything that a guest or its data can reach."""
    is_(who + ": user and group are the sandbox's alone", p.ids(), {uid})
    is_(who + ": no further groups", p.status["Groups"].split(), [])
    is_(who + ": no capability in any set", p.caps(), [0] * 5)
    is_(who + ": no_new_privs, in each thread", p.threads("NoNewPrivs"), {"1"})
    is_(who + ": no core dump", p.core(), ("0", "0"))
    is_(who + ": its root is empty", os.listdir("/proc/%d/root/" % p.pid), [])
    is_(who + ": one mount, and nothing can be written or executed there", [(m, o & {"ro", "nosuid", "nodev", "noexec"}, t) for m, o, t in p.mounts()],
        [("/", {"ro", "nosuid", "nodev", "noexec"}, "tmpfs")])
    is_(who + ": working directory in that root", os.readlink("/proc/%d/cwd" % p.pid), "/")
    is_(who + ": not in the host's namespaces", [n for n in NAMESPACES if who != "status" and p.ns(n) == HOST.ns(n)], [])
    is_(who + ": not in the caller's session", p.session() == HOST.session(), False)
    is_(who + ": nothing both writable and executable", [m for m in p.executable() if "w" in m[0]], [])
    is_(who + ": none of the caller's descriptors", [t for t in p.fds().values() if t.startswith(WORK + "/secret")], [])


def kernel_rows(k, uid, ident):
    nothing_in_hand("kernel", k, uid)
    is_("kernel: one filter, in each thread", (k.threads("Seccomp"), k.threads("Seccomp_filters")), ({"2"}, {"1"}))
    is_("kernel: not dumpable", k.memory_owner(), 0)
    is_("kernel: process 1 of its pid namespace", k.status["NSpid"].split()[-1], "1")
    is_("kernel: no environment", k.read("environ"), "")
    is_("kernel: leads its session", k.session(), k.pid)
    fds = k.fds()
    is_("kernel: the caller's stdin and stdout are not kept as such", (fds.pop(0), fds.pop(1)), ("/dev/null", "/dev/null"))
    is_("kernel: a procfs that shows processes only", sorted(n for n in os.listdir("/proc/%d/fd/1000/" % k.pid) if not n.isdigit()),
        ["self", "thread-self"])
    fds.pop(1000)
    kinds = {}
    for n, t in fds.items():
        kind = "guest stdio" if t in ("/dev/null", WORK + "/out") else re.sub(r"(?<=[a-z])(:\[\d+\]|:.*)$", "", t) if not t.startswith("/") else \
            "export" if re.match(r"/0(/|$)", t) else "memfd" if t.startswith("/memfd:") else t
        kinds.setdefault(kind, set()).add(n)
    is_("kernel: no other descriptor than sockets, memory, wake-ups, notifications, files of the export, stdio of the guest",
        set(kinds) - {"socket", "memfd", "anon_inode", "export", "guest stdio"}, set())
    is_("kernel: directories are only names", [n for n in kinds.get("export", ()) if stat.S_ISDIR(os.stat("/proc/%d/fd/%d" % (k.pid, n)).st_mode)
                                               and not k.fd_flags(n) & 0o10000000], [])
    is_("kernel: its own text is all that is executable", {os.path.basename(f) for _, f in k.executable()} - {"[vdso]", "[vsyscall]"}, {"nacre-kernel"})
    is_("kernel: beside the container's cgroup, not in it", [l for l in k.read("cgroup").splitlines() if re.search("/%s$" % ident, l)], [])


def gofer_rows(g, k, exports, ident):
    is_("gofer: six capabilities, none to inherit", g.caps(), [0, GOFER_CAPS, GOFER_CAPS, GOFER_CAPS, 0])
    is_("gofer: each thread the same", g.threads("CapEff"), {"%016x" % GOFER_CAPS})
    is_("gofer: no_new_privs, in each thread", g.threads("NoNewPrivs"), {"1"})
    is_("gofer: one filter, in each thread", (g.threads("Seccomp"), g.threads("Seccomp_filters")), ({"2"}, {"1"}))
    is_("gofer: no core dump", g.core(), ("0", "0"))
    twin = dumpable_twin()
    wait_for("no twin", lambda: Proc(twin).caps()[1] == GOFER_CAPS)
    is_("gofer: not dumpable (root without CAP_SYS_PTRACE cannot reach it, but a process of the same rights that is)",
        (reachable(g.pid), reachable(twin)), (False, True))
    os.kill(twin, 9)
    os.waitpid(twin, 0)
    is_("gofer: in the sandbox's pid and network namespace", (g.ns("pid"), g.ns("net")), (k.ns("pid"), k.ns("net")))
    is_("gofer: no other of the host's or the kernel's", [n for n in ("mnt", "ipc", "uts") if g.ns(n) in (HOST.ns(n), k.ns(n))], [])
    want = {str(n) for n in range(exports)}
    is_("gofer: the root holds its exports and a procfs", set(os.listdir("/proc/%d/root/" % g.pid)), want | {"proc"})
    is_("gofer: nobody else passes through that root", stat.S_IMODE(os.stat("/proc/%d/root/" % g.pid).st_mode), 0o700)
    # Of two mounts on one place the first is the gofer's; the other, on top of it, is for engines that enter the namespace.
    mounts, view = {}, {}
    for m, o, t in g.mounts():
        (view if m in mounts or m == "/mnt" else mounts)[m] = (o, t)
    is_("gofer: mounts are root, procfs and exports", set(mounts) - {"/" + n for n in want}, {"/", "/proc"})
    is_("gofer: root and procfs are read-only", ["ro" in mounts[m][0] for m in ("/", "/proc")], [True, True])
    is_("gofer: the view from outside shows no more than the container has", set(view), {"/", "/proc", "/mnt"})
    is_("gofer: what is read-only is so in that view, too", ["ro" in view[m][0] for m in ("/proc", "/mnt")], [True, True])
    is_("gofer: a read-only export is read-only for the host, too", "ro" in mounts["/1"][0], True)
    is_("gofer: the procfs is the sandbox's", os.path.exists("/proc/%d/root/proc/%s" % (g.pid, os.getpid())) and
        os.readlink("/proc/%d/root/proc/1/ns/pid" % g.pid) != k.ns("pid"), False)
    fds = g.fds()
    is_("gofer: the caller's stdin and stdout are not kept", (fds.pop(0), fds.pop(1)), ("/dev/null", "/dev/null"))
    fds.pop(2)
    odd = {n: t for n, t in fds.items() if not re.match(r"socket:|anon_inode:\[pidfd\]$|/$|/[0-9]+(/|$)", t)}
    is_("gofer: no other descriptor than sockets, its pidfd and names below its root", odd, {})
    is_("gofer: names are only names", [t for n, t in fds.items() if t.startswith("/") and not g.fd_flags(n) & 0o10000000], [])
    is_("gofer: no environment", g.read("environ"), "")
    is_("gofer: leads its session", g.session(), g.pid)
    is_("gofer: nothing both writable and executable", [m for m in g.executable() if "w" in m[0]], [])
    is_("gofer: in the container's cgroup", bool([l for l in g.read("cgroup").splitlines() if re.search("/%s$" % ident, l)]), True)


def stub_rows(who, p, k, factory, uid):
    nothing_in_hand(who, p, uid)
    is_(who + ": one filter, in each thread", (p.threads("Seccomp"), p.threads("Seccomp_filters")), ({"2"}, {"1"}))
    is_(who + ": namespaces are the factory's", [n for n in NAMESPACES if p.ns(n) != factory.ns(n)], [])
    is_(who + ": no network, ipc, uts of the kernel's", [n for n in ("net", "ipc", "uts") if p.ns(n) == k.ns(n)], [])
    is_(who + ": dumpable, for the kernel's copies", p.memory_owner(), uid)
    is_(who + ": descriptors are the slots and files that are mapped",
        [t for n, t in p.fds().items() if not (n == 0 and t.startswith("/memfd:slots")) and not re.match(r"/0/|/memfd:v(var|dso) \(deleted\)$", t)], [])


def factory_rows(f, k, uid):
    nothing_in_hand("factory", f, uid)
    is_("factory: not dumpable: the kernel cannot write to it", f.memory_owner(), 0)
    is_("factory: no network, ipc, uts of the kernel's", [n for n in ("net", "ipc", "uts") if f.ns(n) == k.ns(n)], [])
    is_("factory: one descriptor, its socket", [(n, t[:7]) for n, t in f.fds().items()], [(3, "socket:")])
    is_("factory: the stub's text is all that is executable", {os.path.basename(x) for _, x in f.executable()} - {"[vdso]", "[vsyscall]"}, {"nacre-stub"})


def status_rows(s, k, uid):
    nothing_in_hand("status", s, uid)
    is_("status: one filter", (s.threads("Seccomp"), s.threads("Seccomp_filters")), ({"2"}, {"1"}))
    is_("status: not dumpable", s.memory_owner(), 0)
    is_("status: namespaces are the sandbox's", [n for n in ("mnt", "net", "ipc", "uts") if s.ns(n) != k.ns(n)], [])
    is_("status: its socket and its pidfd", {n: re.sub(r"\[\d+\]", "", t) for n, t in s.fds().items()}, {3: "socket:", 900: "anon_inode:[pidfd]"})
    is_("status: the caller's environment is wiped", s.read("environ").strip("\0"), "")


def main():
    a, b = "rights-a-%d" % os.getpid(), "rights-b-%d" % os.getpid()
    os.mkdir(WORK + "/share")
    try:
        st = start(a, "--bind", WORK + "/share:/mnt:ro")
        k, g = Proc(st["kernel"]["pid"]), Proc(st["gofer"]["pid"])
        uid = int(k.status["Uid"].split()[0])
        nacre("exec", "--detach", "--pid-file", WORK + "/status", a, "/bin/sleep", "1000")
        with open(WORK + "/status") as f:
            spid = int(f.read())
        wait_for("the status process has no filter", lambda: Proc(spid).status["Seccomp"] == "2")
        # Two guest processes, each past its exec: their stubs have files mapped.
        wait_for("no stubs", lambda: sum("/0/" in p.read("maps") for p in children(k.pid)) >= 2)
        below = children(k.pid)
        factory = [p for p in below if p.status["Seccomp"] == "0"]
        stubs = [p for p in below if p.status["Seccomp"] != "0"]
        is_("all but one child of the kernel have a filter", len(factory), 1)
        is_("the sandbox's user is in nacre's range", 0x7A000000 <= uid <= 0x7AFFFFFF, True)
        kernel_rows(k, uid, a)
        gofer_rows(g, k, 2, a)
        factory_rows(factory[0], k, uid)
        for i, p in enumerate(stubs):
            stub_rows("zygote" if i == 0 else "stub %d" % i, p, k, factory[0], uid)
        status_rows(Proc(spid), k, uid)
        d = os.path.join(ROOT, a)
        is_("the control socket is for its owner", stat.S_IMODE(os.stat(d + "/sock").st_mode), 0o600)
        is_("the state file cannot be written by others", stat.S_IMODE(os.stat(d + "/state.json").st_mode) & 0o022, 0)
        k2 = Proc(start(b)["kernel"]["pid"])
        is_("another sandbox has another user", k2.ids() & k.ids(), set())
        is_("another sandbox has other namespaces", [n for n in NAMESPACES if k2.ns(n) == k.ns(n)], [])
    finally:
        for ident in (a, b):
            subprocess.run([NACRE, "--root", ROOT, "delete", "--force", ident], stderr=subprocess.DEVNULL)
    print("1..%d" % count)


main()
