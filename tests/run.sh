#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs every test and ends with a line `N passed, N failed`, above which stands what each test that
# failed said. Installs what it needs (Debian 12), builds into build-*/, and removes the namespaces
# it made.
# usage: sudo tests/run.sh [STAGE...]   stages: style unit sanitize gateway gateway-sanitize fuzz fresh,
# and, when it is named: coverage
set -u
cd "$(dirname "$0")/.." || exit 1
[ "$(id -u)" -eq 0 ] || { echo "tests/run.sh: needs root, it makes network namespaces" >&2; exit 1; }
python=/usr/bin/python3
jobs=$(nproc)
stages=${*:-style unit sanitize gateway gateway-sanitize fuzz fresh}
passed=0 failed=0 skipped=0
failures=()
few=3 # what fails is tried again if it is not more than that in a stage
told=$(mktemp)

count() { # count NAME PASSED FAILED [SKIPPED]
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + ${4:-0}))
    [ "$3" -eq 0 ] || failures+=("$1")
}

check() { # check NAME COMMAND...: one test that passes when the command does
    local name=$1
    shift
    if "$@"; then count "$name" 1 0; else count "$name" 0 1; fi
}

build() { # build PRESET [TARGET...]
    local preset=$1
    shift
    cmake --preset "$preset" >/dev/null && cmake --build --preset "$preset" -j "$jobs" -- -s "$@"
}

