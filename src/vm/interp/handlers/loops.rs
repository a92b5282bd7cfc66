//! Loops: iterators, and the steps over those that the machine knows by heart.

use super::super::Next;
use super::super::dispatch::{At, Exit, Handler, full, quick};
use super::drive::resume_for;
use super::suspend::make_own_generator;
use crate::compiler::opcodes::{FLAG_C, Op};
use crate::vm::Vm;
use crate::vm::dict::Dict;
use crate::vm::object::{Kind, Ref};
use crate::vm::seq::{DictIter, DictPart, Enumerate, SeqIter, SeqSource, Zip};
use crate::vm::special::Special;
use crate::vm::value::Value;

quick! {
    /// Of exactly a list or a tuple; anything else is for the full handler.
    pub fn get_iter(m) {
        let Some(h) = m.b().header().filter(|h| h.layout().is_exact()) else { return m.leave_to(get_iter_of_script) };
        let (class, source) = match h.kind {
            Kind::List => (&m.vm.types.list_iterator, SeqSource::List(Ref::from_value_unchecked(m.in_b()))),
            Kind::Tuple => (&m.vm.types.tuple_iterator, SeqSource::Tuple(Ref::from_value_unchecked(m.in_b()))),
            _ => return m.leave_to(get_iter_full),
        };
        let it = m.vm.alloc_as(class, SeqIter { source, at: 0 }).into_value();
        m.put(it)
    }
}

quick! {
    /// Of a script's object whose `__iter__` is a generator function.
    #[inline(never)]
    fn get_iter_of_script(m) {
        make_own_generator(m, Special::Iter, get_iter_full)
    }
}

full! {
    fn get_iter_full(m) {
        let v = m.in_b();
        let it = m.vm.get_iter_op(v)?;
        m.set(it);
        Ok(Next::Reload)
    }
}

/// The next item of the iterators that the loop knows by heart; `None` at the end, and for everything else.
#[inline(always)]
fn advance(vm: &Vm, it: &Value) -> Option<Value> {
    if it.kind() != Some(Kind::SeqIter) {
        return None;
    }
    // SAFETY: of this kind are these alone. The source is another object than the iterator, and nothing else refers
    // to the payloads meanwhile.
    unsafe {
        let it = &mut *it.cast::<SeqIter>()?.as_ptr();
        match &mut it.source {
            SeqSource::Range { next, step, left } => {
                if *left == 0 {
                    return None;
                }
                let v = Value::small_int(*next)?;
                *left -= 1;
                *next = next.wrapping_add(*step);
                Some(v)
            }
            SeqSource::List(l) => {
                let items = &(*l.as_ptr()).items;
                let v = items.get(it.at)?.clone();
                it.at += 1;
                Some(v)
            }
            SeqSource::Tuple(t) => {
                let t = &*t.as_ptr();
                let v = t.items().get(it.at)?.clone();
                it.at += 1;
                Some(v)
            }
            SeqSource::Str(s) => {
                let b = *(*s.as_ptr()).as_bytes().get(it.at)?;
                if b >= 0x80 {
                    return None;
                }
                // Making one would be a call, for which all loops had to save registers.
                let v = vm.known_char(b)?;
                it.at += 1;
                Some(v)
            }
            SeqSource::Done => None,
        }
    }
}

/// Whether the next call of [`advance`] gives an item.
#[inline(always)]
fn is_ready(vm: &Vm, it: &Value) -> bool {
    let Some(it) = it.cast::<SeqIter>() else { return false };
    // SAFETY: as for `advance`.
    unsafe {
        let it = &*it.as_ptr();
        match &it.source {
            SeqSource::Range { next, left, .. } => *left > 0 && Value::small_int(*next).is_some(),
            SeqSource::List(l) => it.at < (*l.as_ptr()).items.len(),
            SeqSource::Tuple(t) => it.at < (*t.as_ptr()).items().len(),
            SeqSource::Str(s) => {
                let b = (*s.as_ptr()).as_bytes().get(it.at);
                b.is_some_and(|&b| b < 0x80 && vm.known_char(b).is_some())
            }
            SeqSource::Done => false,
        }
    }
}

/// Whether a loop's iterator is one that [`advance`] knows, at its end, and nobody else's: then the loop may drop it.
#[inline(always)]
fn is_spent(it: &Value) -> bool {
    let Some(it) = it.cast::<SeqIter>().filter(|it| it.header().is_unique()) else { return false };
    // SAFETY: as for `advance`.
    unsafe {
        let it = &*it.as_ptr();
        match &it.source {
            SeqSource::Range { left, .. } => *left == 0,
            SeqSource::List(l) => it.at >= (*l.as_ptr()).items.len(),
            SeqSource::Tuple(t) => it.at >= (*t.as_ptr()).items().len(),
            SeqSource::Str(_) => false,
            SeqSource::Done => true,
        }
    }
}

/// The next key and value of a dict that kept its keys since the iteration began.
#[inline(always)]
fn advance_dict(it: &mut DictIter) -> Option<(&Value, &Value)> {
    let d = it.dict.as_ref()?;
    // SAFETY: the iterator keeps the dict alive, which nothing changes while the item is in use.
    let d: &Dict = unsafe { &*d.as_ptr() };
    if d.changes() != it.changes || it.reverse {
        return None;
    }
    let (next, key, value) = d.next_entry(it.at)?;
    it.at = next;
    Some((key, value))
}

