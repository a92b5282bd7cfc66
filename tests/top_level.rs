//! `await` at the top level where CPython has nothing to compare with: loops that run below top-level code, imported
//! modules, `-c` text. What CPython's `python -m asyncio` can run too is in `golden/top_level`.

use std::process::{Command, Output};

fn run(text: &str, folder: &std::path::Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_apy")).args(["-c", text]).current_dir(folder).output().expect("apy starts")
}

fn printed(text: &str) -> String {
    let output = run(text, &std::env::temp_dir());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn asyncio_run_works_below_top_level_code() {
    let out = printed(
        r#"
import asyncio
async def main(n):
    await asyncio.sleep(0)
    return n, asyncio.get_running_loop() is outer
outer = asyncio.get_running_loop()
def plain():
    return asyncio.run(main(2))
print(await main(0), asyncio.run(main(1)), plain(), asyncio.get_running_loop() is outer)
with asyncio.Runner() as runner:
    print(runner.run(main(3)))
print(asyncio.current_task().get_name(), asyncio.get_event_loop() is outer)
"#,
    );
    assert_eq!(out, "(0, True) (1, False) (2, False) True\n(3, False)\nTask-1 True\n");
}

#[test]
fn the_same_loop_can_be_run_below_top_level_code() {
    let out = printed(
        r#"
import asyncio
order = []
async def work(n):
    for i in range(3):
        order.append((n, i))
        await asyncio.sleep(0)
    return n
loop = asyncio.get_event_loop()
background = asyncio.create_task(work('b'))
print(loop.run_until_complete(work('m')), order)
loop.call_soon(loop.stop)
loop.run_forever()
print(await background, len(order), asyncio.current_task() in asyncio.all_tasks())
"#,
    );
    assert_eq!(out, "m [('b', 0), ('m', 0), ('b', 1), ('m', 1), ('b', 2), ('m', 2)]\nb 6 True\n",);
}

#[test]
fn coroutines_below_top_level_code_cannot_run_a_loop() {
    let out = printed(
        r#"
import asyncio
async def inner(): pass
async def main():
    c = inner()
    try:
        asyncio.run(c)
    except RuntimeError as e:
        print(e)
    loop = asyncio.get_running_loop()
    try:
        loop.run_until_complete(c)
    except RuntimeError as e:
        print(e)
    c.close()
await main()
asyncio.get_running_loop().call_soon(lambda: asyncio.create_task(main()))
await asyncio.sleep(0)
await asyncio.sleep(0)
"#,
    );
    let once = "asyncio.run() cannot be called from a running event loop\nThis event loop is already running\n";
    assert_eq!(out, once.repeat(2));
}

#[test]
fn modules_that_await_can_be_imported() {
    let folder = std::env::temp_dir().join(format!("apy-top-level-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the module");
    std::fs::write(folder.join("awaits.apy"), "import asyncio\nvalue = await asyncio.sleep(0, 'ready')\n")
        .expect("the module is written");
    let import = format!("import sys; sys.path.insert(0, {:?})\n", folder.to_string_lossy());
    let from_plain = run(&format!("{import}import awaits; print(awaits.value)"), &folder);
    let from_top = run(
        &format!("{import}import asyncio\nawait asyncio.sleep(0)\nfrom awaits import value\nprint(value)"),
        &folder,
    );
    let from_coroutine = run(
        &format!(
            "{import}async def f():\n    import awaits\ntry:\n    await f()\nexcept RuntimeError as e:\n    print(e)"
        ),
        &folder,
    );
    std::fs::remove_dir_all(&folder).expect("the folder is removed");
    assert_eq!(String::from_utf8_lossy(&from_plain.stdout), "ready\n");
    assert_eq!(String::from_utf8_lossy(&from_top.stdout), "ready\n");
    assert!(String::from_utf8_lossy(&from_coroutine.stdout).starts_with("code that awaits at its top level"));
}
