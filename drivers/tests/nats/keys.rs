//! Nkeys and JWTs, made as `nsc` would.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use serde_json::{Value, json};

pub(super) const OPERATOR: u8 = 14 << 3;
pub(super) const ACCOUNT: u8 = 0;
pub(super) const USER: u8 = 20 << 3;
const SEED: u8 = 18 << 3;

pub(super) struct Key {
    pair: Ed25519KeyPair,
    pub(super) public: String,
    pub(super) seed: String,
}

impl Key {
    pub(super) fn new(kind: u8) -> Self {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).expect("randomness");
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a key");
        let public = encode(&[kind], pair.public_key().as_ref());
        Self { public, seed: encode(&[SEED | kind >> 5, kind << 3], &seed), pair }
    }

    /// A JWT on `subject`, issued by this key.
    pub(super) fn issue(&self, subject: &Self, name: &str, claims: Value) -> String {
        let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
        let claims = json!({ "jti": name, "iat": 1_700_000_000, "iss": self.public, "name": name,
            "sub": subject.public, "nats": claims });
        let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.pair.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

fn encode(prefix: &[u8], key: &[u8]) -> String {
    let mut bytes = [prefix, key].concat();
    let crc = bytes.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    });
    bytes.extend(crc.to_le_bytes());
    BASE32_NOPAD.encode(&bytes)
}