/// The next pair of a `zip` of two, an `enumerate` or a dict's items, where what they walk over is known by heart;
/// `None` at the end and for everything else.
#[inline(always)]
fn advance_pair(vm: &Vm, it: &Value) -> Option<(Value, Value)> {
    let h = it.header()?;
    if !h.layout().is_exact() {
        return None;
    }
    // SAFETY: kinds tell payloads; nothing else refers to this one meanwhile.
    unsafe {
        match h.kind {
            Kind::Zip => {
                let it = &*it.cast::<Zip>()?.as_ptr();
                let [x, y] = &*it.its else { return None };
                // The first must not move on when the second has ended or is unknown here.
                if it.strict || x.is(y) || !is_ready(vm, y) {
                    return None;
                }
                let x = advance(vm, x)?;
                Some((x, advance(vm, y)?))
            }
            Kind::Enumerate => {
                let it = &mut *it.cast::<Enumerate>()?.as_ptr();
                let after = Value::small_int(it.count.as_small_int()? + 1)?;
                let v = advance(vm, &it.it)?;
                Some((std::mem::replace(&mut it.count, after), v))
            }
            Kind::DictIter => {
                let it = &mut *it.cast::<DictIter>()?.as_ptr();
                if it.part != DictPart::Items {
                    return None;
                }
                advance_dict(it).map(|(k, v)| (k.clone(), v.clone()))
            }
            _ => None,
        }
    }
}

/// A step of a loop over pairs, whose body is `body` instructions away. Where it begins with unpacking the pair, that is
/// done as well, and no pair is made.
#[inline(always)]
fn step_pairs(mut m: At<'_>, body: i16, full: Handler) -> Exit {
    let ticks = m.vm.heap.ticks.get() - 1;
    if ticks < 0 {
        return m.leave_to(full);
    }
    // SAFETY: the verifier has checked that the body is in the code.
    let first = unsafe { *m.pc.offset(body as isize) };
    if first.op_byte() == Op::UnpackPair as u8 && first.c() == m.ins.a() && first.flags() & FLAG_C != 0 {
        let Some((x, y)) = advance_pair(m.vm, m.b()) else { return m.leave_to(full) };
        m.vm.heap.ticks.set(ticks);
        m.skip(i64::from(body) + 1);
        let one = std::mem::replace(m.reg(first.a()), x);
        let two = std::mem::replace(m.reg(first.b()), y);
        return m.release_both(one, two);
    }
    let Some(it) = m.b().cast::<DictIter>() else { return m.leave_to(full) };
    // SAFETY: as for `advance_pair`.
    let it = unsafe { &mut *it.as_ptr() };
    let v = match it.part {
        DictPart::Keys => advance_dict(it).map(|(k, _)| k.clone()),
        DictPart::Values => advance_dict(it).map(|(_, v)| v.clone()),
        DictPart::Items => None,
    };
    let Some(v) = v else { return m.leave_to(full) };
    m.vm.heap.ticks.set(ticks);
    m.skip(body);
    m.put(v)
}

quick! {
    pub fn for_iter(m) {
        match advance(m.vm, m.b()) {
            Some(v) => m.put(v),
            None => m.leave_to(for_iter_other),
        }
    }
}

quick! {
    #[inline(never)]
    fn for_iter_other(m) {
        match m.b().kind() {
            Some(Kind::Generator) => m.leave_to(resume_for_iter),
            Some(Kind::SeqIter) if is_spent(m.b()) => {
                let it = m.take(m.ins.b());
                m.skip(m.ins.offset16());
                m.release(it)
            }
            Some(Kind::Zip | Kind::Enumerate | Kind::DictIter) => step_pairs(m, 0, for_iter_full),
            _ => m.leave_to(for_iter_full),
        }
    }
}

quick! {
    #[inline(never)]
    fn resume_for_iter(m) {
        resume_for(m, for_iter_full)
    }
}

full! {
    fn for_iter_full(m) {
        if let Some(s) = m.b().cast::<SeqIter>() {
            match SeqIter::advance(s, m.vm) {
                Some(v) => m.set(v),
                None => {
                    *m.b() = Value::UNDEF;
                    m.jump(m.ins.offset16());
                }
            }
            return Ok(Next::Reload);
        }
        m.vm.for_iter(m.ins.whole(), false)
    }
}

quick! {
    pub fn for_loop(m) {
        let ticks = m.vm.heap.ticks.get() - 1;
        if ticks < 0 {
            return m.leave_to(for_loop_full);
        }
        match advance(m.vm, m.b()) {
            Some(v) => {
                m.vm.heap.ticks.set(ticks);
                m.skip(m.ins.offset16());
                m.put(v)
            }
            None => m.leave_to(for_loop_other),
        }
    }
}

quick! {
    #[inline(never)]
    fn for_loop_other(m) {
        match m.b().kind() {
            Some(Kind::Generator) => m.leave_to(resume_for_loop),
            Some(Kind::SeqIter) if is_spent(m.b()) => {
                let it = m.take(m.ins.b());
                m.release(it)
            }
            Some(Kind::Zip | Kind::Enumerate | Kind::DictIter) => {
                let body = m.ins.offset16();
                step_pairs(m, body, for_loop_full)
            }
            _ => m.leave_to(for_loop_full),
        }
    }
}

quick! {
    #[inline(never)]
    fn resume_for_loop(m) {
        resume_for(m, for_loop_full)
    }
}

full! {
    fn for_loop_full(m) {
        if let Some(s) = m.b().cast::<SeqIter>() {
            match SeqIter::advance(s, m.vm) {
                Some(v) => {
                    m.set(v);
                    m.jump(m.ins.offset16());
                    m.tick()?;
                }
                None => *m.b() = Value::UNDEF,
            }
            return Ok(Next::Reload);
        }
        m.tick()?;
        m.vm.for_iter(m.ins.whole(), true)
    }
}
