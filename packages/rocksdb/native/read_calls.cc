// Gets and snapshots. What is in memory is answered at once, through a scratch buffer that carries
// keys in and values out; the rest goes to a read thread and answers a promise.

#include <cstring>
#include <utility>

#include "javascript.h"
#include "packed.h"
#include "snapshot.h"

namespace sampan {

namespace {

// Where and in what a read looks. The snapshot, if any, is kept until the read is done.
struct ReadPlace {
  std::shared_ptr<Database> database;
  std::shared_ptr<Snapshot> snapshot;
  size_t family = 0;

  const rocksdb_readoptions_t* Options(ReadTier tier) const {
    return snapshot != nullptr ? snapshot->Tiers().Of(tier) : database->Newest().Of(tier);
  }
};

// Arguments 0 to 2 of every read: database, family, snapshot or null.
ReadPlace ReadPlaceOf(Arguments* arguments) {
  ReadPlace place;
  place.database = arguments->Object<Database>(0);
  if (!arguments->Ok()) return place;
  place.family = arguments->Family(1, *place.database);
  if (!arguments->IsNull(2)) place.snapshot = arguments->Object<Snapshot>(2);
  return place;
}

Failure Get(const ReadPlace& place, ReadTier tier, Key key, rocksdb_pinnableslice_t** value) {
  return place.database->Rocks().Get(place.family, place.Options(tier), key, value);
}

// Answers hold copies: the database may be closed, and its memory gone, before they are settled.
class Got : public Answer {
 public:
  explicit Got(napi_deferred deferred) : deferred_(deferred) {}

  void Settle(napi_env env, const Answers& answers) override {
    napi_value settled = Null(env);
    if (!failure && found) failure = NewBuffer(env, value.data(), value.size(), &settled);
    if (failure) {
      answers.Reject(env, deferred_, failure);
    } else {
      answers.Resolve(env, deferred_, settled);
    }
  }

  Failure failure;
  bool found = false;
  std::string value;

 private:
  const napi_deferred deferred_;
};

class GotMany : public Answer {
 public:
  explicit GotMany(napi_deferred deferred) : deferred_(deferred) {}

  void Settle(napi_env env, const Answers& answers) override {
    napi_value settled = nullptr;
    if (!failure) failure = NewBuffer(env, packed.data(), packed.size(), &settled);
    if (failure) {
      answers.Reject(env, deferred_, failure);
    } else {
      answers.Resolve(env, deferred_, settled);
    }
  }

  Failure failure;
  std::string packed;

