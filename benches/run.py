#!/usr/bin/env python3
"""Times the programs of benches/cpu or benches/async on several interpreters, side by side in one run.

usage: run.py [-a AREA] [-k PART]... [-n RUNS] [-t SECONDS] [--markdown] [--json FILE] [--baseline NAME=CMD]
              NAME=CMD ...

    benches/run.py --baseline cpython=python3.14 apy=target/release/apy
    benches/run.py -a async --baseline cpython=python3.14 apy=target/release/apy

The interpreters take turns on each program, so a machine that slows down slows all of them. Every interpreter must
print what the baseline prints (the first one given, unless --baseline names another); one that prints something else,
fails or does not end in time gets no figure, the reason stands below the table, and the exit status is 1.
Ratios are baseline/other: above 1 the other is faster, or smaller.
"""
import argparse
import json
import math
import os
import resource
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
COROUTINES = ("gen_", "coroutines_", "await_", "asyncgen_")
START = "(start-up)"


def status_peak(pid):
    """The peak memory of a living process in KiB where /proc tells, else 0."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return 0


def await_end(pid, deadline):
    """Waits for the process; gives (wait status, rusage, peak KiB seen on the way, whether it was killed for time)."""
    late, seen = False, 0
    handle = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    pause = 0.001
    try:
        while True:
            if handle is None:
                time.sleep(0.0005)
            else:
                select.select([handle], [], [], pause)
                pause = min(pause * 1.2, 0.01)
            done, status, usage = os.wait4(pid, os.WNOHANG)
            if done:
                return status, usage, seen, late
            seen = max(seen, status_peak(pid))
            if not late and time.perf_counter() > deadline:
                os.kill(pid, signal.SIGKILL)
                late = True
    finally:
        if handle is not None:
            os.close(handle)


def run_once(command, timeout):
    """Runs one process; gives (seconds, peak KiB, output, trouble)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        except OSError as error:
            return None, None, b"", str(error)
        status, usage, seen, late = await_end(process.pid, started + timeout)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = peak_kib(usage.ru_maxrss, seen)
        out.seek(0)
        err.seek(0)
        if late:
            return None, peak, b"", f"no end within {timeout:g} s"
        if process.returncode:
            lines = err.read().decode("utf-8", "replace").strip().splitlines()
            last = lines[-1] if lines else "nothing on standard error"
            return None, peak, b"", f"exit status {process.returncode}: {last}"
        return seconds, peak, out.read(), ""


def peak_kib(reported, seen):
    """The child's own peak.

    Linux starts a child's figure at the size of the process that made it, so what wait4 reports says something only
    when it is above this process's own peak. Below that the figure read from /proc during the run stands.
    """
    unit = 1024 if sys.platform == "darwin" else 1
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit
    reported //= unit
    return reported if reported > own or not seen else seen


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def geometric_mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else None


def measure(arguments, interpreters, runs, timeout, expected_from):
    """Runs one program everywhere; gives {name: (seconds, peak)} and {name: trouble}."""
    times = {name: [] for name, _ in interpreters}
    peaks = {name: 0 for name, _ in interpreters}
    outputs, trouble = {}, {}
    for _ in range(runs):
        for name, command in interpreters:
            if name in trouble:
                continue
            seconds, peak, output, why = run_once(command + arguments, timeout)
            if why:
                trouble[name] = why
            elif outputs.setdefault(name, output) != output:
                trouble[name] = "prints different things from run to run"
            else:
                times[name].append(seconds)
                peaks[name] = max(peaks[name], peak)
    wanted = outputs.get(expected_from)
    for name in outputs:
        if name not in trouble and wanted is not None and outputs[name] != wanted:
            got = outputs[name].decode("utf-8", "replace").strip().splitlines()[-1:]
            trouble[name] = f"prints something else: {got}"
    return {n: (median(t), peaks[n]) for n, t in times.items() if t and n not in trouble}, trouble


def cell(value, form):
    return form % value if value is not None else "-"


def ratio(row, base, name, index):
    if base in row and name in row and row[name][index]:
        return row[base][index] / row[name][index]
    return None


