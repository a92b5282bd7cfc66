//! Names are resolved on threads of their own, so that the loop goes on meanwhile. The threads know nothing of the
//! interpreter: they leave the answer in its inbox and wake the loop.

use super::core::{self, EventLoop};
use super::{future, gather, polling};
use crate::modules::socket::resolve::{Found, Query, answer};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};
use std::collections::HashMap;

/// The futures that wait for answers, by the questions' numbers.
#[derive(Default)]
struct Questions {
    waiting: HashMap<u64, (Value, Value)>,
    last: u64,
}

/// A future of what `getaddrinfo` finds.
///
/// # Errors
/// TypeError for arguments of wrong kinds; RuntimeError when no thread can be started.
pub fn resolve(vm: &mut Vm, l: &Ref<EventLoop>, a: &[Value]) -> R {
    core::check_open(vm, l)?;
    let query = Query::new(vm, a)?;
    polling::ensure_reactor(vm, l)?;
    let f = future::create_future(vm, l.value())?;
    let number = {
        let q = vm.state::<Questions>();
        q.last += 1;
        q.waiting.insert(q.last, (f.clone(), l.value().clone()));
        q.last
    };
    let (shared, waker) = (vm.shared(), l.get(vm).waker.clone());
    let started = std::thread::Builder::new().name("resolver".into()).spawn(move || {
        let _ = nix::sys::signal::SigSet::all().thread_block();
        let found = query.run();
        shared.post(Box::new(move |vm| answered(vm, number, found)));
        if let Some(wake) = waker {
            // The loop may be closed by now, which does no harm.
            wake();
        }
    });
    if let Err(e) = started {
        vm.state::<Questions>().waiting.remove(&number);
        return Err(vm.os_error(&e, None));
    }
    let mut this = l.get_mut(vm);
    this.outside = this.outside.saturating_add(1);
    Ok(f)
}

fn answered(vm: &mut Vm, number: u64, found: Found) -> R<()> {
    let Some((f, l)) = vm.state::<Questions>().waiting.remove(&number) else { return Ok(()) };
    let Some(l) = l.cast::<EventLoop>() else { return Ok(()) };
    {
        let mut this = l.get_mut(vm);
        this.outside = this.outside.saturating_sub(1);
    }
    if l.get(vm).closed || gather::is_done(vm, &f)? {
        return Ok(());
    }
    match answer(vm, found) {
        Ok(v) => future::set_result(vm, &f, v),
        Err(e) => {
            let e = vm.exception_value(e);
            future::set_exception(vm, &f, e)
        }
    }
}
