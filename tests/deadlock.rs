//! A loop that nothing can ever wake says so, and draws who waits for whom. CPython hangs there, so nothing compares.

use std::process::Command;

/// What the program says at its end, after a line that begins with `deadlock`.
fn report(text: &str) -> String {
    let file =
        std::env::temp_dir().join(format!("apy-deadlock-{}-{:?}.apy", std::process::id(), std::thread::current().id()));
    std::fs::write(&file, text).expect("the script is written");
    let output = Command::new(env!("CARGO_BIN_EXE_apy")).arg(&file).output().expect("apy starts");
    std::fs::remove_file(&file).expect("the script is removed");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    let at = err.find("RuntimeError: deadlock: ").unwrap_or_else(|| panic!("no report in {err}"));
    err[at..].to_owned()
}

#[test]
fn two_tasks_with_two_locks_are_drawn_as_a_circle() {
    let text = report(
        r#"
import asyncio
async def work(first, second):
    async with first:
        await asyncio.sleep(0)
        async with second:
            pass
async def main():
    a, b = asyncio.Lock(), asyncio.Lock()
    one = asyncio.create_task(work(a, b), name='one')
    two = asyncio.create_task(work(b, a), name='two')
    await asyncio.gather(one, two)
asyncio.run(main())
"#,
    );
    for expected in [
        "in a circle: one -> two -> one",
        "Task-1 waits for all of one, two",
        ", which two holds\n",
        ", which one holds\n",
        "line 6, in work\n      async with second:\n",
        "in _ContextManagerMixin.__aenter__",
        "await asyncio.gather(one, two)",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn a_future_that_nobody_completes_is_named() {
    let text = report("import asyncio\nf = asyncio.get_running_loop().create_future()\nawait f\n");
    assert!(text.contains("Task-1 waits for a future that nobody completes\n"), "{text}");
    assert!(text.contains("line 3, in <module>\n      await f\n"), "{text}");
}

#[test]
fn a_queue_that_nobody_fills_and_a_lock_taken_twice() {
    let text = report(
        "import asyncio\nasync def f(q):\n    return await q.get()\n\
         async def main():\n    async with asyncio.TaskGroup() as g:\n        g.create_task(f(asyncio.Queue()), name='taker')\n\
         asyncio.run(main())\n",
    );
    assert!(text.contains("Task-1 waits for taker\n"), "{text}");
    assert!(text.contains("taker waits for <Queue at 0x"), "{text}");
    let text = report("import asyncio\nl = asyncio.Lock()\nasync with l:\n    async with l: pass\n");
    assert!(text.contains(", which it holds itself\n"), "{text}");
}

#[test]
fn what_can_still_be_woken_is_no_deadlock() {
    let file = std::env::temp_dir().join(format!("apy-awake-{}.apy", std::process::id()));
    let text = "import asyncio, threading\nf = asyncio.get_running_loop().create_future()\n\
                def wake(loop):\n    loop.call_soon_threadsafe(f.set_result, 'woken')\n\
                async def with_thread():\n    loop = asyncio.get_running_loop()\n    \
                return await asyncio.to_thread(lambda: 'from a thread')\n\
                print(await with_thread())\n\
                asyncio.get_running_loop().call_later(0.01, f.set_result, 'by a timer')\nprint(await f)\n";
    std::fs::write(&file, text).expect("the script is written");
    let output = Command::new(env!("CARGO_BIN_EXE_apy")).arg(&file).output().expect("apy starts");
    std::fs::remove_file(&file).expect("the script is removed");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "from a thread\nby a timer\n", "{err}");
}

/// Programs that wait for ever, each with what the report must say.
const SHAPES: &[(&str, &[&str])] = &[
    ("l = asyncio.Lock()\nawait l.acquire()\nawait l.acquire()", &["Task-1 waits for <Lock at ", "it holds itself"]),
    ("await asyncio.Event().wait()", &["Task-1 waits for <Event at ", "await asyncio.Event().wait()"]),
    ("q = asyncio.Queue(1)\nawait q.put(1)\nawait q.put(2)", &["waits for <Queue at ", "await q.put(2)"]),
    ("q = asyncio.Queue()\nq.put_nowait(1)\nawait q.join()", &["waits for <Queue at ", "await q.join()"]),
    ("s = asyncio.Semaphore(0)\nasync with s: pass", &["waits for <Semaphore at ", "async with s: pass"]),
    ("c = asyncio.Condition()\nawait c.acquire()\nawait c.wait()", &["waits for <Condition at ", "await c.wait()"]),
    (
        "c = asyncio.Condition()\nasync with c:\n    await c.wait_for(lambda: False)",
        &["waits for <Condition at ", "await c.wait_for(lambda: False)", "in Condition.wait"],
    ),
    ("b = asyncio.Barrier(2)\nawait b.wait()", &["waits for <Barrier at ", "await b.wait()", "in Barrier.wait"]),
    ("await asyncio.gather(kid(), kid())", &["waits for all of Task-", "in kid", "waits for <Event at "]),
    (
        "async with asyncio.TaskGroup() as g:\n    g.create_task(kid(), name='a')\n    g.create_task(kid(), name='b')",
        &["waits for a, b", "a waits for <Event at ", "b waits for <Event at "],
    ),
    ("await asyncio.shield(asyncio.create_task(kid(), name='inner'))", &["waits for inner", "inner waits for <Event"]),
    ("await asyncio.wait([asyncio.create_task(kid(), name='inner')])", &["waits for inner", "inner waits for <Event"]),
    ("await asyncio.wait_for(kid(), None)", &["Task-1 waits for <Event at ", "await asyncio.wait_for(kid(), None)"]),
    ("for f in asyncio.as_completed([kid()]):\n    await f", &["waits for <Queue at ", "    await f", "in kid"]),
    (
        "async for x in numbers():\n    pass",
        &["Task-1 waits for <Event at ", "async for x in numbers():", "in numbers"],
    ),
    ("await anext(numbers())", &["Task-1 waits for <Event at ", "await anext(numbers())", "in numbers"]),
    ("await Own()", &["waits for a future that nobody completes", "await Own()", "in Own.__await__"]),
    ("await asyncio.to_thread(len, '')\nawait kid()", &["Task-1 waits for <Event at ", "in kid"]),
    (
        "t = threading.Thread(target=time.sleep, args=(0.05,))\nt.start()\nawait kid()",
        &["Task-1 waits for <Event at ", "in kid"],
    ),
    ("p = await asyncio.create_subprocess_exec('true')\nawait p.wait()\nawait kid()", &["Task-1 waits for <Event at "]),
    (
        "h = asyncio.get_running_loop().call_later(1000, print)\nh.cancel()\nawait kid()",
        &["Task-1 waits for <Event at ", "in kid"],
    ),
    (
        "s = await asyncio.start_server(print, '127.0.0.1', 0)\ns.close()\nawait s.wait_closed()\nawait kid()",
        &["Task-1 waits for <Event at ", "in kid"],
    ),
    (
        "l = asyncio.get_running_loop()\nl.add_signal_handler(10, print)\nl.remove_signal_handler(10)\nawait kid()",
        &["Task-1 waits for <Event at ", "in kid"],
    ),
    (
        "r, w = os.pipe()\nl = asyncio.get_running_loop()\nl.add_reader(r, print)\nl.remove_reader(r)\nawait kid()",
        &["Task-1 waits for <Event at ", "in kid"],
    ),
];

/// What a shape's text may use.
const PROLOGUE: &str = "import asyncio, os, threading, time\n\
    async def kid():\n    await asyncio.Event().wait()\n\
    async def numbers():\n    await asyncio.Event().wait()\n    yield 1\n\
    class Own:\n    def __await__(self):\n        return (yield from asyncio.get_running_loop().create_future())\n";

#[test]
fn every_shape_is_told_with_its_places() {
    for (text, expected) in SHAPES {
        let body = text.replace('\n', "\n    ");
        let told = report(&format!("{PROLOGUE}async def main():\n    {body}\nasyncio.run(main())\n"));
        for part in *expected {
            assert!(told.contains(part), "{part:?} is not in the report of\n{text}\n{told}");
        }
    }
}

/// Waits that something outside ends, however long it takes: none of them is a deadlock.
const WAKEABLE: &[&str] = &[
    "threading.Thread(target=lambda: (time.sleep(0.05), loop.call_soon_threadsafe(e.set))).start()\nawait e.wait()",
    "threading.Timer(0.05, loop.call_soon_threadsafe, (e.set,)).start()\nawait e.wait()",
    "loop.call_later(0.05, e.set)\nawait e.wait()",
    "loop.add_signal_handler(10, e.set)\nthreading.Timer(0.05, os.kill, (os.getpid(), 10)).start()\nawait e.wait()",
    "r, w = os.pipe()\nloop.add_reader(r, e.set)\nthreading.Timer(0.05, os.write, (w, b'x')).start()\nawait e.wait()",
    "p = await asyncio.create_subprocess_shell('sleep 0.05')\nawait p.wait()",
    "await loop.run_in_executor(None, time.sleep, 0.05)",
    "with concurrent.futures.ThreadPoolExecutor() as ex:\n    \
     ex.submit(lambda: (time.sleep(0.05), loop.call_soon_threadsafe(e.set)))\n    await e.wait()",
    "f = concurrent.futures.Future()\nthreading.Timer(0.05, f.set_result, (1,)).start()\nawait asyncio.wrap_future(f)",
    "s = await asyncio.start_server(lambda r, w: e.set(), '127.0.0.1', 0)\n\
     threading.Timer(0.05, socket.create_connection, s.sockets[0].getsockname()[:1] and \
     (s.sockets[0].getsockname(),)).start()\nawait e.wait()",
    "await loop.getaddrinfo('127.0.0.1', 80)",
];

#[test]
fn what_something_outside_can_wake_is_no_deadlock() {
    for text in WAKEABLE {
        let body = text.replace('\n', "\n    ");
        let name = format!("apy-wakeable-{}.apy", std::process::id());
        let file = std::env::temp_dir().join(name);
        let script = format!(
            "import asyncio, concurrent.futures, os, socket, threading, time\nasync def main():\n    \
             loop, e = asyncio.get_running_loop(), asyncio.Event()\n    {body}\n    print('woken')\n\
             asyncio.run(main())\n"
        );
        std::fs::write(&file, script).expect("the script is written");
        let output = Command::new(env!("CARGO_BIN_EXE_apy")).arg(&file).output().expect("apy starts");
        std::fs::remove_file(&file).expect("the script is removed");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "woken\n", "{text}\n{err}");
    }
}

#[test]
fn tasks_that_await_each_other_end_with_the_report() {
    let text = report(
        r#"
import asyncio
async def wait_for(i):
    try:
        await tasks[i]
    finally:
        print('ends', i)
async def main():
    tasks[:] = [asyncio.create_task(wait_for(1)), asyncio.create_task(wait_for(0))]
    await asyncio.wait(tasks)
tasks = []
asyncio.run(main())
"#,
    );
    assert!(text.contains("in a circle: Task-2 -> Task-3 -> Task-2"), "{text}");
    // Cancelling one of them would have to cancel the other one first, and so on.
    assert!(!text.contains("RecursionError") && !text.contains("Traceback"), "{text}");
}
