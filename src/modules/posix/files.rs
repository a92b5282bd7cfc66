//! Changing the file system: folders, links, names, modes, times.

use super::path::{self, FsPath, Takes};
use super::stat::{dir_fd, id_arg};
use crate::bigint::BigInt;
use crate::modules::io::errors::system;
use crate::objects::exceptions::os_error::error_text;
use crate::vm::exception::{Exception, Raised};
use crate::vm::native::{NativeDef, arg, arg_or_none};
use crate::vm::{R, Value, Vm};
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FchmodatFlags, Mode, UtimensatFlags};
use nix::sys::time::TimeSpec;
use nix::unistd::{AccessFlags, FchownatFlags, Gid, LinkatFlags, Uid, UnlinkatFlags};
use std::os::unix::ffi::OsStrExt;

/// The functions of this file.
pub const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("mkdir(path, mode=511, *, dir_fd=None)", "Create a directory.", |vm, a| {
        let p = plain(vm, &a[0], "mkdir")?;
        let (mode, dir) = (mode_arg(vm, arg(a, 1), 0o777)?, dir_fd(vm, arg(a, 2))?);
        system(vm, Some(&p.object), || match dir {
            Some(fd) => nix::sys::stat::mkdirat(fd, p.path.as_path(), mode),
            None => nix::unistd::mkdir(p.path.as_path(), mode),
        })
        .map(none)
    }),
    NativeDef::new("rmdir(path, *, dir_fd=None)", "Remove a directory.", |vm, a| {
        unlink(vm, a, "rmdir", UnlinkatFlags::RemoveDir)
    }),
    NativeDef::new("unlink(path, *, dir_fd=None)", "Remove a file (same as remove()).", |vm, a| {
        unlink(vm, a, "unlink", UnlinkatFlags::NoRemoveDir)
    }),
    NativeDef::new("remove(path, *, dir_fd=None)", "Remove a file (same as unlink()).", |vm, a| {
        unlink(vm, a, "remove", UnlinkatFlags::NoRemoveDir)
    }),
    NativeDef::new("rename(src, dst, *, src_dir_fd=None, dst_dir_fd=None)", "Rename a file or directory.", |vm, a| {
        rename(vm, a, "rename")
    }),
    NativeDef::new(
        "replace(src, dst, *, src_dir_fd=None, dst_dir_fd=None)",
        "Rename a file or directory, overwriting the destination.",
        |vm, a| rename(vm, a, "replace"),
    ),
    NativeDef::new(
        "link(src, dst, *, src_dir_fd=None, dst_dir_fd=None, follow_symlinks=True)",
        "Create a hard link to a file.",
        link,
    ),
    NativeDef::new(
        "symlink(src, dst, target_is_directory=False, *, dir_fd=None)",
        "Create a symbolic link pointing to src named dst.",
        |vm, a| {
            let (src, dst) = (named(vm, &a[0], "symlink", "src")?, named(vm, &a[1], "symlink", "dst")?);
            let dir = dir_fd(vm, arg(a, 3))?;
            let done = vm.unlocked({
                let (from, to) = (src.as_path(), dst.as_path());
                move || nix::unistd::symlinkat(from, dir, to)
            });
            done.map(none).map_err(|e| two_names(vm, e, &src, &dst))
        },
    ),
    NativeDef::new("readlink(path, *, dir_fd=None)", "Return the path to which the symbolic link points.", |vm, a| {
        let p = plain(vm, &a[0], "readlink")?;
        let dir = dir_fd(vm, arg(a, 1))?;
        let target = system(vm, Some(&p.object), || match dir {
            Some(fd) => nix::fcntl::readlinkat(fd, p.path.as_path()),
            None => nix::fcntl::readlink(p.path.as_path()),
        })?;
        path::fs_value(vm, &target, p.is_bytes)
    }),
    NativeDef::new(
        "chmod(path, mode, *, dir_fd=None, follow_symlinks=True)",
        "Change the access permissions of a file.",
        chmod,
    ),
    NativeDef::new(
        "fchmod(fd, mode)",
        "Change the access permissions of the file given by file descriptor fd.",
        |vm, a| {
            let (fd, mode) = (path::fd_arg(vm, &a[0])?, mode_arg(vm, arg(a, 1), 0)?);
            system(vm, None, || nix::sys::stat::fchmod(fd, mode)).map(none)
        },
    ),
    NativeDef::new(
        "chown(path, uid, gid, *, dir_fd=None, follow_symlinks=True)",
        "Change the owner and group id of path to the numeric uid and gid.",
        chown,
    ),
    NativeDef::new("lchown(path, uid, gid)", "Change the owner and group id of path, not following links.", |vm, a| {
        chown(vm, &[a[0].clone(), a[1].clone(), a[2].clone(), Value::NONE, Value::FALSE])
    }),
    NativeDef::new("fchown(fd, uid, gid)", "Change the owner and group id of the file specified by fd.", |vm, a| {
        let fd = path::fd_arg(vm, &a[0])?;
        let (uid, gid) = (id_arg(vm, &a[1], "uid")?, id_arg(vm, &a[2], "gid")?);
        system(vm, None, || nix::unistd::fchown(fd, uid.map(Uid::from_raw), gid.map(Gid::from_raw))).map(none)
    }),
    NativeDef::new(
        "utime(path, times=None, *, ns=None, dir_fd=None, follow_symlinks=True)",
        "Set the access and modified time of path.",
        utime,
    ),
    NativeDef::new(
        "access(path, mode, *, dir_fd=None, effective_ids=False, follow_symlinks=True)",
        "Use the real uid/gid to test for access to a path.",
        access,
    ),
    NativeDef::new("getcwd()", "Return a unicode string representing the current working directory.", |vm, _| {
        let cwd = current(vm)?;
        path::fs_str(vm, cwd.as_os_str().as_bytes())
    }),
    NativeDef::new("getcwdb()", "Return a bytes string representing the current working directory.", |vm, _| {
        let cwd = current(vm)?;
        Ok(vm.new_bytes(cwd.as_os_str().as_bytes()).into())
    }),
    NativeDef::new("chdir(path)", "Change the current working directory to the specified path.", |vm, a| {
        let p = path::path_arg(vm, &a[0], "chdir", "path", Takes { fd: true, ..Takes::default() })?;
        let fd = p.fd;
        system(vm, Some(&p.object), || match fd {
            Some(fd) => nix::unistd::fchdir(fd),
            None => nix::unistd::chdir(p.path.as_path()),
        })
        .map(none)
    }),
    NativeDef::new("fchdir(fd)", "Change to the directory of the given file descriptor.", |vm, a| {
        let fd = path::fd_arg(vm, &a[0])?;
        system(vm, None, || nix::unistd::fchdir(fd)).map(none)
    }),
    NativeDef::new("truncate(path, length)", "Truncate a file, specified by path, to a specific length.", |vm, a| {
        let p = path::path_arg(vm, &a[0], "truncate", "path", Takes { fd: true, ..Takes::default() })?;
        let length = vm.index_i64(&a[1])?;
        let fd = p.fd;
        system(vm, Some(&p.object), || match fd {
            Some(fd) => nix::unistd::ftruncate(fd, length),
            None => nix::unistd::truncate(p.path.as_path(), length),
        })
        .map(none)
    }),
    NativeDef::new("mkfifo(path, mode=438, *, dir_fd=None)", "Create a \"fifo\" (a POSIX named pipe).", |vm, a| {
        let p = plain(vm, &a[0], "mkfifo")?;
        let (mode, dir) = (mode_arg(vm, arg(a, 1), 0o666)?, dir_fd(vm, arg(a, 2))?);
        system(vm, Some(&p.object), || match dir {
            Some(_) => nix::unistd::mkfifoat(dir, p.path.as_path(), mode),
            None => nix::unistd::mkfifo(p.path.as_path(), mode),
        })
        .map(none)
    }),
    NativeDef::new("fspath(path)", "Return the file system path representation of the object.", |vm, a| {
        path::fspath(vm, &a[0])
    }),
    NativeDef::new("umask(mask, /)", "Set the current numeric umask and return the previous umask.", |vm, a| {
        let mask = mode_arg(vm, arg(a, 0), 0)?;
        let old = nix::sys::stat::umask(mask);
        Ok(vm.int_from(old.bits()))
    }),
    NativeDef::new("sync()", "Force write of everything to disk.", |vm, _| {
        vm.unlocked(nix::unistd::sync);
        Ok(Value::NONE)
    }),
];

