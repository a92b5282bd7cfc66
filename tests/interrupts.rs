//! Ctrl-C in every state of a loop: the main task is cancelled, cleaning up happens, and the program ends by the signal.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

/// What `main` does once it has called `ready()`, and what is printed until the end.
const STATES: &[(&str, &str)] = &[
    ("ready()\nawait asyncio.sleep(3600)", ""),
    ("ready()\nwhile True: await asyncio.sleep(0)", ""),
    ("ready()\nawait asyncio.to_thread(time.sleep, 0.5)", ""),
    ("ready()\nawait (await asyncio.create_subprocess_exec('sleep', '3600')).wait()", ""),
    ("s = await asyncio.start_server(print, '127.0.0.1', 0)\nready()\nawait s.serve_forever()", ""),
    ("ready()\nawait asyncio.gather(asyncio.sleep(3600), asyncio.sleep(3600))", ""),
    ("async with asyncio.TaskGroup() as g:\n    ready()\n    g.create_task(asyncio.sleep(3600))", ""),
    ("ready()\nawait asyncio.shield(asyncio.sleep(3600))", ""),
    ("ready()\nawait asyncio.wait_for(asyncio.sleep(3600), 3600)", ""),
    ("a, b = socket.socketpair()\na.setblocking(False)\nready()\nawait asyncio.get_running_loop().sock_recv(a, 1)", ""),
    ("asyncio.get_running_loop().call_later(3600, print)\nready()\nawait asyncio.Queue().get()", ""),
    (
        "l = asyncio.Lock()\nawait l.acquire()\nasyncio.get_running_loop().call_later(3600, print)\n\
         try:\n    ready()\n    await l.acquire()\nfinally: print('lock', l.locked(), flush=True)",
        "lock True\n",
    ),
    (
        "try:\n    ready()\n    await asyncio.sleep(3600)\nfinally:\n    await asyncio.sleep(0.01)\n    \
         print('cleaned', flush=True)",
        "cleaned\n",
    ),
    (
        "async def numbers():\n    try:\n        ready()\n        yield 1\n        await asyncio.sleep(3600)\n    \
         finally: print('closed', flush=True)\nasync for x in numbers(): pass",
        "closed\n",
    ),
];

const PROLOGUE: &str = "import asyncio, os, signal, socket, threading, time\n\
    # A shell that starts programs in the background has them ignore interrupts.\n\
    signal.signal(signal.SIGINT, signal.default_int_handler)\n\
    gate = threading.Event()\nready = gate.set\n\
    def interrupt():\n    gate.wait()\n    time.sleep(0.1)\n    os.kill(os.getpid(), signal.SIGINT)\n\
    threading.Thread(target=interrupt, daemon=True).start()\n";

/// Runs `main` with a body; gives the signal that ended the program, its exit status, and what it printed.
fn run(number: usize, body: &str) -> (Option<i32>, Option<i32>, String, String) {
    let file = std::env::temp_dir().join(format!("apy-interrupt-{}-{number}.apy", std::process::id()));
    let body = body.replace('\n', "\n    ");
    let text = format!("{PROLOGUE}async def main():\n    {body}\nasyncio.run(main())\n");
    std::fs::write(&file, text).expect("the script is written");
    let output = Command::new(env!("CARGO_BIN_EXE_apy")).arg(&file).output().expect("apy starts");
    std::fs::remove_file(&file).expect("the script is removed");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.signal(), output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn an_interrupt_ends_every_state() {
    for (number, (body, printed)) in STATES.iter().enumerate() {
        let (signal, _, out, err) = run(number, body);
        assert_eq!(signal, Some(2), "{body}\n{err}");
        assert_eq!(out, *printed, "{body}\n{err}");
        assert!(err.trim_end().ends_with("KeyboardInterrupt"), "{body}\n{err}");
    }
}

#[test]
fn who_swallows_the_cancellation_goes_on() {
    let body = "try:\n    ready()\n    await asyncio.sleep(3600)\nexcept asyncio.CancelledError: print('swallowed')";
    let (signal, code, out, err) = run(STATES.len(), body);
    assert_eq!((signal, code, out.as_str()), (None, Some(0), "swallowed\n"), "{err}");
}
