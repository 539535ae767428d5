//! The frames of Postgres' protocol 3: a tag, a length that counts itself, a body. The first frame
//! of a client has no tag.

use bytes::{Buf, Bytes, BytesMut};

/// A frame longer than this is not Postgres', in bytes: the server's own bound is 1 GB.
const FRAME_BYTES_MAX: usize = 1 << 30;

/// The codes of the requests that may come in place of a startup frame.
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// The stream is no Postgres client's or server's.
#[derive(Debug)]
pub(super) struct Malformed;

/// A whole frame.
#[derive(Debug)]
pub(super) struct Frame {
    /// 0 in a frame without one.
    pub(super) tag: u8,
    /// All of it, as it came.
    pub(super) bytes: Bytes,
}

impl Frame {
    /// What follows tag and length.
    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[if self.tag == 0 { 4 } else { 5 }..]
    }

    /// Whether it asks for an encrypted line, in place of a startup frame.
    pub(super) fn asks_for_encryption(&self) -> bool {
        self.tag == 0
            && self.body().len() == 4
            && matches!((&mut self.body()).get_u32(), SSL_REQUEST | GSS_REQUEST)
    }
}

/// Takes the first frame off the buffer, if it is there whole.
pub(super) fn take(buffer: &mut BytesMut, tagged: bool) -> Result<Option<Frame>, Malformed> {
    let head = if tagged { 5 } else { 4 };
    if buffer.len() < head {
        return Ok(None);
    }
    let length = usize::try_from((&buffer[head - 4..head]).get_u32()).map_err(|_| Malformed)?;
    if !(4..=FRAME_BYTES_MAX).contains(&length) {
        return Err(Malformed);
    }
    let total = head - 4 + length;
    if buffer.len() < total {
        buffer.reserve(total - buffer.len());
        return Ok(None);
    }
    let tag = if tagged { buffer[0] } else { 0 };
    Ok(Some(Frame { tag, bytes: buffer.split_to(total).freeze() }))
}

/// The text up to the next NUL, and what follows it.
pub(super) fn text(body: &[u8]) -> (String, &[u8]) {
    let end = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
    (String::from_utf8_lossy(&body[..end]).into_owned(), body.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_when_it_is_whole() {
        let mut buffer = BytesMut::from(&b"Q\0\0\0\x06a\0S\0\0"[..]);
        let frame = take(&mut buffer, true).unwrap().unwrap();
        assert_eq!((frame.tag, frame.body()), (b'Q', &b"a\0"[..]));
        assert!(take(&mut buffer, true).unwrap().is_none());
        buffer.extend_from_slice(b"\0\x04");
        assert_eq!(take(&mut buffer, true).unwrap().unwrap().tag, b'S');
    }

    #[test]
    fn a_length_that_cannot_be_is_refused() {
        for length in [[0, 0, 0, 3], [0x7f, 0, 0, 0]] {
            let mut buffer = BytesMut::from(&b"Q"[..]);
            buffer.extend_from_slice(&length);
            assert!(take(&mut buffer, true).is_err());
        }
    }

    #[test]
    fn a_request_for_encryption_is_recognised() {
        let mut buffer = BytesMut::from(&b"\0\0\0\x08\x04\xd2\x16\x2f"[..]);
        assert!(take(&mut buffer, false).unwrap().unwrap().asks_for_encryption());
    }
}
