//! What can stand at the cursor, and the signature of what is being called.
//!
//! Objects are found by walking names and attributes; a property is never run for it, and what fails is simply not
//! offered.

use apy::vm::class::class_flag;
use apy::vm::dict::Dict;
use apy::vm::function::Module;
use apy::vm::str::Str;
use apy::{Value, Vm};
use apy_grammar::{Class, classify};

/// More candidates than this help nobody.
const MOST: usize = 2000;

/// Characters of a hint.
const LONGEST_HINT: usize = 100;

const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "case", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "match",
    "nonlocal", "not", "or", "pass", "raise", "return", "try", "type", "while", "with", "yield",
];

/// What completes the text before the cursor: where the completed part begins, and what may stand there.
pub fn candidates(vm: &mut Vm, before: &str) -> (usize, Vec<String>) {
    let (start, mut names) = found(vm, before);
    names.sort();
    names.dedup();
    names.truncate(MOST);
    (start, names)
}

fn found(vm: &mut Vm, before: &str) -> (usize, Vec<String>) {
    if let Some(open) = open_string(before) {
        return in_string(vm, before, open);
    }
    let word = word_start(before);
    let prefix = before.get(word..).unwrap_or("");
    let line = before.rsplit('\n').next().unwrap_or("").trim_start();
    if let Some(names) = of_import(vm, line) {
        let start = before.len() - line.len() + line.rfind([' ', ',', '(']).map_or(0, |i| i + 1);
        let partial = before.get(start..).unwrap_or("");
        return (start, starting(names, partial));
    }
    if let Some(owner) = before.get(..word).and_then(|b| b.strip_suffix('.')) {
        let path = path_before(owner);
        let found = if path.is_empty() { literal(vm, owner) } else { object(vm, path) };
        let names = found.map(|o| attributes(vm, &o)).unwrap_or_default();
        return (word, visible(starting(names, prefix), prefix));
    }
    if prefix.is_empty() {
        return (word, Vec::new());
    }
    let mut names: Vec<String> = KEYWORDS.iter().map(|k| (*k).to_owned()).collect();
    if let Some(callee) = callee(before.get(..word).unwrap_or("")) {
        names.extend(parameters(vm, callee).into_iter().map(|p| format!("{p}=")));
    }
    if let Ok(globals) = vm.main_globals() {
        names.extend(keys(vm, &globals));
    }
    let builtins = vm.builtins.clone();
    names.extend(keys(vm, &builtins));
    (word, visible(starting(names, prefix), prefix))
}

/// Where the name that ends here begins.
fn word_start(text: &str) -> usize {
    text.char_indices()
        .rev()
        .take_while(|(_, c)| c.is_alphanumeric() || *c == '_')
        .last()
        .map_or(text.len(), |(i, _)| i)
}

/// The path of names, attributes and keys that the text ends with: `a.b['c'][0].d`.
fn path_before(text: &str) -> &str {
    let mut from = text.len();
    loop {
        let rest = text.get(..from).unwrap_or("");
        let Some(c) = rest.chars().next_back() else { break };
        if c.is_alphanumeric() || matches!(c, '_' | '.') {
            from -= c.len_utf8();
        } else if c == ']'
            && let Some(open) = rest.rfind('[')
            && rest.get(open + 1..from - 1).and_then(key_of).is_some()
        {
            from = open;
        } else {
            break;
        }
    }
    text.get(from..).unwrap_or("")
}

/// A key that is written out.
enum Key<'a> {
    Text(&'a str),
    Number(i64),
}

/// The key that stands between brackets, if it is a plain string or a number.
fn key_of(text: &str) -> Option<Key<'_>> {
    let text = text.trim();
    if let Ok(n) = text.parse() {
        return Some(Key::Number(n));
    }
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inside.contains(['\\', quote])).then_some(Key::Text(inside))
}

fn starting(names: Vec<String>, prefix: &str) -> Vec<String> {
    names.into_iter().filter(|n| n.starts_with(prefix)).collect()
}

/// Private names are offered when asked for.
fn visible(names: Vec<String>, prefix: &str) -> Vec<String> {
    if prefix.starts_with('_') {
        return names;
    }
    names.into_iter().filter(|n| !n.starts_with('_')).collect()
}

fn keys(vm: &mut Vm, d: &apy::vm::object::Ref<Dict>) -> Vec<String> {
    let keys: Vec<Value> = d.get(vm).iter().map(|(k, _)| k.clone()).filter(|k| k.is_a::<Str>()).collect();
    keys.iter().map(|k| vm.str_of(k)).collect()
}

