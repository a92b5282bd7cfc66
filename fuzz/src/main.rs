//! The driver: mutates scripts and runs a target on them for some time. See the README.

mod generate;
mod mutate;

use apy_fuzz::{TARGETS, Target};
use mutate::{Corpus, Rng};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// What takes more of the processor's time is kept.
const SLOW: Duration = Duration::from_secs(4);
/// What takes more of it will never end.
const HUNG: Duration = Duration::from_secs(40);

struct Options {
    target: Target,
    seconds: u64,
    seed: u64,
    corpus: Vec<PathBuf>,
    inputs: Vec<PathBuf>,
}

fn usage() -> String {
    let names: Vec<&str> = TARGETS.iter().map(|t| t.0).collect();
    format!("apy-fuzz {} [--seconds N] [--seed N] [--corpus DIR]… [FILE…]", names.join("|"))
}

fn options() -> Result<Options, String> {
    let mut args = std::env::args().skip(1);
    let name = args.next().ok_or_else(usage)?;
    let target = *TARGETS.iter().find(|t| t.0 == name).ok_or_else(usage)?;
    let mut o = Options { target, seconds: 60, seed: 1, corpus: Vec::new(), inputs: Vec::new() };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(usage);
        match arg.as_str() {
            "--seconds" => o.seconds = value()?.parse().map_err(|_| usage())?,
            "--seed" => o.seed = value()?.parse().map_err(|_| usage())?,
            "--corpus" => o.corpus.push(value()?.into()),
            _ => o.inputs.push(arg.into()),
        }
    }
    if o.corpus.is_empty() {
        o.corpus = ["../tests/golden", "../grammar/tests", "../stdlib"].map(PathBuf::from).to_vec();
    }
    Ok(o)
}

fn findings() -> PathBuf {
    let dir = PathBuf::from("findings");
    if let Err(e) = fs::create_dir_all(&dir) {
        eprintln!("cannot make {}: {e}", dir.display());
    }
    dir
}

fn keep(dir: &Path, target: &str, what: &str, data: &[u8]) {
    let mut h = DefaultHasher::new();
    data.hash(&mut h);
    let path = dir.join(format!("{target}-{what}-{:04x}.apy", h.finish() & 0xffff));
    println!("{what}: {}", path.display());
    if let Err(e) = fs::write(&path, data) {
        eprintln!("cannot write {}: {e}", path.display());
    }
}

/// The time that a thread of this process has had a processor for; on a busy machine the clock on the wall says little.
fn busy(thread: &str) -> Duration {
    let text = fs::read_to_string(format!("/proc/{thread}/schedstat")).unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0))
}

/// Ends the process when one input takes for ever; the input is in the findings already.
fn watch(started: Arc<AtomicU64>) {
    let worker = fs::read_link("/proc/thread-self").unwrap_or_default().display().to_string();
    thread::spawn(move || {
        let (mut seen, mut since) = (0, busy(&worker));
        loop {
            thread::sleep(Duration::from_secs(1));
            let (now, time) = (started.load(Ordering::Relaxed), busy(&worker));
            if now != seen {
                (seen, since) = (now, time);
            } else if time.saturating_sub(since) > HUNG {
                eprintln!("an input takes for ever; it is in findings/");
                std::process::exit(3);
            }
        }
    });
}

fn fuzz(o: &Options) -> u64 {
    let (name, target) = o.target;
    let dir = findings();
    let running = dir.join(format!("{name}-running.apy"));
    let mut rng = Rng::new(o.seed);
    let mut corpus = Corpus::load(&o.corpus);
    let count = Arc::new(AtomicU64::new(0));
    watch(count.clone());
    let end = Instant::now() + Duration::from_secs(o.seconds);
    let mut failures = 0;
    while Instant::now() < end {
        let data = corpus.next(&mut rng);
        if fs::write(&running, &data).is_err() {
            eprintln!("cannot write {}", running.display());
        }
        let start = busy("thread-self");
        if catch_unwind(AssertUnwindSafe(|| target(&data))).is_err() {
            keep(&dir, name, "panic", &data);
            failures += 1;
        } else if busy("thread-self").saturating_sub(start) > SLOW {
            keep(&dir, name, "slow", &data);
            failures += 1;
        }
        count.fetch_add(1, Ordering::Relaxed);
    }
    println!("{name}: {} inputs, {failures} failures", count.load(Ordering::Relaxed));
    drop(fs::remove_file(running));
    failures
}

fn main() -> ExitCode {
    let o = match options() {
        Ok(o) => o,
        Err(usage) => {
            eprintln!("{usage}");
            return ExitCode::from(2);
        }
    };
    // A thread's usual stack, not the main thread's.
    let work = thread::spawn(move || {
        if o.inputs.is_empty() {
            return fuzz(&o);
        }
        for path in &o.inputs {
            match fs::read(path) {
                Ok(data) => (o.target.1)(&data),
                Err(e) => eprintln!("{}: {e}", path.display()),
            }
        }
        0
    });
    match work.join() {
        Ok(0) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
