//! `match` statements.
//!
//! While a pattern is tried, every temp from the case's first one up is live, and nothing is bound. A failing test
//! jumps to a label that stands for the number of those temps; behind the case, that chain of labels drops them one by
//! one. When the whole pattern has matched, the captured values move to their names and the other temps are dropped.

use super::Lowerer;
use super::consts::fold;
use super::emit::{Arg, Label, Val, Want};
use crate::compiler::code::Const;
use crate::compiler::error::{Res, error};
use crate::compiler::opcodes::Op;
use crate::compiler::scope::NameId;
use apy_grammar::ast::*;
use std::collections::HashSet;

/// The state of one attempt.
struct Attempt<'a> {
    /// The first temp of the attempt.
    base: u32,
    /// Labels by the number of live temps.
    fails: Vec<Option<Label>>,
    /// Captured names with the register that holds the value.
    captures: Vec<(NameId, &'a str, u32)>,
    /// Whether the pattern may be one that always matches: only in the last case and the last alternative.
    irrefutable: bool,
}

fn is_wildcard(pattern: &Pattern<'_>) -> bool {
    matches!(pattern.kind, PatternKind::As { pattern: None, name: None })
}

fn is_wildcard_star(pattern: &Pattern<'_>) -> bool {
    matches!(pattern.kind, PatternKind::Star(None))
}

