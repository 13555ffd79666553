#pragma once

#include "core/base/run_context.h"
#include "core/io/importers/gguf_header.h"
#include "core/io/mapped_file.h"
#include "core/io/mapped_tensor.h"

namespace qs {

/// A GGUF file with what its header says.
struct GgufFile {
    std::shared_ptr<const MappedFile> file; ///< the metadata of the header points into it
    GgufHeader header;
};

/// All parts of a model: the file itself, or the parts "NAME-00001-of-00003.gguf" of one that was split, in
/// order. The first holds the metadata. \error NotFound  a part is missing (names it);  as readGgufHeader()
Result<std::vector<GgufFile>> openGgufFiles(const std::filesystem::path &file, FindingList &findings,
                                            const RunContext &ctx);

/// A tensor over the mapped bytes. \param tensor  of this file
Tensor ggufTensor(const GgufFile &file, const GgufTensor &tensor);

} // namespace qs
