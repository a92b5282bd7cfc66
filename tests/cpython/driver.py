"""Runs the tests of one of CPython's test files inside the interpreter under test; started by run.py, not by hand.

usage: driver.py TEST_FOLDER TEST_NAME REPORT_FILE DONE_FILE

Appends one line to REPORT_FILE for each thing that happens, each the repr of a tuple of text:
('list', id, ...), ('start', id), ('end', id, outcome, why), ('load', why) when the file cannot be loaded at all.
Tests whose id stands in DONE_FILE are left out, so that run.py can go on after a test that ended the process.
Only what every interpreter should have is used here: no json, no importlib beyond import_module, no threads.
"""
import os
import sys
import types
import unittest

import removed

FOLDER, NAME, REPORT, DONE = sys.argv[1:5]

# Parts of the test package that test files import and that an interpreter's own `test` package may not carry.
HELPERS = {
    "test_list": ["seq_tests", "list_tests"],
    "test_tuple": ["seq_tests"],
    "test_dict": ["mapping_tests"],
    "test_userdict": ["mapping_tests"],
    "test_str": ["string_tests"],
    "test_bytes": ["string_tests", "list_tests", "seq_tests"],
    "test_unicode": ["string_tests"],
}

# Modules that some tests of a file need and others do not: where one is missing, the tests that use it are skipped
# instead of losing the whole file. Modules that test files import under `try` are not here.
OPTIONAL = ["doctest", "pickle", "ast", "subprocess", "tempfile", "threading", "multiprocessing", "dis", "opcode",
            "tokenize", "linecache", "tracemalloc", "symtable", "fractions", "decimal", "shutil", "asyncio", "pathlib",
            "unicodedata", "locale", "gc", "weakref", "array", "random", "struct", "platform", "textwrap", "inspect",
            "contextlib", "codecs", "logging", "selectors", "signal", "socket", "socketserver", "http.server",
            "wsgiref.simple_server", "concurrent.futures", "_thread", "test.support.script_helper", "test.support.os_helper",
            "test.support.import_helper", "test.support.warnings_helper", "test.support.threading_helper",
            "test.support.socket_helper", "test.support.testcase", "tty"]


# Modules that tests have their peers from (HTTP servers above all), with what these import. An interpreter that has none
# of its own takes them from the library that the tests belong to.
OF_PEERS = ["socketserver.py", "http", "wsgiref", "email", "urllib", "html", "mimetypes.py", "quopri.py", "ipaddress.py",
            "calendar.py", "platform.py"]

# Modules that tests import and that read annotations as older languages stored them: some cannot be loaded any more.
OLDER = ["test.typinganndata.ann_module", "test.typinganndata.ann_module2", "test.typinganndata.ann_module3"]


def report(*words):
    with open(REPORT, "a", encoding="ascii") as file:
        file.write(ascii(tuple(words)) + "\n")


