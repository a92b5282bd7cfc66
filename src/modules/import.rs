//! The import system: finding modules, running them, `import` statements.
//!
//! A name is looked for among the modules that every interpreter has, then along `sys.path` (for a package: its
//! `__path__`), `NAME.apy` before `NAME.py`, then in the standard library that the binary carries. Not here: the
//! opcodes, and `importlib`, which is written in apy.

use super::sys::write_stderr;
use super::{import_lock, stdlib};
use crate::embed::{SourceKind, Switches};
use crate::vm::dict::Dict;
use crate::vm::exception::Raised;
use crate::vm::function::{CodeObject, Module};
use crate::vm::generator::Generator;
use crate::vm::native::{NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// `__import__`.
pub const IMPORT: NativeDef = NativeDef::new(
    "__import__(name, globals=None, locals=None, fromlist=(), level=0)",
    "Import a module.",
    builtin_import,
);

fn builtin_import(vm: &mut Vm, a: &[Value]) -> R {
    let Some(name) = a[0].cast::<Str>() else {
        let got = vm.class_name(&a[0]);
        return Err(vm.type_error(format!("module name must be a string, not {got}")));
    };
    let name = vm.str_of(name.value());
    let level = match arg(a, 4) {
        Some(v) => vm.index_i64(v)?,
        None => 0,
    };
    if level < 0 {
        return Err(vm.value_error("level must be >= 0"));
    }
    let globals = arg(a, 1).and_then(|g| g.cast::<Dict>()).cloned();
    let full = if level > 0 {
        let package = calling_package(vm, globals.as_ref())?;
        resolve_relative(vm, &name, &package, level as usize)?
    } else {
        name.clone()
    };
    if full.is_empty() {
        return Err(vm.value_error("Empty module name"));
    }
    let module = import_module(vm, &full)?;
    let from = arg(a, 3).cloned().unwrap_or(Value::NONE);
    if vm.truth(&from)? {
        import_submodules(vm, &module, &full, &from)?;
        return Ok(module);
    }
    if level == 0 {
        let head = full.split('.').next().unwrap_or(&full);
        return import_module(vm, head);
    }
    if name.is_empty() {
        return Ok(module);
    }
    // `from . import a.b` has no head of its own: cut what the relative name added.
    let tail = name.find('.').map_or(0, |i| name.len() - i);
    let head = &full[..full.len() - tail];
    import_module(vm, head)
}

/// The package that relative imports of a module start from.
fn calling_package(vm: &mut Vm, globals: Option<&Ref<Dict>>) -> R<String> {
    let Some(g) = globals else {
        return Err(vm.import_error_text("attempted relative import with no known parent package"));
    };
    let (package, name, path) = (vm.names.__package__.clone(), vm.names.__name__.clone(), vm.names.__path__.clone());
    if let Some(p) = g.get_str(vm, &package)
        && p.is_a::<Str>()
    {
        return Ok(vm.str_of(&p));
    }
    let Some(n) = g.get_str(vm, &name).filter(|n| n.is_a::<Str>()) else {
        return Ok(String::new());
    };
    let n = vm.str_of(&n);
    if g.get_str(vm, &path).is_some() {
        return Ok(n);
    }
    Ok(n.rsplit_once('.').map_or(String::new(), |(p, _)| p.to_owned()))
}

fn resolve_relative(vm: &mut Vm, name: &str, package: &str, level: usize) -> R<String> {
    if package.is_empty() {
        return Err(vm.import_error_text("attempted relative import with no known parent package"));
    }
    let mut base = package;
    for _ in 1..level {
        base = match base.rsplit_once('.') {
            Some((b, _)) => b,
            None => return Err(vm.import_error_text("attempted relative import beyond top-level package")),
        };
    }
    Ok(if name.is_empty() { base.to_owned() } else { format!("{base}.{name}") })
}

/// The names in `fromlist` that are submodules not imported yet.
fn import_submodules(vm: &mut Vm, module: &Value, full: &str, from: &Value) -> R<()> {
    let path = vm.names.__path__.clone();
    if vm.get_attr_opt(module, &path)?.is_none() {
        return Ok(());
    }
    for name in vm.collect(from)? {
        let Some(s) = name.cast::<Str>().cloned() else {
            let got = vm.class_name(&name);
            return Err(vm.type_error(format!("Item in ``from list'' must be str, not {got}")));
        };
        let text = vm.str_of(&name);
        if text == "*" {
            let all = vm.names.__all__.clone();
            if let Some(all) = vm.get_attr_opt(module, &all)? {
                let names = vm.collect(&all)?;
                let names = vm.tuple(names.into_iter().filter(|n| !vm.str_is(n, "*")).collect()).into_value();
                import_submodules(vm, module, full, &names)?;
            }
            continue;
        }
        let s = vm.intern_value(&s);
        if vm.get_attr_opt(module, &s)?.is_none() {
            let sub = format!("{full}.{text}");
            match import_module(vm, &sub) {
                Ok(_) => {}
                Err(e) if vm.raised_is(&e, &vm.exc.ModuleNotFoundError.clone()) => {
                    let e = vm.exception_value(e);
                    let name = vm.get_attr_str(&e, "name")?;
                    if !vm.str_is(&name, &sub) {
                        return Err(vm.raise(e));
                    }
                }
                Err(e) => return Err(e),
            }
        }
    }
    Ok(())
}

/// Imports a module by its full name, with its parents, and gives it.
///
/// # Errors
/// ModuleNotFoundError; what the module's code raises.
pub fn import_module(vm: &mut Vm, full: &str) -> R {
    import_lock::wait(vm, full)?;
    if let Some(m) = loaded(vm, full)? {
        return Ok(m);
    }
    let parent = match full.rsplit_once('.') {
        Some((parent, _)) => Some((parent, vm.guarded(|vm| import_module(vm, parent))?)),
        None => None,
    };
    // The parent's code may have imported it, or another thread.
    import_lock::wait(vm, full)?;
    if let Some(m) = loaded(vm, full)? {
        return Ok(m);
    }
    let search = match &parent {
        None => None,
        Some((name, p)) => {
            let attr = vm.names.__path__.clone();
            match vm.get_attr_opt(p, &attr)? {
                Some(path) => Some(path),
                None => {
                    let text = format!("No module named {}; {} is not a package", quote(full), quote(name));
                    return Err(not_found(vm, text, full));
                }
            }
        }
    };
    import_lock::begin(vm, full);
    let result = vm.guarded(|vm| load(vm, full, search.as_ref()));
    import_lock::end(vm, full);
    let module = match result {
        Ok(Some(m)) => m,
        Ok(None) => return Err(not_found(vm, format!("No module named {}", quote(full)), full)),
        Err(e) => return Err(e),
    };
    if let Some((_, p)) = parent
        && let Some((_, tail)) = full.rsplit_once('.')
    {
        let tail = vm.intern(tail);
        vm.set_attr(&p, &tail, module.clone())?;
    }
    Ok(module)
}

fn quote(name: &str) -> String {
    format!("'{name}'")
}

fn not_found(vm: &mut Vm, text: String, name: &str) -> Raised {
    let class = vm.exc.ModuleNotFoundError.clone();
    let name = vm.new_str(name).into_value();
    vm.import_error(&class, &text, name, Value::NONE, Value::NONE)
}

/// The module in `sys.modules`; an entry of `None` forbids the import.
fn loaded(vm: &mut Vm, full: &str) -> R<Option<Value>> {
    let name = vm.intern(full);
    match vm.modules.clone().get_str(vm, &name) {
        Some(m) if m.is_none() => Err(not_found(vm, format!("import of {full} halted; None in sys.modules"), full)),
        other => Ok(other),
    }
}

/// Where a module was found.
enum Found {
    Native(super::ModuleInit),
    Stdlib(&'static stdlib::StdlibModule),
    File {
        path: PathBuf,
        package: Option<PathBuf>,
    },
    /// A folder without `__init__`.
    Namespace(Vec<PathBuf>),
}

fn find(vm: &mut Vm, full: &str, search: Option<&Value>) -> R<Option<Found>> {
    let native = super::NATIVE.iter().find(|(n, _)| *n == full).map(|(_, f)| *f);
    if let Some(f) = native
        && (search.is_none() || full.contains('.'))
        && is_built_in(full)
    {
        return Ok(Some(Found::Native(f)));
    }
    let tail = full.rsplit('.').next().unwrap_or(full);
    let folders = match search {
        Some(path) => vm.collect(path)?,
        None => super::sys::path(vm)?,
    };
    let mut namespace = Vec::new();
    for folder in folders {
        if !folder.is_a::<Str>() {
            continue;
        }
        let folder = vm.str_of(&folder);
        if let Some(inside) = folder.strip_prefix(STDLIB_PATH) {
            let dotted = format!("{}.{tail}", inside.trim_start_matches('/').replace('/', "."));
            match stdlib::find(&dotted) {
                Some(m) if dotted == full => return Ok(Some(Found::Stdlib(m))),
                _ => continue,
            }
        }
        let base = if folder.is_empty() { PathBuf::from(".") } else { PathBuf::from(&folder) };
        if let Some(found) = find_in(&base, tail, &mut namespace) {
            return Ok(Some(found));
        }
    }
    if let Some(m) = stdlib::find(full) {
        return Ok(Some(Found::Stdlib(m)));
    }
    if let Some(f) = native {
        return Ok(Some(Found::Native(f)));
    }
    Ok(if namespace.is_empty() { None } else { Some(Found::Namespace(namespace)) })
}

/// The `__path__` of packages that the binary carries.
pub const STDLIB_PATH: &str = "<stdlib>";

fn find_in(base: &Path, tail: &str, namespace: &mut Vec<PathBuf>) -> Option<Found> {
    let folder = base.join(tail);
    for ext in ["apy", "py"] {
        let init = folder.join(format!("__init__.{ext}"));
        if init.is_file() {
            return Some(Found::File { path: init, package: Some(folder) });
        }
    }
    for ext in ["apy", "py"] {
        let file = base.join(format!("{tail}.{ext}"));
        if file.is_file() {
            return Some(Found::File { path: file, package: None });
        }
    }
    if folder.is_dir() {
        namespace.push(folder);
    }
    None
}

/// Modules that files along `sys.path` cannot replace.
fn is_built_in(name: &str) -> bool {
    name.starts_with('_')
        || matches!(
            name,
            "sys"
                | "builtins"
                | "time"
                | "gc"
                | "itertools"
                | "marshal"
                | "posix"
                | "atexit"
                | "errno"
                | "signal"
                | "faulthandler"
        )
}

/// What `-X importtime` has to know.
#[derive(Default)]
struct Times {
    on: Option<bool>,
    /// The headline was written.
    told: bool,
    depth: usize,
    /// How long the imports took that the one at hand has made.
    inside: Duration,
}

/// Loads a module; with `-X importtime`, tells how long it took, those that it imports first.
fn load(vm: &mut Vm, full: &str, search: Option<&Value>) -> R<Option<Value>> {
    let on = vm.state::<Times>().on.unwrap_or_else(|| {
        let on = vm.state::<Switches>().extra.iter().any(|(name, _)| name == "importtime");
        vm.state::<Times>().on = Some(on);
        on
    });
    if !on {
        return find_and_run(vm, full, search);
    }
    let times = vm.state::<Times>();
    let (outer, told) = (std::mem::take(&mut times.inside), std::mem::replace(&mut times.told, true));
    times.depth += 1;
    if !told {
        write_stderr(vm, "import time: self [us] | cumulative | imported package\n")?;
    }
    let begin = Instant::now();
    let result = find_and_run(vm, full, search);
    let took = begin.elapsed();
    let times = vm.state::<Times>();
    times.depth -= 1;
    let (own, depth) = (took.saturating_sub(times.inside), times.depth);
    times.inside = outer + took;
    let name = format!("{}{full}", "  ".repeat(depth));
    write_stderr(vm, &format!("import time: {:>9} | {:>10} | {name}\n", own.as_micros(), took.as_micros()))?;
    result
}

fn find_and_run(vm: &mut Vm, full: &str, search: Option<&Value>) -> R<Option<Value>> {
    let Some(found) = find(vm, full, search)? else { return Ok(None) };
    let name = vm.intern(full);
    let modules = vm.modules.clone();
    match found {
        Found::Native(init) => {
            let m = init(vm)?;
            describe_module(vm, &m, full, "built-in", None)?;
            modules.set_str(vm, &name, m.clone());
            Ok(Some(m))
        }
        Found::Stdlib(m) => {
            let file = format!("{STDLIB_PATH}/{}", m.path);
            let package = m.is_package.then(|| format!("{STDLIB_PATH}/{}", m.name.replace('.', "/")));
            let code = vm.carried_code(m, &file)?;
            run_module(vm, full, &file, package.map(|p| vec![p]), &code).map(Some)
        }
        Found::File { path, package } => {
            let bytes = match vm.unlocked(|| std::fs::read(&path)) {
                Ok(b) => b,
                Err(e) => {
                    let file = vm.new_str(&path.to_string_lossy()).into_value();
                    return Err(vm.os_error(&e, Some(&file)));
                }
            };
            let file = path.to_string_lossy().into_owned();
            let package = package.map(|p| vec![p.to_string_lossy().into_owned()]);
            let code = vm.compile_source(&bytes, &file, SourceKind::Main)?;
            run_module(vm, full, &file, package, &code).map(Some)
        }
        Found::Namespace(folders) => {
            let m = vm.bare_module(full);
            let paths: Vec<Value> = folders.iter().map(|f| vm.new_str(&f.to_string_lossy()).into_value()).collect();
            let paths = vm.list(paths).into_value();
            vm.module_set(&m, "__path__", paths);
            let m = m.into_value();
            describe_module(vm, &m, full, "namespace", None)?;
            modules.set_str(vm, &name, m.clone());
            Ok(Some(m))
        }
    }
}

/// Sets `__package__` and `__spec__`, and `__cached__` for what comes from a file.
fn describe_module(vm: &mut Vm, m: &Value, full: &str, origin_text: &str, path: Option<&Value>) -> R<()> {
    let is_package = {
        let attr = vm.names.__path__.clone();
        vm.get_attr_opt(m, &attr)?.is_some()
    };
    let parent = if is_package { full } else { full.rsplit_once('.').map_or("", |(p, _)| p) };
    let parent_value = vm.intern(parent).into_value();
    vm.set_attr_str(m, "__package__", parent_value.clone())?;
    let has_location = !matches!(origin_text, "built-in" | "namespace");
    if has_location {
        vm.set_attr_str(m, "__cached__", Value::NONE)?;
    }
    let (name, origin) = (vm.intern(full).into_value(), vm.new_str(origin_text).into_value());
    let items = [
        ("name", name),
        ("loader", Value::NONE),
        ("origin", origin),
        ("submodule_search_locations", path.cloned().unwrap_or(Value::NONE)),
        ("parent", parent_value),
        ("has_location", Value::bool(has_location)),
        ("cached", Value::NONE),
    ];
    let items = items.into_iter().map(|(key, value)| (vm.intern(key), value)).collect();
    let spec = crate::objects::namespace::new_namespace(vm, items);
    vm.set_attr_str(m, "__spec__", spec)
}

/// Makes a module and runs its code; a module whose code raises is taken out again.
fn run_module(vm: &mut Vm, full: &str, file: &str, package: Option<Vec<String>>, code: &Ref<CodeObject>) -> R {
    let module = vm.bare_module(full);
    let file_value = vm.new_str(file).into_value();
    vm.module_set(&module, "__file__", file_value);
    let mut path = None;
    if let Some(package) = package {
        let items: Vec<Value> = package.iter().map(|p| vm.new_str(p).into_value()).collect();
        let list = vm.list(items).into_value();
        vm.module_set(&module, "__path__", list.clone());
        path = Some(list);
    }
    let m = module.value().clone();
    describe_module(vm, &m, full, file, path.as_ref())?;
    let (name, modules) = (vm.intern(full), vm.modules.clone());
    modules.set_str(vm, &name, m.clone());
    let dict = module.get(vm).dict.clone();
    let result = vm.run_code(code, &dict, Value::UNDEF).and_then(|v| match v.cast::<Generator>() {
        Some(g) => crate::event_loop::top_level::run(vm, g),
        None => Ok(()),
    });
    match result {
        // The module may have replaced itself.
        Ok(_) => Ok(modules.get_str(vm, &name).unwrap_or(m)),
        Err(e) => {
            drop(modules.del_str(vm, &name));
            Err(e)
        }
    }
}

/// `from module import name` when the module has no such attribute: a submodule, or ImportError.
///
/// # Errors
/// ImportError.
pub fn import_from_missing(vm: &mut Vm, module: &Value, name: &Ref<Str>) -> R {
    let attr = vm.names.__name__.clone();
    let module_name = vm.get_attr_opt(module, &attr)?.filter(|n| n.is_a::<Str>());
    let text = vm.str_of(name.value());
    if let Some(m) = &module_name {
        let full = format!("{}.{text}", vm.str_of(m));
        let full = vm.intern(&full);
        if let Some(m) = vm.modules.clone().get_str(vm, &full) {
            return Ok(m);
        }
    }
    let shown = module_name.as_ref().map_or_else(|| "<unknown module name>".to_owned(), |m| vm.str_of(m));
    let file_attr = vm.names.__file__.clone();
    let file = vm.get_attr_opt(module, &file_attr)?.filter(|f| f.is_a::<Str>());
    let place = file.as_ref().map_or_else(|| "unknown location".to_owned(), |f| vm.str_of(f));
    let text = if initializing(vm, module)? {
        format!(
            "cannot import name '{text}' from partially initialized module '{shown}' \
             (most likely due to a circular import) ({place})"
        )
    } else {
        format!("cannot import name '{text}' from '{shown}' ({place})")
    };
    let class = vm.exc.ImportError.clone();
    Err(vm.import_error(
        &class,
        text,
        module_name.unwrap_or(Value::NONE),
        file.unwrap_or(Value::NONE),
        name.value().clone(),
    ))
}

/// Whether a module's code is still running.
pub fn initializing(vm: &mut Vm, module: &Value) -> R<bool> {
    let Some(m) = module.cast::<Module>() else { return Ok(false) };
    let dict = m.get(vm).dict.clone();
    Ok(vm.running().any(|f| &*f.code.get(vm).code.name == "<module>" && f.globals.is(dict.value())))
}

/// `from module import *` into a namespace.
///
/// # Errors
/// AttributeError for a name in `__all__` that is missing; TypeError for one that is no string.
pub fn import_star(vm: &mut Vm, module: &Value, namespace: &Value) -> R<()> {
    let all_name = vm.names.__all__.clone();
    let (names, explicit) = match vm.get_attr_opt(module, &all_name)? {
        Some(all) => (vm.collect(&all)?, true),
        None => {
            let dict_name = vm.names.__dict__.clone();
            let d = vm.get_attr(module, &dict_name)?;
            (vm.collect(&d)?, false)
        }
    };
    for name in names {
        let Some(s) = name.cast::<Str>().cloned() else {
            let (got, module_name) = (vm.class_name(&name), vm.get_attr_str(module, "__name__")?);
            let module_name = vm.str_of(&module_name);
            let place = if explicit { format!("{module_name}.__all__") } else { format!("{module_name}.__dict__") };
            let kind = if explicit { "Item" } else { "Key" };
            return Err(vm.type_error(format!("{kind} in {place} must be str, not {got}")));
        };
        if !explicit && s.get(vm).as_bytes().starts_with(b"_") {
            continue;
        }
        let s = vm.intern_value(&s);
        let value = vm.get_attr(module, &s)?;
        vm.set_item(namespace, s.into_value(), value)?;
    }
    Ok(())
}

/// The items of a list or tuple value, for `sys.path`.
pub(super) fn list_values(vm: &Vm, v: &Value) -> Vec<Value> {
    match v.cast::<crate::vm::seq::List>() {
        Some(l) => l.get(vm).items.clone(),
        None => vm.tuple_clone(v).unwrap_or_default(),
    }
}

/// The source text of a module, its file name and its whole name, for `-m`. The whole name of a package that is run is
/// that of its `__main__`.
///
/// # Errors
/// ImportError when there is no such module, or it has no source.
pub fn find_source(vm: &mut Vm, name: &str) -> R<(Vec<u8>, String, String)> {
    let mut name = name.to_owned();
    let mut package = None;
    loop {
        let search = match name.rsplit_once('.') {
            Some((parent, _)) => Some(folders_of(vm, parent, &name)?),
            None => None,
        };
        match find(vm, &name, search.as_ref())? {
            Some(Found::Stdlib(m)) if !m.is_package => {
                return Ok((m.source.as_bytes().to_vec(), format!("{STDLIB_PATH}/{}", m.path), name));
            }
            Some(Found::File { path, package: None }) => match std::fs::read(&path) {
                Ok(bytes) => return Ok((bytes, path.to_string_lossy().into_owned(), name)),
                Err(e) => return Err(vm.os_error(&e, None)),
            },
            Some(Found::Stdlib(_) | Found::File { .. } | Found::Namespace(_)) if package.is_none() => {
                import_module(vm, &name)?;
                package = Some(name.clone());
                name.push_str(".__main__");
            }
            Some(_) => return Err(vm.import_error_text(format!("No code object available for {name}"))),
            None => {
                let mut text = format!("No module named {name}");
                if let Some(package) = package {
                    text.push_str(&format!("; '{package}' is a package and cannot be directly executed"));
                }
                return Err(not_found(vm, text, &name));
            }
        }
    }
}

/// Where the modules of a package are looked for; `name` is the one that is wanted of it.
fn folders_of(vm: &mut Vm, package: &str, name: &str) -> R {
    let text = match import_module(vm, package) {
        Ok(p) => {
            let attr = vm.names.__path__.clone();
            match vm.get_attr_opt(&p, &attr)? {
                Some(path) => return Ok(path),
                None => format!("__path__ attribute not found on '{package}' while trying to find '{name}'"),
            }
        }
        Err(e) => {
            let value = vm.exception_value(e);
            let missing = vm.get_attr_str(&value, "name").ok().filter(|n| n.is_a::<Str>()).map(|n| vm.str_of(&n));
            let missing = missing.filter(|_| vm.is_instance(&value, &vm.exc.ModuleNotFoundError.clone()));
            if missing.is_none_or(|m| package != m && !package.starts_with(&format!("{m}."))) {
                return Err(vm.raise(value));
            }
            let text = vm.str(&value)?;
            vm.str_of(text.value())
        }
    };
    let hint = name
        .strip_suffix(".py")
        .map_or_else(String::new, |stem| format!(". Try using '{stem}' instead of '{name}' as the module name."));
    let text = format!("Error while finding module specification for '{name}' (ModuleNotFoundError: {text}){hint}");
    Err(not_found(vm, text, name))
}

/// Tells `__main__` which module it is; `full` is the whole name.
///
/// # Errors
/// None in a sound build.
pub fn describe_main(vm: &mut Vm, full: &str, file: &str) -> R<()> {
    vm.main_globals()?;
    let (name, modules) = (vm.names.__main__.clone(), vm.modules.clone());
    match modules.get_str(vm, &name) {
        Some(m) => describe_module(vm, &m, full, file, None),
        None => Ok(()),
    }
}
