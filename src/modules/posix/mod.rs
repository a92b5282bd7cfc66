//! `posix`: the operating system, for `os`, which is written in apy.
//!
//! `path` reads path arguments, `stat` and `scandir` look at files, `files` changes them, `fds` works with
//! descriptors, `process` with processes and the machine, `environment` keeps the variables. Here is making the
//! module, with its constants.

pub mod environment;
mod fds;
mod files;
pub mod path;
mod process;
mod scandir;
pub mod spawn;
pub mod stat;

use crate::modules::sys::structseq;
use crate::vm::{R, Value, Vm};
use nix::libc;

/// Which functions take descriptors, folders' descriptors, and "do not follow links".
const HAVE: &[&str] = &[
    "HAVE_FACCESSAT",
    "HAVE_FCHDIR",
    "HAVE_FCHMOD",
    "HAVE_FCHMODAT",
    "HAVE_FCHOWN",
    "HAVE_FCHOWNAT",
    #[cfg(target_os = "linux")]
    "HAVE_FDOPENDIR",
    "HAVE_FSTATAT",
    "HAVE_FSTATVFS",
    "HAVE_FTRUNCATE",
    "HAVE_FUTIMENS",
    "HAVE_LCHOWN",
    "HAVE_LINKAT",
    "HAVE_LSTAT",
    "HAVE_MKDIRAT",
    "HAVE_MKFIFOAT",
    "HAVE_OPENAT",
    "HAVE_READLINKAT",
    "HAVE_RENAMEAT",
    "HAVE_SYMLINKAT",
    "HAVE_UNLINKAT",
    "HAVE_UTIMENSAT",
];

const CONSTANTS: &[(&str, i64)] = &[
    ("F_OK", 0),
    ("R_OK", 4),
    ("W_OK", 2),
    ("X_OK", 1),
    ("F_LOCK", 1),
    ("F_TEST", 3),
    ("F_TLOCK", 2),
    ("F_ULOCK", 0),
    ("O_RDONLY", libc::O_RDONLY as i64),
    ("O_WRONLY", libc::O_WRONLY as i64),
    ("O_RDWR", libc::O_RDWR as i64),
    ("O_ACCMODE", libc::O_ACCMODE as i64),
    ("O_NDELAY", libc::O_NDELAY as i64),
    ("O_NONBLOCK", libc::O_NONBLOCK as i64),
    ("O_APPEND", libc::O_APPEND as i64),
    ("O_DSYNC", libc::O_DSYNC as i64),
    ("O_SYNC", libc::O_SYNC as i64),
    ("O_NOCTTY", libc::O_NOCTTY as i64),
    ("O_CREAT", libc::O_CREAT as i64),
    ("O_EXCL", libc::O_EXCL as i64),
    ("O_TRUNC", libc::O_TRUNC as i64),
    ("O_ASYNC", libc::O_ASYNC as i64),
    ("O_CLOEXEC", libc::O_CLOEXEC as i64),
    ("O_DIRECTORY", libc::O_DIRECTORY as i64),
    ("O_NOFOLLOW", libc::O_NOFOLLOW as i64),
    #[cfg(target_os = "linux")]
    ("O_RSYNC", libc::O_RSYNC as i64),
    #[cfg(target_os = "linux")]
    ("O_DIRECT", libc::O_DIRECT as i64),
    #[cfg(target_os = "linux")]
    ("O_LARGEFILE", 0),
    #[cfg(target_os = "linux")]
    ("O_NOATIME", libc::O_NOATIME as i64),
    #[cfg(target_os = "linux")]
    ("O_PATH", libc::O_PATH as i64),
    #[cfg(target_os = "linux")]
    ("O_TMPFILE", libc::O_TMPFILE as i64),
    #[cfg(target_os = "linux")]
    ("SEEK_DATA", libc::SEEK_DATA as i64),
    #[cfg(target_os = "linux")]
    ("SEEK_HOLE", libc::SEEK_HOLE as i64),
    ("WNOHANG", libc::WNOHANG as i64),
    ("WUNTRACED", libc::WUNTRACED as i64),
    ("WCONTINUED", libc::WCONTINUED as i64),
    ("WEXITED", libc::WEXITED as i64),
    ("WSTOPPED", libc::WSTOPPED as i64),
    ("WNOWAIT", libc::WNOWAIT as i64),
    ("P_ALL", 0),
    ("P_PID", 1),
    ("P_PGID", 2),
    ("EX_OK", 0),
    ("EX_USAGE", 64),
    ("EX_DATAERR", 65),
    ("EX_NOINPUT", 66),
    ("EX_NOUSER", 67),
    ("EX_NOHOST", 68),
    ("EX_UNAVAILABLE", 69),
    ("EX_SOFTWARE", 70),
    ("EX_OSERR", 71),
    ("EX_OSFILE", 72),
    ("EX_CANTCREAT", 73),
    ("EX_IOERR", 74),
    ("EX_TEMPFAIL", 75),
    ("EX_PROTOCOL", 76),
    ("EX_NOPERM", 77),
    ("EX_CONFIG", 78),
    ("PRIO_PROCESS", 0),
    ("PRIO_PGRP", 1),
    ("PRIO_USER", 2),
    ("GRND_NONBLOCK", 1),
    ("GRND_RANDOM", 2),
    ("ST_RDONLY", 1),
    ("ST_NOSUID", 2),
    ("NGROUPS_MAX", 65536),
    ("TMP_MAX", 238_328),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let m = vm.new_module("posix", files::FUNCTIONS);
    for table in [stat::FUNCTIONS, scandir::FUNCTIONS, fds::FUNCTIONS, environment::FUNCTIONS, process::FUNCTIONS] {
        for def in table {
            let f = vm.native_function("posix", def);
            vm.module_set(&m, def.name(), f);
        }
    }
    for (name, value) in CONSTANTS {
        let value = vm.int(*value);
        vm.module_set(&m, name, value);
    }
    let entry = scandir::define(vm)?;
    vm.module_set(&m, "DirEntry", entry);
    let tuples = [
        &stat::STAT_RESULT,
        &stat::STATVFS_RESULT,
        &fds::TERMINAL_SIZE,
        &process::UNAME_RESULT,
        &process::TIMES_RESULT,
    ];
    for this in tuples {
        let class = structseq::define(vm, this)?.into_value();
        vm.module_set(&m, this.name, class);
    }
    let error = vm.exc.OSError.value().clone();
    vm.module_set(&m, "error", error);
    let environ = environment::dict(vm)?;
    vm.module_set(&m, "environ", environ);
    let names = vm.new_dict();
    for (name, var) in process::SYSCONF {
        let (name, number) = (vm.intern(name), vm.int(*var as i64));
        names.set_str(vm, &name, number);
    }
    vm.module_set(&m, "sysconf_names", names.into());
    let have = HAVE.iter().map(|h| vm.intern(h).into_value()).collect();
    let have = vm.list(have).into_value();
    vm.module_set(&m, "_have_functions", have);
    Ok(m.into())
}
