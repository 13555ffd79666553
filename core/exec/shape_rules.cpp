#include "core/exec/shape_rules.h"

#include "core/exec/reference/axes.h"
#include "core/tensor/convert.h"

#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

using Shapes = Result<std::vector<Shape>>;
using Ints = std::vector<std::int64_t>;
using Rule = ShapeRule;

tl::unexpected<Error> misfit(const std::string &what) {
    return fail(ErrorCode::InvalidArgument, what);
}
Shapes one(Shape shape) {
    return std::vector<Shape>{std::move(shape)};
}
/// Every rule but a few reads its first operand.
Status needs(const ShapeQuery &query, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        if (!query.has(i))
            return misfit(fmt::format("operand {} is missing", i));
    return {};
}

Shapes broadcastAll(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, query.inputs.size()));
    QS_CHECK_OK(needs(query, 1));
    Shape shape = query.shape(0);
    for (std::size_t i = 1; i < query.inputs.size(); ++i) {
        QS_TRY(shape, broadcastShapes(shape, query.shape(i)));
    }
    return one(std::move(shape));
}

Shapes matmul(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 2));
    return productShapes(query.shape(0), query.shape(1));
}

Shapes gemm(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 2));
    const Shape &a = query.shape(0), &b = query.shape(1);
    if (a.rank() != 2 || b.rank() != 2)
        return misfit("Gemm multiplies two matrices");
    return one({query.node.intAttribute("transA", 0) ? a[1] : a[0],
                query.node.intAttribute("transB", 0) ? b[0] : b[1]});
}

Shapes flatten(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 1));
    const Shape &src = query.shape(0);
    const std::int64_t axis = query.node.intAttribute("axis", 1);
    const auto split =
        static_cast<int>(std::clamp<std::int64_t>(axis < 0 ? axis + src.rank() : axis, 0, src.rank()));
    return one({src.numelBetween(0, split), src.numelBetween(split, src.rank())});
}

Shapes reshape(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 1));
    QS_TRY(auto wanted, query.integersOf("shape", 1));
    if (!wanted)
        return misfit("no shape is given");
    const Shape &src = query.shape(0);
    std::int64_t product = 1;
    int open = -1;
    for (std::size_t i = 0; i < wanted->size(); ++i) {
        std::int64_t &dim = (*wanted)[i];
        if (dim == 0 && query.node.intAttribute("allowzero", 0) == 0 && static_cast<int>(i) < src.rank())
            dim = src[static_cast<int>(i)];
        if (dim == -1 && open < 0)
            open = static_cast<int>(i);
        else if (dim < 0 || (dim > 0 && product > INT64_MAX / dim))
            return misfit("a dimension of the wanted shape is negative or too large");
        else
            product *= dim;
    }
    if (open >= 0)
        (*wanted)[static_cast<std::size_t>(open)] = product > 0 ? src.numel() / product : 0;
    Shape shape(std::move(*wanted));
    QS_TRY(const std::int64_t elements, shape.checkedNumel());
    if (elements != src.numel())
        return misfit(fmt::format("{} elements cannot take the shape {}", src.text(), shape.text()));
    return one(std::move(shape));
}

Shapes transpose(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 1));
    const Shape &src = query.shape(0);
    Ints perm = query.node.intsAttribute("perm"), dims;
    if (perm.empty())
        for (int axis = src.rank() - 1; axis >= 0; --axis)
            perm.push_back(axis);
    if (static_cast<int>(perm.size()) != src.rank())
        return misfit("the permutation does not fit the rank");
    for (const std::int64_t entry : perm) {
        QS_TRY(const int axis, normalizeAxis(entry, src.rank()));
        dims.push_back(src[axis]);
    }
    return one(Shape(std::move(dims)));
}

Shapes squeeze(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 1));
    QS_TRY(const auto axes, query.integersOf("axes", 1));
    const Shape &src = query.shape(0);
    std::set<int> gone;
    if (axes) {
        QS_TRY(const std::vector<int> sorted, normalizeAxes(*axes, src.rank()));
        gone.insert(sorted.begin(), sorted.end());
    }
    Ints dims;
    for (int axis = 0; axis < src.rank(); ++axis)
        if (axes ? !gone.contains(axis) : src[axis] != 1)
            dims.push_back(src[axis]);
    return one(Shape(std::move(dims)));
}

