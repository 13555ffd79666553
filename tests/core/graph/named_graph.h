#pragma once

#include "core/graph/graph_map.h"

#include <gmock/gmock.h>

namespace qs {

/// A graph from lines "name, operator, inputs, output": one input per inputs that nothing produces, and every
/// value that nobody reads is an output of the model.
struct NamedNode {
    std::string name, op;
    std::vector<std::string> inputs;
    std::string output;
};

inline std::shared_ptr<const ModelGraph> namedGraph(const std::vector<NamedNode> &nodes,
                                                    const std::map<std::string, Tensor> &constants = {}) {
    GraphBuilder builder;
    std::set<std::string> made, read;
    for (const NamedNode &line : nodes) {
        made.insert(line.output);
        read.insert(line.inputs.begin(), line.inputs.end());
    }
    for (const auto &[name, tensor] : constants)
        EXPECT_TRUE(builder.addConstant(builder.value(name), tensor));
    for (const std::string &name : read)
        if (!made.contains(name) && !constants.contains(name))
            builder.addInput(builder.value(name));
    for (const NamedNode &line : nodes) {
        Node node;
        node.name = line.name;
        node.opType = line.op;
        for (const std::string &input : line.inputs)
            node.inputs.push_back(builder.value(input));
        node.outputs.push_back(builder.value(line.output));
        EXPECT_TRUE(builder.addNode(std::move(node)));
    }
    for (const NamedNode &line : nodes)
        if (!read.contains(line.output))
            builder.addOutput(builder.value(line.output));
    auto graph = std::move(builder).finish();
    EXPECT_TRUE(graph) << graph.error().text();
    return std::make_shared<const ModelGraph>(std::move(*graph));
}

/// `blocks` residual blocks of attention and MLP, 16 nodes each, with the names of PyTorch's exporter.
inline std::shared_ptr<const ModelGraph> transformerGraph(int blocks) {
    std::vector<NamedNode> nodes{{"/embed/Gather", "Gather", {"ids"}, "x0"}};
    std::string x = "x0";
    for (int b = 0; b < blocks; ++b) {
        const std::string block = "/blocks." + std::to_string(b), v = "b" + std::to_string(b) + "_";
        const auto add = [&](const std::string &name, const std::string &op, std::vector<std::string> inputs,
                             const std::string &output) {
            nodes.push_back({block + "/" + name, op, std::move(inputs), v + output});
        };
        add("norm1/Norm", "LayerNormalization", {x}, "n1");
        for (const char *p : {"q", "k", "v"}) {
            add(std::string("attn/") + p + "/MatMul", "MatMul", {v + "n1"}, std::string(p) + "m");
            add(std::string("attn/") + p + "/Add", "Add", {v + p + "m"}, p);
        }
        add("attn/MatMul", "MatMul", {v + "q", v + "k"}, "s");
        add("attn/Add", "Add", {v + "s", "mask"}, "sm");
        add("attn/Softmax", "Softmax", {v + "sm"}, "p");
        add("attn/MatMul_1", "MatMul", {v + "p", v + "v"}, "o");
        add("Add", "Add", {v + "o", x}, "r");
        add("norm2/Norm", "LayerNormalization", {v + "r"}, "n2");
        add("mlp/fc1/MatMul", "MatMul", {v + "n2"}, "f");
        add("mlp/fc2/MatMul", "MatMul", {v + "f"}, "g");
        add("Add_1", "Add", {v + "g", v + "r"}, "y");
        x = v + "y";
    }
    nodes.push_back({"/head/MatMul", "MatMul", {x}, "logits"});
    return namedGraph(nodes);
}

} // namespace qs
