#include "tests/core/graph/named_graph.h"

namespace qs {
namespace {

const std::map<std::string, Tensor> &constants() {
    static const std::map<std::string, Tensor> values = {
        {"w", Tensor::fromValues<std::int8_t>({2, 2}, std::vector<std::int8_t>{1, 2, 3, 4})},
        {"s", Tensor::fromValues<float>({}, std::vector<float>{0.5f})},
        {"zu", Tensor::fromValues<std::uint8_t>({}, std::vector<std::uint8_t>{3})},
        {"zi", Tensor::fromValues<std::int8_t>({}, std::vector<std::int8_t>{0})}};
    return values;
}

TEST(FoldQdq, PairsBecomeMarksOfTheirReader) {
    const auto graph = namedGraph({{"q", "QuantizeLinear", {"x", "s", "zu"}, "xq"},
                                   {"dq", "DequantizeLinear", {"xq", "s", "zu"}, "xd"},
                                   {"wdq", "DequantizeLinear", {"w", "s", "zi"}, "wd"},
                                   {"fc", "MatMul", {"xd", "wd"}, "y"}},
                                  constants());
    const QdqFolding folding = foldQdq(*graph);
    EXPECT_EQ(folding.hiddenCount, 3);
    EXPECT_FALSE(folding.hidden[3]);
    EXPECT_EQ(folding.badge(3), "w int8, a uint8");
    EXPECT_EQ(folding.source[static_cast<std::size_t>(graph->findValue("xd"))], graph->findValue("x"));
}

TEST(FoldQdq, QuantizeThatFeedsOtherOperatorsStays) {
    const auto graph = namedGraph({{"q", "QuantizeLinear", {"x", "s", "zu"}, "xq"},
                                   {"dq", "DequantizeLinear", {"xq", "s", "zu"}, "xd"},
                                   {"relu", "Relu", {"xd"}, "y"},
                                   {"other", "Custom", {"xq"}, "z"}},
                                  constants());
    const QdqFolding folding = foldQdq(*graph);
    EXPECT_EQ(folding.hiddenCount, 1);
    EXPECT_FALSE(folding.hidden[0]);
    EXPECT_EQ(folding.source[static_cast<std::size_t>(graph->findValue("xd"))], graph->findValue("xq"));
    EXPECT_EQ(folding.badge(2), "a uint8");
}

TEST(FoldQdq, ModelsWithoutPairsAreUntouched) {
    const auto graph = transformerGraph(1);
    const QdqFolding folding = foldQdq(*graph);
    EXPECT_EQ(folding.hiddenCount, 0);
    for (std::size_t node = 0; node < graph->nodes().size(); ++node)
        EXPECT_EQ(folding.badge(static_cast<NodeId>(node)), "");
}

} // namespace
} // namespace qs