Shapes unsqueeze(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 1));
    QS_TRY(const auto axes, query.integersOf("axes", 1));
    if (!axes)
        return misfit("no axes are given");
    const Shape &src = query.shape(0);
    QS_TRY(const std::vector<int> sorted, normalizeAxes(*axes, src.rank() + static_cast<int>(axes->size())));
    Ints dims = src.dims();
    for (const int axis : sorted)
        dims.insert(dims.begin() + axis, 1);
    return one(Shape(std::move(dims)));
}

Shapes concat(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, query.inputs.size()));
    QS_CHECK_OK(needs(query, 1));
    Shape shape = query.shape(0);
    QS_TRY(const int axis, normalizeAxis(query.node.intAttribute("axis", 0), shape.rank()));
    for (std::size_t i = 1; i < query.inputs.size(); ++i) {
        if (query.shape(i).rank() != shape.rank())
            return misfit("operands of different rank");
        if (__builtin_add_overflow(shape[axis], query.shape(i)[axis], &shape[axis]))
            return misfit("the operands are too large");
    }
    return one(std::move(shape));
}

Shapes split(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 1));
    const Shape &src = query.shape(0);
    QS_TRY(const int axis, normalizeAxis(query.node.intAttribute("axis", 0), src.rank()));
    QS_TRY(auto sizes, query.integersOf("split", 1));
    const auto parts = static_cast<std::int64_t>(query.node.outputs.size());
    if (parts == 0)
        return std::vector<Shape>{};
    if (!sizes) {
        const std::int64_t each = (src[axis] + parts - 1) / parts;
        sizes = Ints(static_cast<std::size_t>(parts), each);
        sizes->back() = src[axis] - each * (parts - 1);
    }
    std::vector<Shape> shapes;
    for (const std::int64_t size : *sizes) {
        shapes.push_back(src);
        shapes.back()[axis] = size;
    }
    return shapes;
}

/// Elements that dim[start:end:step] selects.
std::int64_t sliceCount(std::int64_t dim, std::int64_t start, std::int64_t end, std::int64_t step) {
    if (step == 0 || step < -(std::int64_t{1} << 40) || step > (std::int64_t{1} << 40))
        return step > 0 ? 1 : 0;
    const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? dim : dim - 1;
    start = std::clamp(start < 0 ? start + dim : start, low, high);
    end = std::clamp(end < 0 ? end + dim : end, low, high);
    const std::int64_t span = step > 0 ? end - start : start - end;
    const std::int64_t stride = step > 0 ? step : -step;
    return span > 0 ? (span + stride - 1) / stride : 0;
}

Shapes slice(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 1));
    QS_TRY(const auto starts, query.integersOf("starts", 1));
    QS_TRY(const auto ends, query.integersOf("ends", 2));
    QS_TRY(auto axes, query.integersOf("axes", 3));
    QS_TRY(auto steps, query.integersOf("steps", 4));
    if (!starts || !ends || starts->size() != ends->size())
        return misfit("starts and ends do not fit");
    Shape shape = query.shape(0);
    for (std::size_t i = 0; i < starts->size(); ++i) {
        QS_TRY(const int axis,
               normalizeAxis(axes && i < axes->size() ? (*axes)[i] : static_cast<std::int64_t>(i),
                             shape.rank()));
        shape[axis] =
            sliceCount(shape[axis], (*starts)[i], (*ends)[i], steps && i < steps->size() ? (*steps)[i] : 1);
    }
    return one(std::move(shape));
}

Shapes gather(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 2));
    const Shape &data = query.shape(0);
    QS_TRY(const int axis, normalizeAxis(query.node.intAttribute("axis", 0), data.rank()));
    Ints dims(data.begin(), data.begin() + axis);
    dims.insert(dims.end(), query.shape(1).begin(), query.shape(1).end());
    dims.insert(dims.end(), data.begin() + axis + 1, data.end());
    return one(Shape(std::move(dims)));
}

Shapes sameAsSecond(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 2));
    return one(query.shape(1));
}

Shapes expand(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 2));
    QS_TRY(Ints wanted, query.integers(1));
    QS_TRY(Shape shape, broadcastShapes(query.shape(0), Shape(std::move(wanted))));
    return one(std::move(shape));
}

Shapes filled(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 1));
    QS_TRY(Ints dims, query.integers(0));
    return one(Shape(std::move(dims)));
}

/// \see the kernel of ConstantFill
Shapes constantFill(const ShapeQuery &query) {
    Ints dims = query.node.intsAttribute("shape");
    if (query.node.intAttribute("input_as_shape", 0) != 0) {
        QS_CHECK_OK(needs(query, 1));
        QS_TRY(dims, query.integers(0));
    } else if (query.has(0)) {
        dims = query.shape(0).dims();
    }
    const Ints extra = query.node.intsAttribute("extra_shape");
    dims.insert(dims.end(), extra.begin(), extra.end());
    return one(Shape(std::move(dims)));
}

