//! A load client for echo servers, and the bare mio echo server to compare with.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let text = |i: usize| args.get(i).map_or("", String::as_str);
    let usage = "usage: load client ADDRESS CONNECTIONS SECONDS SIZE [AT_ONCE] | load server ADDRESS";
    let bad = |_| io::Error::new(ErrorKind::InvalidInput, usage);
    let address: SocketAddr = text(2).parse().map_err(bad)?;
    if text(1) == "server" {
        return server(address);
    }
    let number = |i: usize| text(i).parse::<u64>().map_err(|_| io::Error::from(ErrorKind::InvalidInput));
    let at_once = if args.len() > 6 { number(6)? as usize } else { 1 };
    client(address, number(3)? as usize, Duration::from_secs(number(4)?), number(5)? as usize, at_once)
}

/// One connection of the client: it waits for the echo of its messages.
struct Connection {
    stream: TcpStream,
    asked: Instant,
    got: usize,
}

/// Keeps `at_once` messages under way on each connection, sent together, and prints how many came back in a second, and
/// how long it took until all of those sent together were back.
fn client(address: SocketAddr, connections: usize, time: Duration, size: usize, at_once: usize) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut message = vec![b'x'; size.max(1)];
    if let Some(last) = message.last_mut() {
        *last = b'\n';
    }
    let message = message.repeat(at_once.max(1));
    let mut all = Vec::new();
    for n in 0..connections {
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(n), Interest::READABLE)?;
        all.push(Connection { stream, asked: Instant::now(), got: 0 });
    }
    let start = Instant::now();
    for c in &mut all {
        ask(c, &message, Instant::now())?;
    }
    let (mut times, mut buffer) = (Vec::new(), vec![0; 65536]);
    while start.elapsed() < time {
        poll.poll(&mut events, Some(Duration::from_millis(100)))?;
        for event in &events {
            let Some(c) = all.get_mut(event.token().0) else { continue };
            while c.got < message.len() {
                match c.stream.read(&mut buffer) {
                    Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                    Ok(n) => c.got += n,
                    Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                    Err(e) => return Err(e),
                }
            }
            // The answer is complete, so nothing more can be there: reading once more would make the client, not the
            // server, what is measured.
            if c.got >= message.len() {
                let now = Instant::now();
                times.push((now - c.asked).as_nanos() as u64);
                ask(c, &message, now)?;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let part = |p: usize| times.get(times.len().saturating_sub(1) * p / 100).map_or(0.0, |n| *n as f64 / 1000.0);
    let rate = (times.len() * at_once.max(1)) as f64 / seconds;
    println!("{rate:.0} requests/s, p50 {:.0} us, p99 {:.0} us", part(50), part(99));
    Ok(())
}

fn ask(c: &mut Connection, message: &[u8], now: Instant) -> io::Result<()> {
    c.got = 0;
    c.asked = now;
    match c.stream.write(message) {
        Ok(n) if n == message.len() => Ok(()),
        Ok(_) => Err(io::Error::new(ErrorKind::InvalidInput, "the message is too long for a socket's buffer")),
        Err(e) => Err(e),
    }
}

fn server(address: SocketAddr) -> io::Result<()> {
    const LISTENER: Token = Token(usize::MAX);
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut listener = TcpListener::bind(address)?;
    println!("{}", listener.local_addr()?.port());
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut streams, mut next, mut buffer) = (HashMap::new(), 0, vec![0; 65536]);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    poll.registry().register(&mut stream, Token(next), Interest::READABLE)?;
                    streams.insert(next, stream);
                    next += 1;
                }
                continue;
            }
            let key = event.token().0;
            let Some(stream) = streams.get_mut(&key) else { continue };
            let open = loop {
                match stream.read(&mut buffer) {
                    Ok(0) => break false,
                    Ok(n) => {
                        if stream.write_all(&buffer[..n]).is_err() {
                            break false;
                        }
                    }
                    Err(e) if e.kind() == ErrorKind::WouldBlock => break true,
                    Err(_) => break false,
                }
            };
            if !open {
                streams.remove(&key);
            }
        }
    }
}
