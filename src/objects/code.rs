//! `code`: the compiled form of functions as scripts see it.
//!
//! apy's bytecode is its own, so `co_code` and its relatives show apy's instructions, and a code object cannot be
//! built from raw bytes; `replace()` changes the descriptive fields.

use super::descriptors::read_only;
use crate::compiler::code::{Code, CodeFlags};
use crate::vm::class_ops::address;
use crate::vm::function::CodeObject;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use std::sync::Arc;

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args)", "Create a code object.", |vm, args| {
        let n = args.pos.len().saturating_sub(1);
        if n < 16 {
            return Err(vm.type_error(format!("code expected at least 16 arguments, got {n}")));
        }
        Err(vm.not_implemented_error("code objects cannot be made from bytes; use compile() or replace()"))
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let c = vm.this::<CodeObject>(a, "__repr__")?;
        let code = &c.get(vm).code;
        let text = format!(
            "<code object {} at {:#x}, file \"{}\", line {}>",
            code.name,
            address(c.value()),
            code.filename,
            code.first_line
        );
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", eq),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", hash),
    NativeDef::new("co_lines(self, /)", "Return an iterator of (start, end, line).", lines),
    NativeDef::new("co_positions(self, /)", "Return an iterator of (line, end line, column, end column).", positions),
    NativeDef::new("co_branches(self, /)", "Return an iterator of branches.", |vm, _| {
        let empty = vm.empty_tuple();
        vm.iter(&empty)
    }),
    NativeDef::raw(
        "replace(self, /, **changes)",
        "Return a copy of the code object with new values for the specified fields.",
        replace,
    ),
    NativeDef::raw("__replace__(self, /, **changes)", "The same as replace().", replace),
];

macro_rules! attr {
    ($name:literal, |$vm:ident, $code:ident| $body:expr) => {
        GetSetDef::with_set(
            $name,
            "",
            |$vm, v| {
                let object = payload($vm, v)?;
                let $code = object.get($vm).code.clone();
                Ok($body)
            },
            read_only,
        )
    };
}

const ATTRS: &[GetSetDef] = &[
    attr!("co_argcount", |_vm, c| Value::len(c.argcount as usize)),
    attr!("co_posonlyargcount", |_vm, c| Value::len(c.posonlyargcount as usize)),
    attr!("co_kwonlyargcount", |_vm, c| Value::len(c.kwonlyargcount as usize)),
    attr!("co_nlocals", |_vm, c| Value::len(c.varnames().count())),
    attr!("co_stacksize", |_vm, c| Value::len(c.nregs.saturating_sub(c.first_temp) as usize)),
    attr!("co_flags", |_vm, c| Value::len(c.flags.public() as usize)),
    attr!("co_firstlineno", |_vm, c| Value::len(c.first_line as usize)),
    attr!("co_name", |vm, c| vm.intern(&c.name).into()),
    attr!("co_qualname", |vm, c| vm.intern(&c.qualname).into()),
    attr!("co_filename", |vm, c| vm.intern(&c.filename).into()),
    attr!("co_varnames", |vm, c| names(vm, c.varnames())),
    attr!("co_cellvars", |vm, c| names(vm, c.cellvars())),
    attr!("co_freevars", |vm, c| names(vm, c.freevars.iter())),
    attr!("co_names", |vm, c| names(vm, c.names.iter())),
    GetSetDef::with_set(
        "co_consts",
        "",
        |vm, v| {
            let c = payload(vm, v)?;
            let consts = vm.code_consts(&c);
            Ok(vm.tuple(consts).into())
        },
        read_only,
    ),
    attr!("co_code", |vm, c| vm.new_bytes(&instruction_bytes(&c)).into()),
    attr!("_co_code_adaptive", |vm, c| vm.new_bytes(&instruction_bytes(&c)).into()),
    attr!("co_linetable", |vm, c| vm.new_bytes(&line_bytes(&c)).into()),
    attr!("co_lnotab", |vm, c| vm.new_bytes(&line_bytes(&c)).into()),
    attr!("co_exceptiontable", |vm, c| {
        let bytes: Vec<u8> =
            c.exceptions.iter().flat_map(|e| [e.start, e.end, e.target]).flat_map(u32::to_le_bytes).collect();
        vm.new_bytes(&bytes).into()
    }),
];

