# SPDX-License-Identifier: Apache-2.0
# A table of config.json documents with one fault each: exit 1, one line of the log that names field and value, and
# nothing left behind. broken-configs.txt has the faults.
. "$(dirname "$0")/lib.sh"
table=$NACRE_TOP/tests/integration/broken-configs.txt
before=$(traces "faulty-$$")
mkdir -p "$work/b/rootfs" && nacre spec --bundle "$work/b"
python3 - "$table" "$work" <<'P'
import copy, json, os, sys
table, work = sys.argv[1:]
good = json.load(open(work + "/b/config.json"))
good["process"].update(terminal=False, args=["/bin/true"])
for n, line in enumerate(l for l in open(table) if not l.startswith("#")):
    change, text = line.rstrip("\n").split("\t")
    c = copy.deepcopy(good)
    exec(change, {"c": c, "p": c["process"], "l": c["linux"], "r": c["linux"].setdefault("resources", {})})
    json.dump(c, open(f"{work}/b/{n}.json", "w"))
    open(f"{work}/{n}.text", "w").write(text)
json.dump(good, open(f"{work}/b/good.json", "w"))
P
i=0
while [ -e "$work/$i.text" ]; do
	text=$(cat "$work/$i.text")
	rm -f "$work/log"
	run --log "$work/log" --log-format json create --bundle "$work/b" --config "$i.json" --pid-file "$work/pid" "faulty-$$"
	# The message is the log's one line, a JSON string there: compared with its quotes escaped.
	escaped=$(printf %s "$text" | sed 's/\\/\\\\/g; s/"/\\"/g')
	if [ "$rc" -eq 1 ] && [ "$(wc -l <"$work/log")" -eq 1 ] && grep -q '^{.*"level": *"error"' "$work/log" &&
		grep -qF -e "$escaped" "$work/log" && grep -qF -e "$text" "$work/err" && [ ! -s "$work/out" ] && [ ! -e "$work/pid" ]; then
		ok "$text"
	else
		not_ok "$text" "$work/err" "$work/log"
		diag "status $rc"
	fi
	i=$((i + 1))
done
# The document that all began with is good: create gets as far as its program.
fails "the good one" 1 'exec: "/bin/true": no such file or directory' create --bundle "$work/b" --config good.json "faulty-$$"
is "nothing is left behind" "$(traces "faulty-$$")" "$before"
done_testing
