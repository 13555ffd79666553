#include "core/exec/buffer_pool.h"

#include "core/base/machine_memory.h"

#include <atomic>
#include <bit>
#include <fmt/format.h>
#include <new>

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

std::size_t machineMemory() {
    static const std::size_t bytes = static_cast<std::size_t>(machineMemoryBytes());
    return bytes;
}

void freeBlock(std::byte *block) {
    ::operator delete(block, kAlignment);
}

} // namespace

struct BufferPool::Return {
    std::shared_ptr<BufferPool> pool;
    Block block;
    void operator()(std::byte *) const { pool->giveBack(block); }
};

BufferPool::~BufferPool() {
    for (auto &[size, blocks] : m_idle)
        for (const Block &block : blocks)
            freeBlock(block.memory);
}

Result<Tensor> BufferPool::allocate(DType type, Shape shape, std::size_t limitBytes) {
    if (dtypeBits(type) == 0)
        return fail(ErrorCode::Unsupported,
                    fmt::format("elements of type {} cannot be stored", dtypeName(type)));
    const std::size_t limit = limitBytes == 0 ? machineMemory() : std::min(limitBytes, machineMemory());
    const auto elements = shape.checkedNumel();
    const auto bits = static_cast<std::size_t>(dtypeBits(type));
    if (!elements || static_cast<std::size_t>(*elements) > limit / bits * 8)
        return fail(ErrorCode::OutOfMemory,
                    fmt::format("a tensor of shape {} does not fit into memory", shape.text()));
    const std::size_t size = Tensor::byteSize(type, shape);
    try {
        if (size < kSmallestPooled)
            return Tensor::allocate(type, std::move(shape));
        const Block block = take(sizeClass(size));
        return Tensor::wrap(
            type, std::move(shape),
            std::shared_ptr<std::byte>(block.memory + block.shift, Return{shared_from_this(), block}));
    } catch (const std::bad_alloc &) {
        return fail(ErrorCode::OutOfMemory, fmt::format("no memory for a tensor of {} bytes", size));
    }
}

bool BufferPool::isSoleOwner(const Tensor &tensor) {
    if (tensor.storage().use_count() != 1 || !std::get_deleter<Return>(tensor.storage()))
        return false;
    // Pairs with the release of whoever dropped the second-last reference on another thread.
    std::atomic_thread_fence(std::memory_order_acquire);
    return true;
}

BufferPool::Block BufferPool::take(std::size_t size) {
    std::size_t shift = 0;
    {
        const std::scoped_lock lock(m_mutex);
        const auto found = m_idle.find(size);
        if (found != m_idle.end() && !found->second.empty()) {
            const Block block = found->second.back();
            found->second.pop_back();
            m_idleBytes -= size;
            return block;
        }
        if (size >= kSmallestShifted)
            shift = m_made++ * kShiftStep % kPage;
    }
    return {static_cast<std::byte *>(::operator new(size + shift, kAlignment)), size, shift};
}

void BufferPool::giveBack(const Block &block) {
    const std::scoped_lock lock(m_mutex);
    if (m_idleBytes + block.size > kMostIdleBytes) {
        freeBlock(block.memory);
        return;
    }
    m_idle[block.size].push_back(block);
    m_idleBytes += block.size;
}

} // namespace qs
