//! Frame objects as scripts see them.

use crate::vm::frame_object::FrameObject;
use crate::vm::generator::{GenState, Generator};
use crate::vm::native::{GetSetDef, NativeDef};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

/// Gives `frame` its attributes.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.types.frame.clone();
    vm.extend_class(&class, METHODS, ATTRS);
    Ok(())
}

const METHODS: &[NativeDef] = &[
    NativeDef::new("clear(self, /)", "Clear all references held by the frame.", clear),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
];

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("f_code", "Return the code object being executed in this frame.", |vm, v| {
        let f = this(vm, v)?;
        Ok(f.get(vm).code.value().clone())
    }),
    GetSetDef::new("f_globals", "Return the global variables used by this frame.", |vm, v| {
        let f = this(vm, v)?;
        Ok(f.get(vm).globals.clone())
    }),
    GetSetDef::new("f_builtins", "Return the built-in variables used by this frame.", |vm, v| {
        let f = this(vm, v)?;
        Ok(f.get(vm).builtins.clone())
    }),
    GetSetDef::new("f_locals", "Return the mapping used by the frame to look up local variables.", |vm, v| {
        let f = this(vm, v)?;
        vm.frame_locals(&f)
    }),
    GetSetDef::new("f_back", "Return the previous stack frame, toward the caller.", |vm, v| {
        let f = this(vm, v)?;
        Ok(vm.frame_back(&f))
    }),
    GetSetDef::new("f_lineno", "Return the current line number in the frame.", |vm, v| {
        let f = this(vm, v)?;
        let line = line(vm, &f);
        Ok(if line == 0 { Value::NONE } else { Value::len(line as usize) })
    }),
    GetSetDef::new("f_lasti", "Return the index of the last attempted instruction in the frame.", |vm, v| {
        let f = this(vm, v)?;
        let pc = vm.frame_pc(&f);
        Ok(Value::len(pc as usize * 2))
    }),
    GetSetDef::new("f_generator", "Return the generator or coroutine associated with this frame, or None.", |vm, v| {
        let f = this(vm, v)?;
        let g = f.get(vm).generator.clone();
        Ok(if g.is_undef() { Value::NONE } else { g })
    }),
    GetSetDef::with_set(
        "f_trace",
        "Return the trace function for this frame, or None if no trace function is set.",
        |vm, v| {
            let f = this(vm, v)?;
            Ok(f.get(vm).trace.clone())
        },
        |vm, v, value| {
            let f = this(vm, v)?;
            let old = std::mem::replace(&mut f.get_mut(vm).trace, value.unwrap_or(Value::NONE));
            drop(old);
            Ok(())
        },
    ),
];

fn this(vm: &mut Vm, v: &Value) -> R<Ref<FrameObject>> {
    vm.this::<FrameObject>(std::slice::from_ref(v), "f_code").cloned()
}

/// The line that a frame is at; 0 when there is none.
pub fn line(vm: &Vm, f: &Ref<FrameObject>) -> u32 {
    let pc = vm.frame_pc(f);
    let code = f.get(vm).code.get(vm).code.clone();
    // What has not begun stands at its definition.
    if f.get(vm).generator.cast::<Generator>().is_some_and(|g| g.get(vm).state() == GenState::Created) {
        return code.first_line;
    }
    match code.positions.at(pc).line {
        0 => code.first_line,
        n => n,
    }
}

fn clear(vm: &mut Vm, a: &[Value]) -> R {
    let f = this(vm, &a[0])?;
    let (depth, generator) = (f.get(vm).depth, f.get(vm).generator.clone());
    if let Some(g) = generator.cast::<Generator>() {
        if vm.gen_state(g) == GenState::Running {
            return Err(vm.runtime_error("cannot clear an executing frame"));
        }
        if vm.gen_state(g) == GenState::Suspended {
            return Err(vm.runtime_error("cannot clear a suspended frame"));
        }
        return Ok(Value::NONE);
    }
    if depth > 0 {
        return Err(vm.runtime_error("cannot clear an executing frame"));
    }
    let old = std::mem::take(&mut f.get_mut(vm).registers);
    drop(old);
    Ok(Value::NONE)
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let f = this(vm, &a[0])?;
    let line = line(vm, &f);
    let code = f.get(vm).code.get(vm).code.clone();
    let text = format!("<frame at 0x{:x}, file '{}', line {line}, code {}>", f.address(), code.filename, code.name);
    Ok(vm.new_str(&text).into())
}
