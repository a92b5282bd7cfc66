//! The constants of a code object, without duplicates, and the folding of constant expressions.

use crate::compiler::code::Const;
use apy_grammar::ast::{Constant, Expr, ExprKind, Operator, UnaryOp};
use std::collections::HashMap;
use std::sync::Arc;

/// Constants in order of their first use.
#[derive(Default)]
pub struct ConstPool {
    pub list: Vec<Const>,
    index: HashMap<Vec<u8>, u32>,
}

impl ConstPool {
    /// The index of a constant. `1`, `1.0` and `True` differ, and so do `0.0` and `-0.0`.
    pub fn add(&mut self, value: Const) -> u32 {
        let next = self.list.len() as u32;
        let mut key = Vec::new();
        if !write_key(&value, &mut key) {
            self.list.push(value);
            return next;
        }
        let index = *self.index.entry(key).or_insert(next);
        if index == next {
            self.list.push(value);
        }
        index
    }
}

/// Writes a key that is equal for equal constants; false for code, which is never shared.
fn write_key(value: &Const, key: &mut Vec<u8>) -> bool {
    let mut bytes = |tag: u8, bytes: &[u8]| {
        key.push(tag);
        key.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        key.extend_from_slice(bytes);
    };
    match value {
        Const::None => bytes(0, &[]),
        Const::Bool(value) => bytes(1, &[u8::from(*value)]),
        Const::Ellipsis => bytes(2, &[]),
        Const::Int(value) => bytes(3, &value.to_le_bytes()),
        Const::BigInt { negative, digits, radix } => {
            bytes(4, &[u8::from(*negative), *radix as u8]);
            bytes(4, digits.as_bytes());
        }
        Const::Float(value) => bytes(5, &value.to_bits().to_le_bytes()),
        Const::Complex(re, im) => {
            bytes(6, &re.to_bits().to_le_bytes());
            bytes(6, &im.to_bits().to_le_bytes());
        }
        Const::Str(text) => bytes(7, text),
        Const::Bytes(text) => bytes(8, text),
        Const::Tuple(items) | Const::FrozenSet(items) => {
            bytes(if matches!(value, Const::Tuple(_)) { 9 } else { 10 }, &(items.len() as u64).to_le_bytes());
            return items.iter().all(|item| write_key(item, key));
        }
        Const::Code(_) => return false,
    }
    true
}

/// A str constant.
pub fn text(value: &str) -> Const {
    Const::Str(value.as_bytes().into())
}

/// The constant that a literal stands for.
pub fn literal(value: &Constant<'_>) -> Const {
    match *value {
        Constant::None => Const::None,
        Constant::Bool(value) => Const::Bool(value),
        Constant::Ellipsis => Const::Ellipsis,
        Constant::Int(value) => Const::Int(value),
        Constant::BigInt { digits, radix } => Const::BigInt { negative: false, digits: digits.into(), radix },
        Constant::Float(value) => Const::Float(value),
        Constant::Imaginary(value) => Const::Complex(0.0, value),
        Constant::Str { value, .. } => Const::Str(value.into()),
        Constant::Bytes(value) => Const::Bytes(value.into()),
    }
}

/// The truth of a constant.
pub fn truth(value: &Const) -> bool {
    match value {
        Const::None => false,
        Const::Bool(value) => *value,
        Const::Ellipsis | Const::BigInt { .. } | Const::Code(_) => true,
        Const::Int(value) => *value != 0,
        Const::Float(value) => *value != 0.0,
        Const::Complex(re, im) => *re != 0.0 || *im != 0.0,
        Const::Str(text) | Const::Bytes(text) => !text.is_empty(),
        Const::Tuple(items) | Const::FrozenSet(items) => !items.is_empty(),
    }
}

