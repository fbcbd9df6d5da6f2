//! Signatures of webhooks, in and out: HMAC-SHA256 over timestamp + `.` + the body as it was received.
//!
//! ```text
//! x-webhook-timestamp: 1795243200            seconds since 1970, at most 300 s from now
//! x-webhook-signature: v1=<hex>[,v1=<hex>]   more than one while the sender changes its secret; other schemes are ignored
//! ```
//!
//! The signed text is that of Stripe's webhooks, so that their test vector holds here too. Two secrets are valid while ours
//! is changed. Compared in constant time. A repeat within the 300 s is not refused here: its record id makes it harmless.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Header of the instant at which the body was signed.
pub(crate) const TIMESTAMP: &str = "x-webhook-timestamp";
/// Header of the signatures.
pub(crate) const SIGNATURE: &str = "x-webhook-signature";
/// How far a timestamp may be from now, seconds.
const AWAY_MAX_S: u64 = 300;
/// Most signatures that are looked at in one header.
const SIGNATURES_MAX: usize = 4;
/// What a signature begins with.
const SCHEME: &str = "v1=";

/// A secret, shown to nobody.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha256>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// Why a signature does not hold: the header, and what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unsigned(pub(crate) &'static str, pub(crate) &'static str);

impl Key {
    /// A key of a secret; none where it is empty.
    pub(crate) fn new(secret: &str) -> Option<Self> {
        let key = Hmac::new_from_slice(secret.as_bytes()).ok()?;
        (!secret.is_empty()).then_some(Self(key))
    }

    fn mac(&self, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }

    /// The signature of a body, as the header has it.
    pub(crate) fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        let digits = self.mac(timestamp, body).finalize().into_bytes();
        digits.iter().fold(SCHEME.to_owned(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// Whether a text is the secret that the key was made of; in constant time.
    pub(crate) fn is_of(&self, secret: &str) -> bool {
        let Some(other) = Self::new(secret) else { return false };
        let tag = self.mac("", b"").finalize().into_bytes();
        other.mac("", b"").verify_slice(&tag).is_ok()
    }
}

/// Checks a body's signature at `now`, seconds since 1970.
///
/// # Errors
/// A header is missing or malformed, too far from now, or no signature is one of a valid secret.
pub(crate) fn verify(
    keys: &[Key],
    (timestamp, signatures): (Option<&str>, Option<&str>),
    body: &[u8],
    now: i64,
) -> Result<(), Unsigned> {
    let timestamp = timestamp.ok_or(Unsigned(TIMESTAMP, "missing"))?;
    let signed_at: i64 = timestamp.parse().map_err(|_| Unsigned(TIMESTAMP, "no seconds since 1970"))?;
    if signed_at.abs_diff(now) > AWAY_MAX_S {
        return Err(Unsigned(TIMESTAMP, "more than 300 s from now"));
    }
    let signatures = signatures.ok_or(Unsigned(SIGNATURE, "missing"))?;
    let given = signatures.split(',').take(SIGNATURES_MAX).filter_map(|one| bytes(one.trim().strip_prefix(SCHEME)?));
    let holds = |tag: [u8; 32]| keys.iter().any(|key| key.mac(timestamp, body).verify_slice(&tag).is_ok());
    if given.into_iter().any(holds) { Ok(()) } else { Err(Unsigned(SIGNATURE, "not one of a valid secret")) }
}

/// 64 hexadecimal digits.
fn bytes(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const AT: &str = "1795243200";
    const NOW: i64 = 1_795_243_200;
    /// Made with another implementation of HMAC.
    const TAG: &str = "v1=3fcf8e72fcfff4b5faeb9b9187f20c1673ac577aced5aaba6f080f1f4f394100";

    /// Name, secrets, timestamp, signatures, body, now; what comes of it.
    type Case =
        (&'static str, Vec<Key>, Option<&'static str>, Option<&'static str>, &'static [u8], i64, Result<(), &'static str>);

    fn key(secret: &str) -> Key {
        Key::new(secret).unwrap()
    }

    #[test]
    fn a_known_vector_holds_both_ways() {
        let key = key("whsec_test_only");
        assert_eq!(key.sign(AT, BODY), TAG);
        assert_eq!(verify(&[key], (Some(AT), Some(TAG)), BODY, NOW), Ok(()));
    }

    #[test]
    fn only_the_body_the_secret_and_the_time_that_were_signed_hold() {
        let ours = || vec![key("whsec_test_only")];
        let check = |keys: &[Key], at, tag, body: &[u8], now| verify(keys, (at, tag), body, now).map_err(|e| e.0);
        let cases: [Case; 14] = [
            ("in time, late", ours(), Some(AT), Some(TAG), BODY, NOW + 300, Ok(())),
            ("in time, early", ours(), Some(AT), Some(TAG), BODY, NOW - 300, Ok(())),
            ("too late", ours(), Some(AT), Some(TAG), BODY, NOW + 301, Err(TIMESTAMP)),
            ("too early", ours(), Some(AT), Some(TAG), BODY, NOW - 301, Err(TIMESTAMP)),
            ("no time", ours(), None, Some(TAG), BODY, NOW, Err(TIMESTAMP)),
            ("no number", ours(), Some("soon"), Some(TAG), BODY, NOW, Err(TIMESTAMP)),
            ("beyond all numbers", ours(), Some("-9223372036854775808"), Some(TAG), BODY, i64::MAX, Err(TIMESTAMP)),
            ("the time as another text", ours(), Some("01795243200"), Some(TAG), BODY, NOW, Err(SIGNATURE)),
            ("no signature", ours(), Some(AT), None, BODY, NOW, Err(SIGNATURE)),
            ("half a signature", ours(), Some(AT), Some("v1=3fcf8e72"), BODY, NOW, Err(SIGNATURE)),
            ("another scheme", ours(), Some(AT), Some(&TAG[3..]), BODY, NOW, Err(SIGNATURE)),
            ("another body", ours(), Some(AT), Some(TAG), b"{\"id\":\"evt_2\"}", NOW, Err(SIGNATURE)),
            ("another secret", vec![key("other")], Some(AT), Some(TAG), BODY, NOW, Err(SIGNATURE)),
            ("no secret", Vec::new(), Some(AT), Some(TAG), BODY, NOW, Err(SIGNATURE)),
        ];
        for (name, keys, at, tag, body, now, expected) in cases {
            assert_eq!(check(&keys, at, tag, body, now), expected, "{name}");
        }
    }

    #[test]
    fn two_secrets_and_two_signatures_hold_while_one_is_changed() {
        let both = [key("new"), key("whsec_test_only")];
        let list = format!("v1={}, v0=abc,{TAG}", "0".repeat(64));
        assert_eq!(verify(&both, (Some(AT), Some(TAG)), BODY, NOW), Ok(()));
        assert_eq!(verify(&both, (Some(AT), Some(&list)), BODY, NOW), Ok(()));
    }

    #[test]
    fn a_secret_is_recognised_and_not_shown() {
        let key = key("hush-hush");
        assert!(key.is_of("hush-hush") && !key.is_of("hush-husk") && !key.is_of(""));
        assert!(!format!("{key:?}").contains("hush"));
        assert!(Key::new("").is_none());
    }
}
