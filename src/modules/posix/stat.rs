//! File status: `stat_result`, `stat` and its kin, `statvfs`.

use super::path::{self, FsPath, Takes};
use crate::bigint::BigInt;
use crate::modules::io::errors::system;
use crate::modules::sys::structseq::{self, StructSeq, field};
use crate::vm::native::{NativeDef, arg};
use crate::vm::{R, Value, Vm};
use nix::fcntl::AtFlags;
use nix::libc::AT_FDCWD;
use nix::sys::stat::FileStat;

/// The functions of this file.
pub const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "stat(path, *, dir_fd=None, follow_symlinks=True)",
        "Perform a stat system call on the given path.",
        |vm, a| {
            let follow = match arg(a, 2) {
                Some(v) => vm.truth(v)?,
                None => true,
            };
            stat(vm, a, "stat", follow)
        },
    ),
    NativeDef::new(
        "lstat(path, *, dir_fd=None)",
        "Perform a stat system call on the given path, without following symbolic links.",
        |vm, a| stat(vm, a, "lstat", false),
    ),
    NativeDef::new("fstat(fd)", "Perform a stat system call on the given file descriptor.", |vm, a| {
        let fd = path::fd_arg(vm, &a[0])?;
        let s = system(vm, None, || nix::sys::stat::fstat(fd))?;
        result(vm, &s)
    }),
    NativeDef::new("statvfs(path)", "Perform a statvfs system call on the given path.", |vm, a| {
        let p = path::path_arg(vm, &a[0], "statvfs", "path", Takes { fd: true, ..Takes::default() })?;
        vfs(vm, &p)
    }),
    NativeDef::new("fstatvfs(fd, /)", "Perform an fstatvfs system call on the given fd.", |vm, a| {
        let fd = path::fd_arg(vm, &a[0])?;
        let p = FsPath { object: a[0].clone(), path: Default::default(), is_bytes: false, fd: Some(fd) };
        vfs(vm, &p)
    }),
];

/// `os.stat_result`.
pub static STAT_RESULT: StructSeq = StructSeq {
    module: "os",
    name: "stat_result",
    doc: "stat_result: Result from stat, fstat, or lstat.",
    visible: 10,
    unnamed: 3,
    fields: &[
        field::<0>("st_mode", "protection bits"),
        field::<1>("st_ino", "inode"),
        field::<2>("st_dev", "device"),
        field::<3>("st_nlink", "number of hard links"),
        field::<4>("st_uid", "user ID of owner"),
        field::<5>("st_gid", "group ID of owner"),
        field::<6>("st_size", "total size, in bytes"),
        field::<10>("st_atime", "time of last access"),
        field::<11>("st_mtime", "time of last modification"),
        field::<12>("st_ctime", "time of last change"),
        field::<13>("st_atime_ns", "time of last access in nanoseconds"),
        field::<14>("st_mtime_ns", "time of last modification in nanoseconds"),
        field::<15>("st_ctime_ns", "time of last change in nanoseconds"),
        field::<16>("st_blksize", "blocksize for filesystem I/O"),
        field::<17>("st_blocks", "number of blocks allocated"),
        field::<18>("st_rdev", "device type (if inode device)"),
    ],
    constructible: true,
};

/// `os.statvfs_result`.
pub static STATVFS_RESULT: StructSeq = StructSeq {
    module: "os",
    name: "statvfs_result",
    doc: "statvfs_result: Result from statvfs or fstatvfs.",
    visible: 10,
    unnamed: 0,
    fields: &[
        field::<0>("f_bsize", ""),
        field::<1>("f_frsize", ""),
        field::<2>("f_blocks", ""),
        field::<3>("f_bfree", ""),
        field::<4>("f_bavail", ""),
        field::<5>("f_files", ""),
        field::<6>("f_ffree", ""),
        field::<7>("f_favail", ""),
        field::<8>("f_flag", ""),
        field::<9>("f_namemax", ""),
        field::<10>("f_fsid", ""),
    ],
    constructible: true,
};

fn stat(vm: &mut Vm, a: &[Value], name: &str, follow: bool) -> R {
    let takes = Takes { fd: name == "stat", ..Takes::default() };
    let p = path::path_arg(vm, &a[0], name, "path", takes)?;
    let dir = dir_fd(vm, arg(a, 1))?;
    if p.fd.is_some() && dir.is_some() {
        return Err(vm.value_error(format!("{name}: can't specify dir_fd without matching path")));
    }
    if p.fd.is_some() && !follow {
        return Err(vm.value_error(format!("{name}: cannot use fd and follow_symlinks together")));
    }
    let s = status(vm, &p, dir, follow)?;
    result(vm, &s)
}

