# SPDX-License-Identifier: Apache-2.0
# linux.seccomp: a profile as engines give it, seen from inside, in the first process and in exec.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
id=seccomp-$$
at_exit='nacre delete --force $id >/dev/null 2>&1'
here=$(dirname "$0")

# What a call of that number gives: OK or the error's name; SIGNAL when it kills.
cat >"$work/probe.py" <<'PY'
import ctypes
import errno
import os
import signal
import sys
libc = ctypes.CDLL(None, use_errno=True)
for word in sys.argv[1:]:
    nr, *args = [int(x, 0) for x in word.split(":")]
    pid = os.fork()
    if pid == 0:
        r = libc.syscall(ctypes.c_long(nr), *[ctypes.c_long(a) for a in args])
        os._exit(ctypes.get_errno() if r == -1 else 0)
    st = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(st):
        print(signal.Signals(os.WTERMSIG(st)).name)
    else:
        print(errno.errorcode.get(os.WEXITSTATUS(st), "OK"))
PY
profiled() { # profiled ARGS...: a bundle with the profile
	bundle "$work/b" --bind "$work:/mnt:ro" -- "$@"
	python3 "$here/seccomp-profile.py" "$work/b/config.json"
}
probe() { # probe WORD...: what each gives, in one line
	profiled python3 /mnt/probe.py "$@"
	run --overlay=memory run --bundle "$work/b" "$id"
	tr '\n' ' ' <"$work/out" | sed 's/ $//'
}
chmod 755 "$work"

is "allowed and not" "$(probe 39 169 83:1 165)" "OK EPERM EFAULT EPERM"
is "by argument" "$(probe 135:0 135:0xffffffff 135:8 41:40:1:0 41:1:1:0)" "OK OK EPERM EPERM OK"
is "by flags: new namespaces" "$(probe 56:0x10000000 56:0x20000)" "EPERM EPERM"
is "an error of its own" "$(probe 435)" ENOSYS
is "traps and kills" "$(probe 167 163)" "SIGSYS SIGSYS"
is "a call that is newer than the profile is unknown, not forbidden" "$(probe 500 700)" "ENOSYS ENOSYS"
is "a young call that is named is allowed" "$(probe 452:-100:0:0:0)" EFAULT

profiled sh -c 'grep -E "^(Seccomp|NoNewPrivs)" /proc/self/status | tr "\n\t" "  "'
run --overlay=memory run --bundle "$work/b" "$id"
is "status" "$(cat "$work/out")" "NoNewPrivs: 0 Seccomp: 2 Seccomp_filters: 1 "

# Users without rights have it, too.
profiled python3 /mnt/probe.py 169
edit "$work/b/config.json" 'c["process"]["user"] = {"uid": 1000, "gid": 1000}; c["process"]["capabilities"] = {}; c["process"]["noNewPrivileges"] = True'
run --overlay=memory run --bundle "$work/b" "$id"
is "a user without capabilities" "$(cat "$work/out")" EPERM

profiled sleep 1000
run --overlay=memory create --bundle "$work/b" "$id"
run start "$id"
run exec "$id" python3 /mnt/probe.py 39 169 435
is "exec" "$(tr '\n' ' ' <"$work/out")" "OK EPERM ENOSYS "
run exec --cap CAP_SYS_ADMIN "$id" sh -c 'grep -E "^Seccomp" /proc/self/status | tr "\n\t" "  "'
is "exec with more capabilities" "$(cat "$work/out")" "Seccomp: 2 Seccomp_filters: 1 "
nacre delete --force "$id"

# Programs at work under it.
profiled sh -c 'for i in 1 2 3; do (echo $i; ls /usr/bin | wc -l >/dev/null) & done | sort; wait; perl -e "print 6*7" 2>/dev/null || echo 42'
run --overlay=memory run --bundle "$work/b" "$id"
is "a shell at work" "$(tr "\n" " " <"$work/out")" "1 2 3 42"

bundle "$work/b" -- true
edit "$work/b/config.json" 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x", "syscalls": [{"names": ["bind"], "action": "SCMP_ACT_NOTIFY"}]}'
fails "a listener of the host's is refused" 1 "SCMP_ACT_NOTIFY" run --bundle "$work/b" "$id"

# Every action as the default, every operator.
default() {
	bundle "$work/b" --bind "$work:/mnt:ro" -- sh -c "$2"
	edit "$work/b/config.json" "c['linux']['seccomp'] = $1"
	run --overlay=memory run --bundle "$work/b" "$id"
	echo "$rc $(cat "$work/out")"
}
is "default LOG" "$(default '{"defaultAction": "SCMP_ACT_LOG"}' 'echo hi')" "0 hi"
is "default KILL_PROCESS" "$(default '{"defaultAction": "SCMP_ACT_KILL_PROCESS"}' 'echo hi')" "159 "
# libseccomp mixes up rules of one call whose first arguments overlap: a call for each operator.
rule() { # rule NAME OPERATOR VALUE [VALUE2]
	echo "{\"names\": [\"$1\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 11, \"args\": [{\"index\": 0, \"value\": $3, \"valueTwo\": ${4:-0}, \"op\": \"SCMP_CMP_$2\"}]}"
}
rules="$(rule getpid LT 8), $(rule getppid LE 8), $(rule getuid GT 8), $(rule getgid GE 8), $(rule geteuid NE 8), $(rule getegid EQ 8),
	$(rule gettid MASKED_EQ 12 8), $(rule getpgrp GT 0x100000000)"
is "operators" "$(default "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [$rules]}" \
	'python3 /mnt/probe.py 39:7 39:8 110:8 110:9 102:8 102:9 104:7 104:8 107:8 107:9 108:8 108:9 186:0x18 186:0x14 111:0x80000000 111:0x100000001 | tr "\n" " "')" \
	"0 EAGAIN OK EAGAIN OK OK EAGAIN OK EAGAIN OK EAGAIN EAGAIN OK EAGAIN OK OK EAGAIN "
is "two arguments, and one of two values" "$(default '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
	{"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 12, "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 6, "op": "SCMP_CMP_EQ"}]},
	{"names": ["alarm"], "action": "SCMP_ACT_ERRNO", "errnoRet": 2, "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 6, "op": "SCMP_CMP_EQ"}]}]}' \
	'python3 /mnt/probe.py 110:5:0:6 110:5:0:7 110:4:0:6 37:5 37:6 37:7 | tr "\n" " "')" \
	"0 ENOMEM OK OK ENOENT ENOENT OK "
done_testing
