#pragma once

#include "core/base/machine_memory.h"
#include "core/io/importers/onnx_external_data.h"

namespace onnx {
class SparseTensorProto;
class TensorProto;
} // namespace onnx

namespace qs {

/// The tensor of an ONNX message, every element type of file_formats 1.1 and external data included. Raw
/// bytes are taken out of the message rather than copied, so a message can be read once. String tensors keep
/// type and shape, not the strings. \error CorruptFile  sizes that contradict each other, data given twice or
/// not at all \error Unsupported  an element type unknown to this version; segments
Result<Tensor> readOnnxTensor(onnx::TensorProto &message, ExternalData &external);

/// Bytes that sparse tensors of one model may still grow to.
struct SparseBudget {
    std::uint64_t verySparse = std::uint64_t(256) << 20; ///< those with over 1024 dense bytes a stored one
    std::uint64_t all = machineMemoryBytes() / 2;
};

/// A sparse tensor as a dense one, missing elements 0.
/// \param budget  what this one takes is subtracted
/// \error CorruptFile  indices that are out of range, not ascending or repeated; a dense size beyond the
/// budget \error Unsupported  strings and elements smaller than a byte
Result<Tensor> readOnnxSparseTensor(onnx::SparseTensorProto &message, ExternalData &external,
                                    SparseBudget &budget);

} // namespace qs