fn none(_: ()) -> Value {
    Value::NONE
}

fn plain(vm: &mut Vm, v: &Value, function: &str) -> R<FsPath> {
    path::path_arg(vm, v, function, "path", Takes::default())
}

fn named(vm: &mut Vm, v: &Value, function: &str, argument: &str) -> R<FsPath> {
    path::path_arg(vm, v, function, argument, Takes::default())
}

/// A mode argument.
///
/// # Errors
/// TypeError; OverflowError.
pub fn mode_arg(vm: &mut Vm, v: Option<&Value>, default: u32) -> R<Mode> {
    let bits = match v {
        Some(v) => vm.index_i64(v)? as u32,
        None => default,
    };
    Ok(Mode::from_bits_truncate(bits as _))
}

/// An `OSError` about two files.
#[cold]
fn two_names(vm: &mut Vm, e: Errno, first: &FsPath, second: &FsPath) -> Raised {
    let io = std::io::Error::from(e);
    let raised = vm.os_error_number(e as i64, &error_text(&io), Some(&first.object));
    let value = vm.exception_value(raised);
    if let Some(x) = value.cast::<Exception>() {
        x.get_mut(vm).extra.push(second.object.clone());
    }
    vm.raise(value)
}

fn unlink(vm: &mut Vm, a: &[Value], function: &str, flag: UnlinkatFlags) -> R {
    let p = plain(vm, &a[0], function)?;
    let dir = dir_fd(vm, arg(a, 1))?;
    system(vm, Some(&p.object), || nix::unistd::unlinkat(dir, p.path.as_path(), flag)).map(none)
}

