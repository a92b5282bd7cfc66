//! Expressions back to text: what annotations become under `from __future__ import annotations`.
//!
//! Nesting is as deep as the parser allows; chains that lean left (operators, attributes, calls, subscripts) have no
//! bound and are walked in a loop.

use super::code::Const;
use super::disassemble::const_repr;
use apy_grammar::ast::*;
use std::fmt::Write as _;

/// Binding strength, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Tuple,
    Test,
    Or,
    And,
    Not,
    Compare,
    BitOr,
    BitXor,
    BitAnd,
    Shift,
    Arith,
    Term,
    Factor,
    Power,
    Await,
    Atom,
}

/// The text of an expression.
pub fn unparse(value: &Expr<'_>) -> String {
    let mut out = String::new();
    expr(&mut out, value, Level::Test);
    out
}

fn operator(op: Operator) -> (&'static str, Level, bool) {
    match op {
        Operator::Add => (" + ", Level::Arith, false),
        Operator::Sub => (" - ", Level::Arith, false),
        Operator::Mult => (" * ", Level::Term, false),
        Operator::MatMult => (" @ ", Level::Term, false),
        Operator::Div => (" / ", Level::Term, false),
        Operator::Mod => (" % ", Level::Term, false),
        Operator::LShift => (" << ", Level::Shift, false),
        Operator::RShift => (" >> ", Level::Shift, false),
        Operator::BitOr => (" | ", Level::BitOr, false),
        Operator::BitXor => (" ^ ", Level::BitXor, false),
        Operator::BitAnd => (" & ", Level::BitAnd, false),
        Operator::FloorDiv => (" // ", Level::Term, false),
        Operator::Pow => (" ** ", Level::Power, true),
    }
}

fn above(level: Level) -> Level {
    const ALL: [Level; 16] = [
        Level::Tuple,
        Level::Test,
        Level::Or,
        Level::And,
        Level::Not,
        Level::Compare,
        Level::BitOr,
        Level::BitXor,
        Level::BitAnd,
        Level::Shift,
        Level::Arith,
        Level::Term,
        Level::Factor,
        Level::Power,
        Level::Await,
        Level::Atom,
    ];
    ALL.get(level as usize + 1).copied().unwrap_or(Level::Atom)
}

fn parens(out: &mut String, needed: bool, inner: impl FnOnce(&mut String)) {
    if needed {
        out.push('(');
    }
    inner(out);
    if needed {
        out.push(')');
    }
}

fn list(out: &mut String, values: &[Expr<'_>], level: Level) {
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        expr(out, value, level);
    }
}

fn expr(out: &mut String, value: &Expr<'_>, level: Level) {
    match &value.kind {
        ExprKind::BoolOp { op, values } => {
            let (word, own) = if *op == BoolOp::And { (" and ", Level::And) } else { (" or ", Level::Or) };
            parens(out, level > own, |out| {
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        out.push_str(word);
                    }
                    expr(out, value, above(own));
                }
            });
        }
        ExprKind::NamedExpr { target, value } => parens(out, level > Level::Tuple, |out| {
            expr(out, target, Level::Atom);
            out.push_str(" := ");
            expr(out, value, Level::Atom);
        }),
        ExprKind::BinOp { .. } => binary(out, value, level),
        ExprKind::UnaryOp { op, operand } => {
            let (word, own) = match op {
                UnaryOp::Invert => ("~", Level::Factor),
                UnaryOp::Not => ("not ", Level::Not),
                UnaryOp::UAdd => ("+", Level::Factor),
                UnaryOp::USub => ("-", Level::Factor),
            };
            parens(out, level > own, |out| {
                out.push_str(word);
                expr(out, operand, own);
            });
        }
        ExprKind::Lambda { args, body } => parens(out, level > Level::Test, |out| {
            out.push_str("lambda");
            let mut inner = String::new();
            arguments(&mut inner, args);
            if !inner.is_empty() {
                out.push(' ');
                out.push_str(&inner);
            }
            out.push_str(": ");
            expr(out, body, Level::Test);
        }),
        ExprKind::IfExp { test, body, orelse } => parens(out, level > Level::Test, |out| {
            expr(out, body, above(Level::Test));
            out.push_str(" if ");
            expr(out, test, above(Level::Test));
            out.push_str(" else ");
            expr(out, orelse, Level::Test);
        }),
        ExprKind::Dict(items) => dict(out, items),
        ExprKind::Set(elts) => {
            out.push('{');
            list(out, elts, Level::Test);
            out.push('}');
        }
        ExprKind::List(elts) => {
            out.push('[');
            list(out, elts, Level::Test);
            out.push(']');
        }
        ExprKind::Tuple { elts, .. } => parens(out, elts.is_empty() || level > Level::Tuple, |out| {
            list(out, elts, Level::Test);
            if elts.len() == 1 {
                out.push(',');
            }
        }),
        ExprKind::ListComp { elt, generators } => comprehension(out, '[', elt, None, generators, ']'),
        ExprKind::SetComp { elt, generators } => comprehension(out, '{', elt, None, generators, '}'),
        ExprKind::DictComp { key, value, generators } => {
            comprehension(out, '{', key, Some(value), generators, '}');
        }
        ExprKind::GeneratorExp { elt, generators } => comprehension(out, '(', elt, None, generators, ')'),
        ExprKind::Await(inner) => parens(out, level > Level::Await, |out| {
            out.push_str("await ");
            expr(out, inner, Level::Atom);
        }),
        ExprKind::Yield(inner) => {
            out.push_str("(yield");
            if let Some(inner) = inner {
                out.push(' ');
                expr(out, inner, Level::Test);
            }
            out.push(')');
        }
        ExprKind::YieldFrom(inner) => {
            out.push_str("(yield from ");
            expr(out, inner, Level::Test);
            out.push(')');
        }
        ExprKind::Compare { left, ops, comparators } => parens(out, level > Level::Compare, |out| {
            expr(out, left, above(Level::Compare));
            for (op, right) in ops.iter().zip(*comparators) {
                out.push_str(comparison(*op));
                expr(out, right, above(Level::Compare));
            }
        }),
        ExprKind::JoinedStr(parts) => string_parts(out, "f", parts),
        ExprKind::TemplateStr(parts) => string_parts(out, "t", parts),
        ExprKind::Constant(constant) => out.push_str(&constant_text(constant)),
        ExprKind::Starred(inner) => {
            out.push('*');
            expr(out, inner, Level::BitOr);
        }
        ExprKind::Name(name) => out.push_str(name),
        ExprKind::Slice { lower, upper, step } => slice(out, *lower, *upper, *step),
        ExprKind::Call { .. } | ExprKind::Attribute { .. } | ExprKind::Subscript { .. } => primary(out, value),
    }
}

