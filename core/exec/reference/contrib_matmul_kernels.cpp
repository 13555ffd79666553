#include "core/base/parallel.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/float_operands.h"
#include "core/exec/reference/matmul_shape.h"
#include "core/exec/reference/transformer_families.h"

#include <Eigen/Core>

namespace qs {
namespace {

constexpr const char *kMicrosoft = "com.microsoft";
using RowMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstRows = Eigen::Map<const RowMatrix>;

/// The last two dimensions exchanged.
Result<Shape> transposedShape(const Shape &shape, bool transposed) {
    if (!transposed)
        return shape;
    if (shape.rank() < 2)
        return fail(ErrorCode::InvalidArgument, fmt::format("shape {} cannot be transposed", shape.text()));
    std::vector<std::int64_t> dims = shape.dims();
    std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
    return Shape(std::move(dims));
}

/// alpha · A' · B', either operand transposed in its last two axes.
Result<Kernel> fusedMatMul(NodeReader &reader) {
    const bool transA = reader.flag("transA", false), transB = reader.flag("transB", false);
    const auto alpha = static_cast<float>(reader.floatAttribute("alpha", 1));
    if (reader.flag("transBatchA", false) || reader.flag("transBatchB", false))
        return fail(ErrorCode::Unsupported, "transposed batches");
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_CHECK_OK(requireFloat32Operands(call, {0, 1}));
        QS_TRY(const Shape a, transposedShape(call[0].shape(), transA));
        QS_TRY(const Shape b, transposedShape(call[1].shape(), transB));
        QS_TRY(const MatmulShape plan, MatmulShape::of(a, b));
        QS_TRY(Tensor result, call.allocate(DType::Float32, plan.result));
        const float *left = call[0].values<float>().data(), *right = call[1].values<float>().data();
        float *dst = result.mutableValues<float>().data();
        const std::int64_t batch = result.numel() == 0 ? 0 : plan.batch;
        QS_CHECK_OK(parallelFor(batch, 1, call.ctx, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i) {
                const auto entry = static_cast<std::size_t>(i);
                const ConstRows x(left + plan.aMatrix[entry] * plan.m * plan.k, transA ? plan.k : plan.m,
                                  transA ? plan.m : plan.k);
                const ConstRows y(right + plan.bMatrix[entry] * plan.k * plan.n, transB ? plan.n : plan.k,
                                  transB ? plan.k : plan.n);
                Eigen::Map<RowMatrix> product(dst + i * plan.m * plan.n, plan.m, plan.n);
                if (transA && transB)
                    product.noalias() = alpha * (x.transpose() * y.transpose());
                else if (transA)
                    product.noalias() = alpha * (x.transpose() * y);
                else if (transB)
                    product.noalias() = alpha * (x * y.transpose());
                else
                    product.noalias() = alpha * (x * y);
            }
        }));
        return std::vector<Tensor>{std::move(result)};
    });
}

/// Codes of `bits` each, packed from the lowest bits of a byte on, in blocks along the rows of [n, k].
struct BlockCodes {
    std::int64_t k = 0, n = 0, bits = 4, block = 0;

    std::int64_t blocks() const { return (k + block - 1) / block; }
    std::int64_t blockBytes() const { return block * bits / 8; }
    /// Bytes of the packed zero points of one row.
    std::int64_t zeroBytes() const { return (blocks() * bits + 7) / 8; }

    static unsigned codeAt(const std::uint8_t *bytes, std::int64_t index, std::int64_t width) {
        const std::int64_t bit = index * width;
        return (static_cast<unsigned>(bytes[bit / 8]) >> (bit % 8)) & ((1u << width) - 1);
    }
};

/// Operands: x, codes, scales, zero points, order of the columns, bias.
struct BlockWeights {
    BlockCodes form;
    const std::uint8_t *codes = nullptr, *packedZeros = nullptr;
    const float *scales = nullptr, *zeros = nullptr;

    void row(std::int64_t index, float *dst) const {
        const std::int64_t blocks = form.blocks();
        const std::uint8_t *line = codes + index * blocks * form.blockBytes();
        for (std::int64_t b = 0; b < blocks; ++b) {
            const std::int64_t at = index * blocks + b;
            const float zero = zeros         ? zeros[at]
                               : packedZeros ? static_cast<float>(BlockCodes::codeAt(
                                                   packedZeros + index * form.zeroBytes(), b, form.bits))
                                             : static_cast<float>(1u << (form.bits - 1));
            const std::int64_t begin = b * form.block, end = std::min(form.k, begin + form.block);
            for (std::int64_t i = begin; i < end; ++i) {
                const unsigned code = BlockCodes::codeAt(line + b * form.blockBytes(), i - begin, form.bits);
                dst[i] = (static_cast<float>(code) - zero) * scales[at];
            }
        }
    }
};

