//! From instructions with labels to a code object: jumps, exception table, positions.

use super::code::{Cache, Code, CodeFlags, ExceptionEntry, Local, Position, Positions};
use super::error::{Res, error};
use super::lower::{Ir, Unit, hidden_local};
use super::opcodes::{FLAG_BACKWARD, FLAG_POLARITY, Instr, Kind, Op};
use super::scope::NameId;
use apy_grammar::LineIndex;
use apy_grammar::ast::Span;
use std::sync::Arc;

/// Lines and columns of the source.
pub struct LineTable {
    index: LineIndex,
}

impl LineTable {
    /// The lines of a source text.
    pub fn new(source: &str) -> Self {
        LineTable { index: LineIndex::new(source) }
    }

    /// The line of an offset, from 1.
    pub fn line(&self, offset: u32) -> u32 {
        self.index.line(offset)
    }

    /// The place of a span.
    pub fn position(&self, span: Span) -> Position {
        let (line, col) = self.index.line_column_bytes(span.start);
        let (end_line, end_col) = self.index.line_column_bytes(span.end.max(span.start));
        Position { line, end_line, col, end_col }
    }
}

/// The streams of a unit, one behind the other.
struct Layout {
    list: Vec<Ir>,
    /// Index of the instruction at each label; the list's length for labels behind everything.
    labels: Vec<usize>,
    /// How many words each instruction takes.
    sizes: Vec<u32>,
    /// Where each instruction begins, and the total.
    pcs: Vec<u32>,
}

impl Layout {
    fn new(unit: &mut Unit<'_>) -> Self {
        let mut bases = Vec::new();
        let mut list = Vec::new();
        for stream in std::mem::take(&mut unit.streams) {
            bases.push(list.len());
            list.extend(stream);
        }
        let place = |at: Option<(usize, usize)>| match at {
            Some((stream, index)) => bases.get(stream).map_or(list.len(), |base| base + index),
            None => list.len(),
        };
        let labels = unit.labels.iter().map(|info| place(info.at)).collect();
        let sizes = vec![1; list.len()];
        Layout { list, labels, sizes, pcs: Vec::new() }
    }

    fn target(&self, ir: &Ir) -> Option<usize> {
        ir.label.and_then(|label| self.labels.get(label.0 as usize)).copied()
    }

    /// Jumps that lead to jumps go straight to their end; jumps to the next instruction vanish.
    fn thread_jumps(&mut self) {
        for i in 0..self.list.len() {
            let mut label = self.list[i].label;
            for _ in 0..8 {
                let Some(ir) = label.and_then(|l| self.labels.get(l.0 as usize)).and_then(|t| self.list.get(*t)) else {
                    break;
                };
                if ir.op != Op::Jump || ir.label == label {
                    break;
                }
                label = ir.label;
            }
            self.list[i].label = label;
        }
        self.turn_jumps();
        for i in 0..self.list.len() {
            if self.list[i].op == Op::Jump && self.target(&self.list[i]) == Some(i + 1) {
                self.sizes[i] = 0;
            }
        }
    }

    /// A jump over a jump becomes the opposite jump.
    fn turn_jumps(&mut self) {
        let mut labelled = vec![false; self.list.len() + 1];
        for ir in &self.list {
            if let Some(target) = self.target(ir) {
                labelled[target.min(self.list.len())] = true;
            }
        }
        for i in 0..self.list.len().saturating_sub(1) {
            let (ir, next) = (self.list[i], self.list[i + 1]);
            let over = self.target(&ir) == Some(i + 2) && next.op == Op::Jump && !labelled[i + 1];
            if over && let Some((op, flags)) = opposite(ir.op) {
                self.list[i] = Ir { op, flags: ir.flags ^ flags, label: next.label, ..ir };
                self.sizes[i + 1] = 0;
            }
        }
    }

