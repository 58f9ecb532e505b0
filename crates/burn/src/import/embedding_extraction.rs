//! Tables of words, taken out of a file before onnx-ir reads it: it copies every constant twice at a time and several times over, and
//! a table may be half of the model. It sees one more input of the graph in the place of each.

use std::collections::HashSet;
use std::ops::Range;

use prost::Message;
use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::import::header::{self, Input};
use crate::lower::host_tensor::{HostData, HostTensor, element_count};

/// Smaller ones are not worth it. Tables of positions, whose rows are picked when the model is loaded, are smaller.
pub(crate) const LEAST_BYTES: usize = 1 << 24;

/// Field numbers of ModelProto and GraphProto (onnx.proto).
const GRAPH: u32 = 7;
const INITIALIZER: u32 = 5;
const INPUT: u32 = 11;

/// TensorProto.DataType of `f32`.
const FLOAT: i32 = 1;

/// The `f32` tables of at least so many bytes that nothing but Gather reads, in the order of the inputs that are appended for them.
/// A file that is not understood is left as it is.
pub(crate) fn take_out(file: &mut Vec<u8>, least_bytes: usize) -> Vec<HostTensor> {
    // Most models have none, and are not walked through for it.
    if file.len() < least_bytes {
        return vec![];
    }
    plan(file, least_bytes)
        .filter(|plan| !plan.tables.is_empty())
        .and_then(|plan| plan.carry_out(file))
        .unwrap_or_default()
}

struct Plan {
    /// Length of the graph, as it is written in the file.
    graph_length: Range<usize>,
    graph: Range<usize>,
    /// Tables with the places of their fields in the file, first ones first.
    tables: Vec<(Range<usize>, Table)>,
}

/// A TensorProto whose elements stay in the file.
struct Table {
    name: String,
    dims: Vec<i64>,
    shape: Vec<usize>,
    raw: Range<usize>,
}

fn plan(file: &[u8], least_bytes: usize) -> Option<Plan> {
    let header = header::read(file)?.graph?;
    let candidates = read_by_gather_alone(&header);
    let graphs: Vec<Field> = fields(file, 0..file.len())?
        .into_iter()
        .filter(|field| field.number == GRAPH)
        .collect();
    let [graph] = graphs.as_slice() else { return None };
    let mut tables = Vec::new();
    for field in fields(file, graph.payload.clone())? {
        if field.number == INITIALIZER && field.payload.len() >= least_bytes {
            let table = Table::read(file, &field.payload);
            tables.extend(
                table
                    .filter(|table| candidates.contains(table.name.as_str()))
                    .map(|table| (field.whole, table)),
            );
        }
    }
    Some(Plan {
        graph_length: graph.length.clone(),
        graph: graph.payload.clone(),
        tables,
    })
}

/// Names that Gather picks from and nothing else reads, and that are neither inputs nor outputs; none where graphs inside of nodes may
/// read them, or two weights have one name.
fn read_by_gather_alone(graph: &header::Graph) -> HashSet<&str> {
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

impl Plan {
    fn carry_out(self, file: &mut Vec<u8>) -> Option<Vec<HostTensor>> {
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
        // After that there is room: nothing is moved to larger memory.
        let end = self.graph.end - removed;
        file.splice(end..end, inputs);
        file[self.graph_length].copy_from_slice(&length);
        Some(tensors)
    }
}

impl Table {
    /// `None` for what is not of `f32` in its raw form, inside the file.
    fn read(file: &[u8], payload: &Range<usize>) -> Option<Self> {
        let fields = fields(file, payload.clone())?;
        let raw = fields.iter().find(|field| field.number == 9)?.payload.clone();
        // Without the elements it is small.
        let rest: Vec<u8> = fields
            .iter()
            .filter(|field| field.number != 9)
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

    fn tensor(&self, file: &[u8]) -> HostTensor {
        let elements = file[self.raw.clone()].as_chunks::<4>().0;
        HostTensor {
            shape: self.shape.clone(),
            data: HostData::F32(elements.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        }
    }
}

/// A field of a message, by its places in the file.
struct Field {
    number: u32,
    whole: Range<usize>,
    /// Of fields that have a length: it, and what is behind it.
    length: Range<usize>,
    payload: Range<usize>,
}

/// The fields of the message at a place of the file.
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

/// A number in as many bytes as there are: Protocol Buffers allow zeros at its end.
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

    /// Rows of a table, picked by the input `ids`; `more` adds to the graph.
    fn words(more: impl FnOnce(&mut Graph, &Value)) -> Vec<u8> {
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
        let whole = words(|_, _| {});
        let (mut file, capacity) = (whole.clone(), whole.capacity());
        let tables = take_out(&mut file, 480);
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
    fn what_others_need_stays() {
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
        for model in [
            words(double),
            words(output),
            words(positions),
            words(branch),
            words(default),
            words(twice),
        ] {
            let mut file = model.clone();
            assert_eq!(take_out(&mut file, 480), []);
            assert!(file == model);
        }
        // A weight that nothing reads is none of the model's inputs.
        let mut unread = Graph::new("case", 7);
        let x = unread.input("x", &[2]);
        unread.weight("table", &[40, 3], WeightInit::LeCun { fan_in: 3 });
        unread.output(&x, &[2]);
        assert_eq!(take_out(&mut unread.into_bytes(), 480), []);
        // Too small to be worth it: the table, though not the file.
        assert_eq!(take_out(&mut words(|_, _| {}), 500), []);
        assert_eq!(take_out(&mut words(|_, _| {}), 1 << 20), []);
    }

    #[test]
    fn damaged_files_are_left_as_they_are() {
        let whole = words(|_, _| {});
        for length in 0..whole.len() {
            let cut = &whole[..length];
            let mut file = cut.to_vec();
            let tables = take_out(&mut file, 480);
            // What ends between two fields is no damage that can be seen.
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