impl<'a> Lowerer<'a> {
    pub(super) fn match_stmt(&mut self, subject: &'a Expr<'a>, cases: &'a [MatchCase<'a>]) -> Res {
        let base = self.unit.next_temp;
        let subject = self.expr(subject, Want::Temp)?.reg;
        let end = self.unit.label();
        for (i, case) in cases.iter().enumerate() {
            let last = i + 1 == cases.len();
            let next = self.unit.label();
            let mut attempt = Attempt {
                base: subject + 1,
                fails: Vec::new(),
                captures: Vec::new(),
                irrefutable: last || case.guard.is_some(),
            };
            self.unit.span = case.pattern.span;
            self.pattern(&case.pattern, subject, &mut attempt)?;
            self.bind_captures(&attempt);
            if let Some(guard) = case.guard {
                self.jump_if(guard, false, next)?;
            }
            self.unit.drop_temp(subject);
            self.unit.release(base);
            self.statements(case.body)?;
            self.unit.jump(end);
            self.unit.span = case.pattern.span;
            self.fail_chain(&attempt);
            self.unit.bind(next);
            self.unit.release(subject + 1);
        }
        self.unit.drop_temp(subject);
        self.unit.release(base);
        self.unit.bind(end);
        Ok(())
    }

    /// Moves captured values to their names and drops the other temps of the attempt.
    fn bind_captures(&mut self, attempt: &Attempt<'a>) {
        let mut moved = HashSet::new();
        for (i, (name, _, reg)) in attempt.captures.iter().enumerate() {
            let again = attempt.captures.iter().skip(i + 1).any(|(_, _, other)| other == reg);
            let take = *reg >= attempt.base && !again;
            if take {
                moved.insert(*reg);
            }
            self.store(*name, Val { reg: *reg, take });
        }
        for reg in (attempt.base..self.unit.next_temp).rev() {
            if !moved.contains(&reg) {
                self.unit.drop_temp(reg);
            }
        }
        self.unit.release(attempt.base);
    }

    /// The label for a failure with the temps that are live now.
    fn fail(&mut self, attempt: &mut Attempt<'a>) -> Label {
        let live = self.unit.next_temp.saturating_sub(attempt.base) as usize;
        if attempt.fails.len() <= live {
            attempt.fails.resize(live + 1, None);
        }
        match attempt.fails[live] {
            Some(label) => label,
            None => {
                let label = self.unit.label();
                attempt.fails[live] = Some(label);
                label
            }
        }
    }

    /// Drops what a failed attempt left.
    fn fail_chain(&mut self, attempt: &Attempt<'a>) {
        for (live, label) in attempt.fails.iter().enumerate().rev() {
            if let Some(label) = label {
                self.unit.bind(*label);
            }
            if live > 0 {
                self.unit.drop_temp(attempt.base + live as u32 - 1);
            }
        }
    }

    /// Tests a value, which stays in its register, against a pattern.
    fn pattern(&mut self, pattern: &'a Pattern<'a>, subject: u32, attempt: &mut Attempt<'a>) -> Res {
        self.deeper(pattern.span)?;
        let before = std::mem::replace(&mut self.unit.span, pattern.span);
        match &pattern.kind {
            PatternKind::Value(value) => self.value_pattern(value, subject, attempt)?,
            PatternKind::Singleton(value) => self.singleton_pattern(value, subject, attempt),
            PatternKind::Sequence(patterns) => self.sequence_pattern(pattern.span, patterns, subject, attempt)?,
            PatternKind::Mapping { keys, patterns, rest } => {
                self.mapping_pattern(pattern.span, keys, patterns, *rest, subject, attempt)?;
            }
            PatternKind::Class { cls, patterns, kwd_attrs, kwd_patterns } => {
                self.class_pattern(cls, patterns, kwd_attrs, kwd_patterns, subject, attempt)?;
            }
            PatternKind::Star(_) => return error("can't use starred pattern here", pattern.span),
            PatternKind::As { pattern: inner, name } => {
                self.as_pattern(pattern.span, *inner, *name, subject, attempt)?;
            }
            PatternKind::Or(alternatives) => self.or_pattern(pattern.span, alternatives, subject, attempt)?,
        }
        self.unit.span = before;
        self.depth -= 1;
        Ok(())
    }

    /// Tests below an outer pattern: there nothing is unreachable after a capture.
    fn subpattern(&mut self, pattern: &'a Pattern<'a>, subject: u32, attempt: &mut Attempt<'a>) -> Res {
        let before = std::mem::replace(&mut attempt.irrefutable, true);
        self.pattern(pattern, subject, attempt)?;
        attempt.irrefutable = before;
        Ok(())
    }

    fn capture(&mut self, name: Ident<'a>, reg: u32, span: Span, attempt: &mut Attempt<'a>) -> Res {
        let mangled = self.mangled(name.id);
        if attempt.captures.iter().any(|(other, _, _)| *other == mangled) {
            return error(format!("multiple assignments to name '{}' in pattern", name.id), span);
        }
        attempt.captures.push((mangled, name.id, reg));
        Ok(())
    }

    fn value_pattern(&mut self, value: &'a Expr<'a>, subject: u32, attempt: &mut Attempt<'a>) -> Res {
        let left = Arg::R(Val::keep(subject));
        if matches!(value.kind, ExprKind::JoinedStr(_) | ExprKind::TemplateStr(_)) {
            return error("patterns may only match literals and attribute lookups", value.span);
        }
        if let Some(constant) = fold(value) {
            let index = self.unit.consts_add(constant);
            if index <= u32::from(u16::MAX) {
                let fail = self.fail(attempt);
                self.unit.branch(Op::JumpIfEqK, 0, left, Arg::N(index), fail);
                return Ok(());
            }
        }
        let base = self.unit.next_temp;
        let right = self.expr(value, Want::Any)?;
        self.unit.release(base);
        let fail = self.fail(attempt);
        self.unit.branch(Op::JumpIfEq, 0, left, Arg::R(right), fail);
        Ok(())
    }

    fn singleton_pattern(&mut self, value: &Constant<'_>, subject: u32, attempt: &mut Attempt<'a>) {
        let left = Arg::R(Val::keep(subject));
        if matches!(value, Constant::None) {
            let fail = self.fail(attempt);
            self.unit.branch(Op::JumpIfNotNone, 0, left, Arg::X, fail);
            return;
        }
        let base = self.unit.next_temp;
        let right = self.constant(super::consts::literal(value), Want::Temp);
        self.unit.release(base);
        let fail = self.fail(attempt);
        self.unit.branch(Op::JumpIfIs, 0, left, Arg::R(right), fail);
    }

    fn as_pattern(
        &mut self,
        span: Span,
        inner: Option<&'a Pattern<'a>>,
        name: Option<Ident<'a>>,
        subject: u32,
        attempt: &mut Attempt<'a>,
    ) -> Res {
        match (inner, name) {
            (Some(inner), name) => {
                self.pattern(inner, subject, attempt)?;
                name.map_or(Ok(()), |name| self.capture(name, subject, span, attempt))
            }
            (None, Some(name)) => {
                if !attempt.irrefutable {
                    return error(format!("name capture '{}' makes remaining patterns unreachable", name.id), span);
                }
                self.capture(name, subject, span, attempt)
            }
            (None, None) if !attempt.irrefutable => error("wildcard makes remaining patterns unreachable", span),
            (None, None) => Ok(()),
        }
    }

    /// Jumps to the failure unless the result of a test, in the next temp, is true.
    fn require(&mut self, op: Op, subject: u32, attempt: &mut Attempt<'a>) {
        let base = self.unit.next_temp;
        let result = Val::temp(self.unit.alloc(1));
        self.unit.op2(op, result, Val::keep(subject));
        self.unit.release(base);
        let fail = self.fail(attempt);
        self.branch_on(result, false, fail);
    }

    fn require_length(&mut self, op: Op, length: usize, subject: u32, attempt: &mut Attempt<'a>) {
        let base = self.unit.next_temp;
        let result = Val::temp(self.unit.alloc(1));
        self.unit.op2(Op::GetLen, result, Val::keep(subject));
        let index = self.unit.consts_add(Const::Int(length as i64));
        if index <= u32::from(u16::MAX) {
            self.unit.release(base);
            let fail = self.fail(attempt);
            self.unit.branch(op, 0, Arg::R(result), Arg::N(index), fail);
            return;
        }
        let limit = self.constant(Const::Int(length as i64), Want::Temp);
        self.unit.release(base);
        let fail = self.fail(attempt);
        let plain = if op == Op::JumpIfEqK { Op::JumpIfEq } else { Op::JumpIfGe };
        self.unit.branch(plain, 0, Arg::R(result), Arg::R(limit), fail);
    }

    fn sequence_pattern(
        &mut self,
        span: Span,
        patterns: &'a [Pattern<'a>],
        subject: u32,
        attempt: &mut Attempt<'a>,
    ) -> Res {
        let mut star = None;
        for (i, pattern) in patterns.iter().enumerate() {
            if matches!(pattern.kind, PatternKind::Star(_)) {
                if star.is_some() {
                    return error("multiple starred names in sequence pattern", span);
                }
                star = Some(i);
            }
        }
        self.require(Op::MatchSequence, subject, attempt);
        let fixed = patterns.len() - usize::from(star.is_some());
        match star {
            None => self.require_length(Op::JumpIfEqK, fixed, subject, attempt),
            Some(_) if fixed > 0 => self.require_length(Op::JumpIfGeK, fixed, subject, attempt),
            Some(_) => {}
        }
        let only_wild = patterns.iter().all(|p| is_wildcard(p) || is_wildcard_star(p));
        if only_wild {
            return Ok(());
        }
        match star {
            Some(at) if patterns.get(at).is_some_and(is_wildcard_star) => {
                self.items_by_index(patterns, at, subject, attempt)
            }
            _ => self.unpacked_items(span, patterns, star, subject, attempt),
        }
    }

    /// `[a, *_, b]`: only the items that matter are taken.
    fn items_by_index(
        &mut self,
        patterns: &'a [Pattern<'a>],
        star: usize,
        subject: u32,
        attempt: &mut Attempt<'a>,
    ) -> Res {
        for (i, pattern) in patterns.iter().enumerate() {
            if is_wildcard(pattern) || i == star {
                continue;
            }
            let item = Val::temp(self.unit.alloc(1));
            if i < star {
                let key = self.constant(Const::Int(i as i64), Want::Temp);
                self.unit.op3(Op::GetItem, item, Val::keep(subject), key);
            } else {
                let key = Val::temp(self.unit.alloc(1));
                self.unit.op2(Op::GetLen, key, Val::keep(subject));
                let back = self.constant(Const::Int((patterns.len() - i) as i64), Want::Temp);
                self.unit.op3(Op::Sub, key, key, back);
                self.unit.op3(Op::GetItem, item, Val::keep(subject), key);
            }
            self.unit.release(item.reg + 1);
            self.subpattern(pattern, item.reg, attempt)?;
        }
        Ok(())
    }

    fn unpacked_items(
        &mut self,
        span: Span,
        patterns: &'a [Pattern<'a>],
        star: Option<usize>,
        subject: u32,
        attempt: &mut Attempt<'a>,
    ) -> Res {
        let first = self.unit.alloc(patterns.len() as u32);
        let subject = Val::keep(subject);
        match star {
            None => self.unit.op2_n(Op::UnpackSequence, Val::temp(first), subject, patterns.len() as u32),
            Some(before) => {
                let after = patterns.len() - before - 1;
                if before > 255 || after > 255 {
                    return error("too many expressions in star-unpacking sequence pattern", span);
                }
                self.unit.op2_n(Op::UnpackEx, Val::temp(first), subject, (before | after << 8) as u32);
            }
        }
        for (i, pattern) in patterns.iter().enumerate() {
            let item = first + i as u32;
            match &pattern.kind {
                PatternKind::Star(Some(name)) => self.capture(*name, item, pattern.span, attempt)?,
                PatternKind::Star(None) => {}
                _ => self.subpattern(pattern, item, attempt)?,
            }
        }
        Ok(())
    }

    /// The parts in the tuple of the last temp, or failure when that is None: the parts replace the tuple.
    fn parts_or_fail(&mut self, parts: u32, count: usize, attempt: &mut Attempt<'a>) {
        let fail = self.fail(attempt);
        self.unit.branch(Op::JumpIfNone, 0, Arg::R(Val::keep(parts)), Arg::X, fail);
        self.unit.release(parts);
        let first = self.unit.alloc(count as u32);
        self.unit.op2_n(Op::UnpackSequence, Val::temp(first), Val::temp(parts), count as u32);
        self.unit.max_temp = self.unit.max_temp.max(parts + 1);
    }

    fn mapping_pattern(
        &mut self,
        span: Span,
        keys: &'a [Expr<'a>],
        patterns: &'a [Pattern<'a>],
        rest: Option<Ident<'a>>,
        subject: u32,
        attempt: &mut Attempt<'a>,
    ) -> Res {
        self.check_mapping_keys(span, keys)?;
        self.require(Op::MatchMapping, subject, attempt);
        if keys.is_empty() && rest.is_none() {
            return Ok(());
        }
        if !keys.is_empty() {
            self.require_length(Op::JumpIfGeK, keys.len(), subject, attempt);
        }
        let names = self.unit.next_temp;
        for key in keys {
            self.expr(key, Want::Temp)?;
        }
        self.unit.release(names);
        let names = self.unit.alloc(1);
        self.unit.op2_n(Op::BuildTuple, Val::temp(names), Val::temp(names), keys.len() as u32);
        if !keys.is_empty() {
            let values = self.unit.alloc(1);
            self.unit.op3(Op::MatchKeys, Val::temp(values), Val::keep(subject), Val::keep(names));
            self.parts_or_fail(values, keys.len(), attempt);
            for (i, pattern) in patterns.iter().enumerate() {
                self.subpattern(pattern, values + i as u32, attempt)?;
            }
        }
        if let Some(rest) = rest {
            let dict = self.unit.alloc(1);
            self.unit.op3(Op::MatchRest, Val::temp(dict), Val::keep(subject), Val::keep(names));
            self.capture(rest, dict, span, attempt)?;
        }
        Ok(())
    }

    fn check_mapping_keys(&mut self, span: Span, keys: &'a [Expr<'a>]) -> Res {
        let mut seen = super::consts::ConstPool::default();
        for key in keys {
            if let Some(constant) = fold(key) {
                let before = seen.list.len();
                let shown = repr(&constant);
                seen.add(mapping_key(constant));
                if seen.list.len() == before {
                    return error(format!("mapping pattern checks duplicate key ({shown})"), span);
                }
            } else if !matches!(key.kind, ExprKind::Attribute { .. }) {
                return error("mapping pattern keys may only match literals and attribute lookups", span);
            }
        }
        Ok(())
    }

    fn class_pattern(
        &mut self,
        cls: &'a Expr<'a>,
        patterns: &'a [Pattern<'a>],
        kwd_attrs: &'a [Ident<'a>],
        kwd_patterns: &'a [Pattern<'a>],
        subject: u32,
        attempt: &mut Attempt<'a>,
    ) -> Res {
        let mut seen = HashSet::new();
        for attr in kwd_attrs {
            if !seen.insert(attr.id) {
                let second = kwd_attrs.iter().zip(kwd_patterns).rfind(|(other, _)| other.id == attr.id);
                let span = second.map_or(attr.span, |(_, pattern)| pattern.span);
                return error(format!("attribute name repeated in class pattern: {}", attr.id), span);
            }
        }
        let base = self.unit.next_temp;
        let copy = Val::temp(self.unit.alloc(1));
        self.unit.op2(Op::Move, copy, Val::keep(subject));
        self.expr(cls, Want::Temp)?;
        let mut names = Vec::new();
        for attr in kwd_attrs {
            // Unlike attributes elsewhere, these are not mangled.
            names.push(super::text(attr.id));
        }
        self.constant(Const::Tuple(names.into()), Want::Temp);
        self.unit.release(base);
        let parts = self.unit.alloc(1);
        self.unit.op2_n(Op::MatchClass, Val::temp(parts), Val::temp(base), patterns.len() as u32);
        let all: Vec<&'a Pattern<'a>> = patterns.iter().chain(kwd_patterns).collect();
        self.parts_or_fail(parts, all.len(), attempt);
        for (i, pattern) in all.into_iter().enumerate() {
            self.subpattern(pattern, parts + i as u32, attempt)?;
        }
        Ok(())
    }

    /// Alternatives bind the same names. Their values end in the same registers whichever matches.
    fn or_pattern(
        &mut self,
        span: Span,
        alternatives: &'a [Pattern<'a>],
        subject: u32,
        attempt: &mut Attempt<'a>,
    ) -> Res {
        let base = self.unit.next_temp;
        let matched = self.unit.label();
        let mut names: Option<Vec<(NameId, &'a str)>> = None;
        for (i, pattern) in alternatives.iter().enumerate() {
            let last = i + 1 == alternatives.len();
            // Slots for the values come first; how many is known after the first alternative, so it counts them.
            let count = match &names {
                Some(names) => names.len() as u32,
                None => count_captures(pattern),
            };
            self.unit.release(base);
            let slots = self.unit.alloc(count);
            let mut inner = Attempt {
                base: slots + count,
                fails: Vec::new(),
                captures: Vec::new(),
                irrefutable: last && attempt.irrefutable,
            };
            self.pattern(pattern, subject, &mut inner)?;
            let order = match &names {
                None => {
                    let order: Vec<_> = inner.captures.iter().map(|(name, text, _)| (*name, *text)).collect();
                    names = Some(order.clone());
                    order
                }
                Some(names) => names.clone(),
            };
            let known: HashSet<NameId> = order.iter().map(|(name, _)| *name).collect();
            let here: HashSet<NameId> = inner.captures.iter().map(|(name, _, _)| *name).collect();
            if known != here {
                return error("alternative patterns bind different names", span);
            }
            self.settle_alternative(&order, &inner, slots);
            self.unit.jump(matched);
            self.fail_chain(&inner);
            self.unit.release(base);
        }
        // Nothing matched: the slots were never filled.
        let fail = self.fail(attempt);
        self.unit.jump(fail);
        self.unit.bind(matched);
        for (i, (name, text)) in names.unwrap_or_default().into_iter().enumerate() {
            let reg = self.unit.alloc(1);
            debug_assert_eq!(reg, base + i as u32);
            self.capture(Ident { id: text, span }, reg, span, attempt)?;
            let _ = name;
        }
        Ok(())
    }

    /// Moves the values of an alternative to the common slots and drops its other temps.
    fn settle_alternative(&mut self, order: &[(NameId, &'a str)], inner: &Attempt<'a>, slots: u32) {
        let mut moved = HashSet::new();
        for (i, (name, _)) in order.iter().enumerate() {
            let Some((_, _, reg)) = inner.captures.iter().find(|(other, _, _)| other == name) else { continue };
            let later = order
                .iter()
                .skip(i + 1)
                .any(|(name, _)| inner.captures.iter().any(|(other, _, other_reg)| other == name && other_reg == reg));
            let take = *reg >= inner.base && !later;
            if take {
                moved.insert(*reg);
            }
            self.unit.op2(Op::Move, Val::temp(slots + i as u32), Val { reg: *reg, take });
        }
        for reg in (inner.base..self.unit.next_temp).rev() {
            if !moved.contains(&reg) {
                self.unit.drop_temp(reg);
            }
        }
    }
}

/// How many names a pattern binds (each alternative of an or-pattern binds the same).
fn count_captures(pattern: &Pattern<'_>) -> u32 {
    let sum = |patterns: &[Pattern<'_>]| patterns.iter().map(count_captures).sum::<u32>();
    match &pattern.kind {
        PatternKind::Value(_) | PatternKind::Singleton(_) => 0,
        PatternKind::Sequence(patterns) => sum(patterns),
        PatternKind::Mapping { patterns, rest, .. } => sum(patterns) + u32::from(rest.is_some()),
        PatternKind::Class { patterns, kwd_patterns, .. } => sum(patterns) + sum(kwd_patterns),
        PatternKind::Star(name) => u32::from(name.is_some()),
        PatternKind::As { pattern, name } => pattern.map_or(0, count_captures) + u32::from(name.is_some()),
        PatternKind::Or(alternatives) => alternatives.first().map_or(0, count_captures),
    }
}

/// Keys that are equal as dict keys are one key.
fn mapping_key(value: Const) -> Const {
    match value {
        Const::Bool(value) => Const::Int(i64::from(value)),
        Const::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => Const::Int(value as i64),
        Const::Complex(re, 0.0) => mapping_key(Const::Float(re)),
        other => other,
    }
}

/// The `repr` of a constant, as far as messages need it.
fn repr(value: &Const) -> String {
    crate::compiler::disassemble::const_repr(value)
}