    /// Places the instructions; near jumps that do not reach become longer until all fit.
    fn place(&mut self) {
        loop {
            self.pcs.clear();
            let mut pc = 0;
            for size in &self.sizes {
                self.pcs.push(pc);
                pc += size;
            }
            self.pcs.push(pc);
            let mut grown = false;
            for i in 0..self.list.len() {
                let ir = self.list[i];
                if self.sizes[i] != 1 || ir.op.info().operands[2].1 != Kind::Jump16 {
                    continue;
                }
                if i16::try_from(self.offset(i, &ir)).is_err() {
                    self.sizes[i] = 3;
                    grown = true;
                }
            }
            if !grown {
                return;
            }
        }
    }

    /// The offset of a jump, from the instruction after it.
    fn offset(&self, i: usize, ir: &Ir) -> i64 {
        let target = self.target(ir).and_then(|target| self.pcs.get(target)).copied().unwrap_or(0);
        i64::from(target) - i64::from(self.pcs[i]) - 1
    }
}

/// The jump that is taken when this one is not: opcode, and flags to turn.
fn opposite(op: Op) -> Option<(Op, u8)> {
    Some(match op {
        Op::JumpIfTrue => (Op::JumpIfFalse, 0),
        Op::JumpIfFalse => (Op::JumpIfTrue, 0),
        Op::JumpIfNone => (Op::JumpIfNotNone, 0),
        Op::JumpIfNotNone => (Op::JumpIfNone, 0),
        Op::JumpIfLt
        | Op::JumpIfLe
        | Op::JumpIfEq
        | Op::JumpIfNe
        | Op::JumpIfGt
        | Op::JumpIfGe
        | Op::JumpIfIs
        | Op::JumpIfIn
        | Op::JumpIfLtK
        | Op::JumpIfLeK
        | Op::JumpIfEqK
        | Op::JumpIfNeK
        | Op::JumpIfGtK
        | Op::JumpIfGeK => (op, FLAG_POLARITY),
        _ => return None,
    })
}

fn too_large<T>(what: &str, span: Span) -> Res<T> {
    error(format!("code object too large: {what}"), span)
}

fn narrow(value: u32, what: &str, span: Span) -> Res<u16> {
    match u16::try_from(value) {
        Ok(value) => Ok(value),
        Err(_) => too_large(what, span),
    }
}

fn encode(ir: &Ir, offset: i64) -> Res<Instr> {
    let info = ir.op.info();
    let a = narrow(ir.a, "too many registers", ir.span)?;
    match info.operands[1].1 {
        Kind::Jump32 => {
            let Ok(offset) = i32::try_from(offset) else { return too_large("a jump is too far", ir.span) };
            Ok(Instr::wide(ir.op, ir.flags | backward(offset.into()), a, offset as u32))
        }
        kind if kind.is_wide() => Ok(Instr::wide(ir.op, ir.flags, a, ir.b)),
        _ => {
            let b = narrow(ir.b, "too many registers or names", ir.span)?;
            let what = if info.operands[2].1 == Kind::Cache { "too many attributes" } else { "too many registers" };
            let mut flags = ir.flags;
            let c = if info.operands[2].1 == Kind::Jump16 {
                flags |= backward(offset);
                let Ok(offset) = i16::try_from(offset) else { return too_large("a jump is too far", ir.span) };
                offset as u16
            } else {
                narrow(ir.c, what, ir.span)?
            };
            Ok(Instr::new(ir.op, flags, a, b, c))
        }
    }
}

fn backward(offset: i64) -> u8 {
    if offset < 0 { FLAG_BACKWARD } else { 0 }
}

/// Writes an instruction. A near jump that does not reach jumps over a jump around a far jump.
fn write(layout: &Layout, i: usize, instrs: &mut Vec<Instr>) -> Res {
    let ir = &layout.list[i];
    match layout.sizes[i] {
        0 => Ok(()),
        1 => {
            instrs.push(encode(ir, layout.offset(i, ir))?);
            Ok(())
        }
        _ => {
            instrs.push(encode(ir, 1)?);
            instrs.push(Instr::wide(Op::Jump, 0, 0, 1));
            let Ok(offset) = i32::try_from(layout.offset(i, ir) - 2) else {
                return too_large("a jump is too far", ir.span);
            };
            instrs.push(Instr::wide(Op::Jump, backward(offset.into()), 0, offset as u32));
            Ok(())
        }
    }
}

