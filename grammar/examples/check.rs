//! Parses files and prints the errors: `check FILE…`, or `check --list FILE` for the files that a file names, one a
//! line. With `--time` before that, the last line says how many lines there were and how many seconds it took: of this
//! process's CPU where the system tells, so that other work on the machine does not count.

use apy_grammar::{LineIndex, Mode, decode, parse};
use std::time::Instant;

fn main() {
    let mut args = std::env::args().skip(1).peekable();
    let time = args.next_if(|a| a == "--time").is_some();
    let paths: Vec<String> = if args.next_if(|a| a == "--list").is_some() {
        let list = args.next().unwrap_or_default();
        std::fs::read_to_string(&list).unwrap_or_default().lines().map(str::to_owned).collect()
    } else {
        args.collect()
    };
    let sources: Vec<(String, Vec<u8>)> = paths
        .into_iter()
        .filter_map(|p| match std::fs::read(&p) {
            Ok(bytes) => Some((p, bytes)),
            Err(error) => {
                eprintln!("{p}: {error}");
                None
            }
        })
        .collect();
    let (mut lines, mut failed) = (0, 0);
    let begin = (Instant::now(), cpu_time());
    for (path, bytes) in &sources {
        let arena = bumpalo::Bump::new();
        lines += bytes.iter().filter(|b| **b == b'\n').count();
        let result = decode(bytes).and_then(|text| {
            let source = arena.alloc_str(&text);
            parse(&arena, source, Mode::Exec).map(|_| ()).inspect_err(|e| {
                let (line, column) = LineIndex::new(source).line_column(source, e.span.start);
                println!("{path}:{line}:{}: {e}", column + 1);
            })
        });
        failed += usize::from(result.is_err());
    }
    let seconds = match (begin.1, cpu_time()) {
        (Some(from), Some(to)) => to - from,
        _ => begin.0.elapsed().as_secs_f64(),
    };
    println!("{} files, {failed} refused, {lines} lines, {:.0} lines/s", sources.len(), lines as f64 / seconds);
    if time {
        println!("{lines} {seconds:.4}");
    }
}

/// Seconds that this thread has run.
fn cpu_time() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: u64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds as f64 / 1e9)
}
