//! Bytes become lines, the longest of them bounded.
//!
//!     fill (one read) ─► buffer ─► take: whole lines, one that is too long as what it began with
//!
//! Keeps at most [`LINE_BYTES_MAX`] of the line under way and one read's bytes. Of a line that is too long the rest is read over, up to its
//! end, so that the lines behind it are whole. What has no end when the connection ends is no line: the server sends it again.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest line that is taken, bytes, its end not counted: a flight plan with a thousand waypoints has less than half of it.
pub const LINE_BYTES_MAX: usize = 256 * 1024;
/// Bytes of one read.
const READ_BYTES: usize = 64 * 1024;

/// One line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// All of it.
    Whole(Vec<u8>),
    /// Its first [`LINE_BYTES_MAX`] bytes, and how many there were.
    TooLong(Vec<u8>, u64),
}

/// The lines of a connection.
#[derive(Debug)]
pub(super) struct Lines<R> {
    from: R,
    /// Read and not taken.
    buffer: Vec<u8>,
    /// No line ends before this place of the buffer.
    searched: usize,
    /// What a line that is too long began with, and its bytes so far.
    long: Option<(Vec<u8>, u64)>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Nothing is read yet.
    pub(super) fn new(from: R) -> Self {
        Self { from, buffer: Vec::new(), searched: 0, long: None }
    }

    /// Reads once; false at the end. Nothing is lost when it is dropped before it is done.
    ///
    /// # Errors
    /// The connection broke.
    pub(super) async fn fill(&mut self) -> io::Result<bool> {
        self.buffer.reserve(READ_BYTES);
        let mut bounded = (&mut self.from).take(READ_BYTES as u64);
        Ok(bounded.read_buf(&mut self.buffer).await? > 0)
    }
}

impl<R> Lines<R> {
    /// The next line of what was read.
    pub(super) fn take(&mut self) -> Option<Line> {
        let end = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n').map(|at| self.searched + at);
        let Some(end) = end else {
            self.searched = self.buffer.len();
            self.shorten();
            return None;
        };
        let rest = self.buffer.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.buffer, rest);
        line.truncate(end);
        self.searched = 0;
        Some(self.ended(line))
    }

    fn ended(&mut self, line: Vec<u8>) -> Line {
        let bytes = line.len() as u64;
        match self.long.take() {
            Some((head, before)) => Line::TooLong(head, before + bytes),
            None if line.len() > LINE_BYTES_MAX => {
                let head = line.get(..LINE_BYTES_MAX).unwrap_or_default().to_vec();
                Line::TooLong(head, bytes)
            }
            None => Line::Whole(line),
        }
    }

    /// Lets go of what has come of a line that is too long, but for its beginning.
    fn shorten(&mut self) {
        let bytes = self.buffer.len() as u64;
        match &mut self.long {
            Some((_, before)) => *before += bytes,
            None if self.buffer.len() > LINE_BYTES_MAX => {
                self.buffer.truncate(LINE_BYTES_MAX);
                self.long = Some((std::mem::take(&mut self.buffer), bytes));
            }
            None => return,
        }
        self.buffer.clear();
        self.searched = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lines of `sent`, read in pieces of `step` bytes.
    fn lines(sent: &[u8], step: usize) -> Vec<Line> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut lines, mut found) = (Lines::new(Pieces { left: sent, step }), Vec::new());
            while lines.fill().await.unwrap() {
                found.extend(std::iter::from_fn(|| lines.take()));
                assert!(lines.buffer.len() <= LINE_BYTES_MAX, "{} bytes kept", lines.buffer.len());
            }
            found
        })
    }

    struct Pieces<'a> {
        left: &'a [u8],
        step: usize,
    }

    impl AsyncRead for Pieces<'_> {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            let now = self.step.min(self.left.len()).min(buffer.remaining());
            let (piece, left) = self.left.split_at(now);
            buffer.put_slice(piece);
            self.left = left;
            std::task::Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_told_and_the_next_is_whole() {
        let exact = vec![b'e'; LINE_BYTES_MAX];
        let sent = [&exact[..], b"\n", &vec![b'x'; LINE_BYTES_MAX + 1], b"\n", &vec![b'y'; 3 * LINE_BYTES_MAX], b"\nnext\nhalf"]
            .concat();
        let head = |byte| vec![byte; LINE_BYTES_MAX];
        let expected = [
            Line::Whole(exact.clone()),
            Line::TooLong(head(b'x'), LINE_BYTES_MAX as u64 + 1),
            Line::TooLong(head(b'y'), 3 * LINE_BYTES_MAX as u64),
            Line::Whole(b"next".to_vec()),
        ];
        for step in [1_000, 65_535, 1 << 20] {
            assert!(lines(&sent, step) == expected, "in pieces of {step}");
        }
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_they_arrive(sent in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..300), step in 1_usize..40) {
            let mut whole: Vec<Line> = sent.split(|byte| *byte == b'\n').map(|line| Line::Whole(line.to_vec())).collect();
            whole.pop(); // what has no end
            prop_assert_eq!(lines(&sent, step), whole);
        }
    }
}
