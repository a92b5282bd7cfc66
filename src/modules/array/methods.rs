//! The named methods of arrays: what changes them, and what turns them into something else.

use super::{check_whole, items, items_of_iterable, plain_array, sequence};
use crate::objects::bytes::array_data::{Array, check_resizable};
use crate::objects::bytes::bytes_from;
use crate::objects::memoryview;
use crate::objects::slice::bound_argument;
use crate::vm::native::{GetSetDef, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::seq::List;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};

/// How much `tofile` writes at once.
const BLOCK: usize = 64 << 10;

pub(super) const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("typecode", "the typecode character used to create the array", |vm, v| {
        let code = vm.this::<Array>(std::slice::from_ref(v), "typecode")?.get(vm).code;
        Ok(vm.new_char(u32::from(code)))
    }),
    GetSetDef::new("itemsize", "the size, in bytes, of one array item", |vm, v| {
        Ok(Value::len(vm.this::<Array>(std::slice::from_ref(v), "itemsize")?.get(vm).item_size))
    }),
];

pub(super) const METHODS: &[NativeDef] = &[
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new(
        "__buffer__(self, flags, /)",
        "Return a buffer object that exposes the memory of the object.",
        memoryview::native_buffer,
    ),
    NativeDef::new(
        "__release_buffer__(self, buffer, /)",
        "Release the buffer object that exposes the memory of the object.",
        memoryview::release_buffer,
    ),
    NativeDef::new("__sizeof__(self, /)", "Size of the array in memory, in bytes.", |vm, a| {
        let this = vm.this::<Array>(a, "__sizeof__")?.get(vm);
        Ok(Value::len(size_of::<Array>() + 16 + this.data.capacity()))
    }),
    NativeDef::new("__copy__(self, /)", "Return a copy of the array.", |vm, a| copy(vm, a, "__copy__")),
    NativeDef::new("__deepcopy__(self, unused, /)", "Return a copy of the array.", |vm, a| copy(vm, a, "__deepcopy__")),
    NativeDef::new("append(self, v, /)", "Append new value v to the end of the array.", append),
    NativeDef::new("buffer_info(self, /)", "Return a tuple of the memory address and the length in items.", |vm, a| {
        let array = vm.this::<Array>(a, "buffer_info")?;
        let (address, len) = (array.address(), array.get(vm).len());
        Ok(vm.pair([vm.int_from(address as u64), Value::len(len)]))
    }),
    NativeDef::new("byteswap(self, /)", "Byteswap all items of the array.", |vm, a| {
        let array = vm.this::<Array>(a, "byteswap")?;
        let size = array.get(vm).item_size;
        array.get_mut(vm).data.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        Ok(Value::NONE)
    }),
    NativeDef::new("clear(self, /)", "Remove all items from the array.", |vm, a| {
        let array = vm.this::<Array>(a, "clear")?;
        if !array.get(vm).is_empty() {
            check_resizable(vm, array)?;
        }
        array.get_mut(vm).data = Vec::new();
        Ok(Value::NONE)
    }),
    NativeDef::new("count(self, v, /)", "Return number of occurrences of v in the array.", |vm, a| {
        let array = vm.this::<Array>(a, "count")?;
        let (mut n, mut start) = (0, 0);
        while let Some(at) = sequence::find(vm, array, &a[1], start, usize::MAX)? {
            n += 1;
            start = at + 1;
        }
        Ok(Value::len(n))
    }),
    NativeDef::new("extend(self, bb, /)", "Append items to the end of the array.", extend),
    NativeDef::new(
        "frombytes(self, buffer, /)",
        "Append the items of a bytes-like object that holds machine values.",
        |vm, a| {
            let array = vm.this::<Array>(a, "frombytes")?;
            let more = bytes_from(vm, &a[1])?;
            append_bytes(vm, array, &more)?;
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("fromfile(self, f, n, /)", "Read n objects from the file object f and append them.", from_file),
    NativeDef::new("fromlist(self, list, /)", "Append items to array from list.", |vm, a| {
        let array = vm.this::<Array>(a, "fromlist")?;
        if !a[1].is_a::<List>() {
            return Err(vm.type_error("arg must be list"));
        }
        let code = array.get(vm).code;
        let more = items_of_iterable(vm, code, &a[1])?;
        append_bytes(vm, array, &more)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("fromunicode(self, ustr, /)", "Extend this array with the characters of a string.", |vm, a| {
        let array = vm.this::<Array>(a, "fromunicode")?;
        let Some(s) = a[1].cast::<Str>() else {
            let got = vm.class_name(&a[1]);
            return Err(vm.type_error(format!("fromunicode() argument must be str, not {got}")));
        };
        if !items::is_text(array.get(vm).code) {
            return Err(vm.value_error("fromunicode() may only be called on unicode type arrays ('u' or 'w')"));
        }
        let more = items::from_text(s.get(vm).as_bytes());
        append_bytes(vm, array, &more)?;
        Ok(Value::NONE)
    }),
    NativeDef::new(
        "index(self, v, start=0, stop=9223372036854775807, /)",
        "Return index of first occurrence of v in the array.",
        |vm, a| {
            let array = vm.this::<Array>(a, "index")?;
            let (start, stop) = (bound_argument(vm, arg(a, 2), 0)?, bound_argument(vm, arg(a, 3), i64::MAX)?);
            let len = array.get(vm).len() as i64;
            let clip = |at: i64| usize::try_from(if at < 0 { at.saturating_add(len) } else { at }).unwrap_or(0);
            match sequence::find(vm, array, &a[1], clip(start), clip(stop))? {
                Some(at) => Ok(Value::len(at)),
                None => Err(vm.value_error("array.index(x): x not in array")),
            }
        },
    ),
    NativeDef::new("insert(self, i, v, /)", "Insert a new item v into the array before position i.", insert),
    NativeDef::new("pop(self, i=-1, /)", "Return the i-th element and delete it from the array.", pop),
    NativeDef::new("remove(self, v, /)", "Remove the first occurrence of v in the array.", |vm, a| {
        let array = vm.this::<Array>(a, "remove")?;
        match sequence::find(vm, array, &a[1], 0, usize::MAX)? {
            Some(at) => delete(vm, array, at).map(|()| Value::NONE),
            None => Err(vm.value_error("array.remove(x): x not in array")),
        }
    }),
    NativeDef::new("reverse(self, /)", "Reverse the order of the items in the array.", |vm, a| {
        let array = vm.this::<Array>(a, "reverse")?;
        let size = array.get(vm).item_size;
        let mut this = array.get_mut(vm);
        this.data.reverse();
        this.data.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        Ok(Value::NONE)
    }),
    NativeDef::new(
        "tobytes(self, /)",
        "Convert the array to an array of machine values and return the bytes.",
        |vm, a| {
            let array = vm.this::<Array>(a, "tobytes")?;
            let size = array.get(vm).data.len();
            vm.check_alloc(size)?;
            Ok(vm.new_bytes(&array.get(vm).data).into())
        },
    ),
    NativeDef::new("tofile(self, f, /)", "Write all items (as machine values) to the file object f.", |vm, a| {
        let array = vm.this::<Array>(a, "tofile")?;
        let mut at = 0;
        while let Some(block) = array.get(vm).data.get(at..).filter(|rest| !rest.is_empty()) {
            let block = vm.new_bytes(block.get(..BLOCK).unwrap_or(block)).into_value();
            vm.call_method(&a[1], "write", &[block])?;
            at += BLOCK;
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("tolist(self, /)", "Convert array to an ordinary list with the same items.", |vm, a| {
        let array = vm.this::<Array>(a, "tolist")?;
        let all = items::all(vm, array)?;
        Ok(vm.list(all).into())
    }),
    NativeDef::new("tounicode(self, /)", "Convert the array to a unicode string.", |vm, a| {
        let array = vm.this::<Array>(a, "tounicode")?;
        if !items::is_text(array.get(vm).code) {
            return Err(vm.value_error("tounicode() may only be called on unicode type arrays ('u' or 'w')"));
        }
        let text = items::text(vm, array)?;
        Ok(vm.new_str_bytes(&text).into())
    }),
];

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let array = vm.this::<Array>(a, "__repr__")?;
    let code = array.get(vm).code;
    let class = vm.plain_class_name(&a[0]);
    if array.get(vm).is_empty() {
        return Ok(vm.new_str(&format!("{class}('{code}')")).into());
    }
    let content = if items::is_text(code) {
        let text = items::text(vm, array)?;
        vm.new_str_bytes(&text).into_value()
    } else {
        let all = items::all(vm, array)?;
        vm.list(all).into_value()
    };
    let shown = vm.repr(&content)?;
    let head = format!("{class}('{code}', ");
    Ok(vm.new_str_parts(&[head.as_bytes(), shown.get(vm).as_bytes(), b")"]).into())
}

fn copy(vm: &mut Vm, a: &[Value], method: &str) -> R {
    let array = vm.this::<Array>(a, method)?;
    let size = array.get(vm).data.len();
    vm.check_alloc(size)?;
    let data = array.get(vm).data.clone();
    Ok(plain_array(vm, array, data))
}

fn append_bytes(vm: &mut Vm, array: &Ref<Array>, more: &[u8]) -> R<()> {
    let size = array.get(vm).item_size;
    check_whole(vm, more.len(), size)?;
    if more.is_empty() {
        return Ok(());
    }
    sequence::check_room(vm, array, more.len())?;
    check_resizable(vm, array)?;
    array.get_mut(vm).data.extend_from_slice(more);
    Ok(())
}

fn append(vm: &mut Vm, a: &[Value]) -> R {
    let array = vm.this::<Array>(a, "append")?;
    let code = array.get(vm).code;
    let mut item = Vec::with_capacity(8);
    items::push(vm, code, &a[1], &mut item)?;
    append_bytes(vm, array, &item)?;
    Ok(Value::NONE)
}

fn extend(vm: &mut Vm, a: &[Value]) -> R {
    let array = vm.this::<Array>(a, "extend")?;
    if let Some(other) = a[1].cast::<Array>() {
        sequence::append_array(vm, array, other)?;
        return Ok(Value::NONE);
    }
    // Item by item: those before a wrong one stay, and the iterable may look at the array meanwhile.
    let code = array.get(vm).code;
    let array = array.clone();
    vm.for_each(&a[1], |vm, v| {
        let mut item = Vec::with_capacity(8);
        items::push(vm, code, &v, &mut item)?;
        append_bytes(vm, &array, &item)?;
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(Value::NONE)
}

fn from_file(vm: &mut Vm, a: &[Value]) -> R {
    let array = vm.this::<Array>(a, "fromfile")?;
    let n = vm.index_i64(&a[2])?;
    let size = array.get(vm).item_size;
    let Ok(n) = usize::try_from(n) else { return Err(vm.value_error("negative count")) };
    let Some(wanted) = n.checked_mul(size).filter(|&bytes| i64::try_from(bytes).is_ok()) else {
        return Err(vm.memory_error(""));
    };
    let got = vm.call_method(&a[1], "read", &[Value::len(wanted)])?;
    let Some(data) = got.cast::<Bytes>() else {
        return Err(vm.type_error("read() didn't return bytes"));
    };
    let data = data.get(vm).as_bytes().to_vec();
    append_bytes(vm, array, &data)?;
    if data.len() == wanted {
        return Ok(Value::NONE);
    }
    let class = vm.exc.EOFError.clone();
    Err(vm.raise_text(&class, "read() didn't return enough bytes"))
}

fn insert(vm: &mut Vm, a: &[Value]) -> R {
    let array = vm.this::<Array>(a, "insert")?;
    let i = vm.index_i64(&a[1])?;
    let (code, size) = (array.get(vm).code, array.get(vm).item_size);
    let mut item = Vec::with_capacity(8);
    items::push(vm, code, &a[2], &mut item)?;
    check_resizable(vm, array)?;
    let len = array.get(vm).len();
    let at = if i < 0 { i.saturating_add(len as i64) } else { i };
    let at = usize::try_from(at).unwrap_or(0).min(len) * size;
    vm.charge((array.get(vm).data.len() - at) / 512);
    array.get_mut(vm).data.splice(at..at, item);
    Ok(Value::NONE)
}

fn delete(vm: &mut Vm, array: &Ref<Array>, at: usize) -> R<()> {
    check_resizable(vm, array)?;
    vm.charge(array.get(vm).len().saturating_sub(at) / 64);
    let mut this = array.get_mut(vm);
    let (start, end) = (at * this.item_size, (at + 1) * this.item_size);
    if end <= this.data.len() {
        this.data.drain(start..end);
    }
    Ok(())
}

fn pop(vm: &mut Vm, a: &[Value]) -> R {
    let array = vm.this::<Array>(a, "pop")?;
    let i = match arg(a, 1) {
        Some(v) => vm.index_i64(v)?,
        None => -1,
    };
    let len = array.get(vm).len();
    if len == 0 {
        return Err(vm.index_error("pop from empty array"));
    }
    let found = match crate::objects::str::position(i, len) {
        Some(at) => items::item(vm, array, at)?.map(|v| (at, v)),
        None => None,
    };
    let Some((at, v)) = found else { return Err(vm.index_error("pop index out of range")) };
    delete(vm, array, at)?;
    Ok(v)
}
