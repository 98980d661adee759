#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Types at a terminal: bash with job control in a chroot (which proves the dialogue), by `nacre run`, `nacre do`,
`nacre exec -t` and through a console socket. TAP. Needs NACRE, NACRE_ROOT, NACRE_CACHE, NACRE_TOP."""
import array
import fcntl
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

LIMIT = 30  # seconds until an answer counts as missing
PROMPT = "@@ "
SHELL = ["/bin/bash", "--noprofile", "--norc", "-i"]
NACRE = [os.environ["NACRE"], "--root", os.environ["NACRE_ROOT"]]
ROOTFS = os.environ["NACRE_CACHE"] + "/rootfs-bookworm"
TOP = os.environ["NACRE_TOP"]


class Missing(Exception):
    pass


class Terminal:
    """A terminal's master and what has come from it."""

    def __init__(self, master, pid=None):
        self.master, self.pid, self.text, self.seen, self.late = master, pid, "", "", False

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, text):
        os.write(self.master, text.encode())

    def read(self, deadline):
        """More text, or False at the end."""
        ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise Missing("nothing for %d s" % LIMIT)
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: nobody has the other end open
            data = b""
        self.text += data.decode(errors="replace")
        self.seen += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern):
        deadline = time.monotonic() + LIMIT
        while True:
            m = re.search(pattern, self.text)
            if m:
                self.text = self.text[m.end():]
                return m
            try:
                more = self.read(deadline)
            except Missing:
                more = False
            if not more:
                raise Missing("expected %r, have %r" % (pattern, self.text[-600:]))

    def run(self, command, *patterns):
        """Types a line; the patterns come in this order, then the prompt."""
        self.send(command + "\r")
        self.expect(re.escape(command) + "\r\n")
        return [self.expect(p) for p in patterns + (PROMPT,)]

    def start(self, command, pattern):
        """Types a line whose program stays; waits for its first words."""
        self.send(command + "\r")
        self.expect(re.escape(command) + "\r\n")
        self.expect(pattern)

    def end(self, status):
        deadline = time.monotonic() + LIMIT
        while self.read(deadline):
            pass
        if self.pid is None:
            return
        got = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.pid = None
        if got != status:
            raise Missing("exit status %d, expected %d" % (got, status))

    def close(self):
        os.close(self.master)
        if self.pid is not None:
            os.kill(self.pid, signal.SIGTERM)
            os.waitpid(self.pid, 0)


def spawn(argv, keep=False):
    """The command on a terminal of 24 x 200 of its own. keep: the other end too, else it is closed here."""
    master, slave = os.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(slave, fd)
        os.closerange(3, 100)
        try:
            os.execvp(argv[0], argv)
        finally:
            os._exit(127)
    if keep:
        return Terminal(master, pid), slave
    os.close(slave)
    return Terminal(master, pid)


def setup(t):
    """A prompt that does not occur in what is typed."""
    t.expect(r"[#$] ")
    t.send("PS1='@''@ '; unset PROMPT_COMMAND; bind 'set enable-bracketed-paste off'\r")
    t.expect("\n(\x1b\\[\\?2004l\r?)?" + PROMPT)


def terminal_of_its_own(t):
    t.run("tty", "/dev/pts/[0-9]+\r\n")
    t.run("test -t 0 -a -t 1 -a -t 2 && echo all three", "\nall three\r\n|^all three\r\n")
    t.run("cut -d' ' -f7 /proc/$$/stat | awk '{ print ($1 != 0 ? \"has\" : \"no\"), \"terminal\" }'", "^has terminal\r\n")
    t.run("(echo to the terminal >/dev/tty)", "to the terminal\r\n")


def size(t):
    t.run("stty size", "24 200\r\n")
    t.start("sh -c 'trap \"stty size; exit\" WINCH; echo here; while :; do sleep 0.05; done'", "^here\r\n")
    t.resize(40, 180)
    if t.late:  # the holder of a console socket tells nobody of it: seen at the next key
        t.send("\x11")
    t.expect("40 180\r\n")
    t.expect(PROMPT)
    t.run("stty size; stty rows 33 cols 177; stty size", "40 180\r\n33 177\r\n")


# One process: a shell in vfork would wait for a child that Ctrl-Z stopped before its exec, here as on Linux.
LOOP = "perl -e '$| = 1; $SIG{CONT} = sub { print \"again\\n\" }; print \"here\\n\"; sleep 1 while 1'"


