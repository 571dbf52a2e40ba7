//! The recorded suites: their gateways without what the build refuses, and what it said about that.
//!
//! Nothing is judged here. The tests hold the list of what was left out against the rules.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::{fs, io};

use serde_json::{Value, json};
use sluicegate_codegen::{Severity, SourceFile, check, generate};

/// The recorded configs name these ports; here each suite has ports of its own, so that suites run side by side.
const RECORDED_PORTS: [u16; 3] = [18081, 18082, 18083];

/// Writes `OUT_DIR/conformance.rs`, a module for each folder of `conformance/`.
pub(crate) fn generate_all(package: &Path, out: &Path) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(package.join("conformance"))? {
        let entry = entry?;
        if entry.path().join("cases.json").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    let out = out.join("conformance");
    fs::create_dir_all(&out)?;
    let mut modules = String::new();
    for (index, name) in names.iter().enumerate() {
        let ports = ports(package, index);
        let left_out = generate_one(&package.join("conformance").join(name), name, &ports, &out)?;
        fs::write(out.join(format!("{name}.left-out.json")), left_out.to_string())?;
        modules.push_str(&format!(
            "mod r#{module} {{
    mod gateway {{ include!(concat!(env!(\"OUT_DIR\"), \"/conformance/{name}.rs\")); }}
    #[tokio::test]
    async fn answers_as_recorded() {{
        let left_out = include_str!(concat!(env!(\"OUT_DIR\"), \"/conformance/{name}.left-out.json\"));
        super::replay(\"{name}\", &gateway::GATEWAY, {ports:?}, left_out).await;
    }}
}}
",
            module = name.replace('-', "_"),
        ));
    }
    fs::write(out.join("suites.rs"), modules)
}

/// Below what the system gives to others, and other ones for another checkout: two may run their tests at once.
fn ports(package: &Path, index: usize) -> [u16; 3] {
    let mut hasher = DefaultHasher::new();
    package.hash(&mut hasher);
    let checkout = u16::try_from(hasher.finish() % 100).unwrap_or_default();
    let first = 20_000 + checkout * 100 + u16::try_from(index % 33).unwrap_or_default() * 3;
    [first, first + 1, first + 2]
}

/// The gateway of what the build accepts; the answer is what it does not: `[{"endpoint", "errors": [{"code", "message"}]}]`,
/// with `null` for the service's own keys.
fn generate_one(folder: &Path, name: &str, ports: &[u16; 3], out: &Path) -> io::Result<Value> {
    let mut text = fs::read_to_string(folder.join("gateway.json"))?;
    for (recorded, own) in RECORDED_PORTS.iter().zip(ports) {
        text = text.replace(&format!("127.0.0.1:{recorded}"), &format!("127.0.0.1:{own}"));
    }
    let mut config: Value = serde_json::from_str(&text)?;
    let mut left_out = Vec::new();
    // What is wrong may hide what else is wrong.
    for _ in 0..10 {
        let file = SourceFile::new(format!("tests/conformance/{name}/gateway.json"), folder, format!("{config:#}"));
        let checked = check(&file);
        if let Some(gateway) = &checked.gateway {
            fs::write(out.join(format!("{name}.rs")), generate(gateway))?;
            return Ok(Value::from(left_out));
        }
        let errors = checked.diagnostics.iter().filter(|it| matches!(it.severity, Severity::Error));
        let errors = errors.map(|it| (it.pointer.clone(), json!({"code": it.code, "message": it.message}))).collect();
        leave_out(&mut config, errors, &mut left_out);
    }
    Err(io::Error::other(format!("conformance/{name}/gateway.json cannot be pruned")))
}

fn leave_out(config: &mut Value, errors: Vec<(String, Value)>, left_out: &mut Vec<Value>) {
    let mut endpoints: Vec<(usize, Vec<Value>)> = Vec::new();
    let mut service = Vec::new();
    for (pointer, error) in errors {
        let index = pointer.strip_prefix("/endpoints/").and_then(|rest| rest.split('/').next()?.parse().ok());
        match index {
            Some(index) => match endpoints.last_mut() {
                Some((last, errors)) if *last == index => errors.push(error),
                _ => endpoints.push((index, vec![error])),
            },
            None => {
                remove(config, &pointer);
                service.push(error);
            }
        }
    }
    if !service.is_empty() {
        left_out.push(json!({"endpoint": null, "errors": service}));
    }
    endpoints.sort_by_key(|(index, _)| *index);
    if let Some(list) = config.get_mut("endpoints").and_then(Value::as_array_mut) {
        for (index, errors) in endpoints.into_iter().rev() {
            left_out.push(json!({"endpoint": list.remove(index), "errors": errors}));
        }
    }
}

fn remove(config: &mut Value, pointer: &str) {
    if let Some((parent, key)) = pointer.rsplit_once('/')
        && let Some(object) = config.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        object.remove(key);
    }
}
