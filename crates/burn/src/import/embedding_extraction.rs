//! Removes large embedding tables from a file before onnx-ir parses it.
//!
//! onnx-ir copies every constant repeatedly, and holds up to two copies at a time (UPSTREAM.md:
//! "constants are copied repeatedly"); an embedding table can be half of a model. Each removed
//! table becomes one more input of the graph.

use std::collections::HashSet;
use std::ops::Range;

use prost::Message;
use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::header::{self, Input};
use crate::lower::host_tensor::{HostData, HostTensor, element_count};

/// Smaller tables stay: the saving is small. Tables of positions are smaller; their rows are picked
/// when the model is loaded, so they must be known then.
pub(super) const MIN_BYTES: usize = 1 << 24;

/// Field numbers of onnx.proto: ModelProto.graph, GraphProto.initializer, GraphProto.input and
/// TensorProto.raw_data.
const GRAPH: u32 = 7;
const INITIALIZER: u32 = 5;
const INPUT: u32 = 11;
const RAW_DATA: u32 = 9;

/// `f32` as a TensorProto.DataType.
const FLOAT: i32 = 1;

/// Removes the `f32` tables of at least `min_bytes` that only Gather reads. Returns them in the
/// order of the inputs that are appended to the graph for them. Leaves a file that it cannot decode
/// as it is.
pub(super) fn extract(file: &mut Vec<u8>, min_bytes: usize) -> Vec<HostTensor> {
    // Most models are smaller, and need not be searched.
    if file.len() < min_bytes {
        return vec![];
    }
    find(file, min_bytes)
        .filter(|extraction| !extraction.tables.is_empty())
        .and_then(|extraction| extraction.apply(file))
        .unwrap_or_default()
}

/// What is removed from a file, by places in the file.
struct Extraction {
    /// Where the length of the graph is written.
    graph_length: Range<usize>,
    graph: Range<usize>,
    /// The tables with the places of their fields, in order.
    tables: Vec<(Range<usize>, Table)>,
}

/// A TensorProto whose elements are still in the file.
struct Table {
    name: String,
    dims: Vec<i64>,
    shape: Vec<usize>,
    raw: Range<usize>,
}

/// Finds the tables.
fn find(file: &[u8], min_bytes: usize) -> Option<Extraction> {
    let header = header::read(file)?.graph?;
    let candidates = read_only_by_gather(&header);
    let graphs: Vec<Field> = fields(file, 0..file.len())?
        .into_iter()
        .filter(|field| field.number == GRAPH)
        .collect();
    let [graph] = graphs.as_slice() else { return None };
    let mut tables = Vec::new();
    for field in fields(file, graph.payload.clone())? {
        if field.number == INITIALIZER && field.payload.len() >= min_bytes {
            let table = Table::read(file, &field.payload);
            tables.extend(
                table
                    .filter(|table| candidates.contains(table.name.as_str()))
                    .map(|table| (field.whole, table)),
            );
        }
    }
    Some(Extraction {
        graph_length: graph.length.clone(),
        graph: graph.payload.clone(),
        tables,
    })
}

/// Names of values that Gather picks from, that nothing else reads, and that are neither inputs nor
/// outputs. None if graphs inside nodes may read them, or if two weights share a name.
fn read_only_by_gather(graph: &header::Graph) -> HashSet<&str> {
    let inner = graph.node.iter().flat_map(|node| &node.attribute);
    if inner.clone().any(header::Attribute::has_graphs) {
        return HashSet::new();
    }
    let mut weights = HashSet::new();
    if !graph.initializer.iter().all(|weight| weights.insert(&weight.name)) {
        return HashSet::new();
    }
    let gathers = |node: &&header::Node| node.op_type == "Gather" && node.domain.is_empty();
    let tables = graph.node.iter().filter(gathers).filter_map(|node| node.input.first());
    let mut candidates: HashSet<&str> = tables.map(String::as_str).collect();
    for value in graph.input.iter().chain(&graph.output) {
        candidates.remove(value.name.as_str());
    }
    for node in &graph.node {
        for name in node.input.iter().skip(usize::from(gathers(&node))) {
            candidates.remove(name.as_str());
        }
    }
    candidates
}

