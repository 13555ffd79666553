#pragma once

#include "core/tensor/tensor.h"

#include <map>
#include <mutex>

namespace qs {

/// Kernels walk the other axes of a tensor without elements, which no memory limits.
/// \error InvalidArgument  these would take forever. CorruptFile  no size at all, see Shape::checkedNumel()
Status checkEmptyAxes(const Shape &shape);

/// Memory for intermediate tensors. A block goes back to the pool when the last tensor that shares it dies,
/// so a second pass through a graph touches only pages that are already mapped. \thread safe; tensors may
/// outlive every other reference to the pool
class BufferPool : public std::enable_shared_from_this<BufferPool> {
public:
    /// \param budgetBytes  what all its tensors in use may take together; 0 = 7/8 of this machine's memory
    static std::shared_ptr<BufferPool> create(std::size_t budgetBytes = 0);
    ~BufferPool();
    BufferPool(const BufferPool &) = delete;
    BufferPool &operator=(const BufferPool &) = delete;

    /// Uninitialised, 64-byte aligned.
    /// \param limitBytes  largest tensor to allow; 0 = the budget
    /// \error OutOfMemory  the shape has too many elements, or the budget is exceeded (tells both numbers)
    /// \error Unsupported  the type has no fixed size
    Result<Tensor> allocate(DType type, Shape shape, std::size_t limitBytes = 0);

    /// Bytes of the tensors in use; those below a page are not counted.
    std::size_t usedBytes() const;

    /// Whether the tensor is the only owner of a block of a pool, so that nobody can see it overwritten.
    static bool isSoleOwner(const Tensor &tensor);

private:
    struct Return;
    /// Memory of a size class; a tensor starts `shift` bytes behind its beginning.
    struct Block {
        std::byte *memory;
        std::size_t size, shift;
    };
    explicit BufferPool(std::size_t budgetBytes) : m_budget(budgetBytes) {}
    Result<Block> take(std::size_t size);
    void giveBack(const Block &block);
    Error exceeded(std::size_t size) const;

    const std::size_t m_budget;

    mutable std::mutex m_mutex;
    std::map<std::size_t, std::vector<Block>> m_idle; ///< by size class
    std::size_t m_idleBytes = 0, m_usedBytes = 0;
    std::size_t m_made = 0; ///< blocks, whether they still exist or not
};

} // namespace qs
