//! `hooks/check-configs` in a real repository of git.
#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::folder::{Folder, GOOD, broken};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/hooks/check-configs");

/// A repository with the hook in it.
struct Repository(Folder);

impl Repository {
    fn new(test: &str) -> Self {
        let repository = Self(Folder::new(test));
        repository.git(&["init", "--quiet"]);
        let hook = repository.0.path().join(".git/hooks/pre-commit");
        std::fs::create_dir_all(hook.parent().expect("a folder")).expect("a folder can be made");
        std::fs::copy(SCRIPT, hook).expect("the hook can be copied");
        repository
    }

    fn git(&self, arguments: &[&str]) -> Output {
        self.command("git", arguments)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Output {
        let built = Path::new(env!("CARGO_BIN_EXE_sluicegate")).parent().expect("a folder");
        let path = format!("{}:{}", built.display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new(program);
        for name in [
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "GATEWAY_CONFIG",
            "GATEWAY_BASE",
            "GATEWAY_ENV",
            "GATEWAY_SETTINGS",
            "GIT_DIR",
        ] {
            command.env_remove(name);
        }
        // Nobody's own settings of git.
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").env("PATH", path);
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "a").env(format!("GIT_{role}_EMAIL"), "a@example.com");
        }
        command.current_dir(self.0.path()).args(arguments).output().expect("the program starts")
    }

    /// Whether a commit of all that is there is made, and what was said.
    fn commit(&self) -> (bool, String) {
        assert!(self.git(&["add", "--all"]).status.success());
        let output = self.git(&["commit", "--quiet", "--message", "a change"]);
        (output.status.success(), String::from_utf8(output.stderr).expect("UTF-8"))
    }
}

#[test]
fn a_commit_with_a_mistake_is_not_made() {
    let repository = Repository::new("hook_mistake");
    repository.0.write("a gateway/gateway.json", GOOD);
    let (made, said) = repository.commit();
    assert_eq!((made, &*said), (true, "a gateway/gateway.json: 2 endpoints, no mistakes\n"));
    repository.0.write("a gateway/gateway.json", &broken());
    let (made, said) = repository.commit();
    assert!(!made && said.contains("--> a gateway/gateway.json:3:") && said.contains("3 errors"), "{said}");
    // What has nothing to do with a config is committed all the same.
    repository.git(&["reset", "--quiet"]);
    repository.git(&["checkout", "--quiet", "--", "."]);
    repository.0.write("notes.md", "");
    assert_eq!(repository.commit(), (true, String::new()));
}

/// By hand, as a person tries it.
#[test]
fn the_hook_is_called_from_any_folder() {
    let repository = Repository::new("hook_by_hand");
    repository.0.write("sub/gateway.json", &broken());
    assert!(repository.git(&["add", "--all"]).status.success());
    let output = repository.command("sh", &["-c", "cd sub && ../.git/hooks/pre-commit"]);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.code() == Some(1) && said.contains("sub/gateway.json: 3 errors"), "{said}");
    let output = repository.command(SCRIPT, &["--settings"]);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.code() == Some(2) && said.contains("is missing behind --settings"), "{said}");
}

