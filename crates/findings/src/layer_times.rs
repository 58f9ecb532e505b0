//! The time of a run by layer: by what the names of nodes begin with.

use tare_record::{Cell, ProfiledNode};

/// At most this many layers are told apart.
const MOST: usize = 24;

/// Separate the parts of a name: of exporters that name modules, and of those that name scopes.
const SEPARATORS: [char; 2] = ['.', '/'];

/// Nodes whose names begin in the same way.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerTime {
    /// The common beginning, without the separator behind it.
    pub layer: String,
    /// Number of nodes.
    pub nodes: usize,
    /// Mean time of a run, in nanoseconds.
    pub duration_ns: f64,
    /// Share of the time in all nodes.
    pub share: f64,
}

impl LayerTime {
    /// The layers in the order in which they first run, as many parts of the names as tell at most 24 apart. Empty if the
    /// cell was not profiled, or all nodes are in one layer or each in its own.
    pub fn of(cell: &Cell) -> Vec<Self> {
        let Some(profile) = &cell.profile else { return vec![] };
        let depths = 1..=profile.nodes.iter().map(|node| parts(&node.name)).max().unwrap_or(0);
        let grouped = depths.map(|depth| by_layer(&profile.nodes, depth));
        let layers = grouped.take_while(|layers| layers.len() <= MOST).last();
        let tells = |layers: &Vec<Self>| 1 < layers.len() && layers.len() < profile.nodes.len();
        layers.filter(tells).unwrap_or_default()
    }
}

fn parts(name: &str) -> usize {
    name.split(SEPARATORS).filter(|part| !part.is_empty()).count()
}

/// The first `depth` parts of a name, but not its last one, which names the node itself.
fn layer(name: &str, depth: usize) -> &str {
    let ends: Vec<usize> = name
        .match_indices(SEPARATORS)
        .map(|(at, _)| at)
        .filter(|&at| at > 0)
        .collect();
    match ends.get(depth - 1).or(ends.last()) {
        Some(&end) => &name[..end],
        None => name,
    }
}

fn by_layer(nodes: &[ProfiledNode], depth: usize) -> Vec<LayerTime> {
    let total: f64 = nodes.iter().map(ProfiledNode::mean_ns).sum();
    let mut layers: Vec<LayerTime> = Vec::new();
    for node in nodes {
        let name = layer(&node.name, depth);
        let place = layers
            .iter()
            .position(|known| known.layer == name)
            .unwrap_or(layers.len());
        if place == layers.len() {
            layers.push(LayerTime {
                layer: name.to_owned(),
                nodes: 0,
                duration_ns: 0.0,
                share: 0.0,
            });
        }
        let known = &mut layers[place];
        known.nodes += 1;
        known.duration_ns += node.mean_ns();
        known.share = known.duration_ns / total.max(f64::MIN_POSITIVE);
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(names: &[String]) -> Vec<ProfiledNode> {
        let node = |name: &String| ProfiledNode {
            name: name.clone(),
            operator: "MatMul".into(),
            multiply_accumulates: 0,
            bytes: 0,
            rounds_ns: vec![10, 30],
        };
        names.iter().map(node).collect()
    }

    #[test]
    fn nodes_are_grouped_by_the_beginning_of_their_names() {
        for (name, depth, expected) in [
            ("encoder.0.attention.query", 1, "encoder"),
            ("encoder.0.attention.query", 2, "encoder.0"),
            ("encoder.0.attention.query", 9, "encoder.0.attention"),
            ("/model/conv1/Conv", 1, "/model"),
            ("/model/conv1/Conv", 2, "/model/conv1"),
            ("logits", 3, "logits"),
            ("", 1, ""),
        ] {
            assert_eq!(layer(name, depth), expected, "{name} at {depth}");
        }
        let names: Vec<String> = (0..6)
            .flat_map(|i| [format!("encoder.{i}.a"), format!("encoder.{i}.b")])
            .collect();
        let layers = by_layer(&nodes(&names), 2);
        assert_eq!(layers.len(), 6);
        assert_eq!((layers[0].layer.as_str(), layers[0].nodes), ("encoder.0", 2));
        assert!((layers[0].duration_ns - 40.0).abs() < 1e-9 && (layers[0].share - 1.0 / 6.0).abs() < 1e-9);
    }
}
