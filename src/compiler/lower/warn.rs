//! `SyntaxWarning`s for what is allowed and probably wrong.

use super::Lowerer;
use crate::compiler::error::Warning;
use apy_grammar::ast::*;

/// The type that a literal or display certainly has.
fn certain_type(value: &Expr<'_>) -> Option<&'static str> {
    Some(match &value.kind {
        ExprKind::Tuple { .. } => "tuple",
        ExprKind::List(_) | ExprKind::ListComp { .. } => "list",
        ExprKind::Dict(_) | ExprKind::DictComp { .. } => "dict",
        ExprKind::Set(_) | ExprKind::SetComp { .. } => "set",
        ExprKind::GeneratorExp { .. } => "generator",
        ExprKind::Lambda { .. } => "function",
        ExprKind::JoinedStr(_) => "str",
        ExprKind::TemplateStr(_) => "string.templatelib.Template",
        ExprKind::Constant(constant) => constant_type(constant),
        _ => return None,
    })
}

fn constant_type(constant: &Constant<'_>) -> &'static str {
    match constant {
        Constant::None => "NoneType",
        Constant::Bool(_) => "bool",
        Constant::Ellipsis => "ellipsis",
        Constant::Int(_) | Constant::BigInt { .. } => "int",
        Constant::Float(_) => "float",
        Constant::Imaginary(_) => "complex",
        Constant::Str { .. } => "str",
        Constant::Bytes(_) => "bytes",
    }
}

/// The type of a literal that `is` should not be used with.
fn literal_type(value: &Expr<'_>) -> Option<&'static str> {
    match &value.kind {
        ExprKind::Constant(Constant::None | Constant::Bool(_) | Constant::Ellipsis) => None,
        ExprKind::Constant(constant) => Some(constant_type(constant)),
        ExprKind::Tuple { .. } => super::consts::fold(value).map(|_| "tuple"),
        _ => None,
    }
}

impl Lowerer<'_> {
    /// Adds a warning, once for each place: `finally` bodies are lowered several times.
    pub(super) fn warn(&mut self, message: &str, span: Span) {
        let warning = Warning { message: message.to_string(), span };
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// `x is 1`.
    pub(super) fn check_is(&mut self, left: &Expr<'_>, ops: &[CmpOp], comparators: &[Expr<'_>], span: Span) {
        let mut left = left;
        for (op, right) in ops.iter().zip(comparators) {
            let what = match op {
                CmpOp::Is => "\"is\" with '{}' literal. Did you mean \"==\"?",
                CmpOp::IsNot => "\"is not\" with '{}' literal. Did you mean \"!=\"?",
                _ => {
                    left = right;
                    continue;
                }
            };
            if let Some(kind) = literal_type(left).or_else(|| literal_type(right)) {
                self.warn(&what.replace("{}", kind), span);
                return;
            }
            left = right;
        }
    }

    /// `"text"(…)`.
    pub(super) fn check_caller(&mut self, function: &Expr<'_>) {
        if matches!(function.kind, ExprKind::Lambda { .. }) {
            return;
        }
        if let Some(kind) = certain_type(function) {
            let message = format!("'{kind}' object is not callable; perhaps you missed a comma?");
            self.warn(&message, function.span);
        }
    }

    /// `(1, 2)["key"]`, `{1}[0]`.
    pub(super) fn check_subscript(&mut self, object: &Expr<'_>, index: &Expr<'_>) {
        let never = match &object.kind {
            ExprKind::Constant(constant) => !matches!(constant, Constant::Str { .. } | Constant::Bytes(_)),
            ExprKind::Set(_)
            | ExprKind::SetComp { .. }
            | ExprKind::GeneratorExp { .. }
            | ExprKind::TemplateStr(_)
            | ExprKind::Lambda { .. } => true,
            _ => false,
        };
        if never {
            if let Some(kind) = certain_type(object) {
                let message = format!("'{kind}' object is not subscriptable; perhaps you missed a comma?");
                self.warn(&message, object.span);
            }
            return;
        }
        let sequence = match &object.kind {
            ExprKind::Constant(Constant::Str { .. } | Constant::Bytes(_))
            | ExprKind::Tuple { .. }
            | ExprKind::List(_)
            | ExprKind::ListComp { .. }
            | ExprKind::JoinedStr(_) => certain_type(object),
            _ => None,
        };
        let Some(sequence) = sequence else { return };
        let fits =
            matches!(index.kind, ExprKind::Constant(Constant::Int(_) | Constant::BigInt { .. } | Constant::Bool(_)));
        if let Some(kind) = certain_type(index)
            && !fits
        {
            let message =
                format!("{sequence} indices must be integers or slices, not {kind}; perhaps you missed a comma?");
            self.warn(&message, object.span);
        }
    }

    /// `assert (test, message)`.
    pub(super) fn check_assert(&mut self, span: Span, test: &Expr<'_>) {
        if let ExprKind::Tuple { elts, .. } = test.kind
            && !elts.is_empty()
        {
            self.warn("assertion is always true, perhaps remove parentheses?", span);
        }
    }
}