/// The value of an expression that is constant. Nesting is as deep as the parser allows, and long chains of binary
/// operators are walked in a loop.
pub fn fold(value: &Expr<'_>) -> Option<Const> {
    match &value.kind {
        ExprKind::Constant(constant) => Some(literal(constant)),
        ExprKind::Tuple { elts, .. } => {
            elts.iter().map(fold).collect::<Option<Vec<Const>>>().map(|items| Const::Tuple(items.into()))
        }
        ExprKind::UnaryOp { .. } => fold_unary(value),
        ExprKind::BinOp { .. } => {
            let mut spine = Vec::new();
            let mut leaf = value;
            while let ExprKind::BinOp { left, op, right } = &leaf.kind {
                spine.push((*op, *right));
                leaf = left;
            }
            let mut result = fold(leaf)?;
            for (op, right) in spine.into_iter().rev() {
                result = binary(op, &result, &fold(right)?)?;
            }
            Some(result)
        }
        _ => None,
    }
}

fn fold_unary(value: &Expr<'_>) -> Option<Const> {
    let mut ops = Vec::new();
    let mut leaf = value;
    while let ExprKind::UnaryOp { op, operand } = &leaf.kind {
        ops.push(*op);
        leaf = operand;
    }
    let mut result = fold(leaf)?;
    for op in ops.into_iter().rev() {
        result = unary(op, &result)?;
    }
    Some(result)
}

fn unary(op: UnaryOp, value: &Const) -> Option<Const> {
    Some(match (op, value) {
        (UnaryOp::Not, value) => Const::Bool(!truth(value)),
        (UnaryOp::USub, Const::Int(value)) => int(-i128::from(*value)),
        (UnaryOp::USub, Const::Bool(value)) => Const::Int(-i64::from(*value)),
        (UnaryOp::USub, Const::Float(value)) => Const::Float(-value),
        (UnaryOp::USub, Const::Complex(re, im)) => Const::Complex(-re, -im),
        (UnaryOp::USub, Const::BigInt { negative, digits, radix }) => {
            if !negative && *radix == 10 && digits.as_ref() == "9223372036854775808" {
                return Some(Const::Int(i64::MIN));
            }
            Const::BigInt { negative: !negative, digits: digits.clone(), radix: *radix }
        }
        (UnaryOp::UAdd, Const::Int(_) | Const::Float(_) | Const::Complex(..) | Const::BigInt { .. }) => value.clone(),
        (UnaryOp::Invert, Const::Int(value)) => Const::Int(!value),
        _ => return None,
    })
}

fn int(value: i128) -> Const {
    match i64::try_from(value) {
        Ok(value) => Const::Int(value),
        Err(_) => Const::BigInt { negative: value < 0, digits: value.unsigned_abs().to_string().into(), radix: 10 },
    }
}

fn as_int(value: &Const) -> Option<i128> {
    match value {
        Const::Int(value) => Some(i128::from(*value)),
        Const::Bool(value) => Some(i128::from(*value)),
        _ => None,
    }
}

fn as_float(value: &Const) -> Option<f64> {
    match value {
        Const::Float(value) => Some(*value),
        // Beyond 2**53 the conversion rounds; leave that to run time.
        Const::Int(value) if value.unsigned_abs() < 1 << 53 => Some(*value as f64),
        Const::Bool(value) => Some(f64::from(u8::from(*value))),
        _ => None,
    }
}

/// The largest str or bytes that folding makes.
const MAX_TEXT: usize = 4096;
/// The longest tuple that folding makes.
const MAX_TUPLE: usize = 256;

