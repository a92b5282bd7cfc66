//! Strings: neighbouring literals joined, f-strings and t-strings put together.

use super::{Ctx, Made, Node, diagnose, fail};
use crate::ast::*;
use crate::error::{ErrorKind, SyntaxError};
use crate::literals;

/// A part of an f-string as it comes from the parser.
#[derive(Clone, Copy)]
pub(crate) enum FPart<'a> {
    /// Text that is not decoded yet.
    Middle(Span),
    /// A replacement field; the first span is the text of `{value=}`.
    Field(Option<Span>, &'a Interpolation<'a>, u16),
}

impl FPart<'_> {
    pub(crate) fn middle(l: u32, r: u32) -> Self {
        FPart::Middle(Span::new(l, r))
    }
}

/// One string literal of several side by side.
#[derive(Clone, Copy)]
pub(crate) enum Piece<'a> {
    Plain(Span),
    Formatted(&'a [StringPart<'a>], u16),
    Template(&'a [StringPart<'a>], u16),
}

impl Piece<'_> {
    pub(crate) fn plain(l: u32, r: u32) -> Self {
        Piece::Plain(Span::new(l, r))
    }
}

/// Literal text that may grow before it becomes a part.
struct Joiner<'a> {
    parts: Vec<StringPart<'a>>,
    /// Text not yet made a part, with its place; borrowed as long as it is one piece.
    single: Option<(&'a [u8], Span)>,
    buffer: Vec<u8>,
}

impl<'a> Joiner<'a> {
    fn new() -> Self {
        Joiner { parts: Vec::new(), single: None, buffer: Vec::new() }
    }

    fn text(&mut self, value: &'a [u8], span: Span) {
        if value.is_empty() {
            return;
        }
        match &mut self.single {
            None => self.single = Some((value, span)),
            Some((first, place)) => {
                if self.buffer.is_empty() {
                    self.buffer.extend_from_slice(first);
                }
                self.buffer.extend_from_slice(value);
                *place = place.to(span);
            }
        }
    }

    fn flush(&mut self, c: &Ctx<'a, '_>) {
        if let Some((value, span)) = self.single.take() {
            let value = if self.buffer.is_empty() { value } else { &*c.arena.alloc_slice_copy(&self.buffer) };
            self.parts.push(StringPart::Literal { value, span });
        }
        self.buffer.clear();
    }

    fn part(&mut self, c: &Ctx<'a, '_>, part: &StringPart<'a>) {
        match *part {
            StringPart::Literal { value, span } => self.text(value, span),
            StringPart::Interpolation(_) => {
                self.flush(c);
                self.parts.push(*part);
            }
        }
    }
}

