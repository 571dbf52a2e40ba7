use std::path::PathBuf;

use super::*;
use crate::Source;

/// The seed is one that NATS' documentation shows.
const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

fn named(values: &'static [(&'static str, &'static [Source])]) -> Options {
    Options::new(&Settings { name: Some("billing"), values, base: PathBuf::new() })
}

fn wrong(values: &'static [(&'static str, &'static [Source])]) -> String {
    match named(values).load() {
        Ok(_) => panic!("accepted: {values:?}"),
        Err(error) => error.to_string(),
    }
}

fn shown(login: &Login) -> String {
    match login {
        Login::None => "none".to_owned(),
        Login::Password { user, password } => format!("{user}:{password}"),
        Login::Token(token) => format!("token {token}"),
        Login::Nkey(key) | Login::Jwt { key, .. } => key.public().to_owned(),
    }
}

#[test]
fn lists_of_servers() {
    for (list, expected) in [
        ("127.0.0.1", "127.0.0.1:4222"),
        ("nats://localhost:4223/", "localhost:4223"),
        ("tls://nats.test", "tls nats.test:4222"),
        ("nats://bob:p%40ss@a:1, b:2 ,tls://secret@[::1]:3", "a:1 bob:p@ss; b:2; tls [::1]:3 token secret"),
        ("nats://bob:@[::1]", "[::1]:4222 bob:"),
    ] {
        let servers = servers::parse(list).unwrap_or_else(|error| panic!("{list}: {error}"));
        let text: Vec<_> = servers
            .iter()
            .map(|server| {
                let login = server.login.as_ref().map(|login| format!(" {}", shown(login))).unwrap_or_default();
                format!("{}{server}{login}", if server.address.tls { "tls " } else { "" })
            })
            .collect();
        assert_eq!(text.join("; "), expected, "{list}");
    }
}

#[test]
fn wrong_lists_of_servers_are_not_shown() {
    for (list, expected) in [
        ("", "is not a server's address: has no host"),
        ("nats://hunter2@", "is not a server's address: has no host"),
        ("nats://@a", "is not a server's address: has an `@` and no login"),
        ("a,", "is not a list of servers: number 2 has no host"),
        ("a,ws://hunter2", "is not a list of servers: number 2 has another scheme than `nats://` and `tls://`"),
        ("nats://a:hunter2", "is not a server's address: has no valid port"),
        ("nats://a:0", "is not a server's address: has no valid port"),
        ("nats://a/hunter2", "is not a server's address: has something else than a host and a port"),
        ("nats://[::1", "is not a server's address: has a `[` without `]`"),
        ("nats://[::1]4", "is not a server's address: has no `:` after `]`"),
        ("::1", "is not a server's address: has an IPv6 address without `[` and `]`, or several ports"),
        ("nats://%ff@a", "is not a server's address: has a login that is not UTF-8"),
    ] {
        assert_eq!(servers::parse(list).map(drop), Err(expected.to_owned()), "{list}");
    }
}

#[test]
fn logins_of_a_named_broker() {
    const SERVERS: (&str, &[Source]) = ("servers", &[Source::Literal("a,bob:word@b"), Source::Literal("c")]);
    for (values, expected) in [
        (&[SERVERS][..], "none"),
        (&[SERVERS, ("user", &[Source::Literal("eve")]), ("password", &[Source::Literal("pass")])], "eve:pass"),
        (&[SERVERS, ("token", &[Source::Literal("tok")])], "token tok"),
        (&[SERVERS, ("nkey", &[Source::Literal(SEED)])], PUBLIC),
    ] {
        let values: &'static [_] = values.to_vec().leak();
        let access = named(values).load().unwrap_or_else(|error| panic!("{error}"));
        let logins: Vec<_> = access.servers.iter().map(|server| shown(access.login(server))).collect();
        // What an address says goes before the settings.
        assert_eq!(logins, [expected, "bob:word", expected]);
    }
}

#[test]
fn wrong_settings_are_named_and_not_shown() {
    const A: (&str, &[Source]) = ("servers", &[Source::Literal("a")]);
    const USER: (&str, &[Source]) = ("user", &[Source::Literal("u")]);
    const SECRET: &[Source] = &[Source::Literal("hunter2")];
    const NO_FILE: &[Source] = &[Source::File("no/such/file")];
    for (error, expected) in [
        (wrong(&[]), "`servers` of the broker `billing` is missing"),
        (wrong(&[("servers", &[Source::Literal("a:hunter2")])]), "is not a server's address: has no valid port"),
        (wrong(&[A, USER, ("token", SECRET)]), "`token` of the broker `billing` cannot stand beside `user`"),
        (wrong(&[A, ("password", SECRET)]), "`password` of the broker `billing` needs `user`"),
        (wrong(&[A, ("nkey", SECRET)]), "`nkey` of the broker `billing` is not an nkey's seed"),
        (wrong(&[A, ("token", &[Source::Literal("")])]), "`token` of the broker `billing` is empty"),
        (wrong(&[A, ("credentials", NO_FILE)]), "`credentials` of the broker `billing` needs no/such/file: "),
        (wrong(&[A, ("tls.client_key", NO_FILE)]), "`tls.client_key` of the broker `billing` needs `tls.client_cert`"),
        (wrong(&[A, ("tls.ca_certs", NO_FILE)]), "`tls.ca_certs` of the broker `billing` needs no/such/file: "),
        (wrong(&[A, ("tls.required", &[Source::Literal("yes")])]), "is neither `true` nor `false`"),
    ] {
        assert!(error.contains(expected) && !error.contains("hunter2"), "{error}");
    }
    let zero = named(&[("buffer", &[Source::Literal("0")])]).number("buffer", 7).unwrap_err().to_string();
    assert_eq!(zero, "`buffer` of the broker `billing` is not a whole number above 0");
    assert_eq!(named(&[]).number("buffer", 7).unwrap(), 7);
}

