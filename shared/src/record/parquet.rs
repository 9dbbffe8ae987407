//! Records as a Parquet file: the columns of [`RecordLine`], for people who analyse them elsewhere.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::{Phase, Record, RecordLine};

/// Records of a row group: as many are held in memory.
const ROW_GROUP: usize = 20_000;

/// How a column is read from a line. Every column is optional: what is not known is null.
#[derive(Clone, Copy)]
enum Column {
    Text(for<'r> fn(&'r RecordLine<'_>) -> Option<&'r str>),
    Whole(fn(&RecordLine<'_>) -> Option<i64>),
    Number(fn(&RecordLine<'_>) -> Option<f64>),
    Flag(fn(&RecordLine<'_>) -> Option<bool>),
    /// Nanoseconds since 1970 UTC.
    Time(fn(&Record) -> i64),
}

/// The columns, named and ordered as the fields of [`RecordLine`].
const COLUMNS: [(&str, Column); 47] = [
    ("endpoint", Column::Text(|line| Some(line.endpoint.as_str()))),
    ("experiment", Column::Text(|line| Some(line.experiment.as_str()))),
    ("round", Column::Whole(|line| Some(line.round.into()))),
    ("block", Column::Whole(|line| Some(line.block.into()))),
    ("attempt", Column::Whole(|line| Some(line.attempt.into()))),
    ("counted", Column::Flag(|line| Some(line.counted))),
    ("sequence", Column::Whole(|line| Some(line.sequence.into()))),
    ("phase", Column::Text(|line| Some(phase(line.phase)))),
    ("slot", Column::Whole(|line| Some(line.slot.into()))),
    ("prompt", Column::Whole(|line| Some(line.prompt.into()))),
    ("sent_at", Column::Time(|record| i64::try_from(record.sent_at_unix_ns).unwrap_or(i64::MAX))),
    ("ttft_ms", Column::Number(|line| line.ttft_ms)),
    ("ttft_any_ms", Column::Number(|line| line.ttft_any_ms)),
    ("e2e_ms", Column::Number(|line| Some(line.e2e_ms))),
    ("tpot_ms", Column::Number(|line| line.tpot_ms)),
    ("itl_mean_ms", Column::Number(|line| line.itl_mean_ms)),
    ("itl_max_ms", Column::Number(|line| line.itl_max_ms)),
    ("headers_ms", Column::Number(|line| line.headers_ms)),
    ("connect_ms", Column::Number(|line| line.connect_ms)),
    ("dispatch_delay_ms", Column::Number(|line| Some(line.dispatch_delay_ms))),
    ("slot_wait_ms", Column::Number(|line| line.slot_wait_ms)),
    ("try_number", Column::Whole(|line| Some(line.try_number.into()))),
    ("since_first_send_ms", Column::Number(|line| Some(line.since_first_send_ms))),
    ("ttft_from_schedule_ms", Column::Number(|line| line.ttft_from_schedule_ms)),
    ("e2e_from_schedule_ms", Column::Number(|line| Some(line.e2e_from_schedule_ms))),
    ("content_events", Column::Whole(|line| Some(line.content_events.into()))),
    ("bytes", Column::Whole(|line| i64::try_from(line.bytes).ok())),
    ("input_tokens", Column::Whole(|line| line.input_tokens.map(i64::from))),
    ("output_tokens", Column::Whole(|line| line.output_tokens.map(i64::from))),
    ("cache_read_tokens", Column::Whole(|line| line.cache_read_tokens.map(i64::from))),
    ("cache_write_tokens", Column::Whole(|line| line.cache_write_tokens.map(i64::from))),
    ("outcome", Column::Text(|line| Some(line.outcome))),
    ("error_class", Column::Text(|line| line.error_class)),
    ("error_code", Column::Text(|line| line.error_code)),
    ("error_message", Column::Text(|line| line.error_message)),
    ("request_id", Column::Text(|line| line.request_id)),
    ("status", Column::Whole(|line| line.status.map(i64::from))),
    ("protocol", Column::Text(|line| line.protocol)),
    ("new_connection", Column::Flag(|line| Some(line.new_connection))),
    ("stop_reason", Column::Text(|line| line.stop_reason)),
    (
        "server_latency_ms",
        Column::Whole(|line| line.server_latency_ms.and_then(|ms| ms.try_into().ok())),
    ),
    ("latency_mode", Column::Text(|line| line.latency_mode)),
    ("service_tier", Column::Text(|line| line.service_tier)),
    ("simulated", Column::Flag(|line| Some(line.simulated))),
    ("reasoning_tokens", Column::Whole(|line| line.reasoning_tokens.map(i64::from))),
    ("usage_source", Column::Text(|line| line.usage_source)),
    (
        "server_first_byte_ms",
        Column::Whole(|line| line.server_first_byte_ms.and_then(|ms| ms.try_into().ok())),
    ),
];

/// The name of what [`parquet_proof`] reads, among the file's own key-value pairs.
const PROOF: &str = "fmgauge.receipts";

/// What [`ParquetRecords::finish`] was told that a file holds; `None` for what it has not written.
pub fn parquet_proof(file: Vec<u8>) -> Option<String> {
    let reader = SerializedFileReader::new(Bytes::from(file)).ok()?;
    let pairs = reader.metadata().file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == PROOF)?.value.clone()
}

/// Writes a Parquet file in memory: compressed, it takes about 150 bytes a record.
pub struct ParquetRecords {
    file: SerializedFileWriter<Vec<u8>>,
    waiting: Vec<(Record, bool)>,
}

impl std::fmt::Debug for ParquetRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetRecords")
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

impl ParquetRecords {
    /// A file without records.
    pub fn new() -> Result<Self, ParquetError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(format!("fmgauge {}", env!("CARGO_PKG_VERSION")))
            .build();
        let file = SerializedFileWriter::new(Vec::new(), schema()?, Arc::new(properties))?;
        Ok(Self { file, waiting: Vec::new() })
    }

    /// Adds records of one attempt; `counted` says whether a receipt names it.
    pub fn add(&mut self, records: Vec<Record>, counted: bool) -> Result<(), ParquetError> {
        self.waiting.extend(records.into_iter().map(|record| (record, counted)));
        if self.waiting.len() >= ROW_GROUP { self.write() } else { Ok(()) }
    }

    /// The file; `proof` tells what it holds ([`parquet_proof`]).
    pub fn finish(mut self, proof: &str) -> Result<Vec<u8>, ParquetError> {
        self.write()?;
        let proof = KeyValue::new(PROOF.to_owned(), proof.to_owned());
        self.file.append_key_value_metadata(proof);
        self.file.into_inner()
    }

    /// Writes what waits as a row group.
    fn write(&mut self) -> Result<(), ParquetError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let lines: Vec<_> = self
            .waiting
            .iter()
            .map(|(record, counted)| RecordLine::new(record, *counted))
            .collect();
        let mut group = self.file.next_row_group()?;
        for (_, column) in COLUMNS {
            match column {
                Column::Text(get) => write::<ByteArrayType>(
                    &mut group,
                    lines.iter().map(|line| get(line).map(ByteArray::from)),
                ),
                Column::Whole(get) => write::<Int64Type>(&mut group, lines.iter().map(get)),
                Column::Number(get) => write::<DoubleType>(&mut group, lines.iter().map(get)),
                Column::Flag(get) => write::<BoolType>(&mut group, lines.iter().map(get)),
                Column::Time(get) => write::<Int64Type>(
                    &mut group,
                    self.waiting.iter().map(|(record, _)| Some(get(record))),
                ),
            }?;
        }
        group.close()?;
        self.waiting.clear();
        Ok(())
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Warmup => "warmup",
        Phase::Measured => "measured",
    }
}

fn schema() -> Result<Arc<Type>, ParquetError> {
    let field = |(name, column): (&str, Column)| {
        let (physical, logical) = match column {
            Column::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Column::Whole(_) => (Physical::INT64, None),
            Column::Number(_) => (Physical::DOUBLE, None),
            Column::Flag(_) => (Physical::BOOLEAN, None),
            Column::Time(_) => {
                (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::NANOS)))
            }
        };
        let field = Type::primitive_type_builder(name, physical)
            .with_logical_type(logical)
            .with_repetition(Repetition::OPTIONAL);
        field.build().map(Arc::new)
    };
    let fields = COLUMNS.into_iter().map(field).collect::<Result<_, _>>()?;
    Type::group_type_builder("record").with_fields(fields).build().map(Arc::new)
}

/// Writes the next column of a row group: the values that are there, and which are.
fn write<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let mut present = Vec::new();
    let mut levels = Vec::new();
    for value in values {
        levels.push(i16::from(value.is_some()));
        present.extend(value);
    }
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("more columns than the schema has".to_owned()));
    };
    column.typed::<T>().write_batch(&present, Some(&levels), None)?;
    column.close()
}

