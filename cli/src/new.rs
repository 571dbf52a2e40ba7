//! `new`: a crate of a user's own, with codegen and runtime as libraries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::caller::Caller;
use crate::config::features_of;
use crate::output::{Failure, to_stderr};

/// Every feature that a config can need. The root package has the same.
const FEATURES: [&str; 16] = [
    "azure_service_bus",
    "gcp_pubsub",
    "jetstream",
    "kafka",
    "kafka-tls",
    "mem",
    "nats",
    "rabbitmq",
    "sns",
    "sqs",
    "tls",
    "json-schema",
    "rate-limit",
    "dns",
    "xml",
    "yaml",
];

const BUILD: &str = include_str!("../templates/build.rs");
const MAIN: &str = include_str!("../templates/main.rs");
const CONFIG: &str = include_str!("../templates/gateway.json");
const README: &str = include_str!("../templates/README.md");
const GITIGNORE: &str = "/target\n";

/// Names that cargo refuses for a package with a binary: keywords, and crates that every program has.
const RESERVED: [&str; 56] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
];

/// Makes the crate in `folder`, which must not exist or be empty.
pub(crate) fn new(caller: &Caller, folder: &Path, name: Option<&str>) -> Result<ExitCode, Failure> {
    let path = caller.folder.join(folder);
    let cannot = |what: &str, error| Failure::new(format!("cannot {what} `{}`: {error}", folder.display()));
    if path.exists() {
        let mut entries = path.read_dir().map_err(|error| cannot("read", error))?;
        if entries.next().is_some() {
            return Err(Failure::new(format!("`{}` exists and is not empty", folder.display()))
                .help("name a folder that is still to be made"));
        }
    }
    let name = package_name(&path, name)?;
    fs::create_dir_all(path.join("src")).map_err(|error| cannot("make", error))?;
    let path = fs::canonicalize(&path).map_err(|error| cannot("read", error))?;
    let config = CONFIG.replace("NAME", &name);
    let files = [
        ("Cargo.toml", manifest(caller, &path, &name, &features_of(&config)?)),
        ("build.rs", BUILD.to_owned()),
        ("src/main.rs", MAIN.to_owned()),
        ("gateway.json", config),
        (".gitignore", GITIGNORE.to_owned()),
        ("README.md", README.replace("NAME", &name)),
    ];
    for (file, text) in files {
        let file = path.join(file);
        fs::write(&file, text).map_err(|error| Failure::new(format!("cannot write `{}`: {error}", file.display())))?;
    }
    to_stderr(&format!("made the package `{name}` in `{0}`; start it with `cargo run` there\n", folder.display()));
    Ok(ExitCode::SUCCESS)
}

/// `given`, or the name of the folder, when cargo can take it.
fn package_name(folder: &Path, given: Option<&str>) -> Result<String, Failure> {
    let of_folder = || {
        // `.` and `..` have a name only once they are resolved; a folder still to be made has its own.
        let resolved = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
        resolved.file_name().map(|name| name.to_string_lossy().into_owned())
    };
    let name = given.map(str::to_owned).or_else(of_folder).unwrap_or_default();
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let consists = name.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character));
    if starts && consists && !RESERVED.contains(&name.as_str()) {
        return Ok(name);
    }
    let message = if RESERVED.contains(&name.as_str()) {
        format!("`{name}` is a reserved word and cannot be the name of a package")
    } else {
        format!("`{name}` cannot be the name of a package: letters, digits, `-` and `_`, the first a letter")
    };
    Err(Failure::new(message).help("give another one with `--name NAME`"))
}

fn manifest(caller: &Caller, folder: &Path, name: &str, needed: &[&str]) -> String {
    let listed = needed.iter().map(|feature| format!("\"{feature}\"")).collect::<Vec<_>>().join(", ");
    let features: String =
        FEATURES.iter().map(|feature| format!("{feature} = [\"sluicegate-runtime/{feature}\"]\n")).collect();
    let (codegen, runtime) = (source(caller, folder, "codegen"), source(caller, folder, "runtime"));
    let workspace = if lies_in_a_workspace(folder) {
        "\n# A workspace of its own, not a part of the one above. Take this away to make it a member there.\n[workspace]\n"
    } else {
        ""
    };
    format!(
        "[package]
name = \"{name}\"
version = \"0.1.0\"
edition = \"2024\"
rust-version = \"1.95\"
publish = false

[features]
# What gateway.json needs. The build names what is missing here.
default = [{listed}]
{features}
[dependencies]
sluicegate-runtime = {{ {runtime}, default-features = false }}

[build-dependencies]
sluicegate-codegen = {{ {codegen} }}
{workspace}"
    )
}

/// Where a crate of this repository comes from: the checkout, relative when `folder` lies in it; else the registry.
fn source(caller: &Caller, folder: &Path, name: &str) -> String {
    let Some(checkout) = caller.checkout_if_any() else {
        return format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
    };
    let path = match folder.strip_prefix(checkout) {
        Ok(inside) => inside.components().map(|_| "..").collect::<PathBuf>().join(name),
        Err(_) => checkout.join(name),
    };
    // A string that TOML and JSON read alike; `/` is right on every system.
    format!("path = {}", serde_json::Value::from(path.to_string_lossy().replace('\\', "/")))
}

fn lies_in_a_workspace(folder: &Path) -> bool {
    let is_workspace = |folder: &Path| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest.lines().any(|line| line.trim_start().starts_with("[workspace"))
    };
    folder.ancestors().skip(1).any(is_workspace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, good) in [
            ("orders", true),
            ("orders-2_b", true),
            ("", false),
            ("2orders", false),
            ("-a", false),
            ("a b", false),
            ("caf\u{e9}", false),
            ("test", false),
            ("self", false),
        ] {
            assert_eq!(package_name(Path::new("/x"), Some(name)).is_ok(), good, "{name}");
        }
        assert_eq!(package_name(Path::new("/no/such/orders"), None).expect("a good name"), "orders");
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn features_are_those_of_the_root_package() {
        let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")).expect("a manifest");
        let lines = manifest.lines().skip_while(|line| *line != "[features]").skip(1);
        let lines = lines.take_while(|line| !line.starts_with('['));
        let names: Vec<_> = lines.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name).collect();
        let names: Vec<_> = names.into_iter().filter(|name| *name != "default").collect();
        assert_eq!(names, FEATURES);
    }
}
