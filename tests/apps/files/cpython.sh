# One module of CPython's own tests; a line for each case. Usage: cpython.sh MODULE
cd /tmp && mkdir -p t && cd t || exit 1
export PYTHONHASHSEED=1
timeout -k 5 "${LIMIT:-280}" python3 -m test -u cpu,subprocess --timeout "$((${LIMIT:-280} - 10))" --junit-xml /tmp/result.xml "$1" >/tmp/log 2>&1
python3 - <<'END' || tail -20 /tmp/log
import re
import xml.etree.ElementTree as tree
lines = {}
for case in tree.parse("/tmp/result.xml").iter("testcase"):
    kinds = {c.tag for c in case} & {"failure", "error", "skipped"}
    lines[case.get("name")] = min(kinds) if kinds else case.get("result", "ok")
    if case.get("status") == "notrun":
        lines[case.get("name")] = "not run"
for name in sorted(lines):
    print(re.sub("0x[0-9a-f]+", "0x", name), lines[name])
END
