//! What it costs that requests are sent to a server or to workers.

use tare_core::stats::Estimate;
use tare_record::{Question, Transport};

use crate::finding::{Answer, Figure, Finding, Quantity};
use crate::format;
use crate::labels;
use crate::load_parts::part_ns;
use crate::measured::{Measured, asking, groups, is_different, listed};

pub(crate) fn findings(cells: &[Measured<'_>]) -> Vec<Finding> {
    let usable = asking(cells, Question::Transport);
    let groups = groups(usable, |cell| {
        (
            cell.place,
            cell.model().to_owned(),
            cell.engine(),
            cell.threads(),
            cell.cell.load.batch,
            cell.cell.load.requests,
            cell.cell.options.clone(),
        )
    });
    groups.iter().flat_map(|group| of_workload(group)).collect()
}

fn of_workload(group: &[&Measured<'_>]) -> Vec<Finding> {
    let Some(own) = group.iter().find(|cell| cell.transport().is_none()) else {
        return vec![];
    };
    let sent = group.iter().filter_map(|cell| Some((*cell, cell.transport()?)));
    sent.filter_map(|(cell, transport)| finding(own, cell, transport))
        .collect()
}

/// What sending costs, compared with the same load in the process itself.
fn finding(own: &Measured<'_>, sent: &Measured<'_>, transport: Transport) -> Option<Finding> {
    let ratio = sent.ratio(own)?;
    let (before, after) = (own.median()?, sent.median()?);
    let mut figures = vec![
        Figure::new("request in the process itself", Quantity::Duration(before)),
        Figure::new(format!("request over {transport}"), Quantity::Duration(after)),
        Figure::new("over the process itself", Quantity::Ratio(ratio)),
    ];
    let in_transit = part_ns(sent.cell, |round| &round.transport_ns);
    figures.extend(in_transit.map(|ns| {
        let exactly = Estimate {
            value: ns,
            low: ns,
            high: ns,
        };
        Figure::new("median time in transit", Quantity::Duration(exactly))
    }));
    let load = match sent.cell.load.requests {
        None => String::new(),
        Some(requests) => format!(" under {requests}"),
    };
    let subject = format!(
        "{}, a request to {}{load} on {} over {transport}",
        sent.where_it_ran(),
        workload(sent),
        sent.engine_in_words(),
    );
    let transit = in_transit.map_or_else(String::new, |ns| {
        format!(", of which it is in transit for {}", format::duration(ns))
    });
    let text = if is_different(&ratio) {
        format!(
            "{subject} takes {} as long as in the process itself: {} instead of {}{transit}.",
            Quantity::Ratio(ratio),
            format::duration(after.value),
            format::duration(before.value)
        )
    } else {
        format!(
            "{subject} takes as long as in the process itself, as far as can be seen ({}): {}{transit}.",
            format::ratios(&ratio),
            format::duration(after.value)
        )
    };
    let text = text + &on_paper(sent, transport, &before, &ratio, &mut figures);
    let assumption = if transport.needs_server() {
        "Client and server share one machine. A network would add its round trip, and the time to send inputs and outputs."
    } else {
        "The workers share the processors of one machine."
    };
    Some(Finding {
        question: Question::Transport,
        answer: Answer::Told(text),
        figures,
        assumptions: vec![assumption.into()],
    })
}

/// Model with its batch and options, without the load.
fn workload(cell: &Measured<'_>) -> String {
    let mut plain = cell.cell.clone();
    plain.load.requests = None;
    plain.load.transport = None;
    labels::workload(&plain)
}

/// What a network's round trip would make of it, and with which one it would take as long as in the process itself.
fn on_paper(
    sent: &Measured<'_>,
    transport: Transport,
    before: &Estimate,
    ratio: &Estimate,
    figures: &mut Vec<Figure>,
) -> String {
    let round_trips = sent.record.plan.round_trips_ms.iter();
    let round_trips: Vec<f64> = round_trips.map(|&ms| ms as f64 * 1e6).collect();
    if !transport.needs_server() || round_trips.is_empty() {
        return String::new();
    }
    let mut longer = Vec::new();
    for ns in round_trips {
        let more = ns / before.value;
        let ratio = Estimate {
            value: ratio.value + more,
            low: ratio.low + more,
            high: ratio.high + more,
        };
        longer.push(format!(
            "{} as long with a round trip of {}",
            format::ratio(ratio.value),
            format::duration(ns)
        ));
        figures.push(Figure::new(
            format!("over the process itself, with a round trip of {}", format::duration(ns)),
            Quantity::Ratio(ratio),
        ));
    }
    let mut text = format!(" Over a network it would take {}, on paper.", listed(&longer));
    if ratio.high < 1.0 {
        let even = Estimate {
            value: before.value * (1.0 - ratio.value),
            low: before.value * (1.0 - ratio.high),
            high: before.value * (1.0 - ratio.low),
        };
        figures.push(Figure::new(
            "round trip with which both take as long",
            Quantity::Duration(even),
        ));
        text += &format!(
            " With one of {}, both would take equally long.",
            format::duration(even.value)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use tare_record::{Arrivals, Load, Question, Transport};

    use crate::simulated::{Simulated, answers};

    fn cell(transport: Option<Transport>, run_ms: f64, load: Option<Load>) -> Simulated {
        Simulated {
            transport,
            run_ms,
            load,
            transport_share: 0.1,
            ..Simulated::default()
        }
    }

    #[test]
    fn sending_is_compared_with_the_process_itself() {
        let own = cell(None, 10.0, None);
        let found = answers(
            Question::Transport,
            &[own.clone(), cell(Some(Transport::Grpc), 11.0, None)],
        );
        assert!(found[0].contains("over grpc takes 1.10x"), "{found:?}");
        assert!(found[0].contains("11.0 ms instead of 10.0 ms."), "{found:?}");
        let found = answers(
            Question::Transport,
            &[own.clone(), cell(Some(Transport::Http), 10.0, None)],
        );
        assert!(found[0].contains("takes as long as in the process itself"), "{found:?}");
        assert!(answers(Question::Transport, &[own]).is_empty());
        assert!(answers(Question::Transport, &[cell(Some(Transport::Grpc), 11.0, None)]).is_empty());
    }

    #[test]
    fn a_round_trip_is_added_on_paper() {
        let found = |transport| {
            let cells = [cell(None, 100.0, None), cell(Some(transport), 40.0, None)];
            answers(Question::Transport, &cells).remove(0)
        };
        let told = found(Transport::Http);
        for expected in [
            "it would take 0.600x as long with a round trip of 20.0 ms, on paper",
            "With one of 60.",
        ] {
            assert!(told.contains(expected), "{told} lacks {expected}");
        }
        assert!(!found(Transport::PostMessage).contains("on paper"));
    }

    #[test]
    fn time_in_transit_is_told_under_load() {
        let load = Some(Load::new(Arrivals::Clients(4)));
        let found = answers(
            Question::Transport,
            &[cell(None, 10.0, load), cell(Some(Transport::Grpc), 11.0, load)],
        );
        assert!(
            found[0].contains("under 4 clients on tract on 1 thread over grpc"),
            "{found:?}"
        );
        assert!(found[0].contains("in transit for 1.10 ms"), "{found:?}");
        let other = Some(Load::new(Arrivals::Clients(1)));
        let found = answers(
            Question::Transport,
            &[cell(None, 10.0, other), cell(Some(Transport::Grpc), 11.0, load)],
        );
        assert!(found.is_empty(), "another load is not compared: {found:?}");
    }
}
