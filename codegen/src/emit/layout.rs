//! Expressions and items of generated code, and how they are laid out: as rustfmt does, for a person reads them.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Expr, GenericArgument, PathArguments, Token, Type, TypeParamBound, UnOp};

use super::literal::plain;

/// The width of a line in characters.
const WIDTH: usize = 100;

/// An item of the file.
pub(super) struct Static {
    /// A line each.
    pub(super) docs: Vec<String>,
    pub(super) visibility: &'static str,
    pub(super) name: Ident,
    /// A type.
    pub(super) kind: TokenStream,
    /// An expression.
    pub(super) value: TokenStream,
}

/// An expression, as far as it matters where its lines are broken.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Layout {
    /// What stays on one line.
    Word(String),
    /// `name(arguments)`; a tuple without a name.
    Call(String, Vec<Self>),
    /// `[items]` or `&[items]`.
    List(&'static str, Vec<Self>),
    /// `base.call(arguments).call(arguments)`.
    Chain(Box<Self>, Vec<Self>),
}

// === impl Layout ===

impl Layout {
    fn new(value: &TokenStream) -> Self {
        syn::parse2(value.clone()).map_or_else(|_| Self::Word(value.to_string()), |value| Self::of(&value))
    }

    /// What generated code has; anything else stays on one line, as its tokens are written.
    fn of(value: &Expr) -> Self {
        match value {
            Expr::Path(value) if value.qself.is_none() => Self::Word(path(&value.path)),
            Expr::Call(call) => Self::Call(Self::of(&call.func).flat(), Self::all(&call.args)),
            Expr::Tuple(tuple) if tuple.elems.len() != 1 => Self::Call(String::new(), Self::all(&tuple.elems)),
            Expr::Array(array) => Self::List("[", Self::all(&array.elems)),
            Expr::Reference(reference) if reference.mutability.is_none() => match Self::of(&reference.expr) {
                Self::List("[", items) => Self::List("&[", items),
                value => Self::Word(format!("&{}", value.flat())),
            },
            Expr::MethodCall(call) if call.turbofish.is_none() => {
                let last = Self::Call(call.method.to_string(), Self::all(&call.args));
                match Self::of(&call.receiver) {
                    Self::Chain(base, mut calls) => {
                        calls.push(last);
                        Self::Chain(base, calls)
                    }
                    base => Self::Chain(Box::new(base), vec![last]),
                }
            }
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
                Self::Word(format!("-{}", Self::of(&unary.expr).flat()))
            }
            other => Self::Word(other.to_token_stream().to_string()),
        }
    }

    fn all(list: &Punctuated<Expr, Token![,]>) -> Vec<Self> {
        list.iter().map(Self::of).collect()
    }

    /// On one line.
    fn flat(&self) -> String {
        let joined = |list: &[Self]| list.iter().map(Self::flat).collect::<Vec<_>>().join(", ");
        match self {
            Self::Word(word) => word.clone(),
            Self::Call(name, arguments) => format!("{name}({})", joined(arguments)),
            Self::List(open, items) => format!("{open}{}]", joined(items)),
            Self::Chain(base, calls) => {
                calls.iter().fold(base.flat(), |chain, call| format!("{chain}.{}", call.flat()))
            }
        }
    }

    /// On one line where it fits with a comma or semicolon behind it, else on lines that are indented below `indent`.
    fn print(&self, out: &mut String, indent: usize) {
        let flat = self.flat();
        if fits(column(out), &flat) {
            out.push_str(&flat);
            return;
        }
        match self {
            Self::Word(word) => out.push_str(word),
            Self::Call(name, arguments) => {
                out.push_str(name);
                match arguments.as_slice() {
                    // Brackets that open together need one indentation.
                    [only @ (Self::Call(..) | Self::List(..))] => {
                        out.push('(');
                        only.print(out, indent);
                        out.push(')');
                    }
                    several => lines(out, indent, "(", several, ")"),
                }
            }
            Self::List(open, items) => lines(out, indent, open, items, "]"),
            Self::Chain(base, calls) => {
                let head = base.flat();
                if let [Self::Call(name, arguments)] = calls.as_slice()
                    && matches!(arguments.as_slice(), [Self::Call(..) | Self::List(..)])
                    && fits(column(out), &format!("{head}.{name}("))
                {
                    out.push_str(&format!("{head}."));
                    return calls[0].print(out, indent);
                }
                let whole = fits(column(out), &head);
                base.print(out, indent);
                let indent = if whole { indent + 4 } else { indent };
                for call in calls {
                    line(out, indent);
                    out.push('.');
                    call.print(out, indent);
                }
            }
        }
    }
}

