//! Bytes that are no requests: their connection is closed, everybody else goes on.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use crate::kit::{Bench, send};

/// A request of `key` and `version` in the old header form.
fn request(key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut frame = [&key.to_be_bytes()[..], &version.to_be_bytes(), &7_i32.to_be_bytes(), &1_i16.to_be_bytes(), b"x"].concat();
    frame.extend_from_slice(body);
    framed(&frame)
}

fn framed(frame: &[u8]) -> Vec<u8> {
    [&i32::try_from(frame.len()).unwrap().to_be_bytes()[..], frame].concat()
}

fn text(value: &str) -> Vec<u8> {
    [&i16::try_from(value.len()).unwrap().to_be_bytes()[..], value.as_bytes()].concat()
}

/// Well-formed requests of many kinds, to be bent.
fn templates() -> Vec<Vec<u8>> {
    let one = 1_i32.to_be_bytes();
    let zero = 0_i32.to_be_bytes();
    let partitions = [&one[..], &text("t"), &one, &zero].concat();
    vec![
        request(3, 1, &[&one[..], &text("t")].concat()),
        request(18, 0, &[]),
        request(
            0,
            3,
            &[&(-1_i16).to_be_bytes()[..], &1_i16.to_be_bytes(), &one, &partitions, &61_i32.to_be_bytes(), &[2; 61]].concat(),
        ),
        request(1, 4, &[&[255; 4][..], &zero, &zero, &one, &[0], &partitions, &0_i64.to_be_bytes(), &one].concat()),
        request(2, 1, &[&[255; 4][..], &partitions, &(-1_i64).to_be_bytes()].concat()),
        request(9, 1, &[&text("g")[..], &partitions].concat()),
        request(10, 0, &text("g")),
        request(
            11,
            2,
            &[&text("g")[..], &[0, 0, 39, 16], &[0, 0, 39, 16], &text(""), &text("consumer"), &one, &text("range"), &zero]
                .concat(),
        ),
        request(14, 0, &[&text("g")[..], &one, &text("m"), &one, &text("m"), &zero].concat()),
        request(15, 0, &[&one[..], &text("g")].concat()),
        request(19, 2, &[&one[..], &text("made"), &one, &1_i16.to_be_bytes(), &zero, &zero, &one, &[1]].concat()),
        request(22, 0, &[&text("tx")[..], &[0, 0, 39, 16]].concat()),
        request(24, 0, &[&text("tx")[..], &[0; 8], &[0; 2], &partitions].concat()),
        request(28, 0, &[&text("tx")[..], &text("g"), &[0; 8], &[0; 2], &partitions, &[0; 8], &text("")].concat()),
        request(32, 1, &[&one[..], &[2], &text("t"), &[255; 4], &[0]].concat()),
    ]
}

/// A fixed sequence of numbers: the same bytes on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

fn bent(numbers: &mut Numbers, templates: &[Vec<u8>]) -> Vec<u8> {
    let mut frame = templates[numbers.below(templates.len())].clone();
    for _ in 0..=numbers.below(4) {
        // Mostly behind the length, so that the broker reads the whole frame.
        let at = if numbers.below(20) == 0 { numbers.below(frame.len()) } else { 4 + numbers.below(frame.len() - 4) };
        frame[at] = [0, 1, 127, 128, 255, numbers.byte()][numbers.below(6)];
    }
    match numbers.below(5) {
        0 => framed(&frame[4..frame.len() - numbers.below(frame.len() - 4)]),
        1 => (0..numbers.below(200)).map(|_| numbers.byte()).collect(),
        _ => frame,
    }
}

#[test]
fn bent_and_random_frames_disturb_nobody() {
    let bench = Bench::new();
    bench.topic("t", 1, &[]);
    bench.topic("healthy", 1, &[]);
    let done = AtomicBool::new(false);
    let sent = thread::scope(|scope| {
        let healthy = scope.spawn(|| {
            let (producer, mut sent) = (bench.transactional("healthy"), Vec::new());
            while !done.load(Ordering::Relaxed) || sent.len() < 10 {
                let value = format!("{}", sent.len());
                rdkafka::producer::Producer::begin_transaction(&producer).unwrap();
                send(&producer, "healthy", 0, [value.as_str()]);
                rdkafka::producer::Producer::commit_transaction(&producer, crate::kit::PATIENCE).unwrap();
                sent.push(value);
            }
            sent
        });
        let (mut numbers, templates) = (Numbers(1), templates());
        for _ in 0..1_000 {
            let mut socket = TcpStream::connect(&bench.servers).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            // The broker may hang up in the middle of it.
            let _cut = socket.write_all(&bent(&mut numbers, &templates));
            let _answer = socket.read(&mut [0; 64]);
        }
        done.store(true, Ordering::Relaxed);
        healthy.join().unwrap()
    });
    assert_eq!(bench.values("healthy", 0, "read_committed"), sent);
}

#[test]
fn a_frame_that_is_no_request_closes_its_connection() {
    let bench = Bench::new();
    let huge = i32::MAX.to_be_bytes();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("negative length", (-1_i32).to_be_bytes().to_vec()),
        ("length over the limit", huge.to_vec()),
        ("shorter than a header", framed(&[0, 3])),
        ("unknown request", request(99, 0, &[])),
        ("version from the future", request(3, 99, &[])),
        ("more topics than bytes", request(3, 1, &huge)),
        ("more records than bytes", request(0, 3, &[&(-1_i16).to_be_bytes()[..], &[0, 1], &huge, &huge].concat())),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
    ];
    for (name, bytes) in cases {
        let mut socket = TcpStream::connect(&bench.servers).unwrap();
        socket.set_read_timeout(Some(crate::kit::PATIENCE)).unwrap();
        socket.write_all(&bytes).unwrap();
        let closed = match socket.read(&mut [0; 16]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        };
        assert!(closed, "{name}");
    }
}

#[test]
fn a_client_from_the_future_is_told_the_versions() {
    let bench = Bench::new();
    let mut socket = TcpStream::connect(&bench.servers).unwrap();
    socket.write_all(&request(18, 99, &[])).unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).unwrap();
    assert_eq!(answer[4..8], 7_i32.to_be_bytes(), "its correlation id");
    assert_eq!(answer[8..10], 35_i16.to_be_bytes(), "UNSUPPORTED_VERSION");
}
