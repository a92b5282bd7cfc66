//! Binary, in-place and unary operators: which side's method is asked first, and what it means when none answers.
//!
//! Sequences have `+` and `*` of a second rank: the other side's reflected method is asked before them, because in
//! Python's model they belong to another protocol than numbers do.

use super::{BinOp, UnOp};
use crate::vm::class::Class;
use crate::vm::function::Native;
use crate::vm::object::{Kind, Ref};
use crate::vm::special::Special;
use crate::vm::str::Str;
use crate::vm::value::Value;
use crate::vm::{R, Vm};

/// What is known of each operator: method, reflected method, in-place method, symbol.
const OPERATORS: [(Special, Special, Option<Special>, &str); 14] = [
    (Special::Add, Special::RAdd, Some(Special::IAdd), "+"),
    (Special::Sub, Special::RSub, Some(Special::ISub), "-"),
    (Special::Mul, Special::RMul, Some(Special::IMul), "*"),
    (Special::MatMul, Special::RMatMul, Some(Special::IMatMul), "@"),
    (Special::TrueDiv, Special::RTrueDiv, Some(Special::ITrueDiv), "/"),
    (Special::FloorDiv, Special::RFloorDiv, Some(Special::IFloorDiv), "//"),
    (Special::Mod, Special::RMod, Some(Special::IMod), "%"),
    (Special::Pow, Special::RPow, Some(Special::IPow), "** or pow()"),
    (Special::LShift, Special::RLShift, Some(Special::ILShift), "<<"),
    (Special::RShift, Special::RRShift, Some(Special::IRShift), ">>"),
    (Special::And, Special::RAnd, Some(Special::IAnd), "&"),
    (Special::Or, Special::ROr, Some(Special::IOr), "|"),
    (Special::Xor, Special::RXor, Some(Special::IXor), "^"),
    (Special::DivMod, Special::RDivMod, None, "divmod()"),
];

impl BinOp {
    /// All operators by number.
    pub const ALL: [BinOp; 14] = [
        BinOp::Add,
        BinOp::Sub,
        BinOp::Mul,
        BinOp::MatMul,
        BinOp::TrueDiv,
        BinOp::FloorDiv,
        BinOp::Mod,
        BinOp::Pow,
        BinOp::LShift,
        BinOp::RShift,
        BinOp::And,
        BinOp::Or,
        BinOp::Xor,
        BinOp::DivMod,
    ];

    /// `__add__` and its like.
    pub fn special(self) -> Special {
        OPERATORS[self as usize].0
    }

    /// `__radd__` and its like.
    pub fn reflected(self) -> Special {
        OPERATORS[self as usize].1
    }

    /// `__iadd__` and its like.
    pub fn in_place(self) -> Option<Special> {
        OPERATORS[self as usize].2
    }

    /// How messages show it.
    pub fn symbol(self) -> &'static str {
        OPERATORS[self as usize].3
    }
}

impl UnOp {
    /// The special method and the symbol in messages.
    fn parts(self) -> (Special, &'static str) {
        match self {
            UnOp::Neg => (Special::Neg, "unary -"),
            UnOp::Pos => (Special::Pos, "unary +"),
            UnOp::Invert => (Special::Invert, "unary ~"),
            UnOp::Abs => (Special::Abs, "abs()"),
        }
    }
}

/// How messages show the in-place form of an operator.
fn in_place_symbol(op: BinOp) -> String {
    let symbol = if op == BinOp::Pow { "**" } else { op.symbol() };
    format!("{symbol}=")
}

impl Vm {
    /// `a op b`.
    ///
    /// # Errors
    /// TypeError when neither side knows how; what the special methods raise.
    #[inline]
    pub fn binary(&mut self, op: BinOp, a: &Value, b: &Value) -> R {
        if let Some(v) = self.quick_binary(op, a, b) {
            return Ok(v);
        }
        let result = self.binary_methods(op, a, b)?;
        if result.is_not_implemented() { Err(self.unsupported(op.symbol(), a, b)) } else { Ok(result) }
    }

