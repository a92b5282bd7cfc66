#!/usr/bin/env python3
"""The scoreboard: CPython's own test files under any interpreter.

usage: run.py [--lib FOLDER] [--details] [--json FILE] [-t SECONDS] [-j JOBS] [-k PART] INTERPRETER [TEST ...]

    tests/cpython/run.py target/release/apy
    tests/cpython/run.py --details target/release/apy test_generators test_dict
    tests/cpython/run.py target/release/apy test_asyncio.test_locks

FOLDER is the Lib/test of a CPython (3.13 or later is best); without it, one installed on this machine is looked for.
Every file runs in a process of its own. A test that ends the process or takes too long counts as an error, and the rest
of the file goes on in a new process. A file that cannot be loaded counts its tests (those written in it) as not run.
"""
import argparse
import ast
import glob
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = """test_generators test_coroutines test_asyncgen test_yield_from test_exception_group test_except_star
test_patma test_fstring test_with test_scope test_listcomps test_named_expressions test_unpack_ex
test_positional_only_arg test_decorators test_descr test_super test_dict test_list test_set test_int test_float
test_range test_exceptions test_context test_asyncio.test_locks test_asyncio.test_queues test_asyncio.test_taskgroups
test_asyncio.test_timeouts test_asyncio.test_waitfor test_asyncio.test_staggered test_asyncio.test_futures2
test_asyncio.test_context test_asyncio.test_pep492 test_asyncio.test_runners test_asyncio.test_eager_task_factory
test_asyncio.test_tasks test_asyncio.test_futures
test_asyncio.test_threads test_threading_local test_queue test_pickle test_concurrent_futures.test_future
test_concurrent_futures.test_thread_pool test_concurrent_futures.test_as_completed test_concurrent_futures.test_wait""".split()
OUTCOMES = ("pass", "fail", "error", "skip", "not run")
MOST_PROCESSES = 60


def find_lib():
    """The newest Lib/test on this machine that has the test files."""
    places = [os.path.join(os.path.dirname(os.__file__), "test")]
    places += glob.glob(os.path.expanduser("~/.pyenv/versions/*/lib/python3.*/test"))
    places += glob.glob("/usr/lib/python3.*/test") + glob.glob("/usr/local/lib/python3.*/test")
    found = [p for p in places if os.path.exists(os.path.join(p, "test_generators.py"))]
    return max(found, key=lambda p: [int(n) for n in re.findall(r"python3\.(\d+)", p)] or [0], default=None)


def read_report(path):
    events = []
    try:
        with open(path, encoding="ascii") as file:
            for line in file:
                try:
                    events.append(ast.literal_eval(line))
                except (SyntaxError, ValueError):
                    # The process ended in the middle of a line.
                    pass
    except FileNotFoundError:
        pass
    return events


