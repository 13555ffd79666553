#pragma once

#include "core/export/exporters/onnx_graph_edit.h"
#include "core/export/exporters/qdq_encoding.h"
#include "core/session/run.h"

namespace qs {

struct QdqOptions {
    bool signedActivations = false; ///< int8 (int16) instead of uint8 (uint16); 8-bit weights follow
    bool int32Bias = true;
};

/// Puts the quantized layers of a run into the graph of its model, one after the other.
class QdqEditor {
public:
    QdqEditor(const Model &model, OnnxGraphEdit &edit, QdqOptions options, FindingList &findings);

    /// \error Unsupported  the layer cannot be expressed; names it and the reason
    Status quantize(const QuantizedLayer &quantized);
    /// The operator set that what was written so far needs.
    std::int64_t neededOpset() const { return m_neededOpset; }

private:
    struct WrittenWeight {
        ValueId source;
        bool transposed;
        std::optional<bool> signedCodes;
        std::shared_ptr<const QuantizedMatrix> matrix;
        QdqWeight encoded; ///< empty when the weight is written as float values
        std::string value; ///< name of the dequantized weight
    };
    Status checkPlace(const Layer &layer, int node) const;
    Result<const WrittenWeight *> writeWeight(const Layer &layer, int node,
                                              const std::shared_ptr<const QuantizedMatrix> &matrix,
                                              std::optional<bool> signedCodes);
    Result<WrittenWeight> encode(const Layer &layer, int node,
                                 const std::shared_ptr<const QuantizedMatrix> &matrix,
                                 std::optional<bool> signedCodes);
    std::string addFloatWeight(const Layer &layer, const QuantizedMatrix &matrix);
    std::string addKept(const Layer &layer, int node, const std::string &value,
                        const QuantizedMatrix &matrix);
    std::string addDequantizedWeight(const Layer &layer, int node, const QdqWeight &weight);
    std::string addOffset(const std::string &base, int node, std::string value, const QdqWeight &weight);
    std::string addReshape(int node, const std::string &value, const std::vector<std::int64_t> &dims,
                           const std::string &outputWish);
    std::string addIntegers(const std::string &wish, const std::vector<std::int64_t> &values);
    void writeActivation(const Layer &layer, int node, const QdqActivation &activation);
    /// Exact: the sum of two pairs, of which one clips what is below 0 and the other what is above.
    void writeRegions(const Layer &layer, int node, const RegionGrid &grid, int bits);
    /// \param type  of the value, which the pair takes and gives back
    std::string addPair(int node, const std::string &value, DType type, const QdqActivation &activation);
    DType typeOf(const Layer &layer) const;
    std::string addCast(int node, const std::string &value, DType type, const std::string &outputWish);
    std::string narrowed(const Layer &layer, int node, const std::string &value);
    void writeBias(const Layer &layer, int node, const QdqWeight &weight, const QdqActivation &activation);
    void warn(const Layer &layer, const QuantizedLayer &quantized);

    const Model &m_model;
    OnnxGraphEdit &m_edit;
    QdqOptions m_options;
    FindingList &m_findings;
    std::int64_t m_neededOpset = 13;
    std::vector<std::unique_ptr<const WrittenWeight>> m_weights;
    std::map<std::pair<std::string, QdqActivation>, std::string> m_activations; ///< name of the pair's output
    std::map<std::tuple<std::string, QdqActivation, QdqActivation>, std::string> m_regions; ///< likewise
};

} // namespace qs
