"""Writes tables.rs and properties.bin beside this file. Run it with a CPython whose unicodedata has the version of
Unicode that the language promises (`unicodedata.unidata_version`), then run rustfmt over tables.rs."""

import os
import unicodedata as ud
from fractions import Fraction

BLOCK = 128
FLAGS = [
    ("ALPHA", str.isalpha), ("DECIMAL", str.isdecimal), ("DIGIT", str.isdigit), ("NUMERIC", str.isnumeric),
    ("SPACE", str.isspace), ("PRINTABLE", str.isprintable), ("LOWER", str.islower), ("UPPER", str.isupper),
    ("TITLECASE", lambda c: ud.category(c) == "Lt"), ("XID_START", str.isidentifier),
    ("XID_CONTINUE", lambda c: ("a" + c).isidentifier()),
    # How a capital sigma behind the character is lowered tells both properties.
    ("CASED", lambda c: (c + "Σ").lower().endswith("ς")),
    ("CASE_IGNORABLE", lambda c: ("A" + c + "Σ").lower().endswith("ς") and not (c + "Σ").lower().endswith("ς")),
    ("MIRRORED", lambda c: bool(ud.mirrored(c))),
]
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co Cn".split()
WIDTHS = "N A H W F Na".split()
BIDI = sorted({ud.bidirectional(chr(c)) for c in range(0x110000)})


def record(cp):
    c = chr(cp)
    flags = sum(1 << i for i, (_, test) in enumerate(FLAGS) if test(c))
    return (flags, CATEGORIES.index(ud.category(c)), WIDTHS.index(ud.east_asian_width(c)), BIDI.index(ud.bidirectional(c)))


def escaped(text):
    return "".join(c if c.isascii() else f"\\u{{{ord(c):X}}}" for c in text)


def numeric_runs():
    runs = []
    for cp in range(0x110000):
        value = ud.numeric(chr(cp), None)
        if value is None:
            continue
        value = Fraction(value).limit_denominator(1000)
        last = runs[-1] if runs else None
        if last and last[1] + 1 == cp and last[3] == value.denominator == 1 and last[2] + (cp - last[0]) == value:
            last[1] = cp
        else:
            runs.append([cp, cp, value.numerator, value.denominator])
    return runs


def array(out, name, kind, items, doc):
    out.append(f"/// {doc}\npub static {name}: [{kind}; {len(items)}] = [{', '.join(items)}];\n")


def main():
    records, numbers, cells = [], {}, []
    for cp in range(0x110000):
        r = record(cp)
        if r not in numbers:
            numbers[r] = len(records)
            records.append(r)
        cells.append(numbers[r])
    assert len(records) <= 256, len(records)
    blocks, places, index = [], {}, []
    for start in range(0, 0x110000, BLOCK):
        block = tuple(cells[start:start + BLOCK])
        if block not in places:
            places[block] = len(blocks)
            blocks.append(block)
        index.append(places[block])
    out = [
        "//! Properties of every code point, written by generate.py; not to be edited by hand.\n//!\n"
        f"//! Unicode {ud.unidata_version}. A record's fields are flags, then the places in `CATEGORIES`, `WIDTHS` and `BIDI`.\n",
        f'/// The version of Unicode.\npub const UNICODE_VERSION: &str = "{ud.unidata_version}";\n',
        f"/// Code points in a block.\npub const BLOCK: usize = {BLOCK};\n",
    ]
    for i, (name, _) in enumerate(FLAGS):
        out.append(f"/// A bit of a record's flags.\npub const {name}: u16 = 1 << {i};")
    quoted = lambda words: [f'"{w}"' for w in words]
    array(out, "CATEGORIES", "&str", quoted(CATEGORIES), "Names of the general categories.")
    array(out, "WIDTHS", "&str", quoted(WIDTHS), "Names of the East Asian widths.")
    array(out, "BIDI", "&str", quoted(BIDI), "Names of the bidirectional classes.")
    array(out, "RECORDS", "(u16, u8, u8, u8)", [str(r) for r in records], "The distinct records.")
    array(out, "TITLE", "(u32, &str)",
          [f'(0x{c:X}, "{escaped(chr(c).title())}")' for c in range(0x110000) if chr(c).title() != chr(c).upper()],
          "Title case where it is not the upper case.")
    array(out, "FOLD", "(u32, &str)",
          [f'(0x{c:X}, "{escaped(chr(c).casefold())}")' for c in range(0x110000) if chr(c).casefold() != chr(c).lower()],
          "Folded case where it is not the lower case.")
    array(out, "NUMBERS", "(u32, u32, i64, u32)", [str(tuple(r)) for r in numeric_runs()],
          "Runs of numeric characters: first, last, the first's numerator (rising by one), denominator.")
    out.append("/// The index (little-endian, two bytes each), then the blocks.\n"
               'pub static PROPERTIES: &[u8] = include_bytes!("properties.bin");')
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "properties.bin"), "wb") as f:
        f.write(b"".join(i.to_bytes(2, "little") for i in index) + bytes(c for b in blocks for c in b))
    with open(os.path.join(here, "tables.rs"), "w") as f:
        f.write("\n".join(out))
    print(len(records), "records", len(blocks), "blocks")


main()
