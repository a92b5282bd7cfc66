//! `product`, `permutations`, `combinations`, `combinations_with_replacement`.
//!
//! Each keeps its pool of items and the positions of the arrangement given last. Invariant: every position is within
//! its pool, unless the iterator is `done`.

use super::{class, make, stop};
use crate::heap_object;
use crate::vm::function::Module;
use crate::vm::native::{Args, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// `product`.
    pub struct Product {
        /// One pool for each argument; they repeat.
        pools: Vec<Vec<Value>>,
        positions: Vec<usize>,
        started: bool,
        done: bool,
    }
    external = |this| this.positions.capacity() * size_of::<usize>();
}

heap_object! {
    /// The three that arrange the items of one pool.
    pub struct Arrangement {
        pool: Vec<Value>,
        positions: Vec<usize>,
        /// How often each place may still change before the one to its left does (`permutations`).
        cycles: Vec<usize>,
        /// How many items an arrangement has.
        size: usize,
        started: bool,
        done: bool,
    }
    external = |this| (this.pool.capacity() + this.positions.capacity()) * size_of::<Value>();
}

heap_object! {
    /// `combinations`.
    pub struct Combinations { inner: Ref<Arrangement> }
}

heap_object! {
    /// `combinations_with_replacement`.
    pub struct Replacements { inner: Ref<Arrangement> }
}

heap_object! {
    /// `permutations`.
    pub struct Permutations { inner: Ref<Arrangement> }
}

const PRODUCT: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *iterables, repeat=1)", "Create and return a new object.", product_new),
    NativeDef::new("__next__(self, /)", "Implement next(self).", product_next),
];

const PERMUTATIONS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, iterable, r=None)", "Create and return a new object.", |vm, a| {
        let pool = vm.collect(&a[1])?;
        let n = pool.len();
        let r = match arg(a, 2) {
            Some(v) if !v.is_none() => {
                if !vm.is_int(v) {
                    return Err(vm.type_error("Expected int as r"));
                }
                size(vm, v)?
            }
            _ => n,
        };
        let (positions, cycles) = if r > n { (Vec::new(), Vec::new()) } else {
            ((0..n).collect(), (0..r).map(|i| n - i).collect())
        };
        let inner = arrangement(vm, pool, positions, cycles, r, r > n);
        make(vm, a, Permutations { inner })
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let inner = vm.this::<Permutations>(a, "__next__")?.get(vm).inner.clone();
        next_of(vm, &inner, next_permutation)
    }),
];

const COMBINATIONS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, iterable, r)", "Create and return a new object.", |vm, a| {
        let pool = vm.collect(&a[1])?;
        let r = size(vm, &a[2])?;
        let done = r > pool.len();
        let positions = if done { Vec::new() } else { (0..r).collect() };
        let inner = arrangement(vm, pool, positions, Vec::new(), r, done);
        make(vm, a, Combinations { inner })
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let inner = vm.this::<Combinations>(a, "__next__")?.get(vm).inner.clone();
        next_of(vm, &inner, next_combination)
    }),
];

const REPLACEMENTS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, iterable, r)", "Create and return a new object.", |vm, a| {
        let pool = vm.collect(&a[1])?;
        let r = size(vm, &a[2])?;
        let done = pool.is_empty() && r > 0;
        vm.check_alloc(r.saturating_mul(size_of::<usize>()))?;
        let positions = if done { Vec::new() } else { vec![0; r] };
        let inner = arrangement(vm, pool, positions, Vec::new(), r, done);
        make(vm, a, Replacements { inner })
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let inner = vm.this::<Replacements>(a, "__next__")?.get(vm).inner.clone();
        next_of(vm, &inner, next_replacement)
    }),
];

/// Makes the classes.
pub(super) fn define(vm: &mut Vm, module: &Ref<Module>) -> R<()> {
    vm.define_class::<Arrangement>("itertools", "_arrangement", None, crate::vm::class::class_flag::NO_NEW)?;
    class::<Product>(vm, module, "product", PRODUCT)?;
    class::<Permutations>(vm, module, "permutations", PERMUTATIONS)?;
    class::<Combinations>(vm, module, "combinations", COMBINATIONS)?;
    class::<Replacements>(vm, module, "combinations_with_replacement", REPLACEMENTS)?;
    Ok(())
}

/// `r`, which must not be negative.
fn size(vm: &mut Vm, v: &Value) -> R<usize> {
    match usize::try_from(vm.index_i64(v)?) {
        Ok(r) => Ok(r),
        Err(_) => Err(vm.value_error("r must be non-negative")),
    }
}

