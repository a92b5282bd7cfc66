//! `from __future__ import …`.

use super::code::CodeFlags;
use super::error::{Res, error};
use apy_grammar::ast::*;

/// The flags of the features that a module asks for, and where the last statement that may do so begins.
pub(super) fn features(module: &Mod<'_>) -> Res<(u32, Option<u32>)> {
    let (Mod::Module(body) | Mod::Interactive(body)) = module else { return Ok((0, None)) };
    let mut flags = 0;
    let mut last = None;
    let mut done = false;
    for (i, statement) in body.iter().enumerate() {
        match &statement.kind {
            StmtKind::ImportFrom { module: Some(Ident { id: "__future__", .. }), names, level: 0 } => {
                if done {
                    return late(statement.span);
                }
                last = Some(statement.span.start);
                for alias in *names {
                    flags |= feature(alias)?;
                }
            }
            StmtKind::Expr(Expr { kind: ExprKind::Constant(Constant::Str { .. }), .. }) if i == 0 => {}
            _ => done = true,
        }
    }
    Ok((flags, last))
}

/// The error for an import that comes too late.
pub(super) fn late<T>(span: Span) -> Res<T> {
    error("from __future__ imports must occur at the beginning of the file", span)
}

fn feature(alias: &Alias<'_>) -> Res<u32> {
    Ok(match alias.name.id {
        "nested_scopes" | "generators" | "division" | "absolute_import" | "with_statement" | "print_function"
        | "unicode_literals" | "generator_stop" => 0,
        "barry_as_FLUFL" => CodeFlags::FUTURE_BARRY_AS_BDFL,
        "annotations" => CodeFlags::FUTURE_ANNOTATIONS,
        "braces" => return error("not a chance", alias.span),
        other => return error(format!("future feature {other} is not defined"), alias.span),
    })
}