def stop_and_continue(t):
    t.start(LOOP, "^here\r\n")
    t.send("\x1a")
    t.expect(r"\^Z\r\n\[1\]\+  Stopped +" + re.escape(LOOP) + "\r\n")
    t.expect(PROMPT)
    t.run("echo $?", "^148\r\n")
    t.run("jobs", r"^\[1\]\+  Stopped +perl -e")
    t.run("cut -d' ' -f3 /proc/$(jobs -p)/stat", "^T")
    t.start("bg >/dev/null", "^(again\r\n@@ |@@ again\r\n)")
    t.run("jobs", r"\[1\]\+  Running +perl -e")
    # Ctrl-C only when the job says that it goes on: the shell prints its name before it gives it the terminal.
    t.run("kill -STOP %1; until grep -q 'State:.T' /proc/$(jobs -p)/status; do :; done; jobs", r"\[1\]\+  Stopped +perl -e")
    t.start("fg", re.escape(LOOP) + "\r\nagain\r\n")
    t.send("\x03")
    t.expect(r"\^C")
    t.expect(PROMPT)
    t.run("echo $?", "^130\r\n")
    t.run("jobs; echo none", "^none\r\n")


def background(t):
    t.run("sleep 1000 &", r"^\[1\] [0-9]+\r\n")
    t.run("sleep 2000 &", r"^\[2\] [0-9]+\r\n")
    t.run("jobs", r"\[1\]-  Running +sleep 1000 &\r\n\[2\]\+  Running +sleep 2000 &\r\n")
    t.run("kill %1; wait %1 2>/dev/null; echo $?", "143\r\n")
    t.run("kill -STOP %2; until grep -q 'State:.T' /proc/$!/status; do :; done; jobs", r"\[2\]\+  Stopped")
    t.run("kill %2; kill -CONT %2; wait %2 2>/dev/null; echo $?", "143\r\n")
    t.run("cat &", r"^\[[12]\] [0-9]+\r\n")
    t.run("until grep -q 'State:.T' /proc/$!/status; do :; done; jobs", r"Stopped( \(tty input\))? +cat")
    t.run("kill -KILL %%; while jobs %% >/dev/null 2>&1; do :; done; echo gone", "gone\r\n")
    t.run("stty tostop; echo too much & until grep -q 'State:.T' /proc/$!/status; do :; done; jobs -l; stty -tostop", r"[0-9]+ Stopped \(tty output\)")
    t.start("fg", "too much\r\n")
    t.expect(PROMPT)


def interrupt(t):
    t.start("sh -c 'echo here; exec sleep 1000'", "^here\r\n")
    t.send("\x1c")
    t.expect(r"\^\\.*Quit")
    t.expect(PROMPT)
    t.run("echo $?", "^131\r\n")
    t.start("(trap 'echo in the shell; exit 5' INT; echo here; while :; do sleep 0.05; done) | cat", "^here\r\n")
    t.send("\x03")
    t.expect(PROMPT)
    t.start("for i in 1 2 3; do sh -c 'echo here; exec sleep 1000'; done", "^here\r\n")
    t.send("\x03")
    t.expect(r"\^C")
    t.expect(PROMPT)
    t.run("echo $?", "^130\r\n")


def line_editing(t):
    t.start("sh -c 'echo here; exec cat'", "^here\r\n")
    t.send("ab\x7fc\r")
    t.expect("ab\x08 \x08c\r\nac\r\n")
    t.send("word another\x17one\r")
    t.expect("\nword one\r\n")
    t.send("all of it\x15kept\r")
    t.expect("\nkept\r\n")
    t.send("no newline\x04")
    t.expect("no newlineno newline")
    t.send("\x04")
    t.expect(PROMPT)
    t.start("stty -echo; echo ready; read -r x; stty echo; echo \"got $x\"", "^ready\r\n")
    t.send("secret\r")
    t.expect("^got secret\r\n")
    t.expect(PROMPT)


def raw_mode(t):
    t.start("python3 -c 'import os,tty; tty.setraw(0); os.write(1, b\"raw\\n\"); print(repr(os.read(0, 1)), end=\"\", flush=True); "
            "print(repr(os.read(0, 1)))'; stty sane", "raw\n")
    t.send("\x03")
    t.expect(r"^b'\\x03'")
    t.send("\r")
    t.expect(r"^b'\\r'\r?\n")
    t.expect(PROMPT)
    t.run("stty -a | tr ';' '\\n' | grep -c 'intr = ^C'", "1\r\n")


def terminals_inside(t):
    t.run("script -qec 'tty; stty rows 7 cols 8; stty size; exit 6' /dev/null; echo $?", "/dev/pts/[0-9]+\r\n", "7 8\r\n", "^6\r\n")
    t.start("script -qc 'bash --norc -i' /dev/null", r"[#$] ")
    t.send("PS1='inner''> '\r")
    t.expect("\n?inner> ")
    t.send("sh -c 'echo here; exec sleep 1000'\r")
    t.expect("\nhere\r\n")
    t.send("\x1a")
    t.expect("Stopped")
    t.expect("inner> ")
    t.send("kill %1; kill -CONT %1; wait %1; exit\r")
    t.expect(PROMPT)


