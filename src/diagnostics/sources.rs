//! The source texts that tracebacks quote.
//!
//! Files are read again when a line is needed, as CPython does. Texts that are no files (`<string>`, `<stdin>`,
//! modules that the binary carries) are remembered here, the newest few of them.

use crate::vm::Vm;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How many texts are remembered.
const MOST: usize = 256;

/// The texts of an interpreter.
#[derive(Default)]
pub struct Sources {
    texts: HashMap<String, Arc<str>>,
    order: VecDeque<String>,
    /// Files that were read for a traceback; emptied before each report.
    files: HashMap<String, Option<Arc<str>>>,
}

/// Remembers the text of something that is no file.
pub fn remember(vm: &mut Vm, filename: &str, text: &str) {
    if !(filename.starts_with('<') && filename.ends_with('>')) {
        return;
    }
    let s: &mut Sources = vm.state();
    if s.texts.insert(filename.to_owned(), text.into()).is_none() {
        s.order.push_back(filename.to_owned());
        if s.order.len() > MOST
            && let Some(old) = s.order.pop_front()
        {
            s.texts.remove(&old);
        }
    }
}

/// A line of a source text, counted from 1, without its line break.
pub fn line(vm: &mut Vm, filename: &str, line: u32) -> Option<String> {
    let text = text(vm, filename)?;
    text.lines().nth(line.checked_sub(1)? as usize).map(str::to_owned)
}

/// A whole source text.
pub fn text(vm: &mut Vm, filename: &str) -> Option<Arc<str>> {
    let s: &mut Sources = vm.state();
    if let Some(t) = s.texts.get(filename) {
        return Some(t.clone());
    }
    if let Some(path) = filename.strip_prefix(crate::modules::import::STDLIB_PATH) {
        let path = path.trim_start_matches('/');
        return crate::modules::stdlib::source_of(path).map(Arc::from);
    }
    if filename.starts_with('<') {
        return None;
    }
    if let Some(t) = s.files.get(filename) {
        return t.clone();
    }
    let read = std::fs::read(filename).ok();
    let text: Option<Arc<str>> = read.and_then(|b| apy_grammar::decode(&b).ok().map(|t| Arc::from(t.as_ref())));
    let s: &mut Sources = vm.state();
    s.files.insert(filename.to_owned(), text.clone());
    text
}

/// Forgets the files, which may have changed since.
pub fn forget_files(vm: &mut Vm) {
    vm.state::<Sources>().files.clear();
}
