//! `listdir`, `scandir` and `DirEntry`.
//!
//! A folder given as a descriptor is read by its name below `/proc/self/fd`, so that the descriptor's own position
//! stays where it is.

use super::path::{self, FsPath, Takes};
use super::stat;
use crate::heap_object;
use crate::vm::class::class_flag;
use crate::vm::native::{GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::{R, Raised, Value, Vm};
use std::ffi::OsString;
use std::fs::FileType;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirEntryExt;
use std::path::PathBuf;

heap_object! {
    /// The payload of `ScandirIterator`.
    pub struct Scan {
        /// What the script gave.
        object: Value,
        is_bytes: bool,
        by_fd: bool,
    }
    skip { entries: Option<std::fs::ReadDir>, base: PathBuf }
}

heap_object! {
    /// The payload of `DirEntry`.
    pub struct Entry {
        name: Value,
        path: Value,
        /// The results of `stat`, once asked for.
        status: Value,
        link_status: Value,
        inode: u64,
    }
    skip { full: PathBuf, kind: Option<FileType> }
}

/// The functions of this file.
pub const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("listdir(path=None)", "Return a list containing the names of the files in the directory.", listdir),
    NativeDef::new("scandir(path=None)", "Return an iterator of DirEntry objects for given path.", scandir),
];

const SCAN: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", scan_next),
    NativeDef::new("close(self, /)", "", scan_close),
    NativeDef::new("__enter__(self, /)", "", |_, a| Ok(a[0].clone())),
    NativeDef::new("__exit__(self, /, *args)", "", scan_close),
];

const ENTRY: &[NativeDef] = &[
    NativeDef::new(
        "stat(self, /, *, follow_symlinks=True)",
        "Return stat_result object for the entry; cached per entry.",
        |vm, a| {
            let e = vm.this::<Entry>(a, "stat")?.clone();
            let follow = follow_arg(vm, arg(a, 1))?;
            status(vm, &e, follow)
        },
    ),
    NativeDef::new(
        "is_dir(self, /, *, follow_symlinks=True)",
        "Return True if the entry is a directory; cached per entry.",
        |vm, a| is_kind(vm, a, "is_dir", FileType::is_dir, 0o040_000),
    ),
    NativeDef::new(
        "is_file(self, /, *, follow_symlinks=True)",
        "Return True if the entry is a file; cached per entry.",
        |vm, a| is_kind(vm, a, "is_file", FileType::is_file, 0o100_000),
    ),
    NativeDef::new("is_symlink(self, /)", "Return True if the entry is a symbolic link; cached per entry.", |vm, a| {
        let e = vm.this::<Entry>(a, "is_symlink")?;
        Ok(e.get(vm).kind.is_some_and(|k| k.is_symlink()).into())
    }),
    NativeDef::new("is_junction(self, /)", "Return True if the entry is a junction; cached per entry.", |_, _| {
        Ok(Value::FALSE)
    }),
    NativeDef::new("inode(self, /)", "Return inode of the entry; cached per entry.", |vm, a| {
        let n = vm.this::<Entry>(a, "inode")?.get(vm).inode;
        Ok(vm.int_from(n))
    }),
    NativeDef::new("__fspath__(self, /)", "Returns the path for the entry.", |vm, a| {
        Ok(vm.this::<Entry>(a, "__fspath__")?.get(vm).path.clone())
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let name = vm.this::<Entry>(a, "__repr__")?.get(vm).name.clone();
        let shown = vm.repr(&name)?;
        Ok(vm.new_str_parts(&[b"<DirEntry ", shown.get(vm).as_bytes(), b">"]).into())
    }),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| {
        vm.generic_alias(&a[0], arg_or_none(a, 1))
    }),
];

const ENTRY_GETSETS: &[GetSetDef] = &[
    GetSetDef::new("name", "the entry's base filename, relative to scandir() \"path\" argument", |vm, v| {
        Ok(vm.this::<Entry>(std::slice::from_ref(v), "name")?.get(vm).name.clone())
    }),
    GetSetDef::new("path", "the entry's full path name", |vm, v| {
        Ok(vm.this::<Entry>(std::slice::from_ref(v), "path")?.get(vm).path.clone())
    }),
];

/// Makes the classes; gives `DirEntry`.
///
/// # Errors
/// None in a sound build.
pub fn define(vm: &mut Vm) -> R {
    let flags = class_flag::NO_NEW;
    let class = vm.define_class::<Scan>("posix", "ScandirIterator", None, flags)?;
    vm.extend_class(&class, SCAN, &[]);
    let class = vm.define_class::<Entry>("posix", "DirEntry", None, flags)?;
    vm.extend_class(&class, ENTRY, ENTRY_GETSETS);
    Ok(class.into())
}

/// The folder to read.
fn folder(p: &FsPath) -> PathBuf {
    match p.fd {
        Some(fd) => PathBuf::from(format!("/proc/self/fd/{fd}")),
        None => p.path.clone(),
    }
}

