//! `product`, `permutations`, `combinations`, `combinations_with_replacement`.
//!
//! Each keeps the positions of the items it gives next; a state without positions is at its end.

use super::{ITER, add_class};
use crate::heap_object;
use crate::vm::exception::Raised;
use crate::vm::function::Module;
use crate::vm::native::{Args, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `product`.
    pub struct Product {
        /// Those of one repetition.
        pools: Vec<Box<[Value]>>,
    }
    skip {
        /// How many positions there are: those of all repetitions.
        width: usize,
        /// The position in each pool, over and over; none before the first and after the last.
        indices: Vec<usize>,
        started: bool,
        ended: bool,
    }
    external = |this| (this.indices.capacity() + this.pools.iter().map(|p| p.len() + 2).sum::<usize>()) * 8;
}
heap_object! {
    /// The payload of `permutations`.
    pub struct Permutations {
        pool: Box<[Value]>,
    }
    skip {
        indices: Vec<usize>,
        cycles: Vec<usize>,
        started: bool,
        ended: bool,
    }
    external = |this| (this.pool.len() + this.indices.capacity() + this.cycles.capacity()) * 8;
}
heap_object! {
    /// The payload of `combinations`.
    pub struct Combinations {
        pool: Box<[Value]>,
    }
    skip {
        indices: Vec<usize>,
        started: bool,
        ended: bool,
    }
    external = |this| (this.pool.len() + this.indices.capacity()) * 8;
}
heap_object! {
    /// The payload of `combinations_with_replacement`.
    pub struct Multisets {
        pool: Box<[Value]>,
    }
    skip {
        indices: Vec<usize>,
        started: bool,
        ended: bool,
    }
    external = |this| (this.pool.len() + this.indices.capacity()) * 8;
}

const PRODUCT: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *iterables, repeat=1)", "Cartesian product of input iterables.", product_new),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", product_next),
];

const PERMUTATIONS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, iterable, r=None)", "Return successive r-length permutations.", permutations_new),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", permutations_next),
];

const COMBINATIONS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, iterable, r)", "Return successive r-length combinations.", |vm, a| {
        let class = vm.class_arg(&a[0])?;
        let (pool, r) = pool_and_length(vm, a)?;
        let ended = r > pool.len();
        let indices = if ended { Vec::new() } else { (0..r).collect() };
        Ok(vm.alloc_as(&class, Combinations { pool, indices, started: false, ended }).into())
    }),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", combinations_next),
];

const MULTISETS: &[NativeDef] = &[
    NativeDef::new(
        "__new__(cls, iterable, r)",
        "Return successive r-length combinations, each item as often as wanted.",
        |vm, a| {
            let class = vm.class_arg(&a[0])?;
            let (pool, r) = pool_and_length(vm, a)?;
            let ended = pool.is_empty() && r > 0;
            vm.check_alloc(r.saturating_mul(8))?;
            let indices = if ended { Vec::new() } else { vec![0; r] };
            Ok(vm.alloc_as(&class, Multisets { pool, indices, started: false, ended }).into())
        },
    ),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", multisets_next),
];

pub(super) fn init(vm: &mut Vm, module: &Ref<Module>) -> R<()> {
    add_class::<Product>(vm, module, "product", PRODUCT)?;
    add_class::<Permutations>(vm, module, "permutations", PERMUTATIONS)?;
    add_class::<Combinations>(vm, module, "combinations", COMBINATIONS)?;
    add_class::<Multisets>(vm, module, "combinations_with_replacement", MULTISETS)
}

fn pool_and_length(vm: &mut Vm, a: &[Value]) -> R<(Box<[Value]>, usize)> {
    let r = vm.index_i64(&a[2])?;
    let pool = vm.collect(&a[1])?;
    match usize::try_from(r) {
        Ok(r) => Ok((pool.into(), r)),
        Err(_) => Err(vm.value_error("r must be non-negative")),
    }
}

/// The items at these positions, as a tuple.
fn picked(vm: &Vm, pool: &[Value], indices: &[usize]) -> Value {
    vm.tuple(indices.iter().filter_map(|&i| pool.get(i).cloned()).collect()).into()
}

fn product_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((class, iterables)) = args.pos.split_first() else {
        return Err(vm.type_error("product.__new__(): not enough arguments"));
    };
    let class = vm.class_arg(class)?;
    let mut repeat = 1;
    for (name, v) in args.keywords() {
        if !vm.str_is(name, "repeat") {
            let name = vm.str_of(name);
            return Err(vm.type_error(format!("product() got an unexpected keyword argument '{name}'")));
        }
        repeat = vm.index_i64(v)?;
    }
    let Ok(repeat) = usize::try_from(repeat) else {
        return Err(vm.value_error("repeat argument cannot be negative"));
    };
    let Some(total) = iterables.len().checked_mul(repeat) else {
        return Err(vm.overflow_error("repeat argument too large"));
    };
    vm.check_alloc(total.saturating_mul(24))?;
    let mut pools = Vec::new();
    if repeat > 0 {
        for v in iterables {
            pools.push(vm.collect(v)?.into_boxed_slice());
        }
    }
    Ok(vm.alloc_as(&class, Product { pools, width: total, indices: Vec::new(), started: false, ended: false }).into())
}

