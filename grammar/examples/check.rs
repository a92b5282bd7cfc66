//! Parses files and prints the errors: `check FILE…`, or `check --time FILE…` for lines per second.

use apy_grammar::{LineIndex, Mode, decode, parse};
use std::time::Instant;

fn main() {
    let mut paths: Vec<String> = std::env::args().skip(1).collect();
    let time = paths.first().is_some_and(|a| a == "--time");
    if time {
        paths.remove(0);
    }
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
    let begin = Instant::now();
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
    let elapsed = begin.elapsed();
    println!("{} files, {failed} refused, {lines} lines", sources.len());
    if time {
        println!("{:.3} s, {:.0} lines/s", elapsed.as_secs_f64(), lines as f64 / elapsed.as_secs_f64());
    }
}