impl Extraction {
    /// Rewrites the file. `None` if its length does not fit in place.
    fn apply(self, file: &mut Vec<u8>) -> Option<Vec<HostTensor>> {
        let mut inputs = Vec::new();
        for (_, table) in &self.tables {
            let input = Input::new(table.name.clone(), FLOAT, &table.dims);
            prost::encoding::message::encode(INPUT, &input, &mut inputs);
        }
        let removed: usize = self.tables.iter().map(|(whole, _)| whole.len()).sum();
        let length = u64::try_from((self.graph.len() + inputs.len()).checked_sub(removed)?).ok()?;
        let length = padded_varint(length, self.graph_length.len())?;

        let tensors = self.tables.iter().map(|(_, table)| table.tensor(file)).collect();
        for (whole, _) in self.tables.iter().rev() {
            file.drain(whole.clone());
        }
        // The removal has made room: the memory does not grow.
        let end = self.graph.end - removed;
        file.splice(end..end, inputs);
        file[self.graph_length].copy_from_slice(&length);
        Some(tensors)
    }
}

impl Table {
    /// `None` for a tensor that is not stored as raw `f32` in this file.
    fn read(file: &[u8], payload: &Range<usize>) -> Option<Self> {
        let fields = fields(file, payload.clone())?;
        let raw = fields.iter().find(|field| field.number == RAW_DATA)?.payload.clone();
        // Without its elements the message is small.
        let rest: Vec<u8> = fields
            .iter()
            .filter(|field| field.number != RAW_DATA)
            .flat_map(|field| &file[field.whole.clone()])
            .copied()
            .collect();
        let tensor = header::Weight::decode(rest.as_slice()).ok()?;
        let shape = tensor.dims.iter().map(|&dim| usize::try_from(dim).ok());
        let shape = shape.collect::<Option<Vec<usize>>>()?;
        let bytes = element_count(&shape)?.checked_mul(4)?;
        let is_plain = tensor.data_type == FLOAT && tensor.data_location == 0 && !shape.is_empty();
        (is_plain && bytes == raw.len()).then_some(Self {
            name: tensor.name,
            dims: tensor.dims,
            shape,
            raw,
        })
    }

