//! The key of one day: what it seals, how it names itself, and the one line of its file.
//!
//! ```text
//! 32 random bytes ─ HMAC-SHA-256 ─┬─ `seal`  ─► key of AES-256-GCM-SIV (RFC 8452)
//!   (purpose, day)                ├─ `nonce` ─► HMAC of place and text, its first 96 bits
//!                                 └─ `name`  ─► 64 bits that name the key and tell damage
//!
//! slipstream-quarantine-key 1 DAY NAME BASE64(32 bytes)         the file
//! sealed:1:DAY:NAME:BASE64(nonce, ciphertext, tag)              the value of a letter
//! ```
//!
//! The nonce follows from what is sealed, so that a replay gives the same bytes; should two texts ever share one, GCM-SIV still
//! tells no more than whether they are the same. Place, day and name are authenticated: a value that is moved to another letter
//! does not open.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::civil::Date;

/// What every sealed value begins with; no base64 does.
const SEALED: &str = "sealed:";
/// The form of this version.
const FORM: &str = "1";
/// What the line of a key file begins with.
const FILE: &str = "slipstream-quarantine-key";
/// Length of what was drawn, bytes.
const KEY_BYTES: usize = 32;
/// Length of a key's name, bytes; written in hexadecimal.
const NAME_BYTES: usize = 8;

/// Whether a letter's value is sealed.
pub(crate) fn is_sealed(value: &str) -> bool {
    value.starts_with(SEALED)
}

/// Why a file holds no key of its day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoKey {
    /// Something else.
    #[error("no quarantine key of a form that this version knows")]
    Form,
    /// A key of another day than the file's name says.
    #[error("the key of {0}, under the name of another day")]
    Day(Date),
    /// Its name does not follow from its bytes.
    #[error("a damaged quarantine key: its bytes are not those of its name")]
    Damaged,
}

/// Why a sealed text does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotOpened {
    /// Sealed under another key of that day.
    #[error("key {found}, but the text was sealed under {wanted} of the same day, which is not here")]
    OtherKey {
        /// The name of the key at hand.
        found: String,
        /// The name that the text states.
        wanted: String,
    },
    /// Not what was sealed there.
    #[error("does not open the text: it is damaged, or stands in another letter than it was sealed for")]
    Damaged,
}

/// The value of a letter is no sealed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not sealed in a form that this version knows (sealed:1:DAY:KEY:BASE64)")]
pub(super) struct NoSealed;

/// The key of one day.
pub(super) struct Key {
    day: Date,
    bytes: [u8; KEY_BYTES],
}

/// Never the key itself.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.day)
    }
}

impl Key {
    /// A new key, drawn from the system.
    pub(super) fn draw(day: Date) -> Result<Self, Unspecified> {
        let mut bytes = [0; KEY_BYTES];
        rand::fill(&mut bytes)?;
        Ok(Self { day, bytes })
    }

    /// The key of a file's line.
    pub(super) fn read(line: &str, day: Date) -> Result<Self, NoKey> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [FILE, FORM, stated, name, bytes] = words[..] else { return Err(NoKey::Form) };
        let stated = stated.parse().map_err(|_| NoKey::Form)?;
        let bytes = BASE64_STANDARD.decode(bytes).ok().and_then(|bytes| bytes.try_into().ok());
        let key = Self { day: stated, bytes: bytes.ok_or(NoKey::Damaged)? };
        if key.name() != name {
            return Err(NoKey::Damaged);
        }
        if stated == day { Ok(key) } else { Err(NoKey::Day(stated)) }
    }

    /// The line of its file.
    pub(super) fn line(&self) -> String {
        format!("{FILE} {FORM} {} {} {}\n", self.day, self.name(), BASE64_STANDARD.encode(self.bytes))
    }

    pub(super) fn day(&self) -> Date {
        self.day
    }

    /// What tells this key from others, and nothing of it.
    fn name(&self) -> String {
        self.derived("name").as_ref().iter().take(NAME_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }

    fn derived(&self, purpose: &str) -> hmac::Tag {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.bytes);
        hmac::sign(&key, format!("slipstream quarantine {FORM} {purpose} {}", self.day).as_bytes())
    }

    fn cipher(&self) -> Result<LessSafeKey, Unspecified> {
        UnboundKey::new(&AES_256_GCM_SIV, self.derived("seal").as_ref()).map(LessSafeKey::new)
    }

    /// What goes in front, and what is authenticated beside the text.
    fn front(&self) -> String {
        format!("{SEALED}{FORM}:{}:{}:", self.day, self.name())
    }

    fn nonce(&self, place: &str, text: &[u8]) -> [u8; NONCE_LEN] {
        let mut tag = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.derived("nonce").as_ref()));
        tag.update(&(place.len() as u64).to_be_bytes());
        tag.update(place.as_bytes());
        tag.update(text);
        let (mut nonce, tag) = ([0; NONCE_LEN], tag.sign());
        let tag: &[u8] = tag.as_ref();
        nonce.copy_from_slice(&tag[..NONCE_LEN]);
        nonce
    }

    /// Seals a text for a place.
    pub(super) fn seal(&self, place: &str, text: &[u8]) -> Result<String, Unspecified> {
        let (front, nonce) = (self.front(), self.nonce(place, text));
        let mut sealed = text.to_vec();
        let aad = Aad::from(format!("{front}{place}"));
        self.cipher()?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)?;
        Ok(front + &BASE64_STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what was sealed for a place.
    pub(super) fn open(&self, sealed: &Sealed, place: &str) -> Result<Vec<u8>, NotOpened> {
        let found = self.name();
        if (sealed.day, &sealed.key) != (self.day, &found) {
            return Err(NotOpened::OtherKey { found, wanted: sealed.key.clone() });
        }
        self.text(sealed, place).ok_or(NotOpened::Damaged)
    }

    fn text(&self, sealed: &Sealed, place: &str) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let aad = Aad::from(format!("{}{place}", self.front()));
        let opened = self.cipher().ok()?.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut text).ok()?.len();
        text.truncate(opened);
        Some(text)
    }
}

/// A sealed text.
#[derive(Debug)]
pub(super) struct Sealed {
    /// The day of its key.
    pub(super) day: Date,
    /// The name of its key.
    key: String,
    bytes: Vec<u8>,
}

impl FromStr for Sealed {
    type Err = NoSealed;

    fn from_str(value: &str) -> Result<Self, NoSealed> {
        let parts: Vec<&str> = value.strip_prefix(SEALED).ok_or(NoSealed)?.split(':').collect();
        let [FORM, day, key, bytes] = parts[..] else { return Err(NoSealed) };
        let day = day.parse().map_err(|_| NoSealed)?;
        let named = key.len() == 2 * NAME_BYTES && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bytes = BASE64_STANDARD.decode(bytes).ok().filter(|_| named).ok_or(NoSealed)?;
        Ok(Self { day, key: key.to_owned(), bytes })
    }
}