Shapes tile(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 2));
    QS_TRY(const Ints repeats, query.integers(1));
    Shape shape = query.shape(0);
    if (static_cast<int>(repeats.size()) != shape.rank())
        return misfit("repeats do not fit the rank");
    for (int axis = 0; axis < shape.rank(); ++axis)
        if (__builtin_mul_overflow(shape[axis], repeats[static_cast<std::size_t>(axis)], &shape[axis]))
            return misfit("the repeats are too many");
    return one(std::move(shape));
}

Shapes reduction(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 1));
    QS_TRY(auto axes, query.integersOf("axes", 1));
    const Shape &src = query.shape(0);
    if (query.node.opType.starts_with("Arg"))
        axes = Ints{query.node.intAttribute("axis", 0)};
    else if ((!axes || axes->empty()) && query.node.intAttribute("noop_with_empty_axes", 0) != 0)
        return one(src);
    std::set<int> reduced;
    if (axes && !axes->empty()) {
        QS_TRY(const std::vector<int> sorted, normalizeAxes(*axes, src.rank()));
        reduced.insert(sorted.begin(), sorted.end());
    } else {
        for (int axis = 0; axis < src.rank(); ++axis)
            reduced.insert(axis);
    }
    const bool keep = query.node.intAttribute("keepdims", 1) != 0;
    Ints dims;
    for (int axis = 0; axis < src.rank(); ++axis)
        if (!reduced.contains(axis))
            dims.push_back(src[axis]);
        else if (keep)
            dims.push_back(1);
    return one(Shape(std::move(dims)));
}

Shapes scalar(const ShapeQuery &) {
    return one(Shape{});
}

// clang-format off
constexpr const char *kSameAsFirst[] = {
    "Abs", "Acos", "Asin", "Atan", "BatchNormalization", "BitwiseNot", "Cast", "Ceil", "Celu", "Clip", "Cos", "Cosh",
    "CumSum", "DequantizeLinear", "Dropout", "Elu", "Erf", "Exp", "Floor", "Gelu", "GroupNormalization",
    "HardSigmoid", "HardSwish", "Hardmax", "Identity", "InstanceNormalization", "IsInf", "IsNaN", "LRN",
    "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax", "LpNormalization", "MeanVarianceNormalization",
    "Mish", "Neg", "Not",
    "QuantizeLinear", "RMSNormalization", "Reciprocal", "Relu", "Round", "ScatterElements", "ScatterND",
    "Selu", "Sigmoid", "Sign", "Sin", "Sinh", "Softmax", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh",
    "ThresholdedRelu", "Trilu"};
constexpr const char *kBroadcast[] = {
    "Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max",
    "Mean", "Min", "Mod", "Mul", "Or", "PRelu", "Pow", "Sub", "Sum", "Where", "Xor"};
constexpr const char *kReductions[] = {
    "ArgMax", "ArgMin", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
    "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"};
// clang-format on

using RuleTable = std::map<std::string, Rule, std::less<>>;

void addEntries(RuleTable &table, std::span<const ShapeRuleEntry> entries) {
    for (const ShapeRuleEntry &entry : entries)
        table[entry.opType] = entry.rule;
}

const RuleTable &rules() {
    static const RuleTable kRules = [] {
        RuleTable table{{"MatMul", matmul},
                        {"Gemm", gemm},
                        {"Flatten", flatten},
                        {"Reshape", reshape},
                        {"Transpose", transpose},
                        {"Squeeze", squeeze},
                        {"Unsqueeze", unsqueeze},
                        {"Concat", concat},
                        {"Split", split},
                        {"Slice", slice},
                        {"Gather", gather},
                        {"GatherElements", sameAsSecond},
                        {"Expand", expand},
                        {"ConstantOfShape", filled},
                        {"Tile", tile},
                        {"Size", scalar},
                        {"ConstantFill", constantFill}};
        const auto add = [&table](std::span<const char *const> operators, Rule rule) {
            for (const char *op : operators)
                table[op] = rule;
        };
        add(kSameAsFirst, shapeOfFirstOperand);
        add(kBroadcast, broadcastAll);
        add(kReductions, reduction);
        for (const auto family : {spatialShapeRules(), signalShapeRules(), codeShapeRules(),
                                  rearrangementShapeRules(), attentionShapeRules()})
            addEntries(table, family);
        return table;
    }();
    return kRules;
}

