//! The modules written in apy that the binary carries.

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
}

include!(concat!(env!("OUT_DIR"), "/stdlib.rs"));

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
