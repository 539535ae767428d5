//! The payload: a JSON object of a given size that says which job it is.

use std::sync::OnceLock;

use serde::Deserialize;

/// The longest padding.
const PAD_BYTES_MAX: usize = 4096;

/// `{"n":…,"pad":"…"}` of `bytes` bytes, or of the smallest size that holds the number.
pub(crate) fn payload(n: u64, bytes: usize) -> String {
    let mut text = format!(r#"{{"n":{n},"pad":""#);
    let wanted = bytes.saturating_sub(text.len() + 2).min(PAD_BYTES_MAX);
    // Each begins elsewhere in the letters, so that no two neighbours are alike.
    let begin = (n % 997) as usize;
    text.push_str(&letters()[begin..begin + wanted]);
    text.push_str(r#""}"#);
    text
}

/// The number in a payload's bytes.
pub(crate) fn sequence_of(payload: &[u8]) -> anyhow::Result<u64> {
    #[derive(Deserialize)]
    struct Head {
        n: u64,
    }
    Ok(serde_json::from_slice::<Head>(payload)?.n)
}

/// Letters that no compression makes much smaller.
fn letters() -> &'static str {
    static LETTERS: OnceLock<String> = OnceLock::new();
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    LETTERS.get_or_init(|| {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let next = |_| {
            // Xorshift.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(ALPHABET[usize::from(state.to_le_bytes()[3] & 63)])
        };
        (0..PAD_BYTES_MAX + 997).map(next).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_has_its_size_and_its_number() {
        for n in [0, 7, 1_234_567_890] {
            let text = payload(n, 1200);
            assert_eq!(text.len(), 1200);
            assert_eq!(sequence_of(text.as_bytes()).expect("JSON"), n);
        }
        assert_eq!(sequence_of(payload(5, 0).as_bytes()).expect("JSON"), 5);
    }
}