Result<BlockCodes> readCodes(NodeReader &reader) {
    const BlockCodes codes{reader.intAttribute("K", 0), reader.intAttribute("N", 0),
                           reader.intAttribute("bits", 4), reader.intAttribute("block_size", 0)};
    constexpr std::int64_t kMost = std::int64_t{1} << 30;
    const bool knownBits = codes.bits == 2 || codes.bits == 4 || codes.bits == 8;
    if (codes.k < 1 || codes.n < 1 || codes.k > kMost || codes.n > kMost || !knownBits || codes.block < 8 ||
        codes.block > kMost || codes.block % 8 != 0)
        return fail(ErrorCode::Unsupported, fmt::format("K={}, N={}, bits={}, block_size={}", codes.k,
                                                        codes.n, codes.bits, codes.block));
    reader.ignore({"accuracy_level"}); // allows to compute in lower precision
    return codes;
}

Result<BlockWeights> weightsOf(const KernelCall &call, const BlockCodes &form) {
    const std::int64_t scales = form.n * form.blocks();
    const bool packedZeros = call.has(3) && call[3].dtype() == DType::UInt8;
    if (call[1].dtype() != DType::UInt8 || call[1].numel() != scales * form.blockBytes() ||
        call[2].dtype() != DType::Float32 || call[2].numel() != scales ||
        (packedZeros && call[3].numel() != form.n * form.zeroBytes()) ||
        (call.has(3) && !packedZeros && (call[3].dtype() != DType::Float32 || call[3].numel() != scales)))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("codes {} and scales {} for a matrix [{}, {}]", call[1].shape().text(),
                                call[2].shape().text(), form.n, form.k));
    BlockWeights weights{form, call[1].values<std::uint8_t>().data(), nullptr, call[2].values<float>().data(),
                         nullptr};
    if (packedZeros)
        weights.packedZeros = call[3].values<std::uint8_t>().data();
    else if (call.has(3))
        weights.zeros = call[3].values<float>().data();
    return weights;
}

/// x · Wᵀ + bias, some rows of W decoded at a time.
Outputs multiplyByCodes(const KernelCall &call, const BlockWeights &weights) {
    constexpr std::int64_t kRows = 64;
    const BlockCodes &form = weights.form;
    std::vector<std::int64_t> dims = call[0].shape().dims();
    dims.back() = form.n;
    QS_TRY(Tensor result, call.allocate(DType::Float32, Shape(std::move(dims))));
    const std::int64_t rows = call[0].numel() / form.k;
    const ConstRows x(call[0].values<float>().data(), rows, form.k);
    Eigen::Map<RowMatrix> dst(result.mutableValues<float>().data(), rows, form.n);
    const float *bias = call.has(5) ? call[5].values<float>().data() : nullptr;
    QS_CHECK_OK(
        parallelFor(rows == 0 ? 0 : form.n, kRows, call.ctx, [&](std::int64_t begin, std::int64_t end) {
            RowMatrix decoded(end - begin, form.k);
            for (std::int64_t row = begin; row < end; ++row)
                weights.row(row, decoded.data() + (row - begin) * form.k);
            dst.middleCols(begin, end - begin).noalias() = x * decoded.transpose();
            if (bias)
                dst.middleCols(begin, end - begin).rowwise() +=
                    Eigen::Map<const Eigen::RowVectorXf>(bias + begin, end - begin);
        }));
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> matMulNBits(NodeReader &reader) {
    QS_TRY(const BlockCodes form, readCodes(reader));
    if (reader.hasInput(4))
        return fail(ErrorCode::Unsupported, "a group index (g_idx)");
    return widenHalfTypes([form](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 3));
        QS_CHECK_OK(requireFloat32Operands(call, {0, 2, 5}));
        const Shape &x = call[0].shape();
        if (x.rank() < 1 || x[x.rank() - 1] != form.k || (call.has(5) && call[5].shape() != Shape{form.n}))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("x of shape {} for a matrix [{}, {}]", x.text(), form.n, form.k));
        QS_TRY(const BlockWeights weights, weightsOf(call, form));
        return multiplyByCodes(call, weights);
    });
}

constexpr KernelEntry kEntries[] = {
    {"FusedMatMul", 1, fusedMatMul, kMicrosoft},
    {"MatMulNBits", 1, matMulNBits, kMicrosoft},
};

} // namespace

KernelFamily contribMatmulKernels() {
    return kEntries;
}

} // namespace qs
