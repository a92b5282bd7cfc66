"""Writes single_tables.rs beside this file: the code pages of one byte a character whose lower half
is ASCII, as the running CPython knows them. Run rustfmt over the result."""

import codecs
import encodings.aliases
import os

NAMES = ["cp437", "cp720", "cp737", "cp775", "cp850", "cp852", "cp855", "cp857", "cp858", "cp860", "cp861", "cp862",
         "cp863", "cp865", "cp866", "cp869", "cp874", "cp1125", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254",
         "cp1255", "cp1256", "cp1257", "cp1258", "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6",
         "iso8859_7", "iso8859_8", "iso8859_9", "iso8859_10", "iso8859_11", "iso8859_13", "iso8859_14", "iso8859_15",
         "iso8859_16", "koi8_r", "koi8_t", "koi8_u", "kz1048", "mac_cyrillic", "mac_greek", "mac_iceland",
         "mac_latin2", "mac_roman", "mac_turkish", "ptcp154", "tis_620"]


def half(name):
    out = ""
    for b in range(128, 256):
        try:
            out += bytes([b]).decode(name)
        except UnicodeDecodeError:
            out += "\ufffe"
    return "".join(c if c.isprintable() and not c.isspace() and c not in '"\\' else f"\\u{{{ord(c):x}}}" for c in out)


def main():
    pages, halves = [], []
    for name in NAMES:
        assert all(bytes([b]).decode(name) == chr(b) for b in range(128)), name
        aliases = sorted(a for a, n in encodings.aliases.aliases.items() if n == name)
        if name.startswith("iso8859_"):
            aliases.append("iso_8859_" + name[8:])
        pages.append(f'("{name}", "{" ".join(dict.fromkeys(aliases))}", "{codecs.lookup(name).name}")')
        halves.append(f'"{half(name)}"')
    out = f"""//! Code pages of one byte a character, written by generate.py; not to be edited by hand.

/// Name, aliases, and the name that lookups give.
pub(super) static PAGES: [(&str, &str, &str); {len(pages)}] = [{", ".join(pages)}];

/// The characters of bytes 128 to 255 of each page; U+FFFE for those that it leaves undefined.
pub(super) static HALVES: [&str; {len(halves)}] = [{", ".join(halves)}];
"""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "single_tables.rs"), "w") as f:
        f.write(out)


main()