fn lines(out: &mut String, indent: usize, open: &str, items: &[Layout], close: &str) {
    out.push_str(open);
    for item in items {
        line(out, indent + 4);
        item.print(out, indent + 4);
        out.push(',');
    }
    line(out, indent);
    out.push_str(close);
}

fn line(out: &mut String, indent: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

fn column(out: &str) -> usize {
    out[out.rfind('\n').map_or(0, |at| at + 1)..].chars().count()
}

fn fits(column: usize, flat: &str) -> bool {
    column + flat.chars().count() < WIDTH
}

/// A type on one line.
fn kind(kind: &Type) -> String {
    match kind {
        Type::Path(kind) if kind.qself.is_none() => path(&kind.path),
        Type::Reference(reference) if reference.lifetime.is_none() && reference.mutability.is_none() => {
            format!("&{}", self::kind(&reference.elem))
        }
        Type::Slice(slice) => format!("[{}]", self::kind(&slice.elem)),
        Type::TraitObject(object) => {
            let bounds = object.bounds.iter().map(|bound| match bound {
                TypeParamBound::Trait(bound) => path(&bound.path),
                other => other.to_token_stream().to_string(),
            });
            format!("dyn {}", bounds.collect::<Vec<_>>().join(" + "))
        }
        other => other.to_token_stream().to_string(),
    }
}

fn path(path: &syn::Path) -> String {
    let segments = path.segments.iter().map(|segment| match &segment.arguments {
        PathArguments::None => segment.ident.to_string(),
        PathArguments::AngleBracketed(arguments) => {
            let list = arguments.args.iter().map(|argument| match argument {
                GenericArgument::Type(argument) => kind(argument),
                other => other.to_token_stream().to_string(),
            });
            let colons = if arguments.colon2_token.is_some() { "::" } else { "" };
            format!("{}{colons}<{}>", segment.ident, list.collect::<Vec<_>>().join(", "))
        }
        PathArguments::Parenthesized(_) => segment.to_token_stream().to_string(),
    });
    let root = if path.leading_colon.is_some() { "::" } else { "" };
    format!("{root}{}", segments.collect::<Vec<_>>().join("::"))
}

// === impl Static ===

impl Static {
    pub(super) fn print(&self) -> String {
        let mut out = String::new();
        for doc in &self.docs {
            out.push_str(format!("/// {}", plain(doc)).trim_end());
            out.push('\n');
        }
        let Self { visibility, name, .. } = self;
        let kind = syn::parse2(self.kind.clone()).map_or_else(|_| self.kind.to_string(), |kind| self::kind(&kind));
        let value = Layout::new(&self.value);
        out.push_str(&format!("{visibility}static {name}: {kind} ="));
        let flat = value.flat();
        if !fits(column(&out) + 1, &flat) && fits(4, &flat) {
            line(&mut out, 4);
            out.push_str(&flat);
        } else {
            out.push(' ');
            value.print(&mut out, 0);
        }
        out.push_str(";\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use quote::{format_ident, quote};

    use super::*;

    fn printed(value: TokenStream) -> String {
        let item = Static { docs: Vec::new(), visibility: "", name: format_ident!("A"), kind: quote! { T }, value };
        item.print().trim_start_matches("static A: T =").trim_start_matches(' ').to_owned()
    }

    #[test]
    fn what_fits_is_one_line() {
        for (value, expected) in [
            (quote! { f(1, 2).g().h(3) }, "f(1, 2).g().h(3);\n"),
            (quote! { &[(1, 2)] }, "&[(1, 2)];\n"),
            (quote! { f([0xfd00, 0x0], &A::B) }, "f([0xfd00, 0x0], &A::B);\n"),
            (
                quote! { x(20_000, 1.0, "a\u{200b}b", r#"{"a":"b"}"#, true) },
                "x(20_000, 1.0, \"a\\u{200b}b\", r#\"{\"a\":\"b\"}\"#, true);\n",
            ),
            (quote! { Vec::<u8>::new() }, "Vec::<u8>::new();\n"),
            (quote! { x }, "x;\n"),
        ] {
            assert_eq!(printed(value), expected);
        }
    }

    #[test]
    fn what_is_not_known_is_printed_flat() {
        for value in [quote! { (-1,) }, quote! { x.f::<u8>() }, quote! { &mut x }, quote! { x y }] {
            let expected = format!("{value};\n");
            assert_eq!(printed(value), expected);
        }
    }

    #[test]
    fn types_are_one_line() {
        for (kind, expected) in [
            (quote! { Endpoint<Publish<mem::Broker>> }, "Endpoint<Publish<mem::Broker>>"),
            (quote! { &[&dyn AnyEndpoint] }, "&[&dyn AnyEndpoint]"),
            (quote! { Merge<A, B> }, "Merge<A, B>"),
            (quote! { dyn A + Send }, "dyn A + Send"),
        ] {
            let item = Static { docs: Vec::new(), visibility: "", name: format_ident!("A"), kind, value: quote! { 1 } };
            assert_eq!(item.print(), format!("static A: {expected} = 1;\n"));
        }
    }

    #[test]
    fn what_fits_below_goes_below() {
        let long = format_ident!("{}", "x".repeat(90));
        assert_eq!(printed(quote! { #long }), format!("\n    {long};\n"));
    }

    #[test]
    fn the_last_column_is_used_and_not_passed() {
        for (length, broken) in [(92, false), (93, true)] {
            let long = format_ident!("{}", "x".repeat(length));
            let text = printed(quote! { f(#long) });
            assert_eq!(text.lines().count() > 2, broken, "{text}");
            assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_broken_like_rustfmt() {
        let (a, b) = (format_ident!("{}", "a".repeat(60)), format_ident!("{}", "b".repeat(60)));
        let call = quote! { f(#a, #b) };
        let list = quote! { f(g(&[#a, #b])) };
        for (value, expected) in [
            (quote! { #call }, format!("f(\n    {a},\n    {b},\n);\n")),
            (quote! { #call.g(1).h() }, format!("f(\n    {a},\n    {b},\n)\n.g(1)\n.h();\n")),
            (quote! { #list }, format!("f(g(&[\n    {a},\n    {b},\n]));\n")),
            (quote! { x.#list }, format!("x.f(g(&[\n    {a},\n    {b},\n]));\n")),
            (
                quote! { x.#list.g(1).h() },
                format!("x\n    .f(g(&[\n        {a},\n        {b},\n    ]))\n    .g(1)\n    .h();\n"),
            ),
        ] {
            assert_eq!(printed(value), expected);
        }
    }

    #[test]
    fn docs_stay_on_their_line() {
        let docs = vec!["`/a\n\u{202e}b`".to_owned(), String::new(), "c".to_owned()];
        let (name, kind, value) = (format_ident!("A"), quote! { T }, quote! { 1 });
        let item = Static { docs, visibility: "", name, kind, value };
        assert_eq!(item.print(), "/// `/a\\n\\u{202e}b`\n///\n/// c\nstatic A: T = 1;\n");
    }
}
