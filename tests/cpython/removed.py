"""What test files of 3.13 use and Python 3.14 removed: child watchers, and what policies had to do with them.

Tests that are about watchers are skipped; those that only install one, to start children under it, get one that does
nothing, as 3.14's loops look after children by themselves.
"""
import sys
import warnings

WHY = "Python 3.14 removed child watchers"
# (module, class) of tests that are about child watchers and nothing else.
ABOUT_WATCHERS = {
    "test.test_asyncio.test_subprocess": "MultiLoopChildWatcherTests GenericWatcherTests SubprocessFastWatcherTests",
    "test.test_asyncio.test_unix_events": "AbstractChildWatcherTests BaseChildWatcherTests SafeChildWatcherTests "
                                          "FastChildWatcherTests PolicyTests",
}


class InertWatcher:
    """Can be installed; looks after nobody."""

    def __init__(self):
        if type(self).deprecated:
            warnings.warn(WHY, DeprecationWarning, stacklevel=2)

    deprecated = False

    def attach_loop(self, loop):
        pass

    def close(self):
        pass


def deprecated(name):
    return type(name, (InertWatcher,), {"deprecated": True})


def set_child_watcher(*args):
    warnings.warn(WHY, DeprecationWarning, stacklevel=2)


def get_child_watcher(*args):
    return InertWatcher()


def not_implemented(*args):
    raise NotImplementedError


def bridge():
    """Puts what does nothing in the places of what was removed, in an interpreter that has removed it."""
    try:
        import asyncio
        from asyncio import events, unix_events
    except ImportError:
        return
    if hasattr(asyncio, "AbstractChildWatcher"):
        return
    names = {name: type(name, (InertWatcher,), {}) for name in ("AbstractChildWatcher", "PidfdChildWatcher",
                                                               "ThreadedChildWatcher")}
    names |= {name: deprecated(name) for name in ("SafeChildWatcher", "FastChildWatcher", "MultiLoopChildWatcher",
                                                  "BaseChildWatcher")}
    names |= {"set_child_watcher": set_child_watcher, "get_child_watcher": get_child_watcher}
    for module in (asyncio, unix_events):
        for name, value in names.items():
            setattr(module, name, value)
    policy = events._DefaultEventLoopPolicy
    policy.set_child_watcher, policy.get_child_watcher = set_child_watcher, get_child_watcher
    policy = events._AbstractEventLoopPolicy
    policy.set_child_watcher = policy.get_child_watcher = not_implemented


def skip_what_is_gone(module):
    """Marks the tests of a file that are about what was removed."""
    asyncio = sys.modules.get("asyncio")
    if getattr(asyncio, "get_child_watcher", None) is not get_child_watcher:
        return
    for name in ABOUT_WATCHERS.get(module.__name__, "").split():
        case = getattr(module, name, None)
        if case is not None:
            case.__unittest_skip__, case.__unittest_skip_why__ = True, WHY
