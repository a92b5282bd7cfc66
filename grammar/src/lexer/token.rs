//! The kinds of tokens, and how logos recognises each in plain code.
//!
//! Tokens carry no value: what a name, a number or a string says is read from the source under its span.
//! Bodies of strings and numbers, indentation and f-strings are beyond regular expressions with good error
//! messages, so logos finds only how they begin and the neighbouring modules scan the rest.

use crate::ast::Span;
use logos::Logos;

/// A token and the place it stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub span: Span,
}

/// What a token is.
#[derive(Logos, Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[logos(skip r"[ \t\x0c]+")]
#[logos(skip(r"#[^\r\n]*", allow_greedy = true))]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Kind {
    // Markers that the driver puts in front, so that one start symbol serves all modes.
    StartExec,
    StartEval,
    StartSingle,

    // Layout.
    #[regex(r"\r\n|\n|\r")]
    Newline,
    Indent,
    Dedent,
    EndMarker,
    /// The end of the text inside an open bracket.
    EndInBrackets,
    /// Where lexing failed.
    Error,

    // Beginnings; `Digit` and `Quote` become `Number` and `Str` once scanned to the end.
    #[regex(r"\.?[0-9]")]
    Digit,
    #[regex("([rR]|[uU]|[bB][rR]?|[rR][bB])?[\"']")]
    Quote,
    #[regex("([fF][rR]?|[rR][fF])[\"']")]
    FStringStart,
    #[regex("([tT][rR]?|[rR][tT])[\"']")]
    TStringStart,
    #[regex(r"[^\x00-\x7F]")]
    NonAscii,
    #[token("\\")]
    Backslash,

    #[regex("[a-zA-Z_][a-zA-Z0-9_]*")]
    Name,
    Number,
    Str,
    /// Literal text inside an f-string or t-string.
    FStringMiddle,
    FStringEnd,
    /// A character that begins no token.
    Unknown,

    // Soft keywords, where the layout pass saw that they are keywords.
    Match,
    Case,
    Type,
    /// The `(` of a `with` whose items are parenthesised and have an `as`.
    WithParen,

    #[token("False")]
    False,
    #[token("None")]
    None,
    #[token("True")]
    True,
    #[token("and")]
    And,
    #[token("as")]
    As,
    #[token("assert")]
    Assert,
    #[token("async")]
    Async,
    #[token("await")]
    Await,
    #[token("break")]
    Break,
    #[token("class")]
    Class,
    #[token("continue")]
    Continue,
    #[token("def")]
    Def,
    #[token("del")]
    Del,
    #[token("elif")]
    Elif,
    #[token("else")]
    Else,
    #[token("except")]
    Except,
    #[token("finally")]
    Finally,
    #[token("for")]
    For,
    #[token("from")]
    From,
    #[token("global")]
    Global,
    #[token("if")]
    If,
    #[token("import")]
    Import,
    #[token("in")]
    In,
    #[token("is")]
    Is,
    #[token("lambda")]
    Lambda,
    #[token("nonlocal")]
    Nonlocal,
    #[token("not")]
    Not,
    #[token("or")]
    Or,
    #[token("pass")]
    Pass,
    #[token("raise")]
    Raise,
    #[token("return")]
    Return,
    #[token("try")]
    Try,
    #[token("while")]
    While,
    #[token("with")]
    With,
    #[token("yield")]
    Yield,

    #[token("(")]
    LParen,
    #[token(")")]
    RParen,
    #[token("[")]
    LBracket,
    #[token("]")]
    RBracket,
    #[token("{")]
    LBrace,
    #[token("}")]
    RBrace,
    #[token(":")]
    Colon,
    #[token(",")]
    Comma,
    #[token(";")]
    Semicolon,
    #[token(".")]
    Dot,
    #[token("...")]
    Ellipsis,
    #[token("->")]
    Arrow,
    #[token("!")]
    Exclamation,
    #[token("=")]
    Equal,
    #[token(":=")]
    ColonEqual,
    #[token("==")]
    EqEqual,
    #[token("!=")]
    NotEqual,
    /// `<>`, which the tokenizer knows and the grammar does not.
    #[token("<>")]
    LessGreater,
    #[token("<")]
    Less,
    #[token("<=")]
    LessEqual,
    #[token(">")]
    Greater,
    #[token(">=")]
    GreaterEqual,
    #[token("+")]
    Plus,
    #[token("-")]
    Minus,
    #[token("*")]
    Star,
    #[token("/")]
    Slash,
    #[token("//")]
    DoubleSlash,
    #[token("%")]
    Percent,
    #[token("@")]
    At,
    #[token("&")]
    Ampersand,
    #[token("|")]
    Bar,
    #[token("^")]
    Caret,
    #[token("~")]
    Tilde,
    #[token("<<")]
    LeftShift,
    #[token(">>")]
    RightShift,
    #[token("**")]
    DoubleStar,
    #[token("+=")]
    PlusEqual,
    #[token("-=")]
    MinusEqual,
    #[token("*=")]
    StarEqual,
    #[token("/=")]
    SlashEqual,
    #[token("//=")]
    DoubleSlashEqual,
    #[token("%=")]
    PercentEqual,
    #[token("@=")]
    AtEqual,
    #[token("&=")]
    AmpersandEqual,
    #[token("|=")]
    BarEqual,
    #[token("^=")]
    CaretEqual,
    #[token("<<=")]
    LeftShiftEqual,
    #[token(">>=")]
    RightShiftEqual,
    #[token("**=")]
    DoubleStarEqual,
}

impl Kind {
    /// Whether it is a reserved word.
    pub fn is_keyword(self) -> bool {
        (Kind::False as u8..=Kind::Yield as u8).contains(&(self as u8))
    }

    /// Whether it is `+=` or one of its kin.
    pub fn is_augmented_assignment(self) -> bool {
        (Kind::PlusEqual as u8..=Kind::DoubleStarEqual as u8).contains(&(self as u8))
    }
}
