//! East Asian encodings, by `encoding_rs`.
//!
//! Its tables are those of the web standard, supersets of what CPython's codecs of the same
//! names know (GBK has the euro sign, Shift JIS is Microsoft's, Big5 holds Hong Kong's
//! characters). Encodings with shift states (ISO 2022, HZ) are not known.

use super::{Decoded, Fault};
use crate::text::gutf8;
use encoding_rs::{BIG5, DecoderResult, EUC_JP, EUC_KR, EncoderResult, GB18030, GBK, SHIFT_JIS};

/// Normalized name, aliases, the name that lookups and errors give, and the tables.
type Entry = (&'static str, &'static str, &'static str, &'static encoding_rs::Encoding);

static CODECS: [Entry; 11] = [
    ("gbk", "936 cp936 ms936", "gbk", GBK),
    ("gb2312", "chinese csiso58gb231280 euc_cn euccn eucgb2312_cn gb2312_1980 gb2312_80 iso_ir_58", "gb2312", GBK),
    ("gb18030", "gb18030_2000", "gb18030", GB18030),
    ("big5", "big5_tw csbig5", "big5", BIG5),
    ("big5hkscs", "big5_hkscs hkscs", "big5hkscs", BIG5),
    ("cp950", "950 ms950", "cp950", BIG5),
    ("shift_jis", "csshiftjis shiftjis sjis s_jis", "shift_jis", SHIFT_JIS),
    ("cp932", "932 ms932 mskanji ms_kanji windows_31j", "cp932", SHIFT_JIS),
    ("euc_jp", "eucjp ujis u_jis", "euc_jp", EUC_JP),
    ("euc_kr", "euckr korean ksc5601 ks_c_5601 ks_c_5601_1987 ksx1001 ks_x_1001", "euc_kr", EUC_KR),
    ("cp949", "949 ms949 uhc", "cp949", EUC_KR),
];

pub(super) fn position(normal: &str) -> Option<usize> {
    CODECS.iter().position(|c| c.0 == normal || c.1.split(' ').any(|alias| alias == normal))
}

pub(super) fn name(at: usize) -> &'static str {
    CODECS.get(at).map_or("", |c| c.2)
}

pub(super) fn extends_ascii(at: usize) -> bool {
    CODECS.get(at).is_some_and(|c| c.3.is_ascii_compatible())
}

fn tables(at: usize) -> &'static encoding_rs::Encoding {
    CODECS.get(at).map_or(GB18030, |c| c.3)
}

pub(super) fn decode<E>(
    bytes: &[u8],
    codec: usize,
    is_final: bool,
    on_fault: &mut dyn FnMut(Fault) -> Result<(Vec<u8>, usize), E>,
) -> Result<Decoded, E> {
    let mut out = Vec::with_capacity(bytes.len() * 3 / 2);
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let mut decoder = tables(codec).new_decoder_without_bom_handling();
        let room = decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len());
        let mut text = String::with_capacity(room);
        let (result, read) = decoder.decode_to_string_without_replacement(rest, &mut text, true);
        out.extend_from_slice(text.as_bytes());
        let DecoderResult::Malformed(bad, after) = result else {
            return Ok(Decoded::all(out, bytes.len()));
        };
        let start = at + read.saturating_sub(usize::from(bad) + usize::from(after));
        let unfinished = start + usize::from(bad) >= bytes.len() && is_lead(bytes, start, codec);
        if unfinished && !is_final {
            return Ok(Decoded::all(out, start));
        }
        let (end, reason) = if unfinished {
            (bytes.len(), "incomplete multibyte sequence")
        } else {
            (start + 1, "illegal multibyte sequence")
        };
        let (replacement, resume) = on_fault(Fault::new(name(codec), start, end, reason))?;
        out.extend_from_slice(&replacement);
        at = resume.min(bytes.len());
    }
}

/// Whether more bytes behind the input's end could make a character of what starts at `start`.
fn is_lead(bytes: &[u8], start: usize, codec: usize) -> bool {
    let rest = bytes.get(start..).unwrap_or(&[]);
    let mut decoder = tables(codec).new_decoder_without_bom_handling();
    let mut text = String::with_capacity(64);
    let (result, _) = decoder.decode_to_string_without_replacement(rest, &mut text, false);
    matches!(result, DecoderResult::InputEmpty)
}

pub(super) fn encode_one(cp: u32, codec: usize, out: &mut Vec<u8>) -> bool {
    let text = gutf8::encode(cp);
    let Some(text) = gutf8::as_str(&text) else { return false };
    let mut buffer = [0u8; 16];
    let mut encoder = tables(codec).new_encoder();
    let (result, _, written) = encoder.encode_from_utf8_without_replacement(text, &mut buffer, true);
    if result != EncoderResult::InputEmpty {
        return false;
    }
    out.extend_from_slice(buffer.get(..written).unwrap_or(&[]));
    true
}
