//! `FileIO`: a descriptor as a raw stream.
//!
//! Invariant: a descriptor that the object owns is closed exactly once: by `close`, or when the object dies.

use super::base;
use super::buffer::{self, Target};
use super::errors::{os_failure, system, system_or_wait, unsupported};
use crate::embed::Streams;
use crate::heap_object;
use crate::modules::posix::path::{self, Takes};
use crate::vm::native::{Args, GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, SFlag};
use nix::unistd::Whence;

/// A descriptor, and whether it is ours to close.
pub struct Handle {
    fd: i32,
    owned: bool,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.fd >= 0 && self.owned {
            // Nobody is left to hear of a failure.
            let _ = nix::unistd::close(self.fd);
        }
    }
}

heap_object! {
    /// The payload of `FileIO`.
    pub struct FileIo {
        /// `name`; `UNDEF` when deleted.
        name: Value,
        created: bool,
        readable: bool,
        writable: bool,
        appending: bool,
        /// Known once asked for.
        seekable: Option<bool>,
        block_size: usize,
    }
    skip { handle: Handle }
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", new),
    NativeDef::new("__init__(self, file, mode='r', closefd=True, opener=None)", "Open a file.", init),
    NativeDef::new("read(self, size=-1, /)", "Read at most size bytes, returned as bytes.", read),
    NativeDef::new("readall(self, /)", "Read all data from the file, returned as bytes.", |vm, a| {
        let f = readable(vm, a)?;
        Ok(match read_all(vm, &f)? {
            Some(all) => vm.new_bytes(&all).into(),
            None => Value::NONE,
        })
    }),
    NativeDef::new("readinto(self, buffer, /)", "Same as RawIOBase.readinto().", |vm, a| {
        let f = readable(vm, a)?;
        let target = Target::of(vm, arg_or_none(a, 1), "readinto")?;
        match read_some(vm, &f, target.len)? {
            Some(bytes) => {
                let n = target.fill(vm, &bytes)?;
                Ok(Value::len(n))
            }
            None => Ok(Value::NONE),
        }
    }),
    NativeDef::new("write(self, b, /)", "Write buffer b to file, return number of bytes written.", |vm, a| {
        let f = open_file(vm, a)?;
        if !f.get(vm).writable {
            return Err(unsupported(vm, "File not open for writing"));
        }
        let bytes = buffer::bytes_like(vm, arg_or_none(a, 1))?;
        Ok(write_some(vm, &f, &bytes)?.map_or(Value::NONE, Value::len))
    }),
    NativeDef::new("seek(self, pos, whence=0, /)", "Move to new file position and return it.", |vm, a| {
        let f = open_file(vm, a)?;
        let (pos, whence) = (offset_arg(vm, &a[1])?, whence_arg(vm, arg(a, 2))?);
        let at = seek_to(vm, &f, pos, whence)?;
        Ok(vm.int(at))
    }),
    NativeDef::new("tell(self, /)", "Current file position.", |vm, a| {
        let f = open_file(vm, a)?;
        let at = seek_to(vm, &f, 0, 1)?;
        Ok(vm.int(at))
    }),
    NativeDef::new("truncate(self, size=None, /)", "Truncate the file to at most size bytes and return it.", truncate),
    NativeDef::new("close(self, /)", "Close the file.", close),
    NativeDef::new("seekable(self, /)", "True if file supports random-access.", |vm, a| {
        let f = open_file(vm, a)?;
        Ok(is_seekable(vm, &f)?.into())
    }),
    NativeDef::new("readable(self, /)", "True if file was opened in a read mode.", |vm, a| {
        let f = open_file(vm, a)?;
        Ok(f.get(vm).readable.into())
    }),
    NativeDef::new("writable(self, /)", "True if file was opened in a write mode.", |vm, a| {
        let f = open_file(vm, a)?;
        Ok(f.get(vm).writable.into())
    }),
    NativeDef::new("fileno(self, /)", "Return the underlying file descriptor (an integer).", |vm, a| {
        let f = open_file(vm, a)?;
        Ok(Value::int32(f.get(vm).handle.fd))
    }),
    NativeDef::new("isatty(self, /)", "True if the file is connected to a TTY device.", |vm, a| {
        let f = open_file(vm, a)?;
        Ok(nix::unistd::isatty(f.get(vm).handle.fd).unwrap_or(false).into())
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("__getstate__(self, /)", "", |vm, a| {
        let got = vm.class_name(&a[0]);
        Err(vm.type_error(format!("cannot pickle '_io.{got}' object")))
    }),
];

const GETSETS: &[GetSetDef] = &[
    GetSetDef::new("closed", "True if the file is closed", |vm, v| Ok((this(vm, v)?.get(vm).handle.fd < 0).into())),
    GetSetDef::new("closefd", "True if the file descriptor will be closed by close().", |vm, v| {
        Ok(this(vm, v)?.get(vm).handle.owned.into())
    }),
    GetSetDef::new("mode", "String giving the file mode", |vm, v| {
        let mode = mode_text(this(vm, v)?.get(vm));
        Ok(vm.intern(mode).into())
    }),
    GetSetDef::new("_blksize", "", |vm, v| Ok(Value::len(this(vm, v)?.get(vm).block_size))),
    GetSetDef::with_set(
        "name",
        "",
        |vm, v| {
            let name = this(vm, v)?.get(vm).name.clone();
            if name.is_undef() {
                let name = vm.intern("name");
                return Err(vm.no_attribute(v, &name));
            }
            Ok(name)
        },
        |vm, v, value| {
            let f = this(vm, v)?.clone();
            let old = std::mem::replace(&mut f.get_mut(vm).name, value.unwrap_or(Value::UNDEF));
            drop(old);
            Ok(())
        },
    ),
];

/// Makes the class.
///
/// # Errors
/// None in a sound build.
pub fn define(vm: &mut Vm) -> R<Ref<crate::vm::class::Class>> {
    let raw = base::classes(vm)?.raw;
    let class = vm.define_class_with_dict::<FileIo>("_io", "FileIO", Some(&raw), base::FLAGS)?;
    vm.extend_class(&class, METHODS, GETSETS);
    Ok(class)
}

fn blank() -> FileIo {
    FileIo {
        name: Value::UNDEF,
        created: false,
        readable: false,
        writable: false,
        appending: false,
        seekable: None,
        block_size: super::DEFAULT_BUFFER_SIZE,
        handle: Handle { fd: -1, owned: true },
    }
}

fn new(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
    Ok(vm.alloc_as(&class, blank()).into())
}

/// A file on a descriptor that is open already.
pub fn from_fd(vm: &mut Vm, fd: i32, name: Value, readable: bool, writable: bool, owned: bool) -> Ref<FileIo> {
    let file = FileIo { name, readable, writable, handle: Handle { fd, owned }, ..blank() };
    vm.alloc(file)
}

fn this<'a>(vm: &mut Vm, v: &'a Value) -> R<&'a Ref<FileIo>> {
    vm.this::<FileIo>(std::slice::from_ref(v), "read")
}

