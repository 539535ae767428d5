//! Files that were sent with a question: fetched, and made into what a model can read.
//!
//! Text as it is, PDF through its text ([`pdf`]), pictures for a model that sees. Whatever cannot be
//! read is told to the model, which tells the asker: an answer never waits for a file's sake.

use agent::{Attachment, Content};
use event::ErrorChain;
use futures::future::join_all;
use slack::{FileRef, SlackError};

use crate::desk::Desk;

pub mod pdf;

/// Files of one question that are read; the rest is named alone.
const READ_MAX: usize = 5;

/// The longest file that is fetched, in bytes.
const FILE_BYTES_MAX: usize = 20 * 1024 * 1024;

/// The longest picture that is shown, in bytes; providers take about as much in one request.
const IMAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a file can be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Pdf,
    Image,
    Other,
}

/// Fetches and reads files, all at once, in their order.
pub(crate) async fn read(desk: &Desk, files: &[FileRef]) -> Vec<Attachment> {
    join_all(files.iter().enumerate().map(|(at, file)| read_one(desk, at, file))).await
}

async fn read_one(desk: &Desk, at: usize, file: &FileRef) -> Attachment {
    let unreadable = |name: &str, why: &str| Attachment {
        name: plain(name),
        content: Content::Unreadable(why.to_owned()),
    };
    if at >= READ_MAX {
        return unreadable(&file.name, "there were too many files at once");
    }
    match fetch(desk, file).await {
        Ok((file, Fetched::Content(bytes))) => {
            let content = content(&file, bytes).await;
            Attachment { name: plain(&file.name), content }
        }
        Ok((file, Fetched::Not(why))) => unreadable(&file.name, why),
        Err(error) => {
            tracing::warn!(error = %ErrorChain::line(&error), "a file could not be fetched");
            unreadable(&file.name, "it could not be fetched from Slack")
        }
    }
}

enum Fetched {
    Content(Vec<u8>),
    Not(&'static str),
}

/// Asks what a file is where the message does not say, and fetches it if it can be read at all.
async fn fetch(desk: &Desk, file: &FileRef) -> Result<(FileRef, Fetched), SlackError> {
    let file = match file.url {
        Some(_) => file.clone(),
        None => desk.slack.file_info(&file.id).await?,
    };
    let bytes_max = match kind(&file) {
        Kind::Text | Kind::Pdf => FILE_BYTES_MAX,
        Kind::Image => IMAGE_BYTES_MAX,
        Kind::Other => return Ok((file, Fetched::Not("files of this kind cannot be read"))),
    };
    if file.bytes > bytes_max as u64 {
        return Ok((file, Fetched::Not("it is too large")));
    }
    let content = desk.slack.download(&file, bytes_max).await?;
    Ok((file, Fetched::Content(content)))
}

async fn content(file: &FileRef, bytes: Vec<u8>) -> Content {
    let text = |text: String| match text.trim().is_empty() {
        true => Content::Unreadable("there is no text in it".to_owned()),
        false => Content::Text(text),
    };
    match kind(file) {
        Kind::Text => text(String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}")),
        Kind::Image => Content::Image { mimetype: file.mimetype.clone(), bytes: bytes.into() },
        Kind::Pdf => match pdf::text_of(bytes).await {
            Ok(said) => text(said),
            Err(error) => {
                tracing::warn!(error = %ErrorChain::line(&error), "a PDF could not be read");
                Content::Unreadable("its text could not be taken out of it".to_owned())
            }
        },
        Kind::Other => Content::Unreadable("files of this kind cannot be read".to_owned()),
    }
}

fn kind(file: &FileRef) -> Kind {
    match file.mimetype.as_str() {
        "application/pdf" => Kind::Pdf,
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" => Kind::Image,
        "application/json"
        | "application/xml"
        | "application/yaml"
        | "application/x-yaml"
        | "application/toml"
        | "application/javascript"
        | "application/sql"
        | "application/x-sh" => Kind::Text,
        mimetype if mimetype.starts_with("text/") => Kind::Text,
        _ => Kind::Other,
    }
}

/// A name for one line of a prompt.
fn plain(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    if name.is_empty() { "without a name".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_read_as_follows_from_its_type() {
        for (mimetype, expected) in [
            ("text/x-rust", Kind::Text),
            ("text/csv", Kind::Text),
            ("application/json", Kind::Text),
            ("application/pdf", Kind::Pdf),
            ("image/png", Kind::Image),
            ("image/svg+xml", Kind::Other),
            ("application/zip", Kind::Other),
            ("", Kind::Other),
        ] {
            let file = FileRef { mimetype: mimetype.to_owned(), ..FileRef::default() };
            assert_eq!(kind(&file), expected, "{mimetype}");
        }
    }

    #[test]
    fn a_name_stays_on_its_line() {
        assert_eq!(plain("a\nb.txt"), "ab.txt");
        assert_eq!(plain(""), "without a name");
        assert_eq!(plain(&"x".repeat(200)).len(), 80);
    }
}