    /// The commonest operations on inline numbers, which cannot fail, and `+` of plain strings.
    #[inline]
    fn quick_binary(&self, op: BinOp, a: &Value, b: &Value) -> Option<Value> {
        if let (Some(a), Some(b)) = (a.as_small_int(), b.as_small_int()) {
            return match op {
                BinOp::Add => Some(self.int(a + b)),
                BinOp::Sub => Some(self.int(a - b)),
                BinOp::Mul => a.checked_mul(b).map(|p| self.int(p)),
                BinOp::And => Some(self.int(a & b)),
                BinOp::Or => Some(self.int(a | b)),
                BinOp::Xor => Some(self.int(a ^ b)),
                _ => None,
            };
        }
        if let (Some(a), Some(b)) = (a.as_small_float(), b.as_small_float()) {
            return match op {
                BinOp::Add => Some(self.float(a + b)),
                BinOp::Sub => Some(self.float(a - b)),
                BinOp::Mul => Some(self.float(a * b)),
                BinOp::TrueDiv if b != 0.0 => Some(self.float(a / b)),
                _ => None,
            };
        }
        if op == BinOp::Add
            && let (Some(x), Some(y)) = (a.cast::<Str>(), b.cast::<Str>())
            && x.header().layout().is_exact()
            && y.header().layout().is_exact()
            && x.get(self).byte_len() + y.get(self).byte_len() < 1 << 16
        {
            return Some(self.concat_str(x, y).into());
        }
        None
    }

    /// Asks both sides' methods; `NotImplemented` when none answers.
    fn binary_methods(&mut self, op: BinOp, a: &Value, b: &Value) -> R {
        if matches!(op, BinOp::Add | BinOp::Mul)
            && (self.has_sequence_operators(a) || op == BinOp::Mul && self.has_sequence_operators(b))
        {
            return self.guarded(|vm| vm.sequence_binary(op, a, b));
        }
        self.guarded(|vm| vm.number_binary(op, a, b, &[]))
    }

    fn number_binary(&mut self, op: BinOp, a: &Value, b: &Value, more: &[Value]) -> R {
        let (ca, cb) = (self.class_of(a), self.class_of(b));
        let left = self.class_special(ca, op.special());
        let mut right = if ca.is(cb) { None } else { self.class_special(cb, op.reflected()) };
        if let Some(r) = &right
            && cb.is_subclass(self, ca)
            && self.class_special(ca, op.reflected()).is_none_or(|own| !own.is(r))
        {
            let r = r.clone();
            right = None;
            let result = self.call_operator(&r, b, a, more)?;
            if !result.is_not_implemented() {
                return Ok(result);
            }
        }
        if let Some(f) = left {
            let result = self.call_operator(&f, a, b, more)?;
            if !result.is_not_implemented() {
                return Ok(result);
            }
        }
        match right {
            Some(f) => self.call_operator(&f, b, a, more),
            None => Ok(Value::NOT_IMPLEMENTED),
        }
    }

    /// The operator when the left side's method has answered `NotImplemented` and the right side's class is no subclass
    /// of the left side's.
    ///
    /// # Errors
    /// TypeError when the right side does not know how either; what its method raises.
    pub(in crate::vm) fn binary_refused(&mut self, op: BinOp, in_place: bool, a: &Value, b: &Value) -> R {
        let (ca, cb) = (self.class_of(a), self.class_of(b));
        let right = if ca.is(cb) { None } else { self.class_special(cb, op.reflected()) };
        if let Some(f) = right {
            let result = self.guarded(|vm| vm.call_operator(&f, b, a, &[]))?;
            if !result.is_not_implemented() {
                return Ok(result);
            }
        }
        let symbol = if in_place { in_place_symbol(op) } else { op.symbol().to_owned() };
        Err(self.unsupported(&symbol, a, b))
    }

    #[inline]
    fn call_operator(&mut self, f: &Value, this: &Value, other: &Value, more: &[Value]) -> R {
        match more {
            [] => self.call_special(f, this, std::slice::from_ref(other)),
            [modulus, ..] => self.call_special(f, this, &[other.clone(), modulus.clone()]),
        }
    }

    /// Whether `+` and `*` of the object are the concatenation and repetition of a native sequence.
    fn has_sequence_operators(&self, v: &Value) -> bool {
        match v.kind() {
            None | Some(Kind::Int | Kind::Float | Kind::Instance | Kind::Complex) => false,
            Some(_) => self.is_sequence_class(self.class_of(v)),
        }
    }

    fn is_sequence_class(&self, class: &Ref<Class>) -> bool {
        let native = |s| self.class_special(class, s).is_some_and(|f| f.is_a::<Native>());
        native(Special::Add)
            && self.class_special(class, Special::RAdd).is_none()
            && native(Special::Mul)
            && self.class_special(class, Special::Len).is_some()
    }

