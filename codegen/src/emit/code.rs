//! Expressions and items of generated code, and how they are laid out: as rustfmt does, for a person reads them.

use super::literal::{plain, text};

/// The width of a line in characters.
const WIDTH: usize = 100;

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// A name or a literal.
    Word(String),
    /// `name(arguments)`; a tuple without a name.
    Call(String, Vec<Self>),
    /// `&[items]`.
    List(Vec<Self>),
    /// `base.call(arguments).call(arguments)`.
    Chain(Box<Self>, Vec<Self>),
}

/// An item of the file.
pub(super) struct Static {
    /// A line each.
    pub(super) docs: Vec<String>,
    pub(super) visibility: &'static str,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) value: Code,
}

// === impl Code ===

impl Code {
    pub(super) fn word(word: impl Into<String>) -> Self {
        Self::Word(word.into())
    }

    pub(super) fn call(name: impl Into<String>, arguments: impl Into<Vec<Self>>) -> Self {
        Self::Call(name.into(), arguments.into())
    }

    /// `&["a", "b"]`.
    pub(super) fn texts<T: AsRef<str>>(list: &[T]) -> Self {
        Self::List(list.iter().map(text).collect())
    }

    /// `&[4865, 4866]`.
    pub(super) fn codes(list: &[u16]) -> Self {
        Self::List(list.iter().map(|code| Self::word(code.to_string())).collect())
    }

    /// Calls these methods on it, one after the other.
    pub(super) fn with(self, calls: impl IntoIterator<Item = Self>) -> Self {
        let calls: Vec<_> = calls.into_iter().collect();
        if calls.is_empty() { self } else { Self::Chain(Box::new(self), calls) }
    }

    /// On one line.
    fn flat(&self) -> String {
        let joined = |list: &[Self]| list.iter().map(Self::flat).collect::<Vec<_>>().join(", ");
        match self {
            Self::Word(word) => word.clone(),
            Self::Call(name, arguments) => format!("{name}({})", joined(arguments)),
            Self::List(items) => format!("&[{}]", joined(items)),
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
                    [only @ (Self::Call(..) | Self::List(_))] => {
                        out.push('(');
                        only.print(out, indent);
                        out.push(')');
                    }
                    several => lines(out, indent, "(", several, ")"),
                }
            }
            Self::List(items) => lines(out, indent, "&[", items, "]"),
            Self::Chain(base, calls) => {
                let head = base.flat();
                if let [Self::Call(name, arguments)] = calls.as_slice()
                    && matches!(arguments.as_slice(), [Self::Call(..) | Self::List(_)])
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

fn lines(out: &mut String, indent: usize, open: &str, items: &[Code], close: &str) {
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

// === impl Static ===

impl Static {
    pub(super) fn print(&self) -> String {
        let mut out = String::new();
        for doc in &self.docs {
            out.push_str(format!("/// {}", plain(doc)).trim_end());
            out.push('\n');
        }
        let Self { visibility, name, kind, value, .. } = self;
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
    use super::*;

    fn words(list: &[&str]) -> Vec<Code> {
        list.iter().map(|word| Code::word(*word)).collect()
    }

    fn printed(value: Code) -> String {
        let item = Static { docs: Vec::new(), visibility: "", name: "A".into(), kind: "T".into(), value };
        item.print().trim_start_matches("static A: T =").trim_start_matches(' ').to_owned()
    }

    #[test]
    fn what_fits_is_one_line() {
        let chain = Code::call("f", words(&["1", "2"])).with([Code::call("g", []), Code::call("h", words(&["3"]))]);
        assert_eq!(printed(chain), "f(1, 2).g().h(3);\n");
        assert_eq!(printed(Code::List(vec![Code::call("", words(&["1", "2"]))])), "&[(1, 2)];\n");
        assert_eq!(printed(Code::word("x").with([])), "x;\n");
    }

    #[test]
    fn what_fits_below_goes_below() {
        let long = "x".repeat(90);
        assert_eq!(printed(Code::word(&*long)), format!("\n    {long};\n"));
    }

    #[test]
    fn the_last_column_is_used_and_not_passed() {
        for (length, broken) in [(92, false), (93, true)] {
            let text = printed(Code::call("f", [Code::word("x".repeat(length))]));
            assert_eq!(text.lines().count() > 2, broken, "{text}");
            assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_broken_like_rustfmt() {
        let (a, b) = ("a".repeat(60), "b".repeat(60));
        let call = Code::call("f", words(&[&a, &b]));
        assert_eq!(printed(call.clone()), format!("f(\n    {a},\n    {b},\n);\n"));
        let options = [Code::call("g", words(&["1"])), Code::call("h", [])];
        let expected = format!("f(\n    {a},\n    {b},\n)\n.g(1)\n.h();\n");
        assert_eq!(printed(call.with(options.clone())), expected);
        let list = Code::call("f", [Code::call("g", [Code::List(words(&[&a, &b]))])]);
        assert_eq!(printed(list.clone()), format!("f(g(&[\n    {a},\n    {b},\n]));\n"));
        let chain = Code::word("x").with([list.clone()]);
        assert_eq!(printed(chain), format!("x.f(g(&[\n    {a},\n    {b},\n]));\n"));
        let expected = format!("x\n    .f(g(&[\n        {a},\n        {b},\n    ]))\n    .g(1)\n    .h();\n");
        assert_eq!(printed(Code::word("x").with([list].into_iter().chain(options))), expected);
    }

    #[test]
    fn docs_stay_on_their_line() {
        let docs = vec!["`/a\n\u{202e}b`".to_owned(), String::new(), "c".to_owned()];
        let item = Static { docs, visibility: "", name: "A".into(), kind: "T".into(), value: Code::word("1") };
        assert_eq!(item.print(), "/// `/a\\n\\u{202e}b`\n///\n/// c\nstatic A: T = 1;\n");
    }
}
