//! What `except` and `except*` clauses do.

use super::group::{self, Matcher};
use crate::vm::class::Class;
use crate::vm::exception::{Exception, Raised};
use crate::vm::seq::List;
use crate::vm::str::Tuple;
use crate::vm::{R, Value, Vm};

const NOT_EXCEPTIONS: &str = "catching classes that do not inherit from BaseException is not allowed";
const GROUPS: &str = "catching ExceptionGroup with except* is not allowed. Use except instead.";

fn kinds(vm: &Vm, kind: &Value) -> Vec<Value> {
    match kind.cast::<Tuple>() {
        Some(t) => t.get(vm).items().to_vec(),
        None => vec![kind.clone()],
    }
}

/// Splits what `except*` looks at into the part that matches a class or tuple of classes and the rest; `None` for
/// an empty part, also for what is looked at.
///
/// # Errors
/// TypeError for what cannot be caught so; what an overridden `split` raises.
pub fn except_star_match(vm: &mut Vm, exc: &Value, kind: &Value) -> R<(Value, Value)> {
    let listed = kinds(vm, kind);
    if !listed.iter().all(|k| vm.is_exception_class(k)) {
        return Err(vm.type_error(NOT_EXCEPTIONS));
    }
    let base = vm.exc.BaseExceptionGroup.clone();
    if listed.iter().filter_map(|k| k.cast::<Class>()).any(|c| c.is_subclass(vm, &base)) {
        return Err(vm.type_error(GROUPS));
    }
    if exc.is_none() {
        return Ok((Value::NONE, Value::NONE));
    }
    let is_group = vm.is_instance(exc, &base);
    if vm.exception_matches(exc, kind) {
        if is_group {
            return Ok((exc.clone(), Value::NONE));
        }
        let wrapped = group::wrapped(vm, exc)?;
        return Ok((wrapped, Value::NONE));
    }
    if !is_group {
        return Ok((Value::NONE, exc.clone()));
    }
    let pair = vm.call_method(exc, "split", std::slice::from_ref(kind))?;
    let items = pair.cast::<Tuple>().map(|t| t.get(vm).items().to_vec());
    match items.as_deref() {
        Some([matched, rest, ..]) => Ok((matched.clone(), rest.clone())),
        _ => Err(group::bad_split(vm, exc, &pair)),
    }
}

/// Whether one group is a part of the other: traceback, cause and context are the same objects. Notes may have been
/// added to the part, and are lost as in CPython.
fn same_metadata(vm: &mut Vm, a: &Value, b: &Value) -> bool {
    let (Some(x), Some(y)) = (a.cast::<Exception>(), b.cast::<Exception>()) else { return false };
    let base = vm.exc.BaseExceptionGroup.clone();
    if !vm.is_instance(a, &base) || !vm.is_instance(b, &base) {
        return false;
    }
    let (p, q) = (x.get(vm), y.get(vm));
    p.traceback.is(&q.traceback) && p.cause.is(&q.cause) && p.context.is(&q.context)
}

/// The end of a `try` with `except*`: what is to be raised, given the original exception and the list of what the
/// clauses raised and left over (`None`s allowed); `None` when all was handled.
///
/// # Errors
/// What `derive` raises.
pub fn prep_reraise_star(vm: &mut Vm, orig: &Value, list: &Value) -> R {
    let all = match list.cast::<List>() {
        Some(l) => l.get(vm).items.clone(),
        None => vm.collect(list)?,
    };
    if all.is_empty() {
        return Ok(Value::NONE);
    }
    if !vm.is_instance(orig, &vm.exc.BaseExceptionGroup) {
        // A plain exception was wrapped; at most one clause can have run.
        return Ok(all[0].clone());
    }
    let (mut raised, mut reraised) = (Vec::new(), Vec::new());
    for e in all.into_iter().filter(|e| !e.is_none()) {
        if same_metadata(vm, &e, orig) {
            reraised.push(e);
        } else {
            raised.push(e);
        }
    }
    let mut left = Value::NONE;
    if !reraised.is_empty() {
        let mut ids = Vec::new();
        for e in &reraised {
            group::leaves(vm, e, &mut ids)?;
        }
        left = group::split(vm, orig, &Matcher::Identity(ids), false)?.0;
    }
    if !left.is_none() {
        raised.push(left);
    }
    match raised.len() {
        0 => Ok(Value::NONE),
        1 => Ok(raised.swap_remove(0)),
        _ => group::anonymous(vm, raised),
    }
}

impl Vm {
    /// Whether `except kind` catches an exception.
    ///
    /// # Errors
    /// TypeError when `kind` is neither an exception class nor a tuple of them.
    pub fn check_exception_match(&mut self, exc: &Value, kind: &Value) -> R<bool> {
        if self.is_exception_class(kind) {
            return Ok(self.exception_matches(exc, kind));
        }
        let fine = match kind.cast::<Tuple>() {
            Some(t) => t.get(self).items().iter().all(|k| self.is_exception_class(k)),
            None => false,
        };
        if fine { Ok(self.exception_matches(exc, kind)) } else { Err(self.cannot_catch()) }
    }

    #[cold]
    fn cannot_catch(&mut self) -> Raised {
        self.type_error(NOT_EXCEPTIONS)
    }
}
