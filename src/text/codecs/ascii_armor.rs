//! Bytes as printable text: hexadecimal digits, base64, uuencode, quoted-printable.

const HEX: &[u8; 16] = b"0123456789abcdef";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Hexadecimal digits with a separator between groups of `group` bytes: counted from the right, or from the left when
/// it is negative; 0 is no separator.
pub fn hex(data: &[u8], separator: Option<u8>, group: i64) -> Vec<u8> {
    let size = usize::try_from(group.unsigned_abs()).unwrap_or(usize::MAX);
    let mut out = Vec::with_capacity(data.len() * 3);
    for (i, &b) in data.iter().enumerate() {
        let before = if group > 0 { data.len() - i } else { i };
        if let Some(s) = separator.filter(|_| i > 0 && size > 0 && before % size == 0) {
            out.push(s);
        }
        out.extend([HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
    }
    out
}

/// Base64 (RFC 4648), padded, in one line.
pub fn to_base64(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let mut three = [0u8; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let n = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for i in 0..4 {
            let sextet = (n >> (18 - 6 * i)) as usize & 63;
            out.push(if i <= chunk.len() { BASE64[sextet] } else { b'=' });
        }
    }
    out
}

fn sextet(b: u8) -> Option<u8> {
    Some(match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

/// The bytes of base64. Unless `strict`, characters outside of the alphabet count for nothing.
///
/// # Errors
/// What is wrong with the text.
pub fn from_base64(text: &[u8], strict: bool) -> Result<Vec<u8>, String> {
    if strict && text.first() == Some(&b'=') {
        return Err("Leading padding not allowed".to_owned());
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut in_quad, mut left, mut pads, mut padding_began) = (0, 0u8, 0, false);
    for (i, &c) in text.iter().enumerate() {
        if c == b'=' {
            padding_began = true;
            pads += 1;
            if in_quad >= 2 && in_quad + pads >= 4 {
                if strict && i + 1 < text.len() {
                    return Err(if text[i + 1] == b'=' {
                        "Excess padding not allowed"
                    } else {
                        "Excess data after padding"
                    }
                    .to_owned());
                }
                return Ok(out);
            }
            if strict && in_quad == 0 {
                return Err("Excess padding not allowed".to_owned());
            }
            if strict && in_quad == 1 {
                break;
            }
            continue;
        }
        let Some(n) = sextet(c) else {
            if strict {
                return Err("Only base64 data is allowed".to_owned());
            }
            continue;
        };
        if strict && padding_began {
            return Err("Discontinuous padding not allowed".to_owned());
        }
        pads = 0;
        match in_quad {
            0 => left = n,
            1 => {
                out.push(left << 2 | n >> 4);
                left = n & 15;
            }
            2 => {
                out.push(left << 4 | n >> 2);
                left = n & 3;
            }
            _ => out.push(left << 6 | n),
        }
        in_quad = (in_quad + 1) % 4;
    }
    match in_quad {
        0 => Ok(out),
        1 => Err(format!(
            "Invalid base64-encoded string: number of data characters ({}) cannot be 1 more than a multiple of 4",
            out.len() / 3 * 4 + 1
        )),
        _ => Err("Incorrect padding".to_owned()),
    }
}

/// What is wrong with a uuencoded line.
#[derive(Debug, PartialEq, Eq)]
pub enum Uu {
    /// It is empty.
    NoLength,
    /// A character outside of the alphabet.
    Illegal,
    /// More data than the length byte tells.
    Trailing,
}

/// One line of at most 45 bytes; `None` for more.
pub fn to_uu(data: &[u8], backtick: bool) -> Option<Vec<u8>> {
    if data.len() > 45 {
        return None;
    }
    let shown = |n: u8| if n == 0 && backtick { b'`' } else { n + b' ' };
    let mut out = vec![shown(data.len() as u8)];
    for chunk in data.chunks(3) {
        let mut three = [0u8; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let n = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        out.extend((0..4).map(|i| shown((n >> (18 - 6 * i)) as u8 & 63)));
    }
    out.push(b'\n');
    Some(out)
}

/// The bytes of a uuencoded line; what a short line lacks is zeros.
///
/// # Errors
/// See [`Uu`].
pub fn from_uu(line: &[u8]) -> Result<Vec<u8>, Uu> {
    let (&first, mut rest) = line.split_first().ok_or(Uu::NoLength)?;
    let size = usize::from(first.wrapping_sub(b' ') & 63);
    let mut out = Vec::with_capacity(size);
    let (mut bits, mut held) = (0, 0u32);
    while out.len() < size {
        let n = match rest.split_first() {
            // A space at the end of a line gets lost easily.
            None | Some((b'\n' | b'\r', _)) => 0,
            Some((&c @ b' '..=b'`', _)) => (c - b' ') & 63,
            Some(_) => return Err(Uu::Illegal),
        };
        rest = rest.split_first().map_or(rest, |(_, r)| r);
        held = held << 6 | u32::from(n);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    }
    // Encoders may add padding to whole groups.
    if rest.iter().any(|b| !matches!(b, b' ' | b'`' | b'\n' | b'\r')) {
        return Err(Uu::Trailing);
    }
    Ok(out)
}

/// The bytes of quoted-printable text; in headers an underscore is a space.
pub fn from_quoted_printable(text: &[u8], header: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut i = 0;
    let digit = |b: Option<&u8>| b.and_then(|&b| char::from(b).to_digit(16));
    while let Some(&c) = text.get(i) {
        i += 1;
        if c != b'=' {
            out.push(if header && c == b'_' { b' ' } else { c });
            continue;
        }
        match text.get(i) {
            None => break,
            // A soft line break.
            Some(b'\n' | b'\r') => {
                while text.get(i).is_some_and(|&b| b != b'\n') {
                    i += 1;
                }
                i += 1;
            }
            Some(b'=') => {
                out.push(b'=');
                i += 1;
            }
            next => match (digit(next), digit(text.get(i + 1))) {
                (Some(high), Some(low)) => {
                    out.push((high << 4 | low) as u8);
                    i += 2;
                }
                _ => out.push(b'='),
            },
        }
    }
    out
}

/// Quoted-printable text with lines of at most 76 characters. Unless `is_text`, line ends are data like any other.
pub fn to_quoted_printable(data: &[u8], quote_tabs: bool, is_text: bool, header: bool) -> Vec<u8> {
    const LONGEST: usize = 76;
    // Line ends are written in the kind that the first line has.
    let crlf = data.iter().position(|&b| b == b'\n').is_some_and(|i| i > 0 && data[i - 1] == b'\r');
    let end_line: &[u8] = if crlf { b"\r\n" } else { b"\n" };
    let mut out = Vec::with_capacity(data.len() + data.len() / 4);
    let mut column = 0;
    let upper = |n: u8| HEX[usize::from(n)].to_ascii_uppercase();
    let mut i = 0;
    while let Some(&c) = data.get(i) {
        let next = data.get(i + 1);
        let ends_line = |b: Option<&u8>| matches!(b, Some(b'\n'));
        let quoted = c > 126
            || c == b'='
            || (header && c == b'_')
            || (c == b'.' && column == 0 && (next.is_none() || matches!(next, Some(b'\n' | b'\r' | 0))))
            || (!is_text && (c == b'\r' || c == b'\n'))
            || ((c == b'\t' || c == b' ') && next.is_none())
            || (c < 33 && !matches!(c, b'\r' | b'\n' | b'\t' | b' '))
            || (c < 33 && c != b'\r' && c != b'\n' && quote_tabs);
        if quoted {
            if column + 3 >= LONGEST {
                out.push(b'=');
                out.extend_from_slice(end_line);
                column = 0;
            }
            out.extend([b'=', upper(c >> 4), upper(c & 15)]);
            column += 3;
        } else if is_text && (c == b'\n' || (c == b'\r' && ends_line(next))) {
            // White space before the end of a line would get lost.
            if let Some(&last) = out.last().filter(|b| matches!(b, b' ' | b'\t')) {
                out.pop();
                out.extend([b'=', upper(last >> 4), upper(last & 15)]);
            }
            out.extend_from_slice(end_line);
            column = 0;
            i += usize::from(c == b'\r');
        } else {
            if !ends_line(next) && next.is_some() && column + 1 >= LONGEST {
                out.push(b'=');
                out.extend_from_slice(end_line);
                column = 0;
            }
            column += 1;
            out.push(if header && c == b' ' { b'_' } else { c });
        }
        i += 1;
    }
    out
}
