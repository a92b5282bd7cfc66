//! What a loop must survive that a script cannot arrange for itself: a limit on descriptors, an interrupt from outside,
//! and long idleness.

use apy::vm::signals::{Disposition, set};
use nix::sys::signal::SIGINT;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A script in a file, which goes when this does.
struct Script(std::path::PathBuf);

impl Script {
    fn new(name: &str, text: &str) -> Script {
        let path = std::env::temp_dir().join(format!("apy-survival-{name}-{}.apy", std::process::id()));
        std::fs::write(&path, text).expect("the script is written");
        Script(path)
    }

    /// The command that runs it, by a shell that does something first.
    fn after(&self, shell: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        let run = format!("{shell}exec \"$0\" \"$1\"");
        command.args(["-c", &run, env!("CARGO_BIN_EXE_apy")]).arg(&self.0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // Temporary files may stay.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn output(command: &mut Command) -> (String, String) {
    let Output { stdout, stderr, .. } = command.output().expect("the script runs");
    (String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned())
}

/// The first line that a child prints.
fn first_line(child: &mut Child) -> String {
    let out = child.stdout.as_mut().expect("the output is a pipe");
    let mut line = String::new();
    BufReader::with_capacity(1, out).read_line(&mut line).expect("the child prints a line");
    line.trim().to_owned()
}

#[test]
fn accepting_goes_on_after_descriptors_ran_out() {
    let script = Script::new(
        "descriptors",
        r#"
import asyncio, socket
async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()
async def main():
    loop = asyncio.get_running_loop()
    reports = []
    loop.set_exception_handler(lambda loop, context: reports.append(type(context.get('exception')).__name__))
    server = await asyncio.start_server(echo, '127.0.0.1', 0, backlog=200)
    address = server.sockets[0].getsockname()
    clients = []
    while True:
        try:
            clients.append(socket.create_connection(address))
        except OSError:
            break
    await asyncio.sleep(0.1)
    print('reports' if 'OSError' in reports else f'no reports {reports}')
    for s in clients:
        s.close()
    # Accepting is tried again a second after it failed.
    async with asyncio.timeout(30):
        while True:
            try:
                reader, writer = await asyncio.open_connection(*address)
                writer.write(b'alive\n')
                line = await reader.readline()
                if line:
                    break
            except OSError:
                pass
            await asyncio.sleep(0.05)
    print(line)
    writer.close()
asyncio.run(main())
"#,
    );
    let (out, err) = output(&mut script.after("ulimit -n 60; "));
    assert_eq!(out, "reports\nb'alive\\n'\n", "{err}");
}

#[test]
fn ten_thousand_connections_stay_open() {
    let script = Script::new(
        "connections",
        r#"
import asyncio, os
async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()
async def main():
    most = int(os.environ['MOST'])
    server = await asyncio.start_server(echo, '127.0.0.1', 0, backlog=1000)
    address = server.sockets[0].getsockname()
    pairs = []
    while len(pairs) < most:
        group = (asyncio.open_connection(*address) for _ in range(min(100, most - len(pairs))))
        pairs += await asyncio.gather(*group)
    for n, (_, writer) in enumerate(pairs):
        writer.write(b'%d\n' % n)
    total = 0
    for reader, _ in pairs:
        total += int(await reader.readline())
    print(total == most * (most - 1) // 2)
    for _, writer in pairs:
        writer.close()
asyncio.run(main())
"#,
    );
    // Two descriptors for each connection.
    let (limit, _) = output(Command::new("/bin/sh").args(["-c", "ulimit -Hn"]).stdout(Stdio::piped()));
    let limit: usize = limit.trim().parse().unwrap_or(65_536);
    let most = ((limit - 100) / 2).min(10_000);
    let mut command = script.after("ulimit -n $(ulimit -Hn); ");
    let (out, err) = output(command.env("MOST", most.to_string()));
    assert_eq!(out, "True\n", "{most} connections: {err}");
}

#[test]
fn an_idle_server_uses_no_processor_time() {
    let script = Script::new(
        "idle",
        r#"
import asyncio, time
async def echo(reader, writer):
    writer.write(await reader.readline())
async def main():
    server = await asyncio.start_server(echo, '127.0.0.1', 0)
    connections = [await asyncio.open_connection(*server.sockets[0].getsockname()) for _ in range(20)]
    await asyncio.sleep(0.05)
    before = time.process_time()
    await asyncio.sleep(1.5)
    print(round((time.process_time() - before) * 1000))
    for _, writer in connections:
        writer.close()
asyncio.run(main())
"#,
    );
    let (out, err) = output(&mut script.after(""));
    let spent: u64 = out.trim().parse().unwrap_or_else(|_| panic!("{out}{err}"));
    assert!(spent <= 5, "{spent} ms in 1.5 s");
}

#[test]
fn an_interrupt_ends_with_status_130_and_leaves_no_child() {
    let script = Script::new(
        "interrupt",
        r#"
import asyncio
async def main():
    p = await asyncio.create_subprocess_exec('sleep', '1000', stdout=asyncio.subprocess.PIPE)
    print(p.pid, flush=True)
    await p.stdout.read()
asyncio.run(main())
"#,
    );
    // A shell that starts a program in the background has it ignore interrupts, and its children with it.
    set(SIGINT as i32, Disposition::Default).expect("SIGINT may be set");
    let mut child = script.after("").spawn().expect("apy starts");
    let grandchild = first_line(&mut child);
    assert!(grandchild.parse::<u32>().is_ok(), "{grandchild}");
    let pid = child.id().to_string();
    Command::new("/bin/kill").args(["-INT", &pid]).status().expect("kill runs");
    let status = child.wait().expect("it ends");
    let mut err = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("text");
    // It ends by the signal, as CPython does; shells call that status 130.
    assert_eq!(status.signal(), Some(2), "{err}");
    assert!(err.contains("KeyboardInterrupt"), "{err}");
    let late = Instant::now() + Duration::from_secs(20);
    let state = || std::fs::read_to_string(format!("/proc/{grandchild}/stat")).ok();
    // A killed process that its new parent has not waited for yet is a zombie.
    while state().is_some_and(|s| !s.contains(") Z ")) {
        assert!(Instant::now() < late, "the child lives on");
        std::thread::sleep(Duration::from_millis(20));
    }
}
