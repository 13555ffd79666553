#pragma once

#include "core/tensor/tensor.h"

#include <map>
#include <mutex>

namespace qs {

/// Memory for intermediate tensors. A block goes back to the pool when the last tensor that shares it dies,
/// so a second pass through a graph touches only pages that are already mapped. \thread safe; tensors may
/// outlive every other reference to the pool
class BufferPool : public std::enable_shared_from_this<BufferPool> {
public:
    static std::shared_ptr<BufferPool> create() { return std::shared_ptr<BufferPool>(new BufferPool); }
    ~BufferPool();
    BufferPool(const BufferPool &) = delete;
    BufferPool &operator=(const BufferPool &) = delete;

    /// Uninitialised, 64-byte aligned.
    /// \param limitBytes  largest tensor to allow; 0 = the memory of this machine
    /// \error OutOfMemory  the shape has too many elements or the system refuses
    /// \error Unsupported  the type has no fixed size
    Result<Tensor> allocate(DType type, Shape shape, std::size_t limitBytes = 0);

    /// Whether the tensor is the only owner of a block of a pool, so that nobody can see it overwritten.
    static bool isSoleOwner(const Tensor &tensor);

private:
    struct Return;
    /// Memory of a size class; a tensor starts `shift` bytes behind its beginning.
    struct Block {
        std::byte *memory;
        std::size_t size, shift;
    };
    BufferPool() = default;
    Block take(std::size_t size);
    void giveBack(const Block &block);

    std::mutex m_mutex;
    std::map<std::size_t, std::vector<Block>> m_idle; ///< by size class
    std::size_t m_idleBytes = 0;
    std::size_t m_made = 0; ///< blocks, whether they still exist or not
};

} // namespace qs
