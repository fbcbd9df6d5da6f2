//! MQTT 3.1.1 over a connection: login, subscriptions, messages, signs of life. The one place that names the crate `rumqttc`.
//!
//!     login ─► let in ─► subscriptions ─► granted ─► messages, each acknowledged; every 30 s a ping, which wants its answer
//!
//! The packets are the crate's, and so is what follows from each; here is only when one is read and written. The crate's own loop around them
//! is not used: it would make the connection itself, by a TLS that brings a second provider of cryptography. Keeps at most one packet of
//! [`PACKET_BYTES_MAX`] bytes and one read's bytes; a longer packet ends the connection.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rumqttc::{
    ConnAck, Connect, ConnectReturnCode, Event, MqttState, Packet, PingReq, QoS, Request, StateError, SubAck, Subscribe,
    SubscribeFilter, SubscribeReasonCode, mqttbytes,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::super::dial::broken;
use super::super::error::ProviderError;
use super::settings::Login;

/// Longest packet that is taken, bytes: of a message that is too long so much is read that it can be said.
const PACKET_BYTES_MAX: usize = 4 * super::MESSAGE_BYTES_MAX;
/// Bytes that a read has room for.
const READ_BYTES: usize = 16 * 1024;
/// Silence of ours after which the server gives us up, seconds; as the library's examples have it.
const KEEP_ALIVE_S: u16 = 60;
/// How often it is asked whether it lives: an answer that is missing by the next time is missed.
const PING_EVERY: Duration = Duration::from_secs(30);
/// For login and subscriptions to be answered.
const OPEN: Duration = Duration::from_secs(15);
/// For a packet to be written.
const WRITE: Duration = Duration::from_secs(10);
/// Packets that may come before the subscriptions are granted.
const EARLY_MAX: usize = 100;
/// Packets of ours that may wait for an answer: we publish nothing.
const UNANSWERED_MAX: u16 = 1;

/// A message as it came.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) body: Bytes,
}

/// A connection that is let in and has its subscriptions.
pub(super) struct Link<S> {
    connection: S,
    /// Read and not taken.
    buffer: BytesMut,
    state: MqttState,
    ping_at: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// Logs in over a connection, in a clean session, and subscribes to `topics` with at least one delivery of each message.
    ///
    /// # Errors
    /// Login or subscription is refused, or the connection breaks.
    pub(super) async fn open(connection: S, login: &Login, topics: Vec<String>) -> Result<Self, ProviderError> {
        let (state, ping_at) = (MqttState::new(UNANSWERED_MAX, false), Instant::now() + PING_EVERY);
        let mut link = Self { connection, buffer: BytesMut::new(), state, ping_at };
        let opened = async {
            link.log_in(login).await?;
            link.subscribe(topics).await
        };
        timeout(OPEN, opened).await.unwrap_or(Err(ProviderError::Timeout { after: OPEN }))?;
        Ok(link)
    }

    /// The next message; none when there is none until `until`. Nothing is lost when it is dropped while it waits.
    ///
    /// # Errors
    /// The connection broke, is silent, or what comes over it is no MQTT.
    pub(super) async fn next(&mut self, until: Instant) -> Result<Option<Message>, ProviderError> {
        loop {
            while let Some(event) = self.state.events.pop_front() {
                if let Event::Incoming(Packet::Publish(publish)) = event {
                    return Ok(Some(Message { topic: publish.topic, body: publish.payload }));
                }
            }
            if let Some(packet) = self.decoded()? {
                self.take_in(packet).await?;
                continue;
            }
            if Instant::now() >= self.ping_at {
                self.ping_at = Instant::now() + PING_EVERY;
                self.request(Request::PingReq(PingReq)).await?;
            }
            match timeout_at(until.min(self.ping_at), self.fill()).await {
                Ok(filled) => filled?,
                Err(_) if Instant::now() >= until => return Ok(None),
                Err(_) => {}
            }
        }
    }

    /// Says that we go, where that can still be said.
    pub(super) async fn leave(mut self) {
        if let Err(error) = self.send(&Packet::Disconnect).await {
            tracing::debug!(%error, "left without a word");
        }
    }