/// Adds the methods.
///
/// # Errors
/// None.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.types.code.clone();
    vm.extend_class(&class, METHODS, ATTRS);
    Ok(())
}

fn payload(vm: &mut Vm, v: &Value) -> R<Ref<CodeObject>> {
    Ok(vm.this::<CodeObject>(std::slice::from_ref(v), "code")?.clone())
}

fn names<'a>(vm: &mut Vm, list: impl Iterator<Item = &'a Arc<str>>) -> Value {
    let items = list.map(|n| vm.intern(n).into_value()).collect();
    vm.tuple(items).into()
}

fn instruction_bytes(code: &Code) -> Vec<u8> {
    code.instrs
        .iter()
        .flat_map(|i| {
            let mut bytes = [0u8; 8];
            bytes[0] = i.op_byte();
            bytes[1] = i.flags();
            bytes[2..4].copy_from_slice(&i.a().to_le_bytes());
            bytes[4..].copy_from_slice(&i.bc().to_le_bytes());
            bytes
        })
        .collect()
}

fn line_bytes(code: &Code) -> Vec<u8> {
    code.positions.rows().iter().flat_map(|(pc, p)| [*pc, p.line]).flat_map(u32::to_le_bytes).collect()
}

fn optional(n: u32, known: bool) -> Value {
    if known { Value::len(n as usize) } else { Value::NONE }
}

fn lines(vm: &mut Vm, a: &[Value]) -> R {
    let code = vm.this::<CodeObject>(a, "co_lines")?.get(vm).code.clone();
    let end = code.instrs.len() as u32;
    let rows = code.positions.rows();
    let mut merged: Vec<(u32, u32, u32)> = Vec::new();
    for (i, (start, p)) in rows.iter().enumerate() {
        let stop = rows.get(i + 1).map_or(end, |r| r.0);
        match merged.last_mut() {
            Some(last) if last.2 == p.line => last.1 = stop,
            _ => merged.push((*start, stop, p.line)),
        }
    }
    let items = merged
        .into_iter()
        .map(|(start, stop, line)| {
            let parts = vec![Value::len(start as usize * 2), Value::len(stop as usize * 2), optional(line, line != 0)];
            vm.tuple(parts).into_value()
        })
        .collect();
    let list = vm.list(items).into_value();
    vm.iter(&list)
}

fn positions(vm: &mut Vm, a: &[Value]) -> R {
    let code = vm.this::<CodeObject>(a, "co_positions")?.get(vm).code.clone();
    vm.check_alloc(code.instrs.len() * 64)?;
    let mut items = Vec::with_capacity(code.instrs.len());
    for pc in 0..code.instrs.len() as u32 {
        let p = code.positions.at(pc);
        let known = p.line != 0;
        let parts = [p.line, p.end_line, p.col, p.end_col].map(|n| optional(n, known)).to_vec();
        items.push(vm.tuple(parts).into_value());
    }
    let list = vm.list(items).into_value();
    vm.iter(&list)
}

/// What makes two code objects equal, constants apart.
fn same_shape(a: &Code, b: &Code) -> bool {
    a.name == b.name
        && a.qualname == b.qualname
        && a.first_line == b.first_line
        && a.flags == b.flags
        && (a.argcount, a.posonlyargcount, a.kwonlyargcount) == (b.argcount, b.posonlyargcount, b.kwonlyargcount)
        && a.names == b.names
        && a.freevars == b.freevars
        && a.varnames().eq(b.varnames())
        && instruction_bytes(a) == instruction_bytes(b)
        && a.positions.rows() == b.positions.rows()
        && a.exceptions == b.exceptions
}

fn eq(vm: &mut Vm, a: &[Value]) -> R {
    let (Some(x), Some(y)) = (arg_or_none(a, 0).cast::<CodeObject>(), arg_or_none(a, 1).cast::<CodeObject>()) else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    if x.is(y) {
        return Ok(Value::TRUE);
    }
    if !same_shape(&x.get(vm).code, &y.get(vm).code) {
        return Ok(Value::FALSE);
    }
    let (p, q) = (vm.code_consts(x), vm.code_consts(y));
    if p.len() != q.len() {
        return Ok(Value::FALSE);
    }
    for (m, n) in p.iter().zip(&q) {
        // `1`, `1.0` and `True` are equal, but not the same constant.
        if !vm.class_of(m).is(vm.class_of(n)) || !vm.equal(m, n)? {
            return Ok(Value::FALSE);
        }
    }
    Ok(Value::TRUE)
}