fn open(vm: &mut Vm, p: &FsPath) -> R<std::fs::ReadDir> {
    let folder = folder(p);
    match vm.unlocked(|| std::fs::read_dir(&folder)) {
        Ok(d) => Ok(d),
        Err(e) if p.fd.is_some() && e.kind() == std::io::ErrorKind::NotFound => {
            Err(crate::modules::io::errors::os_failure(vm, nix::errno::Errno::EBADF, Some(&p.object)))
        }
        Err(e) => Err(vm.os_error(&e, Some(&p.object))),
    }
}

fn listdir(vm: &mut Vm, a: &[Value]) -> R {
    let takes = Takes { fd: true, none: true };
    let p = path::path_arg(vm, arg_or_none(a, 0), "listdir", "path", takes)?;
    crate::modules::sys::event(vm, "os.listdir", std::slice::from_ref(arg_or_none(a, 0)))?;
    let mut names = Vec::new();
    for entry in open(vm, &p)? {
        vm.tick(1)?;
        match entry {
            Ok(e) => names.push(path::fs_value(vm, &e.file_name(), p.is_bytes)?),
            Err(e) => return Err(vm.os_error(&e, Some(&p.object))),
        }
    }
    Ok(vm.list(names).into())
}

fn scandir(vm: &mut Vm, a: &[Value]) -> R {
    let takes = Takes { fd: true, none: true };
    let p = path::path_arg(vm, arg_or_none(a, 0), "scandir", "path", takes)?;
    crate::modules::sys::event(vm, "os.scandir", std::slice::from_ref(arg_or_none(a, 0)))?;
    let entries = open(vm, &p)?;
    let base = folder(&p);
    let (is_bytes, by_fd) = (p.is_bytes, p.fd.is_some());
    Ok(vm.alloc(Scan { object: p.object, is_bytes, by_fd, entries: Some(entries), base }).into())
}

fn scan_next(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Scan>(a, "__next__")?.clone();
    let next = s.get_mut(vm).entries.as_mut().and_then(Iterator::next);
    let entry = match next {
        Some(Ok(e)) => e,
        Some(Err(e)) => {
            let object = s.get(vm).object.clone();
            return Err(vm.os_error(&e, Some(&object)));
        }
        None => {
            s.get_mut(vm).entries = None;
            return Err(Raised::stop_iteration());
        }
    };
    let (is_bytes, by_fd, base) = {
        let this = s.get(vm);
        (this.is_bytes, this.by_fd, this.base.clone())
    };
    let file_name = entry.file_name();
    let full = base.join(&file_name);
    let name = path::fs_value(vm, &file_name, is_bytes)?;
    let shown = if by_fd {
        name.clone()
    } else {
        // Joined as text, so that "." and doubled slashes stay as the script wrote them.
        let mut text = if s.get(vm).object.is_none() { b".".to_vec() } else { base.as_os_str().as_bytes().to_vec() };
        if !text.is_empty() && !text.ends_with(b"/") {
            text.push(b'/');
        }
        text.extend_from_slice(file_name.as_bytes());
        path::fs_value(vm, &OsString::from_vec(text), is_bytes)?
    };
    let (kind, inode) = (entry.file_type().ok(), entry.ino());
    let entry = Entry { name, path: shown, status: Value::UNDEF, link_status: Value::UNDEF, inode, full, kind };
    Ok(vm.alloc(entry).into())
}

fn scan_close(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Scan>(a, "close")?.clone();
    let old = s.get_mut(vm).entries.take();
    drop(old);
    Ok(Value::NONE)
}

fn follow_arg(vm: &mut Vm, v: Option<&Value>) -> R<bool> {
    match v {
        Some(v) => vm.truth(v),
        None => Ok(true),
    }
}

/// The `stat_result`, asked of the system once.
fn status(vm: &mut Vm, e: &Ref<Entry>, follow: bool) -> R {
    let is_link = e.get(vm).kind.is_none_or(|k| k.is_symlink());
    // What is no link is the same both ways.
    let follow = follow && is_link;
    let known = if follow { e.get(vm).status.clone() } else { e.get(vm).link_status.clone() };
    if !known.is_undef() {
        return Ok(known);
    }
    let p = {
        let this = e.get(vm);
        FsPath { object: this.path.clone(), path: this.full.clone(), is_bytes: false, fd: None }
    };
    let s = stat::status(vm, &p, None, follow)?;
    let made = stat::result(vm, &s)?;
    let mut this = e.get_mut(vm);
    if follow {
        this.status = made.clone();
    } else {
        this.link_status = made.clone();
    }
    Ok(made)
}

fn is_kind(vm: &mut Vm, a: &[Value], method: &str, test: fn(&FileType) -> bool, bits: i64) -> R {
    let e = vm.this::<Entry>(a, method)?.clone();
    let follow = follow_arg(vm, arg(a, 1))?;
    match e.get(vm).kind {
        Some(k) if !k.is_symlink() || !follow => return Ok(test(&k).into()),
        _ => {}
    }
    let s = match status(vm, &e, follow) {
        Ok(s) => s,
        Err(x) if vm.raised_is(&x, &vm.exc.FileNotFoundError.clone()) => return Ok(Value::FALSE),
        Err(x) => return Err(x),
    };
    let mode = vm.get_item(&s, &Value::int32(0))?;
    let mode = vm.as_i64(&mode).unwrap_or(0);
    Ok((mode & 0o170_000 == bits).into())
}