/// The value of an operation on constants, when it is small and certain.
pub fn binary(op: Operator, left: &Const, right: &Const) -> Option<Const> {
    if let (Some(a), Some(b)) = (as_int(left), as_int(right)) {
        let logical = matches!(op, Operator::BitAnd | Operator::BitOr | Operator::BitXor);
        if logical && matches!((left, right), (Const::Bool(_), Const::Bool(_))) {
            return int_binary(op, a, b).map(|value| Const::Bool(truth(&value)));
        }
        return int_binary(op, a, b);
    }
    match (left, right) {
        (Const::Str(a), Const::Str(b)) if op == Operator::Add && a.len() + b.len() <= MAX_TEXT => {
            return Some(Const::Str(join_wtf8(a, b)?));
        }
        (Const::Bytes(a), Const::Bytes(b)) if op == Operator::Add && a.len() + b.len() <= MAX_TEXT => {
            return Some(Const::Bytes([a.as_ref(), b.as_ref()].concat().into()));
        }
        (Const::Tuple(a), Const::Tuple(b)) if op == Operator::Add && a.len() + b.len() <= MAX_TUPLE => {
            return Some(Const::Tuple(a.iter().chain(b.iter()).cloned().collect()));
        }
        (value @ (Const::Str(_) | Const::Bytes(_) | Const::Tuple(_)), Const::Int(n))
        | (Const::Int(n), value @ (Const::Str(_) | Const::Bytes(_) | Const::Tuple(_)))
            if op == Operator::Mult =>
        {
            return repeat(value, usize::try_from((*n).max(0)).ok()?);
        }
        _ => {}
    }
    match (left, right) {
        (Const::Complex(re, im), other) => {
            let b = as_float(other)?;
            match op {
                Operator::Add => Some(Const::Complex(re + b, *im)),
                Operator::Sub => Some(Const::Complex(re - b, *im)),
                _ => None,
            }
        }
        (other, Const::Complex(re, im)) => {
            let a = as_float(other)?;
            match op {
                Operator::Add => Some(Const::Complex(a + re, *im)),
                Operator::Sub => Some(Const::Complex(a - re, -im)),
                _ => None,
            }
        }
        _ => float_binary(op, as_float(left)?, as_float(right)?),
    }
}

/// Two surrogates that meet would become one code point in UTF-8: that is not for folding.
fn join_wtf8(a: &[u8], b: &[u8]) -> Option<Arc<[u8]>> {
    let surrogates = a.last_chunk::<3>().is_some_and(|c| c[0] == 0xed && c[1] >= 0xa0)
        && b.first_chunk::<2>().is_some_and(|c| c[0] == 0xed && c[1] >= 0xa0);
    (!surrogates).then(|| [a, b].concat().into())
}

fn repeat(value: &Const, n: usize) -> Option<Const> {
    let fits = |len: usize, max: usize| len.checked_mul(n).is_some_and(|total| total <= max);
    match value {
        Const::Str(text) if fits(text.len(), MAX_TEXT) && text.is_ascii() => Some(Const::Str(text.repeat(n).into())),
        Const::Bytes(text) if fits(text.len(), MAX_TEXT) => Some(Const::Bytes(text.repeat(n).into())),
        Const::Tuple(items) if fits(items.len(), MAX_TUPLE) && !items.is_empty() => {
            Some(Const::Tuple(std::iter::repeat_n(items.iter(), n).flatten().cloned().collect()))
        }
        _ => None,
    }
}

fn int_binary(op: Operator, a: i128, b: i128) -> Option<Const> {
    let value = match op {
        Operator::Add => a.checked_add(b)?,
        Operator::Sub => a.checked_sub(b)?,
        Operator::Mult => a.checked_mul(b)?,
        Operator::FloorDiv if b != 0 => floor_div(a, b)?,
        Operator::Mod if b != 0 => {
            let rest = a % b;
            if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
        }
        Operator::Div if b != 0 => return float_binary(op, as_float(&int(a))?, as_float(&int(b))?),
        Operator::Pow if (0..=127).contains(&b) => a.checked_pow(u32::try_from(b).ok()?)?,
        Operator::LShift if (0..=126).contains(&b) => {
            let shifted = a.checked_mul(1_i128.checked_shl(u32::try_from(b).ok()?)?)?;
            (shifted >> b == a).then_some(shifted)?
        }
        Operator::RShift if b >= 0 => a >> b.min(127),
        Operator::BitOr => a | b,
        Operator::BitXor => a ^ b,
        Operator::BitAnd => a & b,
        _ => return None,
    };
    Some(int(value))
}

/// Division that rounds down.
fn floor_div(a: i128, b: i128) -> Option<i128> {
    let quotient = a.checked_div(b)?;
    Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}

fn float_binary(op: Operator, a: f64, b: f64) -> Option<Const> {
    Some(Const::Float(match op {
        Operator::Add => a + b,
        Operator::Sub => a - b,
        Operator::Mult => a * b,
        Operator::Div if b != 0.0 => a / b,
        _ => return None,
    }))
}