fn product_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Product>(a, "__next__")?;
    {
        let mut guard = this.get_mut(vm);
        let p = &mut *guard;
        if !p.started {
            p.started = true;
            p.ended = p.pools.iter().any(|pool| pool.is_empty());
            p.indices = vec![0; p.width];
        } else if !p.ended {
            // Like an odometer: the last position moves, and carries over.
            p.ended = true;
            for (at, i) in p.indices.iter_mut().enumerate().rev() {
                let pool = &p.pools[at % p.pools.len()];
                *i += 1;
                if *i < pool.len() {
                    p.ended = false;
                    break;
                }
                *i = 0;
            }
        }
    }
    let p = this.get(vm);
    if p.ended {
        return Err(Raised::stop_iteration());
    }
    let items = p.indices.iter().zip(p.pools.iter().cycle()).filter_map(|(&i, pool)| pool.get(i).cloned()).collect();
    Ok(vm.tuple(items).into())
}

fn permutations_new(vm: &mut Vm, a: &[Value]) -> R {
    let class = vm.class_arg(&a[0])?;
    let pool: Box<[Value]> = vm.collect(&a[1])?.into();
    let n = pool.len();
    let r = match arg_or_none(a, 2) {
        v if v.is_none() => n,
        v => {
            if !vm.is_int(v) {
                return Err(vm.type_error("Expected int as r"));
            }
            match usize::try_from(vm.index_i64(v)?) {
                Ok(r) => r,
                Err(_) => return Err(vm.value_error("r must be non-negative")),
            }
        }
    };
    let ended = r > n;
    let cycles = if ended { Vec::new() } else { (0..r).map(|i| n - i).collect() };
    Ok(vm.alloc_as(&class, Permutations { pool, indices: (0..n).collect(), cycles, started: false, ended }).into())
}

fn permutations_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Permutations>(a, "__next__")?;
    {
        let mut guard = this.get_mut(vm);
        let p = &mut *guard;
        if !p.started {
            p.started = true;
        } else if !p.ended {
            p.ended = !advance_permutation(&mut p.indices, &mut p.cycles);
        }
    }
    let p = this.get(vm);
    if p.ended {
        return Err(Raised::stop_iteration());
    }
    Ok(picked(vm, &p.pool, p.indices.get(..p.cycles.len()).unwrap_or_default()))
}

/// Goes to the next permutation in lexicographic order; false after the last.
fn advance_permutation(indices: &mut [usize], cycles: &mut [usize]) -> bool {
    let n = indices.len();
    for i in (0..cycles.len()).rev() {
        cycles[i] -= 1;
        if cycles[i] == 0 {
            indices[i..].rotate_left(1);
            cycles[i] = n - i;
        } else {
            indices.swap(i, n - cycles[i]);
            return true;
        }
    }
    false
}

fn combinations_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Combinations>(a, "__next__")?;
    {
        let mut guard = this.get_mut(vm);
        let c = &mut *guard;
        if !c.started {
            c.started = true;
        } else if !c.ended {
            let (n, r) = (c.pool.len(), c.indices.len());
            // The last position that can still move; those behind it follow closely.
            match (0..r).rev().find(|&i| c.indices[i] != i + n - r) {
                None => c.ended = true,
                Some(i) => {
                    let first = c.indices[i] + 1;
                    for (k, slot) in c.indices[i..].iter_mut().enumerate() {
                        *slot = first + k;
                    }
                }
            }
        }
    }
    let c = this.get(vm);
    if c.ended {
        return Err(Raised::stop_iteration());
    }
    Ok(picked(vm, &c.pool, &c.indices))
}

fn multisets_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Multisets>(a, "__next__")?;
    {
        let mut guard = this.get_mut(vm);
        let c = &mut *guard;
        if !c.started {
            c.started = true;
        } else if !c.ended {
            let last = c.pool.len().saturating_sub(1);
            match c.indices.iter().rposition(|&i| i != last) {
                None => c.ended = true,
                Some(at) => {
                    let value = c.indices[at] + 1;
                    c.indices[at..].fill(value);
                }
            }
        }
    }
    let c = this.get(vm);
    if c.ended {
        return Err(Raised::stop_iteration());
    }
    Ok(picked(vm, &c.pool, &c.indices))
}
