#!/bin/sh
# Fuzzes every parser: `scripts/fuzz.sh SECONDS [TARGET…]` gives each target its share of the seconds.
#
# Works with the toolchain of the repository and a C++ compiler: no nightly, no cargo-fuzz. Corpora, findings and logs
# are kept in target/fuzz, so that a run goes on where the last one ended. Real files become seeds: those of this
# repository, and of $LAZARET_CORPORA where that names a directory. $JOBS targets run at a time (1).
set -eu

cd "$(dirname "$0")/.."
out=$PWD/target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
programs=$out/$host/release

# What the input reached is counted by passes that every rustc has; only the flags that name them are LLVM's.
counters='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
 -Cllvm-args=-sanitizer-coverage-trace-compares'

# Everything reads LIMITS of fuzz/src/limits.rs: what takes more than this does not keep to them.
bounds='-timeout=20 -rss_limit_mb=1024 -malloc_limit_mb=256'

seeds() {
    mkdir -p "$out/corpus/$1" "$out/findings/$1"
    FUZZ_SEEDS=$out/corpus/$1 FUZZ_FROM=$out/from:$PWD/core:$PWD/io:$PWD/e2e "$programs/$1"
}

one() {
    log=$out/logs/$1
    # shellcheck disable=SC2086 # words are meant
    if nice -n 19 "$programs/$1" $bounds -max_len=262144 -len_control=50 -max_total_time="$2" -print_final_stats=1 \
        -artifact_prefix="$out/findings/$1/" "$out/corpus/$1" >"$log" 2>&1; then
        result=sound
    else
        result="FAILED, see $log"
    fi
    printf '%-12s %8s s %12s executions %5s MiB   %s\n' "$1" \
        "$(sed -n 's/^Done [0-9]* runs in \([0-9]*\) second.*/\1/p' "$log")" \
        "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
        "$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")" "$result"
    [ "$result" = sound ]
}

if [ "${1:-}" = --one ]; then
    one "$2" "$3"
    exit
fi

time=$1
shift
[ $# -gt 0 ] || set -- $(sed -n 's/^name = "\([a-z]*\)"$/\1/p' fuzz/Cargo.toml)

RUSTFLAGS=$(echo "$counters" | tr -d '\n') CARGO_TARGET_DIR=$out \
    cargo build --release --locked --manifest-path fuzz/Cargo.toml --target "$host" --bins

mkdir -p "$out/from" "$out/logs"
if [ -d "${LAZARET_CORPORA:-}" ]; then
    for archive in "$LAZARET_CORPORA"/*/*.tar.zst; do
        into=$out/from/$(basename "$archive" .tar.zst)
        [ -d "$into" ] || { mkdir "$into" && tar --zstd -xf "$archive" -C "$into"; }
    done
fi
for target in "$@"; do
    seeds "$target"
done
printf '%s\n' "$@" | xargs -P "${JOBS:-1}" -I '{}' "$0" --one '{}' $((time / $#))