# The tests remove their namespaces themselves (nsg-PID-...); this is for those that were killed.
remove_namespaces() {
    local name pid
    for name in $(ip netns list 2>/dev/null | awk '$1 ~ /^nsg-[0-9]+-/ {print $1}'); do
        pid=${name#nsg-}
        kill -0 "${pid%%-*}" 2>/dev/null || ip netns del "$name"
    done
}

begin_pytest() { # begin_pytest FOLDER ARGUMENT...: it runs as $!, and leaves its report there
    local folder=$1
    shift
    $python -m pytest -q -o cache_dir="$folder/cache" --junitxml="$folder/report" "$@" &
}

end_pytest() { # end_pytest FOLDER PID: leaves its status there
    wait "$2"
    echo $? >"$1/status"
}

# A gateway test that fails runs a second time, alone, after the others of its stage. If it passes
# then, it counts as passed, and is told at the end as unsteady. More than a few are not chance.
again_into() { # again_into FOLDER ARGUMENT...: those of a finished pytest, into FOLDER/again
    local folder=$1 bad
    shift
    read -r _ bad _ < <($python tests/report.py "$folder/report" 2>/dev/null)
    [ "${bad:-0}" -gt 0 ] && [ "$bad" -le "$few" ] || return
    echo "once more, alone: $bad that failed"
    mkdir "$folder/again"
    $python -m pytest -q -o cache_dir="$folder/cache" --lf --junitxml="$folder/again/report" "$@"
}

count_pytest() { # count_pytest NAME FOLDER: of a finished pytest, and of its second run
    local name=$1 folder=$2 status first good bad skip
    read -r _ first _ < <($python tests/report.py "$folder/report" 2>/dev/null)
    status=$(cat "$folder/status" 2>/dev/null || echo 1)
    # shellcheck disable=SC2046
    $python tests/report.py "$folder/report" $(ls "$folder/again/report" 2>/dev/null) \
        >"$folder/told" || echo 0 1 0 >"$folder/told"
    read -r good bad skip <"$folder/told"
    sed '1d; /^$/d' "$folder/told" >>"$told"
    # Status 1 says that tests failed: their report tells which, and how they did when run again.
    if [ "$status" -ne $((${first:-0} > 0)) ]; then
        [ "$bad" -gt 0 ] || bad=1
        echo "failed: $name: pytest ended with status $status" >>"$told"
    fi
    rm -rf "$folder"
    # In CI a skipped test is a test that did not run.
    if [ -n "${CI-}" ] && [ "$skip" -gt 0 ]; then bad=$((bad + skip)) skip=0; fi
    count "$name" "$good" "$bad" "$skip"
}

# An interrupted session, or two that share tests, must not leave any out.
count_lost() { # count_lost NAME FOLDER...: before count_pytest
    local name=$1 lost
    shift
    lost=$($python tests/report.py --lost "${@/%//report}") || lost=some
    [ "$lost" != 0 ] || return
    echo "failed: $name: $lost tests did not run" >>"$told"
    count "$name" 0 1
}

run_pytest() { # run_pytest NAME ARGUMENT...
    local name=$1 folder
    shift
    folder=$(mktemp -d)
    begin_pytest "$folder" "$@"
    end_pytest "$folder" $!
    count_pytest "$name" "$folder"
}

run_gateway() { # run_gateway NAME ARGUMENT...: as run_pytest, and what failed once more
    local name=$1 folder
    shift
    folder=$(mktemp -d)
    begin_pytest "$folder" "$@"
    end_pytest "$folder" $!
    again_into "$folder" "$@"
    count_lost "$name" "$folder"
    count_pytest "$name" "$folder"
}

run_gateway_shared() { # run_gateway_shared NAME ARGUMENT...: the same, by two sessions
    local name=$1 folder pids session
    shift
    folder=$(mktemp -d)
    mkdir "$folder"/{first,second,shared}
    begin_pytest "$folder/first" --beside="$folder/shared" "$@"
    pids=($!)
    begin_pytest "$folder/second" --beside="$folder/shared" "$@" >"$folder/log" 2>&1
    pids+=($!)
    end_pytest "$folder/first" "${pids[0]}"
    end_pytest "$folder/second" "${pids[1]}"
    cat "$folder/log"
    count_lost "$name" "$folder"/{first,second}
    for session in first second; do
        again_into "$folder/$session" "$@"
        count_pytest "$name" "$folder/$session"
    done
    rm -rf "$folder"
}

unit_into() { # unit_into LOG PROGRAM: leaves what it prints and its verdict, `PASSED FAILED`
    local log=$1 status good bad
    timeout 300 "$2" >"$log" 2>&1
    status=$?
    good=$(sed -n 's/.*Passing: \([0-9]*\).*/\1/p' "$log" | tail -1)
    bad=$(sed -n 's/.*Failing: \([0-9]*\).*/\1/p' "$log" | tail -1)
    # Criterion's own runner may leak at its end; a test's leak shows the test's frame.
    [ "$status" -eq 0 ] || [ "${bad:-0}" -gt 0 ] ||
        grep -q 'LeakSanitizer: detected' "$log" || bad=1
    [ "${good:-0}" -gt 0 ] || bad=$((${bad:-0} + 1))
    ! grep -q 'in criterion_internal_test_main' "$log" || bad=$((${bad:-0} + 1))
    echo "${good:-0} ${bad:-0}" >"$log.verdict"
}

unit_words() { # unit_words LOG: what a program that failed said that matters
    grep -aE '\[----\] .*:[0-9]+:|\[FAIL\]|\[ERR|CRASH|ERROR: |SUMMARY: |runtime error' "$1" |
        cut -c 1-200
}

run_units() { # run_units FOLDER: every Criterion program in it, several at once: they mostly wait
    local program name log good bad logs wrong=()
    logs=$(mktemp -d)
    for program in "$1"/bin/unit_*; do
        while [ "$(jobs -rp | wc -l)" -ge $((jobs * 2)) ]; do wait -n; done
        unit_into "$logs/$(basename "$program")" "$program" &
    done
    wait
    for program in "$1"/bin/unit_*; do
        log=$logs/$(basename "$program")
        read -r good bad 2>/dev/null <"$log.verdict" && [ "$bad" -eq 0 ] || wrong+=("$program")
    done
    # As gateway tests do, a program that fails runs a second time, alone.
    [ ${#wrong[@]} -gt "$few" ] || for program in "${wrong[@]}"; do
        log=$logs/$(basename "$program")
        echo "once more, alone: $program"
        tail -60 "$log"
        mv "$log" "$log.first"
        unit_into "$log" "$program"
    done
    for program in "$1"/bin/unit_*; do
        name=$(basename "$1")/$(basename "$program") log=$logs/$(basename "$program")
        read -r good bad 2>/dev/null <"$log.verdict" || { good=0 bad=1; }
        if [ "$bad" -gt 0 ]; then
            tail -60 "$log"
            { echo "failed: $name"; unit_words "$log" | tail -8 | sed 's/^/    /'; } >>"$told"
        else
            echo "$name: $good passed"
            [ ! -e "$log.first" ] ||
                echo "unsteady: $name: $(unit_words "$log.first" | head -1)" >>"$told"
        fi
        count "$program" "$good" "$bad"
    done
    rm -rf "$logs"
}

stage_style() {
    check clang-format clang-format --dry-run --Werror \
        $(find src include tests -name '*.[ch]')
    run_pytest floors tests/floors_test.py
    run_pytest packages tests/packages_test.py
    # Every header compiles alone, with both compilers.
    local header compiler alone=1
    for header in $(cd include && ls ./*/*.h); do
        for compiler in gcc clang; do
            echo "#include \"${header#./}\"" | $compiler -std=c11 -D_GNU_SOURCE -Iinclude -Wall \
                -Wextra -Wconversion -Werror -fsyntax-only -x c - || alone=0
        done
    done
    check "headers compile alone" [ "$alone" -eq 1 ]
    check "clang build" build clang
    check clang-tidy sh -c "find src -name '*.c' | xargs -P $jobs -n 4 clang-tidy -quiet \
        -p build-clang 2>/dev/null"
}

stage_unit() {
    build test || { count "build test" 0 1; return; }
    run_units build-test
}

# Not part of the whole: how many lines of each room the unit tests run.
stage_coverage() {
    build coverage || { count "build coverage" 0 1; return; }
    find build-coverage -name '*.gcda' -delete
    run_units build-coverage
    check coverage $python tests/coverage.py build-coverage
}

stage_sanitize() {
    build sanitize || { count "build sanitize" 0 1; return; }
    ASAN_OPTIONS=abort_on_error=0 run_units build-sanitize
}

# The tests mostly wait, so that two sessions share those that measure nothing.
stage_gateway() {
    build release nsgate nsgate_breakout || { count "build release" 0 1; return; }
    check "cmake --install" tests/install_test.sh build
    export NSGATE_BINARY=$PWD/build/bin/nsgate
    run_gateway_shared gateway tests/gateway -m "not measures"
    run_gateway gateway-measures tests/gateway -m measures
    unset NSGATE_BINARY
}

# The same gateway tests, every process under AddressSanitizer and UBSan; what measures memory,
# system calls or allocations is left to the release build.
stage_gateway_sanitize() {
    build sanitize nsgate || { count "build sanitize" 0 1; return; }
    NSGATE_SANITIZED=1 NSGATE_BINARY=$PWD/build-sanitize/bin/nsgate \
        run_gateway_shared gateway-sanitize tests/gateway -m "not measures"
}

# With one seed, so that a change is judged by its own faults. NSGATE_FUZZ_SEED=0 takes another one
# each time, NSGATE_FUZZ_SECONDS gives each target longer: that is for searching.
stage_fuzz() {
    build fuzz || { count "build fuzz" 0 1; return; }
    local target name work
    work=$(mktemp -d)
    for target in build-fuzz/bin/*_fuzz; do
        name=$(basename "$target" _fuzz)
        while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
        fuzz_into "$work/$name" "$target" "tests/fuzz/corpus/$name" &
    done
    wait
    for target in "$work"/*; do
        name=$(basename "$target")
        if [ "$(cat "$target/status")" -eq 0 ]; then
            echo "fuzz $name: $(grep -o 'Done [0-9]* runs.*' "$target/log" | tail -1)"
            count "fuzz $name" 1 0
        else
            tail -40 "$target/log"
            grep -aE 'ERROR: |SUMMARY: ' "$target/log" | cut -c 1-200 |
                sed "s/^/failed: fuzz $name: /" >>"$told"
            count "fuzz $name" 0 1
        fi
    done
    rm -rf "$work"
}

fuzz_into() { # fuzz_into FOLDER TARGET CORPUS: leaves its log and its status there
    mkdir -p "$1/found"
    "$2" -seed="${NSGATE_FUZZ_SEED:-1}" -max_total_time="${NSGATE_FUZZ_SECONDS:-8}" -timeout=10 \
        -rss_limit_mb=2048 -artifact_prefix="$1/" "$1/found" "$3" >"$1/log" 2>&1
    echo $? >"$1/status"
}

stage_fresh() {
    check "a fresh machine" tests/fresh.sh
}

trap "trap '' INT TERM HUP; kill \$(jobs -p) 2>/dev/null; wait; remove_namespaces; rm -f \"\$told\"" EXIT
trap "trap '' INT TERM HUP; exit 130" INT TERM HUP
conf/debian-packages.sh test || { echo "0 passed, 1 failed"; exit 1; }
for stage in $stages; do
    echo "== $stage"
    "stage_${stage//-/_}" || exit 1
done
for name in "${failures[@]}"; do
    echo "failed: $name"
done
tail -60 "$told"
if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
