// Opening, writing, closing, and what an operator does with a database.

#include <utility>

#include "javascript.h"
#include "rocksdb/version.h"

namespace sampan {

namespace {

// A slow call that gives nothing back.
class Completed : public Answer {
 public:
  Completed(napi_deferred deferred, Failure failure)
      : deferred_(deferred), failure_(std::move(failure)) {}

  void Settle(napi_env env, const Answers& answers) override {
    if (failure_) {
      answers.Reject(env, deferred_, failure_);
    } else {
      answers.Resolve(env, deferred_, Undefined(env));
    }
  }

 private:
  const napi_deferred deferred_;
  const Failure failure_;
};

class PropertyRead : public Answer {
 public:
  PropertyRead(napi_deferred deferred, bool known, std::string value)
      : deferred_(deferred), known_(known), value_(std::move(value)) {}

  void Settle(napi_env env, const Answers& answers) override {
    answers.Resolve(env, deferred_, known_ ? TextValue(env, value_) : Null(env));
  }

 private:
  const napi_deferred deferred_;
  const bool known_;
  const std::string value_;
};

// Reads the fields of the options object; src/native.ts declares it.
class OptionsReader {
 public:
  OptionsReader(napi_env env, napi_value object) : env_(env), object_(object) {}

  int64_t Number(const char* name) const {
    int64_t number = 0;
    napi_get_value_int64(env_, Field(name), &number);
    return number;
  }

  std::string Text(const char* name) const { return TextOf(Field(name)); }

  std::vector<std::string> Texts(const char* name) const {
    const napi_value array = Field(name);
    uint32_t count = 0;
    napi_get_array_length(env_, array, &count);
    std::vector<std::string> texts;
    for (uint32_t index = 0; index < count; index++) {
      napi_value element = nullptr;
      napi_get_element(env_, array, index, &element);
      texts.push_back(TextOf(element));
    }
    return texts;
  }

 private:
  napi_value Field(const char* name) const {
    napi_value value = nullptr;
    napi_get_named_property(env_, object_, name, &value);
    return value;
  }

  std::string TextOf(napi_value value) const {
    size_t length = 0;
    napi_get_value_string_utf8(env_, value, nullptr, 0, &length);
    std::string text(length, '\0');
    napi_get_value_string_utf8(env_, value, text.data(), length + 1, &length);
    return text;
  }

