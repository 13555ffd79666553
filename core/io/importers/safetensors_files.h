#pragma once

#include "core/base/finding.h"
#include "core/base/run_context.h"
#include "core/io/mapped_tensor.h"

#include <optional>

namespace qs {

/// The files of one checkpoint: one .safetensors file, or several with an index that says what lies where.
struct SafetensorsFiles {
    std::filesystem::path folder;
    std::filesystem::path index;               ///< empty when there is one file
    std::vector<std::filesystem::path> shards; ///< in the order of the index, each once
    std::map<std::string, std::size_t>
        shardOf; ///< index into `shards` by tensor name; empty without an index
};

/// What belongs to the checkpoint of a path: the folder of a model, a .safetensors file or an index. Of a
/// shard that an index beside it names, the whole checkpoint. \error NotFound     the folder has no such
/// files \error CorruptFile  the index is damaged, or names files that are not beside it
Result<SafetensorsFiles> findSafetensors(const std::filesystem::path &path);

/// Maps all shards and returns their tensors. Nothing is copied but what is not
/// aligned for its type. \param findings  receives tensors of types that cannot be decoded and what index and
/// shards disagree about \error as readSafetensorsHeader(), NotFound  a shard or a tensor of the index is
/// missing
Result<std::vector<NamedTensor>> readSafetensors(const SafetensorsFiles &files, FindingList &findings,
                                                 const RunContext &ctx);

/// Whether the text is the beginning of an index.
bool looksLikeSafetensorsIndex(std::string_view head);

} // namespace qs
