use tare_record::WarningKind;

use super::*;

fn profiled(nodes_ns: &[u64], runs: u32) -> Case {
    let mut case = Case {
        nodes_ns: nodes_ns.to_vec(),
        ..Case::default()
    };
    case.rules.profiled_runs = runs;
    case
}

#[test]
fn nodes_are_timed_after_the_samples() {
    let cell = check(profiled(&[300, 700], 4));
    assert_eq!(cell.status, Status::Measured);
    let profile = cell.profile.unwrap();
    let nodes: Vec<(&str, &[u64])> = profile
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), node.rounds_ns.as_slice()))
        .collect();
    assert_eq!(nodes, [("node 0", &[300][..]), ("node 1", &[700])]);
    // What the engine takes beside its nodes.
    assert_eq!(profile.rounds[0].runs_ns, [1_000 + BESIDE_NS; 4]);
    assert!(
        cell.samples_ns.iter().all(|&ns| ns == 1_000_000),
        "profiled runs are no samples"
    );
}

#[test]
fn what_cannot_be_profiled_is_said_and_the_samples_are_kept() {
    let cell = check(profiled(&[], 4));
    assert!(cell.profile.is_none() && cell.status == Status::Measured);
    let warning = cell
        .warnings
        .iter()
        .find(|warning| warning.kind == WarningKind::NoProfile);
    assert!(warning.unwrap().message.contains("cannot time its nodes"));
    let cell = check(profiled(&[300], 0));
    assert!(
        cell.profile.is_none()
            && cell
                .warnings
                .iter()
                .all(|warning| warning.kind != WarningKind::NoProfile)
    );
}

#[test]
fn later_rounds_join_if_their_nodes_are_the_same() {
    let of = |nodes_ns: &[u64]| check(profiled(nodes_ns, 2)).profile;
    let joined = profiling::join(of(&[300, 700]), of(&[100, 500])).unwrap();
    assert_eq!(joined.rounds.len(), 2);
    assert_eq!(joined.nodes[1].rounds_ns, [700, 500]);
    // Another process may run them in another order.
    let mut turned = of(&[100, 500]).unwrap();
    turned.nodes.reverse();
    assert_eq!(profiling::join(of(&[300, 700]), Some(turned)), Some(joined));
    let kept = profiling::join(of(&[300, 700]), of(&[100])).unwrap();
    assert_eq!((kept.rounds.len(), kept.nodes.len()), (1, 2));
    assert_eq!(profiling::join(None, of(&[1])).unwrap().nodes.len(), 1);
}
