#!/usr/bin/env bash
# Cargo calls this in the place of the compiler for the crates of this workspace.
#
# A test program's own code is not optimised: compiling it is two fifths of a whole build, running it takes seconds. What
# it tests is: the library that the tests in `tests/` link is the very one that the programs are made of. Cargo's profiles
# cannot tell the two apart.
set -eu

compiler="$1"
shift
for argument in "$@"; do
	if [ "$argument" = --test ]; then
		exec "$compiler" "$@" -C opt-level=0 -C debug-assertions=off -C codegen-units=16
	fi
done
exec "$compiler" "$@"