    fn sequence_binary(&mut self, op: BinOp, a: &Value, b: &Value) -> R {
        let (seq_a, seq_b) = (self.has_sequence_operators(a), self.has_sequence_operators(b));
        // Numbers' methods go first, on either side.
        if !seq_a || !seq_b {
            let (f, this, other) =
                if seq_a { (self.special(b, op.reflected()), b, a) } else { (self.special(a, op.special()), a, b) };
            if let Some(f) = f {
                let result = self.call_special(&f, this, std::slice::from_ref(other))?;
                if !result.is_not_implemented() {
                    return Ok(result);
                }
            }
        }
        let (seq, other) = if seq_a { (a, b) } else { (b, a) };
        if op == BinOp::Mul && !self.is_int(other) && self.special(other, Special::Index).is_none() {
            let class = self.class_name(other);
            return Err(self.type_error(format!("can't multiply sequence by non-int of type '{class}'")));
        }
        match self.special(seq, op.special()) {
            Some(f) => self.call_special(&f, seq, std::slice::from_ref(other)),
            None => Ok(Value::NOT_IMPLEMENTED),
        }
    }

    /// `a op= b`: the new value of `a`.
    ///
    /// # Errors
    /// TypeError when neither side knows how; what the special methods raise.
    #[inline]
    pub fn inplace(&mut self, op: BinOp, a: &Value, b: &Value) -> R {
        if let Some(v) = self.quick_binary(op, a, b) {
            return Ok(v);
        }
        if let Some(f) = op.in_place().and_then(|s| self.special(a, s)) {
            let sequence =
                matches!(op, BinOp::Add | BinOp::Mul) && f.is_a::<Native>() && self.has_sequence_operators(a);
            if sequence
                && !self.has_sequence_operators(b)
                && let Some(r) = self.special(b, op.reflected())
            {
                let result = self.guarded(|vm| vm.call_special(&r, b, std::slice::from_ref(a)))?;
                if !result.is_not_implemented() {
                    return Ok(result);
                }
            }
            if sequence && op == BinOp::Mul && !self.is_int(b) && self.special(b, Special::Index).is_none() {
                let class = self.class_name(b);
                return Err(self.type_error(format!("can't multiply sequence by non-int of type '{class}'")));
            }
            let result = self.guarded(|vm| vm.call_special(&f, a, std::slice::from_ref(b)))?;
            if !result.is_not_implemented() {
                return Ok(result);
            }
        }
        let result = self.binary_methods(op, a, b)?;
        if result.is_not_implemented() {
            return Err(self.unsupported(&in_place_symbol(op), a, b));
        }
        Ok(result)
    }

    /// `pow(a, b, modulus)`.
    ///
    /// # Errors
    /// TypeError when neither `a` nor `b` knows how; what the special methods raise.
    pub fn power_mod(&mut self, a: &Value, b: &Value, modulus: &Value) -> R {
        if modulus.is_none() {
            return self.binary(BinOp::Pow, a, b);
        }
        let result = self.guarded(|vm| vm.number_binary(BinOp::Pow, a, b, std::slice::from_ref(modulus)))?;
        if result.is_not_implemented() {
            return Err(self.type_error(format!(
                "unsupported operand type(s) for ** or pow(): '{}', '{}', '{}'",
                self.class_name(a),
                self.class_name(b),
                self.class_name(modulus)
            )));
        }
        Ok(result)
    }

    #[cold]
    fn unsupported(&mut self, symbol: &str, a: &Value, b: &Value) -> crate::vm::exception::Raised {
        let is_print = symbol == ">>" && {
            let name = self.intern("print");
            self.builtins.get_str(self, &name).is_some_and(|f| f.is(a))
        };
        let (a, b) = (self.class_name(a), self.class_name(b));
        let mut text = format!("unsupported operand type(s) for {symbol}: '{a}' and '{b}'");
        if is_print {
            text.push_str(". Did you mean \"print(<message>, file=<output_stream>)\"?");
        }
        self.type_error(text)
    }

    /// `op a`.
    ///
    /// # Errors
    /// TypeError when the object does not know how; what the special method raises.
    pub fn unary(&mut self, op: UnOp, a: &Value) -> R {
        if let Some(i) = a.as_small_int() {
            return Ok(match op {
                UnOp::Neg => self.int(-i),
                UnOp::Pos => a.clone(),
                UnOp::Invert => self.int(!i),
                UnOp::Abs => self.int(i.abs()),
            });
        }
        let (special, symbol) = op.parts();
        match self.special(a, special) {
            Some(f) => self.guarded(|vm| vm.call_special(&f, a, &[])),
            None => Err(self.type_error(format!("bad operand type for {symbol}: '{}'", self.class_name(a)))),
        }
    }
}