fn rename(vm: &mut Vm, a: &[Value], function: &str) -> R {
    let (src, dst) = (named(vm, &a[0], function, "src")?, named(vm, &a[1], function, "dst")?);
    let (from_dir, to_dir) = (dir_fd(vm, arg(a, 2))?, dir_fd(vm, arg(a, 3))?);
    let done = vm.unlocked({
        let (from, to) = (src.as_path(), dst.as_path());
        move || nix::fcntl::renameat(from_dir, from, to_dir, to)
    });
    done.map(none).map_err(|e| two_names(vm, e, &src, &dst))
}

fn flag_arg(vm: &mut Vm, v: Option<&Value>, default: bool) -> R<bool> {
    match v {
        Some(v) => vm.truth(v),
        None => Ok(default),
    }
}

fn link(vm: &mut Vm, a: &[Value]) -> R {
    let (src, dst) = (named(vm, &a[0], "link", "src")?, named(vm, &a[1], "link", "dst")?);
    let (from_dir, to_dir) = (dir_fd(vm, arg(a, 2))?, dir_fd(vm, arg(a, 3))?);
    let follow = flag_arg(vm, arg(a, 4), true)?;
    let flag = if follow { LinkatFlags::SymlinkFollow } else { LinkatFlags::NoSymlinkFollow };
    let done = vm.unlocked({
        let (from, to) = (src.as_path(), dst.as_path());
        move || nix::unistd::linkat(from_dir, from, to_dir, to, flag)
    });
    done.map(none).map_err(|e| two_names(vm, e, &src, &dst))
}

fn chmod(vm: &mut Vm, a: &[Value]) -> R {
    let p = path::path_arg(vm, &a[0], "chmod", "path", Takes { fd: true, ..Takes::default() })?;
    let (mode, dir) = (mode_arg(vm, arg(a, 1), 0)?, dir_fd(vm, arg(a, 2))?);
    if !flag_arg(vm, arg(a, 3), true)? {
        return Err(vm.not_implemented_error("chmod: follow_symlinks unavailable on this platform"));
    }
    let fd = p.fd;
    system(vm, Some(&p.object), || match fd {
        Some(fd) => nix::sys::stat::fchmod(fd, mode),
        None => nix::sys::stat::fchmodat(dir, p.path.as_path(), mode, FchmodatFlags::FollowSymlink),
    })
    .map(none)
}

fn chown(vm: &mut Vm, a: &[Value]) -> R {
    let p = path::path_arg(vm, &a[0], "chown", "path", Takes { fd: true, ..Takes::default() })?;
    let (uid, gid) = (id_arg(vm, &a[1], "uid")?, id_arg(vm, &a[2], "gid")?);
    let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
    let dir = dir_fd(vm, arg(a, 3))?;
    let follow = flag_arg(vm, arg(a, 4), true)?;
    let flag = if follow { FchownatFlags::FollowSymlink } else { FchownatFlags::NoFollowSymlink };
    let fd = p.fd;
    if fd.is_some() && (dir.is_some() || !follow) {
        let what = if follow { "dir_fd without matching path" } else { "fd and follow_symlinks together" };
        let verb = if follow { "can't specify" } else { "cannot use" };
        return Err(vm.value_error(format!("chown: {verb} {what}")));
    }
    system(vm, Some(&p.object), || match fd {
        Some(fd) => nix::unistd::fchown(fd, uid, gid),
        None => nix::unistd::fchownat(dir, p.path.as_path(), uid, gid, flag),
    })
    .map(none)
}

