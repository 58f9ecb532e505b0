//! The names that a file gave to its nodes, by the names that onnx-ir gives them.
//!
//! onnx-ir names a node by its operator and a number: `matmul3` is the third MatMul of the file. Convolutions and poolings
//! are numbered for each number of dimensions, and a MatMul or Gemm that takes in its bias becomes a `linear` with a number
//! of its own.

use std::collections::{HashMap, HashSet};

use super::header::Node;

/// Endings of onnx-ir's operators for a number of dimensions.
const DIMENSIONS: [&str; 3] = ["1d", "2d", "3d"];

/// What onnx-ir calls a product with a bias, and the operators that it makes it of.
const LINEAR: &str = "linear";
const PRODUCTS: [&str; 2] = ["matmul", "gemm"];

/// The file's name for each of onnx-ir's names. Those that cannot be told keep onnx-ir's.
pub(crate) fn file_names<'n>(file: &[Node], kept: impl Iterator<Item = &'n str>) -> HashMap<String, String> {
    let kept: Vec<(&str, &str, usize)> = kept
        .filter_map(|name| {
            let (operator, number) = split(name)?;
            Some((name, operator, number))
        })
        .collect();
    // The graphs inside of these share the numbers.
    if file
        .iter()
        .any(|node| ["If", "Loop", "Scan"].contains(&node.op_type.as_str()))
    {
        return HashMap::new();
    }
    let mut by_operator: HashMap<String, Vec<&Node>> = HashMap::new();
    for node in file
        .iter()
        .filter(|node| ["", "ai.onnx"].contains(&node.domain.as_str()))
    {
        by_operator.entry(node.op_type.to_lowercase()).or_default().push(node);
    }
    let products = merged_products(file, &kept);
    let linears = kept.iter().filter(|(_, operator, _)| *operator == LINEAR);
    // Otherwise something else became of a product, and numbers say nothing.
    let has_linears = linears.map(|(_, _, number)| *number).max().unwrap_or(0) == products.len();
    let mut names = HashMap::new();
    for &(name, operator, number) in &kept {
        let node = if operator == LINEAR {
            products.get(number - 1).copied().filter(|_| has_linears)
        } else {
            let is_plain = by_operator.contains_key(operator);
            let without = DIMENSIONS.iter().find_map(|ending| operator.strip_suffix(ending));
            let of_file = if is_plain { Some(operator) } else { without };
            // All of one number of dimensions, or the numbers say nothing.
            let is_alone = is_plain || !has_other_dimensions(operator, &kept);
            let nodes = of_file
                .filter(|_| is_alone)
                .and_then(|operator| by_operator.get(operator));
            nodes.and_then(|nodes| nodes.get(number - 1).copied())
        };
        if let Some(node) = node.filter(|node| !node.name.is_empty()) {
            names.insert(name.to_owned(), node.name.clone());
        }
    }
    names
}

/// The operator and the number of a name. Numbers start at 1.
fn split(name: &str) -> Option<(&str, usize)> {
    let operator = name.trim_end_matches(|c: char| c.is_ascii_digit());
    // `conv2d1` is the first convolution over two dimensions, and `log1p` no number.
    let number: usize = name[operator.len()..].parse().ok()?;
    (number > 0 && !operator.is_empty()).then_some((operator, number))
}

fn has_other_dimensions(operator: &str, kept: &[(&str, &str, usize)]) -> bool {
    let base = |operator: &str| {
        let ending = DIMENSIONS.iter().find(|ending| operator.ends_with(**ending))?;
        Some(operator[..operator.len() - ending.len()].to_owned())
    };
    kept.iter()
        .any(|(_, other, _)| *other != operator && base(other) == base(operator))
}

/// The products of the file that are no longer there, in its order: they have taken in their biases.
fn merged_products<'f>(file: &'f [Node], kept: &[(&str, &str, usize)]) -> Vec<&'f Node> {
    let there: HashSet<(&str, usize)> = kept.iter().map(|&(_, operator, number)| (operator, number)).collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    file.iter()
        .filter(|node| {
            let operator = PRODUCTS.iter().find(|known| node.op_type.eq_ignore_ascii_case(known));
            operator.is_some_and(|operator| {
                let number = counts.entry(operator).or_default();
                *number += 1;
                !there.contains(&(*operator, *number))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(operator: &str, name: &str) -> Node {
        Node {
            op_type: operator.into(),
            name: name.into(),
            ..Node::default()
        }
    }

    fn named(file: &[Node], kept: &[&str]) -> Vec<Option<String>> {
        let names = file_names(file, kept.iter().copied());
        kept.iter().map(|name| names.get(*name).cloned()).collect()
    }

    fn all(names: &[&str]) -> Vec<Option<String>> {
        names.iter().map(|name| Some((*name).to_owned())).collect()
    }

    #[test]
    fn nodes_are_found_by_operator_and_number() {
        let file = [
            node("Conv", "stem"),
            node("MatMul", "query"),
            node("MatMul", "scores"),
            node("Gemm", "head"),
            node("MatMul", "mixed"),
            node("Relu", ""),
        ];
        // The first product and the Gemm have taken in their biases.
        assert_eq!(
            named(&file, &["conv2d1", "linear1", "matmul2", "linear2", "matmul3"]),
            all(&["stem", "query", "scores", "head", "mixed"])
        );
        assert_eq!(named(&file, &["relu1"]), [None], "the file has no name for it");
    }

    #[test]
    fn what_cannot_be_told_keeps_its_name() {
        let file = [node("Conv", "flat"), node("Conv", "deep"), node("MatMul", "lost")];
        assert_eq!(
            named(&file, &["conv2d1", "conv3d1"]),
            [None, None],
            "of two numbers of dimensions"
        );
        assert_eq!(
            named(&file, &["linear2"]),
            [None],
            "one product is gone, and two are asked for"
        );
        assert_eq!(named(&file, &["conv2d9", "odd", "7"]), [None, None, None]);
    }
}
