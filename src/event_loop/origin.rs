//! Where tasks come from: the code that made a task, noted when it is made, and what is left of a task in the
//! traceback of the exception that ended it.
//!
//! Not here: how it is told (`diagnostics::awaits`). Invariant: nothing here keeps a task alive, so that an exception
//! nobody looked at is still reported as soon as its task goes.

use super::coroutine::NativeCoroutine;
use super::task::Task;
use crate::modules::import::STDLIB_PATH;
use crate::vm::exception::{Raised, Traceback};
use crate::vm::function::CodeObject;
use crate::vm::generator::Generator;
use crate::vm::object::Ref;
use crate::vm::str::{Str, Tuple};
use crate::vm::{Value, Vm};

/// So many frames of the library are looked through for the code that uses it.
const MOST_LIBRARY_FRAMES: usize = 8;

/// Whether code belongs to the standard library.
pub fn is_library(vm: &Vm, code: &Ref<CodeObject>) -> bool {
    code.get(vm).code.filename.starts_with(STDLIB_PATH)
}

/// The running code that is not the library's, and its instruction; `UNDEF` when there is none.
pub fn maker(vm: &Vm) -> (Value, u32) {
    for n in 0..MOST_LIBRARY_FRAMES {
        match vm.code_at(n) {
            Some((code, pc)) if !is_library(vm, &code) => return (code.into_value(), pc),
            Some(_) => {}
            None => break,
        }
    }
    (Value::UNDEF, 0)
}

/// What a traceback keeps of a task.
pub struct Origin {
    /// Its name, in quotation marks if it was given one.
    pub name: String,
    /// The qualified name of its coroutine; empty where that has none.
    pub coroutine: String,
    /// The code that made it, and the instruction there.
    pub made: Option<(Ref<CodeObject>, u32)>,
}

/// Notes in the traceback of the exception that ends a task whose it was.
#[cold]
pub fn mark(vm: &mut Vm, t: &Ref<Task>, e: &Raised) {
    let Some(x) = e.exception() else { return };
    let Some(tb) = x.get(vm).traceback.cast::<Traceback>().cloned() else { return };
    if !tb.get(vm).task.is_undef() {
        return;
    }
    let this = t.get(vm);
    let (name, coro, pc) = (this.name.clone(), this.coro.clone(), this.maker_pc);
    let maker = if this.maker.is_undef() { Value::NONE } else { this.maker.clone() };
    let coroutine = if let Some(g) = coro.cast::<Generator>() {
        vm.gen_qualname(g)
    } else if coro.is_a::<NativeCoroutine>() {
        vm.get_attr_str(&coro, "__qualname__").unwrap_or(Value::NONE)
    } else {
        Value::NONE
    };
    let pc = vm.int(i64::from(pc));
    let noted = vm.tuple(vec![name, coroutine, maker, pc]).into_value();
    tb.get_mut(vm).task = noted;
}

/// The task that ended by the exception with this level of its traceback as the outermost.
pub fn of(vm: &Vm, tb: &Ref<Traceback>) -> Option<Origin> {
    let noted = tb.get(vm).task.cast::<Tuple>()?;
    let [name, coroutine, maker, pc] = noted.get(vm).items() else { return None };
    let name = match vm.as_i64(name) {
        Some(n) => format!("Task-{n}"),
        None => format!("'{}'", text(vm, name)),
    };
    let pc = vm.as_i64(pc).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    Some(Origin { name, coroutine: text(vm, coroutine), made: maker.cast::<CodeObject>().map(|c| (c.clone(), pc)) })
}

fn text(vm: &Vm, v: &Value) -> String {
    v.cast::<Str>().map_or_else(String::new, |s| s.get(vm).to_string_lossy().into_owned())
}
