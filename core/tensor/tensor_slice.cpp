#include "core/tensor/tensor_slice.h"

namespace qs {

Tensor sliceOf(const Tensor &tensor, std::int64_t first, std::int64_t count) {
    QS_CHECK(first >= 0 && count >= 0 && first + count <= tensor.numel(), "a slice lies inside its tensor");
    const std::size_t offset = Tensor::byteSize(tensor.dtype(), {first});
    return Tensor::wrap(tensor.dtype(), {count},
                        std::shared_ptr<std::byte>(tensor.storage(), tensor.storage().get() + offset));
}

} // namespace qs
