#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# 200,000 files on a volume and as many in a tmpfs, while nacre and all of its processes may have 4096 descriptors.
. "$(dirname "$0")/lib.sh"
echo 1..3
FILES=${FILES:-200000}
export LIMIT=240
mkdir "$work/vol"
python3 - "$work/vol" "$FILES" <<'PY'
import os, sys
top, n = sys.argv[1], int(sys.argv[2])
for d in range(n // 1000):
    os.mkdir(f"{top}/{d}")
    for f in range(1000):
        os.close(os.open(f"{top}/{d}/{f}", os.O_CREAT | os.O_WRONLY, 0o644))
PY
ulimit -n 4096
inside --bind "$work/vol:/srv" -- /bin/sh -c 'find /srv -type f | wc -l; find /srv -type f -newermt 2001-01-01 -size -1k | wc -l'
report "$([ "$rc" -eq 0 ] && [ "$(grep -cx "$FILES" "$work/out")" -eq 2 ]; echo $?)" "volume: a walk, and one that asks for attributes"
inside --bind "$work/vol:/srv" -- python3 -c '
import os
top, n = "/srv", '"$FILES"'
for d in range(n // 1000):
    for f in range(1000):
        p = f"{top}/{d}/{f}"
        if f % 50 == 0:
            with open(p, "w") as o: o.write("x" * f)
        assert os.stat(p).st_size == (f if f % 50 == 0 else 0)
        if f % 2: os.unlink(p)
print(sum(len(f) for _, _, f in os.walk(top)))'
report "$([ "$rc" -eq 0 ] && grep -qx $((FILES / 2)) "$work/out" && [ "$(find "$work/vol" -type f | wc -l)" -eq $((FILES / 2)) ]; echo $?)" "volume: write, stat, unlink; the host sees it"
inside -- python3 -c '
import os
top, n = "/tmp", '"$FILES"'
held = []
for d in range(n // 1000):
    os.mkdir(f"{top}/{d}")
    for f in range(1000):
        fd = os.open(f"{top}/{d}/{f}", os.O_CREAT | os.O_RDWR, 0o644)
        os.write(fd, b"%d" % f)
        if f == 500 and len(held) < 200: held.append(fd)
        else: os.close(fd)
assert sum(len(f) for _, _, f in os.walk(top)) == n
for d in range(n // 1000):
    for f in range(0, 1000, 7):
        with open(f"{top}/{d}/{f}", "rb") as i: assert i.read() == b"%d" % f
    for f in range(1000): os.unlink(f"{top}/{d}/{f}")
    os.rmdir(f"{top}/{d}")
for fd in held: assert os.pread(fd, 9, 0) == b"500"
print("done", len(os.listdir(top)))'
report "$([ "$rc" -eq 0 ] && grep -q '^done 0$' "$work/out"; echo $?)" "tmpfs: make, walk, read, unlink, with unlinked files open"