class Missing:
    """Stands for anything of a module that is not there; using it skips the test."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self._name}.{name}")

    def __call__(self, *args, **kwargs):
        raise unittest.SkipTest(f"this interpreter has no {self._name}")

    def __mro_entries__(self, bases):
        return ()


class MissingModule(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self.__name__}.{name}")


def replace_doctest():
    module = types.ModuleType("doctest")
    module.DocTestSuite = lambda *args, **kwargs: unittest.TestSuite()
    sys.modules["doctest"] = module


def replace_by_missing(name):
    parent, _, last = name.rpartition(".")
    if parent and parent not in sys.modules:
        replace_by_missing(parent)
    module = sys.modules[name] = MissingModule(name)
    module.__path__ = []
    if parent:
        setattr(sys.modules[parent], last, module)


def borrow_peers():
    """Has the modules of peers found after everything that the interpreter has itself."""
    os.mkdir("peers")
    for name in OF_PEERS:
        os.symlink(os.path.join(os.path.dirname(FOLDER), name), os.path.join("peers", name))
    sys.path.append(os.path.abspath("peers"))


def replace_missing():
    for name in OPTIONAL:
        try:
            __import__(name)
        except ImportError:
            if name == "doctest":
                replace_doctest()
                continue
            replace_by_missing(name)
        except Exception as error:
            report("note", f"import {name}: {type(error).__name__}: {error}")
    for name in OLDER:
        try:
            __import__(name)
        except Exception:
            sys.modules[name] = MissingModule(name)


def execute(name, path):
    """Loads a module of the test package from its file, without the import system."""
    module = types.ModuleType(name)
    module.__file__ = path
    module.__package__ = name.rpartition(".")[0]
    with open(path, encoding="utf-8") as file:
        source = file.read()
    sys.modules[name] = module
    try:
        exec(compile(source, path, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def make_package(name):
    """Enters a package of tests without running its own beginning, which asks for sockets and the like."""
    import test
    full = "test." + name
    if full not in sys.modules:
        package = sys.modules[full] = types.ModuleType(full)
        package.__path__ = [f"{FOLDER}/{name}"]
        setattr(test, name, package)


def load(name):
    """Imports test.NAME, through the package's path where that works, else from the file itself."""
    import test
    full = "test." + name
    package, _, name = name.rpartition(".")
    if package:
        make_package(package)
        __import__(full)
        return sys.modules[full]
    if full not in sys.modules:
        try:
            __import__(full)
        except ModuleNotFoundError as error:
            if error.name != full:
                raise
            setattr(test, name, execute(full, f"{FOLDER}/{name}.py"))
    return sys.modules[full]


def reason(error):
    """The last line of what went wrong, short enough for a table."""
    try:
        text = " ".join(str(error[1]).split())
    except Exception:
        text = "(its text cannot be made)"
    return f"{error[0].__name__}: {text}"[:300]


class Collector(unittest.TestResult):
    """Reports every outcome as it happens; a test with failing subtests counts once, by its first failure."""

    def startTest(self, test):
        super().startTest(test)
        self.outcome = None
        report("start", test.id())

    def stopTest(self, test):
        super().stopTest(test)
        outcome, why = self.outcome or ("pass", "")
        report("end", test.id(), outcome, why)

    def note(self, outcome, why):
        if self.outcome is None or self.outcome[0] in ("pass", "skip"):
            self.outcome = (outcome, why)

    def addFailure(self, test, err):
        self.note("fail", reason(err))

    def addError(self, test, err):
        if not hasattr(test, "_testMethodName"):
            report("end", str(test), "error", reason(err))
        else:
            self.note("error", reason(err))

    def addSkip(self, test, why):
        if not hasattr(test, "_testMethodName"):
            report("note", f"{test}: {why}")
        elif self.outcome is None:
            self.outcome = ("skip", str(why))

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.note("fail" if issubclass(err[0], test.failureException) else "error", reason(err))

    def addSuccess(self, test):
        self.note("pass", "")

    def addExpectedFailure(self, test, err):
        self.note("pass", "")

    def addUnexpectedSuccess(self, test):
        self.note("fail", "passes although a failure is expected")

    def addDuration(self, test, elapsed):
        pass


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def main():
    with open(DONE, encoding="ascii") as file:
        done = set(file.read().split("\n"))
    try:
        import test
        path = list(test.__path__)
        if FOLDER not in path:
            test.__path__ = path + [FOLDER]
        if NAME.startswith("test_asyncio."):
            borrow_peers()
            removed.bridge()
        replace_missing()
        for helper in HELPERS.get(NAME, []):
            load(helper)
        module = load(NAME)
        removed.skip_what_is_gone(module)
        tests = list(tests_of(unittest.defaultTestLoader.loadTestsFromModule(module)))
    except unittest.SkipTest as error:
        report("load", f"skipped: {error}")
        return
    except BaseException as error:
        report("load", reason((type(error), error)))
        return
    report("list", *(t.id() for t in tests))
    suite = unittest.TestSuite(t for t in tests if ascii(t.id()) not in done)
    suite.run(Collector())
    report("finished")


main()
