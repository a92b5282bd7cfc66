#!/usr/bin/env bash
# Whether the handlers of opcodes enter the next one by a jump, in an optimized binary for x86-64.
# usage: tests/tail_calls.sh BINARY
# A handler that calls the next one works, but it costs native stack until the next checkpoint, and time. The usual
# cause is a value that is dropped after the call (see src/vm/interp/dispatch.rs).
set -euo pipefail
if [ "$(uname -m)" != x86_64 ] || ! command -v objdump >/dev/null; then
  echo "not looked at: no objdump for x86-64"
  exit 0
fi
listing=$(mktemp)
trap 'rm -f "$listing"' EXIT
objdump -d -C --no-show-raw-insn "$1" | awk '
  /^[0-9a-f]+ <.*>:$/ { name = $0; handler = name ~ /vm::interp::(handlers|dispatch)::/ }
  handler && /jmp +\*\(%r[a-z0-9]+,%r[a-z0-9]+,8\)/ { jumps++ }
  handler && /call +\*\(%r[a-z0-9]+,%r[a-z0-9]+,8\)/ { print "calls the next handler: " name; calls++ }
  END { print jumps + 0, "jumps,", calls + 0, "calls" }' >"$listing"
cat "$listing"
tail -n 1 "$listing" | grep -qE '^[1-9][0-9]+ jumps, 0 calls$'
