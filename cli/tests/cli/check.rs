//! `check`, `print`, `routes`, and the command line itself.

use serde_json::Value;

use crate::folder::{Folder, GOOD, broken};

#[test]
fn a_good_config() {
    let folder = Folder::new("a_good_config");
    folder.write("gateway.json", GOOD);
    let human = folder.sluicegate("", &["check", "gateway.json"]);
    assert_eq!((human.code, &*human.stdout), (0, ""));
    assert_eq!(human.stderr, "gateway.json: 2 endpoints, no mistakes\n");
    let json = folder.sluicegate("", &["check", "gateway.json", "--format", "json"]);
    assert_eq!((json.code, &*json.stdout, &*json.stderr), (0, "[]\n", ""));
}

#[test]
fn a_template_of_krakend() {
    let folder = Folder::new("a_template_of_krakend");
    folder.write("etc/gateway.tmpl", &GOOD.replace("\"mem://\"", "{{ env \"BROKER\" | quote }}"));
    folder.write("etc/settings/service.json", "{}");
    let variables = [("FC_ENABLE", "1"), ("FC_SETTINGS", "settings"), ("FC_OUT", "out.json"), ("BROKER", "mem://")];
    // Paths begin where the command is called.
    let output = folder.sluicegate_with("etc", &variables, &["check", "gateway.tmpl"]);
    assert_eq!((output.code, &*output.stdout), (0, ""), "{}", output.stderr);
    assert_eq!(output.stderr, "gateway.tmpl: 2 endpoints, no mistakes\n");
    assert_eq!(folder.read("etc/out.json"), GOOD);
    let printed = folder.sluicegate_with("etc", &variables, &["print", "gateway.tmpl"]);
    assert!(printed.code == 0 && printed.stdout.contains("orders"), "{printed:?}");
    let wrong = [&variables[..3], &[("BROKER", "kafak://")]].concat();
    let output = folder.sluicegate_with("etc", &wrong, &["check", "--format=json", "gateway.tmpl"]);
    let found: Vec<Value> = serde_json::from_str(&output.stdout).expect("an array");
    let all = found.iter().map(|found| (&found["file"], &found["line"])).collect::<Vec<_>>();
    assert!(output.code == 1 && all.iter().all(|(file, _)| **file == "gateway.tmpl"), "{}", output.stdout);
    let off = folder.sluicegate_with("etc", &[], &["check", "gateway.tmpl"]);
    assert!(off.code == 1 && off.stderr.contains("FC_ENABLE=1 carries it out"), "{}", off.stderr);
}

#[test]
fn a_broken_config_for_people() {
    let folder = Folder::new("a_broken_config_for_people");
    folder.write("broken.json", &broken());
    let output = folder.sluicegate("", &["check", "broken.json"]);
    assert_eq!((output.code, &*output.stdout), (1, ""));
    for expected in ["`tiemout`", "--> broken.json:3:", "`kafak`", "--> broken.json:10:21", "^^^^^", "did you mean"] {
        assert!(output.stderr.contains(expected), "{expected} is missing:\n{}", output.stderr);
    }
    assert!(output.stderr.ends_with("\nbroken.json: 3 errors\n"), "{}", output.stderr);
    assert!(!output.stderr.contains('\x1b'), "colours without a terminal:\n{}", output.stderr);
}

#[test]
fn a_broken_config_for_tools() {
    let folder = Folder::new("a_broken_config_for_tools");
    folder.write("broken.json", &broken());
    folder.write("good.json", GOOD);
    let output = folder.sluicegate("", &["check", "--format=json", "broken.json", "good.json", "broken.json"]);
    assert_eq!((output.code, &*output.stderr), (1, ""));
    let diagnostics: Vec<Value> = serde_json::from_str(&output.stdout).expect("an array");
    // Of all configs, in their order.
    assert_eq!(diagnostics.len(), 6);
    assert_eq!(diagnostics[..3], diagnostics[3..]);
    let members =
        ["code", "severity", "message", "help", "file", "line", "column", "end_line", "end_column", "pointer"];
    for diagnostic in &diagnostics {
        let names: Vec<_> = diagnostic.as_object().expect("an object").keys().collect();
        assert_eq!(names, members);
        assert_eq!((&diagnostic["severity"], &diagnostic["file"]), (&"error".into(), &"broken.json".into()));
    }
    let scheme = diagnostics.iter().find(|diagnostic| diagnostic["line"] == 10).expect("one about the scheme");
    assert_eq!([&scheme["column"], &scheme["end_line"], &scheme["end_column"]], [21, 10, 26]);
    assert_eq!(scheme["pointer"], "/endpoints/0/backend/0/host/0");
}