fn arrangement(
    vm: &mut Vm,
    pool: Vec<Value>,
    positions: Vec<usize>,
    cycles: Vec<usize>,
    size: usize,
    done: bool,
) -> Ref<Arrangement> {
    vm.alloc(Arrangement { pool, positions, cycles, size, started: false, done })
}

/// The next arrangement: `advance` changes the positions, and says false at the end.
fn next_of(vm: &mut Vm, this: &Ref<Arrangement>, advance: fn(&mut Arrangement) -> bool) -> R {
    let size = this.get(vm).size;
    if this.get(vm).done {
        return stop();
    }
    vm.tick(1 + size / 16)?;
    let mut s = this.get_mut(vm);
    if s.started && !advance(&mut s) {
        s.done = true;
        return stop();
    }
    s.started = true;
    drop(s);
    vm.check_alloc(size * size_of::<Value>())?;
    let s = this.get(vm);
    let items = s.positions.iter().take(size).filter_map(|&p| s.pool.get(p).cloned()).collect();
    Ok(vm.tuple(items).into())
}

fn next_permutation(s: &mut Arrangement) -> bool {
    let n = s.pool.len();
    for i in (0..s.size).rev() {
        s.cycles[i] -= 1;
        if s.cycles[i] > 0 {
            let j = n - s.cycles[i];
            s.positions.swap(i, j);
            return true;
        }
        s.positions[i..].rotate_left(1);
        s.cycles[i] = n - i;
    }
    false
}

fn next_combination(s: &mut Arrangement) -> bool {
    let (n, r) = (s.pool.len(), s.size);
    // The rightmost position that is not as far right as it can be.
    let Some(i) = (0..r).rev().find(|&i| s.positions[i] != i + n - r) else { return false };
    s.positions[i] += 1;
    for j in i + 1..r {
        s.positions[j] = s.positions[j - 1] + 1;
    }
    true
}

fn next_replacement(s: &mut Arrangement) -> bool {
    let last = s.pool.len().wrapping_sub(1);
    let Some(i) = (0..s.size).rev().find(|&i| s.positions[i] != last) else { return false };
    let next = s.positions[i] + 1;
    s.positions[i..].fill(next);
    true
}

fn product_new(vm: &mut Vm, args: &Args<'_>) -> R {
    if args.kw_names.len() > 1 {
        let n = args.kw_names.len();
        return Err(vm.type_error(format!("product() takes at most 1 keyword argument ({n} given)")));
    }
    let mut repeat = 1;
    for (k, v) in args.keywords() {
        if !vm.str_is(k, "repeat") {
            let name = vm.str_of(k);
            return Err(vm.type_error(format!("product() got an unexpected keyword argument '{name}'")));
        }
        repeat = match usize::try_from(vm.index_i64(v)?) {
            Ok(n) => n,
            Err(_) => return Err(vm.value_error("repeat argument cannot be negative")),
        };
    }
    let given = if repeat == 0 { &[] } else { args.pos.get(1..).unwrap_or_default() };
    let Some(places) = given.len().checked_mul(repeat) else {
        return Err(vm.overflow_error("repeat argument too large"));
    };
    vm.check_alloc(places.saturating_mul(size_of::<usize>()))?;
    let mut pools = Vec::with_capacity(given.len());
    for v in given {
        pools.push(vm.collect(v)?);
    }
    let done = pools.iter().any(Vec::is_empty);
    vm.tick(places / 16)?;
    make(vm, args.pos, Product { pools, positions: vec![0; places], started: false, done })
}

fn product_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Product>(a, "__next__")?;
    if this.get(vm).done {
        return stop();
    }
    let places = this.get(vm).positions.len();
    vm.tick(1 + places / 16)?;
    let mut p = this.get_mut(vm);
    if p.started {
        let p = &mut *p;
        let kinds = p.pools.len();
        let mut moved = false;
        for i in (0..places).rev() {
            p.positions[i] += 1;
            if p.positions[i] < p.pools[i % kinds].len() {
                moved = true;
                break;
            }
            p.positions[i] = 0;
        }
        if !moved {
            p.done = true;
            return stop();
        }
    }
    p.started = true;
    drop(p);
    vm.check_alloc(places * size_of::<Value>())?;
    let p = this.get(vm);
    let pools = p.pools.iter().cycle();
    let items = p.positions.iter().zip(pools).filter_map(|(&at, pool)| pool.get(at).cloned()).collect();
    Ok(vm.tuple(items).into())
}