fn hash(vm: &mut Vm, a: &[Value]) -> R {
    let code = vm.this::<CodeObject>(a, "__hash__")?.get(vm).code.clone();
    let mut h = vm.hash_bytes(code.qualname.as_bytes()) ^ u64::from(code.first_line).rotate_left(32);
    h ^= vm.hash_bytes(&instruction_bytes(&code));
    Ok(vm.int(h as i64))
}

fn replace(vm: &mut Vm, args: &Args<'_>) -> R {
    let old = vm.this::<CodeObject>(args.pos, "replace")?.clone();
    if args.pos.len() > 1 {
        return Err(vm.type_error("replace() takes 0 positional arguments"));
    }
    let c = old.get(vm).code.clone();
    let (mut name, mut qualname, mut filename) = (c.name.clone(), c.qualname.clone(), c.filename.clone());
    let (mut first_line, mut flags) = (c.first_line, c.flags);
    for (key, value) in args.keywords() {
        match vm.str_of(key).as_str() {
            "co_name" => name = text(vm, value, "co_name")?,
            "co_qualname" => qualname = text(vm, value, "co_qualname")?,
            "co_filename" => filename = text(vm, value, "co_filename")?,
            "co_firstlineno" => first_line = u32::try_from(vm.index_i64(value)?).unwrap_or(first_line),
            "co_flags" => {
                let wanted = vm.index_i64(value)? as u32;
                // What the frame needs follows from the instructions and cannot be wished away.
                let fixed = CodeFlags::VARARGS
                    | CodeFlags::VARKEYWORDS
                    | CodeFlags::GENERATOR
                    | CodeFlags::COROUTINE
                    | CodeFlags::ASYNC_GENERATOR
                    | CodeFlags::OPTIMIZED;
                if (wanted ^ flags.0) & fixed != 0 {
                    return Err(vm.value_error("code: co_flags cannot change the kind of the code"));
                }
                flags = CodeFlags(wanted & 0x0fff_ffff | flags.0 & !0x0fff_ffff);
            }
            other @ ("co_argcount" | "co_posonlyargcount" | "co_kwonlyargcount" | "co_nlocals" | "co_stacksize"
            | "co_code" | "co_consts" | "co_names" | "co_varnames" | "co_freevars" | "co_cellvars"
            | "co_linetable" | "co_exceptiontable") => {
                let same = vm.get_attr_str(old.value(), other)?;
                if !vm.equal(&same, value)? {
                    return Err(vm.value_error(format!("replace() cannot change '{other}'")));
                }
            }
            other => {
                return Err(vm.type_error(format!("replace() got an unexpected keyword argument '{other}'")));
            }
        }
    }
    let new = Code {
        name,
        qualname,
        filename,
        first_line,
        flags,
        argcount: c.argcount,
        posonlyargcount: c.posonlyargcount,
        kwonlyargcount: c.kwonlyargcount,
        consts: c.consts.clone(),
        names: c.names.clone(),
        locals: c.locals.clone(),
        cell_registers: c.cell_registers.clone(),
        freevars: c.freevars.clone(),
        hidden: c.hidden.clone(),
        instrs: c.instrs.clone(),
        exceptions: c.exceptions.clone(),
        positions: c.positions.clone(),
        nregs: c.nregs,
        first_temp: c.first_temp,
        caches: c.caches.clone(),
    };
    Ok(vm.code_like(&old, new).into())
}

fn text(vm: &mut Vm, v: &Value, name: &str) -> R<Arc<str>> {
    match v.cast::<Str>() {
        Some(s) => Ok(s.get(vm).to_string_lossy().into()),
        None => Err(vm.type_error(format!("replace() argument '{name}' must be str, not {}", vm.class_name(v)))),
    }
}