impl<'a> Ctx<'a, '_> {
    fn literal(&self, l: u32, r: u32) -> Made<literals::Literal<'a>> {
        let span = Span::new(l, r);
        let literal = literals::string(self.arena, self.text(l, r), span, &mut self.warnings.borrow_mut());
        literal.or_else(fail)
    }

    /// A string that stands alone.
    pub(crate) fn string(&self, l: u32, r: u32) -> Made<Node<'a>> {
        let literal = self.literal(l, r)?;
        let constant = if literal.bytes {
            Constant::Bytes(literal.value)
        } else {
            Constant::Str { value: literal.value, unicode_prefix: literal.unicode_prefix }
        };
        Ok(self.constant(l, r, constant))
    }

    /// Literals side by side, or one f-string.
    pub(crate) fn strings(&self, l: u32, r: u32, pieces: Vec<Piece<'a>>) -> Made<Node<'a>> {
        let templates = pieces.iter().filter(|p| matches!(p, Piece::Template(..))).count();
        if templates != 0 && templates != pieces.len() {
            return diagnose(l);
        }
        let mut joiner = Joiner::new();
        let mut depth = 0;
        let (mut bytes, mut text) = (false, templates > 0);
        let mut formatted = false;
        let mut unicode_prefix = false;
        for (i, piece) in pieces.iter().enumerate() {
            match *piece {
                Piece::Plain(span) => {
                    let literal = self.literal(span.start, span.end)?;
                    bytes |= literal.bytes;
                    text |= !literal.bytes;
                    unicode_prefix |= i == 0 && literal.unicode_prefix;
                    joiner.text(literal.value, span);
                }
                Piece::Formatted(parts, d) | Piece::Template(parts, d) => {
                    formatted = true;
                    text = true;
                    depth = depth.max(d);
                    parts.iter().for_each(|part| joiner.part(self, part));
                }
            }
        }
        if bytes && text {
            let next = self.tokens.get(self.token_index(r)).map_or(Span::new(r, r), |t| t.span);
            // A line break that the end of the text stands for has a place of its own.
            let next = Span::new(next.start, next.end.max(next.start + 1));
            return fail(SyntaxError::new(ErrorKind::Syntax, "cannot mix bytes and nonbytes literals", next));
        }
        if formatted {
            joiner.flush(self);
            let parts = self.arena.alloc_slice_copy(&joiner.parts);
            let kind = if templates > 0 { ExprKind::TemplateStr(parts) } else { ExprKind::JoinedStr(parts) };
            return self.deeper(l, r, kind, depth);
        }
        joiner.flush(self);
        let value = match joiner.parts[..] {
            [StringPart::Literal { value, .. }] => value,
            _ => &[],
        };
        let constant = if bytes { Constant::Bytes(value) } else { Constant::Str { value, unicode_prefix } };
        Ok(self.constant(l, r, constant))
    }

    fn decode(&self, span: Span, raw: bool) -> Made<&'a [u8]> {
        let text = self.text(span.start, span.end);
        literals::fstring_text(self.arena, text, span, raw, &mut self.warnings.borrow_mut()).or_else(fail)
    }

    /// Decodes literal text and joins it; tells the depth of the deepest field.
    fn parts(&self, parts: Vec<FPart<'a>>, raw: bool) -> Made<(&'a [StringPart<'a>], u16)> {
        let mut joiner = Joiner::new();
        let mut depth = 0;
        for part in parts {
            match part {
                FPart::Middle(span) => joiner.text(self.decode(span, raw)?, span),
                FPart::Field(debug, field, d) => {
                    if let Some(span) = debug {
                        joiner.text(self.field_text(span).as_bytes(), span);
                    }
                    depth = depth.max(d);
                    joiner.part(self, &StringPart::Interpolation(field));
                }
            }
        }
        joiner.flush(self);
        Ok((self.arena.alloc_slice_copy(&joiner.parts), depth))
    }

    pub(crate) fn fstring(&self, l: u32, r: u32, parts: Vec<FPart<'a>>, template: bool) -> Made<Piece<'a>> {
        let raw = self.text(l, r).bytes().any(|b| matches!(b, b'r' | b'R'));
        let (parts, depth) = self.parts(parts, raw)?;
        Ok(if template { Piece::Template(parts, depth) } else { Piece::Formatted(parts, depth) })
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn field(
        &self,
        l: u32,
        r: u32,
        close: u32,
        value: Node<'a>,
        debug: Option<(u32, u32)>,
        conversion: Option<(u32, u32, u32)>,
        spec: Option<(u32, Vec<FPart<'a>>)>,
    ) -> Made<FPart<'a>> {
        let spec_start = spec.as_ref().map(|(at, _)| *at);
        let after_value = conversion.map(|(at, _, _)| at).or(spec_start).unwrap_or(close);
        let mut mark = match conversion {
            None => Conversion::None,
            Some((bang, start, end)) => {
                if start != bang + 1 {
                    return diagnose(bang);
                }
                match self.text(start, end) {
                    "s" => Conversion::Str,
                    "r" => Conversion::Repr,
                    "a" => Conversion::Ascii,
                    _ => return diagnose(start),
                }
            }
        };
        let mut depth = value.depth;
        let format_spec = match spec {
            None => None,
            // A spec is decoded as if the string were not raw, as in CPython.
            Some((_, parts)) => {
                let (parts, d) = self.parts(parts, false)?;
                depth = depth.max(d);
                Some(parts)
            }
        };
        if debug.is_some() && mark == Conversion::None && format_spec.is_none() {
            mark = Conversion::Repr;
        }
        let text_end = debug.map_or(after_value, |(eq, _)| eq);
        let brace_end = l + 1;
        let text = self.field_text(Span::new(brace_end, text_end));
        let debug_span = debug.map(|_| Span::new(brace_end, after_value));
        let interpolation =
            Interpolation { span: Span::new(l, r), value: *value.e, text, conversion: mark, format_spec };
        // The field itself is a level: its f-string is made one deeper than this.
        let depth = self.deeper(l, r, value.e.kind, depth)?.depth;
        Ok(FPart::Field(debug_span, self.arena.alloc(interpolation), depth))
    }

    /// The text of an expression in a field, as written but for comments.
    fn field_text(&self, span: Span) -> &'a str {
        let text = self.text(span.start, span.end);
        if !text.contains(['#', '\r']) {
            return text;
        }
        // Comments stand between tokens only; what tokens cover is kept.
        let mut out = String::new();
        let mut at = span.start;
        let first = self.token_index(span.start);
        for token in self.tokens.get(first..).unwrap_or(&[]).iter().take_while(|t| t.span.start < span.end) {
            push_without_comments(&mut out, self.text(at, token.span.start));
            out.push_str(self.text(token.span.start, token.span.end));
            at = token.span.end;
        }
        push_without_comments(&mut out, self.text(at, span.end));
        self.arena.alloc_str(&out.replace("\r\n", "\n").replace('\r', "\n"))
    }
}

/// Appends white space and comments, without the comments.
fn push_without_comments(out: &mut String, gap: &str) {
    for line in gap.split_inclusive('\n') {
        match line.find('#') {
            None => out.push_str(line),
            Some(hash) => {
                out.push_str(&line[..hash]);
                if line.ends_with('\n') {
                    out.push('\n');
                }
            }
        }
    }
}