  const napi_env env_;
  const napi_value object_;
};

OpenOptions ReadOpenOptions(napi_env env, napi_value object) {
  const OptionsReader reader(env, object);
  OpenOptions options;
  options.path = reader.Text("path");
  options.families = reader.Texts("families");
  options.create_if_missing = reader.Number("createIfMissing") != 0;
  options.block_cache_bytes = reader.Number("blockCacheBytes");
  options.block_bytes = reader.Number("blockBytes");
  options.write_buffer_bytes = reader.Number("writeBufferBytes");
  options.write_buffers_bytes_max = reader.Number("writeBuffersBytesMax");
  options.file_bytes = reader.Number("fileBytes");
  options.wal_bytes_max = reader.Number("walBytesMax");
  options.write_queue_bytes_max = reader.Number("writeQueueBytesMax");
  options.compression = static_cast<int>(reader.Number("compression"));
  options.log_level = static_cast<int>(reader.Number("logLevel"));
  options.bloom_bits = static_cast<int>(reader.Number("bloomBits"));
  options.open_files_max = static_cast<int>(reader.Number("openFilesMax"));
  options.background_jobs = static_cast<int>(reader.Number("backgroundJobs"));
  options.read_threads = static_cast<int>(reader.Number("readThreads"));
  return options;
}

// open(options, makeError): Promise<DatabaseHandle>
napi_value Open(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Promise promise(env);
  const std::shared_ptr<Database> database = Database::Create(
      env, ReadOpenOptions(env, arguments.Value(0)), arguments.Value(1));
  const std::weak_ptr<Database> weak = database;
  database->Start(promise.deferred, [weak](napi_env opened_env) {
    const auto forget = [](Database* forgotten) { forgotten->Forget(); };
    return Box<Database>(opened_env, weak.lock(), forget);
  });
  return promise.value;
}

// close(database): Promise<void>. Once.
napi_value Close(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto database = arguments.Object<Database>(0);
  if (!arguments.Ok()) return nullptr;
  if (const Failure failure = database->Usable()) return Throw(env, *database, failure);
  const Promise promise(env);
  database->Close(promise.deferred);
  return promise.value;
}

// write(database, batch, sync): Promise<void>. The bytes are copied before it returns.
napi_value Write(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto database = arguments.Object<Database>(0);
  uint8_t* batch = nullptr;
  size_t length = 0;
  arguments.Bytes(1, &batch, &length);
  const bool sync = arguments.Flag(2);
  if (!arguments.Ok()) return nullptr;
  const Promise promise(env);
  const Failure failure = database->Write(batch, length, sync, promise.deferred);
  if (failure) database->AnswersOut().Reject(env, promise.deferred, failure);
  return promise.value;
}

// kick(database): void. What was written so far may go.
napi_value Kick(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto database = arguments.Object<Database>(0);
  if (arguments.Ok()) database->Kick();
  return nullptr;
}

// flush(database): Promise<void>
napi_value Flush(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto database = arguments.Object<Database>(0);
  if (!arguments.Ok()) return nullptr;
  return Promised(env, database, [database](napi_deferred deferred) {
    return std::make_unique<Completed>(deferred, database->Rocks().Flush());
  });
}

// checkpoint(database, directory): Promise<void>
napi_value Checkpoint(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto database = arguments.Object<Database>(0);
  const std::string directory = arguments.Text(1);
  if (!arguments.Ok()) return nullptr;
  return Promised(env, database, [database, directory](napi_deferred deferred) {
    return std::make_unique<Completed>(deferred, database->Rocks().Checkpoint(directory));
  });
}

// property(database, family, name): Promise<string | null>
napi_value Property(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto database = arguments.Object<Database>(0);
  if (!arguments.Ok()) return nullptr;
  const size_t family = arguments.Family(1, *database);
  const std::string name = arguments.Text(2);
  if (!arguments.Ok()) return nullptr;
  return Promised(env, database, [database, family, name](napi_deferred deferred) {
    std::string value;
    const bool known = database->Rocks().Property(family, name, &value);
    return std::make_unique<PropertyRead>(deferred, known, std::move(value));
  });
}

napi_value NumberArray(napi_env env, const std::vector<double>& numbers) {
  napi_value array = nullptr;
  napi_create_array_with_length(env, numbers.size(), &array);
  for (size_t index = 0; index < numbers.size(); index++) {
    napi_set_element(env, array, static_cast<uint32_t>(index), NumberValue(env, numbers[index]));
  }
  return array;
}

// familyIds(database): number[]
napi_value FamilyIds(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto database = arguments.Object<Database>(0);
  if (!arguments.Ok()) return nullptr;
  const std::vector<uint32_t>& ids = database->Rocks().FamilyIds();
  return NumberArray(env, std::vector<double>(ids.begin(), ids.end()));
}

// commits(database): [batches, groups, syncs]
napi_value Commits(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto database = arguments.Object<Database>(0);
  if (!arguments.Ok()) return nullptr;
  const CommitCounts& counts = database->Commits();
  return NumberArray(env, {static_cast<double>(counts.batches), static_cast<double>(counts.groups),
                           static_cast<double>(counts.syncs)});
}

// version(): string, of the RocksDB that this was compiled for.
napi_value Version(napi_env env, napi_callback_info) {
  return TextValue(env, std::to_string(ROCKSDB_MAJOR) + "." + std::to_string(ROCKSDB_MINOR) + "." +
                            std::to_string(ROCKSDB_PATCH));
}

}  // namespace

const std::vector<Call> database_calls = {
    {"open", Open},           {"close", Close},       {"write", Write},
    {"kick", Kick},           {"flush", Flush},       {"checkpoint", Checkpoint},
    {"property", Property},   {"commits", Commits},   {"familyIds", FamilyIds},
    {"version", Version},
};

}  // namespace sampan