def table(rows, names, base):
    """The lines of the table as lists of cells."""
    others = [n for n in names if n != base]
    head = ["program"] + [f"{n} s" for n in names] + [f"{base}/{n}" for n in others]
    head += [f"{n} MiB" for n in names] + [f"mem {base}/{n}" for n in others]
    lines = [head]
    for program, row in rows:
        line = [program]
        line += [cell(row[n][0] if n in row else None, "%.4f" if program == START else "%.3f") for n in names]
        line += [cell(ratio(row, base, n, 0), "%.2f") for n in others]
        line += [cell(row[n][1] / 1024 if n in row else None, "%.1f") for n in names]
        line += [cell(ratio(row, base, n, 1), "%.2f") for n in others]
        lines.append(line)
    programs = [(p, r) for p, r in rows if p != START]
    chains = [x for x in programs if x[0].startswith(COROUTINES)]
    groups = [("geometric mean", programs)] + ([("generators, coroutines", chains)] if chains else [])
    for title, members in groups:
        line = [f"{title} ({len(members)})"] + [""] * len(names)
        for index, gap in ((0, len(names)), (1, 0)):
            for n in others:
                known = [v for v in (ratio(r, base, n, index) for _, r in members) if v]
                missing = len(members) - len(known)
                line.append(cell(geometric_mean(known), "%.2f") + (f" (of {len(known)})" if missing else ""))
            line += [""] * gap
        lines.append(line)
    return lines


def show(lines, markdown):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for number, line in enumerate(lines):
        cells = [line[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(line[1:], widths[1:])]
        print("| " + " | ".join(cells) + " |" if markdown else "  ".join(cells).rstrip())
        if number == 0 and markdown:
            print("|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|")


def parse_interpreter(text):
    name, equals, command = text.partition("=")
    if not equals or not name or not command:
        raise argparse.ArgumentTypeError(f"NAME=COMMAND expected, not {text!r}")
    words = shlex.split(command)
    if os.path.exists(words[0]):
        words[0] = os.path.abspath(words[0])
    return name, words


def main():
    parser = argparse.ArgumentParser(description="times the programs of benches on several interpreters")
    parser.add_argument("-a", choices=("cpu", "async"), default="cpu", metavar="AREA", help="cpu (usual) or async")
    parser.add_argument("-k", action="append", default=[], metavar="PART", help="only programs whose name contains PART")
    parser.add_argument("-n", type=int, default=5, metavar="RUNS", help="runs of each program (5)")
    parser.add_argument("-t", type=float, default=60, metavar="SECONDS", help="time limit of one run (60)")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--json", metavar="FILE", help="also write the figures to FILE")
    parser.add_argument("--no-startup", action="store_true", help="leave out the start-up row")
    parser.add_argument("--baseline", type=parse_interpreter, metavar="NAME=CMD")
    parser.add_argument("interpreters", nargs="*", type=parse_interpreter, metavar="NAME=CMD")
    args = parser.parse_args()
    interpreters = ([args.baseline] if args.baseline else []) + args.interpreters
    names = [name for name, _ in interpreters]
    if not interpreters or len(set(names)) != len(names) or args.n < 1:
        parser.error("at least one NAME=CMD, each name once, and at least one run")
    base = names[0]
    folder, ending = os.path.join(HERE, args.a), ".py" if args.a == "cpu" else ".apy"
    programs = sorted(f.removesuffix(ending) for f in os.listdir(folder) if f.endswith(ending))
    if args.k:
        programs = [p for p in programs if any(part in p for part in args.k)]
    rows, failures = [], []
    jobs = [] if args.no_startup else [(START, ["-c", "pass"], max(args.n, 10))]
    jobs += [(p, [os.path.join(folder, p + ending)], args.n) for p in programs]
    for program, arguments, runs in jobs:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{program} ...", end="\r", file=sys.stderr, flush=True)
        row, trouble = measure(arguments, interpreters, runs, args.t, base)
        rows.append((program, row))
        failures += [f"{program}: {name}: {why}" for name, why in trouble.items()]
    show(table(rows, names, base), args.markdown)
    for line in failures:
        print(line)
    if args.json:
        figures = {p: {n: {"seconds": s, "peak_kib": k} for n, (s, k) in r.items()} for p, r in rows}
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"baseline": base, "runs": args.n, "programs": figures, "failures": failures}, file, indent=1)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
