//! The modules written in apy that the binary carries: their sources, and their code, which was compiled when the binary
//! was built.

use crate::compiler::{Code, packed};
use std::sync::Arc;

/// One of them.
pub struct StdlibModule {
    /// Its dotted name.
    pub name: &'static str,
    /// It is a package.
    pub is_package: bool,
    /// Its path below `stdlib/`.
    pub path: &'static str,
    /// Its source text.
    pub source: &'static str,
    /// Its code, see [`packed`].
    code: &'static [u8],
}

impl StdlibModule {
    /// Its code, as it is without `-O`.
    pub fn code(&self) -> Option<Arc<Code>> {
        packed::unpack(self.code)
    }
}

include!(concat!(env!("OUT_DIR"), "/stdlib.rs"));

/// A name by its place among all names.
const fn name(begin: usize, end: usize) -> &'static str {
    NAMES.split_at(end).0.split_at(begin).1
}

/// Finds a module by its dotted name.
pub fn find(name: &str) -> Option<&'static StdlibModule> {
    MODULES.binary_search_by(|m| m.name.cmp(name)).ok().map(|i| &MODULES[i])
}

/// The names of all of them.
pub fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|m| m.name)
}

/// The source of the module at a path below `stdlib/`.
pub fn source_of(path: &str) -> Option<&'static str> {
    MODULES.iter().find(|m| m.path == path).map(|m| m.source)
}

#[cfg(test)]
mod tests {
    use super::MODULES;
    use crate::compiler::{self, CompileOptions, packed};
    use crate::modules::import::STDLIB_PATH;

    #[test]
    fn carried_code_is_what_compiling_gives() {
        for m in MODULES {
            let code = m.code().unwrap_or_else(|| panic!("{} is carried without code", m.name));
            assert!(packed::pack(&code) == m.code, "{} is not read as it was written", m.name);
            let arena = bumpalo::Bump::new();
            let parsed = apy_grammar::parse(&arena, m.source, apy_grammar::Mode::Exec).expect("it is a program");
            let filename = format!("{STDLIB_PATH}/{}", m.path);
            let options = CompileOptions { top_level_await: true, ..CompileOptions::new(&filename) };
            let output = compiler::compile(&parsed.module, m.source, &options).expect("it compiles");
            assert!(packed::pack(&output.code) == m.code, "{} compiles to something else", m.name);
        }
    }
}