/// A `dir_fd` argument.
///
/// # Errors
/// TypeError.
pub fn dir_fd(vm: &mut Vm, v: Option<&Value>) -> R<Option<i32>> {
    let Some(v) = v.filter(|v| !v.is_none()) else { return Ok(None) };
    if !vm.is_int(v) && vm.special(v, crate::vm::special::Special::Index).is_none() {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("argument should be integer or None, not {got}")));
    }
    path::fd_arg(vm, v).map(Some)
}

/// The status of a file.
///
/// # Errors
/// OSError.
pub fn status(vm: &mut Vm, p: &FsPath, dir: Option<i32>, follow: bool) -> R<FileStat> {
    let flags = if follow { AtFlags::empty() } else { AtFlags::AT_SYMLINK_NOFOLLOW };
    let (fd, path) = (p.fd, p.path.as_path());
    system(vm, Some(&p.object), || match fd {
        Some(fd) => nix::sys::stat::fstat(fd),
        None => nix::sys::stat::fstatat(dir.unwrap_or(AT_FDCWD), path, flags),
    })
}

/// The `stat_result` for what the system gave.
///
/// # Errors
/// None in a sound build.
pub fn result(vm: &mut Vm, s: &FileStat) -> R {
    let class = structseq::define(vm, &STAT_RESULT)?;
    let times = [(s.st_atime, s.st_atime_nsec), (s.st_mtime, s.st_mtime_nsec), (s.st_ctime, s.st_ctime_nsec)];
    let mut values = vec![
        vm.int_from(s.st_mode),
        vm.int_from(s.st_ino),
        vm.int_from(s.st_dev),
        vm.int_from(s.st_nlink),
        vm.int_from(s.st_uid),
        vm.int_from(s.st_gid),
        vm.int_from(s.st_size),
    ];
    values.extend(times.iter().map(|(seconds, _)| vm.int(*seconds)));
    values.extend(times.iter().map(|(seconds, ns)| vm.float(*seconds as f64 + *ns as f64 * 1e-9)));
    values
        .extend(times.iter().map(|(seconds, ns)| vm.int_from(i128::from(*seconds) * 1_000_000_000 + i128::from(*ns))));
    values.push(vm.int_from(s.st_blksize));
    values.push(vm.int_from(s.st_blocks));
    values.push(vm.int_from(s.st_rdev));
    Ok(structseq::make(vm, &class, values))
}

fn vfs(vm: &mut Vm, p: &FsPath) -> R {
    let (fd, path) = (p.fd, p.path.as_path());
    let s = system(vm, Some(&p.object), || match fd {
        Some(fd) => nix::sys::statvfs::fstatvfs(&fd),
        None => nix::sys::statvfs::statvfs(path),
    })?;
    let class = structseq::define(vm, &STATVFS_RESULT)?;
    let numbers: [u64; 11] = [
        s.block_size(),
        s.fragment_size(),
        s.blocks(),
        s.blocks_free(),
        s.blocks_available(),
        s.files(),
        s.files_free(),
        s.files_available(),
        s.flags().bits(),
        s.name_max(),
        s.filesystem_id(),
    ];
    let values = numbers.iter().map(|n| vm.int_from(*n)).collect();
    Ok(structseq::make(vm, &class, values))
}

/// A user or group number: -1 means "leave it".
///
/// # Errors
/// TypeError; OverflowError.
pub fn id_arg(vm: &mut Vm, v: &Value, what: &str) -> R<Option<u32>> {
    if !vm.is_int(v) && vm.special(v, crate::vm::special::Special::Index).is_none() {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("{what} should be integer, not {got}")));
    }
    let n = vm.index(v)?;
    let big = vm.as_big_int(&n).unwrap_or(BigInt::ZERO);
    match big.to_i64() {
        Some(-1) => Ok(None),
        Some(n) => match u32::try_from(n) {
            Ok(n) => Ok(Some(n)),
            Err(_) if n < 0 => Err(vm.overflow_error(format!("{what} is less than minimum"))),
            Err(_) => Err(vm.overflow_error(format!("{what} is greater than maximum"))),
        },
        None if big.is_negative() => Err(vm.overflow_error(format!("{what} is less than minimum"))),
        None => Err(vm.overflow_error(format!("{what} is greater than maximum"))),
    }
}
