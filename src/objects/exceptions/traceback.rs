//! `traceback` objects.

use crate::vm::exception::Traceback;
use crate::vm::frame_object::FrameObject;
use crate::vm::native::{GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

const METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, tb_next, tb_frame, tb_lasti, tb_lineno)", "Create a new traceback object.", new),
    NativeDef::new("__dir__(self, /)", "The attributes.", |vm, _| {
        let names = ["tb_frame", "tb_next", "tb_lasti", "tb_lineno"].map(|n| vm.intern(n).into_value());
        Ok(vm.list(names.to_vec()).into())
    }),
];

const GETSETS: &[GetSetDef] = &[
    GetSetDef::with_set("tb_next", "", |vm, v| Ok(payload(vm, v)?.get(vm).next.clone()), set_next),
    GetSetDef::new("tb_frame", "", |vm, v| {
        let tb = payload(vm, v)?;
        frame_of(vm, &tb)
    }),
    // Two to an instruction, as in `f_lasti` and as `co_positions` is read.
    GetSetDef::new("tb_lasti", "", |vm, v| Ok(Value::len(payload(vm, v)?.get(vm).pc as usize * 2))),
    GetSetDef::new("tb_lineno", "", |vm, v| {
        let tb = payload(vm, v)?;
        Ok(line_of(vm, &tb).map_or(Value::NONE, |n| Value::len(n as usize)))
    }),
];

/// Adds the methods and attributes.
#[cold]
pub fn init(vm: &mut Vm) {
    let class = vm.types.traceback.clone();
    vm.extend_class(&class, METHODS, GETSETS);
}

fn payload(vm: &mut Vm, v: &Value) -> R<Ref<Traceback>> {
    Ok(vm.this::<Traceback>(std::slice::from_ref(v), "tb_next")?.clone())
}

/// The line of a level, if it has one.
pub fn line_of(vm: &Vm, tb: &Ref<Traceback>) -> Option<u32> {
    let t = tb.get(vm);
    if t.line != 0 {
        return Some(t.line);
    }
    let line = t.code.get(vm).code.positions.at(t.pc).line;
    (line != 0).then_some(line)
}

/// `tb_frame`: made when first asked for. That of a level that was left has no locals any more.
fn frame_of(vm: &mut Vm, tb: &Ref<Traceback>) -> R {
    let t = tb.get(vm);
    if !t.frame.is_undef() {
        return Ok(t.frame.clone());
    }
    if let Some(frame) = vm.handling_frame(tb) {
        tb.get_mut(vm).frame = frame.clone();
        return Ok(frame);
    }
    let t = tb.get(vm);
    let frame = FrameObject {
        code: t.code.clone(),
        globals: t.globals.clone(),
        builtins: vm.builtins.value().clone(),
        back: Value::NONE,
        closure: Value::UNDEF,
        namespace: Value::UNDEF,
        generator: Value::UNDEF,
        registers: Vec::new(),
        depth: 0,
        thread: 0,
        pc: t.pc,
        trace: Value::NONE,
        asked: true,
    };
    let frame = vm.alloc(frame).into_value();
    tb.get_mut(vm).frame = frame.clone();
    Ok(frame)
}

fn new(vm: &mut Vm, a: &[Value]) -> R {
    let next = arg_or_none(a, 1);
    if !next.is_none() && !next.is_a::<Traceback>() {
        let text = format!("expected traceback object or None, got '{}'", vm.class_name(next));
        return Err(vm.type_error(text));
    }
    let frame = arg_or_none(a, 2);
    let Some(f) = frame.cast::<FrameObject>() else {
        let text = format!("traceback() argument 'tb_frame' must be frame, not {}", vm.class_name(frame));
        return Err(vm.type_error(text));
    };
    let (pc, line) = (vm.index_i64(arg_or_none(a, 3))?, vm.index_i64(arg_or_none(a, 4))?);
    let (code, globals) = (f.get(vm).code.clone(), f.get(vm).globals.clone());
    let tb = Traceback {
        next: next.clone(),
        code,
        globals,
        frame: frame.clone(),
        pc: u32::try_from(pc / 2).unwrap_or(0),
        line: u32::try_from(line).unwrap_or(0),
        depth: 0,
        task: Value::UNDEF,
    };
    Ok(vm.alloc(tb).into())
}

fn set_next(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let tb = payload(vm, v)?;
    let Some(value) = value else { return Err(vm.type_error("can't delete tb_next attribute")) };
    if !value.is_none() && !value.is_a::<Traceback>() {
        let text = format!("expected traceback object, got '{}'", vm.class_name(&value));
        return Err(vm.type_error(text));
    }
    let mut at = value.clone();
    while let Some(t) = at.cast::<Traceback>() {
        if t.is(&tb) {
            return Err(vm.value_error("traceback loop detected"));
        }
        let next = t.get(vm).next.clone();
        at = next;
    }
    let old = std::mem::replace(&mut tb.get_mut(vm).next, value);
    drop(old);
    Ok(())
}