/// The object that a path names.
fn object(vm: &mut Vm, path: &str) -> Option<Value> {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (first, mut rest) = path.split_at(end);
    let first = vm.intern(Some(first).filter(|p| !p.is_empty())?);
    let globals = vm.main_globals().ok()?;
    let builtins = vm.builtins.clone();
    let mut at = globals.get_str(vm, &first).or_else(|| builtins.get_str(vm, &first))?;
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix('[') {
            let (key, after) = behind.split_once(']')?;
            at = item(vm, &at, &key_of(key)?)?;
            rest = after;
            continue;
        }
        let behind = rest.strip_prefix('.')?;
        let end = behind.find(['.', '[']).unwrap_or(behind.len());
        at = attribute(vm, &at, behind.get(..end)?)?;
        rest = behind.get(end..)?;
    }
    Some(at)
}

/// What a built-in container has under a key; others would run.
fn item(vm: &mut Vm, owner: &Value, key: &Key<'_>) -> Option<Value> {
    let class = vm.class_of(owner).clone();
    let name = vm.class_name(owner);
    if !matches!(name.as_str(), "dict" | "list" | "tuple") || class.get(vm).has(class_flag::HEAP) {
        return None;
    }
    let key = match key {
        Key::Text(text) => vm.new_str(text).into_value(),
        Key::Number(n) => vm.int(*n),
    };
    vm.get_item(owner, &key).ok()
}

fn attribute(vm: &mut Vm, owner: &Value, name: &str) -> Option<Value> {
    let name = vm.intern(name);
    if let Some(m) = owner.cast::<Module>() {
        let dict = m.get(vm).dict.clone();
        return dict.get_str(vm, &name);
    }
    // A property would run.
    let class = vm.class_of(owner).clone();
    if let Some(raw) = vm.lookup(&class, &name)
        && vm.class_name(&raw).ends_with("property")
    {
        return None;
    }
    vm.get_attr(owner, &name).ok()
}

/// Something like the literal that the text ends with.
fn literal(vm: &mut Vm, text: &str) -> Option<Value> {
    let (span, class) = classify(text).pop()?;
    let piece = text.get(span.start as usize..span.end as usize)?;
    if class != Class::String || span.end as usize != text.len() {
        return None;
    }
    let prefix = piece.split(['\'', '"']).next().unwrap_or("");
    let is_bytes = prefix.contains(['b', 'B']);
    Some(if is_bytes { vm.new_bytes(b"").into_value() } else { vm.new_str("").into_value() })
}

fn attributes(vm: &mut Vm, o: &Value) -> Vec<String> {
    let listed = vm.call_method(o, "__dir__", &[]).and_then(|l| vm.collect(&l)).unwrap_or_default();
    listed.iter().filter(|n| n.is_a::<Str>()).map(|n| vm.str_of(n)).collect()
}

// Imports.

/// The names that an unfinished import statement may go on with.
fn of_import(vm: &mut Vm, line: &str) -> Option<Vec<String>> {
    if let Some(rest) = line.strip_prefix("from ") {
        return Some(match rest.split_once(" import") {
            None => modules(vm),
            Some((module, _)) => {
                let module = module.trim().to_owned();
                // Importing is what the statement is about to do anyway.
                let m = apy::modules::import::import_module(vm, &module).ok()?;
                let mut names = attributes(vm, &m);
                let prefix = format!("{module}.");
                names.extend(apy::modules::stdlib::names().filter_map(|n| n.strip_prefix(&prefix)).map(str::to_owned));
                names
            }
        });
    }
    line.strip_prefix("import ").map(|_| modules(vm))
}

/// The modules that can be imported: the library's, and those in the folders of `sys.path`.
fn modules(vm: &mut Vm) -> Vec<String> {
    let mut names: Vec<String> = apy::modules::stdlib::names().map(str::to_owned).collect();
    names.extend(apy::modules::NATIVE.iter().map(|(n, _)| (*n).to_owned()));
    names.extend(["sys".to_owned(), "builtins".to_owned()]);
    let path = apy::modules::sys::module_attr(vm, "path").and_then(|p| vm.collect(&p).ok()).unwrap_or_default();
    for folder in path.iter().filter(|p| p.is_a::<Str>()) {
        let folder = vm.str_of(folder);
        let entries = std::fs::read_dir(if folder.is_empty() { "." } else { folder.as_str() });
        for entry in entries.into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let package = || ["__init__.apy", "__init__.py"].iter().any(|i| entry.path().join(i).exists());
            match name.strip_suffix(".apy").or_else(|| name.strip_suffix(".py")) {
                Some(stem) => names.push(stem.to_owned()),
                None if package() => names.push(name),
                None => {}
            }
        }
    }
    names
}

// Strings.

/// Where the string begins that is open at the end of the text.
fn open_string(text: &str) -> Option<usize> {
    let (span, class) = classify(text).pop()?;
    let piece = text.get(span.start as usize..)?;
    let open = piece.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let quote = open.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let closed = open.len() > 1 && open.ends_with(quote) && class == Class::String && span.end as usize == text.len();
    let open_now = class == Class::String && (!closed || apy_grammar_open(text));
    open_now.then(|| text.len() - open.len())
}

