//! One request that no well-behaved client sends, written byte by byte: a heartbeat of the wrong generation.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::kit::PATIENCE;

/// `Heartbeat`, whose version 0 every broker still serves.
const HEARTBEAT: i16 = 12;

/// The broker's error code for a heartbeat of `member` in `group` at `generation`; 0 is "all is well".
pub(crate) fn heartbeat(bootstrap: &str, group: &str, generation: i32, member: &str) -> i16 {
    let mut body = Vec::new();
    string(&mut body, group);
    body.extend(generation.to_be_bytes());
    string(&mut body, member);
    let answer = ask(bootstrap, HEARTBEAT, &body);
    i16::from_be_bytes(answer[..2].try_into().unwrap())
}

/// Sends version 0 of a request and returns the answer's body.
fn ask(bootstrap: &str, api: i16, body: &[u8]) -> Vec<u8> {
    const CORRELATION: i32 = 4711;
    let mut request = Vec::new();
    request.extend(api.to_be_bytes());
    request.extend(0_i16.to_be_bytes());
    request.extend(CORRELATION.to_be_bytes());
    string(&mut request, "raw");
    request.extend(body);

    let mut connection = TcpStream::connect(bootstrap).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.write_all(&i32::try_from(request.len()).unwrap().to_be_bytes()).unwrap();
    connection.write_all(&request).unwrap();

    let mut word = [0; 4];
    connection.read_exact(&mut word).unwrap();
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(word)).unwrap()];
    connection.read_exact(&mut answer).unwrap();
    assert_eq!(answer[..4], CORRELATION.to_be_bytes(), "the answer to our request");
    answer.split_off(4)
}

fn string(into: &mut Vec<u8>, text: &str) {
    into.extend(i16::try_from(text.len()).unwrap().to_be_bytes());
    into.extend(text.as_bytes());
}
