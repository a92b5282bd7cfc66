//! The iterators over a string: one class for ASCII, one for other text, as in CPython.

use crate::heap_object;
use crate::text::gutf8;
use crate::vm::class::Class;
use crate::vm::native::NativeDef;
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Raised, Value, Vm};

heap_object! {
    /// An iterator over code points.
    pub struct StrIter {
        /// The string; `None` when exhausted.
        text: Option<Ref<Str>>,
        /// Where the next code point starts, in bytes.
        byte: usize,
        /// The next position, in code points.
        at: usize,
    }
}

/// The two classes.
#[derive(Default)]
struct Classes {
    ascii: Option<Ref<Class>>,
    other: Option<Ref<Class>>,
}

const METHODS: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        Ok(vm.this::<StrIter>(a, "__iter__")?.value().clone())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", next),
    NativeDef::new("__length_hint__(self, /)", "Private method returning an estimate of len(list(it)).", length_hint),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", reduce),
    NativeDef::new("__setstate__(self, state, /)", "Set state information for unpickling.", setstate),
];

pub(super) fn init(vm: &mut Vm) -> R<()> {
    let ascii = vm.define_class::<StrIter>("builtins", "str_ascii_iterator", None, 0)?;
    let other = vm.define_class::<StrIter>("builtins", "str_iterator", None, 0)?;
    vm.extend_class(&ascii, METHODS, &[]);
    vm.extend_class(&other, METHODS, &[]);
    let classes = vm.state::<Classes>();
    classes.ascii = Some(ascii);
    classes.other = Some(other);
    Ok(())
}

pub(super) fn str_iter(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "__iter__")?;
    let ascii = s.get(vm).is_ascii();
    let classes = vm.state::<Classes>();
    let class = if ascii { classes.ascii.clone() } else { classes.other.clone() };
    let it = StrIter { text: Some(s.clone()), byte: 0, at: 0 };
    Ok(match class {
        Some(class) => vm.alloc_as(&class, it).into(),
        None => vm.alloc(it).into(),
    })
}

fn next(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<StrIter>(a, "__next__")?;
    let this = it.get(vm);
    let found = this.text.as_ref().and_then(|s| gutf8::decode_at(s.get(vm).as_bytes(), this.byte));
    let mut this = it.get_mut(vm);
    match found {
        Some((cp, len)) => {
            this.byte += len;
            this.at += 1;
            drop(this);
            Ok(vm.new_char(cp))
        }
        None => {
            this.text = None;
            Err(Raised::stop_iteration())
        }
    }
}

fn length_hint(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<StrIter>(a, "__length_hint__")?.get(vm);
    let left = it.text.as_ref().map_or(0, |s| s.get(vm).char_len().saturating_sub(it.at));
    Ok(Value::len(left))
}

fn reduce(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<StrIter>(a, "__reduce__")?;
    let name = vm.intern("iter");
    let builtins = vm.builtins.clone();
    let iter = builtins.get_str(vm, &name).unwrap_or(Value::NONE);
    let (text, at) = (it.get(vm).text.clone(), it.get(vm).at);
    let parts = match text {
        Some(s) => vec![iter, vm.tuple(vec![s.into_value()]).into_value(), Value::len(at)],
        None => {
            let empty = vm.empty_str().into_value();
            vec![iter, vm.tuple(vec![empty]).into_value()]
        }
    };
    Ok(vm.tuple(parts).into())
}

fn setstate(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<StrIter>(a, "__setstate__")?;
    let wanted = usize::try_from(vm.index_i64(&a[1])?).unwrap_or(0);
    if let Some(s) = it.get(vm).text.clone() {
        let text = s.get(vm);
        let at = wanted.min(text.char_len());
        let byte = gutf8::byte_offset(text.as_bytes(), at);
        let mut this = it.get_mut(vm);
        this.at = at;
        this.byte = byte;
    }
    Ok(Value::NONE)
}