def stop(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def watch(process, report, patience):
    """Waits for the process; kills it when it has reported nothing new for `patience` seconds. Gives what ended it."""
    size, since = -1, time.monotonic()
    while True:
        try:
            status = process.wait(timeout=0.1)
            return f"signal {-status}" if status < 0 else f"exit status {status}"
        except subprocess.TimeoutExpired:
            pass
        now = os.path.getsize(report) if os.path.exists(report) else 0
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > patience:
            stop(process)
            return f"no end within {patience:g} s"


def last_line(path):
    with open(path, "rb") as file:
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else ""


class File:
    """The results of one test file."""

    def __init__(self, name):
        self.name, self.results, self.trouble, self.listed = name, {}, "", []

    def take(self, events, ended, error_line):
        """Adds the events of one process; says whether the file is done."""
        running, finished = None, False
        for event in events:
            if event[0] == "list":
                self.listed = list(event[1:])
            elif event[0] == "start":
                running = event[1]
            elif event[0] == "end":
                self.results.setdefault(event[1], (event[2], event[3]))
                running = None
            elif event[0] == "load":
                self.trouble = event[1]
                finished = True
            elif event[0] == "finished":
                finished = True
        if running is not None:
            self.results[running] = ("error", f"the process ended: {ended} {error_line}".strip())
        elif not finished and not events:
            self.trouble = f"the driver does not start: {ended} {error_line}".strip()
            return True
        elif not finished:
            self.trouble = f"the driver stopped: {ended} {error_line}".strip()
            return True
        return finished

    def counts(self, lib):
        counts = dict.fromkeys(OUTCOMES, 0)
        for outcome, _ in self.results.values():
            counts[outcome] += 1
        if self.listed:
            counts["not run"] = sum(t not in self.results for t in self.listed)
        else:
            counts["not run"] = tests_written_in(os.path.join(lib, self.name.replace(".", "/") + ".py"))
        return counts


def tests_written_in(path):
    try:
        with open(path, encoding="utf-8") as file:
            return len(re.findall(r"^\s+(?:async )?def test_?\w*\(", file.read(), re.M))
    except OSError:
        return 0


def run_file(name, command, lib, patience):
    result = File(name)
    with tempfile.TemporaryDirectory() as folder:
        done, err = os.path.join(folder, "done"), os.path.join(folder, "err")
        for number in range(MOST_PROCESSES):
            report = os.path.join(folder, f"report{number}")
            with open(done, "w", encoding="ascii") as file:
                file.write("\n".join(ascii(t) for t in result.results))
            work = os.path.join(folder, f"work{number}")
            os.mkdir(work)
            with open(err, "wb") as stderr:
                process = subprocess.Popen(command + [os.path.join(HERE, "driver.py"), lib, name, report, done], cwd=work,
                                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
                                           env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"), start_new_session=True)
            ended = watch(process, report, patience)
            if result.take(read_report(report), ended, last_line(err)):
                break
        else:
            result.trouble = f"given up after {MOST_PROCESSES} processes"
    return result


def show(results, lib, details):
    rows = [(r.name, r.counts(lib), r.trouble) for r in results]
    total = {o: sum(c[o] for _, c, _ in rows) for o in OUTCOMES}
    width = max(len(n) for n, _, _ in rows + [("total", 0, 0)])
    print(f"{'file'.ljust(width)}  passed  failed  errors  skipped  not run")
    for name, counts, trouble in rows + [("total", total, "")]:
        line = (f"{name.ljust(width)}  {counts['pass']:6}  {counts['fail']:6}  {counts['error']:6}  {counts['skip']:7}  "
                f"{counts['not run']:7}")
        print(line + (f"  {trouble}" if trouble else ""))
    if details:
        for result in results:
            for test, (outcome, why) in result.results.items():
                if outcome in ("fail", "error"):
                    print(f"{outcome}: {test}: {why}")
    return total


def main():
    parser = argparse.ArgumentParser(description="CPython's own test files under any interpreter")
    parser.add_argument("--lib", help="the Lib/test folder of a CPython")
    parser.add_argument("--details", action="store_true", help="list the tests that fail, each with its reason")
    parser.add_argument("--json", metavar="FILE", help="also write all outcomes to FILE")
    parser.add_argument("-t", type=float, default=30, metavar="SECONDS", help="time limit of one test (30)")
    parser.add_argument("-j", type=int, default=2, metavar="JOBS", help="files run at the same time (2)")
    parser.add_argument("-k", default="", metavar="PART", help="only files whose name contains PART")
    parser.add_argument("interpreter", help="command of the interpreter")
    parser.add_argument("tests", nargs="*", help="names of test files; a usual set without them")
    args = parser.parse_intermixed_args()
    lib = args.lib or find_lib()
    if not lib or not os.path.isdir(lib):
        parser.error("no Lib/test of a CPython found; name one with --lib")
    command = shlex.split(args.interpreter)
    if os.path.exists(command[0]):
        command[0] = os.path.abspath(command[0])
    names = [n for n in args.tests or TESTS if args.k in n]
    with ThreadPoolExecutor(max(args.j, 1)) as pool:
        results = list(pool.map(lambda n: run_file(n, command, os.path.abspath(lib), args.t), names))
    print(f"tests of {lib} under {args.interpreter}")
    total = show(results, lib, args.details)
    if args.json:
        files = {r.name: {"counts": r.counts(lib), "trouble": r.trouble, "tests": r.results} for r in results}
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"lib": lib, "total": total, "files": files}, file, indent=1)
    return 0 if total["fail"] == total["error"] == total["not run"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