#[cfg(test)]
mod tests {
    use parquet::record::Field;
    use serde_json::Value;

    use super::*;
    use crate::summary::fixture::{HAIKU, MISTRAL, Run};

    /// A cell as `fmgauge records` would show it.
    fn json(field: &Field) -> Value {
        #[expect(clippy::wildcard_enum_match_arm, reason = "of a library, and ours has few kinds")]
        match field {
            Field::Null => Value::Null,
            Field::Bool(value) => (*value).into(),
            Field::Long(value) => (*value).into(),
            Field::Double(value) => (*value).into(),
            Field::Str(value) => value.as_str().into(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_field_of_every_line_is_read_back() {
        let mut run = Run::new(&[HAIKU, MISTRAL], &["chat"], &[2]).fail("mistral-7b");
        run.records[0].timeline.first_text = None;
        let mut file = ParquetRecords::new().unwrap();
        let (first, second) = run.records.split_at(40);
        file.add(first.to_vec(), true).unwrap();
        file.write().unwrap(); // as where a row group is full
        file.add(second.to_vec(), false).unwrap();
        let file = file.finish("of two parts").unwrap();
        assert_eq!(parquet_proof(file.clone()).unwrap(), "of two parts");
        assert_eq!(parquet_proof(file[..file.len() - 1].to_vec()), None);
        let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
        assert_eq!(reader.num_row_groups(), 2);

        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), run.records.len());
        for ((row, record), place) in rows.iter().zip(&run.records).zip(0..) {
            let line = serde_json::to_value(RecordLine::new(record, place < 40)).unwrap();
            let Value::Object(line) = line else { panic!("{line}") };
            assert_eq!(row.len(), line.len());
            for (name, field) in row.get_column_iter() {
                if name == "sent_at" {
                    assert_eq!(json(field), record.sent_at_unix_ns);
                } else {
                    assert_eq!(json(field), line[name], "{name}");
                }
            }
        }
    }
}
