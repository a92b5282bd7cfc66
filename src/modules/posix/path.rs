//! Paths as scripts give them: text, bytes, path-like objects, descriptors.
//!
//! Text becomes bytes by UTF-8 with lone surrogates for what is no UTF-8, and back.

use crate::objects::str::codec;
use crate::text::codecs::Encoding;
use crate::vm::class::Class;
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// A path that a script gave.
#[derive(Clone)]
pub struct FsPath {
    /// What the script gave: errors carry it.
    pub object: Value,
    /// The path itself; empty for a descriptor.
    pub path: PathBuf,
    /// It was given as bytes, so results are bytes.
    pub is_bytes: bool,
    /// It was given as a descriptor.
    pub fd: Option<i32>,
}

impl FsPath {
    /// The path.
    pub fn as_path(&self) -> &Path {
        &self.path
    }
}

/// Which kinds of path a function takes.
#[derive(Clone, Copy, Default)]
pub struct Takes {
    /// Descriptors.
    pub fd: bool,
    /// `None`, for the current folder.
    pub none: bool,
}

/// `os.fspath`.
///
/// # Errors
/// TypeError for what is no path.
pub fn fspath(vm: &mut Vm, v: &Value) -> R {
    if v.is_a::<Str>() || v.is_a::<Bytes>() {
        return Ok(v.clone());
    }
    let class: Ref<Class> = vm.class_of(v).clone();
    let Some(f) = vm.class_special(&class, Special::FsPath).filter(|f| !f.is_none()) else {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("expected str, bytes or os.PathLike object, not {got}")));
    };
    let path = vm.call_special(&f, v, &[])?;
    if path.is_a::<Str>() || path.is_a::<Bytes>() {
        return Ok(path);
    }
    let (class, got) = (vm.class_name(v), vm.class_name(&path));
    Err(vm.type_error(format!("expected {class}.__fspath__() to return str or bytes, not {got}")))
}

/// A path argument. `function` and `argument` are for messages.
///
/// # Errors
/// TypeError for what is no path; ValueError for one with a null character.
pub fn path_arg(vm: &mut Vm, v: &Value, function: &str, argument: &str, takes: Takes) -> R<FsPath> {
    if v.is_none() && takes.none {
        return Ok(FsPath { object: Value::NONE, path: PathBuf::from("."), is_bytes: false, fd: None });
    }
    let has_fspath = vm.special(v, Special::FsPath).is_some_and(|f| !f.is_none());
    if takes.fd && !has_fspath && (vm.is_int(v) || vm.special(v, Special::Index).is_some()) {
        if v.as_bool().is_some() {
            let category = vm.exc.RuntimeWarning.clone();
            vm.warn(&category, "bool is used as a file descriptor", 1)?;
        }
        let fd = fd_arg(vm, v)?;
        return Ok(FsPath { object: v.clone(), path: PathBuf::new(), is_bytes: false, fd: Some(fd) });
    }
    if !v.is_a::<Str>() && !v.is_a::<Bytes>() && !has_fspath {
        let kinds = match (takes.fd, takes.none) {
            (true, true) => "string, bytes, os.PathLike, integer or None",
            (true, false) => "string, bytes, os.PathLike or integer",
            (false, true) => "string, bytes, os.PathLike or None",
            (false, false) => "string, bytes or os.PathLike",
        };
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("{function}: {argument} should be {kinds}, not {got}")));
    }
    let path = fspath(vm, v)?;
    let (bytes, is_bytes) = fs_bytes(vm, &path)?;
    if bytes.contains(&0) {
        let kind = if is_bytes { "byte" } else { "character" };
        return Err(vm.value_error(format!("{function}: embedded null {kind} in {argument}")));
    }
    Ok(FsPath { object: path, path: PathBuf::from(OsString::from_vec(bytes)), is_bytes, fd: None })
}

/// A descriptor argument.
///
/// # Errors
/// TypeError; OverflowError.
pub fn fd_arg(vm: &mut Vm, v: &Value) -> R<i32> {
    if !vm.is_int(v) && vm.special(v, Special::Index).is_none() {
        let name = vm.intern("fileno");
        let Some(f) = vm.get_attr_opt(v, &name)? else {
            let got = vm.class_name(v);
            return Err(vm.type_error(format!("'{got}' object cannot be interpreted as an integer")));
        };
        let n = vm.call(&f, &[])?;
        if !vm.is_int(&n) {
            return Err(vm.type_error("fileno() returned a non-integer"));
        }
        return fd_arg(vm, &n);
    }
    let n = vm.index(v)?;
    match vm.as_i64(&n).map(i32::try_from) {
        Some(Ok(n)) => Ok(n),
        _ => {
            let negative = vm.as_big_int(&n).is_some_and(|b| b.is_negative());
            let bound = if negative { "less than minimum" } else { "greater than maximum" };
            Err(vm.overflow_error(format!("fd is {bound}")))
        }
    }
}

/// The bytes of a path that is `str` or `bytes`, and whether it is bytes.
///
/// # Errors
/// UnicodeEncodeError for surrogates that stand for no byte.
pub fn fs_bytes(vm: &mut Vm, v: &Value) -> R<(Vec<u8>, bool)> {
    if let Some(b) = v.cast::<Bytes>() {
        return Ok((b.get(vm).as_bytes().to_vec(), true));
    }
    let Some(s) = v.cast::<Str>() else { return Ok((Vec::new(), false)) };
    if s.get(vm).to_str().is_some() {
        return Ok((s.get(vm).as_bytes().to_vec(), false));
    }
    let made = codec::encode_native(vm, s, Encoding::Utf8, "surrogateescape")?;
    Ok((made.cast::<Bytes>().map(|b| b.get(vm).as_bytes().to_vec()).unwrap_or_default(), false))
}

/// A name of the system as `str`.
///
/// # Errors
/// MemoryError.
pub fn fs_str(vm: &mut Vm, name: &[u8]) -> R {
    if std::str::from_utf8(name).is_ok() {
        return Ok(vm.new_str_bytes(name).into());
    }
    let bytes = vm.new_bytes(name).into_value();
    Ok(codec::decode_native(vm, &bytes, Encoding::Utf8, "surrogateescape", true)?.0)
}

/// A name of the system in the kind that the script uses.
///
/// # Errors
/// MemoryError.
pub fn fs_value(vm: &mut Vm, name: &OsStr, as_bytes: bool) -> R {
    if as_bytes { Ok(vm.new_bytes(name.as_bytes()).into()) } else { fs_str(vm, name.as_bytes()) }
}
