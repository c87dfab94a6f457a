// Arrow's reader behind an interface of our own, so that its headers are compiled once.
#include "row_group.h"

#include <arrow/array/array_binary.h>
#include <arrow/array/array_dict.h>
#include <arrow/io/file.h>
#include <arrow/table.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "easylm/error.h"

namespace easylm::datasets {
namespace {

Error damaged(const std::filesystem::path& path, const std::string& why) {
  return {ErrorCode::corrupt, "dataset parquet: " + path.string() + " can't be read: " + why,
          "get the file again, or take it out of the folder"};
}

std::string_view what_it_is(const arrow::DataType& type) {
  if (arrow::is_numeric(type.id())) return "a number";
  if (type.id() == arrow::Type::BOOL) return "true or false";
  if (arrow::is_list_like(type.id())) return "a list";
  return "of a type that is no text";
}

// The bytes of a text column's row.
std::string_view bytes_at(const arrow::Array& array, std::int64_t row) {
  switch (array.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return static_cast<const arrow::BinaryArray&>(array).GetView(row);
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return static_cast<const arrow::LargeBinaryArray&>(array).GetView(row);
    default:
      return {};
  }
}

bool is_text(const arrow::DataType& type) {
  return arrow::is_binary_like(type.id()) || arrow::is_large_binary_like(type.id());
}

void add_field(const std::string& name, const arrow::Array& array, std::int64_t row, Example& example) {
  if (array.IsNull(row)) {
    example.fields.push_back({name, {}, "null"});
  } else if (array.type_id() == arrow::Type::DICTIONARY) {
    const auto& encoded = static_cast<const arrow::DictionaryArray&>(array);
    add_field(name, *encoded.dictionary(), encoded.GetValueIndex(row), example);
  } else if (is_text(*array.type())) {
    example.fields.push_back({name, std::string(bytes_at(array, row)), {}});
  } else {
    example.fields.push_back({name, {}, what_it_is(*array.type())});
  }
}

class ArrowRows final : public RowGroup {
 public:
  explicit ArrowRows(std::shared_ptr<arrow::Table> table) : table_(std::move(table)) {}

  std::int64_t num_rows() const override { return table_->num_rows(); }

  void decode(std::int64_t row, Example& example) const override {
    for (int i = 0; i < table_->num_columns(); ++i) {
      std::int64_t in_chunk = row;
      for (const auto& chunk : table_->column(i)->chunks()) {
        if (in_chunk < chunk->length()) {
          add_field(table_->field(i)->name(), *chunk, in_chunk, example);
          break;
        }
        in_chunk -= chunk->length();
      }
    }
  }

 private:
  std::shared_ptr<arrow::Table> table_;
};

class ArrowFile final : public ParquetFile {
 public:
  ArrowFile(std::filesystem::path path, std::unique_ptr<parquet::arrow::FileReader> reader)
      : path_(std::move(path)), reader_(std::move(reader)) {
    const arrow::Status status = reader_->GetSchema(&schema_);
    if (!status.ok()) throw damaged(path_, status.message());
  }

  std::vector<std::string> column_names() const override { return schema_->field_names(); }
  std::int64_t num_groups() const override { return reader_->num_row_groups(); }
  std::int64_t rows_in(std::int64_t group) const override {
    return reader_->parquet_reader()->metadata()->RowGroup(static_cast<int>(group))->num_rows();
  }

  std::shared_ptr<const RowGroup> read(std::int64_t group, const std::vector<std::string>& names) override {
    std::vector<int> leaves;  // Parquet counts the innermost columns, of which a nested one has several
    const auto& columns = *reader_->parquet_reader()->metadata()->schema();
    for (int i = 0; i < columns.num_columns(); ++i) {
      const std::string top = columns.Column(i)->path()->ToDotVector().front();
      if (names.empty() || std::ranges::find(names, top) != names.end()) leaves.push_back(i);
    }
    std::shared_ptr<arrow::Table> table;
    try {
      const arrow::Status status = reader_->ReadRowGroup(static_cast<int>(group), leaves, &table);
      if (!status.ok()) throw damaged(path_, status.message());
      if (table->num_rows() == rows_in(group)) return std::make_shared<ArrowRows>(std::move(table));
    } catch (const parquet::ParquetException& error) {
      throw damaged(path_, error.what());
    }
    throw damaged(path_, "a group of rows has not as many as the file says");
  }

 private:
  std::filesystem::path path_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::shared_ptr<arrow::Schema> schema_;
};

}  // namespace

RowGroup::~RowGroup() = default;
ParquetFile::~ParquetFile() = default;

std::unique_ptr<ParquetFile> ParquetFile::open(const std::filesystem::path& path) {
  auto file = arrow::io::ReadableFile::Open(path.string());
  if (!file.ok()) {
    throw Error(ErrorCode::io, "dataset parquet: " + path.string() + ": " + file.status().message(),
                "check its permissions");
  }
  try {
    auto reader = parquet::arrow::OpenFile(*file, arrow::default_memory_pool());
    if (!reader.ok()) throw damaged(path, reader.status().message());
    return std::make_unique<ArrowFile>(path, std::move(*reader));
  } catch (const parquet::ParquetException& error) {
    throw damaged(path, error.what());
  }
}

}  // namespace easylm::datasets
