//! Code objects as text, for people and for the golden tests.

use super::code::{Code, Const, LocalKind};
use super::opcodes::{FLAG_A, FLAG_B, FLAG_C, FLAG_POLARITY, FLAG_VARIANT, Instr, Intrinsic1, Intrinsic2, Kind, Op};
use std::fmt::Write as _;

/// The text of a code object and of those among its constants.
pub fn disassemble(code: &Code) -> String {
    let mut out = String::new();
    let mut waiting = vec![code];
    // Code objects nest only as deep as the source, but a list serves as well as recursion.
    while let Some(code) = waiting.pop() {
        if !out.is_empty() {
            out.push('\n');
        }
        one(code, &mut out);
        let inner = code.consts.iter().rev().filter_map(|value| match value {
            Const::Code(inner) => Some(inner.as_ref()),
            _ => None,
        });
        waiting.extend(inner);
    }
    out
}

fn one(code: &Code, out: &mut String) {
    let _ = writeln!(
        out,
        "code {} (line {}, flags {:#x}, args {}/{}/{}, registers {}+{})",
        code.qualname,
        code.first_line,
        code.flags.0,
        code.posonlyargcount,
        code.argcount,
        code.kwonlyargcount,
        code.first_temp,
        code.nregs.saturating_sub(code.first_temp),
    );
    if !code.locals.is_empty() {
        let names: Vec<String> = code
            .locals
            .iter()
            .map(
                |local| if local.kind == LocalKind::Cell { format!("{}*", local.name) } else { local.name.to_string() },
            )
            .collect();
        let _ = writeln!(out, "  locals {}", names.join(" "));
    }
    if !code.freevars.is_empty() {
        let _ = writeln!(out, "  free {}", code.freevars.join(" "));
    }
    let mut line = 0;
    for (pc, instr) in code.instrs.iter().enumerate() {
        let at = code.positions.at(pc as u32).line;
        let shown = if at == line { String::new() } else { at.to_string() };
        line = at;
        let _ = writeln!(out, "{shown:>5} {pc:>5}  {}", instruction(code, pc as u32, *instr));
    }
    for entry in &code.exceptions {
        let _ = writeln!(
            out,
            "  except {}..{} -> {} depth t{} in t{}",
            entry.start,
            entry.end,
            entry.target,
            entry.depth.saturating_sub(code.first_temp),
            entry.exc.saturating_sub(code.first_temp),
        );
    }
}

/// One instruction. A register is a local's name or `t0`, `t1`, …; `'` marks a temp that is moved or dead.
pub fn instruction(code: &Code, pc: u32, instr: Instr) -> String {
    let Some(op) = instr.op() else { return format!("? {:#018x}", instr.0) };
    let info = op.info();
    let mut text = format!("{:<16}", info.name);
    let values = [u32::from(instr.a()), u32::from(instr.b()), u32::from(instr.c())];
    for (i, ((_, kind), bit)) in info.operands.iter().zip([FLAG_A, FLAG_B, FLAG_C]).enumerate() {
        if *kind == Kind::No || (*kind == Kind::OptIn && instr.flags() & FLAG_VARIANT == 0) {
            continue;
        }
        let value = if kind.is_wide() { instr.bc() } else { values[i] };
        let _ = write!(text, " {}", operand(code, pc, op, *kind, value, instr.flags() & bit != 0));
    }
    let polarity = if op == Op::FormatValue { "joined" } else { "if-true" };
    for (bit, word) in [(FLAG_VARIANT, "variant"), (FLAG_POLARITY, polarity)] {
        if instr.flags() & bit != 0 {
            let _ = write!(text, " [{word}]");
        }
    }
    text
}

fn operand(code: &Code, pc: u32, op: Op, kind: Kind, value: u32, taken: bool) -> String {
    if kind.is_register() {
        let name = match code.locals.get(value as usize) {
            Some(local) => local.name.to_string(),
            None => format!("t{}", value - u32::from(code.first_temp)),
        };
        return if taken { format!("{name}'") } else { name };
    }
    match kind {
        Kind::Const | Kind::Const32 => code.consts.get(value as usize).map_or("?".into(), const_repr),
        Kind::Name => code.names.get(value as usize).map_or("?".into(), |name| format!(".{name}")),
        Kind::Cache | Kind::Cache32 => code.cache_name(value).map_or("?".into(), |name| format!(".{name}#{value}")),
        Kind::Free => code.freevars.get(value as usize).map_or("?".into(), |name| format!("free {name}")),
        Kind::Jump16 => format!("-> {}", i64::from(pc) + 1 + i64::from(value as u16 as i16)),
        Kind::Jump32 => format!("-> {}", i64::from(pc) + 1 + i64::from(value as i32)),
        Kind::Imm16 => (value as u16 as i16).to_string(),
        Kind::StarCounts => format!("{}*{}", value & 0xff, value >> 8),
        Kind::Which if op == Op::Intrinsic1 => {
            Intrinsic1::ALL.get(value as usize).map_or("?", |i| i.name()).to_string()
        }
        Kind::Which if op == Op::Intrinsic2 => {
            Intrinsic2::ALL.get(value as usize).map_or("?", |i| i.name()).to_string()
        }
        _ => value.to_string(),
    }
}

/// A constant as Python's `repr` would show it (floats and strs in the common cases).
pub fn const_repr(value: &Const) -> String {
    match value {
        Const::None => "None".into(),
        Const::Bool(value) => if *value { "True" } else { "False" }.into(),
        Const::Ellipsis => "Ellipsis".into(),
        Const::Int(value) => value.to_string(),
        Const::BigInt { negative, digits, radix } => {
            let prefix = match radix {
                2 => "0b",
                8 => "0o",
                16 => "0x",
                _ => "",
            };
            format!("{}{prefix}{digits}", if *negative { "-" } else { "" })
        }
        Const::Float(value) => float_repr(*value),
        Const::Complex(re, im) if *re == 0.0 && re.is_sign_positive() => format!("{}j", short_float(*im)),
        Const::Complex(re, im) => {
            let sign = if im.is_sign_negative() { "" } else { "+" };
            format!("({}{sign}{}j)", short_float(*re), short_float(*im))
        }
        Const::Str(text) => quoted(&String::from_utf8_lossy(text), ""),
        Const::Bytes(bytes) => quoted(&bytes.iter().map(|b| char::from(*b)).collect::<String>(), "b"),
        Const::Tuple(items) => {
            let inner: Vec<String> = items.iter().map(const_repr).collect();
            if let [only] = inner.as_slice() { format!("({only},)") } else { format!("({})", inner.join(", ")) }
        }
        Const::FrozenSet(items) => {
            let inner: Vec<String> = items.iter().map(const_repr).collect();
            format!("frozenset({{{}}})", inner.join(", "))
        }
        Const::Code(code) => format!("<code {}>", code.qualname),
    }
}

fn short_float(value: f64) -> String {
    let text = float_repr(value);
    text.strip_suffix(".0").map_or(text.clone(), str::to_string)
}

fn float_repr(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, number) = match exponent.strip_prefix('-') {
            Some(number) => ('-', number),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{number:0>2}");
    }
    format!("{value:?}")
}

fn quoted(text: &str, prefix: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = format!("{prefix}{quote}");
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() || (!prefix.is_empty() && !c.is_ascii()) => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}
