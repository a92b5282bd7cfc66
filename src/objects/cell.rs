//! `cell`: a variable that closures share.

use crate::vm::class_ops::address;
use crate::vm::function::CellObject;
use crate::vm::native::{GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::{R, Value, Vm};

const METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, contents=<unrepresentable>, /)", "Create a new cell object.", |vm, a| {
        let value = arg(a, 1).cloned().unwrap_or(Value::UNDEF);
        Ok(vm.alloc(CellObject { value }).into())
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let c = vm.this::<CellObject>(a, "__repr__")?;
        let (at, value) = (address(c.value()), c.get(vm).value.clone());
        let text = if value.is_undef() {
            format!("<cell at {at:#x}: empty>")
        } else {
            format!("<cell at {at:#x}: {} object at {:#x}>", vm.class_name(&value), address(&value))
        };
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
];

const ATTRS: &[GetSetDef] = &[GetSetDef::with_set("cell_contents", "", contents, |vm, v, x| {
    let c = payload(vm, v)?;
    let old = std::mem::replace(&mut c.get_mut(vm).value, x.unwrap_or(Value::UNDEF));
    drop(old);
    Ok(())
})];

/// Adds the methods.
///
/// # Errors
/// None.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.types.cell.clone();
    vm.extend_class(&class, METHODS, ATTRS);
    let name = vm.names.__hash__.clone();
    vm.set_class_attr(&class, &name, Value::NONE);
    Ok(())
}

fn payload(vm: &mut Vm, v: &Value) -> R<Ref<CellObject>> {
    Ok(vm.this::<CellObject>(std::slice::from_ref(v), "cell_contents")?.clone())
}

fn contents(vm: &mut Vm, v: &Value) -> R {
    let value = payload(vm, v)?.get(vm).value.clone();
    if value.is_undef() { Err(vm.value_error("Cell is empty")) } else { Ok(value) }
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let (Some(x), Some(y)) = (arg_or_none(a, 0).cast::<CellObject>(), arg_or_none(a, 1).cast::<CellObject>()) else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    let (x, y) = (x.get(vm).value.clone(), y.get(vm).value.clone());
    if x.is_undef() || y.is_undef() {
        // An empty cell is less than all others.
        return Ok(op.holds((!x.is_undef()).cmp(&!y.is_undef())).into());
    }
    vm.rich_compare(&x, &y, op)
}
