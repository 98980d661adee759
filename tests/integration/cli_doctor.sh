# SPDX-License-Identifier: Apache-2.0
# nacre doctor: one line a fact, what follows from a lack, and 1 exactly when something needed is missing.
. "$(dirname "$0")/lib.sh"
lines() { grep -cvE '^(ok       |no       [^:]+.*: |MISSING  [^:]+: |note     )' "$work/out"; }
run doctor
if grep -q '^MISSING' "$work/out"; then want=1; else want=0; fi
is "its status says whether something is missing" "$rc" "$want"
is "every line is a verdict" "$(lines)" 0
for what in "Linux 5.14" "seccomp user notification" "program nacre-kernel" "MFD_NOEXEC_SEAL" "process_vm_readv" FSGSBASE "cgroup" systemd; do
	check "it speaks of: $what" grep -q -e "$what" "$work/out"
done
mkdir "$work/alone" && cp "$NACRE" "$work/alone/nacre"
"$work/alone/nacre" doctor >"$work/out" 2>&1
is "a program is missing: 1" "$?" 1
check "and named" grep -q '^MISSING  program nacre-kernel: neither beside nacre' "$work/out"
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	setpriv --inh-caps -all --bounding-set -sys_admin "$NACRE" doctor >"$work/out" 2>&1
	is "root without CAP_SYS_ADMIN: 1" "$?" 1
	check "the capability is named" grep -q '^MISSING  capability CAP_SYS_ADMIN: ' "$work/out"
	check "and the namespaces" grep -q '^MISSING  pid, mount, ipc, uts and network namespaces: ' "$work/out"
	if unshare --mount --propagation private sh -c 'umount -R -l /sys/fs/cgroup && exec "$0" doctor' "$NACRE" >"$work/out" 2>&1; then
		check "no cgroups: said, and what follows" grep -q '^no       cgroups: no limits, no pause' "$work/out"
	else
		not_ok "no cgroups: not fatal" "$work/out"
	fi
	# As a user: what root has is not asked.
	chmod 755 "$work"
	for p in nacre-kernel nacre-gofer nacre-stub; do cp "$(dirname "$NACRE")/$p" "$work/alone/"; done
	setpriv --reuid 54303 --regid 54303 --clear-groups env -u XDG_RUNTIME_DIR "$work/alone/nacre" doctor >"$work/out" 2>&1
	check "a user: user namespaces" grep -qE '^(ok|MISSING) +user namespaces for user 54303' "$work/out"
	check "a user: no range in /etc/subuid" grep -q '^no       ids in /etc/subuid' "$work/out"
	check "a user: no XDG_RUNTIME_DIR" grep -q '^no       XDG_RUNTIME_DIR: --root is needed' "$work/out"
	is "a user: not of capabilities" "$(grep -c 'capability CAP' "$work/out")" 0
fi
done_testing
