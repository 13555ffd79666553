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
    std::size_t size;
    void operator()(std::byte *block) const { pool->giveBack(block, size); }
};

BufferPool::~BufferPool() {
    for (auto &[size, blocks] : m_idle)
        for (std::byte *block : blocks)
            freeBlock(block);
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
        const std::size_t rounded = sizeClass(size);
        return Tensor::wrap(type, std::move(shape),
                            std::shared_ptr<std::byte>(take(rounded), Return{shared_from_this(), rounded}));
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

std::byte *BufferPool::take(std::size_t size) {
    {
        const std::scoped_lock lock(m_mutex);
        const auto found = m_idle.find(size);
        if (found != m_idle.end() && !found->second.empty()) {
            std::byte *block = found->second.back();
            found->second.pop_back();
            m_idleBytes -= size;
            return block;
        }
    }
    return static_cast<std::byte *>(::operator new(size, kAlignment));
}

void BufferPool::giveBack(std::byte *block, std::size_t size) {
    const std::scoped_lock lock(m_mutex);
    if (m_idleBytes + size > kMostIdleBytes) {
        freeBlock(block);
        return;
    }
    m_idle[size].push_back(block);
    m_idleBytes += size;
}

} // namespace qs
