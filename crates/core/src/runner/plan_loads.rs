//! The loads of a `[[cell]]`: how requests arrive, and how many are answered at the same time.

use tare_record::{Arrivals, Load};

use super::plan_file::CellFile;

/// More waiting requests would be dropped.
const MAX_CLIENTS: usize = 1_000;

/// Each has the model in memory.
const MAX_AT_ONCE: usize = 64;

/// What `batching` lists for runs that answer one request each.
const NO_BATCHING: &str = "off";

impl CellFile {
    /// Numbers of sessions; `None` if the cell does not say.
    fn session_counts(&self) -> Result<Vec<Option<usize>>, String> {
        let counts = numbers_at_once("sessions", self.sessions.as_ref())?;
        if self.sessions.is_some() && self.transports()?.contains(&None) {
            return Err("sessions are those of a server or of workers: list grpc, http or post-message as `transport`, and not none".into());
        }
        Ok(counts)
    }

    /// Numbers of submissions; `None` if the cell does not say.
    fn submission_counts(&self) -> Result<Vec<Option<usize>>, String> {
        let counts = numbers_at_once("submissions", self.submissions.as_ref())?;
        let merges = self.batching.iter().flatten().any(|text| text != NO_BATCHING);
        if self.submissions.is_some() && (self.transports()? != [None] || merges) {
            return Err(
                "submissions are runs of a session under way at the same time: remove `transport` and `batching`"
                    .into(),
            );
        }
        Ok(counts)
    }

    /// Every combination of arrivals, batching, sessions and submissions; `None` without any arrivals.
    pub(super) fn loads(&self) -> Result<Vec<Option<Load>>, String> {
        let clients = self.clients.iter().flatten().map(|&clients| match clients {
            1..=MAX_CLIENTS => Ok(Arrivals::Clients(clients)),
            clients => Err(format!(
                "clients must list numbers of 1 to {MAX_CLIENTS}, found {clients}"
            )),
        });
        let open = self.arrivals.iter().flatten().map(|text| text.parse::<Arrivals>());
        let arrivals: Vec<Arrivals> = clients.chain(open).collect::<Result<_, _>>()?;
        let is_empty = |list: Option<usize>| list == Some(0);
        if is_empty(self.clients.as_ref().map(Vec::len)) || is_empty(self.arrivals.as_ref().map(Vec::len)) {
            return Err("clients and arrivals must list at least one value, or be absent".into());
        }
        let batching = match &self.batching {
            None => vec![None],
            Some(list) if list.is_empty() => return Err("batching must list at least one value, or be absent".into()),
            Some(list) => list
                .iter()
                .map(|text| match text.as_str() {
                    NO_BATCHING => Ok(None),
                    text => text.parse().map(Some),
                })
                .collect::<Result<_, String>>()?,
        };
        if arrivals.is_empty() {
            return match (&self.batching, &self.sessions, &self.submissions) {
                (None, None, None) => Ok(vec![None]),
                _ => Err(
                    "batching, sessions and submissions need requests that arrive: add `clients` or `arrivals`".into(),
                ),
            };
        }
        let (sessions, submissions) = (self.session_counts()?, self.submission_counts()?);
        let mut loads = Vec::new();
        for arrivals in arrivals {
            for &batching in &batching {
                for &sessions in &sessions {
                    loads.extend(submissions.iter().map(|&submissions| {
                        Some(Load {
                            arrivals,
                            batching,
                            sessions,
                            submissions,
                        })
                    }));
                }
            }
        }
        Ok(loads)
    }
}

/// How many run at the same time; `None` if there is no list.
fn numbers_at_once(name: &str, list: Option<&Vec<usize>>) -> Result<Vec<Option<usize>>, String> {
    match list {
        None => Ok(vec![None]),
        Some(counts) if counts.is_empty() || counts.iter().any(|count| !(1..=MAX_AT_ONCE).contains(count)) => Err(
            format!("{name} must list numbers of 1 to {MAX_AT_ONCE}, found {counts:?}"),
        ),
        Some(counts) => Ok(counts.iter().copied().map(Some).collect()),
    }
}