fn open_file(vm: &mut Vm, a: &[Value]) -> R<Ref<FileIo>> {
    let f = vm.this::<FileIo>(a, "read")?.clone();
    if f.get(vm).handle.fd < 0 {
        return Err(vm.value_error("I/O operation on closed file"));
    }
    Ok(f)
}

fn readable(vm: &mut Vm, a: &[Value]) -> R<Ref<FileIo>> {
    let f = open_file(vm, a)?;
    if f.get(vm).readable { Ok(f) } else { Err(unsupported(vm, "File not open for reading")) }
}

/// What a mode text means.
struct Parsed {
    readable: bool,
    writable: bool,
    created: bool,
    appending: bool,
    flags: OFlag,
}

fn parse_mode(vm: &mut Vm, mode: &str) -> R<Parsed> {
    let mut p = Parsed { readable: false, writable: false, created: false, appending: false, flags: OFlag::O_CLOEXEC };
    let (mut kinds, mut plus) = (0, 0);
    for c in mode.chars() {
        match c {
            'x' => (p.created, p.writable, p.flags) = (true, true, p.flags | OFlag::O_EXCL | OFlag::O_CREAT),
            'r' => p.readable = true,
            'w' => (p.writable, p.flags) = (true, p.flags | OFlag::O_CREAT | OFlag::O_TRUNC),
            'a' => (p.writable, p.appending, p.flags) = (true, true, p.flags | OFlag::O_APPEND | OFlag::O_CREAT),
            'b' => continue,
            '+' => {
                plus += 1;
                continue;
            }
            _ => return Err(vm.value_error(format!("invalid mode: {mode}"))),
        }
        kinds += 1;
    }
    if kinds != 1 || plus > 1 {
        let text = "Must have exactly one of create/read/write/append mode and at most one plus";
        return Err(vm.value_error(text));
    }
    if plus == 1 {
        (p.readable, p.writable) = (true, true);
    }
    p.flags |= match (p.readable, p.writable) {
        (true, true) => OFlag::O_RDWR,
        (true, false) => OFlag::O_RDONLY,
        _ => OFlag::O_WRONLY,
    };
    Ok(p)
}

