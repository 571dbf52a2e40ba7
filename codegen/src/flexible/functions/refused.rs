//! Functions of sprig that a build does not call, each with its reason.

use super::{Function, Run, Type, special};

const CHANGES: &str = "it gives another result at each build, and the same files have to give the same binary; write its result into a settings file, or take it from a variable with `env`";
const NETWORK: &str = "a build asks nothing of the network; write the address into a settings file";
const SECRET: &str = "what it makes would be in the binary, and another one at each build; keys and passwords are read when the gateway starts, by `env:NAME` and `file:PATH`";
const RARE: &str = "Sluicegate does not have it yet";

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    refused("ago", CHANGES),
    refused("date", CHANGES),
    refused("date_in_zone", CHANGES),
    refused("date_modify", CHANGES),
    refused("dateInZone", CHANGES),
    refused("dateModify", CHANGES),
    refused("duration", CHANGES),
    refused("durationRound", CHANGES),
    refused("htmlDate", CHANGES),
    refused("htmlDateInZone", CHANGES),
    refused("must_date_modify", CHANGES),
    refused("mustDateModify", CHANGES),
    refused("mustToDate", CHANGES),
    refused("now", CHANGES),
    refused("toDate", CHANGES),
    refused("unixEpoch", CHANGES),
    refused("randAlphaNum", CHANGES),
    refused("randAlpha", CHANGES),
    refused("randAscii", CHANGES),
    refused("randNumeric", CHANGES),
    refused("randInt", CHANGES),
    refused("randBytes", CHANGES),
    refused("shuffle", CHANGES),
    refused("uuidv4", CHANGES),
    refused("getHostByName", NETWORK),
    refused("bcrypt", SECRET),
    refused("htpasswd", SECRET),
    refused("genPrivateKey", SECRET),
    refused("derivePassword", SECRET),
    refused("buildCustomCert", SECRET),
    refused("genCA", SECRET),
    refused("genCAWithKey", SECRET),
    refused("genSelfSignedCert", SECRET),
    refused("genSelfSignedCertWithKey", SECRET),
    refused("genSignedCert", SECRET),
    refused("genSignedCertWithKey", SECRET),
    refused("encryptAES", SECRET),
    refused("decryptAES", SECRET),
    refused("semver", RARE),
    refused("semverCompare", RARE),
    refused("sha1sum", RARE),
];

const fn refused(name: &'static str, why: &'static str) -> Function {
    special(name, &[], Some(Type::Any), Run::Refused(why))
}
