use super::*;
use crate::CheckUrl;

/// Checks that each URL is refused. The brackets in it stand where the error's range begins and
/// ends; no help is `""`.
pub(crate) fn assert_refused(check: Option<CheckUrl>, cases: &[(&str, &str, &str)]) {
    let check = check.expect("the driver has this side");
    for (marked, message, help) in cases {
        let url = marked.replace(['[', ']'], "");
        let Err(error) = check(&url) else { panic!("{url} is accepted") };
        let (before, rest) = url.split_at(error.range.start);
        let (wrong, after) = rest.split_at(error.range.len());
        assert_eq!(
            (format!("{before}[{wrong}]{after}").as_str(), error.message.as_str(), error.help.as_deref()),
            (*marked, *message, Some(*help).filter(|help| !help.is_empty())),
        );
    }
}

static GRAMMAR: Grammar = Grammar {
    what: "a test topic",
    schemes: &["test"],
    example: "test://name",
    parameters: &[&["alpha", "beta"], &["gamma"]],
    elsewhere: (&["delta"], "a subscription"),
    credentials: "TEST_SERVER_URL",
};

fn check(url: &str) -> Result<(), UrlError> {
    let url = BrokerUrl::parse(url, &GRAMMAR)?;
    url.name()?;
    url.boolean("alpha")?;
    url.flag("beta")?;
    url.integer("gamma", 1..=10)?;
    Ok(())
}

#[test]
fn refused() {
    const EXAMPLE: &str = "a test topic looks like `test://name`";
    const CREDENTIALS: &str = "credentials come from TEST_SERVER_URL; a test topic looks like `test://name`";
    const PLACEHOLDER: &str = "use one endpoint per topic or subscription";
    const ACCEPTED: &str = "accepted: `alpha`, `beta`, `gamma`";
    assert_refused(
        Some(check),
        &[
            ("[]", "the URL has no scheme", EXAMPLE),
            ("[name]", "the URL has no scheme", EXAMPLE),
            ("[test:name]", "the URL has no scheme", EXAMPLE),
            ("[tst]://name", "`tst` is not the scheme of a test topic", EXAMPLE),
            ("[]://name", "`` is not the scheme of a test topic", EXAMPLE),
            ("[TEST]://name", "`TEST` is not the scheme of a test topic", EXAMPLE),
            ("[test://]", "the URL does not name a test topic", EXAMPLE),
            (
                "test://a.[{id}].{b}",
                "`{id}` cannot be replaced: topics and subscriptions are opened once, before any request",
                PLACEHOLDER,
            ),
            (
                "test://a?alpha=[{on}]",
                "`{on}` cannot be replaced: topics and subscriptions are opened once, before any request",
                PLACEHOLDER,
            ),
            (
                "test://[{{.Id}}]/b",
                "`{{.Id}}` cannot be replaced: topics and subscriptions are opened once, before any request",
                PLACEHOLDER,
            ),
            ("test://a[ ]b", "a URL has no spaces", "write a space as `%20`"),
            ("test://a[\n]", "a URL has no white space and no control characters", ""),
            ("test://a[#b?alpha=1]", "a test topic has no fragment", "write `#` itself as `%23`"),
            ("test://[user:secret@]host/name", "a user or password does not belong in the URL", CREDENTIALS),
            ("test://[a@b@]c", "a user or password does not belong in the URL", CREDENTIALS),
            ("test://a[%]zz", "`%` is not followed by two hexadecimal digits", "write `%` itself as `%25`"),
            ("test://aé[%]é", "`%` is not followed by two hexadecimal digits", "write `%` itself as `%25`"),
            ("test://a%20[%]2", "`%` is not followed by two hexadecimal digits", "write `%` itself as `%25`"),
            ("test://[a%ff]", "the escaped bytes are not UTF-8", ""),
            ("test://[a%00]", "a name cannot contain control characters", ""),
            ("test://a?[=1]", "the parameter has no name", ""),
            ("test://a?[alhpa]=1", "unknown parameter `alhpa`", &format!("did you mean `alpha`? ({ACCEPTED})")),
            ("test://a?[Alpha]=1", "unknown parameter `Alpha`", &format!("did you mean `alpha`? ({ACCEPTED})")),
            ("test://a?[zzz]", "unknown parameter `zzz`", ACCEPTED),
            ("test://a?[qos]=1", "unknown parameter `qos`", ACCEPTED),
            ("test://a?[delta]=1", "`delta` is not a parameter of a test topic, only of a subscription", ACCEPTED),
            ("test://a?gamma=1&[gamma]=2", "`gamma` is given twice", ""),
            ("test://a?gamma=1&[g%61mma]=2", "`gamma` is given twice", ""),
            ("test://a?[alpha]", "`alpha` has no value", ""),
            ("test://a?alpha=[yes]", "`yes` is not a boolean", "write `true` or `false`"),
            ("test://a?beta=[2]", "`2` is not a boolean", "write `true` or `false`"),
            ("test://a?gamma=[0]", "`0` is not a whole number from 1 to 10", ""),
            ("test://a?gamma=[11]", "`11` is not a whole number from 1 to 10", ""),
            ("test://a?gamma=[1.5]", "`1.5` is not a whole number from 1 to 10", ""),
            ("test://a?gamma=[-1]", "`-1` is not a whole number from 1 to 10", ""),
            ("test://a?gamma=[99999999999]", "`99999999999` is not a whole number from 1 to 10", ""),
        ],
    );
}

#[test]
fn read() -> Result<(), UrlError> {
    let url = BrokerUrl::parse("test://a+b%2Fc//?alpha=T&beta&gamma=10", &GRAMMAR)?;
    assert_eq!(url.name()?.text, "a+b/c");
    assert_eq!(url.boolean("alpha")?, Some(true));
    assert!(url.flag("beta")?);
    assert_eq!(url.integer("gamma", 1..=10)?, Some(10));

    let url = BrokerUrl::parse("test://a?beta=false", &GRAMMAR)?;
    assert!(!url.flag("beta")?);
    assert_eq!(url.boolean("alpha")?, None);
    assert_eq!(url.integer("gamma", 1..=10)?, None);
    Ok(())
}

#[test]
fn nothing_is_copied_without_escapes() -> Result<(), UrlError> {
    let url = BrokerUrl::parse("test://name?alpha=some-value", &GRAMMAR)?;
    assert!(matches!(url.name()?.text, std::borrow::Cow::Borrowed("name")));
    assert!(matches!(url.text("alpha")?, Some(std::borrow::Cow::Borrowed("some-value"))));
    Ok(())
}
