//! Idempotency keys of outward effects.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The key of one outward effect: the same for every attempt, another for every generation and
/// slot, and opaque to whoever reads it in a message's metadata.
///
/// HMAC-SHA256 (RFC 2104) over `logical_key`, NUL, `generation`, NUL, `slot`; the first 16 bytes in
/// hex (32 characters).
#[must_use]
pub fn effect_key(secret: &[u8], logical_key: &str, generation: i32, slot: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        unreachable!("HMAC takes a key of any length")
    };
    for part in [logical_key, "\0", &generation.to_string(), "\0", slot] {
        mac.update(part.as_bytes());
    }
    hex::encode(&mac.finalize().into_bytes()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_depends_on_every_part_and_on_nothing_else() {
        let key = effect_key(b"s", "message:T:C:1.0", 0, "reply");
        assert_eq!(key, effect_key(b"s", "message:T:C:1.0", 0, "reply"));
        assert_eq!(key.len(), 32);
        for other in [
            effect_key(b"t", "message:T:C:1.0", 0, "reply"),
            effect_key(b"s", "message:T:C:2.0", 0, "reply"),
            effect_key(b"s", "message:T:C:1.0", 1, "reply"),
            effect_key(b"s", "message:T:C:1.0", 0, "notice"),
        ] {
            assert_ne!(key, other);
        }
    }
}
