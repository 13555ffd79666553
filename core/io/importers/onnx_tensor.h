#pragma once

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

/// A sparse tensor as a dense one, missing elements 0.
/// \param budget  bytes that very sparse tensors of this model may still grow to; this one's are subtracted
/// \error CorruptFile  indices that are out of range, not ascending or repeated; a dense size beyond the
/// budget \error Unsupported  strings and elements smaller than a byte
Result<Tensor> readOnnxSparseTensor(onnx::SparseTensorProto &message, ExternalData &external,
                                    std::uint64_t &budget);

} // namespace qs