/// Such as a key in PEM: the variable holds the secret itself, and should name a file.
#[test]
fn what_a_variable_holds_is_not_shown() {
    const A: (&str, &[Source]) = ("servers", &[Source::Literal("a")]);
    const VARIABLE: &[Source] = &[Source::Env("PATH")];
    let held = std::env::var("PATH").expect("it is set");
    for (error, name) in [
        (wrong(&[A, ("credentials", VARIABLE)]), "credentials"),
        (wrong(&[A, ("tls.ca_certs", VARIABLE)]), "tls.ca_certs"),
        (wrong(&[A, ("tls.client_cert", VARIABLE), ("tls.client_key", VARIABLE)]), "tls.client_cert"),
    ] {
        let said =
            format!("`{name}` of the broker `billing` needs the file that the environment variable PATH names: ");
        assert!(error.starts_with(&said) && !error.contains(&held), "{error}");
    }
}

#[test]
fn files_that_are_watched() {
    let folder = std::env::temp_dir().join(format!("sluicegate-watched-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("token"), "one").expect("the file can be written");
    let values: &[(&str, &[Source])] = &[
        ("servers", &[Source::Literal("a"), Source::File("servers")]),
        ("token", &[Source::File("token")]),
        ("user", &[Source::Env("PATH")]),
        ("tls.ca_certs", &[Source::Literal("ca.pem"), Source::Env("PATH")]),
        // Read once.
        ("buffer", &[Source::File("buffer")]),
    ];
    let options = Options::new(&Settings { name: Some("billing"), values, base: folder.clone() });
    let before = options.stamps();
    let path = std::env::var("PATH").expect("it is set");
    let paths: Vec<_> = before.iter().map(|stamp| stamp.path.clone()).collect();
    assert_eq!(paths, ["servers", "token", "ca.pem", &*path].map(|name| folder.join(name)));
    assert!(before == options.stamps());
    std::fs::write(folder.join("token"), "another").expect("the file can be written");
    let changed = options.stamps();
    assert!(before != changed);
    std::fs::write(folder.join("servers"), "b").expect("the file can be written");
    assert!(changed != options.stamps(), "it was not there");
    std::fs::remove_dir_all(folder).expect("the folder can be removed");
    assert!(Options::new(&Settings::default()).stamps().is_empty());
}

#[test]
fn the_variable_of_a_broker_without_a_name() {
    let said = |value| match from_variable(value) {
        Ok(servers) => servers.iter().map(Server::to_string).collect::<Vec<_>>().join(" "),
        Err(error) => error.to_string(),
    };
    assert_eq!(said(Ok("a,b:1".to_owned())), "a:4222 b:1");
    assert_eq!(
        said(Err(VarError::NotUnicode("hunter2".into()))),
        "the environment variable NATS_SERVER_URL is not UTF-8"
    );
    assert!(said(Err(VarError::NotPresent)).starts_with("the environment variable NATS_SERVER_URL is not set"));
    // A comma within a password.
    let error = said(Ok("nats://a,nats://bob:hunter2,3@b".to_owned()));
    assert_eq!(error, "the environment variable NATS_SERVER_URL is not a list of servers: number 2 has no valid port");
}

#[test]
fn credentials_files() {
    let text = format!(
        "-----BEGIN NATS USER JWT-----\r\neyJ0.eyJq.c2ln\r\n------END NATS USER JWT------\r\n\r\n\
         ************************* IMPORTANT *************************\r\n\
         -----BEGIN USER NKEY SEED-----\r\n{SEED}\r\n------END USER NKEY SEED------\r\n"
    );
    let Ok(login) = Login::from_credentials(&text) else { panic!("a credentials file is not read") };
    let answer = login.answer(Some("nonce")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.jwt.as_deref(), Some("eyJ0.eyJq.c2ln"));
    assert_eq!(answer.sig.map(|sig| sig.len()), Some(86));
    assert!(answer.nkey.is_none());
    assert!(login.answer(None).is_err());
    for broken in ["", "-----BEGIN NATS USER JWT-----\n------END NATS USER JWT------\n", &text[..90]] {
        assert!(Login::from_credentials(broken).is_err(), "{broken}");
    }
}