    async fn log_in(&mut self, login: &Login) -> Result<(), ProviderError> {
        let mut connect = Connect::new(login.client_id.reveal());
        (connect.keep_alive, connect.clean_session) = (KEEP_ALIVE_S, true);
        connect.set_login(login.username.reveal(), login.token.reveal());
        self.send(&Packet::Connect(connect)).await?;
        match self.packet().await? {
            Packet::ConnAck(ConnAck { code: ConnectReturnCode::Success, .. }) => Ok(()),
            Packet::ConnAck(ConnAck { code, .. }) => Err(refusal(code)),
            _ => Err(ProviderError::malformed("login", "answered by another packet")),
        }
    }

    async fn subscribe(&mut self, topics: Vec<String>) -> Result<(), ProviderError> {
        let filters = topics.into_iter().map(|topic| SubscribeFilter::new(topic, QoS::AtLeastOnce));
        self.request(Request::Subscribe(Subscribe::new_many(filters))).await?;
        for _ in 0..EARLY_MAX {
            let packet = self.packet().await?;
            let granted = if let Packet::SubAck(ack) = &packet { Some(granted(ack)) } else { None };
            self.take_in(packet).await?;
            if let Some(granted) = granted {
                return granted;
            }
        }
        Err(ProviderError::malformed("subscription", "not answered"))
    }

    /// Writes what follows from a wish of ours.
    async fn request(&mut self, request: Request) -> Result<(), ProviderError> {
        match self.state.handle_outgoing_packet(request).map_err(|error| fault(&error))? {
            Some(packet) => self.send(&packet).await,
            None => Ok(()),
        }
    }

    /// Writes what follows from a packet that came, and keeps what it says.
    async fn take_in(&mut self, packet: Packet) -> Result<(), ProviderError> {
        match self.state.handle_incoming_packet(packet).map_err(|error| fault(&error))? {
            Some(reply) => self.send(&reply).await,
            None => Ok(()),
        }
    }

    async fn packet(&mut self) -> Result<Packet, ProviderError> {
        loop {
            if let Some(packet) = self.decoded()? {
                return Ok(packet);
            }
            self.fill().await?;
        }
    }

    /// The next packet of what was read; none while it is not whole.
    fn decoded(&mut self) -> Result<Option<Packet>, ProviderError> {
        match Packet::read(&mut self.buffer, PACKET_BYTES_MAX) {
            Ok(packet) => Ok(Some(packet)),
            Err(mqttbytes::Error::InsufficientBytes(_)) => Ok(None),
            Err(mqttbytes::Error::PayloadSizeLimitExceeded(bytes)) => {
                Err(ProviderError::malformed("packet", format_args!("{bytes} bytes, more than {PACKET_BYTES_MAX}")))
            }
            Err(_) => Err(ProviderError::malformed("packet", "no MQTT 3.1.1")),
        }
    }

    /// Reads once.
    async fn fill(&mut self) -> Result<(), ProviderError> {
        self.buffer.reserve(READ_BYTES);
        match self.connection.read_buf(&mut self.buffer).await {
            Ok(0) => Err(ProviderError::Unavailable { reason: "ended by the server".to_owned() }),
            Ok(_) => Ok(()),
            Err(error) => Err(broken("connection broke", &error)),
        }
    }

    async fn send(&mut self, packet: &Packet) -> Result<(), ProviderError> {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, PACKET_BYTES_MAX).map_err(|_| ProviderError::malformed("packet", "cannot be written"))?;
        let written = async {
            self.connection.write_all(&bytes).await?;
            self.connection.flush().await
        };
        let in_time = timeout(WRITE, written).await.map_err(|_| ProviderError::Timeout { after: WRITE })?;
        in_time.map_err(|error| broken("connection broke", &error))
    }
}

/// Why we are not let in. Only a server that is not ready is asked again: nothing else mends itself.
fn refusal(code: ConnectReturnCode) -> ProviderError {
    let reason = match code {
        ConnectReturnCode::Success | ConnectReturnCode::ServiceUnavailable => {
            return ProviderError::Unavailable { reason: "the server is not ready".to_owned() };
        }
        ConnectReturnCode::RefusedProtocolVersion => "MQTT 3.1.1 is refused",
        ConnectReturnCode::BadClientId => "the client id is refused",
        ConnectReturnCode::BadUserNamePassword => "user name or token is refused",
        ConnectReturnCode::NotAuthorized => "not authorised",
    };
    ProviderError::Authentication { reason: reason.to_owned() }
}

