//! Servers that take liberties with the wire, played byte by byte.

use std::time::Duration;

use agent::{Agent, AgentError, Answer, Fault};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::harness::{PATIENCE, Steps, options, question};

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                      connection: close\r\n\r\n";

/// Asks a server that sends `pieces`, one write each, whatever it is asked.
async fn ask(pieces: Vec<Vec<u8>>, then: After) -> Result<Answer, AgentError> {
    ask_slowly(pieces, then, Duration::ZERO).await
}

/// The same with a pause before each piece.
async fn ask_slowly(
    pieces: Vec<Vec<u8>>,
    then: After,
    pause: Duration,
) -> Result<Answer, AgentError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_request(&mut socket).await;
        for piece in pieces {
            tokio::time::sleep(pause).await;
            // The client may hang up on what it will not bear.
            if socket.write_all(&piece).await.is_err() {
                return;
            }
        }
        if then == After::StayOpen {
            let _ = socket.read(&mut [0; 1]).await;
        }
    });
    let agent = Agent::new(options(&base_url)).unwrap();
    let (asked, steps) = (question("Well?"), Steps::default());
    let answer = agent.answer(&asked, &steps, CancellationToken::new());
    let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap();
    drop(agent);
    tokio::time::timeout(PATIENCE, server).await.unwrap().unwrap();
    answer
}

#[derive(PartialEq)]
enum After {
    Close,
    StayOpen,
}

async fn read_request(socket: &mut TcpStream) {
    let mut request = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = socket.read(&mut buffer).await.unwrap();
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.unwrap().parse::<usize>().unwrap() {
            return;
        }
    }
}

fn event(json: &str) -> String {
    format!("data: {json}\n\n")
}

fn stream(events: &[&str]) -> Vec<u8> {
    let events: String = events.iter().map(|json| event(json)).collect();
    format!("{STREAM}{events}").into_bytes()
}

const HELLO: &str = r#"{"choices":[{"delta":{"content":"Hällo"}}]}"#;
const END: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

#[tokio::test]
async fn characters_may_be_cut_anywhere() {
    let bytes = stream(&[HELLO, END, "[DONE]"]);
    let pieces = bytes.chunks(1).map(<[u8]>::to_vec).collect();
    assert_eq!(ask(pieces, After::Close).await.unwrap().text, "Hällo");
}

/// Longer than the patience of the agent here, though shorter than its total one.
#[tokio::test]
async fn a_comment_is_a_sign_of_life() {
    let mut pieces = vec![STREAM.as_bytes().to_vec()];
    pieces.extend(std::iter::repeat_n(b": still thinking\n\n".to_vec(), 3));
    pieces.push(stream(&[HELLO, END])[STREAM.len()..].to_vec());
    let pause = Duration::from_millis(600);
    let answer = ask_slowly(pieces, After::Close, pause).await;
    assert_eq!(answer.unwrap().text, "Hällo");
}

#[tokio::test]
async fn a_server_that_says_it_is_done_need_not_hang_up() {
    let answer = ask(vec![stream(&[HELLO, END])], After::StayOpen).await;
    assert_eq!(answer.unwrap().text, "Hällo");
}

#[tokio::test]
async fn a_server_that_cannot_stream_answers_in_one_piece() {
    let body = r#"{"choices":[{"message":{"role":"assistant","content":"Hällo"},
        "finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    let answer = ask(vec![format!("{head}{body}").into_bytes()], After::Close).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.usage.input_tokens), ("Hällo", 3));
}

#[tokio::test]
async fn an_error_that_calls_itself_a_success_is_an_error() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    let body = r#"{"error":{"message":"overloaded","code":529}}"#;
    let error = ask(vec![format!("{head}{body}").into_bytes()], After::Close).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Transient);
}

#[tokio::test]
async fn an_endless_line_is_not_kept() {
    let mut pieces = vec![STREAM.as_bytes().to_vec(), b"data: ".to_vec()];
    pieces.extend(std::iter::repeat_n(vec![b'x'; 1024 * 1024], 10));
    let error = ask(pieces, After::Close).await.unwrap_err();
    let AgentError::Model(error) = error else { panic!("{error:?}") };
    assert!(error.to_string().contains("lines is longer than"), "{error}");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_an_error() {
    let bytes = [STREAM.as_bytes(), b"data: \xff\xfe\n\n"].concat();
    assert_eq!(ask(vec![bytes], After::Close).await.unwrap_err().fault(), Fault::Transient);
}

#[tokio::test]
async fn a_connection_that_breaks_is_an_error() {
    for bytes in [b"".to_vec(), b"HTTP/1.1 200 OK\r\n".to_vec(), b"nonsense\r\n\r\n".to_vec()] {
        let error = ask(vec![bytes], After::Close).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Transient, "{error:?}");
    }
}

#[tokio::test]
async fn a_date_to_come_back_at_is_understood() {
    let head = "HTTP/1.1 429 Too Many Requests\r\nretry-after: Fri, 31 Dec 2100 23:59:59 GMT\r\n\
                content-length: 4\r\nconnection: close\r\n\r\nbusy";
    let error = ask(vec![head.as_bytes().to_vec()], After::Close).await.unwrap_err();
    let after = agent::model::RETRY_AFTER_MAX;
    assert_eq!(error.fault(), Fault::RateLimited { after });
}