fn constant_text(constant: &Constant<'_>) -> String {
    let prefix = if matches!(constant, Constant::Str { unicode_prefix: true, .. }) { "u" } else { "" };
    let value = match *constant {
        Constant::Ellipsis => return "...".into(),
        Constant::None => Const::None,
        Constant::Bool(value) => Const::Bool(value),
        Constant::Int(value) => Const::Int(value),
        Constant::BigInt { digits, radix } => Const::BigInt { negative: false, digits: digits.into(), radix },
        Constant::Float(value) => Const::Float(value),
        Constant::Imaginary(value) => Const::Complex(0.0, value),
        Constant::Str { value, .. } => Const::Str(value.into()),
        Constant::Bytes(value) => Const::Bytes(value.into()),
    };
    // `inf` is no literal; a float that overflows reads as infinity again.
    format!("{prefix}{}", const_repr(&value).replace("inf", "1e309"))
}

fn comparison(op: CmpOp) -> &'static str {
    match op {
        CmpOp::Eq => " == ",
        CmpOp::NotEq => " != ",
        CmpOp::Lt => " < ",
        CmpOp::LtE => " <= ",
        CmpOp::Gt => " > ",
        CmpOp::GtE => " >= ",
        CmpOp::Is => " is ",
        CmpOp::IsNot => " is not ",
        CmpOp::In => " in ",
        CmpOp::NotIn => " not in ",
    }
}

fn binary(out: &mut String, value: &Expr<'_>, level: Level) {
    // From the top down: each node with the level that its parent asks of it.
    let mut spine = Vec::new();
    let mut current = value;
    let mut asked = level;
    while let ExprKind::BinOp { left, op, right } = &current.kind {
        let (word, own, right_assoc) = operator(*op);
        let wrap = asked > own;
        spine.push((word, own, right_assoc, wrap, *right));
        asked = if right_assoc { above(own) } else { own };
        current = left;
    }
    for (.., wrap, _) in &spine {
        if *wrap {
            out.push('(');
        }
    }
    expr(out, current, asked);
    for (word, own, right_assoc, wrap, right) in spine.into_iter().rev() {
        out.push_str(word);
        expr(out, right, if right_assoc { own } else { above(own) });
        if wrap {
            out.push(')');
        }
    }
}

fn primary(out: &mut String, value: &Expr<'_>) {
    let mut chain = Vec::new();
    let mut leaf = value;
    loop {
        let next = match &leaf.kind {
            ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. } => value,
            ExprKind::Call { func, .. } => func,
            _ => break,
        };
        chain.push(leaf);
        leaf = next;
    }
    expr(out, leaf, Level::Atom);
    // `1.real` would read as a float.
    if matches!(leaf.kind, ExprKind::Constant(Constant::Int(_) | Constant::BigInt { .. }))
        && chain.last().is_some_and(|node| matches!(node.kind, ExprKind::Attribute { .. }))
    {
        out.push(' ');
    }
    for node in chain.into_iter().rev() {
        match &node.kind {
            ExprKind::Attribute { attr, .. } => {
                let _ = write!(out, ".{}", attr.id);
            }
            ExprKind::Subscript { slice, .. } => {
                out.push('[');
                expr(out, slice, Level::Tuple);
                out.push(']');
            }
            ExprKind::Call { args, keywords, .. } => call_arguments(out, args, keywords),
            _ => {}
        }
    }
}