DIALOGUE = [terminal_of_its_own, size, stop_and_continue, background, interrupt, line_editing, raw_mode, terminals_inside]
number = 0


def result(ok, name, t=None, why=""):
    global number
    number += 1
    print("%s %d - %s" % ("ok" if ok else "not ok", number, name))
    if not ok:
        print("# " + str(why).replace("\n", "\n# "))
        for line in (t.seen[-1500:] if t else "").split("\n"):
            print("# " + repr(line))
    sys.stdout.flush()
    return ok


def dialogue(where, t):
    try:
        setup(t)
    except Missing as e:
        result(False, where + ": a prompt", t, e)
        return
    for step in DIALOGUE:
        try:
            step(t)
            ok, why = True, ""
        except Missing as e:
            ok, why = False, e
        result(ok, "%s: %s" % (where, step.__name__.replace("_", " ")), t, why)
        if not ok:
            return


def leave(where, t, send, status):
    try:
        t.send(send)
        t.end(status)
        return result(True, "%s: the end, status %d" % (where, status))
    except (Missing, OSError) as e:
        return result(False, "%s: the end, status %d" % (where, status), t, e)


def bundle(work, name, *args):
    path = work + "/" + name
    subprocess.run([TOP + "/tests/mkbundle", path, ROOTFS, "--env", "TERM=dumb", *args], check=True)
    return path


def native(work):
    script = ("mount -t proc proc $0/proc && mount -t tmpfs tmpfs $0/tmp && mount --rbind /dev $0/dev && "
              "mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts $0/dev/pts && root=$0 && "
              "exec env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root TERM=dumb LC_ALL=C.UTF-8 "
              "setsid -cw chroot $root script -qec \"$*\" /dev/null")
    t = spawn(["unshare", "-mpf", "--kill-child", "--propagation", "private", "sh", "-c", script, ROOTFS, *SHELL])
    dialogue("chroot", t)
    leave("chroot", t, "exit 7\r", 7)
    t.close()


def run(work):
    t = spawn(NACRE + ["--overlay=memory", "run", "--bundle", bundle(work, "run", "--tty", "--", *SHELL), "term-run-%d" % os.getpid()])
    dialogue("run", t)
    leave("run", t, "exit 7\r", 7)
    t.close()


def do(work):
    t, slave = spawn(NACRE + ["do", "--rootfs", ROOTFS, "--workdir", "/", "--env", "TERM=dumb", "--", *SHELL], keep=True)
    before = termios.tcgetattr(slave)
    dialogue("do", t)
    t.send("false\r")
    t.expect(PROMPT)
    t.send("\x04")
    try:
        t.expect("exit\r\n")
        os_status = os.waitstatus_to_exitcode(os.waitpid(t.pid, 0)[1])
        t.pid = None
        result(os_status == 1, "do: Ctrl-D ends it with the last status", t, os_status)
    except Missing as e:
        result(False, "do: Ctrl-D ends it with the last status", t, e)
    result(termios.tcgetattr(slave) == before, "do: the caller's terminal is as before", t, "differs")
    os.close(slave)
    t.close()


def container(work):
    cid = "term-exec-%d" % os.getpid()
    subprocess.run(NACRE + ["--overlay=memory", "run", "--detach", "--bundle", bundle(work, "exec", "--", "sleep", "1000"), cid],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        t = spawn(NACRE + ["exec", "-t", "--env", "TERM=dumb", cid, *SHELL])
        dialogue("exec", t)
        leave("exec", t, "exit 9\r", 9)
        t.close()
    finally:
        subprocess.run(NACRE + ["delete", "--force", cid], check=True)


def console(work):
    cid = "term-sock-%d" % os.getpid()
    path = work + "/socket"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)
    try:
        subprocess.run(NACRE + ["--overlay=memory", "create", "--console-socket", path, "--bundle",
                                bundle(work, "console", "--tty", "--", *SHELL), cid], check=True, stdin=subprocess.DEVNULL)
        c, _ = server.accept()
        fds = array.array("i")
        _, anc, _, _ = c.recvmsg(4096, socket.CMSG_LEN(4))
        for level, kind, data in anc:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(data[:4])
        t = Terminal(fds[0])
        t.late = True
        t.resize(24, 200)
        subprocess.run(NACRE + ["start", cid], check=True)
        dialogue("console socket", t)
        leave("console socket", t, "exit 3\r", 0)
        t.close()
    finally:
        subprocess.run(NACRE + ["delete", "--force", cid], check=True)


def main():
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="nacre-term.") as work:
        for f in (native, run, do, container, console):
            if not wanted or f.__name__ in wanted:
                try:
                    f(work)
                except Exception as e:
                    result(False, f.__name__, None, repr(e))
    print("1..%d" % number)


main()
