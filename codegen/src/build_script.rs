//! What a package's build.rs calls: from its gateway.json to OUT_DIR/gateway.rs.

use std::collections::HashSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use crate::environment::Environment;
use crate::location::{Location, default_config};
use crate::{Config, Diagnostic, Severity, generate, render_human};

/// Turns the package's config into `OUT_DIR/gateway.rs`, or tells cargo what is wrong with it.
///
/// A build.rs is one line: `fn main() { sluicegate_codegen::build() }`.
///
/// `GATEWAY_CONFIG` names the config, relative to the package or absolute; [`default_config`] without it. `GATEWAY_BASE`
/// names the folder where files named inside the config are looked up; the config's own without it. `GATEWAY_ENV` names
/// the overlay, and `GATEWAY_SETTINGS` a file of values for the config's variables. With `FC_ENABLE` the config is a template of
/// KrakenD's Flexible Config, with the folders `FC_SETTINGS`, `FC_PARTIALS` and `FC_TEMPLATES`, and `FC_OUT` for what comes out.
/// cargo runs the build script again when one of these variables or one that the config asks for, the config or a file that it
/// consists of or names has changed.
///
/// Every feature that the config needs (`mem`, `tls`, ...) has to be a feature of the package, and enabled.
///
/// Mistakes are printed as `cargo::error` lines, so cargo shows them and stops; nothing here panics or exits.
pub fn build() {
    let lines = match Package::from_env(|name| env::var_os(name)) {
        Ok(package) => run(&package),
        Err(missing) => vec![format!("cargo::error={missing} is not set: this is to be called from a build script")],
    };
    let mut text = lines.join("\n");
    text.push('\n');
    // Nobody is left to tell when cargo has gone away.
    drop(io::stdout().write_all(text.as_bytes()));
}

/// A variable of the environment.
type Variable<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// What cargo and the caller's environment say.
struct Package<'a> {
    folder: PathBuf,
    out: PathBuf,
    name: String,
    config: PathBuf,
    base: Option<PathBuf>,
    variable: Box<Variable<'a>>,
}

// === impl Package ===

