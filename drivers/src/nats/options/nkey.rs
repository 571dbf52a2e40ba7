//! Nkeys: Ed25519 keys in base32, with a prefix that tells their kind and a checksum.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};

const SEED: u8 = 18 << 3;
const USER: u8 = 20 << 3;

/// A user's key. Not shown.
pub(crate) struct Nkey {
    pair: Ed25519KeyPair,
    public: String,
}

impl Nkey {
    /// Reads the seed of a user: `SU...`.
    ///
    /// # Errors
    /// What is wrong, without the seed.
    pub(super) fn user(seed: &str) -> Result<Self, String> {
        const WRONG: &str = "is not an nkey's seed";
        let bytes = BASE32_NOPAD.decode(seed.trim().as_bytes()).map_err(|_| WRONG)?;
        let (Some((content, checksum)), 36) = (bytes.split_last_chunk::<2>(), bytes.len()) else {
            return Err(WRONG.to_owned());
        };
        if crc16(content) != u16::from_le_bytes(*checksum) || content[0] & 0xf8 != SEED {
            return Err(WRONG.to_owned());
        }
        // The kind stands in the low 3 bits of the first byte and the high 5 of the second.
        if (content[0] & 7) << 5 | (content[1] & 0xf8) >> 3 != USER {
            return Err("is the seed of another nkey than a user's, which begins with SU".to_owned());
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(&content[2..]).map_err(|_| WRONG)?;
        let public = encode(USER, pair.public_key().as_ref());
        Ok(Self { pair, public })
    }

    /// The public key: `U...`.
    pub(crate) fn public(&self) -> &str {
        &self.public
    }

    /// The signature of `nonce`, in URL-safe base64 without padding.
    pub(crate) fn sign(&self, nonce: &[u8]) -> String {
        BASE64URL_NOPAD.encode(self.pair.sign(nonce).as_ref())
    }
}

fn encode(prefix: u8, key: &[u8]) -> String {
    let mut bytes = vec![prefix];
    bytes.extend_from_slice(key);
    bytes.extend(crc16(&bytes).to_le_bytes());
    BASE32_NOPAD.encode(&bytes)
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}
