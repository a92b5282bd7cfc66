//! Which modules are being imported by which thread: others that want one of them wait until its code has run.
//!
//! Two threads that import modules which import each other would wait for ever; who finds that goes on with the
//! unfinished module, as CPython does.

use crate::vm::threads::Parker;
use crate::vm::{R, Vm};
use std::sync::Arc;

/// A module whose code runs.
struct Import {
    name: String,
    thread: u64,
    waiting: Vec<Arc<Parker>>,
}

/// What is being imported, and who waits for what.
#[derive(Default)]
struct Importing {
    imports: Vec<Import>,
    waits: Vec<(u64, String)>,
}

impl Importing {
    fn owner(&self, name: &str) -> Option<u64> {
        self.imports.iter().find(|i| i.name == name).map(|i| i.thread)
    }

    /// Whether the import of `name` by another thread cannot end before `me` goes on.
    fn would_deadlock(&self, name: &str, me: u64) -> bool {
        let mut name = name;
        for _ in 0..=self.waits.len() {
            let Some(owner) = self.owner(name) else { return false };
            if owner == me {
                return true;
            }
            match self.waits.iter().find(|(t, _)| *t == owner) {
                Some((_, next)) => name = next,
                None => return false,
            }
        }
        true
    }
}

/// Waits while another thread imports the module.
///
/// # Errors
/// What signals and stop requests raise.
pub fn wait(vm: &mut Vm, name: &str) -> R<()> {
    loop {
        if vm.state::<Importing>().imports.is_empty() {
            return Ok(());
        }
        let (me, parker) = (vm.thread_ident(), vm.parker());
        let state = vm.state::<Importing>();
        if state.owner(name).is_none_or(|t| t == me) || state.would_deadlock(name, me) {
            return Ok(());
        }
        state.waits.push((me, name.to_owned()));
        if let Some(i) = state.imports.iter_mut().find(|i| i.name == name) {
            i.waiting.push(parker);
        }
        vm.park(None);
        vm.state::<Importing>().waits.retain(|(t, _)| *t != me);
        vm.checkpoint()?;
    }
}

/// The calling thread begins to import the module.
pub fn begin(vm: &mut Vm, name: &str) {
    let thread = vm.thread_ident();
    vm.state::<Importing>().imports.push(Import { name: name.to_owned(), thread, waiting: Vec::new() });
}

/// It has ended, one way or the other.
pub fn end(vm: &mut Vm, name: &str) {
    let me = vm.thread_ident();
    let imports = &mut vm.state::<Importing>().imports;
    if let Some(at) = imports.iter().rposition(|i| i.name == name && i.thread == me) {
        for p in imports.remove(at).waiting {
            p.notify();
        }
    }
}
