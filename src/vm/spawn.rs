//! Starting programs: the few things that the standard library's `Command` has no safe name for.

use nix::libc;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// How a program is started.
#[derive(Default, Clone)]
pub struct Spawn {
    /// The descriptors that become 0, 1 and 2; -1: those of this process.
    pub streams: [i32; 3],
    /// Other descriptors that the program gets, under their numbers.
    pub pass: Vec<i32>,
    /// It gets no others, whatever their flags say.
    pub close: bool,
    /// The program leads a new session.
    pub session: bool,
    /// Its process group; negative: this process's.
    pub group: i32,
    /// Its file mode mask; negative: this process's.
    pub mask: i32,
    /// Its user and group; negative: this process's.
    pub ids: [i64; 2],
}

/// A duplicate of a descriptor, for the program.
fn duplicate(fd: i32) -> io::Result<Stdio> {
    // SAFETY: takes numbers only.
    let twin = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if twin < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made, and nobody else knows it.
    Ok(Stdio::from(unsafe { OwnedFd::from_raw_fd(twin) }))
}

/// The descriptors from 3 on that programs inherit. All that this process opens are closed on execution, so these come
/// from who started it, or a script has made them so.
fn inheritable() -> Vec<i32> {
    let Ok(all) = std::fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let numbers = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    // SAFETY: takes numbers only.
    numbers.filter(|&fd| fd > 2 && unsafe { libc::fcntl(fd, libc::F_GETFD) } == 0).collect()
}

/// Starts a program; gives the process's number. Its end is to be waited for by that number.
///
/// # Errors
/// The system's, those of executing the program included.
pub fn spawn(command: &mut Command, how: &Spawn) -> io::Result<u32> {
    let stream = |fd: i32| if fd < 0 { Ok(Stdio::inherit()) } else { duplicate(fd) };
    command.stdin(stream(how.streams[0])?);
    command.stdout(stream(how.streams[1])?);
    command.stderr(stream(how.streams[2])?);
    if how.group >= 0 {
        command.process_group(how.group);
    }
    if let Ok(id) = u32::try_from(how.ids[1]) {
        command.gid(id);
    }
    if let Ok(id) = u32::try_from(how.ids[0]) {
        command.uid(id);
    }
    let mut stray = if how.close { inheritable() } else { Vec::new() };
    stray.retain(|fd| !how.pass.contains(fd));
    if how.session || how.mask >= 0 || !how.pass.is_empty() || !stray.is_empty() {
        let how = how.clone();
        let prepare = move || {
            if how.session {
                // SAFETY: takes nothing.
                check(unsafe { libc::setsid() })?;
            }
            if how.mask >= 0 {
                // SAFETY: takes a number only.
                unsafe { libc::umask(how.mask as libc::mode_t) };
            }
            for &fd in &stray {
                // SAFETY: takes numbers only. One that is closed meanwhile is no loss.
                unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
            }
            for &fd in &how.pass {
                // SAFETY: takes numbers only.
                check(unsafe { libc::fcntl(fd, libc::F_SETFD, 0) })?;
            }
            Ok(())
        };
        // SAFETY: the closure makes system calls that are allowed between `fork` and `exec`, and neither allocates
        // nor takes locks: its lists were made before.
        unsafe { command.pre_exec(prepare) };
    }
    command.spawn().map(|child| child.id())
}

fn check(n: i32) -> io::Result<()> {
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
