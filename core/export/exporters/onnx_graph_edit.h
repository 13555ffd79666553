#pragma once

#include "core/tensor/tensor.h"

#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace onnx {
class GraphProto;
class NodeProto;
class TensorProto;
} // namespace onnx

namespace qs {

/// All names of a graph and its subgraphs, so that new ones clash with none.
class OnnxNames {
public:
    explicit OnnxNames(const onnx::GraphProto &graph);
    /// `wish`, or with a number behind it when that is taken; taken from now on.
    std::string unique(const std::string &wish);

private:
    std::unordered_set<std::string> m_taken;
};

/// Stores a tensor inside the message; the name may be the message's own.
void setTensor(onnx::TensorProto &proto, std::string name, const Tensor &tensor);

/// Adds constants and nodes to the main graph of a model and rewires inputs. Positions of nodes stay those of
/// the original file until finish().
class OnnxGraphEdit {
public:
    explicit OnnxGraphEdit(onnx::GraphProto &graph);
    ~OnnxGraphEdit();

    /// Position of the node that produces a value; -1 when no node of the main graph does.
    int producerOf(const std::string &value) const;
    const onnx::NodeProto &node(int position) const;
    void setInput(int position, int index, const std::string &value);

    /// \return the name that the constant got
    std::string addInitializer(const std::string &wish, const Tensor &tensor);
    /// A new node with one output that will stand in front of node `before`; integers become its attributes.
    /// \return the name of its output
    std::string addNode(int before, const std::string &opType, const std::vector<std::string> &inputs,
                        const std::string &outputWish,
                        const std::map<std::string, std::int64_t> &attributes = {});

    /// The same behind node `after`, without attributes.
    std::string addNodeAfter(int after, const std::string &opType, const std::vector<std::string> &inputs,
                             const std::string &outputWish);
    /// A second node like `original` (operator and attributes) that reads other inputs, behind it.
    /// \return the name of its output
    std::string addCopyAfter(int original, const std::vector<std::string> &inputs,
                             const std::string &outputWish);
    /// All that read the first output of a node read output + summand from now on.
    void addToOutput(int position, const std::string &summand);

    /// Puts the new nodes in place and drops what only rewired inputs had read: constants, and the nodes
    /// that brought them there.
    void finish();

private:
    onnx::NodeProto &newNode(std::map<int, std::vector<onnx::NodeProto>> &place, int position,
                             const std::string &opType, const std::vector<std::string> &inputs,
                             const std::string &output);
    void dropUnreadNodes();
    void dropUnread();
    onnx::GraphProto &m_graph;
    OnnxNames m_names;
    std::unordered_map<std::string, int> m_producers;
    std::map<int, std::vector<onnx::NodeProto>> m_newNodes;   ///< by the position that they precede
    std::map<int, std::vector<onnx::NodeProto>> m_nodesAfter; ///< by the position that they follow
    std::unordered_set<std::string> m_replaced; ///< values that a rewired input or a dropped node had read
    std::unordered_set<std::string> m_dropped;  ///< values that are gone
};

} // namespace qs