fn access(vm: &mut Vm, a: &[Value]) -> R {
    let p = plain(vm, &a[0], "access")?;
    let mode = vm.index_i64(&a[1])?;
    let dir = dir_fd(vm, arg(a, 2))?;
    let effective = flag_arg(vm, arg(a, 3), false)?;
    let follow = flag_arg(vm, arg(a, 4), true)?;
    if effective && (dir.is_some() || !follow) {
        return Err(vm.not_implemented_error("access: effective_ids works without dir_fd and follow_symlinks only"));
    }
    let flags = if follow { AtFlags::empty() } else { AtFlags::AT_SYMLINK_NOFOLLOW };
    let mode = AccessFlags::from_bits_truncate(mode as i32);
    let allowed = vm.unlocked(|| match effective {
        true => nix::unistd::eaccess(p.path.as_path(), mode).is_ok(),
        false => nix::unistd::faccessat(dir, p.path.as_path(), mode, flags).is_ok(),
    });
    Ok(allowed.into())
}

fn current(vm: &mut Vm) -> R<std::path::PathBuf> {
    system(vm, None, nix::unistd::getcwd)
}

// ---- times ----

/// The special nanoseconds of a time that is "now".
const NOW: i64 = nix::libc::UTIME_NOW;

fn utime(vm: &mut Vm, a: &[Value]) -> R {
    let p = path::path_arg(vm, &a[0], "utime", "path", Takes { fd: true, ..Takes::default() })?;
    let times = arg_or_none(a, 1);
    let ns = arg(a, 2);
    let dir = dir_fd(vm, arg(a, 3))?;
    let follow = flag_arg(vm, arg(a, 4), true)?;
    if !times.is_none() && ns.is_some() {
        return Err(vm.value_error("utime: you may specify either 'times' or 'ns' but not both"));
    }
    let now = TimeSpec::new(0, NOW);
    let (atime, mtime) = if let Some(ns) = ns {
        match vm.tuple_clone(ns).as_deref() {
            Some([x, y]) => (nanoseconds(vm, x)?, nanoseconds(vm, y)?),
            _ => return Err(vm.type_error("utime: 'ns' must be a tuple of two ints")),
        }
    } else if times.is_none() {
        (now, now)
    } else {
        match vm.tuple_clone(times).as_deref() {
            Some([x, y]) => (seconds(vm, x)?, seconds(vm, y)?),
            _ => return Err(vm.type_error("utime: 'times' must be either a tuple of two ints or None")),
        }
    };
    if p.fd.is_some() && dir.is_some() {
        return Err(vm.value_error("utime: can't specify dir_fd without matching path"));
    }
    if p.fd.is_some() && !follow {
        return Err(vm.value_error("utime: cannot use fd and follow_symlinks together"));
    }
    let flag = if follow { UtimensatFlags::FollowSymlink } else { UtimensatFlags::NoFollowSymlink };
    let fd = p.fd;
    system(vm, Some(&p.object), || match fd {
        Some(fd) => nix::sys::stat::futimens(fd, &atime, &mtime),
        None => nix::sys::stat::utimensat(dir, p.path.as_path(), &atime, &mtime, flag),
    })
    .map(none)
}

fn seconds(vm: &mut Vm, v: &Value) -> R<TimeSpec> {
    if let Some(f) = vm.as_float(v) {
        let whole = f.floor();
        if !whole.is_finite() || whole.abs() >= 9.2e18 {
            return Err(vm.overflow_error("timestamp out of range for platform time_t"));
        }
        let ns = ((f - whole) * 1e9).floor().clamp(0.0, 999_999_999.0);
        return Ok(TimeSpec::new(whole as i64, ns as i64));
    }
    let n = vm.index(v)?;
    match vm.as_i64(&n) {
        Some(s) => Ok(TimeSpec::new(s, 0)),
        None => Err(vm.overflow_error("timestamp out of range for platform time_t")),
    }
}

fn nanoseconds(vm: &mut Vm, v: &Value) -> R<TimeSpec> {
    let n = vm.index(v)?;
    let big = vm.as_big_int(&n).unwrap_or(BigInt::ZERO);
    let parts = big.divmod(&BigInt::from_i64(1_000_000_000));
    match parts.and_then(|(s, ns)| Some((s.to_i64()?, ns.to_i64()?))) {
        Some((s, ns)) => Ok(TimeSpec::new(s, ns)),
        None => Err(vm.overflow_error("timestamp out of range for platform time_t")),
    }
}