impl<'a> Package<'a> {
    /// The name of the variable that is missing is the error.
    fn from_env(variable: impl Fn(&str) -> Option<OsString> + 'a) -> Result<Self, &'static str> {
        let needed = |name: &'static str| variable(name).ok_or(name);
        // A variable set to nothing is taken for one that is not set, as shells and CI systems leave them behind.
        let optional = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = PathBuf::from(needed("CARGO_MANIFEST_DIR")?);
        let default = || default_config(&folder).unwrap_or("gateway.json").into();
        Ok(Self {
            config: optional("GATEWAY_CONFIG").unwrap_or_else(default),
            folder,
            out: needed("OUT_DIR")?.into(),
            name: needed("CARGO_PKG_NAME")?.to_string_lossy().into_owned(),
            base: optional("GATEWAY_BASE"),
            variable: Box::new(variable),
        })
    }

    /// Cargo tells a build script of each feature by a variable.
    fn has_feature(&self, feature: &str) -> bool {
        let name = format!("CARGO_FEATURE_{}", feature.to_uppercase().replace('-', "_"));
        (self.variable)(&name).is_some()
    }
}

/// The lines for cargo.
fn run(package: &Package<'_>) -> Vec<String> {
    let mut lines =
        vec!["cargo::rerun-if-env-changed=GATEWAY_CONFIG".into(), "cargo::rerun-if-env-changed=GATEWAY_BASE".into()];
    let environment = Environment::new(|name| (package.variable)(name));
    let read = Location::new(&package.config, &package.folder, package.base.as_deref())
        .and_then(|location| Config::read(&location, &environment));
    // What holds the end of a line would be an instruction of its own, and is set nowhere.
    let asked = environment.asked();
    let asked = asked.iter().filter(|name| !name.contains(['\n', '\r', '=', '\0']));
    lines.extend(asked.map(|name| format!("cargo::rerun-if-env-changed={name}")));
    let config = match read {
        Ok(config) => config,
        Err(error) => {
            lines.push(format!("cargo::error=cannot read the config `{}`: {error}", package.config.display()));
            lines.push("cargo::error=  = help: GATEWAY_CONFIG names the config; without it `gateway.json`, or the only `gateway.yaml`, `.yml` or `.toml`".into());
            return lines;
        }
    };
    let checked = config.check();
    lines.extend(existing_files(&checked.files));
    lines.extend(checked.diagnostics.iter().flat_map(|diagnostic| diagnostic_lines(&config, diagnostic)));
    let Some(gateway) = checked.gateway else { return lines };
    let missing: Vec<_> = gateway.features().into_iter().filter(|feature| !package.has_feature(feature)).collect();
    if !missing.is_empty() {
        lines.extend(missing_feature_lines(&missing, config.name(), &package.name));
        return lines;
    }
    let path = package.out.join("gateway.rs");
    if let Err(error) = fs::write(&path, generate(&gateway)) {
        lines.push(format!("cargo::error=cannot write `{}`: {error}", path.display()));
    }
    lines
}

/// A diagnostic as people know it, a cargo instruction per line. Cargo keeps the order and shows an empty one as empty.
fn diagnostic_lines(config: &Config, diagnostic: &Diagnostic) -> Vec<String> {
    let instruction = match diagnostic.severity {
        Severity::Error => "cargo::error",
        Severity::Warning => "cargo::warning",
    };
    let text = render_human(config, std::slice::from_ref(diagnostic), false);
    let lines = text.trim_end().lines().map(|line| format!("{instruction}={}", line.trim_end()));
    // One empty line keeps two diagnostics apart.
    lines.chain([format!("{instruction}=")]).collect()
}

/// Cargo takes a file that is missing for one that has always just changed, so only those that are there are named.
fn existing_files(files: &[PathBuf]) -> impl Iterator<Item = String> {
    let mut told = HashSet::new();
    let existing = files.iter().filter(move |path| told.insert(*path) && path.exists());
    existing.map(|path| format!("cargo::rerun-if-changed={}", path.display()))
}

fn missing_feature_lines(missing: &[&str], config: &str, package: &str) -> Vec<String> {
    let named = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let (features, which) = if missing.len() == 1 { ("feature", "it") } else { ("features", "them") };
    let mut lines = vec![
        format!("cargo::error=`{config}` needs the {features} {named}, and `{package}` is built without {which}"),
        format!(
            "cargo::error=  = help: build with `--features {}`, or add {which} to `default` below [features] in Cargo.toml",
            missing.join(",")
        ),
    ];
    if package == "sluicegate" {
        lines.push("cargo::error=  = help: `cargo gateway build` enables what the config needs".into());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{
  "version": 3,
  "endpoints": [
    {
      "endpoint": "/orders",
      "method": "POST",
      "backend": [
        {
          "url_pattern": "/",
          "host": ["mem://"],
          "disable_host_sanitize": true,
          "extra_config": { "backend/pubsub/publisher": { "topic_url": "orders" } }
        }
      ]
    }
  ]
}
"#;

    /// A package of its own for one test, gone when the test is over.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = env::temp_dir().join(format!("sluicegate-build-{}-{name}", std::process::id()));
            fs::create_dir_all(path.join("out")).expect("a folder can be made");
            Self(fs::canonicalize(path).expect("the folder was made"))
        }

        /// What a build with these variables prints.
        fn build(&self, variables: &[(&str, &str)]) -> Vec<String> {
            let own = [("CARGO_MANIFEST_DIR", self.0.clone()), ("OUT_DIR", self.0.join("out"))];
            let package = Package::from_env(|name| {
                let given = variables.iter().find(|(given, _)| *given == name).map(|(_, value)| value.into());
                let own = own.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone().into());
                given.or(own).or((name == "CARGO_PKG_NAME").then(|| "orders".into()))
            });
            run(&package.expect("all variables are there"))
        }

