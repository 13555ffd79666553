#pragma once

#include "core/exec/executor.h"
#include "core/graph/graph_edit.h"

#include <functional>

namespace qs {

/// Collects changes of a model's constants and operators; reads see what was changed before. Ids stay those
/// of the model until finish().
class ModelEditor {
public:
    explicit ModelEditor(std::shared_ptr<const Model> model) : m_model(std::move(model)) {}

    const Model &model() const { return *m_model; }
    const ModelGraph &graph() const { return m_model->graph; }
    bool isChanged() const { return !m_constants.empty() || !m_edit.empty(); }

    /// The constant that a slot reads, float32, or an empty tensor when it reads none.
    Tensor constant(InputSlot slot) const;
    /// Gives the slot a constant of its own (in place when nothing else reads the old one).
    /// \param value  float32; the changed model holds it in the type of the old one
    void setConstant(InputSlot slot, Tensor value);

    /// Weight of a layer as [outChannels, inPerOut], float32.
    Result<Tensor> weight(const Layer &layer) const;
    void setWeight(const Layer &layer, const Tensor &matrix);

    /// A new operator over a value and a constant; later operators over the same value see its result when it
    /// replaces the value for them.
    /// \param constant  float32; becomes what the weight of `beside` is: operators take one type only
    /// \return name of the output
    std::string insert(const std::string &opType, const std::string &input, const Tensor &constant,
                       const Layer &beside);
    /// Says that the operator inserted last adds to what a layer makes: it is a bias that the layer lacked.
    void noteOffset(LayerId layer) { m_offsets[layer].push_back(m_edit.constants.size() - 1); }
    /// Applies change(channel, value) to everything that was added to what a layer makes.
    void changeOffsets(const Layer &layer, const std::function<double(std::size_t, double)> &change);
    /// What a slot reads, by name, after the changes so far.
    std::string valueRead(InputSlot slot) const;
    void rewire(InputSlot slot, const std::string &value);

    /// The changed model: same layers with the same ids, numbers of nodes and values anew. \error CorruptFile
    Result<std::shared_ptr<const Model>> finish() const;
    GraphEdit edit() const;

private:
    std::string uniqueName(const std::string &wish);

    std::shared_ptr<const Model> m_model;
    std::map<InputSlot, Tensor> m_constants; ///< by the slot that reads it
    std::map<InputSlot, std::string> m_ownNames;
    GraphEdit m_edit; ///< operators and what they read
    std::map<InputSlot, std::string> m_rewired;
    std::map<LayerId, std::vector<std::size_t>> m_offsets; ///< places in m_edit.constants
    int m_count = 0;
};

} // namespace qs
