//! The replacement templates of `sub`, `subn` and `expand`.

use super::token::{ErrorKind, ReError, Token, Tokenizer, control_escape, encode, is_octal, number, quoted};

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text that stands for itself, in the encoding of the template.
    Literal(Vec<u8>),
    /// What a group matched.
    Group(u32),
}

struct Builder {
    pieces: Vec<Piece>,
    literal: Vec<u32>,
    is_text: bool,
}

impl Builder {
    fn flush(&mut self) {
        if !self.literal.is_empty() {
            let text =
                if self.is_text { encode(&self.literal) } else { self.literal.iter().map(|&c| c as u8).collect() };
            self.pieces.push(Piece::Literal(text));
            self.literal.clear();
        }
    }
}

/// Reads a template for a pattern with so many groups; `find` knows their names.
pub fn parse_template(
    source: &[u8],
    is_bytes: bool,
    groups: u32,
    find: &dyn Fn(&[u8]) -> Option<u32>,
) -> Result<Vec<Piece>, ReError> {
    let mut tokens = Tokenizer::new(source, is_bytes)?;
    let mut out = Builder { pieces: Vec::new(), literal: Vec::new(), is_text: !is_bytes };
    while let Some(token) = tokens.get()? {
        match token {
            Token::Char(c) => out.literal.push(c),
            Token::Escape(c) => escape(&mut tokens, &mut out, c, groups, find)?,
        }
    }
    out.flush();
    Ok(out.pieces)
}

fn escape(
    tokens: &mut Tokenizer,
    out: &mut Builder,
    c: u32,
    groups: u32,
    find: &dyn Fn(&[u8]) -> Option<u32>,
) -> Result<(), ReError> {
    match char::from_u32(c) {
        Some('g') => {
            if !tokens.take('<')? {
                return Err(tokens.error("missing <", 0));
            }
            let name = tokens.take_until('>', "group name")?;
            let index = match number(&name) {
                Some(index) => index,
                None => {
                    tokens.check_group_name(&name, 1)?;
                    find(&encode(&name)).ok_or_else(|| {
                        ReError::plain(ErrorKind::Index, format!("unknown group name {}", quoted(&name)))
                    })?
                }
            };
            let label: String = name.iter().filter_map(|&c| char::from_u32(c)).collect();
            add_group(tokens, out, index, groups, name.len() + 1, &label)
        }
        Some('0') => {
            let digits = tokens.take_while(2, is_octal)?;
            out.literal.push(u32::from_str_radix(&format!("0{digits}"), 8).unwrap_or(0) & 0xFF);
            Ok(())
        }
        Some(digit @ '1'..='9') => {
            let mut text = String::from(digit);
            text.push_str(&tokens.take_while(1, |c| c.is_ascii_digit())?);
            if text.len() == 2 && text.bytes().all(is_octal) {
                let third = tokens.take_while(1, is_octal)?;
                if !third.is_empty() {
                    text.push_str(&third);
                    out.literal.push(tokens.octal(&text)?);
                    return Ok(());
                }
            }
            add_group(tokens, out, text.parse().unwrap_or(u32::MAX), groups, text.len(), &text)
        }
        Some('b') => {
            out.literal.push(8);
            Ok(())
        }
        Some(letter) => {
            if let Some(value) = control_escape(letter) {
                out.literal.push(value);
            } else if letter.is_ascii_alphabetic() {
                return Err(tokens.error(format!("bad escape \\{letter}"), 2));
            } else {
                out.literal.extend(['\\' as u32, c]);
            }
            Ok(())
        }
        None => {
            out.literal.extend(['\\' as u32, c]);
            Ok(())
        }
    }
}

fn add_group(
    tokens: &Tokenizer,
    out: &mut Builder,
    index: u32,
    groups: u32,
    before: usize,
    label: &str,
) -> Result<(), ReError> {
    if index > groups && index != 0 {
        return Err(tokens.error(format!("invalid group reference {}", label.trim_start_matches('0')), before));
    }
    out.flush();
    out.pieces.push(Piece::Group(index));
    Ok(())
}