    /// Copies the elements out of the file.
    fn tensor(&self, file: &[u8]) -> HostTensor {
        let elements = file[self.raw.clone()].as_chunks::<4>().0;
        HostTensor {
            shape: self.shape.clone(),
            data: HostData::F32(elements.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        }
    }
}

/// A field of a Protocol Buffers message, by its places in the file.
struct Field {
    number: u32,
    whole: Range<usize>,
    /// For fields with a length: where it is written, and what follows it.
    length: Range<usize>,
    payload: Range<usize>,
}

/// The fields of the message at a place in the file.
fn fields(file: &[u8], message: Range<usize>) -> Option<Vec<Field>> {
    let end = message.end;
    let mut rest = file.get(message)?;
    let mut fields = Vec::new();
    while rest.has_remaining() {
        let start = end - rest.len();
        let (number, wire) = decode_key(&mut rest).ok()?;
        let length_start = end - rest.len();
        let (length, payload) = if wire == WireType::LengthDelimited {
            let count = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
            let start = end - rest.len();
            rest = rest.get(count..)?;
            (length_start..start, start..start + count)
        } else {
            skip_field(wire, number, &mut rest, DecodeContext::default()).ok()?;
            (0..0, 0..0)
        };
        fields.push(Field {
            number,
            whole: start..end - rest.len(),
            length,
            payload,
        });
    }
    Some(fields)
}

/// Encodes a number in exactly `bytes` bytes. Protocol Buffers allow zeros at the end of a number.
fn padded_varint(value: u64, bytes: usize) -> Option<Vec<u8>> {
    let mut written = Vec::with_capacity(bytes);
    prost::encoding::encode_varint(value, &mut written);
    let missing = bytes.checked_sub(written.len())?;
    if missing > 0 {
        *written.last_mut()? |= 0x80;
        written.resize(bytes - 1, 0x80);
        written.push(0);
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use tare_models::{Attribute, Graph, Value, WeightInit};
    use tare_record::DType;

    use super::*;

    /// A graph that picks rows of a table by the input `ids`; `more` adds to it.
    fn model(more: impl FnOnce(&mut Graph, &Value)) -> Vec<u8> {
        let mut graph = Graph::new("case", 7);
        let ids = graph.input_of("ids", DType::I64, &[2]);
        let table = graph.weight("table", &[40, 3], WeightInit::LeCun { fan_in: 3 });
        let picked = graph.node("picked", "Gather", &[&table, &ids], &[]);
        let weight = graph.weight("weight", &[3], WeightInit::LeCun { fan_in: 3 });
        let sum = graph.node("sum", "Add", &[&picked, &weight], &[]);
        graph.output(&sum, &[2, 3]);
        more(&mut graph, &table);
        graph.into_bytes()
    }

    fn weight_names(file: &[u8]) -> Vec<String> {
        let graph = header::read(file).unwrap().graph.unwrap();
        graph.initializer.into_iter().map(|weight| weight.name).collect()
    }

    #[test]
    fn a_table_becomes_an_input() {
        let whole = model(|_, _| {});
        let (mut file, capacity) = (whole.clone(), whole.capacity());
        let tables = extract(&mut file, 480);
        let [
            HostTensor {
                shape,
                data: HostData::F32(values),
            },
        ] = tables.as_slice()
        else {
            panic!("{tables:?}")
        };
        assert_eq!(shape, &[40, 3]);
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert!(whole.windows(bytes.len()).any(|window| window == bytes));
        assert!(!file.windows(bytes.len()).any(|window| window == bytes) && file.capacity() <= capacity);

        assert_eq!(weight_names(&file), ["weight"]);
        let parsed = onnx_ir::OnnxGraphBuilder::new().parse_bytes(&file).unwrap();
        let shapes: Vec<_> = parsed
            .inputs
            .iter()
            .map(|input| input.ty.static_shape().cloned())
            .collect();
        assert_eq!(shapes, [Some(vec![Some(2)]), Some(vec![Some(40), Some(3)])]);
    }

    #[test]
    fn tables_that_others_read_stay() {
        let double = |graph: &mut Graph, table: &Value| {
            let double = graph.node("double", "Add", &[table, table], &[]);
            graph.output(&double, &[40, 3]);
        };
        let output = |graph: &mut Graph, table: &Value| graph.output(table, &[40, 3]);
        let positions = |graph: &mut Graph, table: &Value| {
            let rows = graph.node("rows", "Gather", &[table, table], &[]);
            graph.output(&rows, &[40, 3]);
        };
        let branch = |graph: &mut Graph, _: &Value| {
            let mut inner = Graph::new("inner", 1);
            let x = inner.input("x", &[1]);
            inner.output(&x, &[1]);
            let inner = Attribute::Graph("body", inner);
            let same = graph.node("same", "Scan", &[], &[inner]);
            graph.output(&same, &[1]);
        };
        let default = |graph: &mut Graph, _: &Value| {
            graph.input("table", &[40, 3]);
        };
        let twice = |graph: &mut Graph, _: &Value| {
            graph.weight("table", &[40, 3], WeightInit::LeCun { fan_in: 3 });
        };
        for original in [
            model(double),
            model(output),
            model(positions),
            model(branch),
            model(default),
            model(twice),
        ] {
            let mut file = original.clone();
            assert_eq!(extract(&mut file, 480), []);
            assert!(file == original);
        }
        // A table that nothing reads stays.
        let mut unread = Graph::new("case", 7);
        let x = unread.input("x", &[2]);
        unread.weight("table", &[40, 3], WeightInit::LeCun { fan_in: 3 });
        unread.output(&x, &[2]);
        assert_eq!(extract(&mut unread.into_bytes(), 480), []);
        // Too small: first the table, then the whole file.
        assert_eq!(extract(&mut model(|_, _| {}), 500), []);
        assert_eq!(extract(&mut model(|_, _| {}), 1 << 20), []);
    }

    #[test]
    fn damaged_files_stay_as_they_are() {
        let whole = model(|_, _| {});
        for length in 0..whole.len() {
            let cut = &whole[..length];
            let mut file = cut.to_vec();
            let tables = extract(&mut file, 480);
            // A file that ends between two fields does not look damaged.
            assert!(
                tables.is_empty() && file == cut || header::read(cut).is_some(),
                "{length}"
            );
        }
    }

    #[test]
    fn lengths_keep_their_width() {
        for value in [0, 1, 127, 128, 300, 1 << 21] {
            for bytes in 4..8 {
                let padded = padded_varint(value, bytes).unwrap();
                assert_eq!(padded.len(), bytes);
                assert_eq!(decode_varint(&mut padded.as_slice()).unwrap(), value);
            }
        }
        assert_eq!(padded_varint(300, 1), None);
    }
}
