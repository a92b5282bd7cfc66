//! A tree as one line of text, in the form that `tests/suite/common/dump.py` prints CPython's tree in.

use apy_grammar::LineIndex;
use apy_grammar::ast::*;
use std::fmt::Write;

/// Prints `module`, parsed from `source`.
pub fn dump(source: &str, module: &Mod<'_>) -> String {
    let mut d = Dump { out: String::new(), lines: LineIndex::new(source) };
    match *module {
        Mod::Module(body) | Mod::Interactive(body) => d.stmts(body),
        Mod::Expression(e) => d.expr(e),
    }
    d.out
}

struct Dump {
    out: String,
    lines: LineIndex,
}

impl Dump {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn place(&mut self, span: Span) {
        let (l, c) = self.lines.line_column_bytes(span.start);
        let (el, ec) = self.lines.line_column_bytes(span.end);
        let _ = write!(self.out, "@{l}:{c}-{el}:{ec}");
    }

    fn stmts(&mut self, body: &[Stmt<'_>]) {
        self.put("[");
        body.iter().for_each(|s| self.stmt(s));
        self.put("]");
    }

    fn exprs(&mut self, v: &[Expr<'_>]) {
        self.put("[");
        v.iter().for_each(|e| self.expr(e));
        self.put("]");
    }

    fn maybe(&mut self, e: Option<&Expr<'_>>) {
        match e {
            Some(e) => self.expr(e),
            None => self.put("~"),
        }
    }

    fn name(&mut self, name: Option<Ident<'_>>) {
        let _ = write!(self.out, "'{}' ", name.map_or("~", |n| n.id));
    }

    fn idents(&mut self, names: &[Ident<'_>]) {
        self.put("[");
        names.iter().for_each(|n| self.name(Some(*n)));
        self.put("]");
    }

    fn aliases(&mut self, v: &[Alias<'_>]) {
        self.put("[");
        for a in v {
            self.put("(alias");
            self.place(a.span);
            self.name(Some(a.name));
            self.name(a.asname);
            self.put(")");
        }
        self.put("]");
    }

    fn keywords(&mut self, v: &[Keyword<'_>]) {
        self.put("[");
        for k in v {
            self.put("(keyword");
            self.place(k.span);
            self.name(k.arg);
            self.expr(&k.value);
            self.put(")");
        }
        self.put("]");
    }

    fn type_params(&mut self, v: &[TypeParam<'_>]) {
        self.put("[");
        for p in v {
            let _ = write!(self.out, "({:?}", p.kind);
            self.place(p.span);
            self.name(Some(p.name));
            if p.kind == TypeParamKind::TypeVar {
                self.maybe(p.bound);
            }
            self.maybe(p.default);
            self.put(")");
        }
        self.put("]");
    }

    fn params(&mut self, v: &[Param<'_>]) {
        self.put("[");
        for p in v {
            self.param(p);
        }
        self.put("]");
    }

    fn param(&mut self, p: &Param<'_>) {
        self.put("(arg ");
        self.name(Some(p.name));
        self.maybe(p.annotation);
        self.put("=");
        self.maybe(p.default);
        self.put(")");
    }

    fn arguments(&mut self, a: &Arguments<'_>) {
        self.params(a.posonlyargs);
        self.params(a.args);
        match a.vararg {
            Some(p) => self.param(p),
            None => self.put("~"),
        }
        self.params(a.kwonlyargs);
        match a.kwarg {
            Some(p) => self.param(p),
            None => self.put("~"),
        }
    }

    fn stmt(&mut self, s: &Stmt<'_>) {
        self.put("(");
        match s.kind {
            StmtKind::FunctionDef(f) => {
                self.put(if f.is_async { "AsyncFunctionDef" } else { "FunctionDef" });
                self.place(s.span);
                self.name(Some(f.name));
                self.arguments(f.args);
                self.stmts(f.body);
                self.exprs(f.decorators);
                self.maybe(f.returns);
                self.type_params(f.type_params);
            }
            StmtKind::ClassDef(c) => {
                self.put("ClassDef");
                self.place(s.span);
                self.name(Some(c.name));
                self.exprs(c.bases);
                self.keywords(c.keywords);
                self.stmts(c.body);
                self.exprs(c.decorators);
                self.type_params(c.type_params);
            }
            _ => self.other_stmt(s),
        }
        self.put(")");
    }

    fn other_stmt(&mut self, s: &Stmt<'_>) {
        let head = match s.kind {
            StmtKind::Return(_) => "Return",
            StmtKind::Delete(_) => "Delete",
            StmtKind::Assign { .. } => "Assign",
            StmtKind::TypeAlias { .. } => "TypeAlias",
            StmtKind::AugAssign { .. } => "AugAssign",
            StmtKind::AnnAssign { .. } => "AnnAssign",
            StmtKind::For { is_async: true, .. } => "AsyncFor",
            StmtKind::For { .. } => "For",
            StmtKind::While { .. } => "While",
            StmtKind::If { .. } => "If",
            StmtKind::With { is_async: true, .. } => "AsyncWith",
            StmtKind::With { .. } => "With",
            StmtKind::Match { .. } => "Match",
            StmtKind::Raise { .. } => "Raise",
            StmtKind::Try { is_star: true, .. } => "TryStar",
            StmtKind::Try { .. } => "Try",
            StmtKind::Assert { .. } => "Assert",
            StmtKind::Import(_) => "Import",
            StmtKind::ImportFrom { .. } => "ImportFrom",
            StmtKind::Global(_) => "Global",
            StmtKind::Nonlocal(_) => "Nonlocal",
            StmtKind::Expr(_) => "Expr",
            StmtKind::Pass => "Pass",
            StmtKind::Break => "Break",
            StmtKind::Continue => "Continue",
            StmtKind::FunctionDef(_) | StmtKind::ClassDef(_) => "",
        };
        self.put(head);
        self.place(s.span);
        match s.kind {
            StmtKind::Return(e) => self.maybe(e),
            StmtKind::Delete(v) => self.exprs(v),
            StmtKind::Assign { targets, value } => {
                self.exprs(targets);
                self.expr(value);
            }
            StmtKind::TypeAlias { name, type_params, value } => {
                self.name(Some(name));
                self.type_params(type_params);
                self.expr(value);
            }
            StmtKind::AugAssign { target, op, value } => {
                self.expr(target);
                let _ = write!(self.out, "{op:?} ");
                self.expr(value);
            }
            StmtKind::AnnAssign { target, annotation, value, simple } => {
                self.expr(target);
                self.expr(annotation);
                self.maybe(value);
                let _ = write!(self.out, "{}", i32::from(simple));
            }
            StmtKind::For { target, iter, body, orelse, .. } => {
                self.expr(target);
                self.expr(iter);
                self.stmts(body);
                self.stmts(orelse);
            }
            StmtKind::While { test, body, orelse } | StmtKind::If { test, body, orelse } => {
                self.expr(test);
                self.stmts(body);
                self.stmts(orelse);
            }
            StmtKind::With { items, body, .. } => {
                for item in items {
                    self.expr(&item.context_expr);
                    self.maybe(item.optional_vars);
                }
                self.stmts(body);
            }
            StmtKind::Match { subject, cases } => {
                self.expr(subject);
                for case in cases {
                    self.pattern(&case.pattern);
                    self.maybe(case.guard);
                    self.stmts(case.body);
                }
            }
            StmtKind::Raise { exc, cause } => {
                self.maybe(exc);
                self.maybe(cause);
            }
            StmtKind::Try { body, handlers, orelse, finalbody, .. } => {
                self.stmts(body);
                for h in handlers {
                    self.put("(handler");
                    self.place(h.span);
                    self.maybe(h.type_);
                    self.name(h.name);
                    self.stmts(h.body);
                    self.put(")");
                }
                self.stmts(orelse);
                self.stmts(finalbody);
            }
            StmtKind::Assert { test, msg } => {
                self.expr(test);
                self.maybe(msg);
            }
            StmtKind::Import(v) => self.aliases(v),
            StmtKind::ImportFrom { module, names, level } => {
                self.name(module);
                self.aliases(names);
                let _ = write!(self.out, "{level}");
            }
            StmtKind::Global(v) | StmtKind::Nonlocal(v) => self.idents(v),
            StmtKind::Expr(e) => self.expr(e),
            _ => {}
        }
    }

    fn comprehensions(&mut self, v: &[Comprehension<'_>]) {
        for c in v {
            self.put("(for ");
            self.expr(&c.target);
            self.expr(&c.iter);
            self.exprs(c.ifs);
            let _ = write!(self.out, "{})", i32::from(c.is_async));
        }
    }

    fn bytes(&mut self, value: &[u8]) {
        for b in value {
            let _ = write!(self.out, "{b:02x}");
        }
    }

    fn constant(&mut self, c: Constant<'_>) {
        match c {
            Constant::None => self.put("None"),
            Constant::Bool(true) => self.put("True"),
            Constant::Bool(false) => self.put("False"),
            Constant::Ellipsis => self.put("Ellipsis"),
            Constant::Int(i) => {
                let _ = write!(self.out, "{i:x}");
            }
            Constant::BigInt { .. } => self.put("BIG"),
            Constant::Float(f) => {
                let _ = write!(self.out, "f{:016x}", f.to_bits());
            }
            Constant::Imaginary(f) => {
                let _ = write!(self.out, "j{:016x}", f.to_bits());
            }
            Constant::Str { value, unicode_prefix } => {
                self.put(if unicode_prefix { "u" } else { "s" });
                self.bytes(value);
            }
            Constant::Bytes(value) => {
                self.put("b");
                self.bytes(value);
            }
        }
    }

    fn parts(&mut self, parts: &[StringPart<'_>], template: bool) {
        self.put("[");
        for part in parts {
            match part {
                StringPart::Literal { value, .. } => {
                    self.put("s");
                    self.bytes(value);
                }
                StringPart::Interpolation(i) => {
                    self.put("(field ");
                    self.expr(&i.value);
                    if template {
                        self.bytes(i.text.as_bytes());
                    }
                    let _ = write!(self.out, " {:?} ", i.conversion);
                    match i.format_spec {
                        Some(spec) => self.parts(spec, false),
                        None => self.put("~"),
                    }
                    self.put(")");
                }
            }
        }
        self.put("]");
    }

    fn expr(&mut self, e: &Expr<'_>) {
        self.put("(");
        match e.kind {
            ExprKind::BoolOp { op, values } => {
                self.head("BoolOp", e.span);
                let _ = write!(self.out, "{op:?} ");
                self.exprs(values);
            }
            ExprKind::NamedExpr { target, value } => {
                self.head("NamedExpr", e.span);
                self.expr(target);
                self.expr(value);
            }
            ExprKind::BinOp { left, op, right } => {
                self.head("BinOp", e.span);
                self.expr(left);
                let _ = write!(self.out, "{op:?} ");
                self.expr(right);
            }
            ExprKind::UnaryOp { op, operand } => {
                self.head("UnaryOp", e.span);
                let _ = write!(self.out, "{op:?} ");
                self.expr(operand);
            }
            ExprKind::Lambda { args, body } => {
                self.head("Lambda", e.span);
                self.arguments(args);
                self.expr(body);
            }
            ExprKind::IfExp { test, body, orelse } => {
                self.head("IfExp", e.span);
                self.expr(test);
                self.expr(body);
                self.expr(orelse);
            }
            ExprKind::Dict(items) => {
                self.head("Dict", e.span);
                for item in items {
                    self.maybe(item.key.as_ref());
                    self.expr(&item.value);
                }
            }
            ExprKind::Compare { left, ops, comparators } => {
                self.head("Compare", e.span);
                self.expr(left);
                for (op, right) in ops.iter().zip(comparators) {
                    let _ = write!(self.out, "{op:?} ");
                    self.expr(right);
                }
            }
            ExprKind::Call { func, args, keywords } => {
                self.head("Call", e.span);
                self.expr(func);
                self.exprs(args);
                self.keywords(keywords);
            }
            ExprKind::Slice { lower, upper, step } => {
                self.head("Slice", e.span);
                self.maybe(lower);
                self.maybe(upper);
                self.maybe(step);
            }
            _ => self.other_expr(e),
        }
        self.put(")");
    }

    fn head(&mut self, name: &str, span: Span) {
        self.put(name);
        self.place(span);
    }

    fn other_expr(&mut self, e: &Expr<'_>) {
        match e.kind {
            ExprKind::Set(v) => {
                self.head("Set", e.span);
                self.exprs(v);
            }
            ExprKind::ListComp { elt, generators } => {
                self.head("ListComp", e.span);
                self.expr(elt);
                self.comprehensions(generators);
            }
            ExprKind::SetComp { elt, generators } => {
                self.head("SetComp", e.span);
                self.expr(elt);
                self.comprehensions(generators);
            }
            ExprKind::GeneratorExp { elt, generators } => {
                self.head("GeneratorExp", e.span);
                self.expr(elt);
                self.comprehensions(generators);
            }
            ExprKind::DictComp { key, value, generators } => {
                self.head("DictComp", e.span);
                self.expr(key);
                self.expr(value);
                self.comprehensions(generators);
            }
            ExprKind::Await(v) => {
                self.head("Await", e.span);
                self.expr(v);
            }
            ExprKind::Yield(v) => {
                self.head("Yield", e.span);
                self.maybe(v);
            }
            ExprKind::YieldFrom(v) => {
                self.head("YieldFrom", e.span);
                self.expr(v);
            }
            ExprKind::JoinedStr(parts) => {
                self.head("JoinedStr", e.span);
                self.parts(parts, false);
            }
            ExprKind::TemplateStr(parts) => {
                self.head("TemplateStr", e.span);
                self.parts(parts, true);
            }
            ExprKind::Constant(c) => {
                self.head("Constant", e.span);
                self.constant(c);
            }
            ExprKind::Attribute { value, attr } => {
                self.head("Attribute", e.span);
                self.expr(value);
                self.name(Some(attr));
            }
            ExprKind::Subscript { value, slice } => {
                self.head("Subscript", e.span);
                self.expr(value);
                self.expr(slice);
            }
            ExprKind::Starred(v) => {
                self.head("Starred", e.span);
                self.expr(v);
            }
            ExprKind::Name(id) => {
                self.head("Name", e.span);
                let _ = write!(self.out, "'{id}' ");
            }
            ExprKind::List(v) => {
                self.head("List", e.span);
                self.exprs(v);
            }
            ExprKind::Tuple { elts, .. } => {
                self.head("Tuple", e.span);
                self.exprs(elts);
            }
            _ => {}
        }
    }

    fn patterns(&mut self, v: &[Pattern<'_>]) {
        self.put("[");
        v.iter().for_each(|p| self.pattern(p));
        self.put("]");
    }

    fn pattern(&mut self, p: &Pattern<'_>) {
        self.put("(");
        match p.kind {
            PatternKind::Value(e) => {
                self.head("MatchValue", p.span);
                self.expr(e);
            }
            PatternKind::Singleton(c) => {
                self.head("MatchSingleton", p.span);
                self.constant(c);
            }
            PatternKind::Sequence(v) => {
                self.head("MatchSequence", p.span);
                self.patterns(v);
            }
            PatternKind::Mapping { keys, patterns, rest } => {
                self.head("MatchMapping", p.span);
                self.exprs(keys);
                self.patterns(patterns);
                self.name(rest);
            }
            PatternKind::Class { cls, patterns, kwd_attrs, kwd_patterns } => {
                self.head("MatchClass", p.span);
                self.expr(cls);
                self.patterns(patterns);
                self.idents(kwd_attrs);
                self.patterns(kwd_patterns);
            }
            PatternKind::Star(name) => {
                self.head("MatchStar", p.span);
                self.name(name);
            }
            PatternKind::As { pattern, name } => {
                self.head("MatchAs", p.span);
                match pattern {
                    Some(p) => self.pattern(p),
                    None => self.put("~"),
                }
                self.name(name);
            }
            PatternKind::Or(v) => {
                self.head("MatchOr", p.span);
                self.patterns(v);
            }
        }
        self.put(")");
    }
}