/// Whether the lexer itself says that a string has no end.
fn apy_grammar_open(text: &str) -> bool {
    let arena = bumpalo::Bump::new();
    match apy_grammar::parse(&arena, text, apy_grammar::Mode::Exec) {
        Ok(_) => false,
        Err(e) => e.message.starts_with("unterminated"),
    }
}

/// Keys of a dictionary behind `name[`, otherwise names of files.
fn in_string(vm: &mut Vm, before: &str, open: usize) -> (usize, Vec<String>) {
    let quote = before.get(open..).and_then(|t| t.chars().next()).unwrap_or('\'');
    let inside = before.get(open + 1..).unwrap_or("");
    if let Some(owner) = before.get(..open).and_then(|b| b.trim_end().strip_suffix('[')) {
        let Some(o) = object(vm, path_before(owner)) else { return (open + 1, Vec::new()) };
        let names = o.cast::<Dict>().cloned().map(|d| keys(vm, &d)).unwrap_or_default();
        let names = starting(names, inside).into_iter().map(|n| format!("{n}{quote}]")).collect();
        return (open + 1, names);
    }
    let folder = inside.rfind('/').map_or(0, |i| i + 1);
    let (path, prefix) = inside.split_at(folder);
    let entries = std::fs::read_dir(if path.is_empty() { "." } else { path });
    let mut names = Vec::new();
    for entry in entries.into_iter().flatten().flatten() {
        let mut name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') && !prefix.starts_with('.') {
            continue;
        }
        if entry.path().is_dir() {
            name.push('/');
        }
        names.push(name);
    }
    (open + 1 + folder, starting(names, prefix))
}

// Calls.

/// The path of what is called by the innermost open parenthesis.
fn callee(before: &str) -> Option<&str> {
    let mut depth = 0usize;
    for (i, c) in before.char_indices().rev() {
        match c {
            ')' | ']' | '}' => depth += 1,
            '(' | '[' | '{' if depth > 0 => depth -= 1,
            '(' => {
                let path = path_before(before.get(..i)?);
                return (!path.is_empty()).then_some(path);
            }
            '[' | '{' | '\n' => return None,
            _ => {}
        }
    }
    None
}

fn signature_of(vm: &mut Vm, o: &Value) -> Option<Value> {
    let inspect = apy::modules::import::import_module(vm, "inspect").ok()?;
    vm.call_method(&inspect, "signature", std::slice::from_ref(o)).ok()
}

/// The parameters that can be given by name.
fn parameters(vm: &mut Vm, path: &str) -> Vec<String> {
    let Some(o) = object(vm, path) else { return Vec::new() };
    let Some(signature) = signature_of(vm, &o) else { return Vec::new() };
    let parameters = vm.get_attr_str(&signature, "parameters").and_then(|p| vm.call_method(&p, "values", &[]));
    let all = parameters.and_then(|p| vm.collect(&p)).unwrap_or_default();
    let mut names = Vec::new();
    for p in all {
        let kind = vm.get_attr_str(&p, "kind").ok().and_then(|k| vm.as_i64(&k).or_else(|| vm.index_i64(&k).ok()));
        // By position or name, or by name alone.
        if let (Some(1 | 3), Ok(name)) = (kind, vm.get_attr_str(&p, "name")) {
            names.push(vm.str_of(&name));
        }
    }
    names
}

/// What a hint says behind an opening parenthesis, or behind a comma between arguments: the signature of what is being
/// called and the first line of its documentation.
pub fn signature(vm: &mut Vm, before: &str) -> Option<String> {
    let opened = before.ends_with('(');
    let path = callee(before)?;
    if KEYWORDS.contains(&path) {
        return None;
    }
    let o = object(vm, path)?;
    let signature = signature_of(vm, &o).and_then(|s| vm.str(&s).ok()).map(|s| vm.str_of(s.value()));
    let doc =
        vm.get_attr_str(&o, "__doc__").ok().filter(|d| d.is_a::<Str>()).map(|d| vm.str_of(&d)).unwrap_or_default();
    let doc = doc.trim().lines().next().unwrap_or("").to_owned();
    let text = match (opened, signature) {
        (true, Some(s)) if doc.is_empty() => s.strip_prefix('(')?.to_owned(),
        (true, Some(s)) => format!("{}  # {doc}", s.strip_prefix('(')?),
        (false, Some(s)) => format!("{}# {path}{s}", if before.ends_with(' ') { " " } else { "  " }),
        (true, None) if !doc.is_empty() => format!("  # {doc}"),
        _ => return None,
    };
    Some(text.chars().take(LONGEST_HINT).filter(|c| !c.is_control()).collect())
}
