//! f-strings and template strings.

use super::Lowerer;
use super::consts::text;
use super::emit::{Arg, Val, Want};
use crate::compiler::code::Const;
use crate::compiler::error::Res;
use crate::compiler::opcodes::{CONVERSION_SHIFT, FLAG_JOINED, FLAG_VARIANT, Op};
use apy_grammar::ast::*;

/// How many parts of an f-string are joined at once.
const PIECE: usize = 256;

fn conversion_number(conversion: Conversion) -> u8 {
    match conversion {
        Conversion::None => 0,
        Conversion::Str => 1,
        Conversion::Repr => 2,
        Conversion::Ascii => 3,
    }
}

/// The text of parts that are all literal.
fn literal_text(parts: &[StringPart<'_>]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for part in parts {
        match part {
            StringPart::Literal { value, .. } => out.extend_from_slice(value),
            StringPart::Interpolation(_) => return None,
        }
    }
    Some(out)
}

impl<'a> Lowerer<'a> {
    pub(super) fn joined_str(&mut self, parts: &'a [StringPart<'a>], want: Want) -> Res<Val> {
        if let Some(literal) = literal_text(parts) {
            return Ok(self.constant(Const::Str(literal.into()), want));
        }
        if let [StringPart::Interpolation(field)] = parts {
            return self.format_value(field, 0, want);
        }
        let span = self.unit.span;
        let base = self.unit.next_temp;
        for part in parts {
            if self.unit.next_temp - base >= PIECE as u32 {
                self.join(base, Want::Temp);
            }
            match part {
                StringPart::Literal { value, span } => {
                    self.unit.span = *span;
                    self.constant(Const::Str((*value).into()), Want::Temp);
                }
                StringPart::Interpolation(field) => {
                    self.format_value(field, FLAG_JOINED, Want::Temp)?;
                }
            }
        }
        self.unit.span = span;
        Ok(self.join(base, want))
    }

    /// Joins the strs in the temps from `base` up.
    fn join(&mut self, base: u32, want: Want) -> Val {
        let count = self.unit.next_temp - base;
        self.unit.release(base);
        let dst = self.unit.dest(want);
        self.unit.op2_n(Op::BuildString, dst, Val::temp(base), count);
        dst
    }

    fn format_value(&mut self, field: &'a Interpolation<'a>, joined: u8, want: Want) -> Res<Val> {
        self.deeper(field.span)?;
        let base = self.unit.next_temp;
        let value = self.expr(&field.value, Want::Any)?;
        self.unit.span = field.span;
        let mut flags = conversion_number(field.conversion) << CONVERSION_SHIFT | joined;
        let mut spec = Arg::X;
        if let Some(parts) = field.format_spec {
            spec = Arg::R(self.joined_str(parts, Want::Temp)?);
            flags |= FLAG_VARIANT;
            self.unit.span = field.span;
        }
        self.unit.release(base);
        let dst = self.unit.dest(want);
        self.unit.emit_full(Op::FormatValue, flags, [Arg::R(dst), Arg::R(value), spec], None);
        self.depth -= 1;
        Ok(dst)
    }

    pub(super) fn template_str(&mut self, parts: &'a [StringPart<'a>], want: Want) -> Res<Val> {
        let span = self.unit.span;
        let base = self.unit.next_temp;
        // One str stands before, between and after the interpolations.
        let mut strings = vec![Vec::new()];
        let mut fields = Vec::new();
        for part in parts {
            match part {
                StringPart::Literal { value, .. } => {
                    if let Some(last) = strings.last_mut() {
                        last.extend_from_slice(value);
                    }
                }
                StringPart::Interpolation(field) => {
                    fields.push(*field);
                    strings.push(Vec::new());
                }
            }
        }
        let strings: Vec<Const> = strings.into_iter().map(|s| Const::Str(s.into())).collect();
        self.constant(Const::Tuple(strings.into()), Want::Temp);
        let first = self.unit.next_temp;
        if fields.len() <= PIECE {
            for field in &fields {
                self.interpolation(field)?;
            }
            self.unit.span = span;
            self.unit.release(first);
            let dst = Val::temp(self.unit.alloc(1));
            self.unit.op2_n(Op::BuildTuple, dst, Val::temp(first), fields.len() as u32);
        } else {
            let list = Val::temp(self.unit.alloc(1));
            self.unit.op2_n(Op::BuildList, list, list, 0);
            for field in &fields {
                let value = self.interpolation(field)?;
                self.unit.op2(Op::ListAppend, Val::keep(list.reg), value);
                self.unit.release(list.reg + 1);
            }
            self.unit.span = span;
            self.unit.op2(Op::ListToTuple, list, list);
        }
        self.unit.release(base);
        let dst = self.unit.dest(want);
        self.unit.op2(Op::BuildTemplate, dst, Val::temp(base));
        Ok(dst)
    }

    /// An `Interpolation` object, in the next temp.
    fn interpolation(&mut self, field: &'a Interpolation<'a>) -> Res<Val> {
        self.deeper(field.span)?;
        let base = self.unit.next_temp;
        self.expr(&field.value, Want::Temp)?;
        self.unit.span = field.span;
        self.constant(text(field.text), Want::Temp);
        match field.format_spec {
            Some(parts) => self.joined_str(parts, Want::Temp)?,
            None => self.constant(text(""), Want::Temp),
        };
        self.unit.span = field.span;
        self.unit.release(base);
        let dst = Val::temp(self.unit.alloc(1));
        let conversion = u32::from(conversion_number(field.conversion));
        self.unit.op2_n(Op::BuildInterpolation, dst, Val::temp(base), conversion);
        self.depth -= 1;
        Ok(dst)
    }
}