#[test]
fn a_broken_config_for_other_tools() {
    let folder = Folder::new("a_broken_config_for_other_tools");
    folder.write("broken.json", &broken());
    let output = folder.sluicegate("", &["check", "--format=sarif", "broken.json"]);
    assert_eq!((output.code, &*output.stderr), (1, ""));
    let log: Value = serde_json::from_str(&output.stdout).expect("a log");
    assert_eq!(log["version"], "2.1.0");
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), 3);
    for result in results {
        let rule = &log["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().expect("an index") as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["fullDescription"]["text"].as_str().is_some_and(|text| !text.is_empty()));
    }
    let output = folder.sluicegate("", &["check", "--format=github", "broken.json"]);
    assert_eq!((output.code, &*output.stderr, output.stdout.lines().count()), (1, "", 3));
    assert!(output.stdout.lines().all(|line| line.starts_with("::error file=broken.json,line=")), "{}", output.stdout);
}

#[test]
fn warnings_that_are_denied() {
    let folder = Folder::new("warnings_that_are_denied");
    folder.write("warned.json", &GOOD.replace("\"POST\"", "\"post\""));
    folder.write("good.json", GOOD);
    assert_eq!(folder.sluicegate("", &["check", "warned.json"]).code, 0);
    let denied = folder.sluicegate("", &["check", "--deny-warnings", "warned.json"]);
    assert_eq!(denied.code, 1);
    assert!(denied.stderr.contains("says more: letter-case\n"), "{}", denied.stderr);
    assert_eq!(folder.sluicegate("", &["check", "--deny-warnings", "good.json"]).code, 0);
}

#[test]
fn codes_are_explained() {
    let folder = Folder::new("codes_are_explained");
    let output = folder.sluicegate("", &["explain", "unknown-key"]);
    assert_eq!((output.code, &*output.stderr), (0, ""));
    assert!(output.stdout.starts_with("A key that nothing reads."), "{}", output.stdout);
    let all = folder.sluicegate("", &["explain"]);
    assert!(all.code == 0 && all.stdout.lines().any(|line| line == "bad-cel"), "{}", all.stdout);
    let unknown = folder.sluicegate("", &["explain", "unknown-kye"]);
    assert_eq!((unknown.code, &*unknown.stdout), (2, ""));
    assert!(unknown.stderr.contains("did you mean `unknown-key`?"), "{}", unknown.stderr);
}

#[test]
fn what_cannot_be_read() {
    let folder = Folder::new("what_cannot_be_read");
    folder.write("good.json", GOOD);
    folder.write("broken.json", &broken());
    for command in ["check", "print", "routes"] {
        let output = folder.sluicegate("", &[command, "no.json"]);
        assert_eq!((output.code, &*output.stdout), (2, ""), "{command}");
        assert!(output.stderr.starts_with("error: cannot read the config `no.json`: "), "{}", output.stderr);
    }
    let output = folder.sluicegate("", &["check", "."]);
    assert_eq!(output.code, 2, "{}", output.stderr);
    // The others are checked all the same, and the gravest code wins.
    let output = folder.sluicegate("", &["check", "no.json", "good.json", "broken.json"]);
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("good.json: 2 endpoints, no mistakes\n"), "{}", output.stderr);
    assert!(output.stderr.contains("broken.json: 3 errors\n"), "{}", output.stderr);
    let output = folder.sluicegate("", &["check", "--format=json", "no.json"]);
    assert_eq!((output.code, &*output.stdout), (2, "[]\n"));
}

#[test]
fn what_is_not_understood() {
    let folder = Folder::new("what_is_not_understood");
    for (arguments, expected) in [
        (&["check", "--formt", "json"][..], "'--format'"),
        (&["check", "--format", "yaml"], "human, json"),
        (&["chekc"], "'check'"),
        (&["print", "a.json", "b.json"], "b.json"),
        (&["build", "--release", "--profile", "ship"], "--profile"),
        (&["new"], "<DIR>"),
        (&[], "Usage: "),
    ] {
        let output = folder.sluicegate("", arguments);
        assert_eq!((output.code, &*output.stdout), (2, ""), "{arguments:?}");
        assert!(output.stderr.contains(expected), "{arguments:?}:\n{}", output.stderr);
    }
}

