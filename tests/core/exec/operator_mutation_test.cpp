#include "core/exec/shape_trace.h"
#include "tests/core/exec/golden_operators.h"

#include <cmath>
#include <limits>
#include <random>

namespace qs {
namespace {

/// Damages an operator and its operands the way a hostile file could.
class Mutator {
public:
    explicit Mutator(unsigned seed) : m_random(seed) {}

    void damage(OneOperator &op, std::vector<Tensor> &inputs) {
        const std::size_t attributes = op.attributes.size(), places = attributes + 2 * inputs.size();
        const std::size_t place = pick(places);
        if (place < attributes) {
            damageAttribute(std::next(op.attributes.begin(), static_cast<std::ptrdiff_t>(place))->second);
            return;
        }
        Tensor &tensor = inputs[(place - attributes) / 2];
        if (tensor.empty() || pick(6) == 0)
            tensor = tensor.empty() ? Tensor::zeros(DType::Float32, Shape{2}) : Tensor{};
        else
            damageTensor(tensor);
    }

private:
    std::size_t pick(std::size_t count) { return m_random() % count; }

    std::int64_t integer() {
        constexpr std::int64_t kValues[] = {-1,
                                            0,
                                            1,
                                            2,
                                            3,
                                            5,
                                            1000,
                                            1 << 20,
                                            std::int64_t{1} << 40,
                                            std::numeric_limits<std::int64_t>::max(),
                                            std::numeric_limits<std::int64_t>::min()};
        return kValues[pick(std::size(kValues))];
    }
    double real() {
        const double values[] = {0, -1, 0.5, 1e30, -1e30, std::nan(""), HUGE_VAL};
        return values[pick(std::size(values))];
    }

    template <typename T, typename Fn>
    void damageList(std::vector<T> &list, const Fn &value) {
        if (list.empty() || pick(3) == 0)
            list.push_back(value());
        else if (pick(3) == 0)
            list.pop_back();
        else
            list[pick(list.size())] = value();
    }

    void damageAttribute(Attribute &attribute) {
        if (auto *integerValue = std::get_if<std::int64_t>(&attribute))
            *integerValue = integer();
        else if (auto *realValue = std::get_if<double>(&attribute))
            *realValue = real();
        else if (auto *text = std::get_if<std::string>(&attribute))
            text->insert(pick(text->size() + 1), 1, "x.,->i"[pick(6)]);
        else if (auto *integers = std::get_if<std::vector<std::int64_t>>(&attribute))
            damageList(*integers, [this] { return integer(); });
        else if (auto *reals = std::get_if<std::vector<double>>(&attribute))
            damageList(*reals, [this] { return real(); });
        else
            attribute = integer();
    }

    void damageTensor(Tensor &tensor) {
        constexpr DType kTypes[] = {DType::Float32, DType::Float64, DType::Float16, DType::Int64,
                                    DType::Int32,   DType::UInt8,   DType::Bool};
        std::vector<std::int64_t> dims = tensor.shape().dims();
        switch (pick(3)) {
        case 0:
            damageList(dims, [this] { return static_cast<std::int64_t>(pick(6)); });
            tensor = Tensor::zeros(tensor.dtype(), Shape(dims));
            return;
        case 1:
            if (auto converted = castTensor(tensor, kTypes[pick(std::size(kTypes))]))
                tensor = *converted;
            return;
        default:
            damageElement(tensor);
        }
    }

    void damageElement(Tensor &tensor) {
        if (tensor.numel() == 0)
            return;
        const std::size_t at = pick(static_cast<std::size_t>(tensor.numel()));
        if (tensor.dtype() == DType::Int64)
            tensor = changed<std::int64_t>(tensor, at, integer());
        else if (tensor.dtype() == DType::Float32)
            tensor = changed<float>(tensor, at, static_cast<float>(real()));
    }

    template <typename T>
    static Tensor changed(const Tensor &tensor, std::size_t at, T value) {
        Tensor copy = Tensor::fromValues<T>(tensor.shape(), tensor.values<T>());
        copy.mutableValues<T>()[at] = value;
        return copy;
    }

    std::mt19937 m_random;
};

/// Shapes that the rule gives for what the kernel computed; nothing where it knows none.
std::optional<std::vector<Shape>> ruledShapes(const OneOperator &op, const std::vector<Tensor> &inputs) {
    const auto graph = graphOf(op, inputs, false);
    if (!graph)
        return std::nullopt;
    const auto trace = traceShapes(
        *graph, inputs[0].empty() ? std::vector<Shape>{} : std::vector<Shape>{inputs[0].shape()}, {});
    if (!trace || !trace->gaps.empty())
        return std::nullopt;
    std::vector<Shape> shapes;
    for (const ValueId output : graph->node(0).outputs)
        shapes.push_back((*trace)[output].shape);
    return shapes;
}

TEST(DamagedOperators, GiveErrorsOrTheShapesOfTheirRules) {
    constexpr std::size_t kLimitBytes = std::size_t{1} << 22;
    Mutator mutator(2024);
    int computed = 0, refused = 0, ruled = 0;
    for (const GoldenOperator &golden : goldenOperators())
        for (int repeat = 0; repeat < 40; ++repeat) {
            OneOperator op = golden.op;
            std::vector<Tensor> inputs = golden.inputs;
            for (int damages = 1 + repeat % 2; damages > 0; --damages)
                mutator.damage(op, inputs);
            const Outputs outputs = op.run(inputs, kLimitBytes);
            ++(outputs ? computed : refused);
            const auto shapes = ruledShapes(op, inputs);
            for (std::size_t i = 0; outputs && shapes && i < shapes->size(); ++i, ++ruled)
                EXPECT_EQ((*outputs)[i].shape(), (*shapes)[i]) << golden.name << ", repeat " << repeat;
        }
    EXPECT_GT(computed, 1000);
    EXPECT_GT(refused, 1000);
    EXPECT_GT(ruled, 1000);
}

} // namespace
} // namespace qs
