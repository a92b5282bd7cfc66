//! Scripts under a limit of the system on the process's memory: what it refuses is a MemoryError that scripts can catch
//! and live on after, and never the end of the process.
//!
//! Not here: the interpreter's own limit on memory (`embedding.rs`).

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Kilobytes of address space that a child may use: what it needs to begin, and a hundred megabytes or two.
const LIMIT: u32 = 450_000;

/// Runs a script under the limit; gives what it printed to both streams, and its status unless it died by a signal.
fn run(name: &str, text: &str) -> (String, String, Option<i32>) {
    let path: PathBuf = std::env::temp_dir().join(format!("apy-memory-{name}-{}.apy", std::process::id()));
    std::fs::write(&path, text).expect("the script is written");
    let Output { stdout, stderr, status } = Command::new("/bin/sh")
        .args(["-c", &format!("ulimit -v {LIMIT}; exec \"$0\" \"$1\""), env!("CARGO_BIN_EXE_apy")])
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .expect("the script runs");
    // Temporary files may stay.
    let _ = std::fs::remove_file(&path);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(stdout), text(stderr), status.code())
}

#[test]
fn large_requests_are_refused_one_by_one() {
    let requests = [
        "bytearray(10**9)",
        "[0] * 10**9",
        "(0,) * 10**9",
        "'x' * 10**9",
        "b'x' * 10**9",
        "1 << 10**10",
        "list(range(10**9))",
        "bytes(800 * 2**20)",
        "''.join(['x' * 10**6] * 2000)",
        "b''.join([b'x' * 10**6] * 2000)",
        "'x'.rjust(10**9)",
        "'%1000000000d' % 5",
        "'ab'.replace('a', 'x' * 10**5) * 10**5",
        "[None] * (10**9 // 2) + [None] * (10**9 // 2)",
        "__import__('array').array('q', [0]) * 10**9",
        "__import__('itertools').product(range(10**9))",
        "set(range(10**9))",
        "dict.fromkeys(range(10**9))",
        "sorted(range(10**9))",
        "memoryview(b'x' * 10**8).cast('B').tolist()",
        "__import__('collections').deque(range(10**9))",
        "x = 'a' * 10**8",
        "x = __import__('io').StringIO(); x.seek(10**8); x.write('abc')",
        "x = __import__('io').BytesIO(); x.seek(10**8); x.write(b'abc')",
        "x = __import__('io').StringIO(newline='\\r\\n'); x.write('\\n' * (18 * 10**6))",
        "('ab ' * (6 * 10**6)).split()",
        "('ab ' * (6 * 10**6)).split('b')",
        "('ab\\n' * (6 * 10**6)).splitlines()",
        "(b'ab ' * (6 * 10**6)).rsplit()",
        "(b'ab\\n' * (6 * 10**6)).splitlines()",
        "('\\xe9b ' * (4 * 10**6)).split()",
        "('\\xe9b\\n' * (4 * 10**6)).splitlines()",
        "(b'\\xff' * (18 * 10**6)).decode('latin-1')",
        "(b'\\xff' * (18 * 10**6)).decode('utf-8', 'backslashreplace')",
        "('\\xe9' * (9 * 10**6)).encode('utf-16')",
        "('\\xe9' * (9 * 10**6)).encode('ascii', 'xmlcharrefreplace')",
    ];
    let mut text = String::new();
    for (n, request) in requests.iter().enumerate() {
        text.push_str(&format!("try:\n    {request}\nexcept MemoryError:\n    print({n})\n"));
    }
    text.push_str("print('alive')\n");
    let (out, err, status) = run("requests", &text);
    let want: String = (0..requests.len()).map(|n| format!("{n}\n")).collect();
    assert_eq!((out, status), (want + "alive\n", Some(0)), "{err}");
}

#[test]
fn what_grows_little_by_little_is_refused_in_time() {
    // What a script makes before its loop, and what the loop does.
    let growths = [
        ("x = []", "x.append([])"),
        ("x = []", "x.append([x])"),
        ("x = []", "x += [1, 2.5, 'a']"),
        ("x = {}; n = 0", "x[n] = n; n += 1"),
        ("x = set(); n = 0", "x.add(n); n += 1"),
        ("x = bytearray()", "x.append(1); x += b'x' * 10**5"),
        ("x = 'a'", "x += x"),
        ("x = b'a'", "x += x"),
        ("x = 3", "x <<= 10**7"),
        ("x = None", "x = (x, 'a')"),
        ("x = None", "x = lambda x=x: x"),
        ("x = None\nclass C: pass", "c = C(); c.a = x; c.b = c; x = c; c = None"),
        ("import io; x = io.StringIO()", "x.write('x' * 1000)"),
        ("import io; x = io.BytesIO()", "x.write(b'x' * 10**6)"),
        ("import collections; x = collections.deque()", "x.append(1)"),
        ("import array; x = array.array('d')", "x.extend([1.5] * 100)"),
        ("x = []\ndef g():\n    yield 1", "g1 = g(); next(g1); x.append(g1); g1 = None"),
        ("x = []", "x.append(type('T', (), {}))"),
        ("class C: pass\nx = C(); n = 0", "setattr(x, f'a{n}', n); n += 1"),
    ];
    for (n, (before, step)) in growths.iter().enumerate() {
        let text = format!(
            "{before}\ntry:\n    while True:\n        {step}\nexcept MemoryError:\n    x = c = None\n    print('refused')\nprint(len([0] * 1000))\n"
        );
        let (out, err, status) = run(&format!("growth{n}"), &text);
        assert_eq!((out.as_str(), status), ("refused\n1000\n", Some(0)), "{step}: {err}");
    }
}

#[test]
fn a_script_that_goes_on_without_memory_is_ended() {
    let (out, err, status) = run(
        "stubborn",
        "x = []\nwhile True:\n    try:\n        x.append([x])\n    except MemoryError:\n        pass\n",
    );
    assert_eq!((out.as_str(), status), ("", Some(1)), "{err}");
}