fn granted(ack: &SubAck) -> Result<(), ProviderError> {
    match ack.return_codes.contains(&SubscribeReasonCode::Failure) {
        true => Err(ProviderError::Authentication { reason: "a subscription is refused".to_owned() }),
        false => Ok(()),
    }
}

fn fault(error: &StateError) -> ProviderError {
    match error {
        StateError::AwaitPingResp => ProviderError::Timeout { after: PING_EVERY },
        _ => ProviderError::malformed("packet", "not one that may come here"),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::super::super::secret::Secret;
    use super::*;

    /// Let in, one subscription granted.
    const GRANTED: &[u8] = &[0x20, 2, 0, 0, 0x90, 3, 0, 1, 1];

    fn login() -> Login {
        Login::new(Secret::new("the-id"), Secret::new("the-user"), Secret::new("hush-hush")).unwrap()
    }

    /// What comes of a server that says this after the login.
    async fn opened(said: &[u8]) -> Result<(Link<DuplexStream>, DuplexStream), ProviderError> {
        let (ours, mut theirs) = duplex(1 << 20);
        theirs.write_all(said).await.unwrap();
        Ok((Link::open(ours, &login(), vec!["prd/FlightUpdate/LH/#".to_owned()]).await?, theirs))
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_can_mend_from_here_is_told_from_what_passes() {
        let error = async |said: &[u8]| opened(said).await.err().map(|error| error.to_string()).unwrap_or_default();
        let cases: [(&[u8], &str); 12] = [
            (&[0x20, 2, 0, 1], "not let in: MQTT 3.1.1 is refused"),
            (&[0x20, 2, 0, 2], "not let in: the client id is refused"),
            (&[0x20, 2, 0, 3], "unavailable: the server is not ready"),
            (&[0x20, 2, 0, 4], "not let in: user name or token is refused"),
            (&[0x20, 2, 0, 5], "not let in: not authorised"),
            (&[0x20, 2, 0, 0, 0x90, 3, 0, 1, 0x80], "not let in: a subscription is refused"),
            (&[0xd0, 0], "answer cannot be read: login: answered by another packet"),
            (&[0x20, 2, 0, 9], "answer cannot be read: packet: no MQTT 3.1.1"),
            (&[0x00, 0], "answer cannot be read: packet: no MQTT 3.1.1"),
            (&[0x20, 2, 0, 0, 0x20, 2, 0, 0], "answer cannot be read: packet: not one that may come here"),
            (&[0x20, 2, 0, 0, 0x30, 0xff, 0xff, 0xff, 0x7f], "answer cannot be read: packet: 268435455 bytes, more than 262144"),
            (&[], "no answer within 15000 ms"),
        ];
        for (said, expected) in cases {
            assert_eq!(error(said).await, expected, "{said:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn messages_come_whole_and_are_acknowledged() {
        // Before the subscription is granted, behind it, and in two pieces.
        let early =
            [&[0x20, 2, 0, 0][..], &[0x30, 4, 0, 1, b'a', b'1'], &GRANTED[4..], &[0x32, 6, 0, 1, b'b', 0, 7, b'2', 0x32, 6, 0]];
        let (mut link, mut theirs) = opened(&early.concat()).await.unwrap();
        let soon = || Instant::now() + Duration::from_secs(1);
        let mut heard = Vec::new();
        while let Some(message) = link.next(soon()).await.unwrap() {
            heard.push((message.topic, message.body));
        }
        theirs.write_all(&[1, b'c', 0, 8, b'3']).await.unwrap();
        heard.extend(link.next(soon()).await.unwrap().map(|message| (message.topic, message.body)));
        let expected = [("a", "1"), ("b", "2"), ("c", "3")].map(|(topic, body)| (topic.to_owned(), Bytes::from(body)));
        assert_eq!(heard, expected);
        drop(link);
        let mut written = Vec::new();
        theirs.read_to_end(&mut written).await.unwrap();
        assert!(written.ends_with(&[0x40, 2, 0, 7, 0x40, 2, 0, 8]), "{written:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_answers_no_ping_is_given_up() {
        let (mut link, _theirs) = opened(GRANTED).await.unwrap();
        let begun = Instant::now();
        let error = link.next(begun + Duration::from_secs(600)).await.unwrap_err();
        assert_eq!((error, begun.elapsed().as_secs()), (ProviderError::Timeout { after: PING_EVERY }, 60));
    }
}