#[test]
fn a_config_is_checked_in_each_of_its_environments() {
    let repository = Repository::new("hook_environments");
    repository.0.write("gateway.json", GOOD);
    repository.0.write("gateway.prod.json", r#"{"port": 9090}"#);
    let (made, said) = repository.commit();
    assert!(made && said.matches("no mistakes").count() == 2, "{said}");
    repository.0.write("gateway.prod.json", r#"{"prot": 9090}"#);
    let (made, said) = repository.commit();
    assert!(!made && said.contains("unknown key `prot`") && said.contains("gateway.prod.json:1:2"), "{said}");
}

#[test]
fn variables_come_from_the_settings_that_are_named() {
    let repository = Repository::new("hook_settings");
    repository.0.write("gateway.json", &GOOD.replacen("\"mem://\"", "\"${BROKER}://\"", 1));
    repository.0.write("settings.json", r#"{"BROKER": "mem"}"#);
    let without = repository.command(SCRIPT, &["--files", "gateway.json"]);
    let said = String::from_utf8(without.stderr).expect("UTF-8");
    assert!(without.status.code() == Some(1) && said.contains("`BROKER` is not set"), "{said}");
    let with = repository.command(SCRIPT, &["--files", "--settings", "settings.json", "gateway.json"]);
    let said = String::from_utf8(with.stderr).expect("UTF-8");
    assert_eq!((with.status.code(), &*said), (Some(0), "gateway.json: 2 endpoints, no mistakes\n"));
}

#[test]
fn a_file_that_a_config_brings_in_is_a_part_of_it() {
    let repository = Repository::new("hook_include");
    let list = GOOD.split_once("\"endpoints\":").expect("endpoints").1.trim().trim_end_matches('}');
    let rest = GOOD.split_once("\"endpoints\":").expect("endpoints").0;
    repository.0.write("gateway.json", &format!("{rest}\"endpoints\": {{\"$include\": \"parts/all.json\"}}}}"));
    repository.0.write("parts/all.json", list);
    let (made, said) = repository.commit();
    assert_eq!((made, &*said), (true, "gateway.json: 2 endpoints, no mistakes\n"));
    repository.0.write("parts/all.json", &list.replace("\"mem://\"", "\"kafak://\""));
    let (made, said) = repository.commit();
    assert!(!made && said.contains("--> parts/all.json:"), "{said}");
}

#[test]
fn named_files_are_checked_and_without_the_program_it_says_so() {
    let repository = Repository::new("hook_named");
    repository.0.write("conf/krakend.yaml.txt", "");
    repository.0.write("conf/gateway.json", &broken());
    let output =
        repository.command(SCRIPT, &["--files", "conf/gateway.json", "conf/other.json", "conf/krakend.yaml.txt"]);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!((output.status.code(), said.matches("3 errors").count()), (Some(1), 1), "{said}");
    let unreadable = repository.command(SCRIPT, &["--files", "elsewhere/other.json"]);
    assert_eq!(unreadable.status.code(), Some(0));
    // A PATH with all that the script needs but this.
    let tools = repository.0.path().join("tools");
    std::fs::create_dir_all(&tools).expect("a folder can be made");
    for tool in ["sh", "dirname", "sort"] {
        let found = repository.command("sh", &["-c", &format!("command -v {tool}")]);
        let found = String::from_utf8(found.stdout).expect("UTF-8");
        symlink(found.trim(), tools.join(tool)).expect("a link can be made");
    }
    let mut command = Command::new(SCRIPT);
    let output = command
        .env_clear()
        .env("PATH", &tools)
        .current_dir(repository.0.path().join("conf"))
        .args(["--files", "gateway.json"])
        .output()
        .expect("it starts");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.code() == Some(2) && said.contains("`sluicegate` is not on PATH"), "{said}");
}

/// The hook of pre-commit calls the script that is there, and asks for the files that it knows.
#[test]
fn what_pre_commit_is_told() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root");
    let hooks = std::fs::read_to_string(root.join(".pre-commit-hooks.yaml")).expect("the hooks");
    let script = std::fs::read_to_string(SCRIPT).expect("the script");
    let others = script.lines().find_map(|line| line.strip_prefix("    *.json |")).expect("the kinds of files");
    let entries: Vec<_> = hooks.lines().filter_map(|line| line.strip_prefix("  entry: ")).collect();
    assert_eq!(entries, ["cli/hooks/check-configs --files", "cli/hooks/check-configs --build --files"]);
    for files in hooks.lines().filter_map(|line| line.strip_prefix("  files: ")) {
        let kinds = files.strip_prefix(r"\.(").and_then(|rest| rest.strip_suffix(")$")).expect("a list of kinds");
        let kinds: Vec<_> = kinds
            .split('|')
            .flat_map(|kind| match kind {
                "ya?ml" => vec!["*.yaml".to_owned(), "*.yml".to_owned()],
                kind => vec![format!("*.{kind}")],
            })
            .collect();
        let known: Vec<_> = others.trim_end_matches(") ;;").split('|').map(str::trim).collect();
        assert_eq!(kinds[0], "*.json");
        assert_eq!(kinds[1..], known);
    }
}
