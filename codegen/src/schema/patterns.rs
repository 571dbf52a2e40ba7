//! Values that are more than a type, as regular expressions that JavaScript and Rust read alike.

/// A variable somewhere in a text.
pub(super) const VARIABLE: &str = r"\$\{[A-Za-z_]";

/// A variable and nothing else, which can give a number or a boolean.
pub(super) const VARIABLE_ALONE: &str = r"^\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}$";

/// `env:NAME` or `file:PATH`.
pub(super) const AT_START: &str = "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$";

/// What `sluicegate_drivers::parse_duration` takes, but for what is too long.
pub(super) const DURATION: &str = concat!(
    r"^[+-]?0$",
    r"|^\+?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$",
    r"|^-((0+\.?0*|\.0+)(ns|us|µs|μs|ms|s|m|h))+$"
);

/// Something that can be seen.
pub(super) const FILLED: &str = r"\S";

/// The name of a header.
pub(super) const HEADER_NAME: &str = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$";

/// Base64 with or without `=` at its end.
pub(super) const BASE64: &str = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}(==)?|[A-Za-z0-9+/]{3}=?)?$";

/// RFC 3339; the days of a month are not counted.
pub(super) const TIME: &str = concat!(
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]",
    r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?",
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
);

/// A text that is not empty, `env:NAME` or `file:PATH`.
pub(super) const SOURCE: &str = r"^(?!env:(?![A-Za-z_][A-Za-z0-9_]*$)|file:$)[\s\S]";

const TOKEN: &str = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+";
const HOST: &str = r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])";
const PORT: &str = r"0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
/// Neither a space nor a control character.
const PRINTED: &str = r"[^\s\x00-\x1f\x7f-\x9f]";

/// A URL with one of the schemes. What follows the scheme is looked into only where that is HTTP's.
pub(super) fn url(schemes: &[&str]) -> String {
    let names = schemes.join("|");
    match schemes.iter().all(|scheme| scheme.starts_with("http")) {
        true => format!(r"^({names})://([^\s/?#]*@)?{HOST}(:{PORT})?([/?#]{PRINTED}*)?$"),
        false => format!("^({names})://{PRINTED}+$"),
    }
}

/// `host:port`, `:port`, or a socket of the machine.
pub(super) fn address() -> String {
    format!(r"^unix:|^{HOST}?:{PORT}$|^\[[0-9A-Fa-f:.]+\]$")
}

/// `type/subtype`, perhaps with parameters.
pub(super) fn mime() -> String {
    format!("^ *{TOKEN}/{TOKEN} *(;[ -~]*)?$")
}

/// `http://` or `https://`.
pub(super) fn schemes(schemes: &[&str]) -> String {
    schemes.iter().map(|scheme| format!("`{scheme}://`")).collect::<Vec<_>>().join(" or ")
}
