#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Names of a volume that change under the gofer's feet, on the host and inside, never lead out of the volume.
. "$(dirname "$0")/lib.sh"
echo 1..2
SECONDS_=${SECONDS_:-6}
mkdir -p "$work/vol/x" "$work/vol/deep/a/b" "$work/secret/b"
echo inside >"$work/vol/x/file"
echo SECRET >"$work/secret/file"
echo SECRET >"$work/secret/b/file"

# On the host: a directory, a link out of the volume and one by an absolute name take turns; directories move away.
cat >"$work/swap.py" <<'PY'
import os, sys, time
vol, secret, end = sys.argv[1], sys.argv[2], time.time() + float(sys.argv[3])
x, aside = f"{vol}/x", f"{vol}/.aside"
turns = 0
while time.time() < end:
    for target in ("../secret", secret):
        os.rename(x, aside); os.symlink(target, x); os.unlink(x); os.rename(aside, x)
    os.rename(f"{vol}/deep/a", f"{vol}/moved"); os.rename(f"{vol}/moved", f"{vol}/deep/a")
    turns += 1
print(turns)
PY
cat >"$work/share/chase.py" <<'PY'
import os, sys, time
end, seen, leaks = time.time() + float(sys.argv[1]), 0, []
d = os.open("/srv", os.O_RDONLY)
names = ["x/file", "x/../x/file", "deep/a/b/../../../x/file", "x/b/file", "deep/a/b/../../../../secret/file", "x/./../secret/file"]
while time.time() < end:
    for n in names:
        for how in (lambda: os.open("/srv/" + n, os.O_RDONLY), lambda: os.open(n, os.O_RDONLY, dir_fd=d)):
            try:
                fd = how()
            except OSError:
                continue
            data = os.read(fd, 100); os.close(fd)
            seen += 1
            if b"SECRET" in data: leaks.append(n)
    try:
        os.chdir("/srv/deep/a/b"); os.chdir("../../../.."); leaks += [n for n in os.listdir(".") if n == "secret"]
    except OSError:
        pass
print("seen", seen > 0, "leaks", sorted(set(leaks)))
PY
python3 "$work/swap.py" "$work/vol" "$work/secret" $((SECONDS_ + 4)) >"$work/turns" 2>&1 &
swapper=$!
inside --bind "$work/vol:/srv" -- python3 /mnt/chase.py "$SECONDS_"
wait "$swapper"
report "$([ "$rc" -eq 0 ] && grep -qx "seen True leaks \[\]" "$work/out" && [ "$(cat "$work/turns")" -gt 10 ]; echo $?)" "names swapped on the host"

# Inside: one process swaps, another follows; what a link names is looked for inside.
cat >"$work/share/own.py" <<'PY'
import os, sys, time
end, secret = time.time() + float(sys.argv[1]), sys.argv[2]
os.makedirs("/srv/own/real/b", exist_ok=True)
pid = os.fork()
if pid == 0:
    while time.time() < end:
        for target in ("../" * 12, "../../secret", secret):
            os.rename("/srv/own/real", "/srv/own/aside"); os.symlink(target, "/srv/own/real")
            os.unlink("/srv/own/real"); os.rename("/srv/own/aside", "/srv/own/real")
    os._exit(0)
leaks, tries = [], 0
while time.time() < end:
    for n in ("/srv/own/real/file", "/srv/own/real" + secret + "/file", "/srv/own/real/b/../../../../secret/file", "/srv/own/real/../../../secret/file"):
        tries += 1
        try:
            with open(n) as f: leaks += [n] if "SECRET" in f.read() else []
        except OSError:
            pass
print("tries", tries > 0, "leaks", leaks, os.waitpid(pid, 0)[1])
PY
inside --bind "$work/vol:/srv" -- python3 /mnt/own.py "$SECONDS_" "$work/secret"
report "$([ "$rc" -eq 0 ] && grep -qx "tries True leaks \[\] 0" "$work/out"; echo $?)" "names swapped inside"