fn call_arguments(out: &mut String, args: &[Expr<'_>], keywords: &[Keyword<'_>]) {
    if let ([Expr { kind: ExprKind::GeneratorExp { .. }, .. }], []) = (args, keywords) {
        list(out, args, Level::Test);
        return;
    }
    out.push('(');
    list(out, args, Level::Test);
    for (i, keyword) in keywords.iter().enumerate() {
        if i > 0 || !args.is_empty() {
            out.push_str(", ");
        }
        match keyword.arg {
            Some(arg) => {
                let _ = write!(out, "{}=", arg.id);
            }
            None => out.push_str("**"),
        }
        expr(out, &keyword.value, Level::Test);
    }
    out.push(')');
}

fn dict(out: &mut String, items: &[DictItem<'_>]) {
    out.push('{');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        match &item.key {
            Some(key) => {
                expr(out, key, Level::Test);
                out.push_str(": ");
                expr(out, &item.value, Level::Test);
            }
            None => {
                out.push_str("**");
                expr(out, &item.value, Level::BitOr);
            }
        }
    }
    out.push('}');
}

fn slice(out: &mut String, lower: Option<&Expr<'_>>, upper: Option<&Expr<'_>>, step: Option<&Expr<'_>>) {
    if let Some(lower) = lower {
        expr(out, lower, Level::Test);
    }
    out.push(':');
    if let Some(upper) = upper {
        expr(out, upper, Level::Test);
    }
    if let Some(step) = step {
        out.push(':');
        expr(out, step, Level::Test);
    }
}

fn comprehension(
    out: &mut String,
    open: char,
    element: &Expr<'_>,
    value: Option<&Expr<'_>>,
    generators: &[Comprehension<'_>],
    close: char,
) {
    out.push(open);
    expr(out, element, Level::Test);
    if let Some(value) = value {
        out.push_str(": ");
        expr(out, value, Level::Test);
    }
    for clause in generators {
        out.push_str(if clause.is_async { " async for " } else { " for " });
        expr(out, &clause.target, Level::Tuple);
        out.push_str(" in ");
        expr(out, &clause.iter, above(Level::Test));
        for condition in clause.ifs {
            out.push_str(" if ");
            expr(out, condition, above(Level::Test));
        }
    }
    out.push(close);
}

fn arguments(out: &mut String, args: &Arguments<'_>) {
    let mut first = true;
    let mut comma = |out: &mut String| {
        if !std::mem::take(&mut first) {
            out.push_str(", ");
        }
    };
    let param = |out: &mut String, param: &Param<'_>| {
        out.push_str(param.name.id);
        if let Some(default) = param.default {
            out.push('=');
            expr(out, default, Level::Test);
        }
    };
    for p in args.posonlyargs {
        comma(out);
        param(out, p);
    }
    if !args.posonlyargs.is_empty() {
        out.push_str(", /");
    }
    for p in args.args {
        comma(out);
        param(out, p);
    }
    if args.vararg.is_some() || !args.kwonlyargs.is_empty() {
        comma(out);
        out.push('*');
        if let Some(vararg) = args.vararg {
            out.push_str(vararg.name.id);
        }
    }
    for p in args.kwonlyargs {
        comma(out);
        param(out, p);
    }
    if let Some(kwarg) = args.kwarg {
        comma(out);
        out.push_str("**");
        out.push_str(kwarg.name.id);
    }
}

fn string_parts(out: &mut String, prefix: &str, parts: &[StringPart<'_>]) {
    let mut inner = String::new();
    inner_parts(&mut inner, parts);
    let quoted = const_repr(&Const::Str(inner.as_bytes().into()));
    out.push_str(prefix);
    out.push_str(&quoted);
}

fn inner_parts(out: &mut String, parts: &[StringPart<'_>]) {
    for part in parts {
        match part {
            StringPart::Literal { value, .. } => {
                out.push_str(&String::from_utf8_lossy(value).replace('{', "{{").replace('}', "}}"));
            }
            StringPart::Interpolation(field) => {
                let mut value = String::new();
                expr(&mut value, &field.value, above(Level::Test));
                out.push_str(if value.starts_with('{') { "{ " } else { "{" });
                out.push_str(&value);
                out.push_str(match field.conversion {
                    Conversion::None => "",
                    Conversion::Str => "!s",
                    Conversion::Repr => "!r",
                    Conversion::Ascii => "!a",
                });
                if let Some(spec) = field.format_spec {
                    out.push(':');
                    inner_parts(out, spec);
                }
                out.push('}');
            }
        }
    }
}
