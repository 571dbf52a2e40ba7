//! The registration is held against the tables of what a config may hold, and against the runtime's.

use std::fs;
use std::path::Path;

use super::{REGISTERED, serves};
use crate::syntax::kind::{Kind, Scope, Support};
use crate::syntax::namespaces::NAMESPACES;

/// The runtime's list, as text: codegen does not link it.
const RUNTIME: &str = "../runtime/src/middleware/mod.rs";

/// The lines of its `steps!`: a name, and the feature before it.
fn of_the_runtime() -> Vec<(String, Option<String>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(RUNTIME);
    let text = fs::read_to_string(&path).expect("the runtime's source");
    let (_, list) = text.split_once("\nsteps! {\n").expect("a registration");
    let (list, _) = list.split_once("\n}").expect("its end");
    let mut feature = None;
    let mut found = Vec::new();
    for line in list.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("#[cfg(feature = \"") {
            feature = rest.strip_suffix("\")]").map(str::to_owned);
        } else if let Some((name, _)) = line.split_once('(').filter(|_| !line.starts_with("//")) {
            found.push((name.to_owned(), feature.take()));
        }
    }
    found
}

#[test]
fn each_step_of_the_runtime_is_one_of_codegen() {
    let runtime = of_the_runtime();
    let codegen: Vec<_> =
        REGISTERED.iter().map(|step| (step.name.to_owned(), step.feature.map(str::to_owned))).collect();
    for (name, _) in &runtime {
        assert!(codegen.iter().any(|(known, _)| known == name), "codegen/src/middleware.rs does not register {name}");
    }
    for (name, _) in &codegen {
        assert!(
            runtime.iter().any(|(known, _)| known == name),
            "runtime/src/middleware/mod.rs does not register {name}"
        );
    }
    assert_eq!(codegen, runtime, "the order or a feature differs");
}

#[test]
fn the_options_of_each_step_are_in_the_tables() {
    for step in REGISTERED {
        let namespace = NAMESPACES
            .iter()
            .find(|known| known.name == step.namespace && known.scopes.contains(&Scope::Endpoint))
            .unwrap_or_else(|| panic!("{}: no table has `{}` for an endpoint", step.name, step.namespace));
        assert!(matches!(namespace.support_in(Scope::Endpoint), Support::Done), "{}", step.name);
        let Some(key) = step.key else { continue };
        let Kind::Record(record) = &namespace.kind else { panic!("{}: `{}` has no keys", step.name, step.namespace) };
        let known = record.keys.iter().find(|known| known.name == key);
        assert!(known.is_some_and(|known| matches!(known.support, Support::Done)), "{}: `{key}`", step.name);
    }
}

#[test]
fn a_namespace_is_served_where_it_is_registered() {
    assert!(serves("qos/ratelimit/router") && serves("validation/json-schema"));
    assert!(!serves("proxy") && !serves("validation/cel"));
    for namespace in NAMESPACES.iter().filter(|known| serves(known.name)) {
        for scope in [Scope::Service, Scope::Backend, Scope::Agent] {
            assert!(!matches!(namespace.support_in(scope), Support::Done), "{} in {}", namespace.name, scope.owner());
        }
    }
}
