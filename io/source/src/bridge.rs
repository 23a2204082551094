//! From the network's asynchronous world to the blocking one in which archives are read.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

use crate::problems::SourceFailed;

/// Pieces in flight: enough to keep network and decompressor both busy, little memory.
const IN_FLIGHT: usize = 16;

/// The asynchronous end. Dropped without [`finish`](Self::finish), the reader fails.
pub(crate) struct Writer(mpsc::Sender<io::Result<Bytes>>);

/// The blocking end. Must not be read on a thread that drives a runtime.
pub(crate) struct Reader {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    ended: bool,
    /// Said again to everybody who reads on.
    failed: Option<(io::ErrorKind, String)>,
}

/// Nobody reads any more.
#[derive(Debug)]
pub(crate) struct Closed;

pub(crate) fn channel() -> (Writer, Reader) {
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    (Writer(sender), Reader { receiver, current: Bytes::new(), ended: false, failed: None })
}

impl Writer {
    pub(crate) async fn write(&self, bytes: Bytes) -> Result<(), Closed> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.0.send(Ok(bytes)).await.map_err(|_| Closed)
    }

    /// The end of the stream, or why it did not come.
    pub(crate) async fn finish(self, result: io::Result<()>) {
        // An empty piece is the end; if nobody reads any more, nobody needs to know.
        let _ = self.0.send(result.map(|()| Bytes::new())).await;
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.ended {
            if let Some((kind, text)) = &self.failed {
                return Err(io::Error::new(*kind, SourceFailed(text.clone())));
            }
            match self.receiver.blocking_recv() {
                Some(Ok(bytes)) if bytes.is_empty() => self.ended = true,
                Some(Ok(bytes)) => self.current = bytes,
                Some(Err(error)) => {
                    self.failed = Some((error.kind(), error.to_string()));
                    return Err(error);
                }
                None => self.failed = Some((io::ErrorKind::Other, "the transfer broke off".to_owned())),
            }
        }
        let part = self.current.len().min(out.len());
        self.current.copy_to_slice(&mut out[..part]);
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn carries_pieces_and_their_end() {
        let (writer, mut reader) = channel();
        let reading = tokio::task::spawn_blocking(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).map(|_| all)
        });
        for piece in [&b"one "[..], b"", b"two"] {
            writer.write(Bytes::from_static(piece)).await.unwrap();
        }
        writer.finish(Ok(())).await;
        assert_eq!(reading.await.unwrap().unwrap(), b"one two");
    }

    #[tokio::test]
    async fn a_transfer_without_end_fails() {
        for fail in [None, Some(io::Error::other("reset"))] {
            let expected = if fail.is_some() { "reset" } else { "broke off" };
            let (writer, mut reader) = channel();
            writer.write(Bytes::from_static(b"half")).await.unwrap();
            match fail {
                Some(error) => writer.finish(Err(error)).await,
                None => drop(writer),
            }
            let result =
                tokio::task::spawn_blocking(move || reader.read_to_end(&mut Vec::new())).await.unwrap();
            assert!(result.unwrap_err().to_string().contains(expected));
        }
    }

    #[tokio::test]
    async fn a_writer_notices_that_nobody_reads() {
        let (writer, reader) = channel();
        drop(reader);
        assert!(writer.write(Bytes::from_static(b"x")).await.is_err());
    }
}