fn init(vm: &mut Vm, a: &[Value]) -> R {
    let f = vm.this::<FileIo>(a, "__init__")?.clone();
    if f.get(vm).handle.fd >= 0 {
        let old = std::mem::replace(&mut f.get_mut(vm).handle, Handle { fd: -1, owned: true });
        drop(old);
    }
    let file = &a[1];
    let mode = match arg(a, 2) {
        Some(m) if !m.is_a::<Str>() => {
            let got = vm.class_name(m);
            return Err(vm.type_error(format!("FileIO() argument 'mode' must be str, not {got}")));
        }
        Some(m) => vm.str_of(m),
        None => "r".to_owned(),
    };
    let closefd = match arg(a, 3) {
        Some(v) => vm.truth(v)?,
        None => true,
    };
    let opener = arg(a, 4).filter(|o| !o.is_none()).cloned();
    if file.as_bool().is_some() {
        let category = vm.exc.RuntimeWarning.clone();
        vm.warn(&category, "bool is used as a file descriptor", 1)?;
    }
    let given_fd = if vm.is_int(file) { Some(path::fd_arg(vm, file)?) } else { None };
    if given_fd.is_some_and(|fd| fd < 0) {
        return Err(vm.value_error("negative file descriptor"));
    }
    let target = match given_fd {
        Some(_) => None,
        None => Some(path_of(vm, file)?),
    };
    let p = parse_mode(vm, &mode)?;
    crate::modules::sys::event(vm, "open", &[file.clone(), arg_or_none(a, 2).clone(), Value::int32(p.flags.bits())])?;
    let fd = match (given_fd, target) {
        (Some(fd), _) => fd,
        _ if !closefd => return Err(vm.value_error("Cannot use closefd=False with file name")),
        (None, Some(target)) => match opener {
            Some(opener) => open_by(vm, &opener, file, p.flags)?,
            None => {
                let mode = Mode::from_bits_truncate(0o666);
                system(vm, Some(file), || nix::fcntl::open(&target, p.flags, mode))?
            }
        },
        (None, None) => return Err(vm.value_error("no file given")),
    };
    {
        let mut this = f.get_mut(vm);
        // One that was given stays open should anything below fail.
        this.handle = Handle { fd, owned: closefd && given_fd.is_none() };
        this.readable = p.readable;
        this.writable = p.writable;
        this.created = p.created;
        this.appending = p.appending;
        this.seekable = None;
    }
    let stat = match nix::sys::stat::fstat(fd) {
        Ok(s) => Some(s),
        Err(Errno::EBADF) => {
            f.get_mut(vm).handle.fd = -1;
            return Err(os_failure(vm, Errno::EBADF, Some(file)));
        }
        Err(_) => None,
    };
    if let Some(s) = stat {
        if SFlag::from_bits_truncate(s.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR {
            let old = std::mem::replace(&mut f.get_mut(vm).handle, Handle { fd: -1, owned: true });
            drop(old);
            return Err(os_failure(vm, Errno::EISDIR, Some(file)));
        }
        if s.st_blksize > 1 {
            f.get_mut(vm).block_size = s.st_blksize as usize;
        }
    }
    {
        let mut this = f.get_mut(vm);
        this.handle.owned = closefd;
        this.name = file.clone();
    }
    if p.appending {
        // Where there is no position there is none to set.
        let _ = nix::unistd::lseek(fd, 0, Whence::SeekEnd);
    }
    Ok(Value::NONE)
}

fn path_of(vm: &mut Vm, file: &Value) -> R<std::path::PathBuf> {
    let path = path::fspath(vm, file)?;
    let (bytes, _) = path::fs_bytes(vm, &path)?;
    if bytes.contains(&0) {
        return Err(vm.value_error("embedded null byte"));
    }
    let p = path::path_arg(vm, &path, "open", "path", Takes::default())?;
    Ok(p.path)
}

fn open_by(vm: &mut Vm, opener: &Value, file: &Value, flags: OFlag) -> R<i32> {
    let fd = vm.call(opener, &[file.clone(), Value::int32(flags.bits())])?;
    if !vm.is_int(&fd) {
        return Err(vm.type_error("expected integer from opener"));
    }
    let fd = path::fd_arg(vm, &fd)?;
    if fd < 0 {
        return Err(vm.value_error(format!("opener returned {fd}")));
    }
    Ok(fd)
}

/// An offset argument.
///
/// # Errors
/// TypeError; OverflowError.
pub fn offset_arg(vm: &mut Vm, v: &Value) -> R<i64> {
    if vm.as_float(v).is_some() {
        return Err(vm.type_error("'float' object cannot be interpreted as an integer"));
    }
    vm.index_i64(v)
}

/// A `whence` argument.
///
/// # Errors
/// TypeError; OverflowError.
pub fn whence_arg(vm: &mut Vm, v: Option<&Value>) -> R<i64> {
    match v {
        Some(v) => vm.index_i64(v),
        None => Ok(0),
    }
}

/// What the last argument of `lseek` means.
///
/// # Errors
/// OSError for a number that means nothing.
pub fn whence_of(vm: &mut Vm, whence: i64) -> R<Whence> {
    Ok(match whence {
        0 => Whence::SeekSet,
        1 => Whence::SeekCur,
        2 => Whence::SeekEnd,
        #[cfg(target_os = "linux")]
        3 => Whence::SeekData,
        #[cfg(target_os = "linux")]
        4 => Whence::SeekHole,
        _ => return Err(os_failure(vm, Errno::EINVAL, None)),
    })
}

/// Moves the position.
///
/// # Errors
/// OSError.
pub fn seek_to(vm: &mut Vm, f: &Ref<FileIo>, offset: i64, whence: i64) -> R<i64> {
    let fd = f.get(vm).handle.fd;
    let whence = whence_of(vm, whence)?;
    match nix::unistd::lseek(fd, offset, whence) {
        Ok(at) => {
            f.get_mut(vm).seekable = Some(true);
            Ok(at)
        }
        Err(e) => Err(os_failure(vm, e, None)),
    }
}

/// Whether the descriptor has a position.
///
/// # Errors
/// None at present.
pub fn is_seekable(vm: &mut Vm, f: &Ref<FileIo>) -> R<bool> {
    let (known, fd) = {
        let this = f.get(vm);
        (this.seekable, this.handle.fd)
    };
    Ok(match known {
        Some(s) => s,
        None => {
            let s = nix::unistd::lseek(fd, 0, Whence::SeekCur).is_ok();
            f.get_mut(vm).seekable = Some(s);
            s
        }
    })
}

/// The open file behind a value that is exactly a `FileIO`, for streams that go around its methods.
pub fn exact(vm: &Vm, v: &Value) -> Option<Ref<FileIo>> {
    let f = v.cast::<FileIo>()?;
    let class = vm.class_for::<FileIo>()?;
    (vm.is_exact(v, &class) && f.get(vm).handle.fd >= 0).then(|| f.clone())
}

/// Whether it was opened for reading and writing.
pub fn abilities(vm: &Vm, f: &Ref<FileIo>) -> (bool, bool) {
    let this = f.get(vm);
    (this.readable, this.writable)
}

/// Whether the file is open and will be closed with the object: then forgetting it deserves a warning.
pub fn is_forgotten(vm: &Vm, v: &Value) -> bool {
    v.cast::<FileIo>().is_some_and(|f| {
        let h = &f.get(vm).handle;
        h.fd >= 0 && h.owned
    })
}

/// The size of blocks to read.
pub fn block_size(vm: &Vm, f: &Ref<FileIo>) -> usize {
    f.get(vm).block_size
}

/// One read of up to `n` bytes; nothing when it would have to wait.
///
/// # Errors
/// OSError.
pub fn read_some(vm: &mut Vm, f: &Ref<FileIo>, n: usize) -> R<Option<Vec<u8>>> {
    vm.check_alloc(n)?;
    let fd = f.get(vm).handle.fd;
    if let Some(typed) = typed_ahead(vm, fd, n) {
        return Ok(Some(typed));
    }
    let mut bytes = vec![0; n];
    let got = system_or_wait(vm, None, || nix::unistd::read(fd, &mut bytes))?;
    Ok(got.map(|n| {
        bytes.truncate(n);
        bytes
    }))
}

/// One read into a buffer that is used again; nothing when it would have to wait.
///
/// # Errors
/// OSError.
pub fn read_into(vm: &mut Vm, f: &Ref<FileIo>, bytes: &mut [u8]) -> R<Option<usize>> {
    let fd = f.get(vm).handle.fd;
    if let Some(typed) = typed_ahead(vm, fd, bytes.len()) {
        let n = typed.len().min(bytes.len());
        bytes[..n].copy_from_slice(&typed[..n]);
        return Ok(Some(n));
    }
    system_or_wait(vm, None, || nix::unistd::read(fd, bytes))
}

/// What a host that reads standard input has read ahead of its use, if there is any.
fn typed_ahead(vm: &mut Vm, fd: i32, most: usize) -> Option<Vec<u8>> {
    if fd != 0 {
        return None;
    }
    let console = vm.state::<Streams>().console.clone()?;
    Some(vm.unlocked(|| console.typed_ahead(most))).filter(|typed| !typed.is_empty())
}

/// One write; nothing when it would have to wait.
///
/// # Errors
/// OSError.
pub fn write_some(vm: &mut Vm, f: &Ref<FileIo>, bytes: &[u8]) -> R<Option<usize>> {
    let fd = f.get(vm).handle.fd;
    system_or_wait(vm, None, || nix::unistd::write(fd, bytes))
}

/// Reads to the end.
///
/// # Errors
/// OSError; MemoryError.
pub fn read_all(vm: &mut Vm, f: &Ref<FileIo>) -> R<Option<Vec<u8>>> {
    let fd = f.get(vm).handle.fd;
    let size = nix::sys::stat::fstat(fd).map_or(0, |s| s.st_size);
    let at = nix::unistd::lseek(fd, 0, Whence::SeekCur).unwrap_or(0);
    let expected = usize::try_from(size.saturating_sub(at)).unwrap_or(0);
    vm.check_alloc(expected)?;
    // One more, to see the end at once.
    let mut bytes = vec![0; expected + 1];
    let mut have = 0;
    loop {
        if have == bytes.len() {
            let more = (bytes.len() / 2).max(super::DEFAULT_BUFFER_SIZE);
            vm.check_alloc(more)?;
            bytes.resize(bytes.len() + more, 0);
        }
        let room = bytes.get_mut(have..).unwrap_or_default();
        match system_or_wait(vm, None, || nix::unistd::read(fd, room))? {
            Some(0) => break,
            Some(n) => have += n,
            None if have == 0 => return Ok(None),
            None => break,
        }
    }
    bytes.truncate(have);
    Ok(Some(bytes))
}

fn read(vm: &mut Vm, a: &[Value]) -> R {
    let f = readable(vm, a)?;
    let got = match base::size_arg(vm, arg(a, 1))? {
        Some(n) => read_some(vm, &f, n)?,
        None => read_all(vm, &f)?,
    };
    Ok(got.map_or(Value::NONE, |b| vm.new_bytes(&b).into()))
}

fn truncate(vm: &mut Vm, a: &[Value]) -> R {
    let f = open_file(vm, a)?;
    if !f.get(vm).writable {
        return Err(unsupported(vm, "File not open for writing"));
    }
    let size = match arg(a, 1).filter(|s| !s.is_none()) {
        Some(v) => offset_arg(vm, v)?,
        None => seek_to(vm, &f, 0, 1)?,
    };
    let fd = f.get(vm).handle.fd;
    system(vm, None, || nix::unistd::ftruncate(fd, size))?;
    Ok(vm.int(size))
}

fn close(vm: &mut Vm, a: &[Value]) -> R {
    let f = vm.this::<FileIo>(a, "close")?.clone();
    // The base flushes, as a script's subclass may want.
    let io = base::classes(vm)?.io;
    let name = vm.intern("close");
    let flushed = match vm.lookup(&io, &name) {
        Some(close) => vm.call_special(&close, &a[0], &[]).map(drop),
        None => Ok(()),
    };
    let fd = {
        let mut this = f.get_mut(vm);
        let fd = std::mem::replace(&mut this.handle.fd, -1);
        if this.handle.owned { fd } else { -1 }
    };
    if fd >= 0
        && let Err(e) = vm.unlocked(|| nix::unistd::close(fd))
        && e != Errno::EINTR
    {
        flushed?;
        return Err(os_failure(vm, e, None));
    }
    flushed?;
    Ok(Value::NONE)
}

fn mode_text(this: &FileIo) -> &'static str {
    match (this.created, this.appending, this.readable, this.writable) {
        (true, _, true, _) => "xb+",
        (true, ..) => "xb",
        (_, true, true, _) => "ab+",
        (_, true, ..) => "ab",
        (_, _, true, true) => "rb+",
        (_, _, true, _) => "rb",
        _ => "wb",
    }
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let f = vm.this::<FileIo>(a, "__repr__")?.clone();
    let (fd, owned, mode, name) = {
        let this = f.get(vm);
        (this.handle.fd, this.handle.owned, mode_text(this), this.name.clone())
    };
    let class = super::shown_class(vm, &a[0]);
    let closefd = if owned { "True" } else { "False" };
    let text = if fd < 0 {
        format!("<{class} [closed]>")
    } else if name.is_undef() {
        format!("<{class} fd={fd} mode='{mode}' closefd={closefd}>")
    } else {
        if !vm.enter_repr(&a[0]) {
            return Err(vm.runtime_error(format!("reentrant call inside {class}.__repr__")));
        }
        let shown = vm.repr_string(&name);
        vm.leave_repr(&a[0]);
        format!("<{class} name={} mode='{mode}' closefd={closefd}>", shown?)
    };
    Ok(vm.new_str(&text).into())
}
