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
