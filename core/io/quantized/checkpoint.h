#pragma once

#include "core/base/run_context.h"
#include "core/io/mapped_tensor.h"
#include "core/io/quantized/checkpoint_scheme.h"
#include "core/io/quantized/stored_layers.h"

#include <map>

namespace qs {

/// The tensors that a module of a checkpoint has, by what follows its name: "qweight", of bitsandbytes also
/// "absmax" for "<module>.weight.absmax".
using ModuleTensors = std::map<std::string, Tensor>;

/// A weight [outChannels, inPerOut] of a GPTQ module: qweight, qzeros, scales, g_idx.
/// \error NotFound  a tensor is missing;  CorruptFile  shapes or indices that do not fit;  Unsupported  types
/// \source file_formats 14.1
Result<WeightGrid> readGptqModule(const ModuleTensors &tensors, const CheckpointScheme &scheme);
/// The same of AWQ: qweight, qzeros, scales. \source file_formats 14.2
Result<WeightGrid> readAwqModule(const ModuleTensors &tensors, const CheckpointScheme &scheme);
/// The same of compressed-tensors: weight or weight_packed, weight_scale, weight_zero_point, …
/// \source file_formats 15
Result<StoredLayer> readCompressedModule(const ModuleTensors &tensors, const CheckpointScheme::Group &group);

/// The same of bitsandbytes: weight, absmax, quant_map, quant_state…, or weight and SCB.
/// \source file_formats 16
Result<WeightGrid> readBitsAndBytesModule(const ModuleTensors &tensors);

/// `count` codes of `bits` bits from 32-bit words, lowest bits first, also across words.
/// \param step  words between one and the next
void unpackWords(const std::int32_t *words, std::int64_t step, int bits, std::span<std::int32_t> codes);

/// The modules of a checkpoint whose weights are packed.
class PackedCheckpoint {
public:
    PackedCheckpoint(CheckpointScheme scheme, const std::vector<NamedTensor> &tensors);

    bool empty() const { return m_modules.empty(); }
    /// The other tensors, and the weights of the modules as float32 under "<module>.weight". Modules that
    /// cannot be read are left out. \param inputsFirst  modules whose weights are [in, out], as those of
    /// GPT-2 \error OutOfMemory  that would be more than half of the memory; Cancelled
    Result<std::vector<NamedTensor>> unpack(const std::vector<NamedTensor> &tensors, bool inputsFirst,
                                            FindingList &findings, const RunContext &ctx) const;
    /// What the file holds of a layer, by the name of its weight, which may lack the prefix of the family
    /// ("model.").
    std::optional<StoredLayer> find(const std::string &weight) const;

private:
    void add(const NamedTensor &named);
    Status checkMemory() const;
    Result<StoredLayer> read(const std::string &module, const ModuleTensors &tensors) const;

    CheckpointScheme m_scheme;
    std::map<std::string, ModuleTensors> m_modules;
    std::map<std::string, std::string> m_consumed; ///< module by the name of a tensor that belongs to it
};

} // namespace qs
