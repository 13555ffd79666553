#include "core/exec/buffer_pool.h"

#include "core/base/machine_memory.h"

#include <atomic>
#include <bit>
#include <fmt/format.h>
#include <new>
#include <optional>

namespace qs {
namespace {

constexpr std::align_val_t kAlignment{64};
constexpr std::size_t kSmallestPooled = 4096;
/// The system returns large blocks at the start of a page. A kernel whose operand and result lie alike in
/// their pages waits for its own stores, since processors compare the lowest 12 bits of addresses first:
/// products with rows of 4 kB took twice as long. So each block starts its tensor elsewhere in the page.
constexpr std::size_t kPage = 4096, kShiftStep = 5 * 64, kSmallestShifted = std::size_t{64} << 10;
constexpr std::size_t kMostIdleBytes = std::size_t{512} << 20;

/// Rounds up to 4, 5, 6 or 7 times a power of two: at most a quarter is wasted and few classes exist.
std::size_t sizeClass(std::size_t size) {
    const std::size_t step = std::bit_floor(size) / 4;
    return (size + step - 1) / step * step;
}

/// The program itself, weights that a model read and other programs need memory, too.
std::size_t defaultBudget() {
    static const auto bytes = static_cast<std::size_t>(machineMemoryBytes() / 8 * 7);
    return bytes;
}

double gibibytes(std::size_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(1 << 30);
}

void freeBlock(std::byte *block) {
    ::operator delete(block, kAlignment);
}

} // namespace

Status checkEmptyAxes(const Shape &shape) {
    constexpr std::int64_t kMost = std::int64_t{1} << 28;
    QS_TRY(const std::int64_t elements, shape.checkedNumel());
    std::int64_t others = 1;
    for (const std::int64_t dim : shape)
        others *= std::max<std::int64_t>(1, dim);
    if (elements == 0 && others > kMost)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("shape {} has no elements, but axes that take forever", shape.text()));
    return {};
}

struct BufferPool::Return {
    std::shared_ptr<BufferPool> pool;
    Block block;
    void operator()(std::byte *) const { pool->giveBack(block); }
};

std::shared_ptr<BufferPool> BufferPool::create(std::size_t budgetBytes) {
    const std::size_t most = defaultBudget();
    return std::shared_ptr<BufferPool>(new BufferPool(budgetBytes == 0 ? most : std::min(budgetBytes, most)));
}

BufferPool::~BufferPool() {
    for (auto &[size, blocks] : m_idle)
        for (const Block &block : blocks)
            freeBlock(block.memory);
}

Result<Tensor> BufferPool::allocate(DType type, Shape shape, std::size_t limitBytes) {
    if (dtypeBits(type) == 0)
        return fail(ErrorCode::Unsupported,
                    fmt::format("elements of type {} cannot be stored", dtypeName(type)));
    const std::size_t limit = limitBytes == 0 ? m_budget : std::min(limitBytes, m_budget);
    const auto elements = shape.checkedNumel();
    const auto bits = static_cast<std::size_t>(dtypeBits(type));
    if (!elements || static_cast<std::size_t>(*elements) > limit / bits * 8)
        return fail(ErrorCode::OutOfMemory, fmt::format("a tensor of shape {} is larger than the {:.2f} GiB "
                                                        "that are allowed",
                                                        shape.text(), gibibytes(limit)));
    QS_CHECK_OK(checkEmptyAxes(shape));
    const std::size_t size = Tensor::byteSize(type, shape);
    try {
        if (size < kSmallestPooled)
            return Tensor::allocate(type, std::move(shape));
        QS_TRY(const Block block, take(sizeClass(size)));
        return Tensor::wrap(
            type, std::move(shape),
            std::shared_ptr<std::byte>(block.memory + block.shift, Return{shared_from_this(), block}));
    } catch (const std::bad_alloc &) {
        return fail(ErrorCode::OutOfMemory, fmt::format("no memory for a tensor of {} bytes", size));
    }
}

std::size_t BufferPool::usedBytes() const {
    const std::scoped_lock lock(m_mutex);
    return m_usedBytes;
}

bool BufferPool::isSoleOwner(const Tensor &tensor) {
    if (tensor.storage().use_count() != 1 || !std::get_deleter<Return>(tensor.storage()))
        return false;
    // Pairs with the release of whoever dropped the second-last reference on another thread.
    std::atomic_thread_fence(std::memory_order_acquire);
    return true;
}

Error BufferPool::exceeded(std::size_t size) const {
    return {
        ErrorCode::OutOfMemory,
        fmt::format("it needs {:.2f} GiB more while {:.2f} GiB hold other results; {:.2f} GiB may be used. "
                    "Give it smaller inputs, or fewer at once",
                    gibibytes(size), gibibytes(m_usedBytes), gibibytes(m_budget)),
        {}};
}

Result<BufferPool::Block> BufferPool::take(std::size_t size) {
    const std::scoped_lock lock(m_mutex);
    if (size > m_budget - std::min(m_budget, m_usedBytes))
        return fail(exceeded(size));
    std::optional<Block> block;
    if (const auto found = m_idle.find(size); found != m_idle.end() && !found->second.empty()) {
        block = found->second.back();
        found->second.pop_back();
        m_idleBytes -= size;
    } else {
        const std::size_t shift = size >= kSmallestShifted ? m_made++ * kShiftStep % kPage : 0;
        block = Block{static_cast<std::byte *>(::operator new(size + shift, kAlignment)), size, shift};
    }
    m_usedBytes += size;
    return *block;
}

void BufferPool::giveBack(const Block &block) {
    const std::scoped_lock lock(m_mutex);
    m_usedBytes -= block.size;
    if (m_idleBytes + block.size > kMostIdleBytes) {
        freeBlock(block.memory);
        return;
    }
    m_idle[block.size].push_back(block);
    m_idleBytes += block.size;
}

} // namespace qs