#[test]
fn help_documents_the_exit_codes() {
    let folder = Folder::new("help_documents_the_exit_codes");
    let output = folder.sluicegate("", &["--help"]);
    assert_eq!((output.code, &*output.stderr), (0, ""));
    for expected in
        ["  run ", "  build ", "  check ", "  print ", "  routes ", "  new ", "Exit codes:", "GATEWAY_CONFIG"]
    {
        assert!(output.stdout.contains(expected), "{expected} is missing:\n{}", output.stdout);
    }
    let output = folder.sluicegate("", &["--version"]);
    assert_eq!(output.stdout, concat!("sluicegate ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn paths_are_taken_from_where_it_was_called() {
    let folder = Folder::new("paths_are_taken_from_where_it_was_called");
    folder.write("gateway.json", GOOD);
    folder.write("sub/own.json", &broken());
    let ok = |name: &str| format!("{name}: 2 endpoints, no mistakes\n");
    for (called_in, variables, arguments, code, stderr) in [
        ("sub", &[][..], &["check"][..], 0, ok("../gateway.json")),
        ("", &[], &["check"], 0, ok("gateway.json")),
        ("sub", &[], &["check", "../gateway.json"], 0, ok("../gateway.json")),
        ("sub", &[("GATEWAY_CONFIG", "../gateway.json")], &["check"], 0, ok("../gateway.json")),
        ("sub", &[("GATEWAY_CONFIG", "")], &["check"], 0, ok("../gateway.json")),
        ("sub", &[("GATEWAY_CONFIG", "own.json")], &["check", "../gateway.json"], 0, ok("../gateway.json")),
        ("sub", &[("GATEWAY_CONFIG", "own.json")], &["check"], 1, "own.json: 3 errors\n".to_owned()),
        ("sub", &[], &["check", "own.json"], 1, "own.json: 3 errors\n".to_owned()),
    ] {
        let output = folder.sluicegate_with(called_in, variables, arguments);
        assert_eq!(output.code, code, "{called_in} {arguments:?}:\n{}", output.stderr);
        assert!(output.stderr.ends_with(&stderr), "{called_in} {arguments:?}:\n{}", output.stderr);
    }
    // What is generated names the config as the build does, wherever it is printed.
    let here = folder.sluicegate("", &["print"]);
    let below = folder.sluicegate("sub", &["print", "../gateway.json"]);
    assert_eq!((here.code, below.code), (0, 0), "{}{}", here.stderr, below.stderr);
    assert_eq!(here.stdout, below.stdout);
}

#[test]
fn print_is_deterministic() {
    let folder = Folder::new("print_is_deterministic");
    folder.write("gateway.json", GOOD);
    let first = folder.sluicegate("", &["print"]);
    assert_eq!((first.code, &*first.stderr), (0, ""));
    assert!(first.stdout.starts_with("// This file is @generated from gateway.json"), "{}", first.stdout);
    assert_eq!(first, folder.sluicegate("", &["print"]));
    let written = folder.sluicegate("", &["print", "-o", "made.rs"]);
    assert_eq!((written.code, &*written.stdout, &*written.stderr), (0, "", ""));
    assert_eq!(folder.read("made.rs"), first.stdout);
    let nowhere = folder.sluicegate("", &["print", "-o", "no/made.rs"]);
    assert_eq!(nowhere.code, 2);
    assert!(nowhere.stderr.starts_with("error: cannot write `no/made.rs`: "), "{}", nowhere.stderr);
    folder.write("gateway.json", &broken());
    let refused = folder.sluicegate("", &["print"]);
    assert_eq!((refused.code, &*refused.stdout), (1, ""));
    assert!(refused.stderr.contains("kafak"), "{}", refused.stderr);
}

#[test]
fn the_route_table() {
    let folder = Folder::new("the_route_table");
    folder.write("gateway.json", GOOD);
    let output = folder.sluicegate("", &["routes"]);
    assert_eq!((output.code, &*output.stderr), (0, ""));
    let expected = "\
METHOD  PATH         CALLS                           PLACE
POST    /orders      publish mem://orders            gateway.json:5:5
GET     /users/{id}  GET http://localhost:9000/{id}  gateway.json:17:5
                     receive mem://orders            gateway.json:21:9
";
    assert_eq!(output.stdout, expected);
}

#[test]
fn secrets_are_never_printed() {
    let folder = Folder::new("secrets_are_never_printed");
    let config = GOOD.replacen(
        "\"endpoints\"",
        r#""extra_config": {"pubsub/brokers": {"billing": {"driver": "nats", "servers": "nats://a", "user": "u", "password": "hunter2"}}},
  "endpoints""#,
        1,
    );
    let config =
        config.replacen("\"topic_url\"", "\"broker\": \"billing\", \"topic_url\"", 1).replacen("mem://", "nats://", 1);
    folder.write("gateway.json", &config);
    let printed = folder.sluicegate("", &["print"]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    assert!(printed.stdout.contains(r#"("password", &[Literal("(a secret, not shown)")])"#), "{}", printed.stdout);
    assert!(
        printed.stderr.contains("`password` of the broker `billing` is a secret in plain text"),
        "{}",
        printed.stderr
    );
    folder.write("broken.json", &config.replace("\"user\"", "\"usr\""));
    for (arguments, code) in [
        (&["check"][..], 0),
        (&["check", "--format", "json"], 0),
        (&["check", "broken.json"], 1),
        (&["routes"], 0),
        (&["print"], 0),
    ] {
        let output = folder.sluicegate("", arguments);
        assert_eq!(output.code, code, "{arguments:?}: {}", output.stderr);
        assert!(!format!("{}{}", output.stdout, output.stderr).contains("hunter2"), "{arguments:?}");
    }
}