/// Rules of a domain; nullptr where there are none.
const RuleTable *rulesOf(const std::string &domain) {
    static const RuleTable kContrib = [] {
        RuleTable table;
        addEntries(table, contribShapeRules());
        return table;
    }();
    return domain.empty() ? &rules() : domain == "com.microsoft" ? &kContrib : nullptr;
}

} // namespace

Result<std::vector<Shape>> productShapes(const Shape &left, const Shape &right) {
    Ints a = left.dims(), b = right.dims();
    if (a.empty() || b.empty())
        return misfit("a scalar is no matrix");
    const bool vectorA = a.size() == 1, vectorB = b.size() == 1;
    if (vectorA)
        a.insert(a.begin(), 1);
    if (vectorB)
        b.push_back(1);
    if (a.back() != b[b.size() - 2])
        return misfit(fmt::format("shapes {} and {} cannot be multiplied", left.text(), right.text()));
    QS_TRY(const Shape batch,
           broadcastShapes(Shape(Ints(a.begin(), a.end() - 2)), Shape(Ints(b.begin(), b.end() - 2))));
    Ints dims = batch.dims();
    if (!vectorA)
        dims.push_back(a[a.size() - 2]);
    if (!vectorB)
        dims.push_back(b.back());
    return one(Shape(std::move(dims)));
}

Result<std::vector<Shape>> shapeOfFirstOperand(const ShapeQuery &query) {
    QS_CHECK_OK(needs(query, 1));
    return one(query.shape(0));
}

Result<std::vector<std::int64_t>> ShapeQuery::integers(std::size_t index) const {
    if (inputs[index]->content.empty())
        return fail(ErrorCode::Unsupported, "its shape depends on what the inputs hold");
    return toInt64Vector(inputs[index]->content);
}

Result<std::optional<std::vector<std::int64_t>>> ShapeQuery::integersOf(const char *attribute,
                                                                        std::size_t index) const {
    if (node.hasAttribute(attribute))
        return std::optional(node.intsAttribute(attribute));
    if (!has(index))
        return std::optional<std::vector<std::int64_t>>();
    QS_TRY(auto values, integers(index));
    return std::optional(std::move(values));
}

Result<std::vector<Shape>> inferShapes(const ShapeQuery &query) {
    const RuleTable *table = rulesOf(query.node.domain);
    if (!table || !table->contains(query.node.opType))
        return fail(ErrorCode::Unsupported, "no shape rule for this operator");
    return table->find(query.node.opType)->second(query);
}

DType inferType(const ShapeQuery &query, std::size_t output) {
    const std::string &op = query.node.opType;
    if (op == "EmbedLayerNormalization")
        return output == 1 ? DType::Int32 : query.inputs[2]->dtype;
    if (op == "ConstantFill")
        return static_cast<DType>(query.node.intAttribute("dtype", 1));
    if (op == "EyeLike" && query.node.hasAttribute("dtype"))
        return static_cast<DType>(query.node.intAttribute("dtype", 0));
    if (op == "CastLike")
        return query.has(1) ? query.inputs[1]->dtype : DType::Undefined;
    if (op == "OneHot")
        return query.has(2) ? query.inputs[2]->dtype : DType::Undefined;
    if (op == "TopK" && output == 1)
        return DType::Int64;
    if (op == "Cast")
        return static_cast<DType>(query.node.intAttribute("to", 0));
    if (op.starts_with("Arg") || op == "Size")
        return DType::Int64;
    for (const char *truth : {"And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less",
                              "LessOrEqual", "Not", "Or", "Xor"})
        if (op == truth)
            return DType::Bool;
    if (op == "MaxPool" && output == 1)
        return DType::Int64;
    if (op == "MatMulInteger" || op == "ConvInteger")
        return DType::Int32;
    if (op == "QLinearMatMul" || op == "QLinearConv")
        return query.has(7) ? query.inputs[7]->dtype : DType::Undefined;
    if (op == "TfIdfVectorizer" || (op == "DynamicQuantizeLinear" && output == 1))
        return DType::Float32;
    if (op == "DynamicQuantizeLinear")
        return DType::UInt8;
    if (op == "QuantizeLinear")
        return query.has(2) ? query.inputs[2]->dtype : DType::UInt8;
    if (op == "DequantizeLinear" || op == "Where")
        return query.has(1) ? query.inputs[1]->dtype : DType::Undefined;
    return query.has(0) ? query.inputs[0]->dtype : DType::Undefined;
}

} // namespace qs
