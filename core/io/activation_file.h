#pragma once

#include "core/base/run_context.h"
#include "core/tensor/tensor.h"

#include <filesystem>
#include <vector>

namespace qs {

/// What flowed into or out of one module of a model that ran elsewhere.
struct ActivationTap {
    std::string module; ///< "model.layers.0.self_attn.q_proj"
    std::string opType; ///< "Linear"
    bool isOutput = false;
    bool channelsFirst = false; ///< [samples, channels, spatial...], else [..., channels]
    std::int64_t seen = 0;      ///< rows that flowed by; more than the file has when it keeps the first ones
    DType dtype = DType::Undefined;
    Shape shape;      ///< axis 0 counts samples or tokens
    std::string path; ///< of the data set
};

/// Activations that were captured outside, read in blocks so that the file may be larger than memory.
/// \source file_formats 5 (/activations/NNNNNN with tensor_name, node_name, op_type, channel_axis);
/// resources/python/quantoscope_capture.py writes such files
class ActivationFile {
public:
    /// Opens an HDF5 file by content and reads its catalogue, not the data.
    /// \error CorruptFile  not HDF5, or damaged
    /// \error NotFound     it has no group 'activations', or nothing in it
    static Result<std::shared_ptr<const ActivationFile>> open(const std::filesystem::path &file,
                                                              const RunContext &ctx);
    virtual ~ActivationFile() = default;

    virtual const std::filesystem::path &file() const = 0;
    virtual const std::string &sha256() const = 0;
    virtual const std::vector<ActivationTap> &taps() const = 0;
    /// Samples that the model was run on; 0 when the file does not tell.
    virtual std::int64_t samples() const = 0;
    /// "from acts.h5 (LlamaForCausalLM, torch 2.1.0)": what a user reads beside the values.
    virtual const std::string &origin() const = 0;

    /// Rows [begin, end) of axis 0, in the element type of the file. \thread safe (serialised)
    virtual Result<Tensor> read(const ActivationTap &tap, std::int64_t begin, std::int64_t end) const = 0;
};

/// The activations of a file, null when it has none. \error as open(), but for NotFound
Result<std::shared_ptr<const ActivationFile>> openIfCaptured(const std::filesystem::path &file,
                                                             const RunContext &ctx);

} // namespace qs