/// Makes the code object. The unit's instructions are taken out of it.
pub(super) fn assemble(
    unit: &mut Unit<'_>,
    text: &dyn Fn(NameId) -> Arc<str>,
    filename: &Arc<str>,
    lines: &LineTable,
) -> Res<Code> {
    let span = unit.span;
    let mut layout = Layout::new(unit);
    layout.thread_jumps();
    layout.place();
    let mut instrs = Vec::with_capacity(layout.pcs.last().map_or(0, |pc| *pc as usize));
    let mut positions: Vec<(u32, Position)> = Vec::new();
    let mut last = None;
    for i in 0..layout.list.len() {
        if layout.sizes[i] == 0 {
            continue;
        }
        let span = layout.list[i].span;
        if last != Some(span) {
            let place = lines.position(span);
            if positions.last().is_none_or(|(_, before)| *before != place) {
                positions.push((instrs.len() as u32, place));
            }
            last = Some(span);
        }
        write(&layout, i, &mut instrs)?;
    }
    let exceptions = exception_table(unit, &layout)?;
    let label_pc = |label: super::lower::Label| {
        let index = layout.labels.get(label.0 as usize).copied().unwrap_or(0);
        layout.pcs.get(index).copied().unwrap_or(0)
    };
    let hidden = unit.hidden.iter().map(|range| hidden_local(range, label_pc(range.start), label_pc(range.end)));
    let hidden = hidden.filter(|h| h.start < h.end).collect();
    let nregs = narrow(unit.max_temp, "too many registers", span)?;
    Ok(Code {
        name: unit.name.clone(),
        qualname: unit.qualname.as_str().into(),
        filename: filename.clone(),
        first_line: unit.first_line,
        flags: CodeFlags(unit.flags),
        argcount: unit.argcount,
        posonlyargcount: unit.posonlyargcount,
        kwonlyargcount: unit.kwonlyargcount,
        consts: std::mem::take(&mut unit.consts.list),
        names: unit.name_list.iter().map(|name| text(*name)).collect(),
        locals: unit.locals.iter().map(|(name, kind)| Local { name: text(*name), kind: *kind }).collect(),
        cell_registers: unit.cell_registers.iter().map(|register| *register as u16).collect(),
        freevars: unit.free.iter().map(|name| text(*name)).collect(),
        hidden,
        instrs,
        exceptions,
        positions: Positions::new(positions),
        nregs,
        first_temp: narrow(unit.first_temp, "too many registers", span)?,
        caches: std::mem::take(&mut unit.caches) as Vec<Cache>,
    })
}

fn exception_table(unit: &Unit<'_>, layout: &Layout) -> Res<Vec<ExceptionEntry>> {
    let mut table: Vec<(u32, ExceptionEntry)> = Vec::new();
    for (i, ir) in layout.list.iter().enumerate() {
        let (start, end) = (layout.pcs[i], layout.pcs[i + 1]);
        if start == end || ir.handler == 0 {
            continue;
        }
        if let Some((handler, entry)) = table.last_mut()
            && *handler == ir.handler
            && entry.end == start
        {
            entry.end = end;
            continue;
        }
        let Some(handler) = unit.handlers.get(ir.handler as usize - 1) else { continue };
        let index = layout.labels.get(handler.label.0 as usize).copied().unwrap_or(0);
        let target = layout.pcs.get(index).copied().unwrap_or(0);
        let depth = narrow(handler.depth, "too many registers", ir.span)?;
        let exc = narrow(handler.exc, "too many registers", ir.span)?;
        table.push((ir.handler, ExceptionEntry { start, end, target, depth, exc }));
    }
    Ok(table.into_iter().map(|(_, entry)| entry).collect())
}