        fn generated(&self) -> Option<String> {
            fs::read_to_string(self.0.join("out/gateway.rs")).ok()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn errors(lines: &[String]) -> Vec<&str> {
        lines.iter().filter_map(|line| line.strip_prefix("cargo::error=")).collect()
    }

    #[test]
    fn a_good_config_is_generated_and_watched() {
        let folder = Folder::new("good");
        fs::write(folder.0.join("gateway.json"), GOOD).expect("the folder is there");
        let lines = folder.build(&[("CARGO_FEATURE_MEM", "1")]);
        let watched = format!("cargo::rerun-if-changed={}", folder.0.join("gateway.json").display());
        let variables = ["GATEWAY_CONFIG", "GATEWAY_BASE", "FC_ENABLE", "GATEWAY_ENV", "GATEWAY_SETTINGS"];
        let mut expected = variables.map(|name| format!("cargo::rerun-if-env-changed={name}")).to_vec();
        expected.push(watched);
        assert_eq!(lines, expected);
        let code = folder.generated().expect("the code was written");
        assert!(code.contains("gateway.json") && !code.contains(&*folder.0.to_string_lossy()), "{code}");
    }

    #[test]
    fn a_template_is_carried_out_and_its_folders_are_watched() {
        let folder = Folder::new("template");
        for (name, text) in [
            ("gateway.json", &*GOOD.replace("\"/orders\"", "{{ .paths.orders | quote }}")),
            ("settings/paths.json", "{ \"orders\": \"/orders\" }"),
            ("templates/unused.tmpl", "{{ env \"UNUSED\" }}"),
        ] {
            let path = folder.0.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
            fs::write(path, text).expect("the folder is there");
        }
        let variables = [
            ("FC_ENABLE", "1"),
            ("FC_SETTINGS", "settings"),
            ("FC_TEMPLATES", "templates"),
            ("FC_OUT", "out.json"),
            ("CARGO_FEATURE_MEM", "1"),
        ];
        let lines = folder.build(&variables);
        assert!(errors(&lines).is_empty(), "{lines:#?}");
        for path in ["gateway.json", "settings", "settings/paths.json", "templates", "templates/unused.tmpl"] {
            let watched = format!("cargo::rerun-if-changed={}", folder.0.join(path).display());
            assert!(lines.contains(&watched), "{path}: {lines:#?}");
        }
        for name in ["FC_ENABLE", "FC_SETTINGS", "FC_PARTIALS", "FC_TEMPLATES", "FC_OUT"] {
            assert!(lines.contains(&format!("cargo::rerun-if-env-changed={name}")), "{name}: {lines:#?}");
        }
        assert!(!lines.iter().any(|line| line.contains("out.json") || line.contains("UNUSED")), "{lines:#?}");
        let out = folder.0.join("out.json");
        assert_eq!(fs::read_to_string(&out).expect("it was written"), GOOD);
        // What is there already is not written again.
        let written = fs::metadata(&out).and_then(|data| data.modified()).expect("a time");
        folder.build(&variables);
        assert_eq!(fs::metadata(&out).and_then(|data| data.modified()).expect("a time"), written);
        // Nor is a file that the config is made of.
        let lines = folder.build(&[&variables[..3], &[("FC_OUT", "gateway.json")]].concat());
        assert_eq!(errors(&lines)[0], "error: FC_OUT is `gateway.json`, which the config is made of");
    }

    #[test]
    fn a_missing_feature_is_named() {
        let folder = Folder::new("feature");
        fs::write(folder.0.join("gateway.json"), GOOD).expect("the folder is there");
        let lines = folder.build(&[("CARGO_FEATURE_TLS", "1")]);
        assert_eq!(
            errors(&lines),
            [
                "`gateway.json` needs the feature `mem`, and `orders` is built without it",
                "  = help: build with `--features mem`, or add it to `default` below [features] in Cargo.toml",
            ]
        );
        assert_eq!(folder.generated(), None);
    }

    #[test]
    fn several_missing_features_are_named_together() {
        let lines = missing_feature_lines(&["json-schema", "mem"], "prod.json", "sluicegate");
        assert_eq!(
            errors(&lines),
            [
                "`prod.json` needs the features `json-schema`, `mem`, and `sluicegate` is built without them",
                "  = help: build with `--features json-schema,mem`, or add them to `default` below [features] in Cargo.toml",
                "  = help: `cargo gateway build` enables what the config needs",
            ]
        );
    }

    #[test]
    fn a_broken_config_is_drawn_line_by_line() {
        let folder = Folder::new("broken");
        fs::create_dir_all(folder.0.join("etc")).expect("a folder can be made");
        fs::write(folder.0.join("etc/prod.json"), GOOD.replace("mem:", "kafak:")).expect("the folder is there");
        let lines = folder.build(&[("GATEWAY_CONFIG", "etc/prod.json"), ("CARGO_FEATURE_MEM", "1")]);
        let errors = errors(&lines);
        assert!(errors[0].starts_with("error: ") && errors[0].contains("kafak"), "{errors:#?}");
        assert_eq!(errors[1].trim(), "--> etc/prod.json:10:21");
        assert_eq!(errors.last(), Some(&""));
        assert!(lines.iter().all(|line| line.starts_with("cargo::") && !line.contains('\n')), "{lines:#?}");
        assert_eq!(folder.generated(), None);
    }

    #[test]
    fn a_config_that_is_not_there_is_named() {
        let folder = Folder::new("missing");
        for config in ["no.json", "no/such/folder.json", ".."] {
            let lines = folder.build(&[("GATEWAY_CONFIG", config)]);
            let start = format!("cannot read the config `{config}`: ");
            assert!(errors(&lines)[0].starts_with(&start), "{lines:#?}");
        }
        // Set to nothing is not set.
        let lines = folder.build(&[("GATEWAY_CONFIG", "")]);
        assert!(errors(&lines)[0].starts_with("cannot read the config `gateway.json`: "), "{lines:#?}");
    }

    #[test]
    fn outside_a_build_script_the_variable_is_named() {
        assert_eq!(Package::from_env(|_| None).err(), Some("CARGO_MANIFEST_DIR"));
    }

    #[test]
    fn features_as_cargo_spells_them() {
        let set =
            |name: &str| (name == "CARGO_FEATURE_JSON_SCHEMA" || !name.starts_with("CARGO_F")).then(OsString::new);
        let package = Package::from_env(set).expect("all variables are there");
        assert!(package.has_feature("json-schema"));
        assert!(!package.has_feature("mem"));
    }
}
