# SPDX-License-Identifier: Apache-2.0
# Help, version, unknown words.
. "$(dirname "$0")/lib.sh"

passes "--version" --version
check "it names the specification" grep -q '^spec: 1\.3\.0$' "$work/out"
passes "-v" -v
passes "--help" --help
check "commands are listed" grep -q '^  create ' "$work/out"
passes "help run" help run
check "with its options" grep -q -- '--pid-file' "$work/out"
passes "no arguments: help"
check "on stdout" grep -q Usage "$work/out"
for c in create delete do doctor exec features kill list pause ps resume run spec start state checkpoint events restore update; do
	passes "$c --help" "$c" --help
	grep -q "^Usage: nacre .* $c" "$work/out" || not_ok "$c --help shows usage" "$work/out"
done
fails "unknown command" 1 "No help topic for 'frob'" frob
fails "help for an unknown command" 1 "No help topic for 'frob'" help frob
fails "unknown global flag" 1 "flag provided but not defined: --frob" --frob state x
for c in create delete events exec kill list pause ps run start state update do; do
	fails "$c: unknown flag" 1 "flag provided but not defined: --frob" "$c" --frob x
done
fails "flag without its value" 1 "flag needs an argument: --bundle" create --bundle
for c in create delete events run start state pause resume update; do
	fails "$c without a container" 1 "\"$c\" requires exactly 1 argument(s)" "$c"
	fails "$c with two" 1 "\"$c\" requires exactly 1 argument(s)" "$c" a b
done
fails "kill without arguments" 1 '"kill" requires a minimum of 1' kill
fails "exec without a command" 1 '"exec" requires a minimum of 2' exec x
fails "list with an argument" 1 '"list" requires exactly 0' list x
for c in checkpoint restore; do
	fails "$c" 1 "$c: not supported yet" "$c" x
done

# Each option that a table of the parser has is in the help and in the manual page.
src=$NACRE_TOP/src/cli
mans="$NACRE_TOP/docs/man/nacre.8 $NACRE_TOP/docs/man/nacre-do.1"
flags_of() { sed -n 's/^\t*{"\([a-z-]*\)", \(0\|.[a-z].\), OPT_.*/\1/p' "$1"; }
for f in "$src"/*.c; do
	c=${f##*/} c=${c%.c}
	case $c in main) c= ;; esac
	for o in $(flags_of "$f"); do
		run $c --help
		check "${c:-nacre} --$o is in the help" grep -q -e " --$o\b" "$work/out"
		check "${c:-nacre} --$o is in the manual" grep -q -e "Fl -$o\b" $mans
	done
done
is "options were found" "$(for f in "$src"/*.c; do flags_of "$f"; done | wc -l | awk '{print ($1 > 50)}')" 1
for c in $(sed -n 's/^\t{"\([a-z]*\)", ".*/\1/p' "$src/commands.c"); do
	check "$c is in the manual" grep -q -E "Cm ($c\b|[a-z ,]*, $c\b)" "$NACRE_TOP/docs/man/nacre.8"
done
done_testing
