//! Programs of others as peers: `curl`, `nc`, `wrk`, and a Python with asyncio, each where the machine has it. A test whose
//! program is missing says so and passes.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

/// A server: greets browsers, echoes everybody else's lines, and ends when a line says so.
const SERVER: &str = r#"
import asyncio
async def serve(reader, writer):
    line = await reader.readline()
    if line.startswith(b'GET '):
        while (await reader.readline()).strip():
            pass
        body = b'hello ' + line.split()[1]
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n' % len(body) + body)
    while line and not line.startswith(b'GET '):
        writer.write(b'> ' + line)
        await writer.drain()
        if line == b'end\n':
            over.set()
            break
        line = await reader.readline()
    writer.close()
    await writer.wait_closed()
async def main():
    global over
    over = asyncio.Event()
    server = await asyncio.start_server(serve, '127.0.0.1', 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await over.wait()
asyncio.run(main())
"#;

/// A client: many lines at once on several connections, then the end.
const CLIENT: &str = r#"
import asyncio, sys
async def talk(port, name):
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    lines = [b'%s %d\n' % (name, i) for i in range(500)]
    writer.writelines(lines)
    writer.write_eof() if writer.can_write_eof() else None
    assert await reader.read() == b''.join(b'> ' + line for line in lines)
    writer.close()
    await writer.wait_closed()
async def main():
    port = int(sys.argv[1])
    await asyncio.gather(*(talk(port, b'client-%d' % i) for i in range(20)))
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    writer.write(b'end\n')
    print(await reader.readline())
    writer.close()
    await writer.wait_closed()
asyncio.run(main())
"#;

/// The program, if the machine has it.
fn found(program: &str) -> bool {
    let there = Command::new("/bin/sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success());
    if !there {
        eprintln!("skipped: there is no {program}");
    }
    there
}

/// A script in a file of its own, which a program is to run.
fn script(name: &str, text: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("apy-peers-{name}-{}.py", std::process::id()));
    std::fs::write(&path, text).expect("the script is written");
    path
}

/// Starts the server with a program; gives its port.
fn server(program: &str, name: &str) -> (Child, u16) {
    let path = script(name, SERVER);
    let mut child = Command::new(program).arg(&path).stdout(Stdio::piped()).spawn().expect("the server starts");
    let mut line = String::new();
    let out = child.stdout.as_mut().expect("the output is a pipe");
    BufReader::with_capacity(1, out).read_line(&mut line).expect("the server tells its port");
    // It has been read.
    let _ = std::fs::remove_file(&path);
    (child, line.trim().parse().expect("a port"))
}

/// What the client says when a program runs it.
fn client(program: &str, name: &str, port: u16) -> String {
    let path = script(name, CLIENT);
    let output = Command::new(program).arg(&path).arg(port.to_string()).output().expect("the client runs");
    let _ = std::fs::remove_file(&path);
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Has the server end.
fn end(mut child: Child, port: u16) {
    let mut s = std::net::TcpStream::connect(("127.0.0.1", port)).expect("the server accepts");
    s.write_all(b"end\n").expect("the server reads");
    let mut answer = String::new();
    s.read_to_string(&mut answer).expect("the server answers");
    assert_eq!(answer, "> end\n");
    assert!(child.wait().expect("the server ends").success());
}

const APY: &str = env!("CARGO_BIN_EXE_apy");

#[test]
fn python_clients_and_apy_servers_understand_each_other() {
    if !found("python3") {
        return;
    }
    for (serves, asks) in [(APY, "python3"), ("python3", APY), (APY, APY)] {
        let name = format!("{}-{}", serves.len(), asks.len());
        let (mut child, port) = server(serves, &format!("server-{name}"));
        let said = client(asks, &format!("client-{name}"), port);
        assert_eq!(said, "b'> end\\n'\n", "server {serves}, client {asks}");
        assert!(child.wait().expect("the server ends").success());
    }
}

#[test]
fn curl_gets_pages() {
    if !found("curl") {
        return;
    }
    let (child, port) = server(APY, "curl");
    for page in ["/", "/a/b?c=d"] {
        let output = Command::new("curl")
            .args(["-s", "-S", "--noproxy", "*", &format!("http://127.0.0.1:{port}{page}")])
            .output()
            .expect("curl runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("hello {page}"), "{output:?}");
    }
    end(child, port);
}

#[test]
fn nc_talks_in_lines() {
    if !found("nc") {
        return;
    }
    let (mut child, port) = server(APY, "nc");
    let mut nc = Command::new("nc")
        .args(["127.0.0.1", &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("nc starts");
    nc.stdin.take().expect("its input is a pipe").write_all(b"one\ntwo\nend\n").expect("nc reads");
    let mut said = String::new();
    nc.stdout.take().expect("its output is a pipe").read_to_string(&mut said).expect("nc writes");
    assert_eq!(said, "> one\n> two\n> end\n");
    nc.wait().expect("nc ends");
    assert!(child.wait().expect("the server ends").success());
}

#[test]
fn wrk_gets_an_answer_to_every_request() {
    if !found("wrk") {
        return;
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/network/http_server.apy");
    let mut child = Command::new(APY).arg(path).stdout(Stdio::piped()).spawn().expect("the server starts");
    let mut line = String::new();
    let out = child.stdout.as_mut().expect("the output is a pipe");
    BufReader::with_capacity(1, out).read_line(&mut line).expect("the server tells its port");
    let address = format!("http://127.0.0.1:{}/", line.trim());
    let output = Command::new("wrk").args(["-t1", "-c64", "-d1s", &address]).output().expect("wrk runs");
    child.kill().expect("the server runs");
    child.wait().expect("the server ends");
    let said = String::from_utf8_lossy(&output.stdout);
    // wrk tells of failed connects, reads and writes, and of answers that are no success, only where there were any.
    let requests = said.lines().find_map(|l| l.trim().split_once(" requests in ")).map(|(n, _)| n.parse::<u64>());
    assert!(matches!(requests, Some(Ok(1..))), "{said}");
    assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{said}");
}