 private:
  const napi_deferred deferred_;
};

// getCached(database, family, snapshot, scratch, keyLength): the key is at the scratch's start.
// A number: so many bytes of the value are there now; a Buffer: the value, where it has no room;
// null: no such key; undefined: not in memory.
napi_value GetCached(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const ReadPlace place = ReadPlaceOf(&arguments);
  uint8_t* scratch = nullptr;
  size_t scratch_bytes = 0;
  arguments.Bytes(3, &scratch, &scratch_bytes);
  const size_t key_bytes = arguments.Number(4);
  if (!arguments.Ok() || key_bytes > scratch_bytes) return nullptr;
  if (const Failure closed = place.database->Usable()) return Throw(env, *place.database, closed);

  PinnedValues value(1);
  const Key key = {reinterpret_cast<const char*>(scratch), key_bytes};
  const Failure failure = Get(place, ReadTier::kCached, key, value.Slices());
  if (failure.code == Code::kIncomplete) return nullptr;
  if (failure) return Throw(env, *place.database, failure);
  size_t length = 0;
  const char* data = value.Value(0, &length);
  if (data == nullptr) return Null(env);
  if (length > scratch_bytes) {
    napi_value buffer = nullptr;
    const Failure unmade = NewBuffer(env, data, length, &buffer);
    return unmade ? Throw(env, *place.database, unmade) : buffer;
  }
  if (length > 0) std::memcpy(scratch, data, length);
  return NumberValue(env, static_cast<double>(length));
}

// get(database, family, snapshot, key): Promise<Buffer | null>
napi_value GetFull(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ReadPlace place = ReadPlaceOf(&arguments);
  std::string key = arguments.Copy(3);
  if (!arguments.Ok()) return nullptr;
  const std::shared_ptr<Database> database = place.database;
  return Promised(env, database,
                  [place = std::move(place), key = std::move(key)](napi_deferred deferred) {
                    auto got = std::make_unique<Got>(deferred);
                    PinnedValues value(1);
                    got->failure =
                        Get(place, ReadTier::kFull, {key.data(), key.size()}, value.Slices());
                    size_t length = 0;
                    const char* data = value.Value(0, &length);
                    got->found = data != nullptr;
                    if (got->found) got->value.assign(data, length);
                    return got;
                  });
}

// getManyCached(database, family, snapshot, scratch, packedBytes, count): the packed keys are at
// the scratch's start. A number: so many bytes of packed values are there now; a Buffer: the packed
// values, where they have no room; undefined: not all in memory.
napi_value GetManyCached(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ReadPlace place = ReadPlaceOf(&arguments);
  uint8_t* scratch = nullptr;
  size_t scratch_bytes = 0;
  arguments.Bytes(3, &scratch, &scratch_bytes);
  const size_t packed_bytes = arguments.Number(4);
  const size_t count = arguments.Number(5);
  std::vector<Key> keys;
  if (!arguments.Ok() || packed_bytes > scratch_bytes ||
      !UnpackKeys(scratch, packed_bytes, count, &keys)) {
    return nullptr;
  }
  if (const Failure closed = place.database->Usable()) return Throw(env, *place.database, closed);

  if (place.snapshot == nullptr) place.snapshot = std::make_shared<Snapshot>(place.database);
  PinnedValues values(count);
  for (size_t index = 0; index < count; index++) {
    const Failure failure = Get(place, ReadTier::kCached, keys[index], values.Slices() + index);
    if (failure.code == Code::kIncomplete) return nullptr;
    if (failure) return Throw(env, *place.database, failure);
  }
  const size_t bytes = PackedBytes(values);
  if (bytes <= scratch_bytes) {
    PackValues(values, scratch);
    return NumberValue(env, static_cast<double>(bytes));
  }
  uint8_t* data = nullptr;
  napi_value packed = nullptr;
  const Failure unmade = NewBuffer(env, bytes, &data, &packed);
  if (unmade) return Throw(env, *place.database, unmade);
  PackValues(values, data);
  return packed;
}

// getMany(database, family, snapshot, packedKeys, count): Promise<Buffer>, the packed values.
napi_value GetManyFull(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  ReadPlace place = ReadPlaceOf(&arguments);
  std::string packed = arguments.Copy(3);
  const size_t count = arguments.Number(4);
  if (!arguments.Ok()) return nullptr;
  const std::shared_ptr<Database> database = place.database;
  return Promised(
      env, database,
      [place = std::move(place), packed = std::move(packed), count](napi_deferred deferred) {
        auto got = std::make_unique<GotMany>(deferred);
        std::vector<Key> keys;
        if (!UnpackKeys(reinterpret_cast<const uint8_t*>(packed.data()), packed.size(), count,
                        &keys)) {
          got->failure = Failure(Code::kInvalid, "the keys are not packed as they should be");
          return got;
        }
        PinnedValues values(count);
        got->failure = place.database->Rocks().GetMany(
            place.family, place.Options(ReadTier::kFull), keys, &values);
        if (got->failure) return got;
        got->packed.resize(PackedBytes(values));
        PackValues(values, reinterpret_cast<uint8_t*>(got->packed.data()));
        return got;
      });
}

// snapshot(database): SnapshotHandle
napi_value TakeSnapshot(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto database = arguments.Object<Database>(0);
  if (!arguments.Ok()) return nullptr;
  if (const Failure closed = database->Usable()) return Throw(env, *database, closed);
  return Box(env, std::make_shared<Snapshot>(database));
}

// releaseSnapshot(snapshot): void. Twice is once.
napi_value ReleaseSnapshot(napi_env env, napi_callback_info info) {
  Arguments(env, info).Unbox<Snapshot>(0);
  return nullptr;
}

}  // namespace

const std::vector<Call> read_calls = {
    {"getCached", GetCached},         {"get", GetFull},
    {"getManyCached", GetManyCached}, {"getMany", GetManyFull},
    {"snapshot", TakeSnapshot},       {"releaseSnapshot", ReleaseSnapshot},
};

}  // namespace sampan
