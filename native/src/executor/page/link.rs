//! Talks to the page: one request at a time, with heartbeats, time limits and reconnection.

use std::time::Duration;

use tare_record::{PageMessage, RunnerMessage};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until, timeout};

use super::opening::Source;
use crate::browser::{ProcessMemory, Session};
use crate::interrupt::interrupted;
use crate::server::hub::Connection;

/// A page that was silent for so long hangs, or its browser does.
const SILENCE: Duration = Duration::from_secs(30);
/// Time between two questions whether the page is alive.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Time between two looks at the browser's processes.
const INTERVAL: Duration = Duration::from_millis(500);
/// Time for a page to connect again: in a browser of this run, and in one that a person opened,
/// whose device may have been asleep.
const AGAIN_DRIVEN: Duration = Duration::from_secs(3);
const AGAIN_INVITED: Duration = Duration::from_secs(60);
/// Time for a page to send what it measured, after it was told to stop.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Why a request was not carried out.
pub(super) enum Lost {
    Died(String),
    Left,
    Interrupted,
}

/// A page, and what connects it.
pub(super) struct Link {
    pub(super) source: Source,
    /// Where the connections of the page arrive.
    pub(super) arrivals: UnboundedReceiver<Connection>,
    pub(super) connection: Option<Connection>,
    /// Memory of the browser's processes, if they run on this machine.
    pub(super) memory: Option<ProcessMemory>,
    pub(super) was_hidden: bool,
}

impl Link {
    /// Sends a request, and waits until `take` makes a result of an answer.
    pub(super) async fn talk<T>(
        &mut self,
        message: RunnerMessage,
        limit: Duration,
        mut take: impl FnMut(PageMessage, Vec<u8>) -> Option<T>,
    ) -> Result<T, Lost> {
        let deadline = Instant::now() + limit;
        let mut heard = Instant::now();
        let mut asked = heard;
        let mut sampled = heard;
        let mut canceled: Option<Instant> = None;
        self.send(message.clone())?;
        loop {
            let connection = self.connection.as_mut().ok_or_else(|| died("it is not connected"))?;
            tokio::select! {
                received = connection.incoming.recv() => match received {
                    Some((answer, bytes)) => {
                        heard = Instant::now();
                        match answer {
                            PageMessage::Hidden => self.was_hidden = true,
                            PageMessage::Left if matches!(self.source, Source::Invited) => return Err(Lost::Left),
                            PageMessage::Left => return Err(died("its page was closed")),
                            answer => if let Some(result) = take(answer, bytes) {
                                return Ok(result);
                            },
                        }
                    }
                    None => {
                        self.connect_again().await?;
                        heard = Instant::now();
                        // It may have been lost with the connection. The page takes each request once.
                        self.send(message.clone())?;
                    }
                },
                () = sleep_until(Instant::now() + INTERVAL) => {}
                () = interrupted(), if canceled.is_none() => {
                    canceled = Some(Instant::now());
                    self.send(RunnerMessage::Cancel)?;
                }
            }
            if let Some(memory) = &mut self.memory
                && sampled.elapsed() >= INTERVAL
            {
                sampled = Instant::now();
                memory.sample();
            }
            if canceled.is_some_and(|since| since.elapsed() > LAST_WORDS) {
                return Err(Lost::Interrupted);
            }
            if heard.elapsed() > SILENCE {
                return Err(died(&format!("it was silent for {} s", SILENCE.as_secs())));
            }
            if Instant::now() > deadline {
                return Err(died(&format!("it did not end within {} s", limit.as_secs())));
            }
            if asked.elapsed() > HEARTBEAT {
                asked = Instant::now();
                self.send(RunnerMessage::AreYouAlive)?;
            }
        }
    }

    fn send(&self, message: RunnerMessage) -> Result<(), Lost> {
        let connection = self.connection.as_ref().ok_or_else(|| died("it is not connected"))?;
        // A connection that is being lost shows when its messages end.
        let _ = connection.outgoing.send(message);
        Ok(())
    }

    /// Tells the page that the run is over, and waits until it was sent: this program may end next.
    pub(super) async fn say_goodbye(&mut self, text: &str) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        let Connection {
            outgoing, mut incoming, ..
        } = connection;
        // A page that is gone needs no goodbye.
        let _ = outgoing.send(RunnerMessage::Finished { text: text.into() });
        drop(outgoing);
        let sent = async { while incoming.recv().await.is_some() {} };
        let _ = timeout(LAST_WORDS, sent).await;
    }

    /// Waits for the same page to connect again.
    async fn connect_again(&mut self) -> Result<(), Lost> {
        let lost = self.connection.take().map(|connection| connection.session);
        let (limit, ended) = match &mut self.source {
            Source::Driven(driven) => {
                let ended = driven.session.as_mut().is_some_and(Session::has_ended);
                (AGAIN_DRIVEN, ended)
            }
            Source::Invited => (AGAIN_INVITED, false),
        };
        let again = async {
            while let Some(connection) = self.arrivals.recv().await {
                if Some(&connection.session) == lost.as_ref() {
                    return Some(connection);
                }
            }
            None
        };
        if ended {
            return Err(died("its driver ended"));
        }
        tokio::select! {
            again = timeout(limit, again) => match again {
                Ok(Some(connection)) => {
                    self.connection = Some(connection);
                    Ok(())
                }
                _ => Err(died("the connection to it was lost")),
            },
            () = interrupted() => Err(Lost::Interrupted),
        }
    }
}

pub(super) fn died(why: &str) -> Lost {
    Lost::Died(why.to_owned())
}
