//! Threads from the host's side: interpreters side by side, hosts that attach from several threads, stopping what
//! waits, ends with threads still running.

use apy::{Error, Interpreter};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

fn interpreter() -> Interpreter {
    Interpreter::builder().native_stack(1 << 20).build()
}

/// Runs `f` on a thread with room for deep scripts.
fn on_thread<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::Builder::new().stack_size(8 << 20).spawn(f).expect("a thread")
}

fn run(i: &Interpreter, source: &str) -> Result<(), Error> {
    i.attach(|vm| vm.exec(source))
}

fn number(i: &Interpreter, expression: &str) -> i64 {
    i.attach(|vm| {
        let v = vm.eval(expression)?;
        Ok(vm.as_i64(&v))
    })
    .expect("it evaluates")
    .expect("a number")
}

#[test]
fn interpreters_run_side_by_side() {
    let threads: Vec<_> = (0..4)
        .map(|n| {
            on_thread(move || {
                let i = interpreter();
                run(&i, "import json\ntotal = 0\nfor k in range(20000): total += len(json.dumps([k, {'k': k}]))")
                    .unwrap();
                run(&i, &format!("total += {n}")).unwrap();
                number(&i, "total") - n
            })
        })
        .collect();
    let totals: Vec<i64> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    assert!(totals.iter().all(|t| *t == totals[0]), "{totals:?}");
}

#[test]
fn a_host_thread_attaches_while_a_script_waits() {
    let i = interpreter();
    run(&i, "import threading\ngate = threading.Event()\nseen = 0").unwrap();
    let other = i.clone();
    let waiting = on_thread(move || run(&other, "assert gate.wait(60)\nseen += 1"));
    // The gate opens from here, so the wait has given the lock up.
    run(&i, "gate.set()").unwrap();
    waiting.join().unwrap().unwrap();
    assert_eq!(number(&i, "seen"), 1);
}

#[test]
fn host_threads_take_turns_on_a_busy_interpreter() {
    let i = interpreter();
    run(&i, "flag = False\nrounds = 0").unwrap();
    let other = i.clone();
    let busy = on_thread(move || run(&other, "while not flag: rounds += 1"));
    while number(&i, "rounds") == 0 {
        thread::yield_now();
    }
    run(&i, "flag = True").unwrap();
    busy.join().unwrap().unwrap();
}

/// A script that waits for ever must end soon after a stop.
fn stops(setup: &str, source: &'static str) {
    let i = interpreter();
    run(&i, setup).unwrap();
    let (stop, other) = (i.stop_handle(), i.clone());
    let (tell, began) = mpsc::channel();
    let script = on_thread(move || {
        other.attach(|vm| {
            let tell = std::sync::Mutex::new(tell);
            let begin = vm.host_function("begin", move |_, _| {
                let _ = tell.lock().unwrap().send(());
                Ok(apy::Value::NONE)
            });
            let globals = vm.main_globals()?;
            let name = vm.intern("begin");
            globals.set_str(vm, &name, begin);
            vm.exec(source)
        })
    });
    began.recv().unwrap();
    let asked = Instant::now();
    stop.stop();
    let result = script.join().unwrap();
    assert!(matches!(result, Err(Error::Halted(_))), "{result:?}");
    assert!(asked.elapsed() < Duration::from_secs(30));
}

#[test]
fn stopping_ends_a_sleep() {
    stops("import time", "begin()\ntime.sleep(10000)");
}

#[test]
fn stopping_ends_a_wait_for_a_lock() {
    stops("import threading\nl = threading.Lock()\nl.acquire()", "begin()\nl.acquire()");
}

#[test]
fn stopping_ends_a_wait_for_a_queue() {
    stops("import queue\nq = queue.SimpleQueue()", "begin()\nq.get()");
}

#[test]
fn stopping_ends_an_idle_loop() {
    stops("import asyncio", "async def main():\n  begin()\n  await asyncio.sleep(10000)\nasyncio.run(main())");
}

#[test]
fn stopping_ends_a_wait_for_a_thread_that_never_ends() {
    stops(
        "import threading, time\nt = threading.Thread(target=time.sleep, args=(10000,))\nt.start()",
        "begin()\nt.join()",
    );
}

#[test]
fn fuel_is_shared_by_threads() {
    let i = Interpreter::builder().native_stack(1 << 20).fuel(3_000_000).build();
    let source =
        "import threading\ndef spin():\n  while True: pass\nt = threading.Thread(target=spin)\nt.start()\nt.join()";
    assert!(matches!(run(&i, source), Err(Error::Halted(apy::vm::limits::Halt::OutOfFuel))));
}

#[test]
fn an_interpreter_goes_while_its_threads_run() {
    let i = interpreter();
    run(
        &i,
        "import threading, time\nstarted = threading.Barrier(4)\n\
         def spin():\n  started.wait()\n  while True: pass\n\
         def sleep():\n  started.wait()\n  time.sleep(10000)\n\
         for f in (spin, sleep, spin): threading.Thread(target=f, daemon=True).start()\nstarted.wait()",
    )
    .unwrap();
    i.attach(|vm| vm.finish()).unwrap();
    let refused = run(&i, "import threading\nthreading.Thread(target=print).start()");
    assert!(
        matches!(&refused, Err(Error::Exception { class, .. }) if class == "PythonFinalizationError"),
        "{refused:?}"
    );
    drop(i);
}

#[test]
fn many_threads_under_locks_with_collections() {
    let i = interpreter();
    run(
        &i,
        "import threading, gc\nlock = threading.Lock()\ncount = 0\nitems = []\n\
         class Node: pass\n\
         def work(n):\n\
         \x20 global count\n\
         \x20 for k in range(300):\n\
         \x20   a, b = Node(), Node()\n\
         \x20   a.other, b.other = b, a\n\
         \x20   with lock: count += 1\n\
         \x20   items.append((n, k))\n\
         \x20   if k % 100 == n: gc.collect()\n\
         threads = [threading.Thread(target=work, args=(n,)) for n in range(24)]\n\
         for t in threads: t.start()\n\
         gc.collect()\n\
         for t in threads: t.join()\n\
         del threads\n\
         gc.collect()\n\
         assert len(set(items)) == 24 * 300",
    )
    .unwrap();
    assert_eq!(number(&i, "count"), 24 * 300);
    assert_eq!(number(&i, "sum(isinstance(o, Node) for o in gc.get_objects())"), 0);
}
